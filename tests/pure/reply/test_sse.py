"""Server-sent events: any bytes, split anywhere, to the data of the events."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_kimi.reply.sse import Decoder


def events(*pieces: bytes) -> list[str]:
    decoder = Decoder()
    found = [data for piece in pieces for data in decoder.feed(piece)]
    return [data.decode() for data in [*found, *decoder.flush()]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: a\n\ndata: b\n\n", ["a", "b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
        (b"data: a\r\rdata: b\r\r", ["a", "b"]),
        (b"data: a\r\n\ndata: b\n\r\n", ["a", "b"]),
        (b"data:a\n\ndata:b\n\n", ["a", "b"]),
        (b"data:  a\n\n", [" a"]),
        (b": comment\n\ndata: a\n\n:\n\n: ping\ndata: b\n\n", ["a", "b"]),
        (b"event: message\nid: 7\nretry: 10\ndata: a\n\n", ["a"]),
        (b"data: a\nevent: message\n\n", ["a"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"data: adata: b\n\n", ["adata: b"]),
        (b"data: \n\ndata: a\n\n", ["", "a"]),
        (b"data: a\n\n\n\n\ndata: b\n\n", ["a", "b"]),
        (b"\n\r\n\ndata: a\n\n", ["a"]),
        (b"data: a\n\ndata: b", ["a", "b"]),
        (b"data: a\n\ndata: b\n", ["a", "b"]),
        (b"data: a\n\ndata: b\r", ["a", "b"]),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b"data: \xef\xbb\xbfa\n\n", ["\ufeffa"]),
        (b"data: \n\n", [""]),
        (b"dat", []),
        (b"database: a\n\n", []),
        (b"", []),
    ],
)
def test_every_form_gives_its_events_however_it_is_split(body: bytes, expected: list[str]) -> None:
    assert events(body) == expected
    assert events(*(body[at : at + 1] for at in range(len(body)))) == expected
    for at in range(len(body) + 1):
        assert events(body[:at], body[at:]) == expected
        assert events(body[:at], b"", body[at:], b"") == expected


def test_characters_split_between_pieces_are_whole_in_the_event() -> None:
    body = "data: 月之暗面 🌒 é\n\n".encode()
    for at in range(len(body)):
        assert events(body[:at], body[at:]) == ["月之暗面 🌒 é"]


@settings(deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(0, 400)),
)
def test_any_events_any_split(texts: list[str], line_end: str, cuts: list[int]) -> None:
    body = "".join(f"data: {text}{line_end}{line_end}" for text in texts).encode()
    ends = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    pieces = [body[start:end] for start, end in pairwise(ends)]
    assert events(*pieces) == texts


def test_a_long_event_in_small_pieces_takes_linear_time() -> None:
    body = b"data: " + b"x" * 2_000_000 + b"\n\n"
    decoder = Decoder()
    start = time.process_time()
    found = [data for at in range(0, len(body), 16) for data in decoder.feed(body[at : at + 16])]
    assert len(found) == 1
    assert time.process_time() - start < 5  # 125,000 pieces; joining them anew each time: minutes
