"""Token usage in OpenAI's form, from wherever Kimi or a relay put it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from .chunks import PromptDetails, Usage
from .json_values import as_count

__all__ = ["add_usage", "normal_usage"]

# Where the counts of the cache are found, the first that is there: a key of ``usage`` itself, or
# of its ``prompt_tokens_details``. Kimi writes cached_tokens at the top
# (https://platform.kimi.ai/docs/openapi.json) and cache_write_tokens among the details, which may
# stand there alone (https://github.com/infinigence/octollm/pull/113); the other names are those
# that relays take over from Anthropic, DeepSeek and the Responses API.
_DETAILS = ("prompt_tokens_details", "input_tokens_details")
_READ = ("cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens")
_WRITTEN = ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")
# The share of each lifetime in what was written, as Anthropic's API and Bedrock write it.
_SPLIT = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")


def normal_usage(usage: Mapping[str, Any]) -> Usage:
    """``usage`` with the counts of the cache where OpenAI has them, and nothing counted twice.

    ``prompt_tokens`` includes the tokens that were read from the cache and those that were
    written to it.
    """
    prompt = _count(usage.get("prompt_tokens"))
    completion = _count(usage.get("completion_tokens"))
    total = _count(usage.get("total_tokens")) or prompt + completion
    result: Usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": total,
    }
    details = _prompt_details(usage)
    if details:
        result["prompt_tokens_details"] = details
    if "cached_tokens" in details:
        result["cached_tokens"] = details["cached_tokens"]
    answer = usage.get("completion_tokens_details")
    if isinstance(answer, Mapping):
        result["completion_tokens_details"] = dict(answer)
    return result


def _prompt_details(usage: Mapping[str, Any]) -> PromptDetails:
    """OpenAI's ``prompt_tokens_details``; ``cache_creation`` where the lifetimes are told apart."""
    given: dict[str, Any] = {}
    for name in _DETAILS:
        if isinstance(usage.get(name), Mapping):
            given = dict(usage[name])
            break
    split = _split(usage.get("cache_creation") or given.get("cache_creation"))
    cached, written = _first(usage, given, _READ), _first(usage, given, _WRITTEN)
    if written is None and split:
        written = sum(split.values())
    aliases = {*_READ, *_WRITTEN, "cache_creation"}
    # What else stands there stays: a server's own counts.
    details: dict[str, Any] = {key: value for key, value in given.items() if key not in aliases}
    if cached is not None:
        details["cached_tokens"] = cached
    if written is not None:
        details["cache_write_tokens"] = written
    if split:
        details["cache_creation"] = split
    return cast("PromptDetails", details)


def _first(
    usage: Mapping[str, Any], details: Mapping[str, Any], names: Iterable[str]
) -> int | None:
    for name in names:
        for place in (usage, details):
            if place.get(name) is not None:
                return _count(place[name])
    return None


def _split(given: Any) -> dict[str, int]:
    if not isinstance(given, Mapping):
        return {}
    return {name: _count(given[name]) for name in _SPLIT if given.get(name) is not None}


def add_usage(usages: Iterable[Mapping[str, Any] | None]) -> Usage | None:
    """The sum of several requests' usage (already normal); None when none of them has any."""
    total: dict[str, Any] = {}
    for usage in usages:
        if usage is not None:
            _add(total, usage)
    return cast("Usage", total) if total else None


def _add(total: dict[str, Any], usage: Mapping[str, Any]) -> None:
    for key, value in usage.items():
        if isinstance(value, Mapping):
            inner = total.setdefault(key, {})
            if isinstance(inner, dict):
                _add(inner, value)
        elif isinstance(value, (int, float)) and isinstance(total.get(key, 0), (int, float)):
            total[key] = total.get(key, 0) + value


def _count(value: Any) -> int:
    return as_count(value) or 0
