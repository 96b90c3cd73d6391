"""Histories in the form of the Responses API and of Anthropic's messages."""

from __future__ import annotations

import pytest

from llm_kimi import InvalidRequestError, translate
from tests.support.histories import (
    BLOCK,
    K3,
    K26,
    USER,
    Json,
    call,
    calling,
    changed,
    pairs,
    params,
    refused,
    result,
    run,
    sent,
)


def test_items_of_the_responses_api_are_understood() -> None:
    items = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]},
        {
            "type": "message",
            "role": "assistant",
            "id": "msg",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Looking.", "annotations": []}],
        },
        {"type": "function_call", "id": "fc", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "b", "name": "g", "input": "x"},
        {"type": "function_call_output", "call_id": "b", "output": "2"},
        {
            "type": "custom_tool_call_output",
            "call_id": "a",
            "output": [{"type": "input_text", "text": "1"}],
        },
        {"type": "reasoning", "summary": [], "encrypted_content": "x"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "3"},
    ]
    translation = run(*items, instructions="Be brief.")
    messages = sent(translation)
    assert [message["role"] for message in messages] == [
        *("system", "user", "assistant", "tool", "tool", "assistant", "tool")
    ]
    assert messages[0]["content"] == "Be brief."
    assert messages[2]["reasoning_content"] == "hm"
    assert messages[2]["content"] == [{"type": "text", "text": "Looking."}]
    one = [{"type": "text", "text": "1"}]
    assert pairs(translation) == [[("f", one), ("g", "2")], [("f", "3")]]
    assert not translation.changes_of_meaning
    assert {"instructions", "messages[1]", "messages[3]", "messages[7]"} <= params(translation)


def test_calls_without_a_message_are_a_turn_of_their_own() -> None:
    call_item = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
    talk = [USER, call_item, {**call_item, "call_id": "b"}, result("a", "1"), result("b", "2")]
    assert pairs(run(*talk)) == [[("f", "1"), ("f", "2")]]


@pytest.mark.parametrize(
    ("item", "param", "words"),
    [
        ({"type": "item_reference", "id": "x"}, "messages[1]", "put the item itself"),
        ({"type": "web_search_call", "id": "x"}, "messages[1]", "web_search_call"),
        ({"type": "function_call", "call_id": "a"}, "messages[1].name", "name a function"),
    ],
)
def test_items_that_mean_nothing_here_are_errors(item: Json, param: str, words: str) -> None:
    error = refused(USER, item)
    assert error.param == param
    assert words in error.message


def test_a_request_of_the_responses_api_is_an_error_that_says_so() -> None:
    with pytest.raises(InvalidRequestError, match="Responses API") as caught:
        translate({"model": K3, "input": "Hi"})
    assert caught.value.param == "messages"


def test_reasoning_that_nothing_follows_is_reported() -> None:
    item = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
    translation = run(USER, item, USER)
    assert sent(translation) == [USER, USER]
    assert "messages[1]" in params(translation)


def test_anthropics_turns_are_understood() -> None:
    talk = [
        USER,
        {
            "role": "assistant",
            "content": [
                BLOCK,
                {"type": "text", "text": "Looking."},
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"q": "é"}},
                {"type": "tool_use", "id": "toolu_2", "name": "1st", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": "2"},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": "1"}],
                },
                {"type": "text", "text": "And?"},
            ],
        },
    ]
    translation = run(*talk, system=[{"type": "text", "text": "Be brief."}])
    messages = sent(translation)
    assert [message["role"] for message in messages] == [
        *("system", "user", "assistant", "tool", "tool", "user")
    ]
    assert messages[2]["reasoning_content"] == "hm"
    assert messages[2]["content"] == [{"type": "text", "text": "Looking."}]
    arguments = [item["function"]["arguments"] for item in messages[2]["tool_calls"]]
    assert arguments == ['{"q": "é"}', "{}"]
    assert pairs(translation) == [[("f", [{"type": "text", "text": "1"}]), ("fn_1st", "2")]]
    assert messages[5]["content"] == [{"type": "text", "text": "And?"}]
    assert not translation.changes_of_meaning
    assert {"messages[1].content[2]", "messages[2].content[0]"} <= params(translation)


def test_images_in_anthropics_results_are_needed_at_their_place() -> None:
    def image(name: str) -> Json:
        return {"type": "image", "source": {"type": "url", "url": f"https://x.test/{name}"}}

    talk = [
        calling(call("a"), call("b")),
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": [image("a")]},
                {"type": "tool_result", "tool_use_id": "b", "content": [image("b")]},
                image("c"),
            ],
        },
    ]
    translation = translate({"model": K26, "messages": talk})
    for need in translation.needs:
        part = sent(translation)[need.message]["content"][need.part]
        assert part["image_url"]["url"] == need.value
    assert [need.param for need in translation.needs] == [
        "messages[1].content[0].content[0]",
        "messages[1].content[1].content[0]",
        "messages[1].content[2]",
    ]


def test_an_error_flag_of_a_result_is_reported() -> None:
    part = {"type": "tool_result", "tool_use_id": "a", "content": "no", "is_error": True}
    translation = run(USER, calling(call()), {"role": "user", "content": [part]})
    assert changed(translation) == {"messages[2].content[0].is_error"}


@pytest.mark.parametrize(
    "flat",
    [
        {"id": "a", "name": "f", "args": {"q": 1}, "type": "tool_call"},
        {"call_id": "a", "id": "fc", "type": "function_call", "name": "f", "arguments": '{"q": 1}'},
        {"id": "a", "type": "tool_use", "name": "f", "input": {"q": 1}},
        {"id": "a", "type": "function", "name": "f", "arguments": '{"q": 1}'},
    ],
    ids=lambda flat: flat["type"],
)
def test_calls_without_the_wrapping_are_understood(flat: Json) -> None:
    translation = run(USER, calling(flat), result("a"))
    (made,) = sent(translation)[1]["tool_calls"]
    assert made == call("a", arguments='{"q": 1}')
    assert not translation.changes_of_meaning


def test_turns_with_calls_that_follow_each_other_wait_together() -> None:
    """Clients that write one message for each of several calls at once, without ids."""
    turns = [calling(call("", "f")), calling(call("", "f"))]
    translation = run(USER, *turns, result(""), result("", "second"), USER)
    assert pairs(translation) == [[("f", "ok")], [("f", "second")]]
    old = [
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "hm",
            "function_call": {"name": "f", "arguments": arguments},
        }
        for arguments in ("{}", '{"b": 1}')
    ]
    results = [{"role": "function", "name": "f", "content": text} for text in ("1", "2")]
    assert pairs(run(USER, *old, *results)) == [[("f", "1")], [("f", "2")]]
