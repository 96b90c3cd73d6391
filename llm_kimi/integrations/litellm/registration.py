"""Making the provider known to LiteLLM: the handler, the models, the parameters."""

from __future__ import annotations

import functools
import logging
import threading
from typing import Any

import litellm

from ...catalog import Model, UnknownModelError, live_models, resolve
from ...config import discovered_models
from .handler import KimiLLM
from .preflight import install_gate
from .proxy import install

__all__ = ["model_info", "register"]

logger = logging.getLogger("llm_kimi")

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
_handlers: dict[str, KimiLLM] = {}


def register(provider: str = "kimi") -> KimiLLM:
    """Make ``provider`` known to LiteLLM and return its handler. Doing it again does no harm.

    Models are then ``{provider}/kimi-k2.6`` and so on.
    """
    handler = _handlers.get(provider)
    if handler is None:
        ours = {item["provider"] for item in litellm.custom_provider_map}
        if provider in getattr(litellm, "provider_list", ()) and provider not in ours:
            logger.warning("LiteLLM has a provider %r of its own, which may win", provider)
        handler = _handlers[provider] = KimiLLM(provider)
    others = [item for item in litellm.custom_provider_map if item["provider"] != provider]
    litellm.custom_provider_map = [
        *others,
        {"provider": provider, "custom_handler": handler},
    ]
    litellm.utils.custom_llm_setup()
    install(provider)
    _register_models(provider)
    _open_parameters()
    install_gate(_handlers)
    return handler


def _register_models(provider: str) -> None:
    known = litellm.model_cost
    found = discovered_models.load()
    if found.trouble:
        logger.warning(found.trouble)
    rows = (*live_models(), *found.models)
    infos = {f"{provider}/{model.id}": model_info(model, provider) for model in rows}
    # An entry that the user registered stays.
    new = {name: info for name, info in infos.items() if name not in known}
    if new:
        litellm.register_model(new)
    # The proxy's health check of a wildcard asks the cheapest of these.
    by_provider = getattr(litellm, "models_by_provider", None)
    if isinstance(by_provider, dict):
        by_provider[provider] = list(dict.fromkeys((*by_provider.get(provider, ()), *infos)))


def model_info(model: Model, provider: str = "kimi") -> dict[str, Any]:
    """A row of the catalog in the form of LiteLLM's price map; prices per token."""
    info: dict[str, Any] = {
        "litellm_provider": provider,
        "mode": "chat",
        "max_input_tokens": model.context,
        "max_output_tokens": model.output_limit or model.context,
        "max_tokens": model.output_limit or model.context,
        "supports_function_calling": True,
        "supports_parallel_function_calling": True,
        "supports_tool_choice": True,
        "supports_system_messages": True,
        "supports_response_schema": True,
        "supports_prompt_caching": True,
        "supports_vision": "image" in model.modalities,
        "supports_video_input": "video" in model.modalities,
        "supports_reasoning": model.thinking.mode != "never",
        "source": model.source("price"),
    }
    if model.price is not None:
        per_million = {
            "input_cost_per_token": model.price.input,
            "output_cost_per_token": model.price.output,
            "cache_read_input_token_cost": model.price.cached,
            "cache_creation_input_token_cost": model.price.cache_write,
            "cache_creation_input_token_cost_above_1hr": model.price.cache_write_1h,
        }
        info.update({k: v / 1_000_000 for k, v in per_million.items() if v is not None})
    return info


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


def _open_parameters() -> None:
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
        if given.get("custom_llm_provider") in _handlers:
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
