"""Sites to fetch from, a name server and wires that are none."""

from __future__ import annotations

import io
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from llm_kimi.download.fetch import Fetched, fetch
from llm_kimi.errors import InvalidRequestError

PUBLIC = "93.184.215.14"
OTHER_PUBLIC = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"


def answer(body: bytes = b"bytes", *headers: str, status: str = "200 OK") -> bytes:
    """An HTTP answer, closed by its Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(b"", f"Location: {location}", status=status)


class Site:
    """A server on loopback. ``pages``: by path, bytes or what writes them to the connection."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, bytes | Callable[[socket.socket], None]] = {}
        self.requests: list[str] = []
        self.over = threading.Event()
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def _listen(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self.over.is_set():
                connection.close()
                self._listener.close()
                return
            thread = threading.Thread(target=self._serve, args=[connection])
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        with suppress(OSError), connection:
            if self._tls:
                with self._tls.wrap_socket(connection, server_side=True) as wrapped:
                    self._reply(wrapped)
            else:
                self._reply(connection)

    def _reply(self, connection: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            data = connection.recv(65_536)
            if not data:
                return
            request += data
        text = request.decode("latin-1")
        self.requests.append(text)
        page = self.pages.get(text.split(" ")[1], answer(b"no", status="404 Not Found"))
        if isinstance(page, bytes):
            connection.sendall(page)
        else:
            page(connection)

    def close(self) -> None:
        self.over.set()
        with suppress(OSError):  # it may be gone: a late connection of the test wakes it as well
            socket.create_connection(("127.0.0.1", self.port)).close()
        for thread in self._threads:
            thread.join(10)


class Names:
    """A name server in place of the machine's. A host's answers are given in turn."""

    def __init__(self) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []
        self.real = socket.getaddrinfo

    def getaddrinfo(self, host: str, port: int, *args: Any, **more: Any) -> list[Any]:
        if host not in self.answers and host[-1] not in "abcdefghijklmnopqrstuvwxyz":
            return list(self.real(host, port, *args, **more))
        self.asked.append(host)
        answers = self.answers.get(host)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]


class Wire:
    """Connections that lead nowhere: who was connected to, and what was said."""

    def __init__(self) -> None:
        self.connected: list[tuple[str, int]] = []
        self.refusing: dict[str, Exception] = {}
        self.tls_names: list[str | None] = []
        self.sent = b""
        self.replies = [answer()]

    def connect_tcp(self, address: str, port: int, timeout: float) -> Wired:
        self.connected.append((address, port))
        if address in self.refusing:
            raise self.refusing[address]
        return Wired(self)


class Wired:
    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.reply = io.BytesIO(wire.replies.pop(0) if len(wire.replies) > 1 else wire.replies[0])

    def read(self, max_bytes: int, timeout: float) -> bytes:
        return self.reply.read(max_bytes)

    def write(self, buffer: bytes, timeout: float) -> None:
        self.wire.sent += buffer

    def start_tls(self, context: ssl.SSLContext, name: str | None, timeout: float) -> Wired:
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED
        self.wire.tls_names.append(name)
        return self

    def get_extra_info(self, info: str) -> None:
        return None

    def close(self) -> None:
        pass


def get(url: str, **more: Any) -> Fetched:
    """``fetch`` within the own network."""
    return fetch(url, **{"max_bytes": 1_000_000, "seconds": 10, "allow_private": True, **more})


def refused(url: str, **more: Any) -> str:
    """The error text for ``url``; its form is checked."""
    with pytest.raises(InvalidRequestError) as caught:
        fetch(url, **{"max_bytes": 1_000_000, "seconds": 10, **more})
    text = str(caught.value)
    assert caught.value.param is None
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert text.startswith("cannot fetch ")
    assert "; " in text
    assert text.isprintable()
    assert len(text) < 500
    return text
