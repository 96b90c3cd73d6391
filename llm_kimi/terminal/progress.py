"""How far uploads and downloads are, on a terminal, once they take longer than a second."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from shutil import get_terminal_size
from typing import IO

from .notices import is_command
from .output import plural

__all__ = ["TerminalProgress", "terminal_progress"]

PATIENCE = 1.0
"""Seconds before anything is shown."""

TICK = 0.1
WIDTH = 24


def terminal_progress() -> TerminalProgress | None:
    """One for llm's command line on a terminal, else None."""
    if is_command() and sys.stderr.isatty():
        return TerminalProgress(sys.stderr)
    return None


class TerminalProgress:
    """See ``files.uploads.Progress``. Drawn by a thread of its own, on one line that it erases."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._files = self._size = self._moved = 0
        self._over = threading.Event()
        self._drawer: threading.Thread | None = None

    def begin(self, files: int, size: int) -> None:
        """A stage begins; ``size`` 0 is not known."""
        with self._lock:
            self._files, self._size, self._moved = files, size, 0
        if self._drawer is None:
            self._drawer = threading.Thread(target=self._draw, daemon=True)
            self._drawer.start()

    def moved(self, size: int) -> None:
        """So many bytes more."""
        with self._lock:
            self._moved += size

    def end(self) -> None:
        """Erase what is shown."""
        self._over.set()
        if self._drawer is not None:
            self._drawer.join()
            self._drawer = None

    def _draw(self) -> None:
        if self._over.wait(PATIENCE):
            return
        with suppress(OSError, ValueError):  # the terminal is gone
            while not self._over.wait(TICK):
                self._stream.write("\r\x1b[K" + self._line()[: get_terminal_size().columns - 1])
                self._stream.flush()
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _line(self) -> str:
        with self._lock:
            files, size, moved = self._files, self._size, self._moved
        what = plural(files, "file")
        if not size:
            return f"reading {what}" + (f", {moved / 1e6:.1f} MB" if moved else "")
        if moved >= size:
            return f"uploaded {what}, Kimi is reading"
        done = moved / size
        filled = int(done * WIDTH)
        return f"uploading {what}  [{'#' * filled}{'-' * (WIDTH - filled)}]  {done:4.0%}"
