"""Pieces of text in LiteLLM's streams: what comes together goes on together, and the same chunks
come out of the shorter way."""

from __future__ import annotations

import asyncio
import datetime
import json
import time
from types import SimpleNamespace
from typing import Any

import litellm
import pytest

from llm_kimi.exchange import Chunks
from llm_kimi.integrations.litellm import plain_text
from llm_kimi.integrations.litellm.plain_text import Direct, together
from llm_kimi.integrations.litellm.stream import Fold
from llm_kimi.integrations.litellm.versions import hands_out_chunks
from tests.hosts.llm.test_mutated_streams import ACanned, Canned

Json = dict[str, Any]

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "kimi-k2.6"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16}
ASKED = {"model": "kimi/kimi-k2.6", "messages": [{"role": "user", "content": "hi"}]}
both = pytest.mark.parametrize("way", ["stream", "astream"])


def chunk(index: int = 0, finish: str | None = None, **delta: Any) -> Json:
    return {**HEAD, "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def text(*words: str) -> list[Json]:
    return [chunk(content=word) for word in words]


def call(arguments: str, **more: Any) -> Json:
    function = {"arguments": arguments, **more.pop("function", {})}
    return chunk(tool_calls=[{"index": 0, **more, "function": function}])


ANSWER = [
    [chunk(role="assistant", content="")],
    [chunk(reasoning_content="Hm"), chunk(reasoning_content=", well"), *text("Hel", "lo")],
    text(" you"),
    text(" there", " and", " everywhere"),
    [call("", id="c1", type="function", function={"name": "f"}), call('{"a"'), call(": 1}")],
    text("!"),
    [chunk(finish="tool_calls"), {**HEAD, "choices": [], "usage": USAGE}],
]


@pytest.fixture(autouse=True)
def _canned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-simulator")
    monkeypatch.setattr("llm_kimi.integrations.litellm.handler.Transport", Canned)
    monkeypatch.setattr("llm_kimi.integrations.litellm.handler.AsyncTransport", ACanned)


def streamed(way: str, reads: list[list[Json]], **given: Any) -> list[Any]:
    """LiteLLM's chunks of an answer that comes in ``reads``."""
    events = [b"".join(b"data: %s\n\n" % json.dumps(one).encode() for one in few) for few in reads]
    Canned.bodies = iter([[*events, b"data: [DONE]\n\n"]])
    if way == "stream":
        return list(litellm.completion(**ASKED, stream=True, **given))

    async def read() -> list[Any]:
        return [one async for one in await litellm.acompletion(**ASKED, stream=True, **given)]

    return asyncio.run(read())


def contents(chunks: list[Any], field: str = "content") -> list[str]:
    found = (getattr(one.choices[0].delta, field, None) for one in chunks if one.choices)
    return [words for words in found if words]


@both
def test_text_of_one_read_is_one_chunk(way: str) -> None:
    chunks = streamed(way, ANSWER)
    assert contents(chunks) == ["Hello", " you", " there and everywhere", "!"]
    assert contents(chunks, "reasoning_content") == ["Hm, well"]


@both
@pytest.mark.parametrize("given", [{}, {"temperature": 0.2}], ids=["plain", "adjusted"])
def test_nothing_of_the_answer_is_lost(way: str, given: Json) -> None:
    chunks = streamed(way, ANSWER, stream_options={"include_usage": True}, **given)
    built = litellm.stream_chunk_builder(chunks, messages=ASKED["messages"])
    message = built.choices[0].message
    assert message.content == "Hello you there and everywhere!"
    assert message.reasoning_content == "Hm, well"
    assert message.tool_calls[0].function.arguments == '{"a": 1}'
    finishes = [one.choices[0].finish_reason for one in chunks if one.choices]
    assert [reason for reason in finishes if reason] == ["tool_calls"]
    assert built.usage.total_tokens == 16
    assert {one.id for one in chunks} == {"chatcmpl-1"}
    told = [one for one in chunks if getattr(one, "provider_specific_fields", None)]
    assert len(told) == len(given)


# Times; what LiteLLM writes when the stream is over, into the first chunk as it happens; and the
# model, which the newest notes where chunks are its own objects.
BESIDE = {"created_at", "usage", "response_cost", "upstream_usage_cost", "provider_response_model"}


def _everything(one: Any) -> Json:
    """A chunk with what LiteLLM keeps beside it."""
    hidden = {k: v for k, v in one._hidden_params.items() if k not in BESIDE}
    return {**one.model_dump(), "created": 0, "hidden": hidden}


@both
@pytest.mark.skipif(not hands_out_chunks(), reason="this LiteLLM has one way only")
def test_the_short_way_gives_the_same_chunks(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    short = 0

    class Counted(Direct):
        def chunk(self, chunk: Json) -> Any:
            nonlocal short
            found = super().chunk(chunk)
            short += found is not None
            return found

    monkeypatch.setattr("llm_kimi.integrations.litellm.handler.Direct", Counted)
    found = None
    for _ in range(5):  # a new second may begin between two chunks
        found = streamed(way, ANSWER)
        if short:
            break
    assert short >= 4
    monkeypatch.setattr(plain_text, "hands_out_chunks", lambda: False)
    long = streamed(way, ANSWER)
    assert found is not None
    assert [_everything(one) for one in found] == [_everything(one) for one in long]
    assert len({one.created for one in found}) == 1


@both
def test_a_model_that_is_stuck_is_still_found(way: str) -> None:
    reads = [*ANSWER[:1], text(*["again and "] * 300), *ANSWER[-1:]]
    with pytest.raises(Exception, match="repeating the same chunk"):
        streamed(way, reads)


@both
def test_reasoning_merged_into_the_text_goes_the_long_way(way: str) -> None:
    reads = [ANSWER[0], [chunk(reasoning_content="Hm")], text("a"), text("b"), ANSWER[-1]]
    found = "".join(contents(streamed(way, reads, merge_reasoning_content_in_choices=True)))
    assert found == "<think>Hm</think>ab"


def test_what_is_no_piece_of_text_ends_a_run() -> None:
    odd: list[Json] = [
        chunk(index=1, content="x"),
        chunk(finish="stop", content="x"),
        chunk(role="assistant", content="x"),
        {**chunk(content="x"), "service_tier": "flex"},
        {**HEAD, "choices": [{**chunk(content="x")["choices"][0], "logprobs": {"content": []}}]},
        chunk(content=""),
        {**HEAD, "choices": []},
    ]
    for other in odd:
        given = [*text("a", "b"), other, *text("c", "d")]
        assert list(together(given)) == [*text("ab"), other, *text("cd")]
    assert list(together(text("a", "b", "b", "b", "c"))) == text("ab", "b", "bc")


def test_the_pieces_that_came_are_not_changed() -> None:
    given = text("a", "b")
    before = json.dumps(given)
    assert list(together(given)) == text("ab")
    assert json.dumps(given) == before


@pytest.mark.skipif(not hands_out_chunks(), reason="this LiteLLM has one way only")
@pytest.mark.parametrize("later", [0.0, 1.0, -60.0], ids=["same", "next", "old"])
def test_where_the_second_is_not_certain_all_goes_the_long_way(
    later: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``later``: when LiteLLM handed out the first chunk. An earlier try says nothing."""
    now = 1_800_000_000.5
    monkeypatch.setattr(time, "time", lambda: now)
    handed = datetime.datetime.fromtimestamp(now + later)
    logging = SimpleNamespace(model_call_details={}, completion_start_time=handed)
    fold = Fold(None, Direct("kimi-k2.6", logging))
    first, second = (list(fold.feed(Chunks(text(word)))) for word in ("a", "b"))
    assert isinstance(first[0], dict)
    assert isinstance(second[0], dict) == (later == 1.0)
    if later != 1.0:
        assert second[0].created == int(now)
