"""instructor takes an OpenAI client."""

from collections.abc import Iterable

import instructor
from pydantic import BaseModel

from llm_kimi.openai import Kimi

client = instructor.from_openai(Kimi())


class Pet(BaseModel):
    name: str
    age: int


class GetWeather(BaseModel):
    """The weather in a city."""

    city: str


def ask(text: str) -> dict:
    return {"model": "kimi-k3.1-pro", "messages": [{"role": "user", "content": text}]}


# One object; one that fills as it comes; several, each as soon as it is whole.
print(client.create(response_model=Pet, **ask("Invent a pelican")))
for pet in client.create_partial(response_model=Pet, **ask("Invent a gull")):
    last = pet
print(last)
two = 'call: IterablePet {"tasks": [{"name": "Ada", "age": 3}, {"name": "Bob", "age": 5}]}'
for pet in client.create_iterable(response_model=Pet, **ask(two)):
    print(pet)

# Tools: instructor reads the calls, the program runs them.
caller = instructor.from_openai(Kimi(), mode=instructor.Mode.PARALLEL_TOOLS)
calls = 'call: GetWeather {"city": "Paris"}\ncall: GetWeather {"city": "Rome"}'
for call in caller.create(response_model=Iterable[GetWeather], **ask(calls)):
    print(f"It is sunny in {call.city}.")
