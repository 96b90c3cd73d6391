"""``RequestFiles``: what an exchange asks to meet the needs of a request.

In: a translation whose needs name URLs, files and large ``data:`` URLs. Out: its body with images
inline or as ``ms://``, videos as ``ms://``, documents as text. Everything is read and checked
before anything is uploaded.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from ..errors import APIError, InvalidRequestError, KimiError
from ..exchange import AT_ONCE, MAX_RETRIES, Fork, Notice, Step, Steps, Stepwise, Target, Work
from ..reply.api_errors import is_account_full
from ..translation import Translation
from ..translation.limits import fit_answer
from .document_text import one_line, quoted
from .files_api import Remote
from .insert import placed, renamed
from .load import Loaded
from .request_file import InlineBudget, RequestFile
from .store.cache import FileCache, Purpose, account, default_cache
from .upload import FileUpload, Progress, UploadContext

__all__ = ["Preparation", "Release", "RequestFiles"]

Json = dict[str, Any]

PATIENCE = 10.0
"""Seconds that uploads which run side by side get to clean up when one of them fails."""

_S = TypeVar("_S", bound=Stepwise)

_told: set[str] = set()
_told_lock = threading.Lock()


class RequestFiles:
    """The files of one exchange; see ``exchange.Files``. Use it once.

    ``keep``: leave documents at Kimi after their text was read. ``strict``: refuse what the
    translation could not see, a PDF behind a URL. ``progress`` is told how far
    uploads and downloads are. ``cache`` is that of llm's user folder unless given.
    """

    def __init__(
        self,
        target: Target,
        *,
        keep: bool = False,
        strict: bool = False,
        progress: Progress | None = None,
        cache: FileCache | None = None,
        max_retries: int = MAX_RETRIES,
        jitter: Any = random.random,
    ) -> None:
        self.context = UploadContext(
            Remote(target, max_retries=max_retries, jitter=jitter),
            cache or default_cache(),
            account(target.key or "", target.base_url),
            keep=keep,
            progress=progress,
        )
        self._strict = strict
        self._items: list[RequestFile] = []
        self._fresh: dict[str, Json] = {}

    def prepare(self, translation: Translation) -> Generator[Step, Any, Json]:
        """The body of ``translation`` with every need met.

        Raises:
            InvalidRequestError: a file cannot be had or is nothing that Kimi takes.
            APIError, APIConnectionError: an upload failed.
        """
        strict = self._strict
        items = self._items = [
            RequestFile(self.context, need, strict=strict) for need in translation.needs
        ]
        progress = self.context.progress
        try:
            if progress is not None:
                progress.begin(len(items), 0)
            yield from _together(items, lambda item: item.url is not None)
            inline = InlineBudget(translation)
            for item in items:
                item.decide(translation.model, str(translation.body["model"]), inline)
                if item.told is not None and strict:
                    raise InvalidRequestError(f"strict mode: {item.told}")
            yield from self._bring([item for item in items if item.open])
            if translation.choices > 1:
                yield from self._check_remembered()
        finally:
            if progress is not None:
                progress.end()
        yield from self.tell_problem()
        for item in items:
            item.settle()
            if item.told is not None:
                yield Notice(item.told)
        body = placed(translation, items)
        limit = fit_answer(body, translation.model)
        if limit is not None:
            given, body["max_completion_tokens"] = body["max_completion_tokens"], limit
            yield Notice(
                f"max_completion_tokens {given} -> {limit} (the files leave no more of the "
                f"{translation.model.context:,} tokens that prompt and answer share)"
            )
        return body

    def _bring(self, items: list[RequestFile]) -> Steps:
        """Upload what the cache does not have: each content once, some at a time."""
        distinct: dict[Any, FileUpload] = {}
        for item in items:
            loaded = item.loaded
            assert loaded is not None
            purpose: Purpose = "file-extract" if loaded.kind == "document" else _purpose(loaded)
            key = (purpose, loaded.sha256 or loaded.path)
            item.upload = distinct.setdefault(key, FileUpload(self.context, loaded, purpose))
        unknown = yield from Work(
            lambda stopped: [each for each in distinct.values() if not each.look_up()]
        )
        if self.context.progress is not None and unknown:
            self.context.progress.begin(len(unknown), sum(each.loaded.size for each in unknown))
        yield from _together(
            [_Named(each, _whose(each, items)) for each in unknown], lambda _: True
        )

    def tell_problem(self) -> Steps:
        """A cache that does not work is told once a process."""
        problem = self.context.cache.problem
        if problem is not None:
            with _told_lock:
                new = problem not in _told
                _told.add(problem)
            if new:
                yield Notice(problem)

    def _check_remembered(self) -> Steps:
        """Before several requests that cannot be repaired one by one."""
        for upload in self._remembered():
            if not (yield from self.context.remote.exists(str(upload.remote_id))):
                yield from self._bring_again(upload)

    def _remembered(self) -> list[FileUpload]:
        uploads = dict.fromkeys(item.upload for item in self._items)
        return [
            upload
            for upload in uploads
            if upload is not None and upload.remembered and upload.purpose != "file-extract"
        ]

    def _bring_again(self, upload: FileUpload) -> Steps:
        """Upload a file that is gone on the remote side."""
        cache, gone = self.context.cache, str(upload.remote_id)
        yield from Work(lambda stopped: cache.forget_remote(self.context.account, gone))
        upload.remembered, upload.remote_id = False, None
        yield from _Named(upload, _whose(upload, self._items)).steps()

    def repair(self, error: APIError, body: Json) -> Generator[Step, Any, Json | None]:
        """``body`` with fresh ids for remembered files that are gone; None when none is."""
        if error.status not in (400, 404):
            return None
        for upload in self._remembered():
            old = upload.remote_id
            try:
                gone = not (yield from self.context.remote.exists(str(old)))
            except KimiError:
                return None  # the error that there was first says more
            if gone:
                yield from self._bring_again(upload)
                yield from self._settle_again(upload, f"ms://{old}")
        # Also for a later request of the exchange, which begins with the same messages.
        return renamed(body, self._fresh)

    def _settle_again(self, upload: FileUpload, old: str) -> Steps:
        """Note what stands from now on where ``old`` stood."""
        item = next(item for item in self._items if item.upload is upload)
        item.settle()
        assert item.part is not None
        self._fresh[old] = item.part
        if item.told is not None:
            yield Notice(item.told)

    def found(self, value: Any) -> Loaded | None:
        """What was read for the need with this value; None when nothing was."""
        return next((item.loaded for item in self._items if item.need.value is value), None)

    def release(self) -> Steps:
        """Delete what was uploaded and cannot be remembered."""
        for item in self._items:
            if item.upload is not None:
                yield from item.upload.give_up()


class _Named:
    """An upload whose errors say where in the request the file stands.

    A host without a files API (self-hosted servers, relays) gets images and videos inline. A
    conversation goes on without a file of an earlier turn that Kimi does not take.
    """

    def __init__(self, upload: FileUpload, whose: Sequence[RequestFile]) -> None:
        self._bringing = upload
        self._where = whose[0].where
        self._may_be_lost = all(item.may_be_lost for item in whose)

    def steps(self) -> Steps:
        upload = self._bringing
        try:
            yield from upload.steps()
        except InvalidRequestError as error:
            if not self._may_be_lost:
                raise InvalidRequestError(one_line(error.message), param=self._where) from None
            upload.lost = error
        except APIError as error:
            if error.status in (404, 405, 501) and upload.can_go_inline:
                upload.inline = True
                return
            named = _of_file(error, upload.loaded.name)
            refused = error.status in (400, 413, 422) and not is_account_full(error)
            if not (self._may_be_lost and refused):
                raise named from None
            upload.lost = InvalidRequestError(named.detail)


def _whose(upload: FileUpload, items: Sequence[RequestFile]) -> list[RequestFile]:
    """The items that an upload is for, those first that may not be lost."""
    return sorted(
        (item for item in items if item.upload is upload), key=lambda item: item.may_be_lost
    )


def _of_file(error: APIError, name: str) -> APIError:
    """``error`` with the name of the file that it is about."""
    return APIError(
        f"{error.detail} (while uploading {quoted(name)})",
        status=error.status,
        type=error.type,
        code=error.code,
        hint=error.hint,
        trace_id=error.trace_id,
        retry_after=error.retry_after,
    )


def _together(items: Sequence[_S], is_slow: Callable[[_S], bool]) -> Steps:
    """Those that wait for the network side by side, then the others."""
    slow = [item for item in items if is_slow(item)]
    if slow:
        # A single one, too: in a thread of its own it can end in order when Ctrl-C comes.
        yield Fork(slow, AT_ONCE, PATIENCE)
    for item in items:
        if not is_slow(item):
            yield from item.steps()


def _purpose(loaded: Loaded) -> Purpose:
    return "image" if loaded.kind == "image" else "video"


class Preparation:
    """The body of a request with its files in place, for whoever does not want it sent as a chat.

    Perform its ``steps``, use ``body``, then perform those of a ``Release``.
    """

    def __init__(self, files: RequestFiles, translation: Translation) -> None:
        self.body: dict[str, Any] = translation.body
        self._files = files
        self._translation = translation

    def steps(self) -> Steps:
        """Fetch, upload and extract, as before a chat.

        Raises:
            InvalidRequestError: a file cannot be had or is nothing that Kimi takes.
            APIError, APIConnectionError: an upload failed.
        """
        try:
            self.body = yield from self._files.prepare(self._translation)
        except BaseException:
            yield from self._files.release()
            raise


class Release:
    """Deletes what was uploaded for a ``Preparation`` and cannot be remembered."""

    def __init__(self, files: RequestFiles) -> None:
        self._files = files

    def steps(self) -> Steps:
        """See ``RequestFiles.release``."""
        yield from self._files.release()
