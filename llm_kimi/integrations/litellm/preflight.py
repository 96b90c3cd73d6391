"""What is refused before LiteLLM hands a call on to a provider.

- Calls that Moonshot has nothing for. A custom provider is asked for chats, embeddings and images;
  the others end in LiteLLM's own tables of providers, which do not know this one ("'kimi' is not a
  valid LlmProviders", as a server error).
- What a proxy's client has said of a deployment that is ours: another provider might be asked with
  our key, and this package not at all.
- What takes a key of ours to another provider, however it has come there.
"""

from __future__ import annotations

import functools
from collections.abc import Container
from typing import Any, NoReturn

import litellm

from .deployments import is_astray
from .proxy import refuse_forbidden
from .proxy_clients import client_body

__all__ = ["install_gate", "refuse"]

_CALLS = {
    "image_variation": "image variations",
    "moderation": "moderation",
    "ocr": "OCR",
    "rerank": "reranking",
    "speech": "speech",
    "transcription": "transcription of audio",
    "video_generation": "video generation",
}


# What this package answers, or refuses itself, in the names of LiteLLM's functions.
_ANSWERED = frozenset(
    {
        *("completion", "text_completion", "responses", "anthropic_messages"),
        *("generate_content", "generate_content_stream"),
        *("embedding", "image_generation", "image_edit"),
    }
)


def refuse(what: str, model: object, provider: str) -> NoReturn:
    """Say that Moonshot has no ``what``.

    Raises:
        litellm.BadRequestError: always.
    """
    raise litellm.BadRequestError(
        message=f"Moonshot AI has no {what}; {provider}/ models take chat completions only",
        model=str(model or ""),
        llm_provider=provider,
    )


def install_gate(providers: Container[str]) -> None:
    """Look at the calls of ``providers`` where LiteLLM begins each call.

    Both functions are looked up by name in every version from 1.83: sync calls go through the
    first, async ones, which are those of a proxy, through the second.
    """

    def check(call: str, given: dict[str, Any]) -> None:
        model = given.get("model")
        named = str(model).partition("/")[0]
        provider = given.get("custom_llm_provider") or named
        name = call if call in _ANSWERED else call.removeprefix("a")
        what = _CALLS.get(name)
        if what is not None and provider in providers:
            refuse(what, model, provider)
        answered = provider in providers and name in _ANSWERED
        if not answered and is_astray(given, provider, providers):
            raise litellm.AuthenticationError(
                message=(
                    f"the key of a Kimi deployment is not sent elsewhere, as {call} of the "
                    f"provider {provider or 'openai'!r} would do"
                ),
                model=str(model or ""),
                llm_provider=str(provider or ""),
            )
        if named in providers and call.startswith("a"):
            body = client_body(given.get("proxy_server_request"))
            refuse_forbidden(body, model=str(model), provider=named)

    setup = getattr(litellm.utils, "function_setup", None)
    if setup is not None and not hasattr(setup, "_llm_kimi"):

        @functools.wraps(setup)
        def function_setup(original_function: str, *args: Any, **given: Any) -> Any:
            check(original_function, given)
            return setup(original_function, *args, **given)

        function_setup._llm_kimi = True  # type: ignore[attr-defined]
        litellm.utils.function_setup = function_setup

    hook = getattr(litellm.utils, "async_pre_call_deployment_hook", None)
    if hook is not None and not hasattr(hook, "_llm_kimi"):

        @functools.wraps(hook)
        async def async_pre_call_deployment_hook(kwargs: dict[str, Any], call_type: str) -> Any:
            check(call_type, kwargs)
            return await hook(kwargs, call_type)

        async_pre_call_deployment_hook._llm_kimi = True  # type: ignore[attr-defined]
        litellm.utils.async_pre_call_deployment_hook = async_pre_call_deployment_hook
