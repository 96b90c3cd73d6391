"""What ``llm kimi serve`` writes while it runs: a line a request, from a thread of its own.

A terminal that is stopped, or a pipe that nobody reads, must not hold up the requests: what does
not fit waits in a queue, and what does not fit there is left out, and counted.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from ..reply.safe_text import one_line, scrub

if TYPE_CHECKING:
    from ..integrations.serve.call import Record

__all__ = ["RequestLog"]

MOST_WAITING = 1000
CLOSE_SECONDS = 1.0


class RequestLog:
    """One line a request, on stderr: neither keys nor prompts.

    ``secret``: the key of the server. Use it as a context; what is told after its end is dropped.
    """

    def __init__(self, secret: str | None, *, as_json: bool) -> None:
        self._secret = secret
        self._as_json = as_json
        self._lines: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        self._left_out = 0
        self._thread = threading.Thread(target=self._write, name="request log", daemon=True)

    def __enter__(self) -> RequestLog:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(queue.Full):
            self._lines.put_nowait(None)
            self._thread.join(CLOSE_SECONDS)

    def __call__(self, record: Record) -> None:
        """Write what became of a request."""
        self.line(self._as_object(record) if self._as_json else self._as_text(record))

    def line(self, text: str) -> None:
        """Write a line."""
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self._left_out += 1

    def _write(self) -> None:
        while (text := self._lines.get()) is not None:
            try:
                click.echo(text, err=True)
                left_out, self._left_out = self._left_out, 0
                if left_out:
                    self.line(f"kimi: {left_out} lines were dropped: they were not read in time")
            except (OSError, ValueError):
                return  # nobody is there to read

    def _as_object(self, record: Record) -> str:
        told = {
            "time": round(time.time(), 3),
            "method": record.method,
            "path": self._plain(record.path),
            "status": record.status or None,
            "model": self._plain(record.model) or None,
            "seconds": round(time.monotonic() - record.started, 3),
            "changed": [self._plain(name) for name in record.changed],
            "note": record.note or None,
        }
        return json.dumps(told)

    def _as_text(self, record: Record) -> str:
        path, model = self._plain(record.path), self._plain(record.model)
        line = f"{time.strftime('%H:%M:%S')}  {record.method} {path}  {record.status or '-'}"
        line += f"  {model}" if model else ""
        line += f"  {time.monotonic() - record.started:.1f} s"
        changed = ", ".join(self._plain(name) for name in record.changed)
        line += f"  changed: {changed}" if changed else ""
        return line + (f"  ({record.note})" if record.note else "")

    def _plain(self, text: str) -> str:
        return scrub(one_line(text), self._secret)[:100]
