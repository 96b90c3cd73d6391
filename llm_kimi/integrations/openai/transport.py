"""The HTTP transport that answers chats of OpenAI's SDK by translating them for Kimi.

It stands between the SDK's HTTP client and the transport that this client has. ``POST
.../chat/completions`` is read, translated, driven as an exchange over the inner transport, and
answered in OpenAI's form; what Kimi has not is answered with an error that says what to use; all
else goes on as it is. So everything that the SDK does on top goes on working: its types, ``parse``
and ``stream``, raw responses, ``with_options``.

httpx and httpx2 are two packages, and a client takes the streams of its own one only: the classes
are made for the package of the client they are put into.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

from ...errors import APIConnectionError, InvalidRequestError, KimiError, StreamError
from ...exchange import Chunks
from ...translation.weight import is_heavy
from ...transport.in_thread import aside
from ...transport.limits import BadAnswer, take
from ...transport.protocols import Output
from ...transport.run import arun, run
from ..openai_chat import ChatCall, Options, bearer_key, log_notice, parsed
from ..openai_http import EVENT_STREAM, JSON_TYPE, WireError, as_json, error_of, sendable
from ..openai_http.routes import (
    CHAT,
    RESPONSES,
    check_responses,
    ending,
    is_about_files,
    missing,
    openai_files,
    redirected,
)
from .wire import AsyncWire, Wire

__all__ = ["EXTENSION", "Options", "transport_class"]

EXTENSION = "llm_kimi"
"""In a request's ``extensions``: the ``Options`` that hold for it, in place of the transport's."""


def _call(request: Any, content: bytes, options: Options) -> ChatCall:
    """The chat that ``request`` asks for.

    Raises:
        InvalidRequestError: its body is no JSON object.
    """
    base_url = str(request.url.copy_with(query=None, fragment=None)).rstrip("/").removesuffix(CHAT)
    return ChatCall(content, base_url, bearer(request), options)


def _sdk_error(error: KimiError, request: Any) -> Exception | None:
    """The SDK's exception for a connection that failed; None for what has an HTTP answer.

    Of what a transport raises, the SDK tries again all but its own exceptions.
    """
    if not isinstance(error, (APIConnectionError, StreamError)):
        return None
    import openai

    if isinstance(error, APIConnectionError) and error.timeout:
        raised: Any = openai.APITimeoutError(request=request)
        raised.message = str(error)
        raised.args = (str(error),)
        return raised  # type: ignore[no-any-return]
    return openai.APIConnectionError(message=str(error), request=request)


def bearer(request: Any) -> str:
    """The key of a request; ``""`` where it has none."""
    return bearer_key(request.headers.get("authorization"))


class _Common:
    """What the sync and the async transport share."""

    http: Any
    inner: Any
    options: Options

    def _options(self, request: Any) -> Options:
        given = request.extensions.get(EXTENSION)
        return given if isinstance(given, Options) else self.options

    def _refusal(self, request: Any, content: bytes | None) -> WireError | None:
        """Why a call that is no chat does not go on, if so; ``content`` for ``/responses``."""
        path = request.url.path
        text = missing(path, "")
        if text is not None:
            return error_of(InvalidRequestError(text, param=None))
        if content is not None and ending(path, RESPONSES):
            try:
                check_responses(parsed(content))
            except InvalidRequestError as error:
                return error_of(error)
        return None

    def _respond(
        self, status: int, headers: dict[str, str], content: Any, kind: str, request: Any
    ) -> Any:
        """A response of the client's package; ``content`` is bytes or a stream of it.

        Always a stream: a client tells the time of an answer when its stream is closed.
        """
        stream = self.http.ByteStream(content) if isinstance(content, bytes) else content
        return self.http.Response(
            status,
            headers={"content-type": kind, **headers},
            stream=stream,
            request=request,
        )

    def _respond_error(self, error: WireError, request: Any) -> Any:
        headers = sendable(error.headers)
        return self._respond(error.status, headers, as_json(error.body), JSON_TYPE, request)

    def _files(self, response: Any, content: bytes, request: Any) -> Any:
        """Files, as the SDK expects them."""
        content = openai_files(content)
        kept = {name: response.headers[name] for name in _KEPT if name in response.headers}
        return self._respond(200, kept, content, JSON_TYPE, request)

    def _redirect(self, response: Any, request: Any) -> Any | None:
        """What to answer in place of a redirect: the key would go along."""
        if not 300 <= response.status_code < 400:
            return None
        host = ""
        with suppress(Exception):
            host = self.http.URL(response.headers.get("location") or "").host
        error = redirected(host, bearer(request))
        return self._respond_error(error, request)


def _take(content: bytearray, piece: bytes, request: Any) -> None:
    try:
        take(content, piece)
    except BadAnswer as error:
        import openai

        text = f"the answer cannot be read: {error}"
        raise openai.APIConnectionError(message=text, request=request) from None


_KEPT = ("x-request-id", "x-trace-id")


def _has_files(request: Any, response: Any) -> bool:
    """Whether ``response`` is a file's object or the list of the account's files."""
    return response.status_code == 200 and is_about_files(request.method, request.url.path)


class _Events:
    """The bytes of a streamed answer. Closing it closes the connection to Kimi."""

    def __init__(
        self, chat: ChatCall, outputs: Generator[Output, None, None], first: bytes, request: Any
    ) -> None:
        self._chat = chat
        self._request = request
        self._outputs = outputs
        self._first = first

    def __iter__(self) -> Iterator[bytes]:
        chat = self._chat
        if self._first:
            yield self._first
        try:
            for output in self._outputs:
                if isinstance(output, Chunks):
                    yield chat.writer.chunks(output.chunks)
                else:
                    log_notice(output)
            end = chat.end()
        except KimiError as error:
            failed = _sdk_error(error, self._request)
            if failed is not None:
                raise failed from None
            end = chat.writer.error(error)
        yield end

    def close(self) -> None:
        """Stop the exchange."""
        self._outputs.close()


class _AsyncEvents:
    """``_Events`` for an event loop."""

    def __init__(
        self, chat: ChatCall, outputs: AsyncGenerator[Output, None], first: bytes, request: Any
    ) -> None:
        self._chat = chat
        self._request = request
        self._outputs = outputs
        self._first = first

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chat = self._chat
        if self._first:
            yield self._first
        try:
            async for output in self._outputs:
                if isinstance(output, Chunks):
                    yield chat.writer.chunks(output.chunks)
                else:
                    log_notice(output)
            end = chat.end()
        except KimiError as error:
            failed = _sdk_error(error, self._request)
            if failed is not None:
                raise failed from None
            end = chat.writer.error(error)
        yield end

    async def aclose(self) -> None:
        """Stop the exchange."""
        await self._outputs.aclose()


class _Sync(_Common):
    events: type[_Events]

    def __init__(self, inner: Any, options: Options) -> None:
        self.inner = inner
        self.options = options

    def handle_request(self, request: Any) -> Any:
        """Answer ``request``.

        Raises:
            openai.APIConnectionError: nothing came from Kimi.
        """
        path = request.url.path
        if request.method == "POST" and ending(path, CHAT):
            return self._chat(request)
        content = request.read() if ending(path, RESPONSES) else None
        refusal = self._refusal(request, content)
        if refusal is not None:
            return self._respond_error(refusal, request)
        response = self.inner.handle_request(request)
        instead = self._redirect(response, request)
        if instead is None and _has_files(request, response):
            content = bytearray()
            for piece in response.iter_bytes():
                _take(content, piece, request)
            instead = self._files(response, bytes(content), request)
        if instead is None:
            return response
        response.close()
        return instead

    def _chat(self, request: Any) -> Any:
        try:
            chat = _call(request, request.read(), self._options(request))
            chat.prepare(chat.translate())
        except KimiError as error:
            return self._respond_error(error_of(error), request)
        outputs = run(chat.exchange, Wire(self.inner, request, chat.base_url, chat.key))
        first = b""
        try:
            for output in outputs:
                if isinstance(output, Chunks):
                    if chat.streams:
                        first = chat.writer.chunks(output.chunks)
                        break
                else:
                    log_notice(output)
        except KimiError as error:
            failed = _sdk_error(error, request)
            if failed is not None:
                raise failed from None
            return self._respond_error(error_of(error), request)
        if not chat.streams:
            return self._respond(200, chat.headers, chat.whole(), JSON_TYPE, request)
        events = self.events(chat, outputs, first, request)
        return self._respond(200, chat.headers, events, EVENT_STREAM, request)

    def close(self) -> None:
        """Close the connections."""
        self.inner.close()


class _Async(_Common):
    events: type[_AsyncEvents]

    def __init__(self, inner: Any, options: Options) -> None:
        self.inner = inner
        self.options = options

    async def handle_async_request(self, request: Any) -> Any:
        """Answer ``request``.

        Raises:
            openai.APIConnectionError: nothing came from Kimi.
        """
        path = request.url.path
        if request.method == "POST" and ending(path, CHAT):
            return await self._chat(request)
        content = await request.aread() if ending(path, RESPONSES) else None
        refusal = self._refusal(request, content)
        if refusal is not None:
            return self._respond_error(refusal, request)
        response = await self.inner.handle_async_request(request)
        instead = self._redirect(response, request)
        if instead is None and _has_files(request, response):
            content = bytearray()
            async for piece in response.aiter_bytes():
                _take(content, piece, request)
            instead = self._files(response, bytes(content), request)
        if instead is None:
            return response
        await response.aclose()
        return instead

    async def _chat(self, request: Any) -> Any:
        try:
            chat = _call(request, await request.aread(), self._options(request))
            chat.prepare(await aside(is_heavy(chat.body), chat.translate))
        except KimiError as error:
            return self._respond_error(error_of(error), request)
        outputs = arun(chat.exchange, AsyncWire(self.inner, request, chat.base_url, chat.key))
        first = b""
        try:
            async for output in outputs:
                if isinstance(output, Chunks):
                    if chat.streams:
                        first = chat.writer.chunks(output.chunks)
                        break
                else:
                    log_notice(output)
        except KimiError as error:
            failed = _sdk_error(error, request)
            if failed is not None:
                raise failed from None
            return self._respond_error(error_of(error), request)
        except BaseException:  # cancelled: the connection goes, and Kimi stops
            await outputs.aclose()
            raise
        if not chat.streams:
            return self._respond(200, chat.headers, chat.whole(), JSON_TYPE, request)
        events = self.events(chat, outputs, first, request)
        return self._respond(200, chat.headers, events, EVENT_STREAM, request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.inner.aclose()


@lru_cache(maxsize=4)
def transport_class(http: Any, *, asynchronous: bool) -> Any:
    """The transport for clients of ``http``, which is the module httpx or httpx2.

    Its arguments: the transport to send with, and the ``Options`` of calls that bring none.
    """
    if asynchronous:
        events = type("AsyncEvents", (_AsyncEvents, http.AsyncByteStream), {})
        return type(
            "AsyncKimiTransport",
            (_Async, http.AsyncBaseTransport),
            {"http": http, "events": events},
        )
    events = type("Events", (_Events, http.SyncByteStream), {})
    return type("KimiTransport", (_Sync, http.BaseTransport), {"http": http, "events": events})
