"""smolagents' OpenAIModel has an OpenAI client, which can be replaced."""

from smolagents import CodeAgent, OpenAIModel, ToolCallingAgent, tool

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

# One round of tools, whose results go back for an answer.
agent = ToolCallingAgent(tools=[get_weather], model=model, max_steps=1, verbosity_level=0)
answer = agent.run('call: get_weather {"city": "Paris"}\nsay: Take a hat.')
print(agent.memory.steps[1].observations, answer)

# Answers of a schema of smolagents' own: a thought, and the code that is run.
coder = CodeAgent(
    tools=[get_weather],
    model=model,
    max_steps=3,
    verbosity_level=0,
    use_structured_outputs_internally=True,
)
print(coder.run("""json: {"thought": "Ask.", "code": "final_answer(get_weather('Rome'))"}"""))
