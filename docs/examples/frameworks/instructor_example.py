"""instructor takes an OpenAI client."""

import instructor
from pydantic import BaseModel

from llm_kimi.openai import Kimi

client = instructor.from_openai(Kimi())


class Pet(BaseModel):
    name: str
    age: int


question = [{"role": "user", "content": "Invent a pelican"}]
print(client.create(model="kimi-k3.1-pro", messages=question, response_model=Pet))
for pet in client.create_partial(model="kimi-k3.1-pro", messages=question, response_model=Pet):
    last = pet
print(last)
