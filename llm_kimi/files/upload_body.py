"""What an upload sends: the bytes of a file, read as they go, under a name that Kimi takes."""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import unicodedata
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

from ..exchange import Upload
from ..sniff.mime_types import suffix_for

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = []


class UploadBody(io.RawIOBase):
    """The bytes of an upload as the HTTP client reads them: once, hashed, counted, stoppable."""

    def __init__(self, source: IO[bytes], upload: Upload, moved: Callable[[int], None]) -> None:
        super().__init__()
        self._source = source
        self._upload = upload
        self._moved = moved
        self.sent = 0
        self.hash = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._source.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._source.seek(offset, whence)

    def readinto(self, buffer: WriteableBuffer) -> int:
        piece = self.read(memoryview(buffer).nbytes)
        memoryview(buffer).cast("B")[: len(piece)] = piece
        return len(piece)

    def read(self, size: int = -1) -> bytes:
        stopped = self._upload.stopped
        if stopped is not None and stopped():
            raise OSError("the upload was stopped")
        piece = self._source.read(size)
        if piece:
            self.hash.update(piece)
            self.sent += len(piece)
            self._moved(len(piece))
        return piece

    def again(self) -> None:
        """These bytes will be sent once more."""
        self._moved(-self.sent)

    def close(self) -> None:
        self._source.close()
        super().close()


def remote_name(name: str, mime: str) -> str:
    """A name for the remote file: plain letters, a token of its own, the suffix of its type."""
    stem, suffix = os.path.splitext(name)
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:40] or "file"
    suffix = suffix_for(mime) or suffix.lower()
    suffix = suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else ""
    return f"{plain}-{secrets.token_hex(6)}{suffix}"
