// OpenAI's client for Node.js, as programs use it that were written for OpenAI. What each part
// found is printed as one JSON object.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY
const found = {};

// A chat as the guide for migrating has it before the move, with what only OpenAI takes.
const chat = await client.chat.completions.create({
  model: "kimi-k3.1-pro",
  messages: [
    { role: "developer", content: "You are a helpful assistant." },
    { role: "user", content: "say: 1 + 1 is 2" },
  ],
  temperature: 0.3,
  n: 2,
});
found.chat = chat.choices.map((choice) => choice.message.content);
found.adjustments = chat.adjustments.map((item) => item.param);
found.requestId = chat._request_id;

// The same, streamed, with the usage at the end, as the guide reads it.
found.stream = "";
for await (const chunk of await client.chat.completions.create({
  model: "kimi-k3.1-pro",
  messages: [{ role: "user", content: "say: 1 + 1 is 2" }],
  temperature: 0.3,
  stream: true,
  stream_options: { include_usage: true },
})) {
  found.stream += chunk.choices[0]?.delta?.content ?? "";
  if (chunk.choices[0]?.usage) found.choiceUsage = chunk.choices[0].usage.total_tokens;
  if (chunk.usage) found.usage = chunk.usage.total_tokens;
}

// Tools that must be called, and the old functions.
const weather = {
  name: "get_weather",
  description: "The weather of a city",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const forced = await client.chat.completions.create({
  model: "kimi-k2.6",
  messages: [{ role: "user", content: "Paris" }],
  tools: [{ type: "function", function: weather }],
  tool_choice: "required",
});
found.forced = forced.choices[0].message.tool_calls[0].function.name;
const legacy = await client.chat.completions.create({
  model: "kimi-k3.1-pro",
  messages: [{ role: "user", content: "Paris" }],
  functions: [weather],
  function_call: { name: "get_weather" },
});
found.legacy = [legacy.choices[0].message.function_call.name, legacy.choices[0].finish_reason];

// A schema of zod's.
const Person = z.object({ name: z.string(), age: z.number().int().min(0) });
const parsed = await client.chat.completions.parse({
  model: "kimi-k3.1-pro",
  messages: [{ role: "user", content: 'json: {"name": "Ada", "age": 36}' }],
  response_format: zodResponseFormat(Person, "person"),
});
found.parsed = parsed.choices[0].message.parsed;

// The client's own loop over tools, streamed.
const asked = [];
const runner = client.chat.completions.runTools({
  model: "kimi-k3.1-pro",
  stream: true,
  messages: [{ role: "user", content: "Call get_weather for Paris" }],
  tools: [
    {
      type: "function",
      function: {
        ...weather,
        parse: JSON.parse,
        function: (given) => {
          asked.push(Object.keys(given));
          return "sunny";
        },
      },
    },
  ],
});
found.tools = await runner.finalContent();
found.asked = asked;

// Errors are OpenAI's.
try {
  await client.chat.completions.create({ model: "gpt-4o", messages: [] });
} catch (error) {
  found.error = [error.constructor.name, error.status, error.param, error.type];
}
try {
  await client.embeddings.create({ model: "text-embedding-3-small", input: "hi" });
} catch (error) {
  found.missing = [error.constructor.name, error.status];
}

found.models = (await client.models.list()).data.map((model) => model.id);
const file = await client.files.create({
  file: new File(["Hello"], "note.txt"),
  purpose: "assistants",
});
found.file = [file.filename, (await client.files.list()).data.length];
await client.files.delete(file.id);
console.log(JSON.stringify(found));
