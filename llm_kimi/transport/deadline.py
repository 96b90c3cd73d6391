"""A clock on the wall for each wait: a server that drips is as bad as one that is silent.

HTTP clients bound the time of one read, so a byte a second keeps a caller for ever: in the head of
an answer, in a chunk's length, in comments between events. Here the time until something of an
answer came is bounded, whatever came in between.

Sync: the read of a socket cannot be interrupted, so the connections of a client ask the deadline
of their thread before each read (``watch``). Async: a timer cancels the wait, whatever the client
does; LiteLLM's transport over aiohttp has no other bound in some of its waits.
"""

from __future__ import annotations

import asyncio
import math
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ..errors import APIConnectionError
from ..exchange import Failed

__all__ = ["AsyncDeadline", "Deadline", "late", "watch"]

BUSY = 0.05
"""Seconds by which the timer of an event loop may be late before the loop counts as held up."""

Result = TypeVar("Result")

_running = threading.local()


def late(seconds: float) -> Failed:
    """What a wait that was too long comes to. Not tried again: the model may be at work."""
    text = (
        f"timed out: nothing of an answer came for {seconds:g} seconds; raise timeout to wait "
        "longer"
    )
    return Failed(APIConnectionError(text, timeout=True), retryable=False)


class Deadline:
    """How long may pass until something comes. ``seconds``: None for no bound."""

    def __init__(self, seconds: float | None) -> None:
        self.usual = math.inf if seconds is None else seconds
        self.seconds = self.usual
        self.end = math.inf

    def start(self, seconds: float | None = None, *, more: float = 0.0) -> None:
        """Start again, for ``seconds`` at most, or the usual time and ``more``."""
        self.seconds = self.usual if seconds is None else min(seconds, self.usual)
        self.end = time.monotonic() + self.seconds + more

    def restart(self) -> None:
        """Start again for the same time: something has happened."""
        self.end = time.monotonic() + self.seconds

    def left(self) -> float:
        """Seconds until it is over; below zero afterwards."""
        return self.end - time.monotonic()

    def bound(self, function: Callable[[Any], Result], argument: Any) -> Result:
        """Call ``function``; the reads of watched connections in it end with this deadline."""
        _running.deadline = self
        try:
            return function(argument)
        finally:
            _running.deadline = None


class AsyncDeadline(Deadline):
    """The same for an event loop; ``close`` it at the end."""

    def __init__(self, seconds: float | None) -> None:
        super().__init__(seconds)
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_end = math.inf

    async def wait(self, awaited: Awaitable[Result]) -> Result | Failed:
        """The result of ``awaited``, or ``Failed`` when it is not there in time."""
        task = self._task = asyncio.current_task()
        assert task is not None
        self._cancelled = False
        before = _cancelling(task)
        self._set_timer()
        try:
            result = await awaited
        except asyncio.CancelledError:
            if not self._cancelled or _uncancel(task) > before:
                raise
            return late(self.seconds)
        finally:
            self._task = None
        if self._cancelled:
            _uncancel(task)  # it came all the same, at the last moment
        return result

    def _set_timer(self) -> None:
        """One timer serves many waits: it looks again when the end has moved on since."""
        if self._timer is not None:
            if self._timer_end <= self.end:
                return
            self._timer.cancel()
            self._timer = None
        if self.end < math.inf:
            loop = asyncio.get_running_loop()
            self._timer_end = self.end
            self._timer = loop.call_later(max(self.left(), 0.0), self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._task is None:
            return
        over = -self.left()
        if over > BUSY:
            # The loop did something else for so long: what came meanwhile is still to be read.
            self.end = time.monotonic() + max(over, 10 * BUSY)
        if self.left() > 0:
            self._set_timer()
            return
        self._cancelled = True
        self._task.cancel()

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _cancelling(task: asyncio.Task[Any]) -> int:
    """How often ``task`` is being cancelled: Python 3.11 and newer count it."""
    count = getattr(task, "cancelling", None)
    return count() if count is not None else 0


def _uncancel(task: asyncio.Task[Any]) -> int:
    uncancel = getattr(task, "uncancel", None)
    return uncancel() if uncancel is not None else 0


def watch(client: Any) -> None:
    """Let the connections that ``client`` (of httpx or httpx2, sync) makes keep to the deadline.

    httpx has no setting for this; httpcore below it has one, the network backend, of which httpx
    makes no use. A client that is built otherwise stays as it is.
    """
    transports = [getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values()]
    for transport in transports:
        pool: Any = getattr(transport, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        if backend is None or isinstance(backend, _Backend):
            continue
        core = sys.modules[type(pool).__module__.partition(".")[0]]  # httpcore or httpcore2
        pool._network_backend = _Backend(backend, core.ReadTimeout)


class _Backend:
    """A network backend of httpcore whose connections keep to the deadline of their thread."""

    def __init__(self, inner: Any, error: type[Exception]) -> None:
        self._inner = inner
        self._error = error
        self.sleep = inner.sleep

    def connect_tcp(self, *args: Any, **kwargs: Any) -> _Stream:
        return _Stream(self._inner.connect_tcp(*args, **kwargs), self._error)

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> _Stream:
        return _Stream(self._inner.connect_unix_socket(*args, **kwargs), self._error)


class _Stream:
    """A connection. What it can write restarts the clock: a large body takes its time."""

    def __init__(self, inner: Any, error: type[Exception]) -> None:
        self._inner = inner
        self._error = error
        self.close = inner.close
        self.get_extra_info = inner.get_extra_info

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        deadline: Deadline | None = getattr(_running, "deadline", None)
        if deadline is not None and deadline.end < math.inf:
            left = deadline.left()
            if left <= 0:
                raise self._error("nothing of an answer came in time")
            timeout = left if timeout is None else min(timeout, left)
        data: bytes = self._inner.read(max_bytes, timeout)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)
        deadline: Deadline | None = getattr(_running, "deadline", None)
        if deadline is not None:
            deadline.restart()

    def start_tls(self, *args: Any, **kwargs: Any) -> _Stream:
        return _Stream(self._inner.start_tls(*args, **kwargs), self._error)
