"""The clock of an event loop: what came in time is not late because the loop was busy."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from llm_kimi.exchange import Failed
from llm_kimi.transport.deadline import AsyncDeadline


async def waited(hold_up: Callable[[], None], *, comes: bool) -> str | Failed:
    """The outcome of a wait of 0.2 s for something that comes after 0.05 s, or never."""
    loop = asyncio.get_running_loop()
    came: asyncio.Future[str] = loop.create_future()
    deadline = AsyncDeadline(0.2)
    deadline.start()
    timer = threading.Timer(0.05, loop.call_soon_threadsafe, [_after_two_turns, loop, came])
    if comes:
        timer.start()
    loop.call_soon(hold_up)
    try:
        return await deadline.wait(came)
    finally:
        deadline.close()
        timer.cancel()


def _after_two_turns(loop: asyncio.AbstractEventLoop, came: asyncio.Future[str]) -> None:
    """As a client does it: bytes, then an event, and only then the one who waits."""
    loop.call_soon(loop.call_soon, came.set_result, "came")


def test_what_came_while_the_loop_was_busy_is_not_late() -> None:
    assert asyncio.run(waited(lambda: time.sleep(0.5), comes=True)) == "came"


def test_what_never_comes_is_late_in_a_busy_loop_too() -> None:
    begun = time.monotonic()
    outcome = asyncio.run(waited(lambda: time.sleep(0.5), comes=False))
    assert isinstance(outcome, Failed)
    assert outcome.error.timeout
    assert time.monotonic() - begun < 10


def test_what_never_comes_is_late() -> None:
    assert isinstance(asyncio.run(waited(lambda: None, comes=False)), Failed)
