"""An HTTP transport of httpx or httpx2 as the transport of an exchange.

Below the client of the SDK: what is sent here goes over the connections, proxies and TLS settings
of the transport that the SDK's client has, and past its retries and its models.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from typing import Any, TypeAlias

from ...exchange import Answer, Failed, FileCall, FormulaCall
from ...transport.limits import ACCEPT_ENCODING, BadAnswer, check_encoding, take
from ...transport.network_errors import network_failure
from ..openai_http import as_json

__all__ = ["AsyncWire", "Wire", "library"]

_Body: TypeAlias = tuple[Any, Iterator[bytes]]
_AsyncBody: TypeAlias = tuple[Any, AsyncGenerator[bytes, None]]
"""A response, and the pieces of its body."""

# Of the caller's headers, those that belong to the request as the SDK built it, or to OpenAI.
_NOT_SENT_ON = frozenset(
    {
        *("host", "content-length", "content-type", "transfer-encoding", "accept-encoding"),
        *("connection", "keep-alive", "te", "trailer", "upgrade", "expect"),
        *("openai-organization", "openai-project", "openai-beta"),
    }
)


def library(thing: Any) -> Any:
    """The module that an object of httpx or httpx2 is of."""
    for kind in type(thing).__mro__:
        name = kind.__module__.partition(".")[0]
        if name in ("httpx", "httpx2"):
            return sys.modules[name]
    raise TypeError(f"{type(thing).__name__} is not an httpx or httpx2 object")


class _Common:
    """Where the calls of one exchange go, and with which headers and timeouts."""

    def __init__(self, inner: Any, request: Any, base_url: str, key: str) -> None:
        self._inner = inner
        self._http = library(request)
        self._request = request
        self._base_url = base_url
        self._key = key
        self._timeout: dict[str, Any] = request.extensions.get("timeout") or {}
        self.silence: float | None = self._timeout.get("read")
        kept = [
            (name, value)
            for name, value in request.headers.multi_items()
            if name.lower() not in _NOT_SENT_ON
        ]
        self._headers = [*kept, ("Accept-Encoding", ACCEPT_ENCODING)]
        self._errors = (
            self._http.HTTPError,
            self._http.StreamError,
            self._http.InvalidURL,
            OSError,
            BadAnswer,
        )

    def _chat(self, body: dict[str, Any]) -> Any:
        return self._http.Request(
            "POST",
            self._request.url,
            headers=[*self._headers, ("Content-Type", "application/json")],
            content=as_json(body),
            extensions={"timeout": self._timeout},
        )

    def _file(self, step: FileCall | FormulaCall) -> Any:
        parts: dict[str, Any] = {}
        upload = step.upload
        if upload is not None:
            file = (upload.filename, upload.open(upload), upload.content_type)
            parts = {"data": {"purpose": upload.purpose}, "files": {"file": file}}
        elif isinstance(step, FormulaCall) and step.body is not None:
            parts = {"json": step.body}
        return self._http.Request(
            step.method,
            self._base_url + step.path,
            headers=self._headers,
            extensions={"timeout": self._timeout},
            **parts,
        )

    def _failed(self, error: Exception, *, begun: bool) -> Failed:
        return network_failure(error, self._base_url, begun=begun, keys=(self._key,))

    def _broken(self, error: Exception, head: Any, content: bytearray) -> Failed:
        """``_failed`` for an answer that was read whole; what came in part is not asked again."""
        begun = head is not None and head.status_code == 200
        failed = self._failed(error, begun=begun)
        if begun and content:
            failed.retryable = False
        return failed


class Wire(_Common):
    """See ``llm_kimi.transport.protocols.SyncTransport``."""

    def call(self, body: dict[str, Any]) -> Answer[_Body] | Failed:
        """Post ``body``; what is no stream comes whole."""
        return self._send(self._chat(body), bool(body.get("stream")))

    def _send(self, request: Any, stream: bool = False) -> Answer[_Body] | Failed:
        head: Any = None
        content = bytearray()
        try:
            head = self._inner.handle_request(request)
            stream = stream and head.status_code == 200
            try:
                packed = check_encoding(head.headers)
                if stream:
                    pieces = head.iter_bytes() if packed else iter(head.stream)
                    return Answer(200, head.headers, stream=(head, pieces))
                for piece in head.iter_bytes():
                    if not take(content, piece, head.status_code):
                        break
            except BadAnswer:
                stream = False
                raise
            finally:
                if not stream:
                    head.close()
        except self._errors as error:
            return self._broken(error, head, content)
        return Answer(head.status_code, head.headers, body=bytes(content))

    def read(self, answer: Answer[_Body]) -> bytes | Failed:
        """The next bytes."""
        try:
            return next(answer.opened[1], b"")
        except self._errors as error:
            return self._failed(error, begun=True)

    def file_call(self, step: FileCall | FormulaCall) -> Answer[_Body] | Failed:
        """Call the files API or an official tool."""
        return self._send(self._file(step))

    def close(self, answer: Answer[_Body]) -> None:
        """Give the connection back."""
        if answer.stream is not None:
            with suppress(Exception):
                answer.stream[0].close()


class AsyncWire(_Common):
    """See ``llm_kimi.transport.protocols.AsyncTransport``."""

    async def call(self, body: dict[str, Any]) -> Answer[_AsyncBody] | Failed:
        """Post ``body``; what is no stream comes whole."""
        return await self._send(self._chat(body), bool(body.get("stream")))

    async def _send(self, request: Any, stream: bool = False) -> Answer[_AsyncBody] | Failed:
        head: Any = None
        content = bytearray()
        try:
            head = await self._inner.handle_async_request(request)
            stream = stream and head.status_code == 200
            try:
                packed = check_encoding(head.headers)
                if stream:
                    pieces = head.aiter_bytes() if packed else aiter(head.stream)
                    return Answer(200, head.headers, stream=(head, pieces))
                async for piece in head.aiter_bytes():
                    if not take(content, piece, head.status_code):
                        break
            except BadAnswer:
                stream = False
                raise
            finally:
                if not stream:
                    await head.aclose()
        except self._errors as error:
            return self._broken(error, head, content)
        return Answer(head.status_code, head.headers, body=bytes(content))

    async def read(self, answer: Answer[_AsyncBody]) -> bytes | Failed:
        """The next bytes."""
        try:
            return await anext(answer.opened[1], b"")
        except self._errors as error:
            return self._failed(error, begun=True)

    async def file_call(self, step: FileCall | FormulaCall) -> Answer[_AsyncBody] | Failed:
        """Call the files API or an official tool."""
        return await self._send(self._file(step))

    async def close(self, answer: Answer[_AsyncBody]) -> None:
        """Give the connection back."""
        if answer.stream is not None:
            with suppress(Exception):
                await answer.stream[0].aclose()
            # Closed here and now: left to the garbage collector, it may outlive the loop.
            with suppress(Exception):
                await answer.stream[1].aclose()
