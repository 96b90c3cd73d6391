"""Kimi as a LiteLLM provider: import this module, then call ``litellm`` as ever.

    import litellm
    import llm_kimi.litellm

    litellm.completion(model="kimi/kimi-k3.1-pro", messages=[...])

``handler`` is what a proxy's ``custom_provider_map`` names, ``register(provider="...")`` makes the
provider known under another name.
"""

from __future__ import annotations

try:
    import litellm as _litellm  # noqa: F401
except ImportError as error:
    raise ImportError('llm_kimi.litellm needs LiteLLM: pip install "llm-kimi[litellm]"') from error

from .integrations.litellm.registration import model_info, register

__all__ = ["handler", "model_info", "register"]

handler = register()
