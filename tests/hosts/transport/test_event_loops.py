"""The transports in several event loops and threads, and with several choices."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from llm_kimi.errors import APIError, KimiError
from llm_kimi.exchange import Exchange
from llm_kimi.simulator import Simulator
from llm_kimi.transport import client_pool
from llm_kimi.transport.run import arun, run
from scripts.environment import ROOT
from tests.support.transports import (
    LONG,
    Json,
    aask,
    ask,
    atransport_of,
    exchange,
    texts,
    transport_of,
)
from tests.support.waiting import auntil, until

# -- event loops and threads ------------------------------------------------------------------


@pytest.fixture
def quiet_loop(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing is logged by asyncio: no task that was destroyed, no exception never retrieved."""
    caplog.set_level(logging.WARNING, "asyncio")
    yield
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


@pytest.mark.usefixtures("quiet_loop")
def test_several_event_loops_in_a_row(simulator: Simulator) -> None:
    simulator.chunk_delay = 0.001

    async def main(number: int) -> None:
        assert await aask(atransport_of(simulator), f"say: {number}") == str(number)
        async for _ in arun(exchange(LONG), atransport_of(simulator)):
            break
        outputs = arun(exchange(LONG), atransport_of(simulator))
        await anext(outputs)
        if number % 2:
            await outputs.aclose()
        simulator.fault(status=400)
        with pytest.raises(APIError):
            await aask(atransport_of(simulator))

    for number in range(5):
        asyncio.run(main(number), debug=number == 4)
        assert client_pool._loops == {}
    gc.collect()
    until(lambda: sum(request["closed_early"] for request in simulator.requests) == 10)


def test_several_event_loops_in_a_row_are_silent(simulator: Simulator) -> None:
    """In a process of its own, with every warning an error, down to the end of the interpreter."""
    code = """
import asyncio, sys
sys.path.insert(0, {path!r})
from llm_kimi.transport import client_pool
from llm_kimi.transport.openai_sdk import AsyncOpenAITransport, OpenAITransport
from llm_kimi.transport.run import arun, run
from tests.support.transports import aask, ask, exchange
async def main(number):
    transport = AsyncOpenAITransport({url!r}, "sk-simulator")
    assert await aask(transport, "say: a") == "a"
    assert len(await aask(transport, "say: a", n=3)) >= 3
    async for output in arun(exchange("repeat: 500 word"), transport):
        break
    outputs = arun(exchange("repeat: 500 word", n=2), transport)
    await anext(outputs)
    if number % 2:
        await outputs.aclose()
for number in range(5):
    asyncio.run(main(number))
    assert not client_pool._loops
assert ask(OpenAITransport({url!r}, "sk-simulator"), "say: a") == "a"
for output in run(exchange("repeat: 500 word", n=2), OpenAITransport({url!r}, "sk-simulator")):
    break
"""
    simulator.chunk_delay = 0.001
    code = code.format(path=str(ROOT), url=simulator.base_url)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_two_loops_in_two_threads_keep_to_themselves(simulator: Simulator) -> None:
    found: list[str] = []

    async def main() -> None:
        found.extend([await aask(atransport_of(simulator), f"say: {at}") for at in range(20)])

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert simulator.connections == 4
    assert client_pool._loops == {}


def test_a_loop_that_was_closed_without_ceremony_leaves_nothing(simulator: Simulator) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(aask(atransport_of(simulator), "say: a"))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    assert client_pool._loops == {}


def test_64_threads_share_a_transport(simulator: Simulator) -> None:
    transport = transport_of(simulator)
    found: dict[int, str] = {}
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(3):
                found[number] = ask(transport, f"say: this is {number}")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert found == {number: f"this is {number}" for number in range(64)}
    assert len(simulator.requests) == 192
    assert simulator.connections <= 64


def test_100_streams_in_one_loop(simulator: Simulator) -> None:
    async def main() -> list[str]:
        transport = atransport_of(simulator)
        asked = (aask(transport, f"say: this is {number}") for number in range(100))
        return await asyncio.gather(*asked)

    assert asyncio.run(main()) == [f"this is {number}" for number in range(100)]
    assert simulator.connections <= 100


# -- several choices --------------------------------------------------------------------------


def test_several_choices(simulator: Simulator) -> None:
    sent = exchange("say: hello", n=6)
    outputs = list(run(sent, transport_of(simulator)))
    assert texts(outputs) == "hello" * 6
    assert sent.completion is not None
    assert [choice["index"] for choice in sent.completion["choices"]] == list(range(6))
    assert len(simulator.requests) == 6
    assert simulator.connections <= 4


def test_several_choices_async(simulator: Simulator) -> None:
    async def main() -> Exchange:
        sent = exchange("say: hello", n=6)
        async for _ in arun(sent, atransport_of(simulator)):
            pass
        assert len(asyncio.all_tasks()) == 1
        return sent

    sent = asyncio.run(main())
    assert sent.completion is not None
    assert [choice["message"]["content"] for choice in sent.completion["choices"]] == ["hello"] * 6
    one = simulator.requests[0]["usage"]["completion_tokens"]
    assert sent.completion["usage"]["completion_tokens"] == 6 * one
    assert simulator.connections <= 4


@pytest.mark.parametrize("fault", [{"status": 400}, {"cut_after": 3}, {"drop": True}])
def test_one_of_several_choices_fails(simulator: Simulator, fault: Json) -> None:
    simulator.chunk_delay = 0.002
    simulator.fault(**fault)
    threads = threading.active_count()
    with pytest.raises(KimiError):
        ask(transport_of(simulator), LONG, n=3)
    until(lambda: sum(request["closed_early"] for request in simulator.requests) == 2)
    until(lambda: simulator_threads_aside(threads))


def simulator_threads_aside(before: int) -> bool:
    """Whether no thread of ours is left."""
    ours = [t for t in threading.enumerate() if not t.name.startswith("kimi-simulator")]
    return len(ours) <= before


@pytest.mark.usefixtures("quiet_loop")
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("fault", [{"status": 400}, {"cut_after": 3}, {"drop": True}])
def test_one_of_several_choices_fails_async(simulator: Simulator, fault: Json, times: int) -> None:
    simulator.chunk_delay = 0.002
    simulator.fault(**fault, times=times)

    async def main() -> None:
        with pytest.raises(KimiError):
            await aask(atransport_of(simulator), LONG, n=3)
        assert len(asyncio.all_tasks()) == 1
        await auntil(
            lambda: (
                sum(r["closed_early"] for r in simulator.requests)
                >= len(simulator.requests) - times
            )
        )

    asyncio.run(main())


def test_several_choices_closed_early(simulator: Simulator) -> None:
    simulator.chunk_delay = 0.002
    outputs = run(exchange(LONG, n=6), transport_of(simulator))
    next(outputs)
    outputs.close()
    until(lambda: simulator.requests and all(r["closed_early"] for r in simulator.requests))
    time.sleep(0.1)
    assert len(simulator.requests) <= 4  # the last two were never asked for

    async def main() -> None:
        simulator.requests.clear()
        outputs = arun(exchange(LONG, n=6), atransport_of(simulator))
        await anext(outputs)
        await outputs.aclose()
        await auntil(lambda: all(r["closed_early"] for r in simulator.requests))
        assert len(simulator.requests) <= 4

    asyncio.run(main())


def test_a_choice_that_waits_for_its_retry_asks_no_more_once_nobody_listens(
    simulator: Simulator,
) -> None:
    simulator.fault(status=503, retry_after=0, times=2)
    outputs = run(exchange(LONG, n=3, max_retries=2), transport_of(simulator))
    next(outputs)
    outputs.close()
    time.sleep(0.8)
    assert len(simulator.requests) == 3


def test_several_whole_answers(simulator: Simulator) -> None:
    sent = exchange("say: hello", n=2, stream=False)
    assert texts(run(sent, transport_of(simulator))) == "hellohello"
