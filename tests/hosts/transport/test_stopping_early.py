"""Whoever stops reading, in any way, closes the connection."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from contextlib import aclosing, suppress
from typing import Any

import pytest

from llm_kimi.simulator import Simulator
from llm_kimi.transport import client_pool
from llm_kimi.transport.run import arun, run
from tests.support.transports import (
    LONG,
    aask,
    ask,
    atransport_of,
    closed_early,
    exchange,
    transport_of,
)
from tests.support.waiting import auntil, until


def test_closing_the_generator_closes_the_connection(simulator: Simulator) -> None:
    simulator.chunk_delay = 0.002
    outputs = run(exchange(LONG), transport_of(simulator))
    next(outputs)
    next(outputs)
    outputs.close()
    until(lambda: closed_early(simulator))
    assert ask(transport_of(simulator), "say: next") == "next"


def test_leaving_the_loop_closes_the_connection(simulator: Simulator) -> None:
    simulator.chunk_delay = 0.002
    for _ in run(exchange(LONG), transport_of(simulator)):
        break
    gc.collect()
    until(lambda: closed_early(simulator))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit, SystemExit])
def test_an_error_of_the_consumer_closes_the_connection(
    simulator: Simulator, error: type[BaseException]
) -> None:
    simulator.chunk_delay = 0.002
    outputs = run(exchange(LONG), transport_of(simulator))
    next(outputs)
    with pytest.raises(error):
        outputs.throw(error())
    until(lambda: closed_early(simulator))
    with suppress(StopIteration):
        next(outputs)
        pytest.fail("went on")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
@pytest.mark.parametrize("place", ["head", "body", "wait"])
def test_an_interrupt_while_waiting_closes_the_connection(simulator: Simulator, place: str) -> None:
    if place == "head":
        simulator.fault(delay=50)
    elif place == "wait":
        simulator.fault(status=503, retry_after=50)
    else:
        simulator.chunk_delay = 50

    def interrupt(number: int, frame: Any) -> None:
        if simulator.connections if place == "head" else simulator.requests:
            raise KeyboardInterrupt
        signal.setitimer(signal.ITIMER_REAL, 0.3)  # a busy machine: nothing is asked yet

    before = signal.signal(signal.SIGALRM, interrupt)
    start = time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):
            ask(transport_of(simulator), LONG, max_retries=2)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - start < 30
    simulator.chunk_delay = 0
    assert ask(transport_of(simulator), "say: next") == "next"


def test_closing_the_async_generator_closes_the_connection(simulator: Simulator) -> None:
    simulator.chunk_delay = 0.002

    async def main() -> None:
        outputs = arun(exchange(LONG), atransport_of(simulator))
        await anext(outputs)
        await outputs.aclose()
        await auntil(lambda: closed_early(simulator))
        assert await aask(atransport_of(simulator), "say: next") == "next"

    asyncio.run(main())


def test_leaving_the_async_loop_closes_the_connection(simulator: Simulator) -> None:
    """Without ``aclosing``: asyncio's hook closes what the collector finds."""
    simulator.chunk_delay = 0.002

    async def main() -> None:
        async for _ in arun(exchange(LONG), atransport_of(simulator)):
            break
        gc.collect()
        await auntil(lambda: closed_early(simulator))

    asyncio.run(main())


def test_the_end_of_the_loop_closes_what_is_open(simulator: Simulator) -> None:
    simulator.chunk_delay = 0.002
    kept = []

    async def main() -> None:
        kept.append(arun(exchange(LONG), atransport_of(simulator)))
        await anext(kept[0])

    asyncio.run(main())
    until(lambda: closed_early(simulator))
    assert client_pool._loops == {}


@pytest.mark.parametrize("place", ["head", "body", "wait"])
@pytest.mark.parametrize("n", [1, 3])
def test_cancelling_closes_the_connection(simulator: Simulator, place: str, n: int) -> None:
    if place == "head":
        simulator.fault(delay=1, times=n)
    elif place == "wait":
        simulator.fault(status=503, retry_after=9, times=n)
    else:
        simulator.chunk_delay = 0.01

    async def main() -> None:
        task = asyncio.create_task(aask(atransport_of(simulator), LONG, max_retries=2, n=n))
        if place != "head":  # of which there is no record yet
            await auntil(lambda: len(simulator.requests) == n)
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if place == "body":
            await auntil(lambda: all(request["closed_early"] for request in simulator.requests))
            assert len(simulator.requests) == n
        simulator.chunk_delay = 0
        assert await aask(atransport_of(simulator), "say: next") == "next"
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_a_timeout_around_a_read_closes_the_connection(simulator: Simulator) -> None:
    simulator.chunk_delay = 2

    async def main() -> None:
        outputs = arun(exchange(LONG), atransport_of(simulator))
        await anext(outputs)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(outputs), 0.05)
        await auntil(lambda: closed_early(simulator))
        with pytest.raises(StopAsyncIteration):
            await anext(outputs)

    asyncio.run(main())


def test_an_error_of_the_async_consumer_closes_the_connection(simulator: Simulator) -> None:
    simulator.chunk_delay = 0.002

    async def main() -> None:
        async def consume() -> None:
            async with aclosing(arun(exchange(LONG), atransport_of(simulator))) as outputs:
                async for _ in outputs:
                    raise ValueError("mine")

        with pytest.raises(ValueError, match="mine"):
            await consume()
        await auntil(lambda: closed_early(simulator))

    asyncio.run(main())
