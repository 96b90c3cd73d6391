"""The bad servers of ``test_bad_servers`` behind LiteLLM's own handlers, aiohttp among them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import litellm
import openai
import pytest

from tests.hosts.transport.test_bad_servers import (
    OVERLOADED,
    PAGE,
    USAGE,
    bad_chunk_header,
    drip_after_the_beginning,
    drip_an_error,
    drip_chunk_extension,
    drip_comments,
    drip_head,
    plain,
    silence,
    then_reset,
    then_the_end,
)
from tests.support.litellm_asking import Result, ask
from tests.support.raw_servers import HEAD, Connection, Server, chunked, raw_server
from tests.support.replies import said, stream

Answer = Callable[[Connection], None]
KEY = "sk-bad-servers-0123456789"
STREAMED = pytest.mark.parametrize("way", ["stream", "astream"])


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("llm_kimi.exchange.retry.retry_delay", lambda *_: 0.0)
    yield
    # LiteLLM keeps the connections of event loops that have ended: not until the very end.
    litellm.in_memory_llm_clients_cache.flush_cache()
    gc.collect()


def call(way: str, server: Server, *, timeout: float = 0.5, **more: Any) -> Result:
    return ask(way, api_base=server.base_url, api_key=KEY, timeout=timeout, **more)


@pytest.mark.parametrize("answer", [drip_head, drip_an_error, drip_chunk_extension, silence])
def test_a_server_that_drips_is_as_bad_as_one_that_is_silent(way: str, answer: Answer) -> None:
    with raw_server(answer) as server:
        begin = time.monotonic()
        with pytest.raises(openai.APIError, match="timed out"):
            call(way, server)
        assert time.monotonic() - begin < 20
        assert len(server.requests) == 1


@STREAMED
@pytest.mark.parametrize("answer", [drip_comments, drip_after_the_beginning])
def test_a_stream_that_drips(way: str, answer: Answer) -> None:
    with raw_server(answer) as server:
        begin = time.monotonic()
        with pytest.raises(openai.APIError, match="timed out"):
            call(way, server)
        assert time.monotonic() - begin < 20


def test_framing_that_is_none_is_an_error(way: str) -> None:
    with raw_server(bad_chunk_header) as server:
        begin = time.monotonic()
        with pytest.raises(openai.APIError):
            call(way, server, max_retries=0)
        assert time.monotonic() - begin < 20


@STREAMED
@pytest.mark.parametrize("size", [0, 1, 1 << 14])
def test_done_is_the_end_whatever_the_server_does(way: str, size: int) -> None:
    def answer(connection: Connection) -> None:
        connection.send(HEAD + chunked(stream(*said("hi"), USAGE)))
        while size:
            connection.send(chunked(b":" * size))
            time.sleep(0.001)
        connection.wait()

    with raw_server(answer) as server:
        begin = time.monotonic()
        assert call(way, server, timeout=30).text == "hi"
        assert time.monotonic() - begin < 8


@STREAMED
@pytest.mark.parametrize("answer", [then_reset, then_the_end])
def test_an_answer_that_lacks_its_last_word_only_stands_and_is_reported(
    way: str, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    with raw_server(answer) as server:
        assert call(way, server).text == "all"
    assert "before Kimi confirmed the end of the answer" in caplog.text


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_is_not_followed(way: str, status: int) -> None:
    with raw_server(silence) as other:

        def answer(connection: Connection) -> None:
            location = f"{other.base_url}/secret?key=secret".encode()
            connection.send(
                b"HTTP/1.1 %d Moved\r\nlocation: %s\r\ncontent-length: 0\r\n\r\n"
                % (status, location)
            )

        with raw_server(answer) as server:
            with pytest.raises(openai.APIError, match=r"redirects to 127\.0\.0\.1") as caught:
                call(way, server)
            assert type(caught.value).__module__.startswith("litellm")
            assert "secret" not in str(caught.value)
        assert other.requests == []


def test_a_redirect_to_nowhere(way: str) -> None:
    def answer(connection: Connection) -> None:
        head = b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: "
        connection.send(head + b"javascript:alert(1)\r\n\r\n")

    with raw_server(answer) as server:
        with pytest.raises(openai.APIError, match="redirects") as caught:
            call(way, server)
        assert type(caught.value).__module__.startswith("litellm")
        assert "Traceback" not in str(caught.value)
        assert len(server.requests) == 1


def test_an_error_answer_without_end_is_read_in_part(way: str) -> None:
    def answer(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 400 Bad Request\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            connection.send(chunked(b"no " * 10_000))

    with raw_server(answer) as server, pytest.raises(litellm.BadRequestError, match="400: no no"):
        call(way, server, timeout=30)


def test_an_encoding_that_was_not_asked_for_is_not_unpacked(way: str) -> None:
    def answer(connection: Connection) -> None:
        connection.send(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 5\r\n\r\n\x1b\0\0\0\0"
        )

    with raw_server(answer) as server:
        with pytest.raises(openai.APIError, match="Content-Encoding"):
            call(way, server)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "first", [plain(429, PAGE), plain(200, b""), HEAD + chunked(OVERLOADED) + chunked(b"")]
)
@STREAMED
def test_what_may_pass_is_tried_again(first: bytes, way: str) -> None:
    def answer(connection: Connection) -> None:
        good = HEAD + chunked(stream(*said("hi"), USAGE)) + chunked(b"")
        connection.send(first if connection.number == 1 else good)

    with raw_server(answer) as server:
        assert call(way, server, max_retries=1).text == "hi"
        assert len(server.requests) == 2
