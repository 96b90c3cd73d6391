"""``Kimi`` and ``AsyncKimi``: the models that ``llm`` lists and calls.

Objects of these classes are shared by threads and event loops: nothing of a call is kept on them.
``llm`` imports this module whatever model is asked for, so what a call needs is imported by it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from functools import cache
from typing import Any

import click
import llm
from llm.parts import StreamEvent

from ...catalog import Model, UnknownModelError, resolve
from ...config import discovered_models, settings
from ...errors import InvalidRequestError, KimiError
from ...sniff.mime_types import DOCUMENT_TYPES, IMAGE_TYPES, VIDEO_TYPES
from .official_tools import KimiTools, KimiWebSearch
from .options import KimiOptions, Texts, options_with, texts_for

__all__ = ["AsyncKimi", "Kimi", "async_model", "sync_model"]


class NeedsKeyError(llm.NeedsKeyException, click.ClickException):
    """There is no key; the text says where to put one."""

    def __init__(self) -> None:
        click.ClickException.__init__(self, settings.no_key_message())


class _Shared:
    """What both flavours share. A subclass has the options of its kind."""

    needs_key: str | None = "kimi"
    key_env_var: str | None = settings.KEY_VARIABLES[0]
    can_stream = True
    supports_schema = True
    supports_tools = True
    row: Model
    attachment_types: set[str] | frozenset[str]

    def __init__(self, model_id: str, *, base_url: str | None = None) -> None:
        self.model_id = model_id
        self.base_url = base_url
        self._find_row()

    def _find_row(self) -> None:
        if self.base_url is not None:
            discovered_models.load(self.base_url)
        try:
            self.row = resolve(self.model_id)
        except UnknownModelError as error:
            raise InvalidRequestError(str(error), param="model_id") from None
        kinds = DOCUMENT_TYPES
        if "image" in self.row.modalities:
            kinds |= IMAGE_TYPES
        if "video" in self.row.modalities:
            kinds |= VIDEO_TYPES
        self.attachment_types = kinds

    def _validate_attachments(self, attachments: object = None) -> None:
        """Not by the types that names and servers tell, as llm does it, which asks the server of a
        URL: what a file is, is found from its bytes when it is read, with our checks of URLs."""

    def __str__(self) -> str:
        return f"Kimi: {self.model_id}"

    def __getstate__(self) -> dict[str, Any]:
        """For ``copy`` and ``pickle``: all but the row of the catalog, which is found again. What
        was set on the object goes along, a key as well."""
        return {name: value for name, value in vars(self).items() if name not in _OF_THE_ROW}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._find_row()

    @property
    def supported_server_side_tools(self) -> tuple[type[llm.ServerSideTool], ...]:
        """Tools that Moonshot runs."""
        return (KimiWebSearch, KimiTools)

    def get_key(self, explicit_key: str | None = None) -> str:
        """The key to use: ``model.key``, ``--key``, the stored ones, the environment.

        Raises:
            NeedsKeyError: there is none.
            KimiModelError: it cannot be one, or it was found and is not for ``self.base_url``.
        """
        own = getattr(self, "key", None)
        try:
            key = settings.check_key(own) if own else settings.find_key(explicit_key)
            if key and not own and not explicit_key:
                self._check_host(key)
        except KimiError as error:
            from .execute import KimiModelError

            raise KimiModelError(str(error)) from None
        if not key:
            raise NeedsKeyError
        return key

    def _check_host(self, key: str) -> None:
        """A key that was found does not go to a host that was not found with it."""
        base = settings.base_url(self.base_url)
        if not settings.found_key_may_go_to(base):
            raise InvalidRequestError(
                f"{settings.host_name(base)} was named without a key of its own, and "
                f"{settings.key_source(key)} is sent only to the base URL of the environment and "
                "to Moonshot's own hosts; pass key= as well, or set "
                f"{settings.BASE_URL_VARIABLES[0]} instead of base_url=",
                param="base_url",
            )


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
        from ...transport.openai_sdk import OpenAITransport
        from ...transport.run import run
        from .execute import PromptRequest, as_model_errors

        with as_model_errors():
            request = PromptRequest(self, prompt, stream, response, conversation, key)
            transport = OpenAITransport(request.base_url, key or "", timeout=request.timeout)
            exchange = request.exchange()
            for output in run(exchange, transport):
                yield from request.turn.consume(output)
            yield from request.turn.finish(exchange)
            request.remember_files()


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

        from ...transport.in_thread import aside
        from ...transport.openai_sdk import AsyncOpenAITransport
        from ...transport.run import arun
        from .execute import PromptRequest, as_model_errors

        with as_model_errors():
            request = PromptRequest(self, prompt, stream, response, conversation, key)
            transport = AsyncOpenAITransport(request.base_url, key or "", timeout=request.timeout)
            exchange = await aside(request.heavy, request.exchange)
            async with aclosing(arun(exchange, transport)) as outputs:
                async for output in outputs:
                    for event in request.turn.consume(output):
                        yield event
            for event in request.turn.finish(exchange):
                yield event
            request.remember_files()


class _WhenAsked:
    """``Options`` of a class of models, made when llm first asks for it: pydantic takes longer for
    it than the rest of the plugin for a start, which needs the options of one model at most."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def __set_name__(self, owner: Any, name: str) -> None:
        self._owner = owner

    def __get__(self, model: object, owner: object = None) -> type[KimiOptions]:
        self._owner.Options = made = options_with(self._texts)
        return made


@cache
def _classes(texts: Texts) -> tuple[type[Kimi], type[AsyncKimi]]:
    """One pair of classes per options class: llm shows the help of options once a class."""
    members = {"__module__": __name__, "__reduce__": _reduce}
    return (
        type("Kimi", (Kimi,), {**members, "Options": _WhenAsked(texts)}),
        type("AsyncKimi", (AsyncKimi,), {**members, "Options": _WhenAsked(texts)}),
    )


def _reduce(model: Kimi | AsyncKimi) -> tuple[Any, ...]:
    """For ``pickle``, which does not find a class that was made in a function."""
    return _blank, (model.model_id, isinstance(model, AsyncKimi)), model.__getstate__()


def _blank(model_id: str, is_async: bool) -> Kimi | AsyncKimi:
    discovered_models.load()
    made = _classes(texts_for(resolve(model_id)))[is_async]
    return made.__new__(made)


_OF_THE_ROW = frozenset({"row", "attachment_types"})


def sync_model(row: Model) -> Kimi:
    """The sync model of a row of the catalog, with the options of its kind."""
    return _classes(texts_for(row))[0](row.id)


def async_model(row: Model) -> AsyncKimi:
    """The async model of a row of the catalog, with the options of its kind."""
    return _classes(texts_for(row))[1](row.id)
