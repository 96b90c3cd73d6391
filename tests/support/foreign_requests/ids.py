"""Ids of calls and results as they are found in stored conversations.

nugget/thane-ai-agent#1396, lmstudio-ai/lmstudio-bug-tracker#830, ggml-org/llama.cpp#11992 (empty
ids); kosong's tests (64 characters of `[A-Za-z0-9_-]`); retries that store a result twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from .kinds import Json, calling, each, kind, results


def _renamed(request: Json, ids: Any) -> None:
    """Give the calls and their results new ids; `ids` is made for each place."""
    for place, (call, result) in enumerate(
        zip(calling(request)["tool_calls"], results(request), strict=True)
    ):
        new = ids(place)
        if new is _NONE:
            del call["id"], result["tool_call_id"]
        else:
            call["id"] = result["tool_call_id"] = new


_NONE = object()


def _ids(**makers: Callable[[int], Any]) -> dict[str, Any]:
    return {name.replace("_", " "): (lambda maker=maker: maker) for name, maker in makers.items()}


each(
    "ids",
    "runs",
    _ids(
        empty=lambda place: "",
        blank=lambda place: " ",
        null=lambda place: None,
        missing=lambda place: _NONE,
        numbers=lambda place: place,
        fractions=lambda place: place + 0.5,
        all_alike=lambda place: "call_1",
        long=lambda place: f"{place}-" + "x" * 90,
        long_and_alike_at_first=lambda place: "x" * 90 + str(place),
        odd_characters=lambda place: f"functions.look up|{place}#é",
    ),
    lambda request, maker: _renamed(request, maker),
)


@kind("ids", "ids: only the results have none")
def _results_without(rng: random.Random, request: Json) -> None:
    for result in results(request):
        rng.choice((result.pop, lambda key, r=result: r.update({key: None})))("tool_call_id")


@kind("ids", "ids: only the calls have none")
def _calls_without(rng: random.Random, request: Json) -> None:
    for call in calling(request)["tool_calls"]:
        call["id"] = rng.choice(("", None))


@kind("ids", "ids: none, in another order, with names")
def _by_name(rng: random.Random, request: Json) -> None:
    turn = calling(request)
    turn["tool_calls"] = [
        {"id": "", "type": "function", "function": {"name": name, "arguments": "{}"}}
        for name in ("look_up", "read_file")
    ]
    messages = request["messages"]
    messages[:] = [message for message in messages if message["role"] != "tool"]
    place = messages.index(turn) + 1
    messages[place:place] = [
        {"role": "tool", "name": name, "content": f"{name} says so"}
        for name in ("read_file", "look_up")
    ]


@kind("ids", "ids: a number here, its text there")
def _number_and_text(rng: random.Random, request: Json) -> None:
    _renamed(request, lambda place: place)
    for result in results(request):
        result["tool_call_id"] = str(result["tool_call_id"])


@kind("ids", "ids: the same in two turns")
def _again(rng: random.Random, request: Json) -> None:
    turn = calling(request)
    again = [{**call, "function": dict(call["function"])} for call in turn["tool_calls"]]
    request["messages"] += [
        {**turn, "tool_calls": again},
        *({**result, "content": "later"} for result in results(request)),
        {"role": "user", "content": "And then?"},
    ]


@kind("ids", "ids: a second result")
def _second(rng: random.Random, request: Json) -> None:
    last = results(request)[-1]
    place = request["messages"].index(last) + 1
    request["messages"].insert(place, {**last, "content": "another result"})


@kind("ids", "ids: a result too many, without an id")
def _second_without(rng: random.Random, request: Json) -> None:
    place = request["messages"].index(results(request)[-1]) + 1
    request["messages"].insert(place, {"role": "tool", "content": "another result"})


@kind("ids", "ids: a result without its call")
def _orphan(rng: random.Random, request: Json) -> None:
    orphan = {"role": "tool", "tool_call_id": "gone", "content": "the call was trimmed"}
    request["messages"].insert(rng.choice((0, len(request["messages"]) - 1)), orphan)


@kind("ids", "ids: a call without its result")
def _unanswered(rng: random.Random, request: Json) -> None:
    request["messages"].remove(rng.choice(results(request)))


@kind("ids", "ids: a result after a word of the user")
def _late(rng: random.Random, request: Json) -> None:
    place = request["messages"].index(results(request)[0])
    request["messages"].insert(place, {"role": "user", "content": "Go on."})
