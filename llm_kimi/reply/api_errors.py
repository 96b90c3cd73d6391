"""Error answers: what the API says, what to do about it, and whether to try again.

In: status, headers and body of an answer that is no 200, or an error object from inside a stream.
Out: an ``APIError`` with a hint. API keys never get through, not even those the API repeats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import APIError
from .error_hints import CONTEXT, FULL, hint
from .retry_after import header_delay, reset_delay, text_delay
from .safe_text import KEY_PATTERN, one_line, scrub, shown

__all__ = [
    "KEY_PATTERN",
    "api_error",
    "error_of",
    "is_account_full",
    "is_context_overflow",
    "scrub",
]

MAX_BODY = 1 << 20
"""Bytes of an error answer that are looked at: a small compressed one may unpack to far more."""

MAX_DETAIL = 2000
"""Characters of an error's own words."""


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
    if 300 <= status < 400:
        return _redirect(status, headers.get("location") or "", key)
    body = body[:MAX_BODY]
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
        headers=headers,
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
        error = {"message": error}
    return _build(error, status=None, model=model, key=key, trace_id=trace_id)


def _build(
    error: Mapping[str, Any],
    *,
    status: int | None,
    trace_id: str | None = None,
    headers: Mapping[str, str] | None = None,
    model: str = "",
    base_url: str = "",
    key: str | None = None,
    key_source: str = "",
    file_id: str = "",
) -> APIError:
    detail = _detail(error.get("message"), key)
    kind, code = shown(error.get("type"), key), shown(error.get("code"), key)
    return APIError(
        detail,
        status=status,
        type=kind if isinstance(error.get("type"), str) else None,
        code=code,
        hint=hint(status, kind, code, detail, model, base_url, key_source, file_id),
        trace_id=shown(trace_id, key),
        retry_after=_retry_after(status, headers or {}, detail),
    )


def _detail(message: Any, key: str | None) -> str:
    """The words of the API; some servers send an object or a list in their place."""
    if message is not None and not isinstance(message, str):
        try:
            message = json.dumps(message, ensure_ascii=False)
        except RecursionError:
            message = None
    return scrub(one_line(message or ""), key)[:MAX_DETAIL] or "no reason given"


def _retry_after(status: int | None, headers: Mapping[str, str], detail: str) -> float | None:
    seconds = header_delay(headers)
    if not seconds:
        # A header of 0 comes beside texts that name a time.
        told = text_delay(detail)
        seconds = seconds if told is None else told
    return reset_delay(headers) if seconds is None and status == 429 else seconds


def _redirect(status: int, location: str, key: str | None) -> APIError:
    """Redirects are not followed: the key and the conversation belong to the host that was named.

    The host alone is shown; the rest of such a URL may be somebody's secret.
    """
    try:
        host = urlsplit(location).hostname or ""
    except ValueError:
        host = ""
    where = scrub(one_line(host), key)[:253] or "another place on the same host"
    return APIError(
        f"the server redirects to {where}" if location else "the server redirects without a target",
        status=status,
        hint="Redirects are not followed, since the key would go along: if this host is the right "
        "one, set the base URL to its API",
    )


def _plain(body: str, status: int) -> str:
    """Words for a body that is no error object, such as a gateway's page."""
    text = body.strip()
    if text.startswith("<"):
        title = re.search(r"<title>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        name = one_line(title.group(1)).strip() if title else f"status {status}"
        return f"a gateway answered with a page ({name[:80]})"
    return text[:200] or f"an empty answer with status {status}"


def is_context_overflow(error: APIError) -> bool:
    """Whether prompt and answer together are longer than the model's window."""
    return error.status in (400, 413, None) and CONTEXT.search(error.detail) is not None


def is_account_full(error: APIError) -> bool:
    """Whether no upload will be taken before files are deleted."""
    return error.status is not None and FULL.search(error.detail) is not None
