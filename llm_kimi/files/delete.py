"""Deleting files at Kimi and forgetting them here; and finding those that are ours to delete."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import APIError
from ..exchange import AT_ONCE, Fork, Notice, Steps, Work
from .upload import UploadContext

__all__ = ["Removal", "Removals"]

_FOR_ALL = frozenset({401, 403, 429})
"""Statuses that every other call would get as well."""


class Removal:
    """Delete one remote file and forget it; perform its ``steps``.

    They give a ``Notice`` once it is gone. ``missing``: there was none; ``error``: it is there
    still.
    """

    def __init__(
        self, context: UploadContext, file_id: str, label: str = "", tickets: Sequence[int] = ()
    ) -> None:
        self.file_id = file_id
        self.gone = False
        self.missing = False
        self.error: APIError | None = None
        self._context = context
        self._label = label or file_id
        self._tickets = tickets

    def steps(self) -> Steps:
        """Delete it.

        Raises:
            APIError, APIConnectionError: no other file could be deleted either.
        """
        try:
            found = yield from self._context.remote.delete(self.file_id)
        except APIError as error:
            if error.status in _FOR_ALL:
                raise
            self.error = error
            return
        self.gone, self.missing = True, not found
        yield from Work(lambda stopped: self._forget())
        if found:
            yield Notice(f"Deleted {self._label}")

    def _forget(self) -> None:
        cache = self._context.cache
        cache.forget_remote(self._context.account, self.file_id)
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
