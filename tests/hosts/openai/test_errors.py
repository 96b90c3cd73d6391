"""Errors are the SDK's own classes with this package's words, and nothing is asked too often."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import openai
import pytest

from llm_kimi.openai import AsyncKimi, Kimi, KimiHTTPClient
from llm_kimi.simulator import Simulator
from tests.support.raw_servers import HEAD, Connection, chunked, raw_server

HI = [{"role": "user", "content": "say: hello"}]
WAYS = ("sync", "async")
QUOTA = {"status": 429, "type": "exceeded_current_quota_error", "message": "You have no balance"}


def ask(
    way: str, *, stream: bool = False, client: dict[str, Any] | None = None, **more: Any
) -> str:
    """The text of one answer."""
    arguments = {"model": "kimi-k2.6", "messages": HI, "stream": stream, **more}
    if way == "sync":
        with Kimi(**(client or {})) as kimi:
            answer: Any = kimi.chat.completions.create(**arguments)
            if not stream:
                return str(answer.choices[0].message.content)
            return "".join(c.delta.content or "" for x in answer for c in x.choices)

    async def call() -> str:
        async with AsyncKimi(**(client or {})) as kimi:
            answer: Any = await kimi.chat.completions.create(**arguments)
            if not stream:
                return str(answer.choices[0].message.content)
            return "".join([c.delta.content or "" async for x in answer for c in x.choices])

    return asyncio.run(call())


@pytest.mark.parametrize("way", WAYS)
def test_a_request_that_cannot_be_sent(kimi: Simulator, way: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(way, temperature="warm")
    assert caught.value.param == "temperature"
    assert caught.value.type == "invalid_request_error"
    assert kimi.requests == []


@pytest.mark.parametrize("way", WAYS)
def test_strict_mode(kimi: Simulator, way: str) -> None:
    with pytest.raises(openai.BadRequestError, match=r"strict mode: temperature 0\.2") as caught:
        ask(way, client={"strict": True}, temperature=0.2)
    assert (caught.value.param, caught.value.code) == ("temperature", "strict_mode")
    assert kimi.requests == []


def test_strict_mode_by_the_environment(kimi: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_STRICT", "1")
    with pytest.raises(openai.BadRequestError, match="strict mode"):
        ask("sync", temperature=0.2)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("status", "kind", "cls"),
    [
        (401, "invalid_authentication_error", openai.AuthenticationError),
        (403, "permission_denied_error", openai.PermissionDeniedError),
        (404, "resource_not_found_error", openai.NotFoundError),
        (429, "rate_limit_reached_error", openai.RateLimitError),
        (500, "server_error", openai.InternalServerError),
    ],
)
def test_an_error_answer_is_the_sdks_class_for_its_status(
    kimi: Simulator, status: int, kind: str, cls: type[Exception], way: str, stream: bool
) -> None:
    kimi.fault(status=status, type=kind, times=9)
    with pytest.raises(cls) as caught:
        ask(way, stream=stream, client={"max_retries": 0})
    error: Any = caught.value
    assert error.type == kind
    assert error.request_id == kimi.requests[0]["trace_id"]
    assert len(kimi.requests) == 1
    assert kimi.key not in str(error)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_the_sdks_number_of_retries_counts_and_is_not_multiplied(
    kimi: Simulator, way: str, retries: int
) -> None:
    kimi.fault(status=503, type="server_unavailable", retry_after=0.01, times=99)
    with pytest.raises(openai.InternalServerError):
        ask(way, client={"max_retries": retries})
    assert len(kimi.requests) == retries + 1


@pytest.mark.parametrize("way", WAYS)
def test_quota_is_asked_once(kimi: Simulator, way: str) -> None:
    """The SDK as it is asks three times for what no time mends."""
    kimi.fault(**QUOTA, times=9)
    with pytest.raises(openai.RateLimitError, match="balance") as caught:
        ask(way)
    assert caught.value.code in ("insufficient_quota", "exceeded_current_quota_error")
    assert len(kimi.requests) == 1


def test_a_client_of_ones_own_does_not_try_again_what_was_tried(kimi: Simulator) -> None:
    kimi.fault(status=503, type="server_unavailable", retry_after=0.01, times=99)
    with (
        KimiHTTPClient(max_retries=1) as http,
        openai.OpenAI(base_url=kimi.base_url, api_key=kimi.key, http_client=http) as client,
        pytest.raises(openai.InternalServerError),
    ):
        client.chat.completions.create(model="kimi-k2.6", messages=HI)  # type: ignore[arg-type]
    assert len(kimi.requests) == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_is_cut_is_an_error(kimi: Simulator, way: str) -> None:
    kimi.fault(cut_after=8)
    with pytest.raises(openai.APIConnectionError):
        ask(way, stream=True)
    assert len(kimi.requests) == 1


@pytest.mark.parametrize("way", WAYS)
def test_an_error_object_in_a_stream(kimi: Simulator, way: str) -> None:
    kimi.fault(error_in_stream=8, type="server_error", message="it broke")
    with pytest.raises(openai.APIError, match="it broke"):
        ask(way, stream=True)
    assert len(kimi.requests) == 1


@pytest.mark.parametrize("way", WAYS)
def test_nobody_listens(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(openai.APIConnectionError, match=r"127\.0\.0\.1"):
        ask(way, client={"base_url": "http://127.0.0.1:9/v1", "api_key": "k", "max_retries": 0})


@pytest.mark.parametrize("way", WAYS)
def test_silence_is_the_sdks_timeout(way: str) -> None:
    with raw_server(lambda connection: connection.wait()) as server:
        started = time.monotonic()
        with pytest.raises(openai.APITimeoutError, match="timed out"):
            ask(way, client={"base_url": server.base_url, "api_key": "k", "timeout": 0.5})
        assert time.monotonic() - started < 5
        assert len(server.requests) == 1


@pytest.mark.parametrize("way", WAYS)
def test_redirects_are_not_followed(way: str) -> None:
    def answer(connection: Connection) -> None:
        connection.send(
            b"HTTP/1.1 307 Go\r\nlocation: https://elsewhere.test/secret\r\n"
            b"content-length: 0\r\n\r\n"
        )

    with raw_server(answer) as server:
        settings = {"base_url": server.base_url, "api_key": "k", "max_retries": 0}
        with pytest.raises(openai.APIError, match=r"elsewhere\.test") as caught:
            ask(way, client=settings)
        assert "secret" not in str(caught.value)
        with Kimi(**settings) as client, pytest.raises(openai.APIError, match=r"elsewhere\.test"):
            client.models.list()
        assert len(server.requests) == 2


# -- connections -------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_is_left_closes_the_connection(way: str) -> None:
    closed: list[float] = []

    def answer(connection: Connection) -> None:
        connection.send(HEAD)
        line = (
            b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"kimi-k2.6",'
            b'"choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}\n\n'
        )
        try:
            while True:
                connection.send(chunked(line))
                time.sleep(0.01)
        except OSError:
            closed.append(time.monotonic())
            raise

    arguments: dict[str, Any] = {"model": "kimi-k2.6", "messages": HI, "stream": True}
    with raw_server(answer) as server:
        settings: dict[str, Any] = {"base_url": server.base_url, "api_key": "k"}
        if way == "sync":
            with Kimi(**settings) as client:
                with client.chat.completions.create(**arguments) as stream:
                    next(iter(stream))
                left = time.monotonic()
                while not closed and time.monotonic() < left + 5:
                    time.sleep(0.01)
        else:

            async def main() -> float:
                async with AsyncKimi(**settings) as client:
                    stream: Any = await client.chat.completions.create(**arguments)
                    async with stream:
                        await anext(aiter(stream))
                    left = time.monotonic()
                    while not closed and time.monotonic() < left + 5:
                        await asyncio.sleep(0.01)
                    return left

            left = asyncio.run(main())
        assert closed
        assert closed[0] - left < 0.5


def test_a_cancelled_call_closes_the_connection() -> None:
    async def main(base_url: str) -> None:
        async with AsyncKimi(base_url=base_url, api_key="k") as client:
            call = client.chat.completions.create(model="kimi-k2.6", messages=HI)  # type: ignore[arg-type]
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(call, 0.3)

    with raw_server(lambda connection: connection.wait()) as server:
        asyncio.run(main(server.base_url))
        end = time.monotonic() + 5
        while server.open and time.monotonic() < end:
            time.sleep(0.01)
        assert server.open == 0
