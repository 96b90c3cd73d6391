"""When to ask again, after how long, and what is said about it: one loop for chats and files."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..errors import APIError, KimiError
from ..reply.error_hints import is_daily, is_out_of_balance
from .retry_text import waiting_text
from .steps import Steps, Wait, Waiting

__all__ = ["LONGEST_WAIT", "MAX_RETRIES", "Retry", "is_retryable", "retry_delay"]

MAX_RETRIES = 2
LONGEST_WAIT = 60.0
"""Seconds. A server that wants more than this gets no retry: the caller should know."""

RETRY_STATUS = frozenset({408, 409, 429})
"""With every status from 500 on."""
RETRY_TYPES = frozenset(
    {
        *("engine_overloaded_error", "rate_limit_reached_error"),
        *("server_error", "server_unavailable", "unexpected_output"),
        # The names of relays and of vLLM for the same.
        *("overloaded_error", "rate_limit_error", "rate_limit_exceeded", "too_many_requests"),
        *("internal_server_error", "service_unavailable", "InternalServerError"),
    }
)
"""In a stream, where an error has no status."""


class Retry:
    """The tries of one request: ``max_retries`` after the first, ``jitter`` from 0 to 1 each."""

    def __init__(self, max_retries: int, jitter: Callable[[], float]) -> None:
        self._max_retries = max_retries
        self._jitter = jitter
        self._attempt = 0

    def wait(self, error: KimiError, again: bool | None = None) -> Steps:
        """Wait before the next try, and say so where somebody would wonder.

        ``again``: whether another try may help; None: as ``is_retryable`` says.

        Raises:
            KimiError: ``error``, when it is not to be tried again.
        """
        told = error if isinstance(error, APIError) else None
        if again is None:
            again = told is not None and is_retryable(told)
        too_long = told is not None and (told.retry_after or 0) > LONGEST_WAIT
        if not again or self._attempt >= self._max_retries or too_long:
            raise error
        seconds = retry_delay(told, self._attempt, self._jitter())
        text = waiting_text(error, seconds, self._attempt, self._max_retries)
        if text is not None:
            yield Waiting(text, seconds)
        yield Wait(seconds)
        self._attempt += 1


def is_retryable(error: APIError) -> bool:
    """Whether the same request may succeed in a moment.

    Engine overload and rate limits are worth it; an empty balance is not, nor are the tokens of a
    day (https://platform.kimi.ai/docs/api/errors). A 429 of unknown type, or a gateway's page, is a
    rate limit: that is how Moonshot's own client reads it
    (https://github.com/MoonshotAI/kimi-code, packages/kosong). An error inside a stream has no
    status; its type, or a status in its code, says as much.
    """
    if is_out_of_balance(error.status, error.type, error.code, error.detail):
        return False
    status = error.status
    if status in (429, None) and is_daily(error.detail):
        return False
    if status is None:
        if error.type in RETRY_TYPES or error.code in RETRY_TYPES:
            return True
        code = error.code or ""
        status = int(code) if re.fullmatch(r"[1-5]\d\d", code) else 400
    return status >= 500 or status in RETRY_STATUS


def retry_delay(error: APIError | None, attempt: int, jitter: float) -> float:
    """Seconds to wait before try number ``attempt`` + 1 (from 0); ``jitter`` is from 0 to 1."""
    backoff: float = min(0.5 * 2.0**attempt, 8.0) * (0.75 + 0.5 * jitter)
    if error is None or error.retry_after is None:
        return backoff
    # The server's word is the least to wait; a "0" would otherwise mean a blind retry.
    return max(error.retry_after * (1 + 0.1 * jitter), min(backoff, 0.5))
