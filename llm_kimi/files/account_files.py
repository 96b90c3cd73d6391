"""The files of an account as the API lists them, and which of them are our own.

Ours is what the cache knows by its id, and what an upload whose answer never came has left, known
by the name that it was given: no other file has that (see ``uploads``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..exchange import Steps, Work
from .store.cache import Entry, Pending
from .upload import UploadContext

__all__ = ["Listing", "RemoteFile", "remote_file"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at Kimi. ``name`` is that on this machine where it is ours, else that at Kimi.

    ``created`` in Unix seconds, ``size`` in bytes; None where the API gave none. ``left_over``:
    nothing here uses it any more.
    """

    id: str
    purpose: str
    name: str
    filename: str
    size: int | None
    created: float | None
    status: str
    ours: bool = False
    left_over: bool = False

    def to_dict(self) -> Json:
        """For programs."""
        return {
            "id": self.id,
            "purpose": self.purpose,
            "name": self.name,
            "filename": self.filename,
            "bytes": self.size,
            "created_at": self.created,
            "status": self.status,
            "ours": self.ours,
            "left_over": self.left_over,
        }


def remote_file(row: Json, entry: Entry | None = None, *, left_over: bool = False) -> RemoteFile:
    """A file object of the API; ``entry`` is what the cache knows of it."""
    filename = str(row.get("filename") or "")
    return RemoteFile(
        str(row["id"]),
        str(row.get("purpose") or ""),
        entry.filename if entry is not None else filename,
        filename,
        _number(row.get("bytes")),
        _number(row.get("created_at")),
        str(row.get("status") or ""),
        entry is not None or left_over,
        left_over and entry is None,
    )


class Listing:
    """The files of an account; perform the ``steps``.

    Then ``files`` holds those at Kimi, newest first; ``entries`` and ``pending`` what the cache
    tells.
    """

    def __init__(self, context: UploadContext) -> None:
        self.files: list[RemoteFile] = []
        self.entries: list[Entry] = []
        self.pending: list[Pending] = []
        self._context = context

    @property
    def texts(self) -> list[Entry]:
        """The files whose text is remembered here."""
        return [entry for entry in self.entries if entry.text is not None]

    def steps(self) -> Steps:
        """Ask the API and the cache.

        Raises:
            APIError, APIConnectionError: what went wrong.
        """
        context = self._context
        # The cache first: what is uploaded meanwhile is then neither ours nor left over.
        self.entries = yield from Work(lambda stopped: context.cache.entries(context.account))
        self.pending = yield from Work(lambda stopped: context.cache.pending(context.account))
        rows = yield from context.remote.list()
        if self.pending:  # an upload that ended meanwhile has left nothing over
            still = yield from Work(lambda stopped: context.cache.pending(context.account))
            tickets = {each.ticket for each in still}
            self.pending = [each for each in self.pending if each.ticket in tickets]
        known = {entry.remote_id: entry for entry in self.entries if entry.remote_id}
        left_ids = {each.remote_id for each in self.pending if each.remote_id}
        left_names = {each.filename for each in self.pending if not each.remote_id}
        files = [
            remote_file(
                row,
                known.get(row["id"]),
                left_over=row["id"] in left_ids or row.get("filename") in left_names,
            )
            for row in rows
        ]
        # Those of the same second stand in the order of the API, which is that of their coming.
        files.reverse()
        self.files = sorted(files, key=lambda file: -(file.created or 0))


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value)
