"""The two loops that drive an exchange, over any transport.

A transport posts a body, reads an answer piece by piece and closes it. The loops hand on what the
exchange has for the caller (``Chunks``, ``Notice``) and close what is open when the caller stops
listening: closing the connection is how Kimi is told to stop generating
(https://platform.kimi.ai/docs/guide/utilize-the-streaming-output).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from typing import Any, TypeVar

from ..exchange import (
    Answer,
    Call,
    Chunks,
    Failed,
    FileCall,
    FormulaCall,
    Notice,
    Read,
    Stepwise,
    Wait,
    Work,
)
from .deadline import AsyncDeadline, Deadline, late
from .parallel import afork, fork
from .protocols import AsyncTransport, Output, StreamT, SyncTransport

__all__ = ["arun", "run"]

Result = TypeVar("Result")

SLOWEST = 50_000.0
"""Bytes a second that a connection sends at least, for the time that a large body may take."""

PATIENCE = 10.0
"""Seconds that an upload is waited for after its task was cancelled."""


def _never() -> bool:
    return False


def run(
    exchange: Stepwise, transport: SyncTransport[StreamT], stopped: Callable[[], bool] = _never
) -> Generator[Output, None, None]:
    """Perform ``exchange``; what it has for the caller comes out as it arrives.

    What goes wrong in a step is raised inside the exchange, Ctrl-C and the end of listening too,
    so that it can clean up with further steps. ``stopped``: nobody waits for this any more.
    """
    steps = exchange.steps()
    deadline = Deadline(transport.silence)
    answer: Answer[StreamT] | None = None
    result: Any = None
    error: BaseException | None = None
    try:
        while True:
            try:
                step = steps.send(result) if error is None else steps.throw(error)
            except StopIteration:
                return
            result = error = None
            try:
                if isinstance(step, Read):
                    if not step.silent:
                        deadline.start(step.seconds)
                    elif deadline.left() <= 0:
                        result = late(deadline.seconds)
                        continue
                    result = deadline.bound(transport.read, step.answer)
                elif isinstance(step, (Chunks, Notice)):
                    yield step
                elif isinstance(step, Call):
                    if answer is not None:
                        transport.close(answer)
                    deadline.start()
                    result = deadline.bound(transport.call, step.body)
                    answer = result if isinstance(result, Answer) else None
                elif isinstance(step, Wait):
                    time.sleep(step.seconds)
                elif isinstance(step, (FileCall, FormulaCall)):
                    _watch(step, stopped)
                    deadline.start(step.seconds if isinstance(step, FormulaCall) else None)
                    result = deadline.bound(transport.file_call, step)
                elif isinstance(step, Work):
                    result = step.function(stopped)
                else:
                    yield from fork(step, transport, run)
            except BaseException as problem:
                error = problem
                if answer is not None:
                    transport.close(answer)
                    answer = None
    finally:
        steps.close()
        if answer is not None:
            transport.close(answer)


async def arun(
    exchange: Stepwise, transport: AsyncTransport[StreamT]
) -> AsyncGenerator[Output, None]:
    """``run`` for an event loop. Close it (``aclosing``) when you stop before its end."""
    steps = exchange.steps()
    deadline = AsyncDeadline(transport.silence)
    answer: Answer[StreamT] | None = None
    result: Any = None
    error: BaseException | None = None
    try:
        while True:
            try:
                step = steps.send(result) if error is None else steps.throw(error)
            except StopIteration:
                return
            result = error = None
            try:
                if isinstance(step, Read):
                    if not step.silent:
                        deadline.start(step.seconds)
                    result = await deadline.wait(transport.read(step.answer))
                elif isinstance(step, (Chunks, Notice)):
                    yield step
                elif isinstance(step, Call):
                    if answer is not None:
                        await transport.close(answer)
                    deadline.start(more=_sending(step.body))
                    result = await deadline.wait(transport.call(step.body))
                    answer = result if isinstance(result, Answer) else None
                elif isinstance(step, Wait):
                    await asyncio.sleep(step.seconds)
                elif isinstance(step, (FileCall, FormulaCall)):
                    result = await _file_call(step, transport)
                elif isinstance(step, Work):
                    result = await _in_thread(step)
                else:
                    async with aclosing(afork(step, transport, arun)) as forked:
                        async for output in forked:
                            yield output
            except BaseException as problem:
                error = problem
                if answer is not None:
                    await transport.close(answer)
                    answer = None
    finally:
        deadline.close()
        steps.close()
        if answer is not None:
            await transport.close(answer)


def _sending(body: dict[str, Any]) -> float:
    """Seconds that the images and texts of a request may take to be sent."""
    size = 0
    for message in body["messages"]:
        content = message.get("content")
        for part in content if isinstance(content, list) else (message,):
            for value in part.values():
                text = value.get("url") if isinstance(value, dict) else value
                size += len(text) if isinstance(text, str) else 0
    return size / SLOWEST


def _watch(step: FileCall | FormulaCall, stopped: Callable[[], bool]) -> None:
    """Let an upload end when nobody waits for it any more; what cleans up is done all the same."""
    if step.upload is not None:
        step.upload.stopped = stopped


async def _file_call(
    step: FileCall | FormulaCall, transport: AsyncTransport[StreamT]
) -> Answer[StreamT] | Failed:
    """An upload that is under way when its task is cancelled is seen to its end, for a while:
    the server may store it all the same, and then it has to be known."""
    upload = step.upload
    deadline = AsyncDeadline(transport.silence)
    deadline.start(step.seconds if isinstance(step, FormulaCall) else None)
    if upload is None:
        try:
            return await deadline.wait(transport.file_call(step))
        finally:
            deadline.close()
    stop = threading.Event()

    def stopped() -> bool:
        deadline.restart()  # bytes are read, so the upload goes on
        return stop.is_set()

    upload.stopped = stopped
    task = asyncio.ensure_future(deadline.wait(transport.file_call(step)))
    task.add_done_callback(lambda done: deadline.close())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({task}, timeout=PATIENCE)
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        upload.answer = result if isinstance(result, Answer) else None
        raise


async def _in_thread(step: Work[Result]) -> Result:
    """What may block, beside the event loop."""
    stop = threading.Event()
    try:
        return await asyncio.to_thread(step.function, stop.is_set)
    finally:
        stop.set()
