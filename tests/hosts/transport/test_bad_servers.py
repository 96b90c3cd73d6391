"""Servers that drip, hang, flood, lead elsewhere or never stop: each call ends, and in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import openai  # noqa: F401  # loaded before the clock starts
import pytest

from llm_kimi.errors import APIConnectionError, APIError, StreamError
from llm_kimi.exchange import Exchange, Target
from llm_kimi.files.files_api import Remote
from llm_kimi.translation import translate
from llm_kimi.transport.client_pool import clear_clients
from llm_kimi.transport.json_api import Endpoints
from llm_kimi.transport.openai_sdk import AsyncOpenAITransport, OpenAITransport
from llm_kimi.transport.run import arun, run
from tests.support.raw_servers import HEAD, Connection, Server, chunked, raw_server
from tests.support.replies import DONE, event, said, stream, usage_chunk

Answer = Callable[[Connection], None]
USAGE = usage_chunk(prompt_tokens=1, completion_tokens=1, total_tokens=2)
KEY = "sk-bad-servers-0123456789"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("llm_kimi.exchange.retry.retry_delay", lambda *_: 0.0)
    yield
    clear_clients()


def exchange(*, streamed: bool = True) -> Exchange:
    request = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hi"}]}
    return Exchange(translate({**request, "stream": streamed}))


def ask(server: Server, *, timeout: float | None = 0.5, streamed: bool = True) -> Exchange:
    sent = exchange(streamed=streamed)
    for _ in run(sent, OpenAITransport(server.base_url, KEY, timeout=timeout)):
        pass
    return sent


def aask(server: Server, *, timeout: float | None = 0.5, streamed: bool = True) -> Exchange:
    async def main() -> Exchange:
        sent = exchange(streamed=streamed)
        async for _ in arun(sent, AsyncOpenAITransport(server.base_url, KEY, timeout=timeout)):
            pass
        assert len(asyncio.all_tasks()) == 1
        return sent

    return asyncio.run(main())


BOTH = pytest.mark.parametrize("ask_it", [ask, aask])


def text_of(sent: Exchange) -> str:
    assert sent.completion is not None
    return str(sent.completion["choices"][0]["message"]["content"])


def closed(server: Server, seconds: float = 5.0) -> None:
    """Wait until the server sees no connection any more."""
    end = time.monotonic() + seconds
    while server.open:
        assert time.monotonic() < end, "a connection stayed open"
        time.sleep(0.01)


# -- dripping ---------------------------------------------------------------------------------


def drip_head(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n")
    connection.drip(b"x-filler: 1\r\n")


def drip_status(connection: Connection) -> None:
    connection.drip(b"HTTP/1.1 100 Continue\r\n\r\n")


def drip_comments(connection: Connection) -> None:
    connection.send(HEAD)
    connection.drip(chunked(b": ping\n\n"), seconds=0.005)


def drip_chunk_extension(connection: Connection) -> None:
    connection.send(HEAD + b"5;")
    connection.drip(b"x")


def drip_a_line(connection: Connection) -> None:
    connection.send(HEAD + chunked(b'data: {"id": "'))
    while True:
        connection.send(chunked(b"a"))
        time.sleep(0.02)


def drip_blanks(connection: Connection) -> None:
    connection.send(HEAD)
    while True:
        connection.send(chunked(b"\n"))
        time.sleep(0.02)


def drip_an_error(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 100000\r\n\r\n")
    connection.drip(b"x")


def drip_after_the_beginning(connection: Connection) -> None:
    connection.send(HEAD + chunked(stream(*said("hi")[:2], done=False)))
    connection.drip(chunked(b": ping\n\n"), seconds=0.005)


def silence(connection: Connection) -> None:
    connection.wait()


def bad_chunk_header(connection: Connection) -> None:
    connection.send(HEAD + b"zz\r\nno chunk\r\n")
    connection.wait()


@BOTH
@pytest.mark.parametrize(
    "answer",
    [
        *(drip_head, drip_status, drip_comments, drip_chunk_extension, drip_a_line, drip_blanks),
        *(drip_an_error, drip_after_the_beginning, silence),
    ],
)
def test_a_server_that_drips_is_as_bad_as_one_that_is_silent(
    answer: Answer, ask_it: Callable[..., Exchange]
) -> None:
    with raw_server(answer) as server:
        begin = time.monotonic()
        with pytest.raises(APIConnectionError, match="timed out") as caught:
            ask_it(server)
        assert 0.4 < time.monotonic() - begin < 20
        assert caught.value.timeout
        assert len(server.requests) == 1
        closed(server)


@BOTH
def test_a_whole_answer_that_drips(ask_it: Callable[..., Exchange]) -> None:
    def answer(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{")
        connection.drip(b" ")

    with raw_server(answer) as server:
        with pytest.raises(APIConnectionError, match="timed out"):
            ask_it(server, streamed=False)
        closed(server)


@BOTH
def test_a_slow_answer_takes_as_long_as_it_likes(ask_it: Callable[..., Exchange]) -> None:
    """Longer than ``timeout`` in all, but never that long without anything of the answer."""

    def answer(connection: Connection) -> None:
        connection.send(HEAD)
        for item in said(*"abcdefgh"):
            connection.send(chunked(b": ping\n\n") + chunked(event(item)))
            time.sleep(0.3)
        connection.send(chunked(DONE) + chunked(b""))

    with raw_server(answer) as server:
        assert text_of(ask_it(server, timeout=2)) == "abcdefgh"


@BOTH
def test_framing_that_is_none_is_an_error(ask_it: Callable[..., Exchange]) -> None:
    with raw_server(bad_chunk_header) as server:
        with pytest.raises(APIConnectionError):
            ask_it(server)
        closed(server)


def test_a_cancelled_call_is_cancelled_and_not_timed_out() -> None:
    async def main(server: Server) -> None:
        task = asyncio.ensure_future(
            _read(exchange(), AsyncOpenAITransport(server.base_url, KEY, timeout=5))
        )
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def _read(sent: Exchange, transport: AsyncOpenAITransport) -> None:
        async for _ in arun(sent, transport):
            pass

    with raw_server(silence) as server:
        asyncio.run(main(server))
        closed(server)


# -- the end ----------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("size", [1, 1 << 14])
def test_done_is_the_end_even_if_the_server_goes_on(
    ask_it: Callable[..., Exchange], size: int
) -> None:
    def answer(connection: Connection) -> None:
        connection.send(HEAD + chunked(stream(*said("hi"), USAGE)))
        while True:
            connection.send(chunked(b":" * size))
            time.sleep(0.001)

    with raw_server(answer) as server:
        begin = time.monotonic()
        assert text_of(ask_it(server, timeout=30)) == "hi"
        assert time.monotonic() - begin < 20
        closed(server)


@BOTH
def test_done_is_the_end_even_if_the_server_says_nothing_more(
    ask_it: Callable[..., Exchange],
) -> None:
    def answer(connection: Connection) -> None:
        connection.send(HEAD + chunked(stream(*said("hi"), USAGE)))
        connection.wait()

    with raw_server(answer) as server:
        begin = time.monotonic()
        assert text_of(ask_it(server, timeout=30)) == "hi"
        assert time.monotonic() - begin < 8
        closed(server)


def test_a_goodbye_that_comes_a_little_later_keeps_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("llm_kimi.exchange.chat.DRAIN_SECONDS", 10)  # for a busy machine

    def answer(connection: Connection) -> None:
        connection.send(HEAD + chunked(stream(*said("hi"), USAGE)))
        time.sleep(0.1)
        connection.send(chunked(b": bye\n\n") + chunked(b""))

    with raw_server(answer) as server:
        for _ in range(3):
            assert text_of(ask(server, timeout=30)) == "hi"
        assert (len(server.requests), server.connections) == (3, 1)


def whole_without_done(connection: Connection) -> None:
    connection.send(HEAD + chunked(stream(*said("all"), USAGE, done=False)))


def then_reset(connection: Connection) -> None:
    whole_without_done(connection)
    connection.sock.close()


def then_the_end(connection: Connection) -> None:
    whole_without_done(connection)
    connection.send(chunked(b""))


def then_half_a_goodbye(connection: Connection) -> None:
    whole_without_done(connection)
    connection.send(chunked(b"data: [DO") + chunked(b""))


def then_silence(connection: Connection) -> None:
    whole_without_done(connection)
    connection.wait()


@BOTH
@pytest.mark.parametrize("answer", [then_reset, then_the_end, then_half_a_goodbye, then_silence])
def test_an_answer_that_lacks_its_last_word_only_stands_and_is_reported(
    answer: Answer, ask_it: Callable[..., Exchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_kimi.exchange.chat.LAST_WORD_SECONDS", 0.3)
    with raw_server(answer) as server:
        sent = ask_it(server, timeout=30)
        assert text_of(sent) == "all"
        assert sent.completion is not None
        assert sent.completion["usage"]["total_tokens"] == 2
        (notice,) = sent.notices
        assert "before Kimi confirmed the end of the answer" in notice
        clear_clients()
        closed(server)


@BOTH
def test_an_answer_without_usage_does_not_stand(ask_it: Callable[..., Exchange]) -> None:
    """Only [DONE] proves that an answer is complete, finish_reason does not
    (https://platform.kimi.ai/docs/guide/utilize-the-streaming-output)."""

    def answer(connection: Connection) -> None:
        connection.send(HEAD + chunked(stream(*said("a"), done=False)) + chunked(b""))

    with raw_server(answer) as server, pytest.raises(StreamError):
        ask_it(server)


class Steps:
    """One call of the files API as a transport takes it."""

    def __init__(self, steps: Any) -> None:
        self._steps = steps

    def steps(self) -> Any:
        yield from self._steps


# -- redirects --------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(ask_it: Callable[..., Exchange], status: int) -> None:
    with raw_server(silence) as other:

        def answer(connection: Connection) -> None:
            location = f"{other.base_url}/secret?key=secret".encode()
            connection.send(
                b"HTTP/1.1 %d Moved\r\nlocation: %s\r\ncontent-length: 0\r\n\r\n"
                % (status, location)
            )

        with raw_server(answer) as server:
            with pytest.raises(APIError, match=r"redirects to 127\.0\.0\.1") as caught:
                ask_it(server)
            assert caught.value.status == status
            assert "secret" not in str(caught.value)
            with pytest.raises(APIError, match="redirects to"):
                Endpoints(server.base_url, KEY).get("/models")
            for call in (Remote(Target()).list(), Remote(Target()).content("file_1")):
                with pytest.raises(APIError, match="redirects to"):
                    list(run(Steps(call), OpenAITransport(server.base_url, KEY)))
        assert other.requests == []


@BOTH
@pytest.mark.parametrize("location", [b"javascript:alert(1)", b"http://[::1", b"http:///x", b"x:"])
def test_a_redirect_to_nowhere(ask_it: Callable[..., Exchange], location: bytes) -> None:
    def answer(connection: Connection) -> None:
        head = b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: "
        connection.send(head + location + b"\r\n\r\n")

    with raw_server(answer) as server:
        with pytest.raises(APIError, match="redirects without a target"):
            ask_it(server, timeout=10.0)
        assert len(server.requests) == 1


# -- floods -----------------------------------------------------------------------------------


@BOTH
def test_an_error_answer_without_end_is_read_in_part(ask_it: Callable[..., Exchange]) -> None:
    def answer(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 400 Bad Request\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            connection.send(chunked(b"no " * 10_000))

    with raw_server(answer) as server:
        with pytest.raises(APIError, match="400: no no") as caught:
            ask_it(server, timeout=30)
        assert len(str(caught.value)) < 500
        closed(server)


@BOTH
def test_a_line_without_end_is_an_error(
    ask_it: Callable[..., Exchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_kimi.reply.sse.MAX_BYTES", 1 << 20)

    def answer(connection: Connection) -> None:
        connection.send(HEAD + chunked(b"data: "))
        while True:
            connection.send(chunked(b"a" * 65_536))

    with raw_server(answer) as server:
        with pytest.raises(StreamError, match="longer than 1 MB"):
            ask_it(server, timeout=30)
        closed(server)


@BOTH
@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_an_encoding_that_was_not_asked_for_is_not_unpacked(
    ask_it: Callable[..., Exchange], status: int, encoding: str
) -> None:
    def answer(connection: Connection) -> None:
        head = f"HTTP/1.1 {status} OK\r\ncontent-encoding: {encoding}\r\ncontent-length: 5\r\n\r\n"
        connection.send(head.encode() + b"\x1b\x00\x00\x00\x00")

    with raw_server(answer) as server:
        with pytest.raises(APIConnectionError, match="Content-Encoding"):
            ask_it(server)
        assert len(server.requests) == 1
        assert b"br" not in server.requests[0].lower().split(b"accept-encoding:")[1][:20]


# -- another try ------------------------------------------------------------------------------

OVERLOADED = event({"error": {"message": "overloaded", "type": "engine_overloaded_error"}})
PAGE = b"<html><title>429 Too Many Requests</title></html>"


def plain(status: int, body: bytes, kind: str = "text/html") -> bytes:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@BOTH
@pytest.mark.parametrize(
    "first",
    [
        plain(429, PAGE),
        plain(429, b""),
        plain(429, b'{"error": {"message": "slow down", "type": "too_fast"}}'),
        plain(200, b""),
        HEAD + chunked(b""),
        HEAD + chunked(b": ping\n\n") + chunked(b""),
        HEAD + chunked(OVERLOADED) + chunked(b""),
        HEAD + chunked(b": ping\n\n") + chunked(OVERLOADED) + chunked(b""),
    ],
)
def test_what_may_pass_is_tried_again(first: bytes, ask_it: Callable[..., Exchange]) -> None:
    def answer(connection: Connection) -> None:
        good = HEAD + chunked(stream(*said("hi"), USAGE)) + chunked(b"")
        connection.send(first if connection.number == 1 else good)

    with raw_server(answer) as server:
        assert text_of(ask_it(server)) == "hi"
        assert len(server.requests) == 2


@BOTH
@pytest.mark.parametrize(
    "first",
    [
        plain(403, b'{"error": {"message": "Insufficient balance", "type": "permission_denied"}}'),
        plain(429, b'{"error": {"message": "your account is in arrears"}}'),
        HEAD
        + chunked(event({"error": {"message": "x", "type": "exceeded_current_quota_error"}}))
        + chunked(b""),
    ],
)
def test_an_empty_balance_is_not_tried_again(first: bytes, ask_it: Callable[..., Exchange]) -> None:
    with raw_server(lambda connection: connection.send(first)) as server:
        with pytest.raises(APIError, match="out of balance"):
            ask_it(server)
        assert len(server.requests) == 1
