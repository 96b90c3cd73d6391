// LangChain for JavaScript: tools, a stream, a structured answer.
import { ChatOpenAI } from "@langchain/openai";
import { z } from "zod";

const model = new ChatOpenAI({ model: "kimi-k3.1-pro", temperature: 0.2 });
const found = {};
const messages = [["human", "Call get_weather for Paris"]];
const withTools = model.bindTools([
  {
    type: "function",
    function: {
      name: "get_weather",
      description: "The weather of a city",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  },
]);
const answer = await withTools.invoke(messages);
found.calls = answer.tool_calls.map((call) => call.name);
messages.push(answer, { role: "tool", content: "sunny", tool_call_id: answer.tool_calls[0].id });
found.agent = (await withTools.invoke(messages)).content;

found.stream = "";
for await (const chunk of await model.stream("say: hello")) found.stream += chunk.content;

const structured = model.withStructuredOutput(z.object({ name: z.string(), age: z.number() }));
found.object = await structured.invoke('json: {"name": "Ada", "age": 36}');
console.log(JSON.stringify(found));
