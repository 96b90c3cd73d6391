"""Conversations with calls and results, as the tests of histories write them."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi import InvalidRequestError, Translation, translate
from llm_kimi.catalog import Model
from tests.support.judging import judged

Json = dict[str, Any]
USER = {"role": "user", "content": "Hi"}
K3, K26 = "kimi-k3.1-pro", "kimi-k2.6"


BLOCK = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}


def call(call_id: Any = "a", name: str = "f", arguments: Any = "{}") -> Json:
    function = {"name": name, "arguments": arguments}
    made = {"id": call_id, "type": "function", "function": function}
    return made if call_id is not ... else {k: v for k, v in made.items() if k != "id"}


def calling(*calls: Any, **more: Any) -> Json:
    return {"role": "assistant", "tool_calls": list(calls), "reasoning_content": "hm", **more}


def result(call_id: Any = "a", content: Any = "ok", **more: Any) -> Json:
    made = {"role": "tool", "tool_call_id": call_id, "content": content, **more}
    return made if call_id is not ... else {k: v for k, v in made.items() if k != "tool_call_id"}


def run(*talk: Any, model: Model | str = K3, **more: Any) -> Translation:
    """What is sent, which Kimi takes, can be written, and stays as it is."""
    name = model if isinstance(model, str) else model.id
    return judged({"model": name, "messages": list(talk), **more})


def sent(translation: Translation) -> list[Json]:
    messages: list[Json] = translation.body["messages"]
    return messages


def params(translation: Translation) -> set[str]:
    return {item.param for item in translation.adjustments}


def changed(translation: Translation) -> set[str]:
    return {item.param for item in translation.changes_of_meaning}


def refused(*talk: Any, **more: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        translate({"model": K3, "messages": list(talk), **more})
    return caught.value


def pairs(translation: Translation) -> list[list[tuple[str, Any]]]:
    """For each turn with calls: the functions' names and the results right behind them."""
    messages = sent(translation)
    found = []
    for place, message in enumerate(messages):
        calls = message.get("tool_calls")
        if not calls:
            continue
        ids = [item["id"] for item in calls]
        assert len(set(ids)) == len(ids)
        behind = {}
        for other in messages[place + 1 : place + 1 + len(calls)]:
            assert other["role"] == "tool"
            behind[other["tool_call_id"]] = other["content"]
        assert behind.keys() == set(ids)
        found.append([(item["function"]["name"], behind[item["id"]]) for item in calls])
    return found
