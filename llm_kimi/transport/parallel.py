"""Several exchanges side by side: threads for the sync loop, tasks for the async one."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Generic, TypeAlias

from ..exchange import (
    Answer,
    Failed,
    FileCall,
    Fork,
    FormulaCall,
    Stepwise,
)
from .protocols import AsyncTransport, Output, StreamT, SyncTransport

__all__ = ["afork", "fork"]

Run: TypeAlias = Callable[
    [Stepwise, SyncTransport[Any], Callable[[], bool]], Generator[Output, None, None]
]
AsyncRun: TypeAlias = Callable[[Stepwise, AsyncTransport[Any]], AsyncGenerator[Output, None]]
"""The loops of ``run``, which hand themselves in: they stand on this module."""


class _Stopped(Exception):
    """Nobody is listening to this branch any more."""


class _Until(Generic[StreamT]):
    """A transport that does nothing new once ``stop`` is set."""

    def __init__(self, stop: threading.Event, transport: SyncTransport[StreamT]) -> None:
        self.silence = transport.silence
        self._stop = stop
        self._transport = transport
        self.close = transport.close

    def call(self, body: dict[str, Any]) -> Answer[StreamT] | Failed:
        self._check()
        return self._transport.call(body)

    def read(self, answer: Answer[StreamT]) -> bytes | Failed:
        self._check()
        return self._transport.read(answer)

    def file_call(self, step: FileCall | FormulaCall) -> Answer[StreamT] | Failed:
        cleaning = isinstance(step, FileCall) and step.cleaning
        if not cleaning:
            self._check()
        result = self._transport.file_call(step)
        if isinstance(result, Failed) and not cleaning:
            self._check()  # the upload ended for that reason
        return result

    def _check(self) -> None:
        if self._stop.is_set():
            raise _Stopped


def fork(step: Fork, transport: SyncTransport[StreamT], run: Run) -> Generator[Output, None, None]:
    """The branches in threads; their outputs in the order in which they arrive."""
    outputs: queue.SimpleQueue[Output | BaseException | None] = queue.SimpleQueue()
    waiting: queue.SimpleQueue[Stepwise] = queue.SimpleQueue()
    for branch in step.branches:
        waiting.put(branch)
    stop = threading.Event()

    def work() -> None:
        try:
            while not stop.is_set():
                try:
                    branch = waiting.get_nowait()
                except queue.Empty:
                    break
                running = run(branch, _Until(stop, transport), stop.is_set)
                try:
                    for output in running:
                        outputs.put(output)
                finally:
                    running.close()
        except BaseException as error:
            outputs.put(error)
        else:
            outputs.put(None)

    left = min(step.at_once, len(step.branches))
    threads = [threading.Thread(target=work, daemon=True) for _ in range(left)]
    for thread in threads:
        thread.start()
    try:
        while left:
            output = outputs.get()
            if output is None:
                left -= 1
            elif isinstance(output, BaseException):
                raise output
            else:
                yield output
    finally:
        stop.set()
        deadline = time.monotonic() + step.patience
        for thread in threads:
            if step.patience:
                thread.join(max(deadline - time.monotonic(), 0.0))


async def afork(
    step: Fork, transport: AsyncTransport[StreamT], arun: AsyncRun
) -> AsyncGenerator[Output, None]:
    """The branches in tasks; their outputs in the order in which they arrive."""
    outputs: asyncio.Queue[Output | None] = asyncio.Queue()
    waiting = iter(step.branches)

    async def work() -> None:
        try:
            for branch in waiting:
                running = arun(branch, transport)
                try:
                    async for output in running:
                        outputs.put_nowait(output)
                finally:
                    await running.aclose()
        finally:
            outputs.put_nowait(None)

    count = min(step.at_once, len(step.branches))
    tasks = [asyncio.create_task(work()) for _ in range(count)]
    try:
        while count:
            output = await outputs.get()
            if output is not None:
                yield output
                continue
            count -= 1
            for task in tasks:
                if task.done():
                    task.result()  # a failed branch ends the others
        for task in tasks:
            await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
