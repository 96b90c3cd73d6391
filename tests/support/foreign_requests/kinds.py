"""What a kind of foreign request is, and the plain request that kinds are made from.

A kind changes a request in one way that some client, gateway or tool server is known to produce.
Its `right` answer is one of three: the request `runs`, it is `refused` before it is sent, or it is
`open`: both are right, as long as nothing is lost without a word.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
Right = Literal["runs", "refused", "open"]
Change = Callable[[random.Random, Json], None]

KINDS: list[Kind] = []


@dataclass(frozen=True)
class Kind:
    """`change` alters a fresh request in place; two kinds of one `topic` are never combined."""

    name: str
    topic: str
    right: Right
    change: Change


def kind(topic: str, name: str, right: Right = "runs") -> Callable[[Change], Change]:
    """Register a function that makes a request one of this kind."""

    def register(change: Change) -> Change:
        KINDS.append(Kind(name, topic, right, change))
        return change

    return register


def each(
    topic: str, right: Right, values: dict[str, Any], change: Callable[[Json, Any], None]
) -> None:
    """Register one kind for each value: name -> what `change` puts into the request."""

    def bound(value: Any) -> Change:
        return lambda rng, request: change(request, value() if callable(value) else value)

    for name, value in values.items():
        KINDS.append(Kind(f"{topic}: {name}", topic, right, bound(value)))


def function(name: str = "look_up", **properties: Any) -> Json:
    """A tool with one schema, made anew each time."""
    parameters = {"type": "object", "properties": properties or {"q": {"type": "string"}}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def plain_request(rng: random.Random, model: str) -> Json:
    """A question, a turn with calls and their results, sometimes an answer, a question."""
    count = rng.choice((1, 1, 1, 2, 3))
    names = rng.choices(("look_up", "read_file"), k=count)
    ids = [rng.choice((f"call_{n}{rng.randrange(10**6)}", f"{names[n]}:{n}")) for n in range(count)]
    calls = [
        {"id": id_, "type": "function", "function": {"name": name, "arguments": f'{{"q": {n}}}'}}
        for n, (id_, name) in enumerate(zip(ids, names, strict=True))
    ]
    messages: list[Json] = [{"role": "user", "content": "What is the weather in Oslo?"}]
    if rng.random() < 0.4:
        messages.insert(0, {"role": "system", "content": "Answer in one sentence."})
    turn: Json = {"role": "assistant", "content": rng.choice(("", None, "Let me look."))}
    if rng.random() < 0.5:
        turn["reasoning_content"] = "They want the weather."
    messages.append({**turn, "tool_calls": calls})
    messages += [
        {"role": "tool", "tool_call_id": id_, "content": f"result {n}"} for n, id_ in enumerate(ids)
    ]
    if rng.random() < 0.4:
        messages.append({"role": "assistant", "content": "It rains."})
    messages.append({"role": "user", "content": "And tomorrow?"})
    tools = [function("look_up"), function("read_file", path={"type": "string"})]
    return {"model": model, "messages": messages, "tools": tools}


def calling(request: Json) -> Json:
    """The turn that calls tools."""
    return next(message for message in request["messages"] if message.get("tool_calls"))


def results(request: Json) -> list[Json]:
    return [message for message in request["messages"] if message["role"] == "tool"]
