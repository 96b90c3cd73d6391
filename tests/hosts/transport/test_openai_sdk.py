"""The transports, sync and async: whole answers over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import copy

from llm_kimi.exchange import Exchange
from llm_kimi.simulator import Simulator
from llm_kimi.transport.run import arun, run
from tests.support.transports import aask, atransport_of, exchange, texts, transport_of


def test_an_answer_streamed_and_whole(simulator: Simulator) -> None:
    for streamed in (True, False):
        sent = exchange("reason: hm\nsay: hello", stream=streamed)
        assert texts(run(sent, transport_of(simulator))) == "hello"
        assert sent.completion is not None
        assert sent.completion["choices"][0]["message"] == {
            "role": "assistant",
            "content": "hello",
            "reasoning_content": "hm",
        }
        assert sent.completion["usage"]["total_tokens"] > 0
        assert sent.trace_id == simulator.requests[-1]["trace_id"]


def test_an_answer_streamed_and_whole_async(simulator: Simulator) -> None:
    async def main() -> None:
        for streamed in (True, False):
            assert await aask(atransport_of(simulator), "say: hello", stream=streamed) == "hello"

    asyncio.run(main())


def test_the_body_arrives_as_it_was_translated_and_is_not_changed(simulator: Simulator) -> None:
    sent = exchange(
        "häß 月",
        tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        response_format={"type": "json_object"},
        max_tokens=50,
        top_p=0.95,
    )
    body = sent.translation.body
    before = copy.deepcopy(body)
    list(run(sent, transport_of(simulator)))
    assert simulator.requests[-1]["body"] == before
    assert sent.translation.body is body
    assert body == before

    async def main() -> None:
        again = Exchange(sent.translation)
        async for _ in arun(again, atransport_of(simulator)):
            pass

    asyncio.run(main())
    assert simulator.requests[-1]["body"] == before == body
