"""Connections of the transports: shared, kept, given up, made anew."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from contextlib import aclosing, closing

import pytest

from llm_kimi.errors import APIConnectionError, APIError, InvalidRequestError
from llm_kimi.simulator import Simulator
from llm_kimi.transport import client_pool
from llm_kimi.transport.openai_sdk import AsyncOpenAITransport, OpenAITransport
from llm_kimi.transport.run import arun, run
from scripts.environment import ROOT
from tests.support.transports import LONG, aask, ask, atransport_of, exchange, texts, transport_of
from tests.support.waiting import until


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
from llm_kimi.transport.openai_sdk import OpenAITransport
from tests.support.transports import ask
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
