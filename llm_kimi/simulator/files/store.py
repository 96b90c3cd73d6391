"""The files of all accounts: what ``/v1/files`` stores, refuses, tells and removes.

A file belongs to the account that uploaded it, known by the hash of its key. Texts are those of
https://platform.kimi.ai/docs/api/errors; where none was found the text is made up and marked so.
"""

from __future__ import annotations

import json
import mimetypes
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from ..rules.messages import IMAGES, VIDEOS
from ..rules.refusal import BadRequest, Refusal, refuse
from .extract import PICTURES, READABLE, ExtractError, suffix_of, text_of
from .stored_file import StoredFile, Text
from .upload import FileRules, Upload

__all__ = ["FileStore"]

_MEDIA = {"image": IMAGES, "video": VIDEOS | {"3gp", "flv"}}
_PURPOSES = ("file-extract", "image", "video", "batch")
# Reported from live answers, at an upload and at reading the content: "no content was parsed".
_NO_TEXT = "text extract error: 没有解析出内容"


class FileStore:
    """All files, in the order in which they came.

    Everything but ``rows`` and ``close`` raises ``BadRequest`` for what the API would refuse.
    """

    def __init__(self, rules: FileRules) -> None:
        self.rules = rules
        self._lock = threading.Lock()
        self._files: dict[str, StoredFile] = {}
        self._closed = False

    def open(self) -> None:
        """Take files (again)."""
        self._closed = False

    def close(self) -> None:
        """Remove every file; what comes in later is not kept."""
        with self._lock:
            self._closed = True
            left = list(self._files.values())
            self._files.clear()
        for stored in left:
            stored.close()

    def rows(self) -> list[dict[str, Any]]:
        """The files of all accounts, with the hash of their bytes."""
        with self._lock:
            return [{**stored.row(), "sha256": stored.sha256} for stored in self._files.values()]

    def add(self, owner: str, upload: Upload, new_id: Callable[[], str]) -> dict[str, Any]:
        """Store what came in."""
        name = _check(upload, self.rules)
        stored = StoredFile(owner, "", upload.bytes, name, upload.purpose, upload.sha256)
        if upload.purpose == "file-extract":
            _read(stored, upload)
        try:
            with self._lock:
                self._check_room(stored)
                stored.id = f"file_{new_id()}"
                self._files[stored.id] = stored
        except BaseException:
            stored.close()
            raise
        return stored.row()

    def listing(self, owner: str) -> dict[str, Any]:
        """The files of an account."""
        with self._lock:
            mine = [stored.row() for stored in self._files.values() if stored.owner == owner]
        return {"object": "list", "data": mine}

    def get(self, owner: str, file_id: str) -> StoredFile:
        """One file."""
        with self._lock:
            stored = self._files.get(file_id)
        if stored is None or stored.owner != owner:
            raise BadRequest(_unknown(file_id))
        return stored

    def purpose(self, owner: str, file_id: str) -> str | None:
        """What a file was uploaded for; None when this account has none of that id."""
        try:
            return self.get(owner, file_id).purpose
        except BadRequest:
            return None

    def delete(self, owner: str, file_id: str) -> dict[str, Any]:
        """Remove one file."""
        stored = self.get(owner, file_id)
        with self._lock:
            if self._files.pop(file_id, None) is None:  # another request was faster
                raise BadRequest(_unknown(file_id))
        stored.close()
        return {"id": file_id, "object": "file", "deleted": True}

    def content(self, owner: str, file_id: str) -> tuple[int, Iterator[bytes]]:
        """The text of a document: how many bytes, and the bytes."""
        stored = self.get(owner, file_id)
        if stored.purpose != "file-extract":
            # Made up; that only documents have a content is in the OpenAPI document.
            refuse(
                "file-content",
                f"Invalid request: file {file_id} has no content: only files with purpose "
                "'file-extract' can be read",
            )
        if stored.text is None:
            refuse("file-no-text", _NO_TEXT)
        if not self.rules.json_content:
            return stored.text.size, stored.text.pieces()
        answer = {
            "content": b"".join(stored.text.pieces()).decode(),
            "file_type": mimetypes.guess_type(stored.filename)[0] or "application/octet-stream",
            "filename": stored.filename,
            "title": "",
            "type": "file",
        }
        whole = json.dumps(answer, ensure_ascii=False).encode()
        return len(whole), iter([whole])

    def _check_room(self, new: StoredFile) -> None:
        """Room in the account; gives a name that the account has already another one."""
        if self._closed:
            raise ConnectionAbortedError("the simulator stops")
        mine = [stored for stored in self._files.values() if stored.owner == new.owner]
        if len(mine) >= self.rules.count:
            refuse("file-count", "Too many uploaded files")
        if sum(stored.bytes for stored in mine) + new.bytes > self.rules.total:
            # Made up; the limit is that of https://platform.kimi.ai/docs/api/files-upload.
            refuse(
                "file-total",
                "The total size of all uploaded files exceeds 10GB, please delete previous files",
            )
        new.filename = _free_name(new.filename, {stored.filename for stored in mine})


def _check(upload: Upload, rules: FileRules) -> str:
    """Look at what came in; gives the name of the file."""
    if upload.broken:
        # Made up.
        refuse("multipart", f"Invalid request: the body is not valid multipart: {upload.broken}")
    if upload.unread or upload.too_large:
        refuse(
            "file-too-large",
            "File size is too large, max file size is 100MB, please confirm and re-upload the file",
        )
    if upload.purpose not in _PURPOSES:
        # The page's later wording; the earlier one was "only 'file-extract' accepted".
        refuse(
            "file-purpose",
            f"Invalid purpose: {upload.purpose}, only `file-extract`, `batch`, `batch_output`, "
            "`lambda`, `image` and `video` accepted",
        )
    name = upload.filename
    if not name:
        refuse("file-missing", "Invalid request: file is required")  # made up
    if not upload.bytes:
        refuse("file-empty", "File size is zero, please confirm and re-upload the file")
    suffix = suffix_of(name)
    media = _MEDIA.get(upload.purpose)
    if media is not None:
        kind = mimetypes.guess_type(name)[0] or upload.type
        known = suffix in media or kind in {f"{upload.purpose}/{one}" for one in media}
    else:
        known = suffix in READABLE or (suffix in PICTURES and rules.ocr)
    if not known and upload.purpose != "batch":
        # Made up.
        refuse(
            "file-format",
            f"Invalid request: unsupported file format for purpose '{upload.purpose}': {name}",
        )
    return name


def _read(stored: StoredFile, upload: Upload) -> None:
    """Read the text of a document; one that cannot be read is stored with its error."""
    text = Text()
    try:
        text.fill(text_of(upload.file, stored.filename, upload.bytes))
        if text.blank():
            refuse("file-no-text", _NO_TEXT)
    except ExtractError as error:
        text.close()
        stored.error = f"text extract error: {error}"
    except BaseException:
        text.close()
        raise
    else:
        stored.text = text


def _unknown(file_id: str) -> Refusal:
    # Made up after the text for models; status and type are documented.
    return Refusal(
        404,
        "resource_not_found_error",
        f"Not found the file {file_id} or Permission denied",
        "file-not-found",
    )


def _free_name(name: str, taken: set[str]) -> str:
    """The name, or another when it is taken: ``report (1).txt``.

    https://platform.kimi.ai/docs/api/files-upload says that it is changed, not how.
    """
    stem, suffix = os.path.splitext(name)
    number = 0
    while name in taken:
        number += 1
        name = f"{stem} ({number}){suffix}"
    return name
