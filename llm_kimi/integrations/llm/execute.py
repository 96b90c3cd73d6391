"""One answer: the prompt as a request, and its exchange.

One ``PromptRequest`` serves the sync and the async model, which differ in how they drive it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
import llm

from ...config import discovered_models, settings
from ...errors import KimiError, StrictError
from ...exchange import Exchange, Target
from ...terminal.notices import end_line, tell, tell_adjustments
from ...terminal.stdout import prepare_stdout
from ...translation import Translation, translate
from ...translation.weight import is_heavy
from .options import KimiOptions
from .requests import build_request
from .stream_events import EmptyAnswerError, Turn
from .unsent import keep_back

if TYPE_CHECKING:
    from ...files.request_files import RequestFiles

__all__ = ["KimiModelError", "PromptRequest", "as_model_errors"]


class KimiModelError(llm.ModelError, click.ClickException):
    """An error that llm shows as one line, in every command (``llm chat`` included)."""

    def __init__(self, message: str) -> None:
        click.ClickException.__init__(self, message)


class PromptRequest:
    """What llm asks. Run its ``exchange``, and hand what that has to ``turn``.

    ``base_url`` is where it goes, ``timeout`` how many seconds to wait (None: the usual time).
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
        prepare_stdout()
        if trouble := discovered_models.take_trouble():
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
        built = build_request(model, prompt, options, conversation)
        self._request, self._changes, self._attachments = built.body, built.changes, built.files
        self._room: RequestFiles | None = None
        self._target = Target(base_url=self.base_url, key=key, key_source=settings.key_source(key))

    @property
    def heavy(self) -> bool:
        """Whether making the next exchange would hold up an event loop."""
        return is_heavy(self._request)

    def exchange(self) -> Exchange:
        """The exchange that answers.

        Raises:
            KimiError: the request cannot be translated.
        """
        strict = self._options.strict
        if strict is None:
            strict = settings.strict_by_default()
        translation = self._translate(strict)
        keep_back(self._target, translation)
        tell_adjustments(translation.adjustments)
        self._room = self._files(translation, strict)
        tools = None
        if translation.official:
            from ...official_tools.tools import OfficialTools

            tools = OfficialTools(self._target, strict=strict)
        return Exchange(translation, self._target, files=self._room, tools=tools)

    def _translate(self, strict: bool) -> Translation:
        translation = translate(
            self._request,
            strict=strict,
            tool_choice_fallback=self._options.tool_choice_fallback or "nudge",
        )
        if self._changes:
            adjustments = (*self._changes, *translation.adjustments)
            translation = replace(translation, adjustments=adjustments)
            if strict:
                raise StrictError(translation.changes_of_meaning)
        return translation

    def _files(self, translation: Translation, strict: bool) -> RequestFiles | None:
        if not translation.needs:
            return None
        from ...files.request_files import RequestFiles
        from ...terminal.progress import terminal_progress

        return RequestFiles(
            self._target,
            keep=bool(self._options.keep_files),
            strict=strict,
            progress=terminal_progress(),
        )

    def remember_files(self) -> None:
        """Tell llm's attachments what was sent for them, before its log looks at them again.

        Its log reads the files anew and asks servers of URLs for types, which fails where a file
        is gone by then; and a later turn finds by the hash that another one is in its place.
        """
        if self._room is None:
            return
        for attached, attachment in self._attachments:
            loaded = self._room.found(attached)
            if attachment.path and attachment._id is None:
                missing = hashlib.sha256(f"missing:{attachment.path}".encode()).hexdigest()
                attachment._id = (loaded and loaded.sha256) or missing
            if attachment.type is None:
                attachment.type = (loaded and loaded.mime) or "application/octet-stream"


@contextmanager
def as_model_errors() -> Iterator[None]:
    """Our errors as llm shows them, on a line of their own."""
    try:
        yield
    except (KimiError, EmptyAnswerError) as error:
        end_line()
        raise KimiModelError(str(error)) from error
