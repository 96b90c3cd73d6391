"""The time that a download may take, and what is said when it is over or goes wrong."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Clock", "Problem", "Stopped"]

ITSELF = "check the URL, or send the file itself (as a data: URL or an attachment)"


class Stopped(Exception):
    """``stopped`` said so."""


class Problem(Exception):
    """What is wrong with a URL, and the way out: ``fetch`` makes an error of it."""

    def __init__(self, what: str, way: str = ITSELF) -> None:
        super().__init__(f"{what}; {way}")


class Clock:
    """The time that is left, and whether anybody still waits."""

    def __init__(self, seconds: float, stopped: Callable[[], bool] | None) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._stopped = stopped

    def check(self) -> None:
        """Raise when it is over."""
        self.left(0)

    def left(self, most: float) -> float:
        """Seconds that a wait may last, ``most`` at most. Raises when it must not begin.

        Raises:
            Stopped: ``stopped`` returned true.
            Problem: the time is up.
        """
        if self._stopped is not None and self._stopped():
            raise Stopped
        left = self._end - time.monotonic()
        if left <= 0:
            raise Problem(f"it did not arrive within {self._seconds:g} seconds")
        return min(left, most)
