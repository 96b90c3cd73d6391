"""Token usage in OpenAI's form, from wherever Kimi put it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["add_usage", "normal_usage"]


def normal_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """``usage`` with ``cached_tokens`` where OpenAI has it, and nothing counted twice.

    Kimi reports ``usage.cached_tokens``, sometimes ``prompt_tokens_details`` too;
    ``prompt_tokens`` includes the cached ones (https://platform.kimi.ai/docs/openapi.json).
    """
    prompt = _count(usage.get("prompt_tokens"))
    completion = _count(usage.get("completion_tokens"))
    total = _count(usage.get("total_tokens")) or prompt + completion
    result: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": total,
    }
    details = usage.get("prompt_tokens_details")
    details = dict(details) if isinstance(details, Mapping) else {}
    cached = usage.get("cached_tokens")
    if cached is None:
        cached = details.get("cached_tokens")
    if cached is not None:
        result["prompt_tokens_details"] = {**details, "cached_tokens": _count(cached)}
        result["cached_tokens"] = _count(cached)
    answer = usage.get("completion_tokens_details")
    if isinstance(answer, Mapping):
        result["completion_tokens_details"] = dict(answer)
    return result


def add_usage(usages: Iterable[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """The sum of several requests' usage (already normal); None when none of them has any."""
    total: dict[str, Any] = {}
    for usage in usages:
        if usage is not None:
            _add(total, usage)
    return total or None


def _add(total: dict[str, Any], usage: Mapping[str, Any]) -> None:
    for key, value in usage.items():
        if isinstance(value, Mapping):
            inner = total.setdefault(key, {})
            if isinstance(inner, dict):
                _add(inner, value)
        elif isinstance(value, (int, float)) and isinstance(total.get(key, 0), (int, float)):
            total[key] = total.get(key, 0) + value


def _count(value: Any) -> int:
    try:
        return int(value) if isinstance(value, (int, float)) else 0
    except (ValueError, OverflowError):  # JSON's NaN and Infinity
        return 0
