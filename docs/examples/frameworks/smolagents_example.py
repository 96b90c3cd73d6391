"""smolagents' OpenAIModel has an OpenAI client, which can be replaced."""

from smolagents import OpenAIModel, ToolCallingAgent, tool

from llm_kimi.openai import Kimi

model = OpenAIModel("kimi-k3.1-pro", api_key="not used")
model.client = Kimi()


@tool
def get_weather(city: str) -> str:
    """The weather in a city.

    Args:
        city: its name
    """
    return f"It is sunny in {city}."


for delta in model.generate_stream([{"role": "user", "content": "say: Hello from a stream"}]):
    print(delta.content or "", end="")
print()
agent = ToolCallingAgent(tools=[get_weather], model=model, max_steps=3, verbosity_level=0)
print(agent.run('call: final_answer {"answer": "It is sunny."}'))
