"""Functions of LiteLLM that are wrapped, since LiteLLM has no other place for it.

Each wrapper passes calls of other providers on untouched, is put in once, and is left out where
the name is gone.

``litellm.main.get_optional_params``, LiteLLM 1.83 and newer: without it ``thinking``,
``reasoning_effort`` and others are refused before the provider is asked, and ids that OpenAI has
too go to OpenAI.

``litellm.main.get_non_default_completion_params``, needed in LiteLLM 1.83 only: without it
``prompt_cache_key``, ``store`` and others are lost in silence.

``proxy`` and ``preflight`` wrap where a call begins (``custom_llm_setup``, ``function_setup``, the
hook for deployments), to refuse what a proxy's client must not decide.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Container
from typing import Any

import litellm

from ...catalog import UnknownModelError, resolve

__all__ = ["open_parameters"]

# Parameters that LiteLLM refuses for custom providers before the handler is asked.
_OPENED = (
    "thinking",
    "reasoning_effort",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "store",
    "verbosity",
    "user",
)


def _check_model(given: dict[str, Any]) -> None:
    """Refuse other makers' models here: LiteLLM hands ids that it knows to their own providers."""
    try:
        resolve(str(given.get("model")))
    except UnknownModelError as error:
        raise litellm.BadRequestError(
            message=f"model: {error}",
            model=str(given.get("model")),
            llm_provider=str(given["custom_llm_provider"]),
        ) from None


def open_parameters(providers: Container[str]) -> None:
    """Let parameters through that LiteLLM's list for custom providers does not have.

    ``litellm.main`` looks both functions up by name, in every version from 1.83. Calls of other
    providers pass through untouched; where the names are gone, ``extra_body`` still works.
    """
    import litellm.main as main

    original = getattr(main, "get_optional_params", None)
    if original is None or getattr(original, "_llm_kimi", False):
        return

    @functools.wraps(original)
    def get_optional_params(*args: Any, **given: Any) -> Any:
        if given.get("custom_llm_provider") in providers:
            _check_model(given)
            for name, value in getattr(_lost, "params", {}).items():
                given.setdefault(name, value)
            wanted = [name for name in _OPENED if given.get(name) is not None]
            if wanted:
                allowed = given.get("allowed_openai_params") or ()
                given["allowed_openai_params"] = [*allowed, *wanted]
        return original(*args, **given)

    get_optional_params._llm_kimi = True  # type: ignore[attr-defined]
    main.get_optional_params = get_optional_params
    _keep_lost_parameters(main)


# Of the call that this thread is in; each call writes it before it is read.
_lost = threading.local()


def _keep_lost_parameters(main: Any) -> None:
    """Keep what LiteLLM 1.83 drops silently for every provider, such as ``prompt_cache_key``."""
    original = getattr(main, "get_non_default_completion_params", None)
    if original is None:
        return

    @functools.wraps(original)
    def get_non_default_completion_params(*args: Any, **given: Any) -> Any:
        asked = given.get("kwargs") or (args[0] if args else {})
        _lost.params = {name: asked[name] for name in _OPENED if asked.get(name) is not None}
        return original(*args, **given)

    main.get_non_default_completion_params = get_non_default_completion_params
