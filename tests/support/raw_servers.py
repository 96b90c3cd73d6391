"""Servers that speak HTTP badly: what goes over the socket is written by hand."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunked(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


class Connection:
    """One connection, after its request was read: ``number`` counts them."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number

    def send(self, data: bytes) -> None:
        """Send; raises when the client has closed."""
        self.sock.sendall(data)

    def drip(self, data: bytes, *, seconds: float = 0.02) -> None:
        """Send ``data`` again and again, a byte at a time, until the client closes."""
        while True:
            for at in range(len(data)):
                self.send(data[at : at + 1])
                time.sleep(seconds)

    def wait(self, seconds: float = 10.0) -> None:
        """Say nothing until the client closes."""
        self.sock.settimeout(seconds)
        self.sock.recv(1)


class Server:
    """What a test sees: ``base_url``, the requests so far, the connections that are open."""

    def __init__(self) -> None:
        self.base_url = ""
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0


def hang_up(sock: socket.socket) -> None:
    """Close ``sock`` under a thread that waits on it, a listener or a connection.

    Closing alone leaves the thread in the kernel with a number that the next socket gets: it can
    come back with what was meant for that one.
    """
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


@contextmanager
def raw_server(answer: Callable[[Connection], None]) -> Iterator[Server]:
    """A server on loopback that calls ``answer`` for each request."""
    server = Server()
    lock = threading.Lock()

    def serve(sock: socket.socket) -> None:
        with sock:
            with lock:
                server.connections += 1
                server.open += 1
            with suppress(OSError):
                while request := _read_request(sock):
                    with lock:
                        server.requests.append(request)
                        number = len(server.requests)
                    answer(Connection(sock, number))
            with lock:
                server.open -= 1

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                threading.Thread(target=serve, args=(sock,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield server
        finally:
            hang_up(listener)
            accepting.join(10)
            assert not accepting.is_alive()


def _read_request(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
            while len(rest) < length:
                rest += sock.recv(65536)
    return head + b"\r\n\r\n" + rest
