"""One request to the server: its body, its answer, and what happens when its caller leaves."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..openai_http import JSON_TYPE, WireError, as_json, sendable
from .access import Headers, header, refused

__all__ = ["MAX_BODY", "RESET", "STOPPED", "Call", "Left", "Record", "Refused", "Scope", "new_id"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY = 100 << 20
"""Bytes of a request: Kimi takes files of 100 MB."""
MAX_FORM = 64 << 10
"""Bytes of the form around a file."""

DRAIN_SECONDS = 2.0
"""How long the rest of a request that was refused is read and dropped."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
RESET = "llm_kimi.reset"
"""The extension of ASGI by which ``CallerConnection`` lets a call over HTTP/1.0 break off."""
GONE, STOPPED = "the caller left", "the server stopped"


class Refused(Exception):
    """A request that is answered with ``error``."""

    def __init__(self, error: WireError) -> None:
        super().__init__(error.body["error"]["message"])
        self.error = error


class Left(Exception):
    """The caller has gone, or the server stops; ``Call.left`` says which."""


@dataclass(slots=True)
class Record:
    """What the log tells of a request. ``model`` is as the caller wrote it, ``changed`` are the
    names of the parameters that were changed in meaning."""

    method: str
    path: str
    status: int = 0
    model: str = ""
    changed: tuple[str, ...] = ()
    started: float = 0.0
    note: str = ""


class Call:
    """One request. ``work`` on its answer ends when its caller leaves."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # An answer to HEAD has the head of one to GET (RFC 9110, 9.3.2); uvicorn drops the body.
        self.method = "GET" if scope["method"] == "HEAD" else str(scope["method"])
        self.path: str = scope["path"]
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers: Headers = scope["headers"]
        self._is_old = scope.get("http_version") == "1.0"
        self._scope = scope
        self.record = Record(scope["method"], self.path, started=time.monotonic())
        self._receive = receive
        self._send = send
        self._task: asyncio.Task[Any] | None = None
        self._why = ""
        self._watcher: asyncio.Task[None] | None = None
        self._started = False
        self._read = False
        self.inside: Callable[[WireError], bytes] | None = None
        """How the answer that has begun says an error; None: only by breaking off."""

    # -- the request --------------------------------------------------------------------------

    async def body(self) -> bytes:
        """The whole body.

        Raises:
            Refused: it is too large.
            Left: the caller has gone.
        """
        pieces = [piece async for piece in self.pieces()]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def pieces(self) -> Any:
        """The body as it comes; errors as ``body``."""
        size = 0
        is_form = (header(self.headers, b"content-type") or "").lower().startswith("multipart/")
        most = MAX_BODY + (MAX_FORM if is_form else 0)
        length = header(self.headers, b"content-length") or ""
        if length.isdigit() and int(length[:20]) > most:
            raise _too_large(is_form)
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                self._why = GONE
                raise Left
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > most:
                raise _too_large(is_form)
            self._read = not message.get("more_body", False)
            if self._read:
                self._watcher = asyncio.create_task(self._watch())
            if piece:
                yield piece
            if self._read:
                return

    # -- the caller ---------------------------------------------------------------------------

    async def attended(self, work: Callable[[Call], Awaitable[None]]) -> None:
        """Do ``work``, which reads the body; when the caller leaves after that, it is cancelled.

        A server does not tell by itself, and Kimi would go on, and bill, to the end.

        Raises:
            Left: he did, or ``stop`` was called; ``left`` says which.
        """
        task = self._task = asyncio.current_task()
        assert task is not None
        try:
            await work(self)
        except asyncio.CancelledError:
            if not self._why:
                raise
            if hasattr(task, "uncancel"):  # Python 3.11 counts the requests
                task.uncancel()
            raise Left from None
        finally:
            self._task = None
            if self._watcher is not None:
                self._watcher.cancel()

    async def _watch(self) -> None:
        """Nothing follows a body but the word that the caller has gone."""
        await self._receive()
        self._end(GONE)

    def stop(self) -> None:
        """End the work: the server stops."""
        self._end(STOPPED)

    def _end(self, why: str) -> None:
        if self._task is not None and not self._why:
            self._why = why
            self._task.cancel()

    @property
    def left(self) -> str:
        """Why the work was ended; ``""`` when it was not."""
        return self._why

    # -- the answer ---------------------------------------------------------------------------

    @property
    def begun(self) -> bool:
        """Whether the head of the answer has been sent."""
        return self._started

    async def start(self, status: int, kind: str, headers: Mapping[str, str]) -> None:
        """Send the head of an answer whose body follows in pieces."""
        fields = sendable({"content-type": kind, **headers})
        fields.setdefault("x-request-id", new_id())
        encoded = [(name.encode(), value.encode()) for name, value in fields.items()]
        if (name := "content-disposition") in headers:
            # As it came: names of files are often UTF-8 there, which clients know.
            value = _CONTROL.sub("?", headers[name]).encode("utf-8", "surrogateescape")
            encoded = [pair for pair in encoded if pair[0] != name.encode()]
            encoded.append((name.encode(), value))
        status = status if 200 <= status <= 599 else 502  # no status of HTTP
        self._started = True
        self.record.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def piece(self, content: bytes, *, last: bool = False) -> None:
        """Send a piece of the body."""
        # To HTTP 1.0 the end of the connection says that it was the last (``CallerConnection``).
        more = self._is_old or not last
        await self._send({"type": "http.response.body", "body": content, "more_body": more})

    def break_off(self) -> None:
        """Show that an answer is not whole, where its end would look like any other: the end of
        the connection is that of an answer over HTTP/1.0, so it is reset."""
        extension = self._scope.get("extensions", {}).get(RESET)
        if self._is_old and extension is not None:
            extension["reset"]()

    async def answer(
        self, status: int, content: bytes, kind: str = JSON_TYPE, headers: Any = None
    ) -> None:
        """Send a whole answer."""
        await self.start(status, kind, {**(headers or {}), "content-length": str(len(content))})
        await self.piece(content, last=True)

    async def refuse(self, error: WireError) -> None:
        """Send an error answer."""
        content, headers = as_json(error.body), dict(error.headers)
        if self._read or not self.has_body:
            await self.answer(error.status, content, headers=headers)
            return
        headers.update({"connection": "close", "content-length": str(len(content))})
        await self.start(error.status, JSON_TYPE, headers)
        await self.piece(content)
        # A connection that is closed over unread bytes is reset, and the answer may get lost.
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._drain(), DRAIN_SECONDS)
        await self.piece(b"", last=True)

    @property
    def has_body(self) -> bool:
        """Whether the request has a body."""
        length = header(self.headers, b"content-length")
        return (length or "0") != "0" or header(self.headers, b"transfer-encoding") is not None

    async def _drain(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] != "http.request" or not message.get("more_body", False):
                return


def new_id() -> str:
    """An id for an answer to which Kimi has given none."""
    return f"req_{secrets.token_hex(12)}"


def _too_large(is_form: bool) -> Refused:
    limit = f"{MAX_BODY >> 20} MB"
    if is_form:
        text = f"Kimi takes files of at most {limit}: split the file"
    else:
        text = f"the request is larger than {limit}: upload files first and refer to them by id"
    return Refused(refused(413, text, code="request_too_large"))
