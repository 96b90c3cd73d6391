"""The rounds of one answer: usually one exchange, several when the platform searches.

One ``Rounds`` serves the sync and the async model, which differ in how they drive an exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import click
import llm

from .. import learned, settings
from ..errors import KimiError
from ..exchange import Exchange, Files, Target
from ..translation import Translation, translate
from ..translation.weight import is_heavy
from .events import EmptyAnswerError, Turn
from .notices import end_line, tell, tell_adjustments
from .options import KimiOptions
from .requests import build_request, go_on

__all__ = ["KimiModelError", "Rounds", "as_model_errors", "in_place_of_sending"]

MAX_SEARCHES = 10
"""Rounds of $web_search in one answer; a model that searches on and on is stopped here."""


in_place_of_sending: ContextVar[Callable[[Target, Translation], None] | None] = ContextVar(
    "in_place_of_sending", default=None
)
"""Who wants to see a request rather than have it sent (``llm kimi count``); it must raise."""


class KimiModelError(llm.ModelError, click.ClickException):
    """An error that llm shows as one line, in every command (``llm chat`` included)."""

    def __init__(self, message: str) -> None:
        click.ClickException.__init__(self, message)


class Rounds:
    """Iterate for the exchanges to run; hand what they have to ``turn`` before the next one.

    ``base_url`` is where they go, ``timeout`` how many seconds to wait (None: the usual time).
    """

    def __init__(
        self,
        model: Any,
        prompt: Any,
        stream: bool,
        response: Any,
        conversation: Any,
        key: str | None,
    ) -> None:
        if trouble := learned.take_trouble():
            tell(trouble)
        # llm before 0.36 has {} for no options.
        options = prompt.options or model.Options()
        assert isinstance(options, KimiOptions)
        self.base_url = settings.base_url(model.base_url)
        if warning := settings.cleartext_warning(self.base_url):
            tell(warning)
        self.timeout = options.timeout
        self.turn = Turn(response, model.model_id, prompt, shown=stream)
        self._options = options
        self._request = build_request(model, prompt, options, conversation)
        self._target = Target(base_url=self.base_url, key=key, key_source=settings.key_source(key))

    @property
    def heavy(self) -> bool:
        """Whether making the next exchange would hold up an event loop."""
        return is_heavy(self._request)

    def __iter__(self) -> Iterator[Exchange]:
        for _ in range(MAX_SEARCHES):
            yield self._exchange()
            if not self.turn.searched:
                return
            self._request = go_on(self._request, self.turn.searched)
        self.turn.stopped_searching(MAX_SEARCHES)

    def _exchange(self) -> Exchange:
        strict = self._options.strict
        translation = translate(
            self._request,
            strict=settings.strict_by_default() if strict is None else strict,
            tool_choice_fallback=self._options.tool_choice_fallback or "nudge",
        )
        instead = in_place_of_sending.get()
        if instead is not None:
            instead(self._target, translation)
        tell_adjustments(translation.adjustments)
        return Exchange(translation, self._target, files=self._files(translation))

    def _files(self, translation: Translation) -> Files | None:
        if not translation.needs:
            return None
        from ..files.room import FileRoom
        from .progress import terminal_progress

        return FileRoom(
            self._target, keep=bool(self._options.keep_files), progress=terminal_progress()
        )


@contextmanager
def as_model_errors() -> Iterator[None]:
    """Our errors as llm shows them, on a line of their own."""
    try:
        yield
    except (KimiError, EmptyAnswerError) as error:
        end_line()
        raise KimiModelError(str(error)) from error
