"""How long a server asks to wait, in every form in which servers say it.

In: the headers and the words of an error answer. Out: seconds, or None where it says nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone

__all__ = ["header_delay", "reset_delay", "text_delay"]

LONGEST = 10.0**9
"""Seconds. What is more than thirty years is not a time to wait but a mistake."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_NUMBER = r"\d{1,15}(?:\.\d{0,15})?"
_SECONDS = re.compile(rf"\s*(?:{_NUMBER}|\.\d{{1,15}})\s*", re.ASCII)
# 6m0s, 1.5s, 250ms: Go's durations, as OpenAI writes its rate-limit headers.
_DURATION = re.compile(rf"\s*(?:{_NUMBER}\s*(?:ms|[smhd])\s*)+", re.ASCII | re.IGNORECASE)
_PART = re.compile(rf"({_NUMBER})\s*(ms|[smhd])", re.ASCII | re.IGNORECASE)

_WORDS = re.compile(
    r"(?:\b(?:try|retry|wait|again|available|resets?)\s+(?:again\s+)?(?:after|in|for)?"
    r"|\bretry[-_ ]after\W{0,3}|\u8bf7\u5728|\u7b49\u5f85)\s*"
    rf"(?:about\s+|another\s+)?({_NUMBER})\s?"
    r"(?:(milliseconds?|msecs?|ms|seconds?|secs?|minutes?|mins?|hours?|[smh])(?![a-z])"
    r"|(\u79d2|\u5206\u949f))",
    re.IGNORECASE,
)

_RESETS = ("x-ratelimit-reset", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens")
# Seconds since 1970 rather than seconds from now; a thousand times as much are milliseconds.
_MOMENT = 10.0**8
_MOMENT_MS = 10.0**11


def header_delay(headers: Mapping[str, str]) -> float | None:
    """What ``Retry-After`` says: seconds, or a date; OpenAI's clients know it in milliseconds too.

    ``headers`` must find names in lower case.
    """
    milliseconds = _seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _bounded(milliseconds / 1000)
    value = headers.get("retry-after")
    if value is None:
        return None
    seconds = _seconds(value)
    if seconds is None:
        seconds = _duration(value)
    return _until(value, headers) if seconds is None else _bounded(seconds)


def reset_delay(headers: Mapping[str, str]) -> float | None:
    """When the limit that was reached ends, by the ``X-RateLimit-*`` headers of Moonshot and others
    (https://www.kimi.com/help/kimi-api/api-troubleshooting).

    The form of the value is not documented: seconds, a duration, a date and seconds or milliseconds
    since 1970 are all in use. A limit of which something remains is not the one that was reached.
    """
    delays = []
    for name in _RESETS:
        value = headers.get(name)
        remaining = _seconds(headers.get(name.replace("reset", "remaining")))
        if value is None or remaining:
            continue
        seconds = _seconds(value)
        if seconds is None:
            seconds = _duration(value)
        elif seconds > _MOMENT:
            moment = seconds / 1000 if seconds > _MOMENT_MS else seconds
            seconds = max(moment - _now(headers).timestamp(), 0.0)
        if seconds is None:
            seconds = _until(value, headers)
        if seconds is not None:
            delays.append(seconds)
    return max(delays, default=None)


def text_delay(text: str) -> float | None:
    """The time that the words of an error name: ``please try again after 1 seconds``."""
    found = _WORDS.search(text)
    if found is None:
        return None
    number, unit, chinese = found.groups()
    unit = (unit or ("s" if chinese == "\u79d2" else "m")).lower()
    scale = 0.001 if unit.startswith(("ms", "mil")) else _UNITS[unit[0]]
    return _bounded(float(number) * scale)


def _seconds(value: str | None) -> float | None:
    """A number that is not below zero."""
    if value is None or not _SECONDS.fullmatch(value):
        return None
    return float(value)


def _duration(value: str) -> float | None:
    if not _DURATION.fullmatch(value):
        return None
    parts = (float(number) * _UNITS[unit.lower()] for number, unit in _PART.findall(value))
    return _bounded(sum(parts))


def _until(value: str, headers: Mapping[str, str]) -> float | None:
    """Seconds until a date, by the clock of the server where it shows its own."""
    moment = _moment(value)
    if moment is None:
        return None
    return _bounded(max((moment - _now(headers)).total_seconds(), 0.0))


def _now(headers: Mapping[str, str]) -> datetime:
    return _moment(headers.get("date") or "") or datetime.now(timezone.utc)


def _moment(value: str) -> datetime | None:
    """A date as HTTP writes it, or as JSON does (RFC 3339)."""
    from email.utils import parsedate_to_datetime

    moment = None
    for read in (parsedate_to_datetime, _from_iso):
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            moment = read(value.strip())
            break
    if moment is None:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


def _from_iso(value: str) -> datetime:
    # Python before 3.11 knows no Z.
    return datetime.fromisoformat(re.sub("[zZ]$", "+00:00", value))


def _bounded(seconds: float) -> float | None:
    return min(seconds, LONGEST) if math.isfinite(seconds) else None
