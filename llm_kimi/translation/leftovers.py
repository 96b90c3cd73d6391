"""Fields that no step has taken: renamed ones, OpenAI's own, and unknown ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..catalog.formulas import WEB_SEARCH, formula_uri
from .draft import Draft

__all__ = ["DONE", "KNOWN_FIELDS", "OPENAI_ONLY", "drop", "rename"]

KNOWN_FIELDS = frozenset(
    {
        "model",
        "messages",
        "stream",
        "stream_options",
        "max_completion_tokens",
        "stop",
        "response_format",
        "tools",
        "tool_choice",
        "temperature",
        "top_p",
        "n",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "top_logprobs",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "safety_identifier",
        "thinking",
        "reasoning_effort",
    }
)

# Those that this step shapes; the others have their form by then.
_SHAPED = frozenset(
    {
        "stream",
        "stream_options",
        "max_completion_tokens",
        "stop",
        "prediction",
        "prompt_cache_key",
        "safety_identifier",
    }
)
DONE = KNOWN_FIELDS - _SHAPED

ANYTHING = object()
"""Among the values of ``OPENAI_ONLY``: whatever was asked for, the answer is the same."""

SEARCHES = "Moonshot's own web search runs in its place"

# Fields of OpenAI and others that Kimi has not: the reason, and the values that ask for nothing
# Kimi would not do anyway.
OPENAI_ONLY: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "seed": ("Kimi has no seed: answers cannot be repeated", ()),
    "logit_bias": ("Kimi has no logit bias", ({},)),
    "store": ("Kimi stores no completions", (False,)),
    "metadata": ("Kimi keeps no metadata", ({},)),
    "service_tier": ("Kimi has one service tier", ("auto", "default")),
    "modalities": ("Kimi answers in text", (["text"],)),
    "audio": ("Kimi answers in text", ()),
    "web_search_options": (SEARCHES, ()),  # see _search
    "verbosity": ("Kimi has no verbosity", ("medium",)),
    "timeout": ("a setting of the client, not of the request", (ANYTHING,)),
    "extra_headers": ("a setting of the client, not of the request", ()),
    "extra_query": ("a setting of the client, not of the request", ()),
    "usage": ("Kimi always counts tokens", ({"include": True},)),  # OpenRouter
    "keep_alive": ("Kimi's models are always loaded", (ANYTHING,)),  # Ollama
    "cache_prompt": ("Kimi caches by itself", (ANYTHING,)),  # llama.cpp
}


def rename(draft: Draft) -> None:
    """Fields that have another name at Kimi."""
    user = draft.check_type("user", str, "text")
    draft.check_type("safety_identifier", str, "text")
    draft.check_type("prompt_cache_key", str, "text")
    draft.check_type("prediction", Mapping, "an object")
    if user is None:
        return
    del draft.body["user"]
    if "safety_identifier" in draft.body:
        draft.adjust(
            "user",
            user,
            None,
            "safety_identifier is already set and takes precedence",
            meaning=False,
        )
        return
    draft.body["safety_identifier"] = user
    draft.adjust("user", user, {"safety_identifier": user}, "Kimi's name for it", meaning=False)


def _search(draft: Draft) -> None:
    """OpenAI's ``web_search_options``: Moonshot's own search runs, without these settings."""
    options = draft.check_type("web_search_options", Mapping, "an object")
    if options is None:
        return
    del draft.body["web_search_options"]
    if WEB_SEARCH not in draft.official:
        draft.official.append(WEB_SEARCH)
    uri, source = formula_uri(WEB_SEARCH), "official-tools"
    draft.adjust("web_search_options", options, uri, SEARCHES, source)
    for key, value in options.items():
        if value is None or (key, value) == ("search_context_size", "medium"):
            continue  # medium is what OpenAI takes without a word
        param = f"web_search_options.{key}"
        draft.adjust(param, value, None, "Moonshot's search has no such setting", source)


def drop(draft: Draft) -> None:
    """Leave out what Kimi does not know, and say so: the API would swallow it silently."""
    _search(draft)
    for field in [key for key in draft.body if key not in KNOWN_FIELDS]:
        reason, harmless = OPENAI_ONLY.get(field, ("Kimi knows no such field", ()))
        asks = ANYTHING not in harmless and draft.body[field] not in harmless
        draft.drop(field, reason, "k3.1-synaps", meaning=asks)
