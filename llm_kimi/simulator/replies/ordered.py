"""Answers that a test orders in advance, for prompts that an application builds itself."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Ordered", "OrderedReplies"]


@dataclass(frozen=True)
class Ordered:
    """One answer: its text, the tools it calls as (name, JSON text), what the model thinks."""

    text: str
    calls: tuple[tuple[str, str], ...]
    reasoning: str | None
    finish: str | None


class OrderedReplies:
    """First in, first out; used from many threads. ``taken`` and ``put_in`` count them."""

    def __init__(self) -> None:
        self._queue: deque[Ordered] = deque()
        self._lock = threading.Lock()
        self.put_in = 0
        self.taken = 0

    def put(
        self,
        text: str,
        calls: Iterable[tuple[str, Mapping[str, Any]]],
        reasoning: str | None,
        finish: str | None,
    ) -> None:
        """Order an answer.

        Raises:
            TypeError: its parts are not of the types that they must be.
        """
        if not isinstance(text, str):
            raise TypeError(f"the text of an answer must be a str, not {type(text).__name__}")
        written = []
        for name, arguments in calls:
            if not isinstance(name, str) or not isinstance(arguments, Mapping):
                raise TypeError("a call is the name of a tool, and a dict of its arguments")
            written.append((name, json.dumps(arguments, ensure_ascii=False)))
        with self._lock:
            self._queue.append(Ordered(text, tuple(written), reasoning, finish))
            self.put_in += 1

    def next(self) -> Ordered | None:
        """The next one, which is taken out; None when there is none."""
        with self._lock:
            if not self._queue:
                return None
            self.taken += 1
            return self._queue.popleft()

    def __len__(self) -> int:
        return len(self._queue)
