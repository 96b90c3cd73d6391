"""LangChain's ChatOpenAI takes HTTP clients."""

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from llm_kimi.config.settings import base_url, find_key
from llm_kimi.openai import AsyncKimiHTTPClient, KimiHTTPClient

model = ChatOpenAI(
    model="kimi-k3.1-pro",
    api_key=find_key(),
    base_url=base_url(),
    http_client=KimiHTTPClient(),
    http_async_client=AsyncKimiHTTPClient(),
)


class Pet(BaseModel):
    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"It is sunny in {city}."


with_tools = model.bind_tools([get_weather])
question = HumanMessage('call: get_weather {"city": "Paris"}')
asked = with_tools.invoke([question])
results = [
    ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])
    for call in asked.tool_calls
]
print(with_tools.invoke([question, asked, *results]).content)

print(model.with_structured_output(Pet).invoke("Invent a pelican"))

for piece in model.stream("say: Hello from a stream"):
    print(piece.content, end="")
print()
