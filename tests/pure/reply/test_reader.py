"""One response body to chunks, streamed or whole, well-formed or not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_kimi.errors import APIError, StreamError
from llm_kimi.reply import Reader
from tests.support.budgets import tries
from tests.support.replies import call_chunk, chunk, event, message, read, said, stream, usage_chunk

Json = dict[str, Any]


def test_reasoning_content_and_usage_come_together() -> None:
    body = stream(
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "I "}),
        chunk({"reasoning_content": "think"}),
        chunk({"content": "So"}),
        chunk({"content": " be it"}),
        chunk(finish="stop"),
        usage_chunk(prompt_tokens=4, completion_tokens=5, total_tokens=9),
    )
    answer = read(body)
    assert answer["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "So be it",
                "reasoning_content": "I think",
            },
            "finish_reason": "stop",
        }
    ]
    assert answer["usage"]["total_tokens"] == 9
    assert answer["object"] == "chat.completion"
    assert answer["id"] == "chatcmpl-0123456789ab"
    assert not any("usage" in item for item in answer["chunks"])


def test_empty_reasoning_is_kept_and_missing_reasoning_stays_missing() -> None:
    assert message(stream(chunk({"reasoning_content": ""}), *said("a")))["reasoning_content"] == ""
    assert "reasoning_content" not in message(stream(*said("a")))
    assert "reasoning_content" not in message(
        stream(chunk({"reasoning_content": None, "content": "a"}, finish="stop"))
    )


@pytest.mark.parametrize(
    "delta", [{"reasoning": "why"}, {"reasoning": "why", "reasoning_content": None}]
)
def test_the_other_name_of_reasoning_is_understood(delta: Json) -> None:
    assert message(stream(chunk(delta), *said("a")))["reasoning_content"] == "why"


def test_missing_role_index_and_delta_do_no_harm() -> None:
    head = {"id": "x", "object": "chat.completion.chunk", "model": "m"}
    body = stream(
        {**head, "choices": [{"delta": {"content": "a"}}]},
        {**head, "choices": [{"finish_reason": None}]},
        {**head, "choices": [{"delta": None}]},
        {**head, "choices": [{"index": None, "delta": {"content": "b"}}]},
        {**head, "choices": [{"delta": {}, "finish_reason": "stop"}]},
        {**head, "choices": None},
        {**head},
    )
    answer = read(body)
    assert answer["choices"][0]["message"]["content"] == "ab"
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert all(
        "index" in choice and "delta" in choice
        for item in answer["chunks"]
        for choice in item["choices"]
    )


def test_nulls_beside_the_text_do_no_harm() -> None:
    delta = {"content": "a", "tool_calls": None, "function_call": None, "reasoning_content": None}
    answer = message(stream(chunk({**delta, "role": None}), chunk(delta, finish="stop")))
    assert answer == {"role": "assistant", "content": "aa"}


def test_an_empty_finish_reason_is_none() -> None:
    parts = [
        chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "get_"}}]}, finish=""),
        chunk({"tool_calls": [{"index": 0, "function": {"name": "time"}}]}, finish=""),
        chunk(finish="tool_calls"),
    ]
    answer = read(stream(*parts))
    assert [item["choices"][0]["finish_reason"] for item in answer["chunks"]] == [
        None,
        None,
        "tool_calls",
    ]
    assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "get_time"


def test_content_as_a_list_of_parts_is_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, None, {"x": 1}]
    assert message(stream(chunk({"content": parts}), *said("c")))["content"] == "abc"
    assert message(stream(chunk({"content": {"no": "text"}}), *said("c")))["content"] == "c"


def test_several_choices_are_kept_apart() -> None:
    body = stream(
        chunk({"content": "a"}, index=0),
        chunk({"content": "x"}, index=1),
        chunk({"content": "b"}, index=0),
        chunk(finish="stop", index=1),
        chunk(finish="length", index=0),
    )
    choices = read(body)["choices"]
    assert [choice["message"]["content"] for choice in choices] == ["ab", "x"]
    assert [choice["finish_reason"] for choice in choices] == ["length", "stop"]


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\r"])
def test_events_that_are_not_parted_by_blank_lines(separator: bytes) -> None:
    body = (
        b"".join(event(item, end=separator) for item in said("a", "b"))
        + b"data: [DONE]"
        + separator
    )
    assert message(body)["content"] == "ab"


def test_an_event_of_several_lines() -> None:
    lines = json.dumps(chunk({"content": "a"}), indent=1).splitlines()
    body = "".join(f"data: {line}\n" for line in lines).encode() + b"\n"
    assert message(body + stream(*said("b")))["content"] == "ab"


@pytest.mark.parametrize(
    "end",
    [
        b"data: [DONE]",
        b"data:[DONE]\n",
        b"data: [DONE] \r\n\r\n",
        b"data: [DONE]\n\ndata: {broken\n\n",
        b"data: [DONE]\n\n\xff\xfe\n\ndata: \xff\n\n",
        b'data: [DONE]\n\ndata: {"error": {"message": "late"}}\n\n',
        b"data: [DONE]\ndata: [DONE]\n\n",
    ],
)
def test_done_is_the_end_whatever_follows(end: bytes) -> None:
    body = stream(*said("a"), done=False) + end
    assert message(body)["content"] == "a"
    assert message(body[at : at + 1] for at in range(len(body)))["content"] == "a"


def test_empty_events_are_nothing() -> None:
    body = b"data:\n\ndata: \n\n" + stream(*said("a"))
    assert message(body)["content"] == "a"


def test_blank_bytes_before_the_first_event() -> None:
    assert message([b"\n", b" \r\n", stream(*said("a"))])["content"] == "a"


# -- the end of a stream ----------------------------------------------------------------------


def test_a_stream_without_done_is_an_error_and_the_text_still_comes() -> None:
    reader = Reader(stream=True)
    assert reader.feed(stream(*said("a"), done=False))
    assert not reader.done
    with pytest.raises(StreamError, match=r"no \[DONE\]"):
        reader.finish()


def test_an_answer_without_bytes_is_an_error() -> None:
    with pytest.raises(StreamError, match="empty"):
        read([])
    with pytest.raises(StreamError, match="empty"):
        read([b"\n\n"])
    with pytest.raises(StreamError):
        read([], whole=True)


def test_an_answer_without_choices_is_an_error() -> None:
    with pytest.raises(StreamError, match="no choices"):
        read(stream({"choices": []}))
    with pytest.raises(StreamError, match="no choices"):
        read(b'{"choices": []}', whole=True)


def test_a_missing_finish_reason_is_made_up_once_the_stream_is_complete() -> None:
    answer = read(stream(chunk({"content": "a"})))
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert [item["choices"][0]["finish_reason"] for item in answer["chunks"]] == [None, "stop"]
    called = read(stream(call_chunk(index=0, id="a", name="now")))
    assert called["choices"][0]["finish_reason"] == "tool_calls"
    assert called["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "now"


def test_a_call_after_the_finish_reason_is_not_lost() -> None:
    answer = read(stream(chunk(finish="tool_calls"), call_chunk(index=0, id="a", name="now")))
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert answer["choices"][0]["message"]["tool_calls"][0]["id"] == "a"


# -- errors inside ----------------------------------------------------------------------------

ERROR = {
    "error": {"message": "The engine is currently overloaded", "type": "engine_overloaded_error"}
}


def test_an_error_object_in_the_stream() -> None:
    reader = Reader(stream=True, trace_id="t-9")
    chunks = reader.feed(stream(chunk({"content": "a"}), ERROR, done=False))
    assert [item["choices"][0]["delta"] for item in chunks] == [{"content": "a"}]
    assert isinstance(reader.failure, APIError)
    assert reader.failure.type == "engine_overloaded_error"
    assert reader.failure.status is None
    assert reader.failure.trace_id == "t-9"
    with pytest.raises(APIError):
        reader.finish()


@pytest.mark.parametrize(
    "wrong",
    [
        ERROR,
        {"error": "The engine is currently overloaded"},
        {**chunk({"content": "x"}), **ERROR},
        {"object": "error", "message": "The engine is currently overloaded", "code": 500},
    ],
)
def test_the_forms_of_an_error_in_the_stream(wrong: Json) -> None:
    with pytest.raises(APIError, match="overloaded"):
        read(stream(wrong))
    with pytest.raises(APIError, match="overloaded"):
        read(json.dumps(wrong).encode(), whole=True)
    with pytest.raises(APIError, match="overloaded"):
        read(b"event: error\n" + event(wrong, end=b""))


def test_an_error_of_null_is_none() -> None:
    assert (
        message(stream({**chunk({"content": "a"}), "error": None}, *said("b")))["content"] == "ab"
    )


def test_what_comes_before_an_error_does_not_depend_on_the_split() -> None:
    body = stream(*said("a", "b")[:-1], ERROR, done=False)
    for size in (1, 7, 100, len(body)):
        reader, texts = Reader(stream=True), []
        try:
            for at in range(0, len(body), size):
                chunks = reader.feed(body[at : at + size])
                texts += [item["choices"][0]["delta"]["content"] for item in chunks]
                if reader.failure:
                    break
            reader.finish()
        except APIError:
            pass
        else:
            pytest.fail("no error")
        assert "".join(texts) == "ab"


@pytest.mark.parametrize(
    "bad",
    [
        b"data: {broken\n\n",
        b"data: \xff\xfe\xfd\n\n",
        b'data: {"choices": [{"delta": {"content": "\xe6\x9c"}}]}\n\n',
        b"data: 7\n\n",
        b'data: ["a"]\n\n',
        b"data: null\n\n",
        b"data: " + b"[" * 200_000 + b"\n\n",
        b'data: {"choices": [null]}\n\n',
        b'data: {"choices": ["a"]}\n\n',
        b"data: x\ndata: y\n\n",
    ],
)
def test_garbage_is_a_stream_error(bad: bytes) -> None:
    with pytest.raises(StreamError) as caught:
        read(stream(*said("a")[:2], done=False) + bad + stream(*said("b")))
    assert len(str(caught.value)) < 300


def test_choices_of_the_wrong_type_are_passed_over() -> None:
    assert message(stream({"choices": {"a": 1}}, {"choices": "x"}, *said("a")))["content"] == "a"


# -- whole bodies -----------------------------------------------------------------------------

WHOLE: Json = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "kimi-k2.6",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "hi",
                "reasoning_content": "hm",
                "tool_calls": [
                    {"id": "a:0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cached_tokens": 1},
}


@pytest.mark.parametrize("whole", [True, False])
def test_a_whole_answer_also_in_place_of_a_stream(whole: bool) -> None:
    body = json.dumps(WHOLE).encode()
    for pieces in ([body], [body[at : at + 1] for at in range(len(body))], [b" \r\n", body]):
        answer = read(pieces, whole=whole)
        assert answer["choices"] == WHOLE["choices"]
        assert answer["usage"]["cached_tokens"] == 1
        assert {key: answer[key] for key in ("id", "object", "created", "model")} == {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "kimi-k2.6",
        }


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<html><head><title>504 Gateway Time-out</title></head></html>", "HTML page"),
        (b"\n  <!DOCTYPE html><p>", "HTML page"),
        (json.dumps(WHOLE).encode()[:-9], "cut off"),
        (b'{"message": "hello"}', "no choices"),
        (b'{"choices": null}', "no choices"),
        (b'{"choices": [null]}', "no choices"),
        (b"{" * 200_000, "not valid JSON"),
    ],
)
def test_bodies_that_are_no_answer(whole: bool, body: bytes, text: str) -> None:
    with pytest.raises(StreamError, match=text):
        read(body, whole=whole)
    with pytest.raises(StreamError, match=text):
        read([body[:1], body[1:]], whole=whole)


def test_a_body_of_plain_words() -> None:
    with pytest.raises(StreamError):
        read(b"upstream connect error")
    with pytest.raises(StreamError):
        read(b"upstream connect error", whole=True)
    with pytest.raises(StreamError):
        read(b"[1, 2]", whole=True)


def test_an_error_object_with_status_200() -> None:
    with pytest.raises(APIError, match="overloaded"):
        read(json.dumps(ERROR).encode())


def test_a_message_of_null() -> None:
    body = {"choices": [{"index": 0, "message": None, "finish_reason": "stop"}]}
    assert message(json.dumps(body).encode(), whole=True)["content"] == ""


# -- usage ------------------------------------------------------------------------------------

U = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def usage_of(*chunks: Json) -> Any:
    return read(stream(*chunks)).get("usage")


def test_usage_at_the_top_at_the_choice_and_at_both() -> None:
    at_choice = [*said("a")[:-1], chunk(finish="stop", usage=U)]
    assert usage_of(*said("a"), usage_chunk(**U)) == U
    assert usage_of(*at_choice) == U
    assert usage_of(*at_choice, usage_chunk(**U, cached_tokens=4)) == {
        **U,
        "cached_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    assert usage_of(*said("a")) is None
    assert usage_of(*said("a")[:-1], {**chunk(finish="stop"), "usage": U}) == U


def test_usage_of_several_choices_counts_the_prompt_once() -> None:
    other = {"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17}
    chunks = [chunk(finish="stop", usage=U), chunk(finish="stop", index=1, usage=other)]
    assert usage_of(*chunks) == {"prompt_tokens": 10, "completion_tokens": 12, "total_tokens": 22}
    total = {"prompt_tokens": 10, "completion_tokens": 12, "total_tokens": 22}
    assert usage_of(*chunks, usage_chunk(**total)) == total


def test_usage_that_grows_with_the_stream_is_not_added_up() -> None:
    growing = [
        {
            **item,
            "usage": {"prompt_tokens": 3, "completion_tokens": count, "total_tokens": 3 + count},
        }
        for count, item in enumerate(said("a", "b"))
    ]
    assert usage_of(*growing)["completion_tokens"] == 3


@pytest.mark.parametrize("usage", [None, {}, [], "none", 0, 7])
def test_usage_that_is_none(usage: Any) -> None:
    assert usage_of(*({**item, "usage": usage} for item in said("a"))) is None
    assert usage_of(*said("a")[:-1], chunk(finish="stop", usage=usage)) is None


# -- any reply, any split ---------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
arguments = st.dictionaries(texts, texts, max_size=3).map(
    lambda value: json.dumps(value, ensure_ascii=False)
)
line_ends = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def replies(draw: Any) -> tuple[list[Json], Json]:
    """Chunks of a reply, and the message that they come to."""
    reasoning = draw(st.none() | st.lists(texts, min_size=1, max_size=4))
    content = draw(st.lists(texts, max_size=5))
    calls = draw(st.lists(arguments, max_size=3))
    chunks = [chunk({"role": "assistant", "content": ""})]
    chunks += [chunk({"reasoning_content": text}) for text in reasoning or ()]
    chunks += [chunk({"content": text}) for text in content]
    fragments = []
    for index, text in enumerate(calls):
        at = draw(st.integers(0, len(text)))
        fragments.append(
            [
                call_chunk(
                    index=index, id=f"f:{index}", type="function", name=f"f{index}", arguments=""
                ),
                call_chunk(index=index, arguments=text[:at]),
                call_chunk(index=index, arguments=text[at:]),
            ]
        )
    while any(fragments):  # interleaved in any way, but begun in their order
        begun = [item for item in fragments if 0 < len(item) < 3]
        new = [item for item in fragments if len(item) == 3][:1]
        chunks.append(draw(st.sampled_from(begun + new)).pop(0))
    chunks.append(chunk(finish="tool_calls" if calls else "stop"))
    expected: Json = {"role": "assistant", "content": "".join(content)}
    if calls and not expected["content"]:
        expected["content"] = None
    if reasoning is not None:
        expected["reasoning_content"] = "".join(reasoning)
    if calls:
        expected["tool_calls"] = [
            {
                "id": f"f:{index}",
                "type": "function",
                "function": {"name": f"f{index}", "arguments": text},
            }
            for index, text in enumerate(calls)
        ]
    return chunks, expected


@settings(max_examples=tries(75), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(replies(), line_ends, st.lists(st.integers(1, 300), max_size=12), st.booleans())
def test_any_split_of_any_reply_gives_the_same_message(
    reply: tuple[list[Json], Json], line_end: str, sizes: list[int], comments: bool
) -> None:
    chunks, expected = reply
    parts = [*(json.dumps(item, ensure_ascii=False) for item in chunks), "[DONE]"]
    comment = f": ping{line_end}{line_end}" if comments else ""
    # Line separators that JSON leaves as they are: only LF and CR end a line of an event.
    body = "".join(f"{comment}data: {part}{line_end}{line_end}" for part in parts).encode()
    pieces, at = [], 0
    for size in [*sizes, len(body)]:
        pieces.append(body[at : at + size])
        at += size
    assert message(pieces) == expected
    assert message(body[i : i + 1] for i in range(len(body))) == expected
