"""``Kimi`` and ``AsyncKimi``: the SDK's clients, for Kimi.

Both take what ``openai.OpenAI`` and ``openai.AsyncOpenAI`` take. Key and base URL are found as
everywhere in this package; nothing that the environment says for OpenAI (``OPENAI_API_KEY``,
``OPENAI_BASE_URL``, organization and project) is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import openai
from openai.resources.chat import AsyncChat, Chat
from openai.resources.files import AsyncFiles, Files

from ...config import settings
from ...errors import InvalidRequestError
from ...exchange import MAX_RETRIES
from ...translation import FALLBACKS, Fallback
from .completions import async_chat, chat
from .http_clients import http_client, install, wrapped
from .transport import EXTENSION, Options
from .uploads import async_files, files

__all__ = ["AsyncKimi", "AsyncKimiHTTPClient", "Kimi", "KimiHTTPClient"]

_SETTINGS = ("strict", "tool_choice_fallback", "keep_files")


class _Common:
    """What the sync and the async client share: settings, the key, the base URL."""

    strict: bool | None
    tool_choice_fallback: Fallback
    keep_files: bool
    # Where the key was found, in words; "" when the caller gave it.
    _key_found: str
    _key_checked: str

    def _settle(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The constructor's arguments for the SDK: with a key and a base URL for Kimi.

        Raises:
            openai.OpenAIError: there is no key, or it must not go to this host.
        """
        if self.tool_choice_fallback not in FALLBACKS:
            raise openai.OpenAIError(f"tool_choice_fallback must be one of {', '.join(FALLBACKS)}")
        given_key, given_url = arguments.pop("api_key", None), arguments.pop("base_url", None)
        self._key_found = self._key_checked = ""
        try:
            # The SDK's copy() passes an httpx.URL or NotGiven.
            url = given_url if given_url is None or isinstance(given_url, str) else str(given_url)
            base_url = settings.base_url(None if _is_not_given(given_url) else url)
            key: Any
            if given_key is None:
                key, self._key_found = settings.locate_key()
                if not key:
                    raise openai.OpenAIError(f"{settings.no_key_message()}; or pass api_key=")
            else:
                key = given_key
                if not callable(key):
                    key = settings.check_key(str(key).strip())
        except InvalidRequestError as error:
            raise openai.OpenAIError(str(error)) from None
        self._check_key_and_host(base_url)
        headers = {**(arguments.pop("default_headers", None) or {})}
        for name in ("OpenAI-Organization", "OpenAI-Project"):
            headers.setdefault(name, openai.Omit())
        return {**arguments, "api_key": key, "base_url": base_url, "default_headers": headers}

    def _check_key_and_host(self, base_url: str) -> None:
        """Whether a key that was found may go to ``base_url``.

        Raises:
            openai.OpenAIError: it belongs to another host.
        """
        if not self._key_found or base_url == self._key_checked:
            return
        if not settings.found_key_may_go_to(base_url.rstrip("/")):
            raise openai.OpenAIError(
                f"base_url names {settings.host_name(base_url)} and no api_key came with it; "
                f"{self._key_found} is sent only to the base URL that is set in the environment "
                "and to Moonshot's own hosts. Pass api_key= together with base_url=, or set "
                f"{settings.BASE_URL_VARIABLES[0]}"
            )
        self._key_checked = base_url

    def _options(self, max_retries: int = MAX_RETRIES) -> Options:
        return Options(
            strict=self.strict,
            tool_choice_fallback=self.tool_choice_fallback,
            keep_files=self.keep_files,
            max_retries=max_retries,
            key_source=self._key_found or "the argument api_key=",
        )

    def _build_request(self, options: Any, **more: Any) -> Any:
        """The SDK's request, and the settings that the transport needs beside it."""
        base_url = str(self.base_url)  # type: ignore[attr-defined]
        self._check_key_and_host(base_url)
        request = super()._build_request(options, **more)  # type: ignore[misc]
        retries = options.get_max_retries(self.max_retries)  # type: ignore[attr-defined]
        request.extensions = {**request.extensions, EXTENSION: self._options(retries)}
        return request

    def _copied(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments for the SDK's ``copy``: our settings go along where it takes extra ones."""
        arguments = {name: value for name, value in changes.items() if name not in _SETTINGS}
        kept = {name: changes.get(name, getattr(self, name)) for name in _SETTINGS}
        extra = {**kept, **arguments.pop("_extra_kwargs", {})}
        return {**arguments, "_extra_kwargs": extra}

    def _hand_down(self, new: _Common, changes: Mapping[str, Any]) -> None:
        """A copy knows where the key was found, unless it was given another one."""
        if changes.get("api_key") is None:
            new._key_found = self._key_found
            new._check_key_and_host(str(new.base_url))  # type: ignore[attr-defined]


def _is_not_given(value: Any) -> bool:
    return isinstance(value, openai.NotGiven)


class Kimi(_Common, openai.OpenAI):
    """``openai.OpenAI`` for Kimi: ``from llm_kimi.openai import Kimi as OpenAI``.

    ``api_key``: a key, or a function that returns one; without it the key is found in llm's store
    (``llm keys set kimi``) or in the environment (``MOONSHOT_API_KEY`` ...). ``base_url``:
    without it that of the environment (``KIMI_BASE_URL`` ...), or Moonshot's. ``strict``: raise
    ``BadRequestError`` instead of changing what a request means; None: as ``KIMI_STRICT`` says.
    ``tool_choice_fallback``: ``nudge``, ``disable_thinking`` or ``error``, where a model does not
    take a forced tool call. ``keep_files``: leave uploaded documents at Kimi for the next call.

    Raises:
        openai.OpenAIError: there is no key, or what was found must not go to ``base_url``.
    """

    def __init__(
        self,
        *,
        api_key: str | Callable[[], str] | None = None,
        base_url: Any = None,
        http_client: Any = None,
        strict: bool | None = None,
        tool_choice_fallback: Fallback = "nudge",
        keep_files: bool = False,
        **options: Any,
    ) -> None:
        self.strict, self.keep_files = strict, keep_files
        self.tool_choice_fallback = tool_choice_fallback
        arguments = self._settle({**options, "api_key": api_key, "base_url": base_url})
        if http_client is not None:
            arguments["http_client"] = wrapped(http_client, self._options())
        super().__init__(**arguments)
        if http_client is None:
            install(self._client, self._options())

    @cached_property
    def chat(self) -> Chat:
        """The SDK's ``chat``."""
        return chat(self)

    @cached_property
    def files(self) -> Files:
        """The SDK's ``files``, with OpenAI's purposes in Kimi's names."""
        return files(self)

    def copy(self, **changes: Any) -> Kimi:
        """The SDK's ``copy``; ``strict``, ``tool_choice_fallback`` and ``keep_files`` as well."""
        new = super().copy(**self._copied(changes))
        self._hand_down(new, changes)
        return new

    with_options = copy


class AsyncKimi(_Common, openai.AsyncOpenAI):
    """``openai.AsyncOpenAI`` for Kimi; see ``Kimi``."""

    def __init__(
        self,
        *,
        api_key: Any = None,
        base_url: Any = None,
        http_client: Any = None,
        strict: bool | None = None,
        tool_choice_fallback: Fallback = "nudge",
        keep_files: bool = False,
        **options: Any,
    ) -> None:
        self.strict, self.keep_files = strict, keep_files
        self.tool_choice_fallback = tool_choice_fallback
        arguments = self._settle({**options, "api_key": api_key, "base_url": base_url})
        if http_client is not None:
            arguments["http_client"] = wrapped(http_client, self._options())
        super().__init__(**arguments)
        if http_client is None:
            install(self._client, self._options())

    @cached_property
    def chat(self) -> AsyncChat:
        """The SDK's ``chat``."""
        return async_chat(self)

    @cached_property
    def files(self) -> AsyncFiles:
        """The SDK's ``files``, with OpenAI's purposes in Kimi's names."""
        return async_files(self)

    def copy(self, **changes: Any) -> AsyncKimi:
        """The SDK's ``copy``; ``strict``, ``tool_choice_fallback`` and ``keep_files`` as well."""
        new = super().copy(**self._copied(changes))
        self._hand_down(new, changes)
        return new

    with_options = copy


def KimiHTTPClient(
    *,
    strict: bool | None = None,
    tool_choice_fallback: Fallback = "nudge",
    keep_files: bool = False,
    max_retries: int = MAX_RETRIES,
    **arguments: Any,
) -> Any:
    """An HTTP client for programs that make their OpenAI client themselves: ``http_client=``.

    ``arguments`` are those of ``httpx.Client`` (``httpx2.Client`` under openai 3). Base URL and
    key are the program's; the hosts of other makers are refused. ``max_retries`` is how often a
    chat is tried again; the SDK does not try again what has been.
    """
    options = Options(strict, tool_choice_fallback, keep_files, max_retries)
    return http_client(asynchronous=False, options=options, **arguments)


def AsyncKimiHTTPClient(
    *,
    strict: bool | None = None,
    tool_choice_fallback: Fallback = "nudge",
    keep_files: bool = False,
    max_retries: int = MAX_RETRIES,
    **arguments: Any,
) -> Any:
    """``KimiHTTPClient`` for an async client."""
    options = Options(strict, tool_choice_fallback, keep_files, max_retries)
    return http_client(asynchronous=True, options=options, **arguments)
