"""What is read by its form alone is what reading it as JSON gives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_kimi.errors import KimiError
from llm_kimi.reply import Reader, plain_chunks
from llm_kimi.reply.json_values import parse_json
from llm_kimi.reply.plain_chunks import PlainChunks
from tests.support.budgets import tries
from tests.support.replies import DONE, chunk, event

Json = dict[str, Any]


def _outcome(pieces: list[bytes]) -> tuple[list[Json], Any, Any]:
    """The chunks of a stream, its usage, and how it ended."""
    reader = Reader(stream=True, model="kimi-k2.6")
    chunks: list[Json] = []
    try:
        for piece in pieces:
            chunks += reader.feed(piece)
            if reader.failure is not None:
                raise reader.failure
        chunks += reader.finish()
    except KimiError as error:
        return chunks, reader.usage, (type(error), str(error), reader.done, reader.complete)
    return chunks, reader.usage, (reader.done, reader.complete, reader.cut)


_texts = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        [*('"', "\\", "\n", "\u0000", "?!", "a?!", '","', "content", "{", "[", "😀", "é", "}]}")]
    ),
)
_values = st.one_of(_texts, st.none(), st.integers(), st.lists(_texts, max_size=2))


@st.composite
def _events(draw: st.DrawFn) -> bytes:
    """One event, mostly plain, sometimes with something that no plain one has."""
    name = draw(st.sampled_from(["content"] * 5 + ["reasoning_content", "reasoning", "refusal"]))
    odd = draw(st.integers(0, 9))
    item = chunk({name: draw(_texts)})
    choice = item["choices"][0]
    if odd == 0:
        item[draw(st.sampled_from(["usage", "error", "created", "extra", "choices"]))] = draw(
            st.sampled_from([None, {}, {"prompt_tokens": 3}, "x", 7, []])
        )
    elif odd == 1:
        choice[draw(st.sampled_from(["usage", "index", "logprobs", "finish_reason", "delta"]))] = (
            draw(st.sampled_from([None, {}, {"prompt_tokens": 3}, "", "stop", 1, "0"]))
        )
    elif odd == 2:
        choice["delta"][draw(st.sampled_from(["role", "content", "tool_calls"]))] = draw(_values)
    text = json.dumps(
        item,
        ensure_ascii=draw(st.sampled_from([False, False, False, True])),
        separators=draw(st.sampled_from([(",", ":"), (",", ":"), (", ", ": ")])),
    )
    if odd == 3:
        text = draw(
            st.sampled_from(
                [
                    text + " ",
                    text[:-1],
                    text.replace('"delta"', '"delta":{"content":"z"},"delta"'),
                    text.replace('"content":', '"content":"y","content":'),
                    text.replace("null", "NaN"),
                    text + "\n" + text,
                    text[:-3] + "\\ud83d" + text[-3:],
                ]
            )
        )
    return event(text.replace("\n", "\ndata: "))


@settings(max_examples=tries(150), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_events(), max_size=12), st.booleans(), st.integers(0, 2**32))
def test_nothing_is_read_otherwise(events: list[bytes], done: bool, cut: int) -> None:
    events = [*events, event(chunk(finish="stop")), *([DONE] if done else [])]
    body = b"".join(events)
    at = cut % (len(body) + 1)
    for pieces in (events, [body], [body[:at], body[at:]]):
        quick = _outcome(pieces)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plain_chunks, "MOST_FORMS", 0)
            slow = _outcome(pieces)
        assert json.dumps(quick, default=str) == json.dumps(slow, default=str)


@pytest.mark.parametrize(
    "texts",
    [
        # Half of a character waits for its other half in the next chunk, or for none.
        ['"content":"a"', '"content":"\\ud83d"', '"content":"b"', '"content":"\\ude00"'],
        ['"content":"a"', '"content":"\\ud83d"', '"content":"\\ude00"', '"content":"b"'],
        # What a server adds of its own is handed on, in every chunk.
        ['"content":"a"},"extra":{"x":1', '"content":"b"},"extra":{"x":2'],
    ],
)
def test_what_goes_on_in_the_next_chunk(texts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    item = json.dumps({**chunk({"content": "T"})}, separators=(",", ":"))
    pieces = [event(item.replace('"content":"T"', text)) for text in texts]
    quick = _outcome([*pieces, DONE])
    monkeypatch.setattr(plain_chunks, "MOST_FORMS", 0)
    assert quick == _outcome([*pieces, DONE])


def test_fields_beside_the_choices_are_handed_on_in_every_chunk() -> None:
    pieces = [event({"extra": 1, **chunk({"content": text})}) for text in ("a", "b", "c")]
    chunks, _, _ = _outcome([*pieces, event(chunk(finish="stop")), DONE])
    assert [item.get("extra") for item in chunks] == [1, 1, 1, None]


def _plain(*events: str) -> PlainChunks:
    """After it has learned of ``events``, as the reader lets it."""
    plain = PlainChunks()
    for text in events:
        parsed = parse_json(text)
        plain.learn(text, parsed, {**parsed, "choices": []})
    return plain


def _text(text: str, name: str = "content") -> str:
    return json.dumps(chunk({name: text}), ensure_ascii=False)


def test_the_text_of_the_next_chunks_is_all_that_is_read() -> None:
    plain = _plain(_text("word"))
    for text in ("", "x", 'a "b"\n\\', "😀", "word"):
        assert plain.chunk(_text(text)) == chunk({"content": text})
    first, second = plain.chunk(_text("x")), plain.chunk(_text("x"))
    assert first is not None
    assert second is not None
    assert first["choices"][0]["delta"] is not second["choices"][0]["delta"]


@pytest.mark.parametrize(
    "other",
    [
        _text("x", "reasoning_content"),
        _text("x") + " ",
        _text("x")[:-1],
        _text("x").replace('"x"', '"x'),
        _text("x").replace('"x"', '"\u0001"'),
        _text("x").replace('"x"', '"\\ud83d"'),
        _text("x").replace('"x"', "null"),
        _text("x").replace("null", '"stop"'),
        _text("x").replace("1780000000", "1780000001"),
    ],
)
def test_another_form_is_left_to_the_reader(other: str) -> None:
    assert _plain(_text("word")).chunk(other) is None


@pytest.mark.parametrize(
    "text",
    [
        _text(""),
        _text('"'),
        json.dumps(chunk({"content": "a", "role": "assistant"})),
        json.dumps(chunk({"content": "a"}, finish="stop")),
        json.dumps(chunk({"content": "a"}, logprobs=None)),
        json.dumps({**chunk({"content": "a"}), "usage": {"prompt_tokens": 1}}),
        json.dumps(chunk({"content": "a"})).replace('"a"', '"a","content":"a"'),
    ],
)
def test_what_is_no_plain_chunk_is_not_learned(text: str) -> None:
    plain = _plain(text)
    for candidate in (text, _text("a"), _text("b")):
        assert plain.chunk(candidate) is None


def test_a_server_whose_events_all_differ_is_learned_of_a_few_times_only() -> None:
    plain = PlainChunks()
    for moment in range(plain_chunks.MOST_FORMS + 1):
        item = {**chunk({"content": "word"}), "created": moment}
        text = json.dumps(item)
        known = moment < plain_chunks.MOST_FORMS
        plain.learn(text, item, {**item, "choices": []})
        assert (plain.chunk(text) is not None) is known
