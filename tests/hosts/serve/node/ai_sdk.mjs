// An agent of the AI SDK: tools in a loop, a stream, an object.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const kimi = createOpenAICompatible({
  name: "kimi",
  baseURL: process.env.OPENAI_BASE_URL,
  apiKey: process.env.OPENAI_API_KEY,
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const model = kimi("kimi-k3.1-pro");
const found = {};

const asked = [];
const agent = await generateText({
  model,
  temperature: 0.2,
  prompt: "Call get_weather for Paris",
  tools: {
    get_weather: tool({
      description: "The weather of a city",
      inputSchema: z.object({ city: z.string() }),
      execute: async (given) => {
        asked.push(Object.keys(given));
        return { weather: "sunny" };
      },
    }),
  },
  stopWhen: stepCountIs(3),
});
found.agent = agent.text;
found.asked = asked;
found.steps = agent.steps.length;
found.reasoning = agent.steps[0].reasoningText;

const stream = streamText({ model, prompt: "say: hello" });
found.stream = "";
for await (const piece of stream.textStream) found.stream += piece;
found.usage = (await stream.usage).totalTokens;

const { output } = await generateText({
  model,
  output: Output.object({ schema: z.object({ name: z.string(), age: z.number() }) }),
  prompt: 'json: {"name": "Ada", "age": 36}',
});
found.object = output;
console.log(JSON.stringify(found));
