"""The transports: real HTTP over loopback, and faults through a mock transport; sync and async."""

from __future__ import annotations

import asyncio
import copy
import gc
import gzip
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing, contextmanager, suppress
from typing import Any

import openai
import pytest

from llm_kimi.errors import (
    APIConnectionError,
    APIError,
    InvalidRequestError,
    KimiError,
    StreamError,
)
from llm_kimi.exchange import Chunks, Exchange, Target
from llm_kimi.simulator import Simulator
from llm_kimi.translation import translate
from llm_kimi.transport import client_pool
from llm_kimi.transport.client_pool import clear_clients
from llm_kimi.transport.openai_sdk import AsyncOpenAITransport, OpenAITransport
from llm_kimi.transport.run import arun, run
from scripts.environment import ROOT
from tests.support.replies import DONE, chunk, event, said, stream

try:
    import httpx2 as hx
except ImportError:
    import httpx as hx  # type: ignore[no-redef]

Json = dict[str, Any]
KEY = "relay-key-0123456789"
BASE = "http://kimi.test/v1"


@pytest.fixture(autouse=True)
def _no_client_left() -> Iterator[None]:
    clear_clients()
    yield
    clear_clients()
    client_pool._loops.clear()


def exchange(
    text: str = "hi", *, max_retries: int = 0, target: Target | None = None, **request: Any
) -> Exchange:
    """An exchange; ``jitter`` 0 and no retries unless asked for."""
    request = {
        "model": "kimi-k2.6",
        "messages": [{"role": "user", "content": text}],
        "stream": True,
        **request,
    }
    return Exchange(translate(request), target, max_retries=max_retries, jitter=lambda: 0.0)


def texts(outputs: Any) -> str:
    """The text of outputs."""
    return "".join(
        choice["delta"].get("content") or ""
        for output in outputs
        if isinstance(output, Chunks)
        for item in output.chunks
        for choice in item["choices"]
    )


def ask(transport: OpenAITransport, text: str = "hi", **more: Any) -> str:
    """The text of a whole answer."""
    return texts(run(exchange(text, **more), transport))


async def aask(transport: AsyncOpenAITransport, text: str = "hi", **more: Any) -> str:
    """``ask`` for an event loop."""
    async with aclosing(arun(exchange(text, **more), transport)) as outputs:
        return texts([output async for output in outputs])


def transport_of(simulator: Simulator, **more: Any) -> OpenAITransport:
    return OpenAITransport(simulator.base_url, simulator.key, **more)


def atransport_of(simulator: Simulator, **more: Any) -> AsyncOpenAITransport:
    return AsyncOpenAITransport(simulator.base_url, simulator.key, **more)


def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait until ``condition`` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


async def auntil(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """``until`` for an event loop."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.005)


def closed_early(simulator: Simulator, number: int = -1) -> bool:
    return bool(simulator.requests) and simulator.requests[number]["closed_early"]


LONG = "repeat: 3000 word"


# -- whole answers ----------------------------------------------------------------------------


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


# -- connections ------------------------------------------------------------------------------


def test_six_requests_use_one_connection(simulator: Simulator) -> None:
    for number in range(6):
        # A transport of its own each time, as the doors do it.
        assert ask(transport_of(simulator), f"say: {number}", stream=number != 3) == str(number)
    assert simulator.connections == 1


def test_six_requests_use_one_connection_async(simulator: Simulator) -> None:
    async def main() -> None:
        for number in range(6):
            answer = await aask(atransport_of(simulator), f"say: {number}", stream=number != 3)
            assert answer == str(number)

    asyncio.run(main())
    assert simulator.connections == 1


def test_the_connection_is_kept_through_errors_and_nudges(simulator: Simulator) -> None:
    transport = transport_of(simulator)
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    simulator.fault(status=500, retry_after=0)
    assert ask(transport, "say: a", max_retries=2) == "a"
    simulator.fault(status=400)
    with pytest.raises(APIError):
        ask(transport)
    ask(transport, "no-call", tools=tools, tool_choice="required")
    assert len(simulator.requests) == 5
    assert simulator.connections == 1


def test_each_key_and_each_base_url_has_its_own_client(simulator: Simulator) -> None:
    ask(OpenAITransport(simulator.base_url, "sk-one"))
    ask(OpenAITransport(simulator.base_url, "sk-two"))
    assert simulator.connections == 2
    ask(OpenAITransport(simulator.base_url, "sk-one"))
    assert simulator.connections == 2


def test_many_keys_do_not_pile_up_and_streams_survive_the_cleaning(simulator: Simulator) -> None:
    simulator.chunk_delay = 0.001
    many = range(client_pool.MAX_CLIENTS + 4)
    with closing(
        run(exchange("repeat: 100 word"), OpenAITransport(simulator.base_url, "sk-first"))
    ) as out:
        got = texts([next(out) for _ in range(3)])
        for number in many:
            ask(OpenAITransport(simulator.base_url, f"sk-{number}"), "say: a")
        gc.collect()  # a client that was left open would complain
        assert len(client_pool.clients.kept) <= client_pool.MAX_CLIENTS + 1
        got += texts(out)
    assert got == " ".join(["word"] * 100)
    assert len(client_pool.clients.kept) == client_pool.MAX_CLIENTS
    assert all(kept.users == 0 for kept in client_pool.clients.kept.values())
    assert not any("sk-first" in slot for slot in client_pool.clients.kept)

    async def main() -> None:
        async with aclosing(
            arun(exchange("repeat: 100 word"), AsyncOpenAITransport(simulator.base_url, "sk-first"))
        ) as out:
            got = texts([await anext(out) for _ in range(3)])
            for number in many:
                await aask(AsyncOpenAITransport(simulator.base_url, f"sk-{number}"), "say: a")
            gc.collect()
            got += texts([output async for output in out])
        assert got == " ".join(["word"] * 100)
        ((_, shelf),) = client_pool._loops.values()
        assert len(shelf.kept) == client_pool.MAX_CLIENTS
        assert all(kept.users == 0 for kept in shelf.kept.values())

    asyncio.run(main())


def test_clients_are_given_back_whatever_happens(simulator: Simulator) -> None:
    simulator.fault(status=400)
    with pytest.raises(APIError):
        ask(transport_of(simulator))
    simulator.fault(drop=True)
    with pytest.raises(APIConnectionError):
        ask(transport_of(simulator))
    sent = exchange()
    sent.translation.body["extra"] = object()
    with pytest.raises(InvalidRequestError):
        list(run(sent, transport_of(simulator)))
    for _ in run(exchange(LONG, n=2), transport_of(simulator)):
        break
    (kept,) = client_pool.clients.kept.values()
    until(lambda: kept.users == 0)


def test_a_connection_that_the_server_closed_is_replaced() -> None:
    simulator = Simulator()
    with simulator:
        assert ask(transport_of(simulator), "say: a") == "a"
    with simulator:
        assert ask(transport_of(simulator), "say: b") == "b"

    async def main() -> None:
        simulator.start()
        assert await aask(atransport_of(simulator), "say: a") == "a"
        simulator.stop()
        simulator.start()
        assert await aask(atransport_of(simulator), "say: b") == "b"

    try:
        asyncio.run(main())
    finally:
        simulator.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_does_not_use_its_parents_connections(simulator: Simulator) -> None:
    code = """
import os, sys, warnings
sys.path.insert(0, {path!r})
warnings.simplefilter("ignore")
from tests.hosts.transport.test_openai_sdk import *
transport = OpenAITransport({url!r}, "sk-simulator")
assert ask(transport, "say: parent") == "parent"
child = os.fork()
if child == 0:
    ok = ask(transport, "say: child") == "child"
    os._exit(0 if ok else 1)
_, status = os.waitpid(child, 0)
assert status == 0
assert ask(transport, "say: parent again") == "parent again"
"""
    code = code.format(path=str(ROOT), url=simulator.base_url)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert len(simulator.requests) == 3
    numbers = [request["connection"] for request in simulator.requests]
    assert numbers[0] == numbers[2] != numbers[1]


# -- stopping early ---------------------------------------------------------------------------


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
from tests.hosts.transport.test_openai_sdk import *
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


# -- faults of the network, over the simulator ------------------------------------------------


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


# -- faults through a mock transport ----------------------------------------------------------

Handle = Callable[[Any], Any]


@contextmanager
def mocked(handle: Handle, key: str = KEY) -> Iterator[OpenAITransport]:
    """A transport over a transport that calls ``handle`` with each request."""
    with openai.OpenAI(
        http_client=hx.Client(transport=hx.MockTransport(handle)),
        base_url=BASE,
        api_key=key,
        max_retries=0,
    ) as client:
        yield OpenAITransport(BASE, key, client=client)


def amocked(handle: Handle, body: Callable[[AsyncOpenAITransport], Any], key: str = KEY) -> Any:
    """Runs ``body`` with an async transport over a transport that calls ``handle``."""

    async def main() -> Any:
        async with openai.AsyncOpenAI(
            http_client=hx.AsyncClient(transport=hx.MockTransport(handle)),
            base_url=BASE,
            api_key=key,
            max_retries=0,
        ) as client:
            return await body(AsyncOpenAITransport(BASE, key, client=client))

    return asyncio.run(main())


class Pieces(hx.SyncByteStream, hx.AsyncByteStream):
    """A body in pieces; an exception among them is raised. ``closed`` counts."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = pieces
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece if isinstance(piece, bytes) else self._raise(piece)

    def _raise(self, error: Exception) -> bytes:
        raise error

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


def both_ways(handle: Handle, **more: Any) -> list[Any]:
    """What a sync and an async transport make of it: text, or the error."""
    found: list[Any] = []
    with mocked(handle) as transport:
        try:
            found.append(ask(transport, **more))
        except KimiError as error:
            found.append(error)

    async def body(transport: AsyncOpenAITransport) -> Any:
        try:
            return await aask(transport, **more)
        except KimiError as error:
            return error

    found.append(amocked(handle, body))
    return found


def test_the_request_as_it_goes_out() -> None:
    requests: list[Any] = []

    def handle(request: Any) -> Any:
        requests.append(request)
        return hx.Response(200, content=stream(*said("a")))

    assert both_ways(handle) == ["a", "a"]
    for request in requests:
        assert (request.method, str(request.url)) == ("POST", f"{BASE}/chat/completions")
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["content-type"] == "application/json"
        assert json.loads(request.content) == exchange().translation.body


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", StreamError),
        (b"\n\n", StreamError),
        (b"<html><title>Welcome</title></html>", StreamError),
        (b'{"error": {"message": "no", "type": "server_error"}}', APIError),
        (b'{"error": "no"}', APIError),
        (stream(*said("a"), done=False), StreamError),
        (stream(*said("a")[:2], done=False) + event({"error": {"message": "no"}}), APIError),
        (b"data: {broken\n\n", StreamError),
        (b"data: \xff\n\n", StreamError),
        (DONE, StreamError),
    ],
)
def test_bodies_that_are_no_answer(content: bytes, error: type[Exception]) -> None:
    for found in both_ways(lambda request: hx.Response(200, content=content), max_retries=2):
        assert isinstance(found, error)
        assert chain_of(found) == []


def test_done_and_more_bytes_in_one_piece() -> None:
    content = stream(*said("a")) + b": bye\n\ndata: {broken\n\n\xff"
    assert both_ways(lambda request: hx.Response(200, content=content)) == ["a", "a"]


@pytest.mark.parametrize("size", [1, 3, 50, 10_000])
def test_a_compressed_answer(size: int) -> None:
    packed = gzip.compress(stream(*said("häß", " 月")))
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]

    def handle(request: Any) -> Any:
        return hx.Response(200, headers={"content-encoding": "gzip"}, stream=Pieces(*pieces))

    assert both_ways(handle) == ["häß 月"] * 2


def test_a_compressed_answer_that_is_broken() -> None:
    def handle(request: Any) -> Any:
        headers = {"content-encoding": "gzip"}
        return hx.Response(200, headers=headers, stream=Pieces(b"no gzip at all"))

    for found in both_ways(handle):
        assert isinstance(found, APIConnectionError)


def test_a_compressed_error() -> None:
    packed = gzip.compress(b'{"error": {"message": "why", "type": "server_error"}}')

    def handle(request: Any) -> Any:
        return hx.Response(500, headers={"content-encoding": "gzip"}, content=packed)

    for found in both_ways(handle):
        assert (found.status, found.type, found.detail) == (500, "server_error", "why")


@pytest.mark.parametrize(
    ("error", "words", "tries"),
    [
        (hx.ConnectError("refused"), "no connection", 3),
        (hx.ConnectTimeout("slow"), "no connection", 3),
        (hx.PoolTimeout("full"), "no connection", 3),
        (hx.ReadError("reset"), "no connection", 3),
        (hx.WriteError("reset"), "no connection", 3),
        (hx.RemoteProtocolError("bad"), "no connection", 3),
        (hx.ReadTimeout("slow"), "timed out", 1),
        (hx.WriteTimeout("slow"), "timed out", 1),
    ],
)
def test_errors_before_an_answer(
    error: Exception, words: str, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_kimi.transport.run.time.sleep", lambda seconds: None)
    count = 0

    def handle(request: Any) -> Any:
        nonlocal count
        count += 1
        raise error

    with mocked(handle) as transport, pytest.raises(APIConnectionError, match=words) as caught:
        ask(transport, max_retries=2)
    assert count == tries
    assert chain_of(caught.value) == []
    assert caught.value.timeout is ("Timeout" in type(error).__name__)


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("error", [hx.ReadError("reset"), hx.ReadTimeout("slow"), OSError("gone")])
def test_errors_while_reading(error: Exception, begun: bool) -> None:
    pieces: list[bytes | Exception] = [stream(*said("a")[:2], done=False)] if begun else []
    bodies = []

    def handle(request: Any) -> Any:
        bodies.append(Pieces(*pieces, error))
        return hx.Response(200, stream=bodies[-1])

    for found in both_ways(handle):
        assert isinstance(found, APIConnectionError)
        assert chain_of(found) == []
    assert len(bodies) == 2
    assert all(body.closed for body in bodies)


def test_an_error_while_the_error_is_read() -> None:
    def handle(request: Any) -> Any:
        return hx.Response(500, stream=Pieces(b'{"error"', hx.ReadError("reset")))

    for found in both_ways(handle):
        assert isinstance(found, (APIConnectionError, APIError))
        assert chain_of(found) == []


def test_an_early_end_closes_the_body() -> None:
    bodies = []

    def handle(request: Any) -> Any:
        bodies.append(Pieces(*(event(item) for item in said("a", "b", "c"))))
        return hx.Response(200, stream=bodies[-1])

    with mocked(handle) as transport:
        outputs = run(exchange(), transport)
        next(outputs)
        assert bodies[-1].closed == 0
        outputs.close()
        assert bodies[-1].closed == 1

    async def body(transport: AsyncOpenAITransport) -> None:
        outputs = arun(exchange(), transport)
        await anext(outputs)
        assert bodies[-1].closed == 0
        await outputs.aclose()
        assert bodies[-1].closed == 1

    amocked(handle, body)


def test_an_answer_with_another_status_than_200_is_an_error() -> None:
    for status in (201, 204, 302, 304):
        for found in both_ways(lambda request, status=status: hx.Response(status)):
            assert isinstance(found, APIError)
            assert found.status == status


def test_a_body_that_cannot_be_written_is_an_error_before_it_is_sent(simulator: Simulator) -> None:
    loop: list[Any] = []
    loop.append(loop)
    for value in (object(), {1, 2}, float("nan"), "\ud800", loop):
        sent = exchange()
        sent.translation.body["extra"] = value
        with pytest.raises(InvalidRequestError, match="cannot be written as JSON") as caught:
            list(run(sent, transport_of(simulator)))
        assert chain_of(caught.value) == []
    assert simulator.requests == []


@pytest.mark.parametrize("base_url", ["http://[::1", "http://a\x00b", "http://a:b:c/"])
def test_a_base_url_that_cannot_be_used(base_url: str) -> None:
    with pytest.raises((InvalidRequestError, APIConnectionError)) as caught:
        ask(OpenAITransport(base_url, KEY))
    assert chain_of(caught.value) == []

    async def main() -> None:
        with pytest.raises((InvalidRequestError, APIConnectionError)):
            await aask(AsyncOpenAITransport(base_url, KEY))

    asyncio.run(main())


# -- what Kimi must not see, and what nobody must see -----------------------------------------


def chain_of(error: BaseException) -> list[BaseException]:
    """What is chained to an error. Ours have nothing: the HTTP client's hold the request."""
    assert KEY not in "".join(traceback.format_exception(error))
    return [item for item in (error.__cause__, error.__context__) if item is not None]


def test_what_the_environment_holds_for_openai_stays_here(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-0123456789")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-0123456789")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-secret")
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", "webhook-secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Secret: custom-secret\nAuthorization: Bearer x")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://openai.test/v1")
    simulator.keys = frozenset({"sk-simulator"})
    ask(transport_of(simulator))
    asyncio.run(aask(atransport_of(simulator)))
    assert len(simulator.requests) == 2
    for request in simulator.requests:
        assert request["status"] == 200
        shown = json.dumps(request["headers"]).lower()
        for word in ("secret", "openai-org", "openai-project", "sk-openai", "sk-admin", "x-secret"):
            assert word not in shown


@pytest.mark.parametrize(
    "key", ["", "sk-cut\nin-two-0123", "sk-blank 0123456", "sk-ключ-0123", "\t"]
)
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(
    key: str, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-0123456789")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-0123456789")
    with pytest.raises(InvalidRequestError) as caught:
        ask(OpenAITransport(simulator.base_url, key))
    assert caught.value.param == "key"
    assert chain_of(caught.value) == []
    if key.strip():
        assert key not in "".join(traceback.format_exception(caught.value))

    async def main() -> None:
        with pytest.raises(InvalidRequestError):
            await aask(AsyncOpenAITransport(simulator.base_url, key))

    asyncio.run(main())
    assert simulator.requests == []


def test_a_key_in_the_words_of_the_network_is_taken_out() -> None:
    def handle(request: Any) -> Any:
        raise hx.LocalProtocolError(f"Illegal header value b'Bearer {KEY}'")

    for found in both_ways(handle):
        assert KEY not in str(found)
        assert "Bearer ***" in str(found)

    def read(request: Any) -> Any:
        return hx.Response(200, stream=Pieces(hx.ReadError(f"oh {KEY}")))

    for found in both_ways(read):
        assert KEY not in str(found)


def test_the_key_is_in_no_repr_and_no_log(
    simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for transport in (OpenAITransport(BASE, KEY), AsyncOpenAITransport(BASE, KEY)):
        assert KEY not in repr(transport) + str(transport)
    ask(OpenAITransport(simulator.base_url, KEY))
    simulator.fault(status=401, message=f"wrong {KEY}")
    target = Target(simulator.base_url, "the option --key", KEY)
    with pytest.raises(APIError) as caught:
        ask(OpenAITransport(simulator.base_url, KEY), target=target)
    assert chain_of(caught.value) == []
    assert KEY not in str(caught.value)
    assert KEY not in caplog.text


def test_chunks_split_anywhere_by_the_network() -> None:
    content = stream(chunk({"content": "月之暗面"}), *said("🌒"))
    pieces = [content[at : at + 1] for at in range(len(content))]
    found = both_ways(lambda request: hx.Response(200, stream=Pieces(*pieces)))
    assert found == ["月之暗面🌒"] * 2


@pytest.mark.parametrize(
    ("base_url", "begun", "end"),
    [
        ("http://127.0.0.1:9/v1", False, "KIMI_BASE_URL to use https://api.moonshot.ai/v1"),
        ("http://localhost:9/v1", False, "KIMI_BASE_URL to use https://api.moonshot.ai/v1"),
        ("http://[::1]:9/v1", False, "KIMI_BASE_URL to use https://api.moonshot.ai/v1"),
        ("https://relay.example/v1", False, "KIMI_BASE_URL to use https://api.moonshot.ai/v1"),
        ("http://127.0.0.1:9/v1", True, "in the middle of the answer (refused)"),
    ],
)
def test_a_connection_that_fails_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, base_url: str, begun: bool, end: str
) -> None:
    from llm_kimi.transport.network_errors import network_failure

    monkeypatch.setenv("KIMI_BASE_URL", f"{base_url}/")
    error = network_failure(ConnectionError("refused"), base_url, begun=begun).error
    assert str(error).endswith(end)
    assert ("KIMI_BASE_URL sets this address" in str(error)) is not begun
    # Its simulator is offered on this machine only.
    assert ("llm kimi simulate" in str(error)) is (not begun and "relay" not in base_url)


def test_without_a_variable_nothing_is_laid_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from llm_kimi.transport.network_errors import network_failure

    url = "https://api.moonshot.ai/v1"
    text = f"no connection to {url} (refused)"
    assert str(network_failure(ConnectionError("refused"), url, begun=False).error) == text
    monkeypatch.setenv("KIMI_BASE_URL", "ftp://no")  # said elsewhere
    assert str(network_failure(ConnectionError("refused"), url, begun=False).error) == text
