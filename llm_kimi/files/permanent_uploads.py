"""Files that are uploaded to stay: each is read, found in the cache or uploaded, and remembered.

What is wrong with one file is kept in its ``error``, and the others go on. What is wrong with the
account or the connection is raised.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence

from ..errors import APIError, InvalidRequestError, KimiError
from ..exchange import AT_ONCE, Fork, Steps, Work
from ..reply.api_errors import is_account_full
from ..translation import Attached
from .load import Loaded, load
from .request_files import PATIENCE, RequestFiles
from .store.cache import Entry, Purpose
from .upload import FileUpload, UploadContext

__all__ = ["Keeping", "Keepings"]


class Keepings:
    """The files at ``paths``, side by side; perform the ``steps``, then look at ``files``.

    ``purpose`` None is found from the bytes. ``request_files`` is one that keeps (``keep=True``).
    """

    def __init__(
        self, request_files: RequestFiles, paths: Sequence[str], purpose: Purpose | None
    ) -> None:
        claims: dict[tuple[Purpose, str], Keeping] = {}
        self.files = [Keeping(request_files.context, path, purpose, claims) for path in paths]
        self._request_files = request_files

    def steps(self) -> Steps:
        """Upload what is not there.

        Raises:
            KimiError: no file can be uploaded.
        """
        progress = self._request_files.context.progress
        try:
            if progress is not None:
                progress.begin(len(self.files), sum(_size(file.path) for file in self.files))
            yield Fork(self.files, AT_ONCE, PATIENCE)
        finally:
            if progress is not None:
                progress.end()
        yield from self._request_files.tell_problem()


class Keeping:
    """One file at ``path``; perform its ``steps``.

    Then ``remote_id``, ``purpose``, ``mime`` and ``size`` tell what it is at Kimi, or ``error``
    why it is not there. ``already``: it was there before. All of them are None or False when it
    was not begun.
    """

    def __init__(
        self,
        context: UploadContext,
        path: str,
        purpose: Purpose | None,
        claims: dict[tuple[Purpose, str], Keeping],
    ) -> None:
        self.path = path
        self.purpose = purpose
        self.mime = ""
        self.size = 0
        self._context = context
        self._claims = claims
        self._same: Keeping | None = None
        self._remote_id: str | None = None
        self._error: KimiError | None = None
        self._already = False

    @property
    def remote_id(self) -> str | None:
        """Its id at Kimi."""
        return self._same.remote_id if self._same else self._remote_id

    @property
    def error(self) -> KimiError | None:
        """Why it is not there."""
        return self._same.error if self._same else self._error

    @property
    def already(self) -> bool:
        """Whether nothing had to be uploaded for it."""
        return self._same is not None or self._already

    def steps(self) -> Steps:
        """Read it, look for it, upload it.

        Raises:
            KimiError: no other file could be uploaded either.
        """
        try:
            yield from self._keep()
        except InvalidRequestError as error:
            if error.param is not None:  # key or base URL
                raise
            name = os.path.basename(self.path)
            text = error.message
            if text.startswith(f"{name} "):
                text = self.path + text[len(name) :]
            self._error = InvalidRequestError(text)
        except APIError as error:
            if error.status not in (400, 413, 422) or is_account_full(error):
                raise
            self._error = error

    def _keep(self) -> Steps:
        context = self._context
        loaded = yield from Work(self._load)
        self.mime, self.size = loaded.mime, loaded.size
        self.purpose = purpose = _purpose(loaded, self.purpose)
        claim = (purpose, loaded.sha256 or str(loaded.path))
        first = self._claims.setdefault(claim, self)
        if first is not self:
            self._same = first
            return
        entry = yield from Work(lambda stopped: _known(context, loaded, purpose))
        if entry is not None and entry.remote_id is not None:
            gone = entry.remote_id
            if (yield from context.remote.exists(gone)):
                self._remote_id, self._already = gone, True
                context.moved(loaded.size)
                return
            yield from Work(lambda stopped: context.cache.forget_remote(context.account, gone))
        upload = FileUpload(context, loaded, purpose, permanent=True)
        yield from upload.steps()
        self._remote_id, self._already = upload.remote_id, upload.remembered

    def _load(self, stopped: Callable[[], bool]) -> Loaded:
        """The file, with its hash where it is in memory."""
        wanted = self.purpose
        path = os.path.abspath(os.path.expanduser(self.path))
        loaded = load(
            Attached(path=path),
            None if wanted == "file-extract" else wanted,
            known=self._context.cache.known,
            stopped=stopped,
        )
        if loaded.text is not None:
            # In UTF-8 whatever it was in: what is uploaded is what is read and hashed here.
            loaded.data = loaded.text.encode()
            loaded.text, loaded.path, loaded.size = None, None, len(loaded.data)
            loaded.sha256 = hashlib.sha256(loaded.data).hexdigest()
        return loaded


def _purpose(loaded: Loaded, wanted: Purpose | None) -> Purpose:
    kind = loaded.kind
    if kind not in ("image", "video"):
        return "file-extract"
    if wanted == "file-extract":
        raise InvalidRequestError(
            f"{loaded.name} is {loaded.mime}: upload it with purpose {kind}; Moonshot no longer "
            "extracts text from pictures"
        )
    return "image" if kind == "image" else "video"


def _known(context: UploadContext, loaded: Loaded, purpose: Purpose) -> Entry | None:
    if loaded.sha256 is None:
        return None
    return context.cache.get(context.account, loaded.sha256, purpose)


def _size(path: str) -> int:
    try:
        return os.stat(os.path.expanduser(path)).st_size
    except OSError:
        return 0
