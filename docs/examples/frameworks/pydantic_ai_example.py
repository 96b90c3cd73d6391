"""pydantic-ai takes an OpenAI client."""

import asyncio

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from llm_kimi.openai import AsyncKimi

model = OpenAIChatModel("kimi-k3.1-pro", provider=OpenAIProvider(openai_client=AsyncKimi()))


class Pet(BaseModel):
    name: str
    age: int


agent = Agent(model)


@agent.tool_plain
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"It is sunny in {city}."


async def main() -> None:
    print((await agent.run('call: get_weather {"city": "Paris"}')).output)
    print((await Agent(model, output_type=Pet).run("Invent a pelican")).output)
    async with agent.run_stream("say: Hello from a stream") as streamed:
        async for text in streamed.stream_text(delta=True):
            print(text, end="")
    print()


asyncio.run(main())
