"""What is left of an upload: what the file was and, of a document, its text."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .extract import ERROR_MARK, ExtractError

__all__ = ["StoredFile", "Text"]

_PIECE = 64 * 1024
_IN_MEMORY = 1024 * 1024


class Text:
    """The text of a document; may be read by several at once, and closed meanwhile."""

    def __init__(self) -> None:
        self.size = 0
        self._lock = threading.Lock()
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115

    def fill(self, pieces: Iterable[str]) -> None:
        """Take in the text.

        Raises:
            ExtractError: when the document cannot be read, or asks for that.
        """
        mark, tail = ERROR_MARK.encode(), b""
        for piece in pieces:
            data = piece.encode("utf-8", "replace")
            tail += data
            if mark in tail:
                raise ExtractError("the text asks for an error")
            tail = tail[-len(mark) :]
            self.size += len(data)
            self._file.write(data)

    def pieces(self) -> Iterator[bytes]:
        """The text as UTF-8.

        Raises:
            ConnectionError: when the file was deleted meanwhile.
        """
        for start in range(0, self.size, _PIECE):
            with self._lock:
                if self._file.closed:
                    raise ConnectionAbortedError("the file was deleted")
                self._file.seek(start)
                piece = self._file.read(_PIECE)
            yield piece

    def blank(self) -> bool:
        """Whether there is nothing to read in it."""
        return all(piece.isspace() for piece in self.pieces())

    def close(self) -> None:
        """Remove it."""
        with self._lock:
            self._file.close()


@dataclass
class StoredFile:
    """One file. ``owner``: the hash of a key. ``text`` None: it is no document, or unreadable."""

    owner: str
    id: str
    bytes: int
    filename: str
    purpose: str
    sha256: str
    created_at: int = field(default_factory=lambda: int(time.time()))
    text: Text | None = None
    error: str | None = None

    def row(self) -> dict[str, Any]:
        """The file as the API tells it: ``FileObject`` of the OpenAPI document."""
        row: dict[str, Any] = {
            "id": self.id,
            "object": "file",
            "bytes": self.bytes,
            "created_at": self.created_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "error" if self.error else "ready",
        }
        if self.error:
            row["status_details"] = self.error
        return row

    def close(self) -> None:
        """Remove its text."""
        if self.text is not None:
            self.text.close()
