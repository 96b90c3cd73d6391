import { ChatOpenAI } from "@langchain/openai";
import { z } from "zod";

const model = new ChatOpenAI({ model: "kimi-k3.1-pro" });

const Pet = z.object({ name: z.string(), age: z.number() });
console.log(await model.withStructuredOutput(Pet).invoke("Invent a pelican"));

for await (const chunk of await model.stream("Two lines about pelicans")) {
  process.stdout.write(chunk.content);
}
console.log();
