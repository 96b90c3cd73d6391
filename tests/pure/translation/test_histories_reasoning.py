"""Histories that others left: reasoning of other clients and models, and what was begun."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi.catalog import Model
from tests.support.families import every_family
from tests.support.histories import (
    BLOCK,
    K26,
    USER,
    Json,
    call,
    calling,
    changed,
    params,
    refused,
    result,
    run,
    sent,
)

REDACTED = {"type": "redacted_thinking", "data": "ZW5j"}
DETAIL = {"type": "reasoning.text", "text": "hm", "format": "unknown", "index": 0}
ENCRYPTED = {"type": "reasoning.encrypted", "data": "ZW5j", "id": "rs_1"}
SUMMARY = {"type": "reasoning.summary", "summary": "hm"}


@pytest.mark.parametrize(
    "left",
    [
        {"reasoning": "hm"},
        {"reasoning": {"text": "hm"}},
        {"reasoning": [{"type": "text", "text": "hm"}]},
        {"reasoning": {"summary": [{"type": "summary_text", "text": "hm"}]}},
        {"reasoning_content": [{"text": "hm"}]},
        {"reasoning_details": [DETAIL]},
        {"reasoning_details": [SUMMARY]},
        {"reasoning_details": [ENCRYPTED, DETAIL]},
        {"reasoning_details": [{**SUMMARY, "summary": "in short"}, DETAIL]},
        {"reasoning_details": [{**DETAIL, "text": "h"}, {**DETAIL, "text": "m"}]},
        {"thinking_blocks": [BLOCK]},
        {"thinking_blocks": [REDACTED, BLOCK]},
        {"thinking": "hm"},
        {"content": [BLOCK, {"type": "text", "text": "So."}]},
        {"content": [BLOCK]},
        {"content": [REDACTED, BLOCK]},
        {"content": [{"type": "reasoning", "text": "hm"}]},
        {"content": [{"type": "reasoning", "reasoning": "hm"}]},
        {"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}]},
        {"content": [{"type": "reasoning_content", "reasoning_content": {"text": "hm"}}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
        {"provider_specific_fields": {"reasoning_content": "hm"}},
        {"provider_specific_fields": {"reasoning": "hm", "x": 1}},
        {"provider_specific_fields": {"thinking_blocks": [BLOCK]}},
        {"provider_specific_fields": {"reasoning_details": [DETAIL]}},
        {"reasoning_text": "hm"},  # GitHub Copilot
        {"additional_kwargs": {"reasoning_content": "hm"}},  # LangChain's ChatDeepSeek
        {"additional_kwargs": {"reasoning": {"summary": [{"text": "hm"}]}, "tool_calls": []}},
    ],
    ids=str,
)
@pytest.mark.parametrize("calls", [[call()], None], ids=["calls", "answer"])
def test_reasoning_is_taken_from_wherever_a_stack_puts_it(left: Json, calls: Any) -> None:
    """OpenRouter: https://github.com/Kilo-Org/kilocode/issues/5597; parts of Claude:
    https://github.com/Gitlawb/openclaude/issues/828"""
    turn = {"role": "assistant", **left, **({"tool_calls": calls} if calls else {})}
    talk = [USER, turn, *([result()] if calls else []), USER]
    translation = run(*talk)
    assert sent(translation)[1]["reasoning_content"] == "hm"
    assert not translation.changes_of_meaning
    (key,) = left
    assert any(param.startswith(f"messages[1].{key}") for param in params(translation))


def test_the_first_that_is_not_empty_wins() -> None:
    places: list[Json] = [
        {"reasoning_content": "1"},
        {"reasoning": "2"},
        {"reasoning_details": [{**DETAIL, "text": "3"}]},
        {"thinking_blocks": [{**BLOCK, "thinking": "4"}]},
        {"thinking": "5"},
        {"content": [{**BLOCK, "thinking": "6"}, {"type": "text", "text": "So."}]},
        {"provider_specific_fields": {"reasoning": "7"}},
    ]
    turn: Json = {"role": "assistant", "content": "So."}
    for place in places:
        turn |= place
    for number, place in enumerate(places, start=1):
        assert sent(run(USER, turn))[1]["reasoning_content"] == str(number)
        (key,) = place
        turn = {**turn, key: "So." if key == "content" else ""}
    assert "reasoning_content" not in sent(run(USER, {**turn, "reasoning_content": None}))[1]


EMPTY: list[Json] = [
    {"reasoning_content": ""},
    {"reasoning": ""},
    {"reasoning_details": []},
    {"reasoning_details": [{**DETAIL, "text": ""}]},
    {"thinking_blocks": [{**BLOCK, "thinking": ""}]},
    {"content": [{**BLOCK, "thinking": ""}]},
    {"provider_specific_fields": {"reasoning_content": ""}},
    {"reasoning_details": [ENCRYPTED]},
    {"thinking_blocks": [REDACTED]},
    {"content": [REDACTED]},
]


@pytest.mark.parametrize("left", EMPTY, ids=str)
@every_family
def test_empty_reasoning_beside_calls_counts_as_missing(model: Model, left: Json) -> None:
    """`""` is refused beside calls, a blank is taken:
    https://github.com/theopenco/llmgateway/pull/2093"""
    turn = {"role": "assistant", "tool_calls": [call()], **left}
    translation = run(USER, turn, result(), model=model)
    if translation.thinking:
        assert sent(translation)[1]["reasoning_content"] == " "
        assert "messages[1].reasoning_content" in params(translation)
    elif model.thinking.mode == "never":
        assert "reasoning_content" not in sent(translation)[1]
    assert not translation.changes_of_meaning


def test_without_thinking_empty_reasoning_goes_back_as_it_came() -> None:
    turn = {**calling(call()), "reasoning_content": ""}
    translation = run(USER, turn, result(), model=K26, thinking={"type": "disabled"})
    assert sent(translation)[1]["reasoning_content"] == ""


def test_an_answer_without_calls_keeps_its_empty_reasoning() -> None:
    """`reasoned, but empty` must come back: https://github.com/MoonshotAI/kimi-code"""
    turn = {"role": "assistant", "content": "So.", "reasoning_content": ""}
    translation = run(USER, turn)
    assert sent(translation)[1] == turn
    assert translation.adjustments == ()


@pytest.mark.parametrize("key", ["thinking_blocks", "reasoning_details"])
def test_encrypted_reasoning_is_left_out_and_reported(key: str) -> None:
    block = REDACTED if key == "thinking_blocks" else ENCRYPTED
    translation = run(USER, {"role": "assistant", "content": "So.", key: [block]})
    (item,) = translation.adjustments
    assert (item.param, item.sent) == (f"messages[1].{key}", None)
    assert "encrypted" in item.reason


@pytest.mark.parametrize("role", ["user", "system", "tool"])
def test_a_thought_in_another_role_is_left_out_and_reported(role: str) -> None:
    content = [BLOCK, {"type": "text", "text": "x"}]
    message = {"role": role, "content": content}
    before = [USER, calling(call())] if role == "tool" else []
    if role == "tool":
        message["tool_call_id"] = "a"
    translation = run(*before, message, USER)
    assert f"messages[{len(before)}].content[0]" in changed(translation)


def test_reasoning_of_an_unknown_form_is_reported() -> None:
    translation = run(USER, {"role": "assistant", "content": "So.", "reasoning": {"x": 1}})
    assert params(translation) == {"messages[1].reasoning"}
    error = refused(USER, {"role": "assistant", "content": "So.", "reasoning_content": {"x": 1}})
    assert error.param == "messages[1].reasoning_content"


BEGUN = {"role": "assistant", "content": "Once"}


@every_family
@pytest.mark.parametrize(
    ("last", "more"),
    [
        ({**BEGUN, "prefix": True}, {}),
        ({**BEGUN, "prefix": True, "partial": True}, {}),
        (BEGUN, {"continue_final_message": True}),
        (BEGUN, {"continue_final_message": True, "add_generation_prompt": False}),
        (BEGUN, {"partial": True}),
    ],
    ids=str,
)
def test_other_words_for_partial_mode(model: Model, last: Json, more: Json) -> None:
    """DeepSeek's and Mistral's `prefix`, vLLM's `continue_final_message`."""
    translation = run(USER, last, model=model, **more)
    assert sent(translation)[-1] == {**BEGUN, "partial": True}
    assert translation.restore.prefix == "Once"
    assert translation.adjustments
    assert not translation.changes_of_meaning


def test_words_for_partial_mode_that_ask_for_nothing_or_cannot_be_met() -> None:
    translation = run(USER, {**BEGUN, "prefix": False}, continue_final_message=False)
    assert sent(translation)[-1] == BEGUN
    assert not translation.changes_of_meaning
    assert changed(run(USER, continue_final_message=True)) == {"continue_final_message"}
    early = run({**BEGUN, "prefix": True}, USER)
    assert (sent(early)[0], early.restore.prefix) == (BEGUN, "")
    assert refused(USER, {**BEGUN, "prefix": "yes"}).param == "messages[1].prefix"
    assert refused(USER, BEGUN, continue_final_message="yes").param == "continue_final_message"


def test_a_last_message_of_the_assistants_is_not_a_prefix_by_itself() -> None:
    translation = run(USER, BEGUN)
    assert sent(translation)[-1] == BEGUN
    assert translation.restore.prefix == ""
