"""Which files are ours to delete: those that the cache knows, and how they are deleted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ..exchange import Steps
from .account_files import Listing
from .delete import Removal
from .store.cache import Entry
from .upload import UploadContext

__all__ = ["UNDER_WAY", "Own", "Pruning"]

UNDER_WAY = 15 * 60.0
"""Seconds for which an upload that is not at Kimi may still be on its way, from another process."""


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


class Pruning:
    """What was uploaded from here; perform the ``steps``, which delete nothing.

    Then ``own`` are the remote files to delete, ``others`` counts those of other programs, and
    ``under_way`` the uploads that cannot be judged yet. ``settled`` are uploads that left nothing.
    """

    def __init__(self, context: UploadContext) -> None:
        self.own: list[Own] = []
        self.texts: list[Entry] = []
        self.others = 0
        self.under_way = 0
        self.settled: list[int] = []
        self._context = context

    def steps(self) -> Steps:
        """Find them.

        Raises:
            APIError, APIConnectionError: what went wrong.
        """
        listing = Listing(self._context)
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
            self._context.cache.done(ticket)

    def removals(self) -> list[Removal]:
        """What deletes them."""
        return [
            Removal(self._context, each.id, f"{each.id}  {each.name}", each.tickets)
            for each in self.own
        ]

    def forget_texts(self, kept: Sequence[str]) -> int:
        """Forget the remembered texts, but for those of remote files in ``kept``; how many.

        Blocks.
        """
        context = self._context
        texts = [entry for entry in self.texts if entry.remote_id not in kept]
        for entry in texts:
            context.cache.remove(context.account, entry.sha256, entry.purpose)
        return len(texts)
