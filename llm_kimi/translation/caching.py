"""How long the cache keeps a prompt, in the words of Kimi, OpenAI and Anthropic.

In: ``prompt_cache_options`` (Kimi's ``ttl``; OpenAI's field of the same name has other values),
``prompt_cache_retention``, ``cache_control`` at the top. Out: Kimi's ``prompt_cache_options``
where the model has a choice and a time was asked for, else nothing: writing for an hour costs
twice as much, so it is never asked for unasked. The answer is the same either way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .checks import is_number, require
from .draft import Draft

__all__ = ["FIELDS", "apply"]

FIELDS = ("prompt_cache_options", "prompt_cache_retention", "cache_control")
"""The first one that names a time counts."""

_TIME = re.compile(r"(\d{1,6})\s*([smhd]?)\Z")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
# OpenAI's cache in memory lasts minutes, as Kimi's does by itself.
_UNTIMED = ("in_memory", "in-memory")


def apply(draft: Draft) -> None:
    """Replace the caller's wishes about the cache by the nearest time that the model offers."""
    given = {field: draft.body.pop(field) for field in FIELDS if field in draft.body}
    if not given:
        return
    seconds = {field: _seconds(field, value) for field, value in given.items()}
    chosen = next((field for field in given if seconds[field] is not None), None)
    sent = None
    if chosen is not None and draft.model.cache_ttls:
        sent = {"ttl": _nearest(draft.model.cache_ttls, seconds[chosen] or 0)}
        draft.body["prompt_cache_options"] = sent
    for field, value in given.items():
        if field == chosen:
            if value != sent or field != "prompt_cache_options":
                _tell(draft, field, value, sent)
            continue
        reason = "Kimi caches every prompt by itself"
        if seconds[field] is not None:
            reason = f"{chosen} is already set and takes precedence"
        draft.adjust(field, value, None, reason, "cache-ttl", meaning=False)


def _tell(draft: Draft, field: str, given: Any, sent: Any) -> None:
    ttls = draft.model.cache_ttls
    if sent is None:
        reason = f"{draft.name} caches by itself, for a time that cannot be chosen"
    else:
        reason = f"Kimi's cache keeps a prompt for {' or '.join(ttls)}, and has no other settings"
    renamed = field != "prompt_cache_options" and sent is not None
    shown = {"prompt_cache_options": sent} if renamed else sent
    draft.adjust(field, given, shown, reason, "cache-ttl", meaning=False)


def _nearest(ttls: tuple[str, ...], seconds: int) -> str:
    """The shortest time that lasts as long as was asked for, else the longest."""
    return next((ttl for ttl in ttls if _parsed(ttl, "ttl") >= seconds), ttls[-1])


def _seconds(field: str, value: Any) -> int | None:
    """The time that ``field`` asks for; None when it names none."""
    if field == "prompt_cache_retention":
        return None if value in _UNTIMED else _parsed(value, field)
    require(isinstance(value, Mapping), 'must be an object such as {"ttl": "5m"}', field)
    ttl = value.get("ttl")
    return None if ttl is None else _parsed(ttl, f"{field}.ttl")


def _parsed(value: Any, path: str) -> int:
    text = str(value).strip().lower() if isinstance(value, str) or is_number(value) else ""
    found = _TIME.match(text)
    require(found is not None, 'must be a time such as "5m" or "1h"', path)
    assert found is not None
    return int(found[1]) * _UNITS[found[2]]
