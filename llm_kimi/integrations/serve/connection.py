"""A connection of a caller: uvicorn's HTTP, with bounds on what one may send without a key.

uvicorn leaves the size, the number and the time of a request's head to a proxy in front of it;
this server has none. It also stops to read when a second request comes before the first is
answered, and then does not see that its caller leaves, who is billed to the end.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from ..openai_http import JSON_TYPE, as_json
from .access import refused
from .call import RESET, new_id

__all__ = [
    "HEAD_SECONDS",
    "MAX_CONNECTIONS",
    "MAX_HEAD",
    "MAX_HEADERS",
    "CallerConnection",
    "make_room",
]

_UPGRADE = re.compile(rb"\r\nupgrade[ \t]*:", re.IGNORECASE)

MAX_HEAD = 64 << 10
"""Bytes of a head; as much of what surrounds a body."""
MAX_HEADERS = 100
HEAD_SECONDS = 20.0
"""How long a head may take, or the rest of a request that has been answered."""
MAX_CONNECTIONS = 1000
"""Where the system has file descriptors enough, see ``make_room``."""
SPARE_FILES = 56
"""Descriptors for all else: the listener, libraries, the temporary files of uploads."""


def make_room() -> None:
    """Ask the system for the descriptors that ``MAX_CONNECTIONS`` need, or keep fewer.

    A caller takes two: his connection, and that to Kimi.
    """
    global MAX_CONNECTIONS
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    wanted = 2 * MAX_CONNECTIONS + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft != unlimited and soft < wanted:
        most = wanted if hard == unlimited else min(hard, wanted)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
        MAX_CONNECTIONS = min(MAX_CONNECTIONS, max(1, (soft - SPARE_FILES) // 2))


class CallerConnection(HttpToolsProtocol):
    """The protocol of one connection."""

    _head_timer: asyncio.TimerHandle | None = None
    _in_head = True
    _unread = 0
    """Bytes since the last that became a head or a part of a body."""
    _deaf = False
    """Nothing more is read: only the end of the connection is waited for."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self._deaf = True
            transport.abort()
            return
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        if self._head_timer is None and not self._is_busy():
            self._wait_for_head()  # also for the rest of a request that has been answered
        self._unread += len(data)
        if self._in_head:
            # Java's client offers HTTP/2 so, and the parser would take its body for that protocol.
            head, end, body = data.partition(b"\r\n\r\n")
            data = _UPGRADE.sub(b"\r\nx-upgrade:", head) + end + body
        super().data_received(data)
        if self._unread > MAX_HEAD and not self._deaf:
            self._refuse(431, f"the head of the request is larger than {MAX_HEAD >> 10} KB")

    # -- what the parser finds ----------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._is_busy():
            self._hear_no_more()
        if not self._deaf:
            super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._deaf:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        # What stands behind a chunked body is none of a request's headers.
        if self._in_head and not self._deaf and len(self.headers) <= MAX_HEADERS:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._deaf:
            return
        self._in_head = False
        self._head_came()
        if self.parser.should_upgrade():
            # CONNECT, or an Upgrade that came in two pieces: what follows would be read as the
            # next request.
            self._refuse(400, "this is not a valid HTTP request here: no other protocol is spoken")
            return
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MAX_HEAD or len(self.headers) > MAX_HEADERS:
            self._refuse(
                431,
                f"the head of the request is larger than {MAX_HEAD >> 10} KB, or has more than "
                f"{MAX_HEADERS} headers",
            )
            return
        self._unread = 0
        super().on_headers_complete()
        if self.scope["http_version"] == "1.0":
            # No chunks there: the end of the connection is the end of the answer (``Call.piece``).
            self.scope["extensions"] = {RESET: {"reset": self._reset}}
            cycle: Any = self.cycle
            cycle.chunked_encoding = False
            cycle.expected_content_length = float("inf")

    def on_body(self, body: bytes) -> None:
        if not self._deaf:
            self._unread = 0
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._deaf:
            self._unread = 0
            self._in_head = True
            super().on_message_complete()

    # -- ends ---------------------------------------------------------------------------------

    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _hear_no_more(self) -> None:
        """A second request came before the first was answered. It is left unanswered, and the
        connection ends after the first: a client that does this asks again (RFC 9112, 9.3.2)."""
        self._deaf = True
        self.cycle.keep_alive = False

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if not self._is_busy() and not self.transport.is_closing():
            self._deaf = True
            self.transport.close()

    def _reset(self) -> None:
        """End the connection in a way that no client takes for the end of an answer."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _refuse(self, status: int, text: str) -> None:
        """Answer what is no request that could be handed on, and close."""
        self._deaf = True
        self._head_came()
        if self.transport.is_closing():
            return
        if self._is_busy() and not self.cycle.more_body:
            self.cycle.keep_alive = False  # what was asked for before is answered
            return
        if self._is_busy() and self.cycle.response_started:
            self.transport.close()
            return
        content = as_json(refused(status, text, code="bad_http").body)
        told = getattr(self.config.app, "told_of_bad_http", None)
        if told is not None:
            told(status)
        self.transport.write(
            STATUS_LINE[status]
            + f"content-type: {JSON_TYPE}\r\ncontent-length: {len(content)}\r\n".encode()
            + f"x-request-id: {new_id()}\r\n".encode()
            + b"x-should-retry: false\r\nconnection: close\r\n\r\n"
            + content
        )
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "this is not a valid HTTP request")
