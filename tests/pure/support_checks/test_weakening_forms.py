"""The checker reads other APIs' forms: what is lost of them is seen, on the two bodies alone."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from llm_kimi import translate
from tests.support.weakening import silent

Json = dict[str, Any]
USER = {"role": "user", "content": "Hi"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ITEMS = [
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a": 1}'},
    {"type": "function_call_output", "call_id": "c", "output": "18"},
]
CLAUDE = [
    {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        ],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "18"}]},
]
ORPHAN = [{"role": "tool", "tool_call_id": "gone", "name": "f", "content": "18"}]
GEMINI = {"functionDeclarations": [{"name": "f", "parameters": SCHEMA}]}


def asked(*messages: Json, **more: Any) -> Json:
    return {"model": "kimi-k2.6", "messages": [USER, *messages, USER], **more}


def cut(place: int, *path: Any) -> Callable[[Json], None]:
    def change(body: Json) -> None:
        target: Any = body["messages"][place]
        for step in path[:-1]:
            target = target[step]
        del target[path[-1]]

    return change


def put(place: int, key: str, value: Any) -> Callable[[Json], None]:
    return lambda body: body["messages"][place].update({key: value})


def drop(*fields: str) -> Callable[[Json], None]:
    def change(body: Json) -> None:
        for field in fields:
            del body[field]

    return change


@pytest.mark.parametrize(
    ("request_", "weaken"),
    [
        pytest.param(asked(*ITEMS), put(2, "content", "19"), id="output of an item"),
        pytest.param(asked(*ITEMS), cut(1, "reasoning_content"), id="reasoning item"),
        pytest.param(asked(*ITEMS), lambda body: body["messages"].pop(1), id="call item"),
        pytest.param(
            asked(*ITEMS),
            lambda body: body["messages"][1]["tool_calls"][0]["function"].update(arguments="{}"),
            id="arguments of an item",
        ),
        pytest.param(asked(*CLAUDE), put(1, "content", "Let"), id="text beside a call"),
        pytest.param(asked(*CLAUDE), put(2, "content", "19"), id="Claude's result"),
        pytest.param(asked(*CLAUDE), cut(1, "tool_calls"), id="Claude's call"),
        pytest.param(asked(*ORPHAN), put(2, "content", "19"), id="result without a call"),
        pytest.param(
            asked(*ORPHAN), lambda body: body["messages"].__delitem__(slice(1, 3)), id="lost result"
        ),
        pytest.param(asked(system="Be brief."), put(0, "content", "Be"), id="system"),
        pytest.param(asked(system="Be brief."), lambda b: b["messages"].pop(0), id="no system"),
        pytest.param(asked(tools=[GEMINI]), drop("tools"), id="Gemini's tool"),
        pytest.param(asked(guided_json=SCHEMA), drop("response_format"), id="guided_json"),
        pytest.param(asked(n_predict=9), drop("max_completion_tokens"), id="n_predict"),
        pytest.param(
            asked(extra_body={"max_tokens": 9}), drop("max_completion_tokens"), id="extra_body"
        ),
        pytest.param(asked(think=False), drop("thinking"), id="think"),
    ],
)
def test_a_loss_in_another_form_is_seen(request_: Json, weaken: Callable[[Json], None]) -> None:
    good = translate(request_)
    assert silent(request_, good) == []
    body = copy.deepcopy(good.body)
    weaken(body)
    thinking = good.thinking if "thinking" in body else good.model.thinking.default_on
    assert silent(request_, replace(good, body=body, thinking=thinking)) != []


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(asked(*ITEMS), id="items"),
        pytest.param(asked(*CLAUDE), id="Claude"),
        pytest.param(asked(*ORPHAN), id="result without a call"),
        pytest.param(asked(tools=[GEMINI]), id="Gemini"),
        pytest.param(asked(system="Be brief."), id="system"),
        pytest.param(asked(guided_json=SCHEMA), id="guided_json"),
        pytest.param(asked(extra_body={"enable_thinking": False}), id="extra_body"),
        pytest.param(asked(thinking_budget=99), id="thinking_budget"),
    ],
)
def test_another_form_that_is_not_told_is_seen(request_: Json) -> None:
    assert silent(request_, replace(translate(request_), adjustments=())) != []
