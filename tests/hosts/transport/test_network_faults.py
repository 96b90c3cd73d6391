"""Faults of the network, over the simulator."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import closing, suppress

import pytest

from llm_kimi.errors import APIConnectionError, APIError, KimiError, StreamError
from llm_kimi.simulator import Simulator
from llm_kimi.transport.openai_sdk import AsyncOpenAITransport, OpenAITransport
from llm_kimi.transport.run import run
from tests.support.transports import (
    KEY,
    LONG,
    Json,
    aask,
    ask,
    atransport_of,
    chain_of,
    exchange,
    transport_of,
)


def test_a_cut_stream_is_no_answer(simulator: Simulator) -> None:
    for fault in ({"cut_after": 3}, {"cut_after": 4}):
        simulator.fault(**fault)
        sent = exchange("say: one two three four")
        with pytest.raises((StreamError, APIConnectionError)):
            list(run(sent, transport_of(simulator)))
        assert sent.completion is None
        simulator.fault(**fault)

        async def main() -> None:
            with pytest.raises((StreamError, APIConnectionError)):
                await aask(atransport_of(simulator), "say: one two three four")

        asyncio.run(main())
    assert len(simulator.requests) == 4


def test_a_cut_whole_answer_is_no_answer(simulator: Simulator) -> None:
    simulator.fault(cut_after=0)
    with pytest.raises((StreamError, APIConnectionError)):
        ask(transport_of(simulator), "say: one two three four", stream=False)


def test_after_the_first_byte_nothing_is_tried_again(simulator: Simulator) -> None:
    for fault in ({"cut_after": 2}, {"error_in_stream": 2}):
        simulator.requests.clear()
        simulator.fault(**fault)
        with pytest.raises(KimiError):
            ask(transport_of(simulator), "say: a b c", max_retries=2)
        assert len(simulator.requests) == 1


def test_before_the_first_byte_it_is_tried_again(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_kimi.exchange.retry.retry_delay", lambda *_: 0.01)
    for fault in (
        {"drop": True},
        {"status": 429, "type": "engine_overloaded_error", "retry_after": 0},
        {"status": 500, "retry_after": 0},
        {"html": True, "retry_after": 0},
    ):
        simulator.fault(**fault)
        assert ask(transport_of(simulator), "say: a", max_retries=2) == "a"
        simulator.fault(**fault)

        async def main() -> None:
            assert await aask(atransport_of(simulator), "say: a", max_retries=2) == "a"

        asyncio.run(main())
    assert len(simulator.requests) == 16


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ({"status": 401}, 401, "Keys belong to one host"),
        ({"status": 404, "message": "Not found the model x"}, 404, "New accounts do not get"),
        ({"status": 429, "type": "exceeded_current_quota_error"}, 429, "balance"),
        ({"status": 500}, 500, "server_error"),
        ({"html": True}, 504, "504 Gateway Time-out"),
        ({"html": True, "status": 502}, 502, "a gateway answered with a page"),
        ({"status": 400, "type": "content_filter"}, 400, "rephrase"),
    ],
)
def test_error_answers(simulator: Simulator, fault: Json, status: int, words: str) -> None:
    simulator.fault(**fault, times=2)
    with pytest.raises(APIError) as caught:
        ask(transport_of(simulator))
    assert caught.value.status == status
    assert words in str(caught.value)
    assert caught.value.trace_id == simulator.requests[-1]["trace_id"]
    assert chain_of(caught.value) == []

    async def main() -> None:
        with pytest.raises(APIError) as caught:
            await aask(atransport_of(simulator))
        assert caught.value.status == status
        assert chain_of(caught.value) == []

    asyncio.run(main())


def test_a_refused_connection() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(APIConnectionError, match="no connection to http") as caught:
            ask(OpenAITransport(base_url, KEY))
        assert not caught.value.timeout
        assert chain_of(caught.value) == []

        async def main() -> None:
            with pytest.raises(APIConnectionError, match="no connection to http"):
                await aask(AsyncOpenAITransport(base_url, KEY))

        asyncio.run(main())


@pytest.mark.parametrize("place", ["head", "body"])
def test_a_read_that_takes_too_long(simulator: Simulator, place: str) -> None:
    if place == "head":
        simulator.fault(delay=5, times=2)
    else:
        simulator.chunk_delay = 5
    with pytest.raises(
        APIConnectionError, match="raise the option timeout to wait longer"
    ) as caught:
        ask(transport_of(simulator, timeout=1), LONG, max_retries=2)
    assert caught.value.timeout
    assert chain_of(caught.value) == []

    async def main() -> None:
        with pytest.raises(APIConnectionError, match="timed out"):
            await aask(atransport_of(simulator, timeout=1), LONG, max_retries=2)

    asyncio.run(main())
    assert len(simulator.requests) <= 2, "not tried again"


def test_a_connection_that_takes_too_long() -> None:
    with closing(socket.socket()) as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        base_url = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        waiting = []
        try:
            for _ in range(3):  # fill the backlog: who comes now is not let in
                one = socket.socket()
                one.setblocking(False)
                with suppress(BlockingIOError):
                    one.connect(full.getsockname())
                waiting.append(one)
            time.sleep(0.05)
            with pytest.raises(APIConnectionError, match="no connection") as caught:
                ask(OpenAITransport(base_url, KEY, timeout=0.2))
            assert caught.value.timeout
        finally:
            for one in waiting:
                one.close()
