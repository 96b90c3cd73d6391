"""openai-agents takes an OpenAI client for each model."""

import asyncio

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from pydantic import BaseModel

from llm_kimi.openai import AsyncKimi

set_tracing_disabled(True)  # traces would go to OpenAI
model = OpenAIChatCompletionsModel("kimi-k3.1-pro", openai_client=AsyncKimi())


class Pet(BaseModel):
    name: str
    age: int


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"It is sunny in {city}."


async def main() -> None:
    helper = Agent(name="Helper", model=model, tools=[get_weather])
    print((await Runner.run(helper, 'call: get_weather {"city": "Paris"}')).final_output)
    maker = Agent(name="Maker", model=model, output_type=Pet)
    print((await Runner.run(maker, "Invent a pelican")).final_output)
    streamed = Runner.run_streamed(helper, "say: Hello from a stream")
    async for event in streamed.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            print(event.data.delta, end="")
    print()


asyncio.run(main())
