"""``Kimi`` and ``AsyncKimi``: the models that ``llm`` lists and calls.

Objects of these classes are shared by threads and event loops: nothing of a call is kept on them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from functools import cache
from typing import Any

import click
import llm
from llm.parts import StreamEvent

from .. import settings
from ..catalog import Model, resolve
from ..errors import InvalidRequestError, KimiError
from ..exchange import Exchange, Target
from ..translation import Translation, translate
from .events import EmptyAnswerError, Turn
from .notices import tell_adjustments
from .options import KimiOptions, options_for
from .requests import build_request
from .web_search import KimiWebSearch

__all__ = ["AsyncKimi", "Kimi", "async_model", "sync_model"]

IMAGE_TYPES = frozenset(
    f"image/{kind}" for kind in ("jpeg", "png", "gif", "webp", "bmp", "heic", "heif")
)
VIDEO_TYPES = frozenset(
    f"video/{kind}"
    for kind in ("mp4", "mpeg", "quicktime", "x-msvideo", "x-flv", "webm", "x-ms-wmv", "3gpp")
)

MAX_SEARCHES = 10
"""Rounds of $web_search in one answer; a model that searches on and on is stopped here."""


class KimiModelError(llm.ModelError, click.ClickException):
    """An error that llm shows as one line, in every command (``llm chat`` included)."""

    def __init__(self, message: str) -> None:
        click.ClickException.__init__(self, message)


class NeedsKeyError(llm.NeedsKeyException, click.ClickException):
    """There is no key; the text says where to put one."""

    def __init__(self) -> None:
        click.ClickException.__init__(self, settings.no_key_message())


class _Shared:
    """What both flavours share. Subclasses of one family share an options class."""

    needs_key: str | None = "kimi"
    key_env_var: str | None = settings.KEY_VARIABLES[0]
    can_stream = True
    supports_schema = True
    supports_tools = True
    row: Model
    attachment_types: set[str] | frozenset[str]

    def __init__(self, model_id: str, *, base_url: str | None = None) -> None:
        self.model_id = model_id
        self.row = resolve(model_id)
        self._base_url = base_url
        kinds: frozenset[str] = frozenset()
        if "image" in self.row.modalities:
            kinds |= IMAGE_TYPES
        if "video" in self.row.modalities:
            kinds |= VIDEO_TYPES
        self.attachment_types = kinds

    def __str__(self) -> str:
        return f"Kimi: {self.model_id}"

    @property
    def supported_server_side_tools(self) -> tuple[type[llm.ServerSideTool], ...]:
        """Tools that Moonshot runs; see ``KimiWebSearch`` for its warning."""
        return (KimiWebSearch,)

    def get_key(self, explicit_key: str | None = None) -> str:
        """The key to use: ``model.key``, ``--key``, the stored ones, the environment.

        Raises:
            NeedsKeyError: there is none.
        """
        key = getattr(self, "key", None) or settings.find_key(explicit_key)
        if not key:
            raise NeedsKeyError
        return str(key)

    def _translate(self, request: dict[str, Any], options: KimiOptions) -> Translation:
        strict = settings.strict_by_default() if options.strict is None else options.strict
        translation = translate(
            request,
            strict=strict,
            tool_choice_fallback=options.tool_choice_fallback or "nudge",
        )
        tell_adjustments(translation.adjustments)
        return translation

    def _exchange(
        self, request: dict[str, Any], options: KimiOptions, base_url: str, key: str | None
    ) -> Exchange:
        target = Target(base_url=base_url, key=key, key_source=settings.key_source(key))
        return Exchange(self._translate(request, options), target)


def _options(model: Kimi | AsyncKimi, prompt: Any) -> KimiOptions:
    """The prompt's options; llm before 0.36 has ``{}`` for none."""
    options = prompt.options or model.Options()
    assert isinstance(options, KimiOptions)
    return options


def _go_on(request: dict[str, Any], turn: Turn) -> dict[str, Any]:
    """The request with which the platform goes on after a search."""
    return {**request, "messages": [*request["messages"], *turn.searched]}


class Kimi(_Shared, llm.KeyModel):
    """A Kimi model for ``llm``. ``base_url`` overrides ``KIMI_BASE_URL`` for this object."""

    Options = KimiOptions  # type: ignore[assignment]

    def execute(
        self,
        prompt: llm.Prompt,
        stream: bool,
        response: llm.Response,
        conversation: llm.Conversation | None,
        key: str | None,
    ) -> Iterator[StreamEvent]:
        """Answer ``prompt``; on the wire it is always a stream."""
        from ..carriers.drive import run
        from ..carriers.openai_sdk import Carrier

        try:
            options = _options(self, prompt)
            base_url = settings.base_url(self._base_url)
            carrier = Carrier(base_url, key or "", timeout=options.timeout)
            request = build_request(self, prompt, options, conversation)
            turn = Turn(response, self.model_id)
            for _ in range(MAX_SEARCHES):
                exchange = self._exchange(request, options, base_url, key)
                for output in run(exchange, carrier):
                    yield from turn.consume(output)
                yield from turn.finish(exchange)
                if not turn.searched:
                    return
                request = _go_on(request, turn)
            turn.stopped_searching(MAX_SEARCHES)
        except (KimiError, EmptyAnswerError) as error:
            raise KimiModelError(str(error)) from _cause(error)


class AsyncKimi(_Shared, llm.AsyncKeyModel):
    """``Kimi`` for ``llm``'s async API."""

    Options = KimiOptions  # type: ignore[assignment]

    async def execute(
        self,
        prompt: llm.Prompt,
        stream: bool,
        response: llm.AsyncResponse,
        conversation: llm.AsyncConversation | None,
        key: str | None,
    ) -> AsyncGenerator[StreamEvent, None]:
        """Answer ``prompt``; on the wire it is always a stream."""
        from contextlib import aclosing

        from ..carriers.drive import arun
        from ..carriers.openai_sdk import AsyncCarrier

        try:
            options = _options(self, prompt)
            base_url = settings.base_url(self._base_url)
            carrier = AsyncCarrier(base_url, key or "", timeout=options.timeout)
            request = build_request(self, prompt, options, conversation)
            turn = Turn(response, self.model_id)
            for _ in range(MAX_SEARCHES):
                exchange = self._exchange(request, options, base_url, key)
                async with aclosing(arun(exchange, carrier)) as outputs:
                    async for output in outputs:
                        for event in turn.consume(output):
                            yield event
                for event in turn.finish(exchange):
                    yield event
                if not turn.searched:
                    return
                request = _go_on(request, turn)
            turn.stopped_searching(MAX_SEARCHES)
        except (KimiError, EmptyAnswerError) as error:
            raise KimiModelError(str(error)) from _cause(error)


def _cause(error: Exception) -> Exception | None:
    """Kept for programs; a user's mistake needs no trace."""
    return None if isinstance(error, InvalidRequestError) else error


@cache
def _classes(family: str) -> tuple[type[Kimi], type[AsyncKimi]]:
    """One pair of classes per family: llm shows the help of options once a class."""
    row = next(model for model in _rows() if model.family == family)
    members = {"Options": options_for(row), "__module__": __name__}
    return type("Kimi", (Kimi,), members), type("AsyncKimi", (AsyncKimi,), members)


def _rows() -> tuple[Model, ...]:
    from ..catalog import MODELS

    return MODELS


def sync_model(row: Model) -> Kimi:
    """The sync model of a row of the catalog, with the options of its family."""
    return _classes(row.family)[0](row.id)


def async_model(row: Model) -> AsyncKimi:
    """The async model of a row of the catalog, with the options of its family."""
    return _classes(row.family)[1](row.id)
