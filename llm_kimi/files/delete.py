"""Deleting files at Kimi and forgetting them here; and finding those that are ours to delete."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import APIError
from ..exchange import AT_ONCE, Fork, Notice, Steps, Work
from .account_files import Listing
from .store.cache import Entry
from .upload import Stage

__all__ = ["UNDER_WAY", "Own", "Pruning", "Removal", "Removals"]

UNDER_WAY = 15 * 60.0
"""Seconds for which an upload that is not at Kimi may still be on its way, from another process."""

_FOR_ALL = frozenset({401, 403, 429})
"""Statuses that every other call would get as well."""


@dataclass(frozen=True, slots=True)
class Own:
    """A remote file that was uploaded from here. ``tickets`` are the pending uploads it settles.

    ``left_over``: no file that is remembered here leads to it.
    """

    id: str
    purpose: str
    name: str
    size: int
    created: float
    left_over: bool = False
    tickets: tuple[int, ...] = ()


class Removal:
    """Delete one remote file and forget it; perform its ``steps``.

    They give a ``Notice`` once it is gone. ``missing``: there was none; ``error``: it is there
    still.
    """

    def __init__(
        self, stage: Stage, file_id: str, label: str = "", tickets: Sequence[int] = ()
    ) -> None:
        self.file_id = file_id
        self.gone = False
        self.missing = False
        self.error: APIError | None = None
        self._stage = stage
        self._label = label or file_id
        self._tickets = tickets

    def steps(self) -> Steps:
        """Delete it.

        Raises:
            APIError, APIConnectionError: no other file could be deleted either.
        """
        try:
            found = yield from self._stage.remote.delete(self.file_id)
        except APIError as error:
            if error.status in _FOR_ALL:
                raise
            self.error = error
            return
        self.gone, self.missing = True, not found
        yield Work(lambda stopped: self._forget())
        if found:
            yield Notice(f"Deleted {self._label}")

    def _forget(self) -> None:
        cache = self._stage.cache
        cache.forget_remote(self._stage.account, self.file_id)
        for ticket in self._tickets:
            cache.done(ticket)


class Removals:
    """Several of them, side by side."""

    def __init__(self, removals: Sequence[Removal]) -> None:
        self.removals = removals

    def steps(self) -> Steps:
        """Delete them.

        Raises:
            APIError, APIConnectionError: what would keep any of them from being deleted.
        """
        if self.removals:
            yield Fork(self.removals, AT_ONCE)


class Pruning:
    """What was uploaded from here; perform the ``steps``, which delete nothing.

    Then ``own`` are the remote files to delete, ``others`` counts those of other programs, and
    ``under_way`` the uploads that cannot be judged yet. ``settled`` are uploads that left nothing.
    """

    def __init__(self, stage: Stage) -> None:
        self.own: list[Own] = []
        self.texts: list[Entry] = []
        self.others = 0
        self.under_way = 0
        self.settled: list[int] = []
        self._stage = stage

    def steps(self) -> Steps:
        """Find them.

        Raises:
            APIError, APIConnectionError: what went wrong.
        """
        listing = Listing(self._stage)
        yield from listing.steps()
        self.texts = listing.texts
        own = {
            entry.remote_id: Own(
                entry.remote_id, entry.purpose, entry.filename, entry.size, entry.created
            )
            for entry in listing.entries
            if entry.remote_id is not None
        }
        by_name: dict[str, list[str]] = {}
        for file in listing.files:
            by_name.setdefault(file.filename, []).append(file.id)
        before = time.time() - UNDER_WAY
        for each in listing.pending:
            ids = by_name.get(each.filename, []) if each.remote_id is None else [each.remote_id]
            for file_id in ids:
                known = own.get(file_id)
                own[file_id] = Own(
                    file_id,
                    each.purpose,
                    known.name if known else each.filename,
                    each.size,
                    known.created if known else each.started,
                    known is None or known.left_over,
                    (*(known.tickets if known else ()), each.ticket),
                )
            if not ids and each.started <= before:
                self.settled.append(each.ticket)
            elif not ids:
                self.under_way += 1
        self.own = list(own.values())
        self.others = sum(file.id not in own for file in listing.files)

    def settle(self) -> None:
        """Strike out the uploads that left nothing. Blocks."""
        for ticket in self.settled:
            self._stage.cache.done(ticket)

    def removals(self) -> list[Removal]:
        """What deletes them."""
        return [
            Removal(self._stage, each.id, f"{each.id}  {each.name}", each.tickets)
            for each in self.own
        ]

    def forget_texts(self, kept: Sequence[str]) -> int:
        """Forget the remembered texts, but for those of remote files in ``kept``; how many.

        Blocks.
        """
        stage = self._stage
        texts = [entry for entry in self.texts if entry.remote_id not in kept]
        for entry in texts:
            stage.cache.remove(stage.account, entry.sha256, entry.purpose)
        return len(texts)
