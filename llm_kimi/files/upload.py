"""Bringing one file to Kimi: upload, read what was extracted, delete; or find it in the cache.

Nothing stays behind on the remote side that the cache does not know: each upload goes under a name
of its own, which is written down before it starts, and what a failed one has left is deleted.
"""

from __future__ import annotations

import io
import json
import logging
import os
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import IO, Any, Protocol, TypeVar

from ..errors import APIError, InvalidRequestError, KimiError
from ..exchange import Answer, Notice, Step, Steps, Upload, Wait, Work
from .document_text import extracted_text, quoted
from .files_api import Remote
from .load import GoneError, Loaded
from .store.cache import Account, FileCache, Purpose
from .upload_body import UploadBody, remote_name

__all__ = ["FileUpload", "Progress", "UploadContext"]

LONGEST_EXTRACTION = 120.0
"""Seconds to wait for a document whose status says that it is still being read."""

_NO_TEXT = (
    "has no text that Kimi could find: is it damaged, or nothing but pictures? Pages can be sent "
    "as images"
)
POLL = 0.05
"""Seconds between two looks at whether another call has brought the same file."""

Result = TypeVar("Result")

logger = logging.getLogger("llm_kimi")

_claims: set[tuple[Any, ...]] = set()
_claims_lock = threading.Lock()

_READY = frozenset({"ready", "ok", "processed"})


class Progress(Protocol):
    """What is told how far uploads and downloads have come; from several threads."""

    def begin(self, files: int, size: int) -> None:
        """So many files of so many bytes in all are on their way from now on."""

    def moved(self, size: int) -> None:
        """So many bytes more have gone (or have to go once more: negative)."""

    def end(self) -> None:
        """That was all, or it failed."""


class UploadContext:
    """What the uploads of one exchange share."""

    def __init__(
        self,
        remote: Remote,
        cache: FileCache,
        account: Account,
        *,
        keep: bool,
        progress: Progress | None,
    ) -> None:
        self.remote = remote
        self.cache = cache
        self.account = account
        self.keep = keep
        self.progress = progress

    def moved(self, size: int) -> None:
        """Tell the progress, if anybody wants to know."""
        if self.progress is not None:
            self.progress.moved(size)


class FileUpload:
    """One file on its way to Kimi; perform its ``steps``.

        noted --- look_up: the cache has it -----------------------------> remembered
          | steps: another call brings the same content, or has just ----> remembered
          v
        written down (begin: a name of its own in the cache's list of pending uploads)
          | upload              fails: what may have been stored is deleted, or stays in the list
          v
        stored (uploaded: the id is in that list)
          | a document: its text is read, then it is deleted, unless it is to be kept
          | an image, a video: stays at Kimi
          v
        remembered (put, done: in the cache; no longer pending)

    Then ``text`` holds what a document says, ``remote_id`` names an image or a video.
    ``remembered``: the cache had it. ``owed``: it is uploaded and the cache does not know.
    ``inline``: it could not be uploaded and goes inline. ``lost``: why it cannot be had any more,
    where the conversation goes on without it. ``permanent``: what is wanted of a document is its
    ``remote_id``; that its text is known is not enough.
    """

    def __init__(
        self, context: UploadContext, loaded: Loaded, purpose: Purpose, *, permanent: bool = False
    ) -> None:
        self.loaded = loaded
        self.purpose: Purpose = purpose
        self._permanent = permanent
        self.text: str | None = None
        self.remote_id: str | None = None
        self.remembered = False
        self.owed = False
        self.inline = False
        self.lost: InvalidRequestError | None = None
        self._context = context
        self._body: UploadBody | None = None
        self._ticket: int | None = None

    @property
    def can_go_inline(self) -> bool:
        """Whether it may stand in the message itself, and is in memory."""
        return self.purpose != "file-extract" and self.loaded.data is not None

    def look_up(self) -> bool:
        """Whether the cache has it. Blocks."""
        if self.loaded.sha256 is None:
            return False
        entry = self._context.cache.get(self._context.account, self.loaded.sha256, self.purpose)
        if entry is None:
            return False
        by_text = self.purpose == "file-extract" and not self._permanent
        if (entry.text if by_text else entry.remote_id) is None:
            return False
        self.text, self.remote_id = entry.text, entry.remote_id
        self.remembered = True
        return True

    def steps(self) -> Steps:
        """Upload it, and read what was extracted; what another call is uploading
        is waited for, and what one has uploaded since ``look_up`` is taken over.

        Raises:
            InvalidRequestError: Kimi cannot read it.
            APIError, APIConnectionError: what went wrong.
        """
        claim = self._claim()
        while not _claimed(claim):
            yield Wait(POLL)
        try:
            if (yield from _work(self._look_again)):
                self._context.moved(self.loaded.size)
            else:
                yield from self._bring()
        finally:
            _release(claim)

    def _claim(self) -> tuple[Any, ...]:
        """What no other call may bring at the same time."""
        loaded, status = self.loaded, self.loaded.status
        content: Any = loaded.sha256
        if content is None and status is not None:
            content = (loaded.path, status.st_size, status.st_mtime_ns)
        return (self._context.account, self.purpose, content)

    def _look_again(self) -> bool:
        loaded = self.loaded
        if loaded.sha256 is None and loaded.path is not None and loaded.status is not None:
            loaded.sha256 = self._context.cache.known(loaded.path, loaded.status)
        return self.look_up()

    def _bring(self) -> Steps:
        upload = self._upload()
        file_id: str | None = None
        cache = self._context.cache
        self._ticket = yield from _work(
            lambda: cache.begin(
                self._context.account, self.purpose, upload.filename, self.loaded.size
            )
        )
        try:
            try:
                with self._unreadable():
                    answer = yield from self._context.remote.upload(upload)
            finally:
                if self._body is not None:
                    self._body.close()
            file_id = str(answer["id"])
            yield from _work(lambda: cache.uploaded(self._ticket, str(file_id)))
            if self.purpose == "file-extract":
                self.text = yield from self._extract(answer)
            if self.purpose != "file-extract" or self._context.keep:
                self.remote_id = file_id
            else:
                yield from self._delete(file_id)
        except BaseException as error:
            yield from self._take_back(upload, file_id, refused=isinstance(error, APIError))
            raise
        self.owed = self.remote_id is not None and self._ticket is None
        yield from _work(self._remember)

    def _upload(self) -> Upload:
        loaded = self.loaded

        def open_again(upload: Upload) -> io.RawIOBase:
            if self._body is not None:
                self._body.close()
                self._body.again()
            self._body = UploadBody(self._open(), upload, self._context.moved)
            return self._body

        mime = loaded.mime or "application/octet-stream"
        name = remote_name(loaded.name, loaded.mime)
        return Upload(self.purpose, name, mime, loaded.size, open_again)

    def _open(self) -> IO[bytes]:
        loaded = self.loaded
        if loaded.data is not None:
            return io.BytesIO(loaded.data)
        if loaded.path is None:  # Kimi had it once
            raise GoneError(f"{loaded.name} is no longer at Kimi or on this machine")
        try:
            return open(loaded.path, "rb")
        except OSError as error:
            raise InvalidRequestError(f"{loaded.name} cannot be read ({error.strerror})") from None

    def _extract(self, answer: dict[str, Any]) -> Generator[Step, Any, str]:
        """The text of an uploaded document."""
        remote, name = self._context.remote, self.loaded.name
        waited, pause = 0.0, 0.5
        while (status := answer.get("status") or "ready") not in _READY:
            if status == "error" or waited >= LONGEST_EXTRACTION:
                details = answer.get("status_details") or (
                    "no reason given" if status == "error" else f"still {status}"
                )
                raise InvalidRequestError(
                    f"{name} cannot be read by Kimi ({details}): is it damaged, protected by a "
                    "password, or without any text?"
                )
            yield Wait(pause)
            waited, pause = waited + pause, min(pause * 1.5, 5.0)
            answer = yield from remote.retrieve(answer["id"])
        with self._unreadable():
            text = extracted_text((yield from remote.content(answer["id"])))
        if not text.strip():
            raise InvalidRequestError(f"{name} {_NO_TEXT}")
        return text

    @contextmanager
    def _unreadable(self) -> Iterator[None]:
        """Say of which file it is that Kimi finds no text in it."""
        try:
            yield
        except APIError as error:
            if error.status == 400 and "extract error" in error.detail:
                raise InvalidRequestError(f"{self.loaded.name} {_NO_TEXT}") from None
            raise

    def _remember(self) -> None:
        """Write down what is known now. Blocks."""
        context, loaded = self._context, self.loaded
        if loaded.sha256 is None and self._body is not None:
            loaded.sha256 = self._body.hash.hexdigest()
            if loaded.path is not None and loaded.status is not None and _unchanged(loaded):
                context.cache.remember(loaded.path, loaded.status, loaded.sha256)
        assert loaded.sha256 is not None
        context.cache.put(
            context.account,
            loaded.sha256,
            self.purpose,
            remote_id=self.remote_id,
            filename=loaded.name,
            size=loaded.size,
            text=self.text,
        )
        if self.remote_id is not None and context.cache.problem is None:
            context.cache.done(self._ticket)

    def _delete(self, file_id: str, *, cleaning: bool = False) -> Steps:
        """Delete the remote file; where that fails the cache still knows it."""
        try:
            yield from self._context.remote.delete(file_id, cleaning=cleaning)
        except KimiError:
            if not cleaning:
                yield Notice(
                    f"{quoted(self.loaded.name)} was read, but its copy at Kimi could not be "
                    "deleted; llm kimi files prune does"
                )
            return
        yield from _work(lambda: self._context.cache.done(self._ticket))

    def _take_back(self, upload: Upload, file_id: str | None, *, refused: bool) -> Steps:
        """Delete what a failed attempt may have left. Never raises an error of its own."""
        if file_id is None and upload.answer is not None:
            file_id = _id_in(upload.answer)
        try:
            if file_id is None and (refused or self._body is None or not self._body.sent):
                found = []
                yield from _work(lambda: self._context.cache.done(self._ticket))
            elif file_id is None:
                rows = yield from self._context.remote.list(cleaning=True)
                found = [row["id"] for row in rows if row.get("filename") == upload.filename]
                if not found:
                    self._warn()
            else:
                found = [file_id]
            for left in found:
                yield from self._delete(left, cleaning=True)
        except KimiError:
            self._warn()

    def _warn(self) -> None:
        """The cache has it in its list of pending uploads."""
        logger.warning(
            "%s may have been stored at Kimi: llm kimi files prune deletes what is left",
            quoted(self.loaded.name),
        )

    def give_up(self) -> Steps:
        """Delete an image or video that the cache does not know."""
        if self.owed and self.remote_id is not None:
            self.owed = False
            yield from self._delete(self.remote_id, cleaning=True)


def _claimed(claim: tuple[Any, ...]) -> bool:
    """Take a claim, unless another call has it."""
    with _claims_lock:
        if claim in _claims:
            return False
        _claims.add(claim)
        return True


def _release(claim: tuple[Any, ...]) -> None:
    with _claims_lock:
        _claims.discard(claim)


def _id_in(answer: Answer[Any]) -> str | None:
    """The id of the file in the answer to an upload that nobody waited for."""
    try:
        parsed = json.loads(answer.body) if answer.status == 200 else None
    except ValueError:
        return None
    found = parsed.get("id") if isinstance(parsed, dict) else None
    return found if isinstance(found, str) and found else None


def _unchanged(loaded: Loaded) -> bool:
    """Whether the file is what it was when it was opened."""
    assert loaded.path is not None
    try:
        now = os.stat(loaded.path)
    except OSError:
        return False
    before = loaded.status
    return before is not None and (now.st_size, now.st_mtime_ns, now.st_ctime_ns) == (
        before.st_size,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )


def _work(function: Callable[[], Result]) -> Generator[Step, Any, Result]:
    return (yield from Work(lambda stopped: function()))
