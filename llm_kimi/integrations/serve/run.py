"""The server as a process: where it listens, what it says, how it ends."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import uvicorn

from ..openai_chat import Options
from .access import Access
from .app import App
from .call import Record
from .connection import CallerConnection, make_room
from .upstream import Upstream, env_proxy

__all__ = ["Setup", "is_loopback", "listen", "run"]

KEEP_ALIVE_SECONDS = 75
"""How long an idle connection is kept: longer than clients keep theirs, or they would send into one
that is just being closed."""

STOP_SECONDS = 5
"""How long the last answers may take to be taken when the server stops."""


_SILENT = ("uvicorn", "asyncio", "aiohttp", "python_multipart", "multipart", "llm_kimi")


@dataclass(frozen=True, slots=True)
class Setup:
    """What a server is to do. ``key``: of Moonshot; None: that of each caller. ``told`` is called
    with each request's record, ``ready`` once it listens, ``stopping`` when it begins to end."""

    access: Access
    base_url: str
    options: Options
    key: str | None
    told: Callable[[Record], None]
    ready: Callable[[], None]
    stopping: Callable[[], None]

    def __repr__(self) -> str:
        return f"Setup(base_url={self.base_url!r})"


def is_loopback(host: str) -> bool:
    """Whether ``host`` is an address of this machine that no other can reach."""
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to ``host`` and ``port``; 0 takes a free one.

    Raises:
        OSError: it cannot be had.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # With its protocol: asyncio sends at once (TCP_NODELAY) only on what it knows to be TCP.
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()  # two that start at once may both bind; asyncio listens again
    except BaseException:
        listener.close()
        raise
    return listener


class _Server(uvicorn.Server):
    """uvicorn, which tells the application when it stops, and ends without a signal of its own."""

    def __init__(self, config: uvicorn.Config, app: App, setup: Setup) -> None:
        super().__init__(config)
        self._app = app
        self._setup = setup
        self._loop = asyncio.get_running_loop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._setup.ready()

    def handle_exit(self, sig: int, frame: Any) -> None:
        if self.should_exit:
            self.force_exit = True
            return
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        self._setup.stopping()
        self._app.stop()


def run(setup: Setup, listener: socket.socket) -> None:
    """Serve on ``listener`` until Ctrl-C or SIGTERM.

    Raises:
        InvalidRequestError: Kimi cannot be reached in the way that the environment says.
    """
    env_proxy(setup.base_url)  # before anybody asks
    # uvicorn's words are for those who write servers, and those of others may hold what a caller
    # sent: the record of a request says what became of it, and what was changed.
    logging.getLogger().addHandler(logging.NullHandler())
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    make_room()
    with suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.run(_serve(setup, listener))


async def _serve(setup: Setup, listener: socket.socket) -> None:
    upstream = Upstream(setup.base_url)
    app = App(setup.access, upstream, setup.options, key=setup.key, log=setup.told)
    config = uvicorn.Config(
        app,
        http=CallerConnection,
        loop="asyncio",
        lifespan="off",
        ws="none",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    try:
        await _Server(config, app, setup).serve(sockets=[listener])
    finally:
        await upstream.close()
