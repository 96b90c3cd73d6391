"""Clients of the SDK that are kept, by base URL and key: one connection for a chain of calls."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any, TypeAlias

from .deadline import watch
from .limits import client_settings

__all__ = [
    "CONNECT_SECONDS",
    "READ_SECONDS",
    "PooledClient",
    "clear_clients",
    "clients",
    "give_back",
    "loop_pool",
    "make_async_client",
    "make_client",
]

CONNECT_SECONDS = 10.0
READ_SECONDS = 600.0
"""Between two pieces of an answer. Thinking streams, so a longer silence is a dead connection."""

MAX_CLIENTS = 8
"""Kept clients (pairs of base URL and key), in all or per event loop; the oldest make room."""

Slot: TypeAlias = tuple[int, str, str]
"""Process id, base URL and key: a process that was forked must not use its parent's sockets."""

_lock = threading.RLock()
"""Reentrant: the garbage collector may close a forgotten stream while this thread holds it."""


class PooledClient:
    """A client, the pool it is from, and how many answers are being read through it."""

    __slots__ = ("client", "pool", "users")

    def __init__(self, client: Any, pool: Pool) -> None:
        self.client = client
        self.pool = pool
        self.users = 0


class Pool:
    """Kept clients. Those that are ``surplus`` are the caller's to close."""

    def __init__(self) -> None:
        self.kept: OrderedDict[Slot, PooledClient] = OrderedDict()

    def take(
        self, make: Callable[[str, str], Any], base_url: str, key: str
    ) -> tuple[PooledClient, list[Any]]:
        """The client for a base URL and a key, made by ``make`` if there is none."""
        slot = (os.getpid(), base_url, key)
        with _lock:
            kept = self.kept.get(slot)
            if kept is None:
                kept = self.kept[slot] = PooledClient(make(base_url, key), self)
            self.kept.move_to_end(slot)
            kept.users += 1
            return kept, self.surplus()

    def clear(self) -> list[Any]:
        """Forget all of them."""
        with _lock:
            forgotten = [kept.client for kept in self.kept.values()]
            self.kept.clear()
        return forgotten

    def surplus(self) -> list[Any]:
        """Those too many, without any that is in use."""
        surplus = []
        for slot, kept in list(self.kept.items())[: max(len(self.kept) - MAX_CLIENTS, 0)]:
            if not kept.users:
                self.kept.pop(slot, None)
                surplus.append(kept.client)
        return surplus


def give_back(kept: PooledClient | None) -> list[Any]:
    """Tell that an answer has been read, if it was through a kept client."""
    if kept is None:
        return []
    with _lock:
        kept.users -= 1
        return kept.pool.surplus()


class LoopPool(Pool):
    """The async clients of one event loop, closed when the loop shuts its generators down."""

    def __init__(self) -> None:
        super().__init__()
        self.keeper: AsyncGenerator[None, None] | None = None


clients = Pool()
_loops: dict[int, tuple[weakref.ref[asyncio.AbstractEventLoop], LoopPool]] = {}


def clear_clients() -> None:
    """Close the kept sync clients (for tests and long-lived programs)."""
    for client in clients.clear():
        client.close()


def make_client(base_url: str, key: str) -> Any:
    import openai

    http = openai.DefaultHttpxClient(**client_settings(asynchronous=False))
    watch(http)
    client = openai.OpenAI(http_client=http, **_options(base_url, key))
    _forget_openai(client)
    return client


def make_async_client(base_url: str, key: str) -> Any:
    import openai

    http = openai.DefaultAsyncHttpxClient(**client_settings(asynchronous=True))
    client = openai.AsyncOpenAI(http_client=http, **_options(base_url, key))
    _forget_openai(client)
    return client


def _options(base_url: str, key: str) -> dict[str, Any]:
    import openai

    return {
        "base_url": base_url,
        "api_key": key,
        "max_retries": 0,
        "timeout": openai.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
    }


def _forget_openai(client: Any) -> None:
    """Take out what the SDK read from the environment for OpenAI: it is not for Kimi to see."""
    client.organization = None
    client.project = None
    client.admin_api_key = None
    client._custom_headers = {}


async def loop_pool() -> LoopPool:
    """The clients of the running loop."""
    loop = asyncio.get_running_loop()
    with _lock:
        entry = _loops.get(id(loop))
        if entry is None or entry[0]() is not loop:
            for number, (other, _) in list(_loops.items()):
                known = other()
                if known is None or known.is_closed():
                    del _loops[number]
            entry = _loops[id(loop)] = (weakref.ref(loop), LoopPool())
        pool = entry[1]
        start_keeper = pool.keeper is None
        if start_keeper:
            pool.keeper = _keep(id(loop), pool)
    if start_keeper and pool.keeper is not None:
        await anext(pool.keeper)
    return pool


async def _keep(number: int, pool: LoopPool) -> AsyncGenerator[None, None]:
    """Wait for the end of the loop and close its clients then.

    ``asyncio.run`` closes suspended async generators before it closes the loop, which is the one
    moment at which kept connections can be closed properly.
    """
    try:
        yield
    finally:
        with _lock:
            entry = _loops.get(number)
            if entry is not None and entry[1] is pool:
                del _loops[number]
        for client in pool.clear():
            with suppress(Exception):
                await client.close()
