import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, stepCountIs, tool } from "ai";
import { z } from "zod";

const kimi = createOpenAICompatible({
  name: "kimi",
  baseURL: process.env.OPENAI_BASE_URL,
  apiKey: process.env.OPENAI_API_KEY,
  includeUsage: true,
  supportsStructuredOutputs: true,
});

const { text } = await generateText({
  model: kimi("kimi-k3.1-pro"),
  prompt: "Call get_weather for Paris",
  tools: {
    get_weather: tool({
      description: "The weather of a city",
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => ({ city, weather: "sunny" }),
    }),
  },
  stopWhen: stepCountIs(5),
});
console.log(text);
