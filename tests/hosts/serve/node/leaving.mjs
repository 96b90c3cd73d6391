// The three ways in which a program of Node.js stops to listen; each ends the request.
import OpenAI from "openai";

const client = new OpenAI();
const request = {
  model: "kimi-k3.1-pro",
  messages: [{ role: "user", content: "hi" }],
  stream: true,
};
const way = process.argv[2];
if (way === "break") {
  for await (const chunk of await client.chat.completions.create(request)) break;
} else if (way === "abort") {
  const controller = new AbortController();
  const stream = await client.chat.completions.create(request, { signal: controller.signal });
  for await (const chunk of stream) controller.abort();
} else if (way === "whole") {
  const signal = AbortSignal.timeout(500);
  await client.chat.completions
    .create({ ...request, stream: false }, { signal, maxRetries: 0 })
    .catch(() => {});
}
console.log("left");
// The process goes on, so that its end is not what closes the connection.
await new Promise((resolve) => process.stdin.once("data", resolve));
process.exit(0);
