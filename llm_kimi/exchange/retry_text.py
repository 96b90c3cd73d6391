"""A wait before the next try, in words: what is waited for, how long, which try it is.

Only what somebody notices gets words. They are ours alone: the text of a server may hold anything,
escape sequences for a terminal too.
"""

from __future__ import annotations

from ..errors import APIConnectionError, APIError, KimiError

__all__ = ["NOTICED", "waiting_text"]

NOTICED = 2.0
"""Seconds. Shorter waits are over before a line about them is read."""

_SLOW_STATUS = frozenset({408, 504})
"""Answers that themselves come late: whoever waits has waited long already."""


def waiting_text(error: KimiError, seconds: float, attempt: int, max_retries: int) -> str | None:
    """The line for a wait of ``seconds``; None where nobody would notice it.

    ``error`` is why try number ``attempt`` (from 0) failed.
    """
    if seconds < NOTICED and not _was_slow(error):
        return None
    # Jitter decides whether a short wait lasts a second.
    when = f" in {seconds:.0f} s" if seconds >= NOTICED else ""
    return f"{_cause(error)}; trying again{when} ({attempt + 1} of {max_retries})"


def _was_slow(error: KimiError) -> bool:
    if isinstance(error, APIConnectionError):
        return error.timeout
    return isinstance(error, APIError) and error.status in _SLOW_STATUS


def _cause(error: KimiError) -> str:
    """What happened, by status and type (https://platform.kimi.ai/docs/api/errors)."""
    if isinstance(error, APIConnectionError):
        return "Kimi cannot be reached" if not error.timeout else "Kimi does not respond"
    if not isinstance(error, APIError):
        return "the connection to Kimi failed"
    if error.type == "engine_overloaded_error" or error.status == 503:
        return "Kimi is overloaded"
    if error.status == 429:
        return "Kimi's rate limit has been reached"
    if error.status in _SLOW_STATUS:
        return f"Kimi took too long to answer ({error.status})"
    return f"Kimi reported an error of its own ({error.status})"
