"""``FileRoom``: what an exchange asks to meet the needs of a request.

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
from .request_file import Inline, Item
from .store.cache import FileCache, Purpose, account, default_cache
from .upload import Bringing, Progress, Stage

__all__ = ["FileRoom"]

Json = dict[str, Any]

PATIENCE = 10.0
"""Seconds that uploads which run side by side get to clean up when one of them fails."""

_S = TypeVar("_S", bound=Stepwise)

_told: set[str] = set()
_told_lock = threading.Lock()


class FileRoom:
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
        self.stage = Stage(
            Remote(target, max_retries=max_retries, jitter=jitter),
            cache or default_cache(),
            account(target.key or "", target.base_url),
            keep=keep,
            progress=progress,
        )
        self._strict = strict
        self._items: list[Item] = []
        self._fresh: dict[str, Json] = {}

    def prepare(self, translation: Translation) -> Generator[Step, Any, Json]:
        """The body of ``translation`` with every need met.

        Raises:
            InvalidRequestError: a file cannot be had or is nothing that Kimi takes.
            APIError, APIConnectionError: an upload failed.
        """
        strict = self._strict
        items = self._items = [Item(self.stage, need, strict=strict) for need in translation.needs]
        progress = self.stage.progress
        try:
            if progress is not None:
                progress.begin(len(items), 0)
            yield from _together(items, lambda item: item.url is not None)
            inline = Inline(translation)
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

    def _bring(self, items: list[Item]) -> Steps:
        """Upload what the cache does not have: each content once, some at a time."""
        distinct: dict[Any, Bringing] = {}
        for item in items:
            loaded = item.loaded
            assert loaded is not None
            purpose: Purpose = "file-extract" if loaded.kind == "document" else _purpose(loaded)
            key = (purpose, loaded.sha256 or loaded.path)
            item.bringing = distinct.setdefault(key, Bringing(self.stage, loaded, purpose))
        unknown = yield Work(
            lambda stopped: [each for each in distinct.values() if not each.look_up()]
        )
        if self.stage.progress is not None and unknown:
            self.stage.progress.begin(len(unknown), sum(each.loaded.size for each in unknown))
        yield from _together(
            [_Named(each, _whose(each, items)) for each in unknown], lambda _: True
        )

    def tell_problem(self) -> Steps:
        """A cache that does not work is told once a process."""
        problem = self.stage.cache.problem
        if problem is not None:
            with _told_lock:
                new = problem not in _told
                _told.add(problem)
            if new:
                yield Notice(problem)

    def _check_remembered(self) -> Steps:
        """Before several requests that cannot be repaired one by one."""
        for bringing in self._remembered():
            if not (yield from self.stage.remote.exists(str(bringing.remote_id))):
                yield from self._bring_again(bringing)

    def _remembered(self) -> list[Bringing]:
        found = {
            id(item.bringing): item.bringing
            for item in self._items
            if item.bringing is not None
            and item.bringing.remembered
            and item.bringing.purpose != "file-extract"
        }
        return list(found.values())

    def _bring_again(self, bringing: Bringing) -> Steps:
        """Upload a file that is gone on the remote side."""
        cache, gone = self.stage.cache, str(bringing.remote_id)
        yield Work(lambda stopped: cache.forget_remote(self.stage.account, gone))
        bringing.remembered, bringing.remote_id = False, None
        yield from _Named(bringing, _whose(bringing, self._items)).steps()

    def repair(self, error: APIError, body: Json) -> Generator[Step, Any, Json | None]:
        """``body`` with fresh ids for remembered files that are gone; None when none is."""
        if error.status not in (400, 404):
            return None
        for bringing in self._remembered():
            old = bringing.remote_id
            try:
                gone = not (yield from self.stage.remote.exists(str(old)))
            except KimiError:
                return None  # the error that there was first says more
            if gone:
                yield from self._bring_again(bringing)
                yield from self._settle_again(bringing, f"ms://{old}")
        # Also for a later request of the exchange, which begins with the same messages.
        return renamed(body, self._fresh)

    def _settle_again(self, bringing: Bringing, old: str) -> Steps:
        """Note what stands from now on where ``old`` stood."""
        item = next(item for item in self._items if item.bringing is bringing)
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
            if item.bringing is not None:
                yield from item.bringing.give_up()


class _Named:
    """An upload whose errors say where in the request the file stands.

    A host without a files API (self-hosted servers, relays) gets images and videos inline. A
    conversation goes on without a file of an earlier turn that Kimi does not take.
    """

    def __init__(self, bringing: Bringing, whose: Sequence[Item]) -> None:
        self._bringing = bringing
        self._where = whose[0].where
        self._may_be_lost = all(item.may_be_lost for item in whose)

    def steps(self) -> Steps:
        bringing = self._bringing
        try:
            yield from bringing.steps()
        except InvalidRequestError as error:
            if not self._may_be_lost:
                raise InvalidRequestError(one_line(error.message), param=self._where) from None
            bringing.lost = error
        except APIError as error:
            if error.status in (404, 405, 501) and bringing.can_go_inline:
                bringing.inline = True
                return
            named = _of_file(error, bringing.loaded.name)
            refused = error.status in (400, 413, 422) and not is_account_full(error)
            if not (self._may_be_lost and refused):
                raise named from None
            bringing.lost = InvalidRequestError(named.detail)


def _whose(bringing: Bringing, items: Sequence[Item]) -> list[Item]:
    """The items that an upload is for, those first that may not be lost."""
    return sorted(
        (item for item in items if item.bringing is bringing), key=lambda item: item.may_be_lost
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
