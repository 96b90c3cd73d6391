"""Histories that real clients sent and that went wrong, with their siblings.

Every section begins with the request as it was met, and its source; the siblings are other
instances of the same kind.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm_kimi import Translation
from tests.support.field_cases import (
    K26,
    K31,
    NEXT,
    THINKERS,
    USER,
    call,
    is_told,
    result,
    run,
    talk,
    turn,
)

Json = dict[str, Any]


# -- reasoning that is the empty text --------------------------------------------------------------
# theopenco/llmgateway#2093, earendil-works/pi#4178 and #4179, looplj/axonhub#686

EMPTY_REASONING: dict[str, Json] = {
    "as it was met": {"reasoning_content": ""},
    "null": {"reasoning_content": None},
    "another name": {"reasoning": ""},
    "blocks": {"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "s"}]},
    "details": {"reasoning_details": [{"type": "reasoning.text", "text": ""}]},
    "provider's fields": {"provider_specific_fields": {"reasoning_content": ""}},
    "in every place": {"reasoning_content": "", "reasoning": "", "thinking_blocks": []},
}


@pytest.mark.parametrize("model", THINKERS)
@pytest.mark.parametrize("place", EMPTY_REASONING.values(), ids=[*EMPTY_REASONING])
def test_empty_reasoning_beside_calls_counts_as_missing(place: Json, model: str) -> None:
    translation = run(talk(USER, turn(**place), result(), NEXT, model=model))
    assert translation.body["messages"][1]["reasoning_content"] == " "
    assert is_told(translation, "messages[1]", "messages[]")


def test_empty_reasoning_is_no_matter_without_thinking() -> None:
    request = talk(USER, turn(reasoning_content=""), result(), model=K26, enable_thinking=False)
    assert run(request).body["messages"][1].get("reasoning_content") in (None, "")


# -- arguments in history that are no JSON object --------------------------------------------------
# MoonshotAI/kimi-cli#1378, #1171, #2165

REPAIRED = {
    "as it was met": ('{"m": "line one\nline two"}', {"m": "line one\nline two"}),
    "tab": ('{"m": "a\tb"}', {"m": "a\tb"}),
    "other control characters": ('{"m": "\x00\x1f"}', {"m": "\x00\x1f"}),
    "in a key": ('{"a\nb": 1}', {"a\nb": 1}),
    "empty": ("", {}),
    "an object": ({"a": [1]}, {"a": [1]}),
}
WRAPPED = {
    "as it was met": '{"m": "cut',
    "blank and cut": ' {"a":',
    "two objects": '{"a":1}{"a":2}',
    "list": "[1, 2]",
    "words": "city=Paris",
}


def sent_arguments(arguments: Any) -> tuple[Json, Translation]:
    history = turn(call(arguments=arguments), reasoning_content="r")
    translation = run(talk(USER, history, result(), NEXT, model=K26))
    text = translation.body["messages"][1]["tool_calls"][0]["function"]["arguments"]
    value = json.loads(text)
    assert isinstance(value, dict)
    return value, translation


@pytest.mark.parametrize(("given", "meant"), REPAIRED.values(), ids=[*REPAIRED])
def test_arguments_that_can_be_read_are_repaired(given: Any, meant: Json) -> None:
    value, translation = sent_arguments(given)
    assert value == meant
    assert is_told(translation, "messages[1].tool_calls", "messages[].tool_calls")


@pytest.mark.parametrize("given", WRAPPED.values(), ids=[*WRAPPED])
def test_arguments_that_cannot_be_read_are_wrapped(given: str) -> None:
    value, translation = sent_arguments(given)
    assert given in value.values() or ([1, 2] in value.values() and given == "[1, 2]")
    assert is_told(translation, "messages[1].tool_calls", "messages[].tool_calls")


@pytest.mark.parametrize("given", ["null", " ", "\n"])
def test_arguments_that_say_nothing_are_an_object(given: str) -> None:
    value, translation = sent_arguments(given)
    assert value == {} or given in value.values()
    assert is_told(translation, "messages[1].tool_calls", "messages[].tool_calls")


# -- ids that are empty ----------------------------------------------------------------------------
# nugget/thane-ai-agent#1396, lmstudio-ai/lmstudio-bug-tracker#830, ggml-org/llama.cpp#11992

NO_ID = object()


def with_id(message: Json, key: str, id: Any) -> Json:
    return {k: v for k, v in message.items() if k != key} if id is NO_ID else {**message, key: id}


@pytest.mark.parametrize("model", [K31, K26])
@pytest.mark.parametrize(
    ("of_call", "of_result"),
    [
        pytest.param("", "", id="as it was met"),
        pytest.param(None, None, id="null"),
        pytest.param(NO_ID, NO_ID, id="missing"),
        pytest.param("", NO_ID, id="empty and missing"),
        pytest.param("c1", "", id="only the result's"),
        pytest.param("", "c1", id="only the call's"),
        pytest.param(3, 3, id="numbers"),
        pytest.param(3, "3", id="a number and its text"),
        pytest.param("x" * 100, "x" * 100, id="long"),
    ],
)
def test_a_result_answers_its_call_whatever_the_id(
    of_call: Any, of_result: Any, model: str
) -> None:
    asks = turn(with_id(call(), "id", of_call), reasoning_content="r")
    tells = with_id(result(content="18 degrees"), "tool_call_id", of_result)
    messages = run(talk(USER, asks, tells, NEXT, model=model)).body["messages"]
    (sent,) = [message for message in messages if message["role"] == "tool"]
    assert sent["content"] == "18 degrees"
    assert sent["tool_call_id"] == messages[1]["tool_calls"][0]["id"] != ""
    assert len(messages) == 4


@pytest.mark.parametrize(
    ("ids", "results"),
    [
        pytest.param(("", ""), [("", "of f"), ("", "of g")], id="in order"),
        pytest.param(("a", "a"), [("a", "of f"), ("a", "of g")], id="alike"),
        pytest.param(("b", ""), [("", "of g"), ("b", "of f")], id="one of them"),
        pytest.param((0, 1), [(1, "of g"), (0, "of f")], id="numbers"),
    ],
)
def test_several_results_answer_their_calls_in_order(
    ids: tuple[Any, Any], results: list[tuple[Any, str]]
) -> None:
    asks = turn(call(ids[0]), call(ids[1], name="g"), reasoning_content="r")
    messages = run(talk(USER, asks, *(result(*each) for each in results), NEXT)).body["messages"]
    told = {m["tool_call_id"]: m["content"] for m in messages if m["role"] == "tool"}
    assert [told[c["id"]] for c in messages[1]["tool_calls"]] == ["of f", "of g"]


def test_results_without_ids_go_by_their_names() -> None:
    asks = turn(call(None), call(None, name="g"), reasoning_content="r")
    answers = (result(None, "of g", name="g"), result(None, "of f", name="f"))
    messages = run(talk(USER, asks, *answers, NEXT)).body["messages"]
    told = {m["tool_call_id"]: m["content"] for m in messages if m["role"] == "tool"}
    assert [told[c["id"]] for c in messages[1]["tool_calls"]] == ["of f", "of g"]


# -- a second result for one call ------------------------------------------------------------------


@pytest.mark.parametrize("more", [["b"], ["a"], ["b", "c"]], ids=["as it was met", "same", "two"])
def test_a_second_result_is_not_said_to_have_no_call(more: list[str]) -> None:
    results = [result(content=text) for text in ("a", *more)]
    translation = run(talk(USER, turn(reasoning_content="r"), *results, NEXT))
    sent = [m["content"] for m in translation.body["messages"] if m["role"] == "tool"]
    assert len(sent) == 1
    reasons = [
        item.reason
        for item in translation.adjustments
        if item.param.startswith(("messages[3]", "messages[4]", "messages[]"))
    ]
    assert reasons
    assert not any("not in the conversation" in reason for reason in reasons)


# -- reasoning in other places ---------------------------------------------------------------------
# Kilo-Org/kilocode#5597, Gitlawb/openclaude#828, openclaw/openclaw#71404

_TEXT = {"type": "reasoning.text", "text": "the thought", "format": "unknown", "index": 0}
_PART = {"type": "thinking", "thinking": "the thought", "signature": "s"}
_OK = {"type": "text", "text": "ok"}
ELSEWHERE: dict[str, Json] = {
    "details, as they were met": {"reasoning_details": [_TEXT]},
    "a summary": {"reasoning_details": [{"type": "reasoning.summary", "summary": "the thought"}]},
    "encrypted and open": {
        "reasoning_details": [{"type": "reasoning.encrypted", "data": "ZW5j"}, _TEXT]
    },
    "blocks": {"thinking_blocks": [_PART]},
    "redacted and open": {
        "thinking_blocks": [{"type": "redacted_thinking", "data": "ZW5j"}, _PART]
    },
    "provider's fields": {"provider_specific_fields": {"reasoning_content": "the thought"}},
    "behind an empty one": {"reasoning_content": "", "reasoning": "the thought"},
    "parts, as they were met": {"content": [_PART, _OK]},
    "a part alone": {"content": [_PART]},
    "a part of another type": {"content": [{"type": "reasoning", "text": "the thought"}, _OK]},
    "a redacted part and another": {
        "content": [{"type": "redacted_thinking", "data": "ZW5j"}, _PART, _OK]
    },
}


@pytest.mark.parametrize("model", THINKERS)
@pytest.mark.parametrize("place", ELSEWHERE.values(), ids=[*ELSEWHERE])
def test_reasoning_is_taken_from_where_it_stands(place: Json, model: str) -> None:
    translation = run(talk(USER, turn(**place), result(), model=model))
    sent = translation.body["messages"][1]
    assert sent["reasoning_content"] == "the thought"
    assert sent.get("content") in (None, "", "ok", [_OK])
    assert is_told(translation, "messages[1]", "messages[]")


@pytest.mark.parametrize(
    "place",
    [
        {"content": [{"type": "redacted_thinking", "data": "ZW5j"}, _OK]},
        {"thinking_blocks": [{"type": "redacted_thinking", "data": "ZW5j"}]},
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "ZW5j"}]},
    ],
)
def test_reasoning_that_nobody_can_read_is_left_out_and_filled(place: Json) -> None:
    translation = run(talk(USER, turn(**place), result()))
    assert translation.body["messages"][1]["reasoning_content"] == " "
    assert "ZW5j" not in json.dumps(translation.body)
