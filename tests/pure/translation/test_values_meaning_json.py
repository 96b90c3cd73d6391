"""Objects that mean JSON: of pydantic, enum, dataclasses and others."""

from __future__ import annotations

import collections
import dataclasses
import gc
import types
from typing import Any

import pytest
from openai.types.chat import ChatCompletionMessage, ChatCompletionMessageFunctionToolCall

from llm_kimi import translate
from llm_kimi.translation import Adjustment
from llm_kimi.translation.values import json_values
from tests.support.odd_requests import (
    HALF,
    NAN,
    USER,
    Count,
    Data,
    Effort,
    Function,
    Model,
    Odd,
    Old,
    Pair,
    Role,
    Text,
    plain,
    refused,
    tool,
)


@pytest.mark.parametrize(
    "message",
    [
        types.MappingProxyType(USER),
        collections.OrderedDict(USER),
        collections.UserDict(USER),
        collections.ChainMap(USER),
        types.SimpleNamespace(**USER),
        Pair(**USER),
        Data(**USER),
        Model(**USER),
        Old(),
        {"role": Role.USER, "content": Text("Hi")},
        {Text("role"): "user", "content": [{"type": "text", "text": "Hi"}][0]["text"]},
        Data("user", ({"type": "text", "text": "Hi"},)),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_may_be_any_object_that_means_one(message: Any) -> None:
    sent = translate(plain(messages=(message,))).body["messages"]
    assert sent in ([USER], [{**USER, "content": [{"type": "text", "text": "Hi"}]}])
    assert type(sent[0]) is dict
    assert all(type(key) is str for key in sent[0])
    assert type(sent[0]["role"]) is str


def test_what_the_migration_guide_appends_is_understood_and_quiet() -> None:
    """`messages.append(choice.message)`:
    https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi"""
    call = ChatCompletionMessageFunctionToolCall.model_validate(
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    )
    message = ChatCompletionMessage.model_validate(
        {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "annotations": [],
            "reasoning_content": "hm",
            "tool_calls": [call],
        }
    )
    result = {"role": "tool", "tool_call_id": call.id, "content": "ok"}
    for turn in (message, {**message.model_dump(), "tool_calls": [call]}):
        translation = translate(plain(messages=[USER, turn, result]))
        assert translation.body["messages"][1] == {
            "role": "assistant",
            "reasoning_content": "hm",
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        }
        assert translation.adjustments == ()


def test_a_whole_request_may_be_made_of_objects() -> None:
    function = Function(name="f", parameters={"type": "object"})
    request = collections.UserDict(
        model=Text("kimi-k3.1-pro"),
        messages=collections.deque([Data("user", "Hi")]),
        tools=({"type": "function", "function": function},),
        reasoning_effort=Effort.LOW,
        max_completion_tokens=Count.FEW,
        stop={"b", "a"},
    )
    body = translate(request).body
    assert body["messages"] == [USER]
    assert body["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert (body["reasoning_effort"], body["stop"]) == ("low", ["a", "b"])
    assert type(body["max_completion_tokens"]) is int


@pytest.mark.parametrize("request_", [None, 5, "x", [], [USER], b"x", Odd(), Odd, {1: 2}])
def test_what_is_no_request_is_an_error(request_: Any) -> None:
    assert refused(request_).param == "request"


def test_what_is_plain_is_not_copied() -> None:
    """Requests hold megabytes of base64."""
    url = "data:image/png;base64," + "A" * 100
    request = plain(
        messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]
    )
    values, adjustments, foreign = json_values(request)
    assert values is request
    assert (adjustments, foreign) == ([], False)
    odd = {**request, "metadata": {"x": NAN}}
    values, _, foreign = json_values(odd)
    assert foreign
    assert values["messages"] is request["messages"]


def test_the_result_is_the_same_for_the_same_request() -> None:
    request = plain(metadata={"x": NAN, "y": Odd()}, tools=[tool(description=HALF)])
    assert translate(request) == translate(request)


def test_nothing_of_the_callers_is_kept_or_changed() -> None:
    message = Data("user", "Hi")
    before = dataclasses.asdict(message)
    translate(plain(messages=[message], metadata={"x": message}))
    assert dataclasses.asdict(message) == before
    assert not [item for item in gc.get_referrers(message) if isinstance(item, Adjustment)]
