import OpenAI from "openai";

const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY

const stream = await client.chat.completions.create({
  model: "kimi-k3.1-pro",
  messages: [
    { role: "developer", content: "Answer in one line." },
    { role: "user", content: "Ten names for a pet pelican" },
  ],
  temperature: 0.2,
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}
console.log();
