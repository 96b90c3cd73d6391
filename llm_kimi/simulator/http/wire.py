"""HTTP/1.1 on one connection: reading bodies, writing heads, noticing that the client left."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

__all__ = ["Wire"]

MAX_BODY = 100 * 1024 * 1024
_PIECE = 64 * 1024
_LINGER = 2.0
_TOO_LARGE = "Invalid request: the body must stay within 100 MB"
_PEEK = socket.MSG_PEEK | getattr(socket, "MSG_DONTWAIT", 0)


class Wire(BaseHTTPRequestHandler):
    """The transport half of the handler; prints nothing, keeps connections open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    trace = ""

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is said to something that is no proper HTTP request, in the API's form."""
        error = {"message": message or str(code), "type": "invalid_request_error"}
        body = json.dumps({"error": error}).encode()
        self.close_connection = True
        self.wfile.write(self.whole(code, body, "application/json", {}))

    def read_body(self) -> bytes | None:
        """The body of the request; None after an error answer or a lost connection."""
        if self._length() > MAX_BODY:
            self._too_large()
            return None
        pieces: list[bytes] = []
        size = 0
        try:
            for piece in self.body():
                size += len(piece)
                if size > MAX_BODY:
                    self._too_large()
                    return None
                pieces.append(piece)
        except ConnectionError:
            self.close_connection = True
            return None
        return b"".join(pieces)

    def body(self) -> Iterator[bytes]:
        """The body of the request in pieces, whether its length was told or it comes in chunks.

        Raises:
            ConnectionError: when the client leaves midway, or its chunks are none.
        """
        if not self._chunked():
            yield from self._exactly(self._length())
            return
        while True:
            try:
                size = int(self.rfile.readline(64).split(b";")[0], 16)
            except ValueError:
                size = -1
            if size < 0:
                raise ConnectionAbortedError("no proper chunk")
            if size == 0:
                while self.rfile.readline(1024).strip():
                    pass  # trailers
                return
            yield from self._exactly(size)
            self.rfile.readline(1024)

    def _chunked(self) -> bool:
        return "chunked" in (self.headers.get("Transfer-Encoding") or "").lower()

    def _length(self) -> int:
        """What Content-Length says; a number that is none counts as far too much."""
        given = (self.headers.get("Content-Length") or "0").strip()
        return int(given) if given.isascii() and given.isdigit() else sys.maxsize

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self.rfile.read(min(size, _PIECE))
            if not piece:
                raise ConnectionAbortedError("the client closed the connection")
            size -= len(piece)
            yield piece

    def _too_large(self) -> None:
        self.send_error(400, _TOO_LARGE)
        self.linger()

    def linger(self) -> None:
        """Hang up on a client that may still be sending, so that it can read the answer.

        Closing at once would reset the connection, and the answer with it.
        """
        self.close_connection = True
        until = time.monotonic() + _LINGER
        with suppress(OSError):  # it has gone
            self.connection.shutdown(socket.SHUT_WR)
            while (left := until - time.monotonic()) > 0:
                self.connection.settimeout(left)
                if not self.connection.recv(_PIECE):
                    return

    def whole(self, status: int, body: bytes, kind: str, headers: dict[str, str]) -> bytes:
        """Head and body of an answer, for one write."""
        return self.head(status, kind, {**headers, "Content-Length": str(len(body))}) + body

    def head(self, status: int, kind: str, headers: dict[str, str]) -> bytes:
        """The head of an answer with its empty line."""
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = "Error"
        lines = [
            f"HTTP/1.1 {status} {phrase}",
            "Server: kimi-simulator",
            f"Date: {self.date_time_string()}",
            f"Content-Type: {kind}; charset=utf-8",
            f"x-trace-id: {self.trace}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        if self.close_connection:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def write_chunk(self, data: bytes) -> None:
        """Send one chunk of a chunked body.

        Raises:
            ConnectionError: when the client has closed its end.
        """
        self.check_client()
        self.wfile.write(self.chunk(data))

    def chunk(self, data: bytes) -> bytes:
        """One chunk of a chunked body; that of no data ends it."""
        return b"%x\r\n%s\r\n" % (len(data), data)

    def check_client(self) -> None:
        """Look whether the client is still there: else there is an end of file to read.

        Raises:
            ConnectionError: when the client has closed its end.
        """
        if _PEEK == socket.MSG_PEEK:  # a system where a peek would wait
            return
        try:
            if self.connection.recv(1, _PEEK) == b"":
                raise ConnectionResetError("the client closed the connection")
        except BlockingIOError:
            pass
