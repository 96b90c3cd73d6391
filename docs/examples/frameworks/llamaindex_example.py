"""LlamaIndex's OpenAILike takes HTTP clients."""

import asyncio

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel

from llm_kimi.config.settings import base_url, find_key
from llm_kimi.openai import AsyncKimiHTTPClient, KimiHTTPClient

model = OpenAILike(
    model="kimi-k3.1-pro",
    api_key=find_key(),
    api_base=base_url(),
    is_chat_model=True,
    is_function_calling_model=True,
    http_client=KimiHTTPClient(),
    async_http_client=AsyncKimiHTTPClient(),
)


class Pet(BaseModel):
    name: str
    age: int


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"It is sunny in {city}."


async def tools() -> None:
    agent = FunctionAgent(tools=[get_weather], llm=model)
    print(await agent.run('call: get_weather {"city": "Paris"}'))


print(model.chat([ChatMessage(role="user", content="say: Hello")]).message.content)
asyncio.run(tools())
question = [ChatMessage(role="user", content="Invent a pelican")]
print(repr(model.as_structured_llm(Pet).chat(question).raw))
for piece in model.stream_chat([ChatMessage(role="user", content="say: Hello from a stream")]):
    print(piece.delta, end="")
print()
