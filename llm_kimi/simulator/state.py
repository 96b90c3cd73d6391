"""What the offline Kimi holds while it runs: settings, files, its cache, and what was asked of it.

The server listens and the handlers answer; both stand on this and know nothing of each other.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Collection, Iterable, Mapping
from typing import IO, Any

from ..catalog import MODELS, Model, live_models
from .files.store import FileStore
from .files.upload import FileRules
from .http.faults import FaultQueue
from .replies.ordered import OrderedReplies
from .replies.prefix_cache import PrefixCache

__all__ = ["KEY", "State"]

KEY = "sk-simulator"


class State:
    """See the module. ``requests`` are the records, oldest first; no record holds a key."""

    def __init__(
        self,
        *,
        seed: int = 0,
        keys: Collection[str] | None = None,
        chunk_delay: float = 0.0,
        relay: bool = False,
        extract_delay: float = 0.0,
        extra_models: Iterable[Model] = (),
    ) -> None:
        self.seed = seed
        self.keys = None if keys is None else frozenset(keys)
        self.chunk_delay = chunk_delay
        self.relay = relay
        self.extra_models = list(extra_models)
        self.requests: list[dict[str, Any]] = []
        self.faults = FaultQueue()
        self.ordered = OrderedReplies()
        self.cache = PrefixCache()
        self.file_rules = FileRules(extract_delay=extract_delay)
        self.store = FileStore(self.file_rules)
        self.stopping = threading.Event()
        self._log: IO[str] | None = None
        self._lock = threading.Lock()
        self._serial = 0

    @property
    def key(self) -> str:
        """A key that is accepted."""
        if self.keys is None or KEY in self.keys:
            return KEY
        return min(self.keys, default=KEY)

    @property
    def files(self) -> list[dict[str, Any]]:
        """The uploaded files of all accounts as the API tells them, and their ``sha256``."""
        return self.store.rows()

    def fault(self, **fields: Any) -> None:
        """Queue a fault for the next requests; fields as in ``faults.Fault``.

        It waits until the answers that were ordered before it have been given.

        Raises:
            TypeError: for a field that does not exist.
        """
        self.faults.put(fields, self.ordered.put_in)

    def answer(
        self,
        text: str = "",
        *,
        calls: Iterable[tuple[str, Mapping[str, Any]]] = (),
        reasoning: str | None = None,
        finish: str | None = None,
    ) -> None:
        """Order an answer, whatever will be asked: each chat takes the first of them.

        ``calls``: tools that it calls, with their arguments. ``reasoning``: what it thinks, where
        the model does; None makes something up. ``finish``: the finish reason; None is the usual.

        Raises:
            TypeError: a part of it is not of the type that it must be.
        """
        self.ordered.put(text, calls, reasoning, finish)

    def call(self, name: str, arguments: Mapping[str, Any] | None = None) -> None:
        """Order an answer that calls one tool; errors as ``answer``."""
        self.answer(calls=[(name, arguments or {})])

    def models(self) -> list[Model]:
        """The models that are served: those of the open platform, all that are known to a relay."""
        return [*(MODELS if self.relay else live_models()), *self.extra_models]

    def accepts(self, key: str) -> bool:
        """Whether a bearer token opens the door."""
        if self.keys is None:
            return bool(key) and not key.startswith("sk-wrong")
        return key in self.keys

    def next_id(self) -> str:
        """A new hexadecimal id: the same ones in the same order for the same seed."""
        with self._lock:
            self._serial += 1
            serial = self._serial
        return hashlib.sha256(f"{self.seed}/{serial}".encode()).hexdigest()[:24]

    def record(self, record: dict[str, Any]) -> None:
        """Add a record; it may still be completed until ``write`` is called with it."""
        with self._lock:
            self.requests.append(record)

    def write(self, record: dict[str, Any]) -> None:
        """Write a record to the log."""
        if self._log is None:
            return
        text = json.dumps(record, ensure_ascii=False, default=str)
        line = text.encode("utf-8", "replace").decode() + "\n"  # half a surrogate pair is no text
        with self._lock:
            if self._log is not None:
                self._log.write(line)
                self._log.flush()
