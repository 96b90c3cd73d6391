"""A server on raw sockets that goes wrong in the ways of ``cells``, byte for byte.

No HTTP library writes its answers: bad framing, dripped heads and resets are the point. A request
belongs to the cell whose name stands in it (in its body, path or file name), so one server and one
client's connections serve all cells; only those of ``connect`` and ``tls`` get a port of their own.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from ..ports import kept_port
from .cells import COMMANDS, STREAM_PLACES, Cell
from .wire import (
    BODIES,
    BROKEN_HEADS,
    ELSEWHERE,
    KINDS,
    LAST_WORDS,
    PIECES,
    WHOLE,
    WHOLES,
    depth,
    error_answer,
    odd,
    retry_after,
)

__all__ = ["FaultServer", "marker"]

NAME = re.compile(rb"cell\.([a-z0-9.-]+?)\.stop")
DRIP = 0.1
"""Seconds between two bytes: far less than any timeout, so only a clock of the whole helps."""


class Dropped(Exception):
    """The connection is over."""


class FaultServer:
    """Serves ``cells`` on loopback; a context manager."""

    def __init__(self, cells: list[Cell]) -> None:
        self._cells = {cell.name: cell for cell in cells}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._listeners: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._busy: Counter[str] = Counter()
        self._own: dict[str, str] = {}
        self._unused = ExitStack()

    def __enter__(self) -> FaultServer:
        port = self._listen(self._serve)
        self._url = f"http://127.0.0.1:{port}/v1"
        for cell in self._cells.values():
            if cell.where in ("connect", "tls") or cell.what == "refused":
                scheme = "https" if cell.where == "tls" else "http"
                if cell.what == "refused":
                    own = self._unused.enter_context(kept_port())
                else:
                    own = self._listen(lambda conn, cell=cell: self._refuse(conn, cell))
                self._own[cell.name] = f"{scheme}://127.0.0.1:{own}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._unused.close()
        for listener in self._listeners:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            left = list(self._open)
        for conn in left:
            with suppress(OSError):
                conn.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def url(self, cell: Cell) -> str:
        """The base URL that ``cell`` is tried with."""
        if cell.where in COMMANDS:
            # Nothing that these send names the cell but the address.
            return self._own.get(cell.name, self._url.replace("/v1", f"/{marker(cell)}/v1"))
        return self._own.get(cell.name, self._url)

    def wait_until_idle(self, seconds: float = 10.0) -> str:
        """Which cells still have a connection in the middle of something; empty if none has."""
        end = time.monotonic() + seconds
        while any(self._busy.values()) and time.monotonic() < end:
            time.sleep(0.02)
        return ", ".join(sorted(self._busy.elements()))

    # -- connections ----------------------------------------------------------------------------

    def _listen(self, serve: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._listeners.append(listener)

        def accept() -> None:
            while not self._stopping.is_set():
                try:
                    conn, _ = listener.accept()
                except OSError:
                    return
                thread = threading.Thread(target=self._guarded, args=(conn, serve), daemon=True)
                self._threads.append(thread)
                thread.start()

        thread = threading.Thread(target=accept, daemon=True)
        self._threads.append(thread)
        thread.start()
        return int(listener.getsockname()[1])

    def _guarded(self, conn: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        with self._lock:
            self._open.add(conn)
        try:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve(conn)
        except (OSError, Dropped):
            pass
        finally:
            with self._lock:
                self._open.discard(conn)
            conn.close()

    def _refuse(self, conn: socket.socket, cell: Cell) -> None:
        """What happens before any request."""
        if self._takes(cell, "connect"):
            with self._working(cell):
                if cell.what == "reset":
                    self._reset(conn)
                elif cell.what == "silence":
                    self._silence(conn)
                else:
                    conn.recv(1)
                    conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\nThis is not TLS.")
            return
        self._serve(conn)

    def _serve(self, conn: socket.socket) -> None:
        while not self._stopping.is_set():
            request = _read_request(conn)
            if request is None:
                return
            method, path, body = request
            found = NAME.search(body) or NAME.search(path.encode())
            cell = self._cells[found.group(1).decode()] if found else None
            with self._working(cell):
                self._answer(conn, cell, method, path, body)

    @contextmanager
    def _working(self, cell: Cell | None) -> Iterator[None]:
        """A connection is in the middle of something for ``cell``."""
        name = cell.name if cell else "no cell"
        with self._lock:
            self._busy[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy[name] -= 1

    def _takes(self, cell: Cell, place: str) -> bool:
        """Whether this request of the cell still goes wrong."""
        with self._lock:
            self._counts[cell.name, place] += 1
            return self._counts[cell.name, place] <= cell.times

    # -- answers ---------------------------------------------------------------------------------

    def _answer(
        self, conn: socket.socket, cell: Cell | None, method: str, path: str, body: bytes
    ) -> None:
        place = _place(method, path)
        if cell is not None and place == _request_of(cell) and self._takes(cell, place):
            self._go_wrong(conn, cell, body)
        elif place == "upload":
            name = marker(cell) if cell else "none"
            self._json(conn, {"id": f"file-{name}", "object": "file", "status": "ready"})
        elif place == "extraction":
            self._send(conn, 200, b"The text of the document.", "text/plain")
        elif place == "delete":
            self._json(conn, {"id": path.rsplit("/", 1)[-1], "object": "file", "deleted": True})
        elif place == "list":
            self._json(conn, {"object": "list", "data": []})
        elif _streams(body):
            _head(conn, "text/event-stream", chunked=True)
            for _, piece in PIECES:
                _framed(conn, piece)
            conn.sendall(b"0\r\n\r\n")
        else:
            self._json(conn, WHOLE)

    def _go_wrong(self, conn: socket.socket, cell: Cell, body: bytes) -> None:
        if cell.what == "reset" and cell.where not in STREAM_PLACES:
            self._reset(conn)
        elif cell.where == "head":
            self._bad_head(conn, cell, body)
        elif cell.where == "whole":
            self._bad_whole(conn, cell)
        elif cell.where in ("upload", "extraction", *COMMANDS):
            self._bad_answer(conn, cell)
        else:
            self._bad_stream(conn, cell)

    def _bad_answer(self, conn: socket.socket, cell: Cell) -> None:
        """To a question that is no chat: what can be wrong whatever was asked."""
        what = cell.what
        status = re.match(r"(\d{3})-(.*)", what)
        if status:
            self._status(conn, int(status.group(1)), status.group(2))
        elif what == "silence":
            self._silence(conn)
        elif what == "drip":
            conn.sendall(b"HTTP/1.1 200 OK\r\nx-drip: ")
            self._drip(conn, b"x")
        else:
            self._send(conn, 200, BODIES[what], "application/json")

    def _bad_head(self, conn: socket.socket, cell: Cell, body: bytes) -> None:
        what = cell.what
        if what in KINDS:
            kind, text = KINDS[what]
            error = {"message": text} if kind is None else {"message": text, "type": kind}
            code = 403 if what == "balance-403" else 429
            self._send(conn, code, json.dumps({"error": error}).encode(), "application/json")
        elif what in ("gzip", "deflate"):
            pack = gzip.compress if what == "gzip" else zlib.compress
            text, kind = _answer_to(body)
            self._send(conn, 200, pack(text), kind, f"content-encoding: {what}\r\n")
        elif what == "false-gzip":
            text, kind = _answer_to(body)
            self._send(conn, 200, text, kind, "content-encoding: gzip\r\n")
        elif what == "unknown-packing":
            more = "content-encoding: x-unknown\r\n"
            self._send(conn, 200, b"\x01\x02\x03\xff", _answer_to(body)[1], more)
        elif what in BROKEN_HEADS:
            conn.sendall(BROKEN_HEADS[what])
            raise Dropped
        else:
            self._bad_answer(conn, cell)

    def _status(self, conn: socket.socket, status: int, form: str) -> None:
        more, kind = "", "application/json"
        if form == "elsewhere":
            self._send(conn, status, b"", kind, f"location: {ELSEWHERE}\r\n")
            return
        if form.startswith("after-"):
            more, form = f"{retry_after(form.removeprefix('after-'))}\r\n", "object"
        if form == "html":
            kind = "text/html"
        self._send(conn, status, error_answer(status, form), kind, more)

    def _bad_whole(self, conn: socket.socket, cell: Cell) -> None:
        if cell.what in WHOLES:
            self._json(conn, WHOLES[cell.what])
        elif cell.what == "short-body":
            conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n" + b'{"id": "x", ')
            raise Dropped
        else:
            self._bad_answer(conn, cell)

    def _bad_stream(self, conn: socket.socket, cell: Cell) -> None:
        """The answer up to the cell's place, and then what goes wrong there."""
        what = cell.what
        _head(conn, "text/event-stream", chunked=True)
        rest = []
        last = len(STREAM_PLACES) + 1 if cell.where == "after-done" else depth(cell.where)
        for place, piece in PIECES:
            if depth(place) < last:
                _framed(conn, piece)
            else:
                rest.append(piece)
        if what == "reset":
            self._reset(conn)
        elif what == "cut":
            raise Dropped
        elif what == "silence":
            self._silence(conn)
        elif what == "drip":
            self._drip(conn, b"1\r\n:\r\n")
        elif what in ("end", "nothing"):
            conn.sendall(b"0\r\n\r\n")
        elif what == "never-ends":
            self._drip(conn, b"a\r\n: waiting\n\r\n")
        elif what == "bad-framing":
            conn.sendall(b"this is no length\r\n")
            raise Dropped
        else:
            for piece in odd(what):
                _framed(conn, piece)
            if what not in LAST_WORDS:
                for piece in rest:
                    _framed(conn, piece)
            conn.sendall(b"0\r\n\r\n")

    # -- ways to go wrong ------------------------------------------------------------------------

    def _reset(self, conn: socket.socket) -> None:
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Dropped

    def _silence(self, conn: socket.socket) -> None:
        """Nothing, until the other side hangs up."""
        conn.settimeout(0.2)
        while not self._stopping.is_set():
            try:
                if not conn.recv(65_536):
                    break
            except TimeoutError:
                continue
        raise Dropped

    def _drip(self, conn: socket.socket, piece: bytes) -> None:
        """A little now and then, until the other side hangs up."""
        while not self._stopping.wait(DRIP):
            conn.sendall(piece)
        raise Dropped

    def _json(self, conn: socket.socket, value: Any) -> None:
        self._send(conn, 200, json.dumps(value).encode(), "application/json")

    @staticmethod
    def _send(conn: socket.socket, status: int, body: bytes, kind: str, more: str = "") -> None:
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
        conn.sendall(f"{head}{more}\r\n".encode() + body)


def marker(cell: Cell) -> str:
    """What names ``cell`` in a prompt, a file name or an id."""
    return f"cell.{cell.name}.stop"


def _request_of(cell: Cell) -> str:
    """The request that goes wrong; those of ``connect`` and ``tls`` never become one."""
    if cell.where in ("upload", "extraction", "connect", "tls", *COMMANDS):
        return cell.where
    return "chat"


def _streams(body: bytes) -> bool:
    """Whether a chat asks for a stream."""
    return bool(json.loads(body).get("stream"))


def _answer_to(body: bytes) -> tuple[bytes, str]:
    """The whole right answer to a chat in one piece, and its type."""
    if _streams(body):
        return b"".join(piece for _, piece in PIECES), "text/event-stream"
    return json.dumps(WHOLE).encode(), "application/json"


def _place(method: str, path: str) -> str:
    if path.endswith("/chat/completions"):
        return "chat"
    if path.endswith("/models"):
        return "models"
    if path.endswith("/balance"):
        return "balance"
    if path.endswith("/content"):
        return "extraction"
    if path.rstrip("/").endswith("/files"):
        return "upload" if method == "POST" else "list"
    return "delete" if method == "DELETE" else "retrieve"


def _read_request(conn: socket.socket) -> tuple[str, str, bytes] | None:
    """Method, path and body of the next request; None when the other side hung up."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = conn.recv(65_536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    method, path, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    if length:
        while len(body) < int(length.group(1)):
            piece = conn.recv(65_536)
            if not piece:
                return None
            body += piece
    elif re.search(rb"(?im)^transfer-encoding: *chunked", head):
        while not body.endswith(b"0\r\n\r\n"):
            piece = conn.recv(65_536)
            if not piece:
                return None
            body += piece
    return method, path, body


def _head(conn: socket.socket, kind: str, *, chunked: bool) -> None:
    more = "transfer-encoding: chunked\r\n" if chunked else ""
    conn.sendall(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{more}\r\n".encode())


def _framed(conn: socket.socket, piece: bytes) -> None:
    conn.sendall(b"%x\r\n" % len(piece) + piece + b"\r\n")
