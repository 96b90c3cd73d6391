"""Faults that no server on loopback makes, through a mock transport."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from llm_kimi.errors import APIConnectionError, APIError, InvalidRequestError, StreamError
from llm_kimi.simulator import Simulator
from llm_kimi.transport.openai_sdk import AsyncOpenAITransport, OpenAITransport
from llm_kimi.transport.run import arun, run
from tests.support.replies import DONE, event, said, stream
from tests.support.transports import (
    BASE,
    KEY,
    Pieces,
    aask,
    amocked,
    ask,
    both_ways,
    chain_of,
    exchange,
    hx,
    mocked,
    transport_of,
)


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
