"""The server: ``Simulator`` listens on the loopback interface and answers as the API would.

Nothing is printed. Every request leaves a record in ``Simulator.requests`` and, as a line of
JSON, in the log that was asked for; no record holds an API key.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from socketserver import BaseRequestHandler, TCPServer
from types import TracebackType
from typing import IO, Any, final

from ..catalog import Model
from .http.chat_handler import Handler
from .state import State

__all__ = ["Simulator"]


@final
class Simulator(State):
    """An offline Kimi on ``base_url``; a context manager, or ``start()`` and ``stop()``.

    ``port`` 0 takes a free one. ``log``: a path (appended to) or a text stream for JSON lines.
    ``seed`` varies the made-up answers. ``keys``: the bearer tokens that are accepted; None
    accepts any that does not start with ``sk-wrong``. ``chunk_delay``: seconds between the chunks
    of a stream. ``relay``: also serve retired models and ids as relays write them.
    ``extract_delay``: seconds that reading an uploaded document takes; it is one of
    ``file_rules``, which also hold the limits of an account and may be changed at any time.
    ``extra_models``: rows of models to serve beside those.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        log: str | os.PathLike[str] | IO[str] | None = None,
        seed: int = 0,
        keys: Collection[str] | None = None,
        chunk_delay: float = 0.0,
        relay: bool = False,
        extract_delay: float = 0.0,
        extra_models: Iterable[Model] = (),
    ) -> None:
        super().__init__(
            seed=seed,
            keys=keys,
            chunk_delay=chunk_delay,
            relay=relay,
            extract_delay=extract_delay,
            extra_models=extra_models,
        )
        self.connections = 0
        self._port = port
        self._log_to = log
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on, or was asked to while it does not run."""
        return self._port

    @property
    def base_url(self) -> str:
        """What a client takes as its base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> Simulator:
        """Listen, in a thread of its own.

        Raises:
            OSError: when the port is taken.
            RuntimeError: when it runs already.
        """
        if self._server is not None:
            raise RuntimeError("the simulator is running already")
        self.stopping.clear()
        self.store.open()
        self._server = _Server(self, self._port)
        self._port = int(self._server.server_address[1])
        if isinstance(self._log_to, (str, os.PathLike)):
            self._log = open(self._log_to, "a", encoding="utf-8")  # noqa: SIM115
        else:
            self._log = self._log_to
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="kimi-simulator", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close every connection, wait for the threads, remove all files.

        Does nothing when it does not run.
        """
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        self.stopping.set()
        server.shutdown()
        thread.join()
        server.close_all()
        self.store.close()
        self._server = self._thread = None
        with self._lock:
            if self._log is not None and self._log is not self._log_to:
                self._log.close()
            self._log = None

    def __enter__(self) -> Simulator:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class _Server(TCPServer):
    """A thread for each connection; keeps both so that ``stop`` leaves nothing behind."""

    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, simulator: Simulator, port: int) -> None:
        self.simulator = simulator
        self._open: dict[threading.Thread, socket.socket] = {}
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), BaseRequestHandler)  # _serve takes our own

    def process_request(self, request: Any, client_address: Any) -> None:
        self.simulator.connections += 1
        number = self.simulator.connections
        thread = threading.Thread(
            target=self._serve,
            args=(request, client_address, number),
            name=f"kimi-simulator-{number}",
            daemon=True,
        )
        with self._guard:
            self._open[thread] = request
        thread.start()

    def _serve(self, request: socket.socket, address: Any, number: int) -> None:
        try:
            Handler(request, address, self, self.simulator, number)
        except OSError:
            pass  # the client went away
        finally:
            self.shutdown_request(request)
            with self._guard:
                self._open.pop(threading.current_thread(), None)

    def close_all(self) -> None:
        """Close the listener and every connection, and wait up to two seconds for the threads."""
        self.server_close()
        with self._guard:
            left = dict(self._open)
        for connection in left.values():
            with suppress(OSError):  # closed already
                connection.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + 2
        for thread in left:
            thread.join(max(0.0, deadline - time.monotonic()))
