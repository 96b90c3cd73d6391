"""Making the provider known to LiteLLM: the handler, the models, the parameters."""

from __future__ import annotations

import logging
from typing import Any

import litellm

from ...catalog import Model, live_models
from ...config import discovered_models
from .handler import KimiLLM
from .patches import open_parameters
from .preflight import install_gate
from .proxy import install

__all__ = ["model_info", "register"]

logger = logging.getLogger("llm_kimi")
_handlers: dict[str, KimiLLM] = {}


def register(provider: str = "kimi") -> KimiLLM:
    """Make ``provider`` known to LiteLLM and return its handler. Doing it again does no harm.

    Models are then ``{provider}/kimi-k3.1-pro`` and so on.
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
    open_parameters(_handlers)
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
