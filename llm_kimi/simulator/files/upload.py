"""Takes in one upload: ``purpose`` and ``file`` of a multipart body, the file onto the disk.

The file goes into an unnamed temporary file while it comes in, and is hashed on the way. What is
over the limit is read but not kept, so that who still sends can read the answer.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from ..http.multipart import Head, MultipartError, boundary_of, read_parts

__all__ = ["FileRules", "Upload"]

MB = 1024 * 1024
_FIELD = 1024


@dataclass
class FileRules:
    """The limits of an account, which tests may lower, and how files are read.

    https://platform.kimi.ai/docs/api/files-upload gives the three limits, in files and bytes.
    ``discard``: bytes beyond ``each`` that are still read before the connection is closed.
    ``extract_delay``: seconds that reading a document takes. ``ocr``: whether documents may be
    pictures. ``json_content``: the content comes as a JSON object, which live answers show
    (https://platform.kimi.ai/docs/api/files-content says plain text).
    """

    count: int = 1_000
    each: int = 100 * MB
    total: int = 10 * 1024 * MB
    discard: int = 64 * MB
    extract_delay: float = 0.0
    ocr: bool = False
    json_content: bool = False


class Upload:
    """What came in. ``close`` gives the bytes back to the disk, whoever has read them.

    ``filename`` None: there was no file. ``unread``: the body was so large that its rest was left
    on the line. ``broken``: what is wrong with the body as multipart, or nothing.
    """

    def __init__(self) -> None:
        self.purpose = ""
        self.filename: str | None = None
        self.type = ""
        self.bytes = 0
        self.file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self.too_large = False
        self.unread = False
        self.broken = ""
        self._hash = hashlib.sha256()

    def read(self, pieces: Iterator[bytes], content_type: str, rules: FileRules) -> None:
        """Take in the body. What cannot be used is told by the attributes.

        Raises:
            ConnectionError: when the client leaves midway.
        """
        most = rules.each + rules.discard
        try:
            boundary = boundary_of(content_type)
            self._take(read_parts(self._within(pieces, most), boundary), rules.each)
        except MultipartError as error:
            if not self.unread:
                self.broken = str(error)
                for _ in self._within(pieces, most):
                    pass
        self.file.seek(0)

    def summary(self) -> dict[str, Any]:
        """What a record tells of it: never the bytes."""
        return {
            "purpose": self.purpose,
            "filename": self.filename,
            "bytes": self.bytes,
            "sha256": None if self.too_large else self.sha256,
        }

    @property
    def sha256(self) -> str:
        """The hash of the file, in hexadecimal."""
        return self._hash.hexdigest()

    def close(self) -> None:
        """Remove the bytes."""
        self.file.close()

    def _within(self, pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
        """The pieces, as long as they are not too many."""
        seen = 0
        for piece in pieces:
            seen += len(piece)
            if seen > most:
                self.unread = self.too_large = True
                return
            yield piece

    def _take(self, parts: Iterator[Head | bytes], limit: int) -> None:
        field = ""
        fields: dict[str, bytes] = {}
        for part in parts:
            if isinstance(part, Head):
                field = part.name
                if field == "file":
                    # A second file is passed over, and so is one without a name.
                    field = "" if part.filename is None or self.filename is not None else "file"
                    if field:
                        self.filename, self.type = part.filename, part.type
            elif field == "file":
                self._keep(part, limit)
            elif field == "purpose":
                fields[field] = (fields.get(field, b"") + part)[:_FIELD]
                self.purpose = fields[field].decode("utf-8", "replace").strip()

    def _keep(self, data: bytes, limit: int) -> None:
        self.bytes += len(data)
        if self.bytes <= limit:
            self._hash.update(data)
            self.file.write(data)
        elif not self.too_large:
            self.too_large = True
            self.file.seek(0)
            self.file.truncate()
