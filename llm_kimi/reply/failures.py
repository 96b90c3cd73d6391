"""Error answers: what the API says, what to do about it, and whether to try again.

In: status, headers and body of an answer that is no 200, or an error object from inside a stream.
Out: an ``APIError`` with a hint. API keys never get through, not even those the API repeats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..errors import APIError
from .hints import CONTEXT, FULL, QUOTA, hint

__all__ = [
    "KEY_PATTERN",
    "api_error",
    "error_of",
    "is_account_full",
    "is_context_overflow",
    "is_retryable",
    "retry_delay",
    "scrub",
]

KEY_PATTERN = re.compile(r"\bsk-[A-Za-z0-9_-]{6,}")
_TRY_AGAIN = re.compile(
    r"try again after (\d+(?:\.\d+)?) ?(milliseconds?|ms|seconds?|s)\b", re.IGNORECASE
)

RETRY_STATUS = frozenset({408, 409})
"""With every status from 500 on."""
RETRY_TYPES = frozenset({"engine_overloaded_error", "rate_limit_reached_error"})


def scrub(text: str, key: str | None = None) -> str:
    """``text`` without API keys: the caller's own, and anything that looks like one."""
    if key and len(key) > 3:
        text = text.replace(key, "***")
    return KEY_PATTERN.sub("sk-***", text)


def api_error(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    model: str = "",
    base_url: str = "",
    key: str | None = None,
    key_source: str = "",
    file_id: str = "",
) -> APIError:
    """The error for an answer that is not 200.

    ``headers`` must find names in lower case. ``key_source`` tells where the key came from, in
    words (``the environment variable MOONSHOT_API_KEY``); ``key`` itself is only used to keep it
    out of the text. ``file_id`` is the file that was asked for, if it was one.
    """
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        parsed = {}
    error = parsed.get("error") if isinstance(parsed, Mapping) else None
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, Mapping):
        error = {"message": _plain(scrub(body.decode("utf-8", "replace"), key), status)}
    return _build(
        error,
        status=status,
        trace_id=headers.get("x-trace-id") or headers.get("x-request-id"),
        retry_after=_header_delay(headers),
        model=model,
        base_url=base_url,
        key=key,
        key_source=key_source,
        file_id=file_id,
    )


def error_of(
    parsed: Mapping[str, Any],
    *,
    model: str = "",
    key: str | None = None,
    trace_id: str | None = None,
) -> APIError:
    """The error object inside a stream or a body that came with status 200."""
    error = parsed["error"]
    if not isinstance(error, Mapping):
        error = {"message": str(error)}
    return _build(error, status=None, model=model, key=key, trace_id=trace_id)


def _build(
    error: Mapping[str, Any],
    *,
    status: int | None,
    trace_id: str | None = None,
    retry_after: float | None = None,
    model: str = "",
    base_url: str = "",
    key: str | None = None,
    key_source: str = "",
    file_id: str = "",
) -> APIError:
    detail = scrub(str(error.get("message") or "no reason given"), key)
    kind = error.get("type")
    code = error.get("code")
    if not retry_after:
        # A header of 0 comes beside texts that name a time.
        told = _text_delay(detail)
        retry_after = retry_after if told is None else told
    return APIError(
        detail,
        status=status,
        type=kind if isinstance(kind, str) else None,
        code=str(code) if code is not None else None,
        hint=hint(status, kind, code, detail, model, base_url, key_source, file_id),
        trace_id=trace_id,
        retry_after=retry_after,
    )


def _plain(body: str, status: int) -> str:
    """Words for a body that is no error object, such as a gateway's page."""
    text = body.strip()
    if text.startswith("<"):
        title = re.search(r"<title>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        name = title.group(1).strip() if title else f"status {status}"
        return f"a gateway answered with a page ({name[:80]})"
    return text[:200] or f"an empty answer with status {status}"


def _header_delay(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after")
    if value is None:
        return None
    if re.fullmatch(r"\s*\d+(\.\d*)?\s*", value):
        return float(value)
    from datetime import datetime, timezone
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max((moment - datetime.now(timezone.utc)).total_seconds(), 0.0)


def _text_delay(detail: str) -> float | None:
    found = _TRY_AGAIN.search(detail)
    if found is None:
        return None
    seconds = float(found.group(1))
    return seconds / 1000 if found.group(2) in ("milliseconds", "ms") else seconds


def is_context_overflow(error: APIError) -> bool:
    """Whether prompt and answer together are longer than the model's window."""
    return error.status in (400, 413, None) and CONTEXT.search(error.detail) is not None


def is_account_full(error: APIError) -> bool:
    """Whether no upload will be taken before files are deleted."""
    return error.status is not None and FULL.search(error.detail) is not None


def is_retryable(error: APIError) -> bool:
    """Whether the same request may succeed in a moment.

    Engine overload and rate limits are worth it; quota is not, nor are the tokens of a day
    (https://platform.kimi.ai/docs/api/errors).
    """
    if error.status == 429:
        if error.type not in RETRY_TYPES:
            return False
        return not (QUOTA.search(error.detail) or "TPD" in error.detail)
    return error.status is not None and (error.status >= 500 or error.status in RETRY_STATUS)


def retry_delay(error: APIError | None, attempt: int, jitter: float) -> float:
    """Seconds to wait before try number ``attempt`` + 1 (from 0); ``jitter`` is from 0 to 1."""
    backoff: float = min(0.5 * 2.0**attempt, 8.0) * (0.75 + 0.5 * jitter)
    if error is None or error.retry_after is None:
        return backoff
    # The server's word is the least to wait; a "0" would otherwise mean a blind retry.
    return max(error.retry_after * (1 + 0.1 * jitter), min(backoff, 0.5))
