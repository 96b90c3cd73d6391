"""Error answers: what the API says, what to do about it, and whether to try again.

In: status, headers and body of an answer that is no 200, or an error object from inside a stream.
Out: an ``APIError`` with a hint. API keys never get through, not even those the API repeats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..catalog import FLAGSHIP, GONE, UnknownModelError, live_models, resolve
from ..errors import APIError

__all__ = [
    "KEY_PATTERN",
    "api_error",
    "error_of",
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

_REQUESTED = re.compile(r"requested: (\d+)")
_QUOTA = re.compile(r"quota|insufficient balance|suspended|recharge", re.IGNORECASE)
_CONTEXT = re.compile(
    r"exceeded model token limit|token length too long|exceeds the model specification"
    r"|context length",
    re.IGNORECASE,
)

# What a 400 is about, by the words of the API: (pattern, the rule and the way out).
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), hint)
    for pattern, hint in (
        (
            r"invalid (temperature|top_p|n|presence_penalty|frequency_penalty|logprobs):",
            "The model fixes this sampling parameter: leave it out",
        ),
        (
            r"tool_choice '\w+' is incompatible with thinking",
            "A call cannot be forced while this model thinks: use tool_choice auto, switch "
            "thinking off (kimi-k2.6) or take a model of the K3 family",
        ),
        (r"invalid thinking", "This model cannot be told so: leave thinking out"),
        (
            r"reasoning_content is missing",
            "Send the reasoning_content of earlier tool calls back unchanged",
        ),
        (
            r"moonshot flavored json schema|parameters\.type is required",
            "A tool's schema is no Moonshot-flavoured JSON schema "
            "(https://github.com/MoonshotAI/walle)",
        ),
        (
            r"response_format\.json_schema",
            "json_schema needs a name and a schema that is an object",
        ),
        (
            r"function name is invalid",
            "A function's name must start with a letter and hold letters, digits, _ and - only",
        ),
        (
            r"role '?\w+'? is not allowed|unsupported role",
            "Roles are system, user, assistant, tool",
        ),
        (
            r"must not be empty|text content is empty",
            "A message is empty: drop it or fill it",
        ),
        (
            r"tool_call_id +is not found",
            "A tool message has no matching call before it (was the conversation shortened?)",
        ),
        (r"tokenization failed", "Tools inside the conversation work on the K3 family only"),
    )
)


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
) -> APIError:
    """The error for an answer that is not 200.

    ``headers`` must find names in lower case. ``key_source`` tells where the key came from, in
    words (``the environment variable MOONSHOT_API_KEY``); ``key`` itself is only used to keep it
    out of the text.
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
        hint=_hint(status, kind, code, detail, model, base_url, key_source),
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


def _hint(
    status: int | None,
    kind: Any,
    code: Any,
    detail: str,
    model: str,
    base_url: str,
    key_source: str,
) -> str | None:
    if status == 401:
        return _key_hint(base_url, key_source)
    if kind == "exceeded_current_quota_error" or (status == 429 and _QUOTA.search(detail)):
        return "The account is out of balance: top it up, or check its plan. Not tried again"
    if status == 404:
        return _missing_hint(kind, code, detail, model, base_url)
    if kind == "content_filter":
        return "Kimi refused the question or its own answer: put it another way"
    if _CONTEXT.search(detail):
        return _context_hint(model, detail)
    if kind == "access_terminated_error" or (status == 403 and "Coding Agents" in detail):
        return (
            "This is the host of Kimi Code, another product: use https://api.moonshot.ai/v1 "
            "with a key of platform.kimi.ai"
        )
    if status == 504:
        return "Long answers must be streamed: the gateway gives up after 900 seconds without bytes"
    if status == 429 and kind == "rate_limit_reached_error":
        return "The limit is the organisation's, over all keys and models; a top-up raises it"
    if status in (400, 422, None):
        return next((hint for pattern, hint in _RULES if pattern.search(detail)), None)
    return None


def _key_hint(base_url: str, key_source: str) -> str:
    where = f"The key came from {key_source}. " if key_source else ""
    other = (
        "keys of platform.kimi.com (China) need KIMI_BASE_URL=https://api.moonshot.cn/v1"
        if "moonshot.cn" not in base_url
        else "keys of platform.kimi.ai need KIMI_BASE_URL=https://api.moonshot.ai/v1"
    )
    return (
        f"{where}Keys belong to one host: {other}; keys that start with sk-kimi- belong to "
        "Kimi Code, another product"
    )


def _missing_hint(kind: Any, code: Any, detail: str, model: str, base_url: str) -> str:
    name = model.lower()
    if name in GONE:
        date, replacement = GONE[name]
        return f"{model} was retired on {date}: use {replacement}"
    if "model_not_found" in (kind, code):
        return "This error is OpenAI's own: the base URL still points to OpenAI"
    if "model" not in detail.lower():
        where = f" ({base_url})" if base_url else ""
        return f"There is no chat API at this base URL{where}: Kimi's ends in /v1"
    names = ", ".join(row.id for row in live_models())
    return f"The platform serves {names}; K3.1 Pro and K3 need a first top-up"


def _context_hint(model: str, detail: str) -> str:
    try:
        row = resolve(model)
    except UnknownModelError:
        return "Prompt and answer must fit the model's window together"
    text = f"Prompt and answer share {row.context:,} tokens on {model}: shorten the prompt"
    requested = _REQUESTED.search(detail)
    largest = resolve(FLAGSHIP).context
    if row.context < largest and (requested is None or int(requested.group(1)) < largest):
        text += f", lower max_tokens, or take {FLAGSHIP} ({largest:,})"
    return text


def is_context_overflow(error: APIError) -> bool:
    """Whether prompt and answer together are longer than the model's window."""
    return error.status in (400, 413, None) and _CONTEXT.search(error.detail) is not None


def is_retryable(error: APIError) -> bool:
    """Whether the same request may succeed in a moment.

    Engine overload and rate limits are worth it; quota is not, nor are the tokens of a day
    (https://platform.kimi.ai/docs/api/errors).
    """
    if error.status == 429:
        if error.type not in RETRY_TYPES:
            return False
        return not (_QUOTA.search(error.detail) or "TPD" in error.detail)
    return error.status is not None and (error.status >= 500 or error.status in RETRY_STATUS)


def retry_delay(error: APIError | None, attempt: int, jitter: float) -> float:
    """Seconds to wait before try number ``attempt`` + 1 (from 0); ``jitter`` is from 0 to 1."""
    backoff: float = min(0.5 * 2.0**attempt, 8.0) * (0.75 + 0.5 * jitter)
    if error is None or error.retry_after is None:
        return backoff
    # The server's word is the least to wait; a "0" would otherwise mean a blind retry.
    return max(error.retry_after * (1 + 0.1 * jitter), min(backoff, 0.5))
