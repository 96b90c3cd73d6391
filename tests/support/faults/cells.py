"""The matrix of faults as data: where it goes wrong, what goes wrong, how it has to end.

A cell names the place (``where``), the misbehaviour (``what``), for how many requests of one call
it lasts (``times``), and every end that is right (``ends``). An end is

``answer``       the whole answer, no text twice
``empty``        an answer with nothing in it, which is what the server sent
``connection``   an ``APIConnectionError`` that is no timeout
``timeout``      an ``APIConnectionError`` that says so
``stream``       a ``StreamError``
``api``          an ``APIError`` of the status in ``status`` (None: it came inside an answer)

Whoever wants to know how a fault looks on the wire reads ``server.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["CELLS", "COMMANDS", "DOORS", "RETRY_STATUSES", "STREAM_PLACES", "Cell", "cells_for"]

ALWAYS = math.inf


@dataclass(frozen=True, slots=True)
class Cell:
    """See the module's docstring. ``timeout``: seconds that the call is given."""

    where: str
    what: str
    ends: frozenset[str]
    times: float = ALWAYS
    status: int | None = None
    timeout: float = 30.0

    @property
    def name(self) -> str:
        """What the server knows the cell by; it stands in prompts, file names and ids."""
        lasting = "always" if self.times == ALWAYS else f"{self.times:g}"
        return f"{self.where}.{self.what}.{lasting}"


SHORT = 2.5
"""Seconds: for cells that have to end in a timeout."""

PATIENT = 8.0
"""Seconds: for an answer that stands although its last word is waited for in vain. More than a
busy machine keeps the server from sending what came before."""


def _cell(where: str, what: str, ends: str, times: float = ALWAYS, **more: object) -> Cell:
    return Cell(where, what, frozenset(ends.split("|")), times, **more)  # type: ignore[arg-type]


def _both(where: str, what: str, ends: str, **more: object) -> Iterator[Cell]:
    """Worth another try: once is an answer, for ever is an error."""
    yield _cell(where, what, "answer", 1, **more)
    yield _cell(where, what, ends, **more)


def _connect() -> Iterator[Cell]:
    yield _cell("connect", "refused", "connection")
    yield from _both("connect", "reset", "connection")
    yield _cell("connect", "silence", "timeout", timeout=SHORT)
    for what in ("not-tls", "reset", "untrusted"):
        yield _cell("tls", what, "connection")
    yield _cell("tls", "silence", "timeout|connection", timeout=SHORT)


RETRY_STATUSES = (408, 409, 429, 500, 502, 503, 504)
FINAL_STATUSES = (400, 401, 402, 403, 404, 405, 413, 415, 422, 451)
BODIES = ("object", "html", "empty", "text", "broken", "list")
RETRY_AFTER = ("0", "1", "0.5", "now-date", "past-date", "negative", "words", "blank", "ms")


def _statuses() -> Iterator[Cell]:
    """Every status and every body, not every pair: the status decides, the body is only quoted."""
    for number, status in enumerate(RETRY_STATUSES):
        yield from _both("head", f"{status}-object", "api", status=status)
        body = BODIES[1 + number % (len(BODIES) - 1)]
        yield from _both("head", f"{status}-{body}", "api", status=status)
    for number, status in enumerate(FINAL_STATUSES):
        yield _cell("head", f"{status}-object", "api", status=status)
        body = BODIES[1 + number % (len(BODIES) - 1)]
        yield _cell("head", f"{status}-{body}", "api", status=status)
    for number, form in enumerate(RETRY_AFTER):
        status = (429, 503)[number % 2]
        yield from _both("head", f"{status}-after-{form}", "api", status=status)
    for status in (429, 503):
        yield _cell("head", f"{status}-after-long", "api", 1, status=status)
    for status in (301, 302, 303, 307, 308):
        yield _cell("head", f"{status}-elsewhere", "api|connection", status=status)
    for kind in ("quota", "arrears", "balance-403", "day"):
        status = 403 if kind == "balance-403" else 429
        yield _cell("head", kind, "api", status=status)
    for kind in ("overloaded", "rate", "quota-per-minute", "foreign-type", "no-type"):
        yield from _both("head", kind, "api", status=429)


def _head() -> Iterator[Cell]:
    yield from _both("head", "reset", "connection")
    yield _cell("head", "silence", "timeout", timeout=SHORT)
    yield _cell("head", "drip", "timeout", timeout=SHORT)
    for what in ("garbage", "header-without-colon", "two-lengths", "bad-length"):
        yield _cell("head", what, "connection")
    for what in ("gzip", "deflate"):
        yield _cell("head", what, "answer")
    for what in ("false-gzip", "unknown-packing"):
        yield _cell("head", what, "connection|stream")


def _first() -> Iterator[Cell]:
    """The head came, with status 200; then nothing, or something else than a stream."""
    yield from _both("first", "reset", "connection")
    yield _cell("first", "silence", "timeout", timeout=SHORT)
    yield _cell("first", "drip", "timeout", timeout=SHORT)
    yield from _both("first", "nothing", "stream")
    yield from _both("first", "done-only", "stream")
    yield from _both("first", "overloaded-object", "api")
    for what in ("html", "text", "number", "list", "null", "broken-json"):
        yield _cell("first", what, "stream")
    yield _cell("first", "binary", "answer|stream")
    yield _cell("first", "error-object", "api")
    yield _cell("first", "bad-framing", "connection|stream|timeout", timeout=SHORT)


STREAM_PLACES = ("reasoning", "text", "arguments", "usage", "done")
"""In that part of the answer; ``usage``: finish was told, usage was not; ``done``: both were."""


def _stream() -> Iterator[Cell]:
    for where in STREAM_PLACES:
        whole = where == "done"
        lost = "answer" if whole else "connection|stream"
        # A reset may take back what was sent before it, so it cannot show that an answer stands.
        if not whole:
            yield _cell(where, "reset", lost)
        yield _cell(where, "cut", lost)
        yield _cell(where, "end", "answer" if whole else "stream")
        timeout = PATIENT if whole else SHORT
        for what in ("silence", "drip"):
            yield _cell(where, what, "answer" if whole else "timeout", timeout=timeout)
        # aiohttp, through which LiteLLM calls, says nothing about it, so the clock has to end it;
        # or it is an error before the rest is handed over, if all came in one packet.
        yield _cell(where, "bad-framing", f"{lost}|connection|timeout", timeout=timeout)
        yield _cell(where, "error-object", "answer|api" if whole else "api")
        for what in ("broken-json", "html"):
            yield _cell(where, what, "answer|stream" if whole else "stream")
        for what in ("number", "list", "null", "text", "choices-number", "choices-of-numbers"):
            yield _cell(where, what, "answer|stream")
        yield _cell(where, "bad-utf8", "answer|stream")
        for what in ("lone-surrogate", "keep-alive", "other-fields", "other-events"):
            yield _cell(where, what, "answer")
    for what in ("never-ends", "cut", "more-events"):
        yield _cell("after-done", what, "answer")


def _whole() -> Iterator[Cell]:
    """An answer that was not asked for as a stream: only LiteLLM's door asks so."""
    for what in ("short-body", "silence", "broken-json", "number", "list", "html", "nothing"):
        ends = {"short-body": "connection", "silence": "timeout"}.get(what, "stream")
        if what == "nothing":
            yield from _both("whole", what, ends)
        else:
            yield _cell("whole", what, ends, timeout=SHORT if what == "silence" else 30.0)
    yield _cell("whole", "choices-number", "stream")
    for what in ("usage-text", "created-text"):
        yield _cell("whole", what, "answer")
    for what in ("message-null", "calls-number"):
        yield _cell("whole", what, "empty|stream")


def _files() -> Iterator[Cell]:
    for where in ("upload", "extraction"):
        yield from _both(where, "reset", "connection")
        yield _cell(where, "silence", "timeout", timeout=SHORT)
        for status in (429, 500, 503):
            yield from _both(where, f"{status}-object", "api", status=status)
        for status in (400, 401, 403):
            yield _cell(where, f"{status}-object", "api", status=status)
        yield from _both(where, "502-html", "api", status=502)
        yield _cell(where, "302-elsewhere", "api|connection", status=302)
    for what in ("html", "list", "number", "nothing"):
        yield _cell("upload", what, "stream|api|connection")


COMMANDS = ("models", "balance")
"""What ``llm kimi refresh`` and ``llm kimi balance`` ask for; nothing of it is tried again."""


def _commands() -> Iterator[Cell]:
    for where in COMMANDS:
        for what in ("refused", "reset"):
            yield _cell(where, what, "connection")
        for what in ("silence", "drip"):
            yield _cell(where, what, "timeout", timeout=SHORT)
        for status in (401, 403, 429, 500):
            yield _cell(where, f"{status}-object", "api", status=status)
        for body in ("html", "empty", "text", "broken", "list"):
            yield _cell(where, f"502-{body}", "api", status=502)
        yield _cell(where, "302-elsewhere", "api|connection", status=302)
        for what in ("html", "text", "broken-json", "list", "number", "nothing"):
            yield _cell(where, what, "api", status=200)


CELLS: tuple[Cell, ...] = (
    *_connect(),
    *_statuses(),
    *_head(),
    *_first(),
    *_stream(),
    *_whole(),
    *_files(),
    *_commands(),
)

_STREAMED = frozenset({"first", *STREAM_PLACES, "after-done"})
_FILES = frozenset({"upload", "extraction"})

DOORS: dict[str, frozenset[str]] = {
    "llm": frozenset({"connect", "tls", "head", *_STREAMED, *_FILES}),
    "litellm, streamed": frozenset({"connect", "tls", "head", *_STREAMED}),
    "litellm, whole": frozenset({"connect", "tls", "head", "whole"}),
    "commands": frozenset(COMMANDS),
}
"""The places that each door can meet. ``llm`` always streams on the wire; files go through the
same code at both doors, so one of them shows it."""


def cells_for(door: str) -> list[Cell]:
    """The cells that one of the ``DOORS`` can meet."""
    return [cell for cell in CELLS if cell.where in DOORS[door]]
