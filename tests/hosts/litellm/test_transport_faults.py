"""What httpx itself reports, at LiteLLM's handlers: what goes out, is asked again, is said.

pytest-httpx stands in for httpx's transports, so every error of httpx can be had at once and by
name; sockets that do the same things are in ``test_bad_servers`` and ``test_faults``. It knows
httpx only: LiteLLM's async handler is asked not to use aiohttp here, and the other doors, which
are on httpx2 with openai 3, are tested on sockets alone.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import litellm
import pytest
from litellm.exceptions import MidStreamFallbackError
from pytest_httpx import HTTPXMock, IteratorStream

from tests.support.litellm_asking import ask
from tests.support.replies import DONE, event, said, stream, usage_chunk

BASE_URL = "http://kimi.test/v1"
URL = f"{BASE_URL}/chat/completions"
KEY = "sk-transport-faults-0123456789"
USAGE = usage_chunk(prompt_tokens=9, completion_tokens=2, total_tokens=11)
STREAM = stream(*said("he", "llo"), USAGE)
WHOLE = {
    "id": "chatcmpl-0123456789ab",
    "object": "chat.completion",
    "created": 1_780_000_000,
    "model": "kimi-k2.6",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "hello"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}
STREAMED = pytest.mark.parametrize("way", ["stream", "astream"])
UNSTREAMED = pytest.mark.parametrize("way", ["call", "acall"])

NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
BROKEN_OFF = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError, httpx.ProxyError)
NO_ANSWER = (httpx.ReadTimeout, httpx.WriteTimeout)


@pytest.fixture(autouse=True)
def _httpx_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clients that are made for this test, on httpx's own transports; no waiting between tries."""
    monkeypatch.setattr(litellm, "disable_aiohttp_transport", True)
    monkeypatch.setattr("llm_kimi.exchange.retry.retry_delay", lambda *_: 0.0)
    litellm.in_memory_llm_clients_cache.flush_cache()
    yield
    litellm.in_memory_llm_clients_cache.flush_cache()


def call(way: str, **more: Any) -> str:
    """The text of an answer."""
    return ask(way, api_base=BASE_URL, api_key=KEY, **more).text


def failure(way: str, **more: Any) -> Any:
    """The error of a call. An async stream's, LiteLLM wraps when it may be tried elsewhere."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call(way, **more)
    error = caught.value
    if isinstance(error, MidStreamFallbackError):
        assert "stream" in way
        error = error.original_exception
    assert type(error).__module__.startswith("litellm"), repr(error)
    assert KEY not in f"{error} {error!r} {error.__cause__!r}"
    return error


def answers(way: str, mock: HTTPXMock) -> None:
    """Let the next request be answered."""
    if "stream" in way:
        mock.add_response(content=STREAM, headers={"content-type": "text/event-stream"})
    else:
        mock.add_response(json=WHOLE)


def sent(mock: HTTPXMock) -> int:
    """How many requests went out: each to the same place, with the same body and key."""
    requests = mock.get_requests()
    assert {(request.method, str(request.url)) for request in requests} == {("POST", URL)}
    assert len({request.content for request in requests}) == 1
    for request in requests:
        assert request.headers.get_list("authorization") == [f"Bearer {KEY}"]
    return len(requests)


class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that begins and then fails."""

    def __init__(self, begun: bytes, error: Exception) -> None:
        self._begun = begun
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        yield self._begun
        raise self._error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._begun
        raise self._error


# -- what goes out -----------------------------------------------------------------------------


def test_one_request_with_key_timeout_and_encodings(way: str, httpx_mock: HTTPXMock) -> None:
    answers(way, httpx_mock)
    assert call(way, timeout=7, temperature=0.2) == "hello"
    assert sent(httpx_mock) == 1
    (request,) = httpx_mock.get_requests()
    assert request.headers["accept-encoding"] == "gzip, deflate"
    assert request.extensions["timeout"] == {"connect": 7, "read": 7, "write": 7, "pool": 7}
    body = json.loads(request.content)
    assert body["model"] == "kimi-k2.6"
    assert body["messages"] == [{"role": "user", "content": "hi"}]
    assert body.get("stream", False) is ("stream" in way)
    assert body.get("temperature", 1.0) == 1.0


def test_a_long_timeout_is_none_for_connecting(way: str, httpx_mock: HTTPXMock) -> None:
    answers(way, httpx_mock)
    assert call(way, timeout=300) == "hello"
    (request,) = httpx_mock.get_requests()
    assert request.extensions["timeout"] == {"connect": 10, "read": 300, "write": 300, "pool": 300}


# -- errors before an answer -------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*NOT_CONNECTED, *BROKEN_OFF])
def test_what_never_arrived_is_tried_again(
    way: str, kind: type[httpx.TransportError], httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_exception(kind("no way there"))
    httpx_mock.add_exception(kind("no way there"))
    answers(way, httpx_mock)
    assert call(way) == "hello"
    assert sent(httpx_mock) == 3


@pytest.mark.parametrize("max_retries", [0, 1, 3])
def test_there_is_an_end_to_trying(way: str, max_retries: int, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_exception(httpx.ConnectError("refused, says the mock"), is_reusable=True)
    error = failure(way, max_retries=max_retries)
    assert type(error) is litellm.APIConnectionError
    assert f"no connection to {BASE_URL} (refused, says the mock)" in str(error)
    assert sent(httpx_mock) == max_retries + 1


@pytest.mark.parametrize("kind", NO_ANSWER)
def test_a_model_that_may_be_at_work_is_not_asked_again(
    way: str, kind: type[httpx.TimeoutException], httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_exception(kind("too slow"))
    error = failure(way)
    assert type(error) is litellm.Timeout
    assert f"timed out: no answer from {BASE_URL}; raise timeout to wait longer" in str(error)
    assert sent(httpx_mock) == 1


@pytest.mark.parametrize("kind", [httpx.ConnectTimeout, httpx.PoolTimeout])
def test_no_time_to_connect_is_a_timeout(
    way: str, kind: type[httpx.TimeoutException], httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_exception(kind("busy"))
    error = failure(way, max_retries=0)
    assert type(error) is litellm.Timeout
    assert f"no connection to {BASE_URL} (busy)" in str(error)


def test_an_error_that_quotes_the_key_does_not_show_it(way: str, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_exception(httpx.LocalProtocolError(f"Illegal header value b'Bearer {KEY}'"))
    assert "Illegal header value" in str(failure(way, max_retries=0))


# -- statuses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_a_status_that_may_pass_is_tried_again(
    way: str, status: int, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(status_code=status, html="<html>busy</html>")
    answers(way, httpx_mock)
    assert call(way) == "hello"
    assert sent(httpx_mock) == 2


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 413, 422])
def test_a_status_that_stays_is_not(way: str, status: int, httpx_mock: HTTPXMock) -> None:
    headers = {"location": "http://elsewhere.test/v1"} if status == 302 else {}
    httpx_mock.add_response(status_code=status, headers=headers, text="no")
    failure(way)
    assert sent(httpx_mock) == 1


def test_a_wait_that_is_too_long_is_the_callers(way: str, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=429, headers={"retry-after": "3600"}, text="later")
    error = failure(way)
    assert type(error) is litellm.RateLimitError
    assert error.response.headers["retry-after"] == "3600"
    assert sent(httpx_mock) == 1


# -- broken bodies -----------------------------------------------------------------------------


@UNSTREAMED
@pytest.mark.parametrize(
    "body",
    [b"<html>hi</html>", b'{"choices": [{"mess', b"[]", b"null", b"\xff\xfe", b'{"choices": 1}'],
)
def test_a_body_that_is_no_answer(way: str, body: bytes, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(content=body, is_reusable=True)
    error = failure(way, max_retries=0)
    assert "Traceback" not in str(error)
    assert sent(httpx_mock) == 1


def test_an_encoding_that_was_not_asked_for(way: str, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(headers={"content-encoding": "br"}, content=b"\x1b\0\0\0\0")
    assert "unsupported Content-Encoding" in str(failure(way))
    assert sent(httpx_mock) == 1


def test_an_encoding_that_is_none_of_its_kind(way: str, httpx_mock: HTTPXMock) -> None:
    """It says gzip and is not: httpx's DecodingError."""
    body = IteratorStream([b"plain text"])
    httpx_mock.add_response(headers={"content-encoding": "gzip"}, stream=body, is_reusable=True)
    failure(way, max_retries=0)
    assert sent(httpx_mock) == 1


@UNSTREAMED
@pytest.mark.parametrize("kind", [httpx.ReadError, httpx.RemoteProtocolError])
def test_a_whole_answer_that_breaks_off_is_not_paid_twice(
    way: str, kind: type[httpx.TransportError], httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(stream=Broken(b'{"id": "chatcmpl-1", ', kind("cut")))
    error = failure(way)
    assert type(error) is litellm.APIConnectionError
    assert f"the connection to {BASE_URL} broke off in the middle" in str(error)
    assert sent(httpx_mock) == 1


@STREAMED
@pytest.mark.parametrize("kind", [httpx.ReadError, httpx.RemoteProtocolError])
def test_a_stream_that_breaks_off_after_its_text(
    way: str, kind: type[httpx.TransportError], httpx_mock: HTTPXMock
) -> None:
    begun = b"".join(map(event, said("he")[:2]))
    httpx_mock.add_response(stream=Broken(begun, kind("cut")))
    error = failure(way)
    assert type(error) is litellm.APIConnectionError
    assert "broke off in the middle of the answer (cut)" in str(error)
    assert sent(httpx_mock) == 1


@STREAMED
def test_a_stream_that_falls_silent(way: str, httpx_mock: HTTPXMock) -> None:
    begun = b"".join(map(event, said("he")[:2]))
    httpx_mock.add_response(stream=Broken(begun, httpx.ReadTimeout("silence")))
    error = failure(way)
    assert type(error) is litellm.Timeout
    assert sent(httpx_mock) == 1


@STREAMED
@pytest.mark.parametrize("cut", ["everywhere", "in the middle of a letter"])
def test_how_the_network_cuts_a_stream_does_not_matter(
    way: str, cut: str, httpx_mock: HTTPXMock
) -> None:
    body = b"".join(map(event, [*said("Grüße, ", "海"), USAGE])) + DONE
    middle = body.index("海".encode()) + 1
    pieces = [body[:middle], body[middle:]] if cut != "everywhere" else [bytes([b]) for b in body]
    httpx_mock.add_response(stream=IteratorStream(pieces))
    assert call(way) == "Grüße, 海"
    assert sent(httpx_mock) == 1
