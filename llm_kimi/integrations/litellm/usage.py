"""Usage as LiteLLM's ``Usage`` and its cost calculator read it."""

from __future__ import annotations

from typing import Any

__all__ = ["litellm_usage"]

Json = dict[str, Any]


def litellm_usage(usage: Json | None, body: Json) -> Json | None:
    """``usage`` of an answer, with what was written to the cache under LiteLLM's names.

    LiteLLM before 1.100 knows OpenAI's ``cache_write_tokens`` not yet, and every version tells
    five minutes from an hour by ``cache_creation_token_details``. Where the answer does not say
    for how long it was kept, it is as long as the request (``body``) asked for.
    """
    details = (usage or {}).get("prompt_tokens_details") or {}
    written = details.get("cache_write_tokens")
    if usage is None or written is None:
        return usage
    split = details.get("cache_creation")
    if not split:
        ttl = (body.get("prompt_cache_options") or {}).get("ttl", "5m")
        split = {f"ephemeral_{ttl}_input_tokens": written}
    kept = {key: value for key, value in details.items() if key != "cache_creation"}
    return {
        **usage,
        "cache_creation_input_tokens": written,
        "prompt_tokens_details": {
            **kept,
            "cache_creation_tokens": written,
            "cache_creation_token_details": split,
        },
    }
