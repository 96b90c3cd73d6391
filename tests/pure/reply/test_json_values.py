"""Odd values of a server, and halves of characters, as what they are meant to be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm_kimi.errors import StreamError
from llm_kimi.reply import Reader, normal_usage
from llm_kimi.reply.json_values import BROKEN, MAX_DEPTH, as_index, join_halves, mended, parse_json
from llm_kimi.reply.sse import Decoder
from llm_kimi.reply.tool_calls import MAX_CALLS, CallFragments
from tests.support.replies import DONE, call_chunk, chunk, event, message, read, said, stream

Json = dict[str, Any]
HIGH, LOW = "\ud83d", "\ude00"
FACE = HIGH.encode("utf-16-le", "surrogatepass") + LOW.encode("utf-16-le", "surrogatepass")
EMOJI = FACE.decode("utf-16-le")


# -- halves of a surrogate pair ---------------------------------------------------------------


def test_halves_are_joined_within_a_text_and_the_last_one_waits() -> None:
    assert join_halves(f"a{HIGH}{LOW}b") == (f"a{EMOJI}b", "")
    assert join_halves(f"a{HIGH}") == ("a", HIGH)
    assert join_halves(f"{LOW}a") == ("\ufffda", "")
    assert join_halves(f"{HIGH}a") == ("\ufffda", "")
    assert join_halves(f"{HIGH}{HIGH}") == ("\ufffd", HIGH)
    assert mended({HIGH: [f"x{LOW}", {"a": HIGH}]}) == {"\ufffd": ["x\ufffd", {"a": "\ufffd"}]}


def escaped(item: Json) -> bytes:
    """As servers send it that escape what is not ASCII."""
    return event(json.dumps(item))


@pytest.mark.parametrize("field", ["content", "reasoning_content", "reasoning"])
@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["a" + HIGH, LOW + "b"], f"a{EMOJI}b"),
        ([HIGH, LOW, HIGH, LOW], EMOJI * 2),
        (["a" + HIGH, "", LOW], f"a{EMOJI}"),
        (["a" + HIGH, "b"], "a\ufffdb"),
        (["a", LOW, "b"], "a\ufffdb"),
        (["a" + HIGH], "a\ufffd"),
        ([HIGH + LOW + HIGH, LOW + HIGH], f"{EMOJI}{EMOJI}\ufffd"),
        (["\u4f60" + HIGH, LOW + "\u597d"], f"\u4f60{EMOJI}\u597d"),
    ],
)
@pytest.mark.parametrize("finish", [True, False])
def test_a_character_in_two_pieces_is_one(
    field: str, pieces: list[str], text: str, finish: bool
) -> None:
    chunks = [chunk({field: piece}) for piece in pieces]
    chunks += [chunk(finish="stop")] if finish else []
    answer = read(b"".join(map(escaped, chunks)) + DONE)
    name = "content" if field == "content" else "reasoning_content"
    assert answer["choices"][0]["message"][name] == text
    for item in answer["chunks"]:  # no piece is handed on that cannot be written
        json.dumps(item, ensure_ascii=False).encode()


def test_halves_of_several_choices_and_calls_do_not_meet() -> None:
    chunks = [
        chunk({"content": HIGH}),
        chunk({"content": HIGH}, index=1),
        chunk({"content": LOW}),
        chunk({"content": "x"}, index=1),
        call_chunk(index=0, id="a", name="f", arguments='"' + HIGH),
        call_chunk(index=1, id="b", name="g", arguments='"' + HIGH),
        call_chunk(index=0, arguments=LOW + '"'),
        call_chunk(index=1, arguments='"'),
        call_chunk(index=2, id="c", name="h", arguments=HIGH),
        chunk(finish="tool_calls"),
    ]
    first, second = read(b"".join(map(escaped, chunks)) + DONE)["choices"]
    assert (first["message"]["content"], second["message"]["content"]) == (EMOJI, "\ufffdx")
    arguments = [call["function"]["arguments"] for call in first["message"]["tool_calls"]]
    assert arguments == [f'"{EMOJI}"', '"\ufffd"', "\ufffd"]


def test_halves_elsewhere_do_no_harm() -> None:
    item = chunk({"content": "a", f"x{HIGH}": LOW}, finish="stop")
    item |= {"id": f"id{HIGH}", "model": LOW, f"y{LOW}": [HIGH]}
    calls = call_chunk(index=0, id=HIGH, name=f"f{LOW}", arguments="{}")
    answer = read(escaped(calls) + escaped(item) + DONE)
    json.dumps(answer, ensure_ascii=False).encode()
    body = json.dumps({**item, "choices": [{"message": {"content": HIGH + LOW + HIGH}}]})
    assert message(body.encode(), whole=True)["content"] == f"{EMOJI}\ufffd"


# -- values of another type -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "index"),
    [
        *((3, 3), ("3", 3), (" 3 ", 3), (3.0, 3), ("3.0", 3), (-1, -1), (10**30, 10**30)),
        *((None, None), ("", None), ("x", None), (True, None), (3.5, None), ([3], None)),
        *(("9" * 5000, None), ("\u0663", None), ({}, None)),
    ],
)
def test_an_index_in_any_form(value: Any, index: int | None) -> None:
    assert as_index(value) == index


@pytest.mark.parametrize("index", ["0", 0.0, None, "", "x", -1, 10**30, True, [0], {}])
def test_a_choice_with_an_odd_index_is_the_one_at_its_place(index: Any) -> None:
    answer = read(
        stream(
            *(
                {**item, "choices": [{**item["choices"][0], "index": index}]}
                for item in said("a", "b")
            )
        )
    )
    (choice,) = answer["choices"]
    assert (choice["index"], choice["message"]["content"]) == (0, "ab")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        *(("a", "a"), (42, "42"), (1.5, "1.5"), (True, "true"), (None, ""), ({}, ""), ([], "")),
        *((["a", {"text": "b"}], "ab"), ({"type": "text", "text": "a"}, "a"), ([{"text": 5}], "")),
    ],
)
def test_content_in_any_form(content: Any, text: str) -> None:
    assert message(stream(chunk({"content": content}), chunk(finish="stop")))["content"] == text


def test_choices_that_are_one_object_and_messages_that_are_text() -> None:
    one = {**chunk(), "choices": {"delta": {"content": "a"}, "finish_reason": "stop"}}
    assert message(stream(one))["content"] == "a"
    assert message(stream({**chunk(), "choices": [{"delta": "a"}]}))["content"] == "a"
    assert message(stream({**chunk(), "choices": [{"text": "a"}]}))["content"] == "a"
    for delta in (5, ["a"], True):
        with pytest.raises(StreamError, match="not an object"):
            read(stream({**chunk(), "choices": [{"delta": delta}]}))


@pytest.mark.parametrize(
    ("given", "finish"),
    [
        *(("stop", "stop"), ("STOP", "stop"), ("max_tokens", "length"), ("tool_use", "tool_calls")),
        *(("function_call", "tool_calls"), ("abort", "abort"), (5, "stop"), (["stop"], "stop")),
        *((True, "stop"), ({"a": 1}, "stop"), (False, "stop"), (0, "stop"), ("", "stop")),
        ("x\x1b[31m\u202e\n", "x?[31m?"),  # LiteLLM writes it into its log
        ("x" * 1000, "x" * 100),
    ],
)
def test_a_finish_reason_in_any_form(given: Any, finish: str) -> None:
    assert read(stream(*said("a", finish=given)))["choices"][0]["finish_reason"] == finish


def test_the_head_of_a_chunk_has_the_types_that_clients_expect() -> None:
    odd = {"id": 7, "created": "1780000000", "model": ["x"], "object": 5, "system_fingerprint": 1}
    answer = read(stream(*({**item, **odd} for item in said("a"))))
    assert {name: answer.get(name) for name in odd} == {
        "id": "7",
        "created": 1_780_000_000,
        "model": None,
        "object": "chat.completion",
        "system_fingerprint": None,
    }
    assert "created" not in read(stream(*({**item, "created": 10**30} for item in said("a"))))


def test_what_a_server_adds_is_handed_on() -> None:
    answer = read(stream({**chunk({"content": "a"}), "provider": "x"}, chunk(finish="stop")))
    assert answer["chunks"][0]["provider"] == "x"


def test_usage_of_any_type_is_a_number() -> None:
    usage = {
        "prompt_tokens": "7",
        "completion_tokens": 5.0,
        "total_tokens": -1,
        "cached_tokens": " 3 ",
        "prompt_tokens_details": {"cached_tokens": {}, "audio_tokens": "x", "text_tokens": "4"},
        "completion_tokens_details": [1],
        "cost": {"a": 1},
    }
    found = read(stream(*said("a"), {**chunk(), "choices": [], "usage": usage}))["usage"]
    assert found["prompt_tokens"] == 7
    assert found["completion_tokens"] == 5
    assert found["total_tokens"] == 12
    assert found["cached_tokens"] == 3
    assert found["prompt_tokens_details"] == {"text_tokens": 4, "cached_tokens": 3}
    assert normal_usage({"prompt_tokens": 10**400})["prompt_tokens"] == 0


def test_probabilities_that_clients_cannot_read_are_left_out() -> None:
    for bad in (
        [{"token": "a"}],
        [{"token": 1, "logprob": 0}],
        [{"token": "a", "logprob": "x"}],
        5,
    ):
        body = stream(chunk({"content": "a"}, finish="stop", logprobs={"content": bad}))
        assert "logprobs" not in read(body)["choices"][0]


# -- calls ------------------------------------------------------------------------------------


def calls_of(*fragments: Any) -> list[Json]:
    chunks = [chunk({"tool_calls": fragment}) for fragment in fragments]
    answer = message(stream(*chunks, chunk(finish="tool_calls")))
    calls: list[Json] = answer.get("tool_calls", [])
    return calls


@pytest.mark.parametrize("index", ["0", 0.0, "", None, -1, [], 10**30, "x", True])
def test_an_odd_index_of_a_call_keeps_its_fragments_together(index: Any) -> None:
    """Deltas may lack ``index`` (https://github.com/vercel/ai, d53589a and e3605f6)."""
    (call,) = calls_of(
        [{"index": index, "id": "a", "function": {"name": "f", "arguments": '{"a": '}}],
        [{"index": index, "function": {"arguments": "1}"}}],
    )
    assert call["function"] == {"name": "f", "arguments": '{"a": 1}'}


def test_ids_that_are_blank_or_numbers_or_come_twice() -> None:
    calls = calls_of(
        [{"index": 0, "id": " ", "function": {"name": "f", "arguments": "{}"}}],
        [{"index": 1, "id": 5, "function": {"name": "f", "arguments": "{}"}}],
        [{"index": 2, "id": "5", "function": {"name": "g", "arguments": "{}"}}],
    )
    ids = [call["id"] for call in calls]
    assert len(set(ids)) == 3
    assert ids[1] == "5"


def test_calls_of_a_whole_answer_are_kept_apart_whatever_they_hold() -> None:
    calls = [
        {"id": "a", "function": {"name": "f", "arguments": '{"cut": '}},
        {"id": "a", "index": 0, "function": {"name": "f", "arguments": "{}"}},
        None,
        {"id": None, "function": {"name": "f", "arguments": {"a": 1}}},
    ]
    body = json.dumps({"choices": [{"message": {"tool_calls": calls}}]}).encode()
    found = message(body, whole=True)["tool_calls"]
    arguments = [call["function"]["arguments"] for call in found]
    assert arguments == ['{"cut": ', "{}", '{"a": 1}']
    assert len({call["id"] for call in found}) == 3


def test_more_calls_than_anybody_makes_are_an_error() -> None:
    calls = CallFragments()
    fragments = [{"index": index, "function": {"name": "f"}} for index in range(MAX_CALLS + 1)]
    calls.feed(fragments[:-1])
    with pytest.raises(StreamError, match="more than 1,024 tools"):
        calls.feed(fragments[-1:])


# -- depth and length -------------------------------------------------------------------------


def test_what_is_nested_too_deeply_is_not_read() -> None:
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not BROKEN
    for depth in (MAX_DEPTH + 1, 900, 100_000):
        assert parse_json("[" * depth + "]" * depth) is BROKEN
        assert parse_json('{"a":' * depth + "1" + "}" * depth) is BROKEN
    assert parse_json(json.dumps(["{[" * 500])) == ["{[" * 500]


def test_json_that_only_python_takes() -> None:
    assert parse_json('{"a": NaN, "b": -Infinity, "c": 1e999, "d": 1.5}') == {
        **dict.fromkeys("abc"),
        "d": 1.5,
    }
    for text in ("", " ", "{", "[1] 2", "9" * 5000, "\ufeff{}"):
        assert parse_json(text) is BROKEN
    assert parse_json(" \n[1]\n ") == [1]


def test_deep_arguments_are_text_like_any_other() -> None:
    text = '{"a":' * 100_000
    (call,) = calls_of([{"index": 0, "id": "a", "function": {"name": "f", "arguments": text}}])
    assert call["function"]["arguments"] == text


def test_an_event_has_a_limit_and_a_stream_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_kimi.reply.sse.MAX_BYTES", 1000)
    decoder = Decoder()
    for _ in range(1000):  # in halves, comments between them
        assert decoder.feed(b"data: " + b"a" * 100) == []
        assert decoder.feed(b"b\n\n") == [b"a" * 100 + b"b"]
        assert decoder.feed(b": ping") == []
        assert decoder.feed(b"\n\n") == []
    for end in (b"", b"\n"):
        decoder = Decoder()
        for _ in range(9):
            decoder.feed(b"data: " + b"a" * 100 + end)
        with pytest.raises(StreamError, match="longer than"):
            decoder.feed(b"data: " + b"a" * 100 + end)


@pytest.mark.parametrize("asked", [True, False])
def test_a_whole_answer_has_a_limit(asked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_kimi.reply.reader.MAX_BYTES", 1000)
    reader = Reader(stream=asked)
    for _ in range(10):
        reader.feed(b'{"a": ' + b" " * 94)
    with pytest.raises(StreamError, match="longer than"):
        reader.feed(b" ")
