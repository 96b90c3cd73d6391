"""How each door meets the cells: many at a time, each with its outcome, and what is left open."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_kimi.errors import APIConnectionError, APIError, StreamError

from .cells import Cell
from .server import FaultServer
from .wire import ANSWER, ELSEWHERE

__all__ = [
    "KEY",
    "PDF",
    "Ask",
    "Open",
    "Outcome",
    "Said",
    "end_of",
    "gather",
    "in_threads",
    "judge",
    "judge_all",
]

KEY = "sk-faults-0123456789"
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
AT_ONCE = 64
HUNG = 60.0
"""Seconds after which a cell counts as hung."""


@dataclass
class Said:
    """An answer as a door gave it."""

    reasoning: str
    text: str
    calls: list[tuple[str, dict[str, Any]]]


@dataclass
class Outcome:
    """How a cell ended: one of the ends of ``cells``, or ``foreign`` for anything else."""

    end: str
    detail: str = ""
    status: int | None = None
    seconds: float = 0.0


Ask = Callable[[Cell, str], Said]
"""Asks through a door: the cell, and the base URL to ask at."""


def judge(cell: Cell, outcome: Outcome) -> None:
    """Fail unless the cell ended as it has to, in time, and in words that give nothing away."""
    assert outcome.end in cell.ends, f"{outcome.end} ({outcome.detail}), not {set(cell.ends)}"
    if outcome.end == "api" and cell.status is not None:
        assert outcome.status == cell.status, outcome.detail
    limit = 20.0 + cell.timeout
    assert outcome.seconds < limit, f"{outcome.seconds:.1f} s"
    assert KEY not in outcome.detail
    assert ELSEWHERE not in outcome.detail
    assert "secret-path" not in outcome.detail
    assert "\n" not in outcome.detail
    assert len(outcome.detail) < 1_000


def judge_all(cells: Sequence[Cell], outcomes: Mapping[str, Outcome]) -> None:
    """Fail with every cell that did not end as it has to."""
    wrong = []
    for cell in cells:
        try:
            judge(cell, outcomes[cell.name])
        except AssertionError as error:
            wrong.append(f"{cell.name}: {(str(error) or repr(error)).splitlines()[0]}")
    assert not wrong, f"{len(wrong)} of {len(cells)} cells:\n" + "\n".join(wrong)


def end_of(error: BaseException) -> tuple[str, int | None]:
    """What an error of this package counts as."""
    if isinstance(error, APIError):
        return "api", error.status
    if isinstance(error, StreamError):
        return "stream", None
    if isinstance(error, APIConnectionError):
        return ("timeout" if error.timeout else "connection"), None
    return "foreign", None


def _failed(
    error: BaseException, classify: Callable[[BaseException], tuple[str, int | None]]
) -> Outcome:
    end, status = classify(error)
    name = "" if end != "foreign" else f"{type(error).__module__}.{type(error).__name__}: "
    return Outcome(end, f"{name}{error}", status)


def _answered(said: Said) -> Outcome:
    right = Said(str(ANSWER["reasoning"]), str(ANSWER["text"]), [("weather", dict(_ARGUMENTS))])
    if said == right:
        return Outcome("answer")
    return Outcome("empty" if said == Said("", "", []) else "wrong answer", repr(said))


_ARGUMENTS: Any = ANSWER["arguments"]


def in_threads(
    cells: Iterable[Cell], server: FaultServer, ask: Ask, classify: Any = end_of
) -> dict[str, Outcome]:
    """Every cell through a sync door, ``AT_ONCE`` at a time."""

    def one(cell: Cell) -> Outcome:
        begun = time.monotonic()
        try:
            outcome = _answered(ask(cell, server.url(cell)))
        except BaseException as error:
            outcome = _failed(error, classify)
        outcome.seconds = time.monotonic() - begun
        return outcome

    pool = ThreadPoolExecutor(AT_ONCE)
    running = {cell.name: pool.submit(one, cell) for cell in cells}
    outcomes = {}
    for name, future in running.items():
        try:
            outcomes[name] = future.result(HUNG)
        except TimeoutError:
            outcomes[name] = Outcome("hung")
    # Those that hang end with the server.
    pool.shutdown(wait=False, cancel_futures=True)
    return outcomes


def gather(
    cells: Iterable[Cell],
    server: FaultServer,
    ask: Callable[[Cell, str], Awaitable[Said]],
    classify: Any = end_of,
) -> tuple[dict[str, Outcome], str]:
    """Every cell through an async door in one loop, and the tasks that are left ("" if none)."""

    async def one(cell: Cell, slots: asyncio.Semaphore) -> Outcome:
        async with slots:
            begun = time.monotonic()
            try:
                said = await asyncio.wait_for(ask(cell, server.url(cell)), HUNG)
                outcome = _answered(said)
            except asyncio.TimeoutError:
                outcome = Outcome("hung")
            except BaseException as error:
                outcome = _failed(error, classify)
            outcome.seconds = time.monotonic() - begun
            return outcome

    async def everything() -> tuple[dict[str, Outcome], str]:
        slots = asyncio.Semaphore(AT_ONCE)
        ours = list(cells)
        outcomes = await asyncio.gather(*(one(cell, slots) for cell in ours))
        left = await _tasks()
        return dict(zip([cell.name for cell in ours], outcomes, strict=True)), left

    return asyncio.run(everything())


async def _tasks() -> str:
    """The tasks that do not end within some seconds, but the one that asks."""
    end = time.monotonic() + 5
    while True:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        # LiteLLM has a task in every loop that logs for as long as the loop runs.
        left = sorted(repr(task) for task in tasks if "LoggingWorker" not in repr(task))
        if not left or time.monotonic() > end:
            return ", ".join(left)
        await asyncio.sleep(0.05)


_POOL = ("ThreadPoolExecutor-", "litellm-logging")
"""LiteLLM logs in a pool that it keeps for good; nothing of ours has one."""


@dataclass(frozen=True)
class Open:
    """What this process has open."""

    files: int
    threads: tuple[str, ...]

    @classmethod
    def now(cls) -> Open:
        """File descriptors (sockets too; 0 where the system does not tell) and threads."""
        folder = Path("/proc/self/fd")
        gc.collect()
        ours = [one.name for one in threading.enumerate() if not one.name.startswith(_POOL)]
        return cls(len(list(folder.iterdir())) if folder.is_dir() else 0, tuple(ours))

    def left(self, files: int = 0) -> str:
        """What stays open beyond this and so many files; empty if nothing does."""
        end = time.monotonic() + 10
        while True:
            now = Open.now()
            if now.files <= self.files + files and len(now.threads) <= len(self.threads):
                return ""
            if time.monotonic() > end:
                return f"{self}, afterwards {now}"
            time.sleep(0.1)
