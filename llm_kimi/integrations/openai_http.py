"""OpenAI's wire form, written in one place: whole answers, the events of a stream, error objects.

In: what an exchange has (chunks, the completion, errors of this package). Out: the bytes, status
and headers that a client of OpenAI's API expects
(https://platform.openai.com/docs/api-reference/chat). Pure: nothing is sent here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import (
    APIConnectionError,
    APIError,
    InvalidRequestError,
    KimiError,
    StreamError,
    StrictError,
)
from ..reply.api_errors import is_context_overflow
from ..translation.adjustments import Adjustment, adjustments_header

__all__ = [
    "ADJUSTMENTS_HEADER",
    "DONE",
    "EVENT_STREAM",
    "JSON_TYPE",
    "EventWriter",
    "WireError",
    "answer_headers",
    "as_json",
    "completion_bytes",
    "error_of",
    "event",
]

Json = dict[str, Any]

ADJUSTMENTS_HEADER = "x-kimi-adjustments"
"""The paths of what was changed in the request; see ``adjustments_header``."""

DONE = b"data: [DONE]\n\n"
EVENT_STREAM = "text/event-stream; charset=utf-8"
JSON_TYPE = "application/json"

_RATE_LIMITS = "x-ratelimit-"


def as_json(value: Any) -> bytes:
    """``value`` as JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def event(value: Any) -> bytes:
    """``value`` as one server-sent event."""
    return b"data: " + as_json(value) + b"\n\n"


def answer_headers(
    headers: Mapping[str, str], trace_id: str | None, adjustments: Sequence[Adjustment]
) -> dict[str, str]:
    """The headers of an answer: its id, the rate limits that Kimi sent, what was changed."""
    result = {
        name.lower(): value
        for name, value in headers.items()
        if name.lower().startswith(_RATE_LIMITS)
    }
    if trace_id:
        result["x-request-id"] = result["x-trace-id"] = trace_id
    if adjustments:
        result[ADJUSTMENTS_HEADER] = adjustments_header(item.to_dict() for item in adjustments)
    return result


def completion_bytes(completion: Json, adjustments: Sequence[Adjustment]) -> bytes:
    """A whole answer; what was changed in the request stands in ``adjustments``."""
    if adjustments:
        completion = {**completion, "adjustments": [item.to_dict() for item in adjustments]}
    return as_json(completion)


class EventWriter:
    """The events of one streamed answer.

    ``include_usage``: the caller asked for the usage of the whole request, which comes in a last
    chunk without choices. What was changed stands in ``adjustments`` of the first chunk.
    """

    def __init__(self, adjustments: Sequence[Adjustment], *, include_usage: bool) -> None:
        self._adjustments = adjustments
        self._include_usage = include_usage
        self._head: Json | None = None

    def chunks(self, chunks: Iterable[Mapping[str, Any]]) -> bytes:
        """The events of ``chunks``."""
        return b"".join([event(self._chunk(chunk)) for chunk in chunks])

    def _chunk(self, chunk: Mapping[str, Any]) -> Json:
        written: Json = {**chunk}
        if self._include_usage:
            written["usage"] = None
        for choice in written["choices"]:
            fragments = choice["delta"].get("tool_calls")
            if fragments is not None and len(fragments) > 1:
                choice["delta"]["tool_calls"] = _one_an_index(fragments)
        if self._head is None:
            self._head = {key: value for key, value in written.items() if key != "choices"}
            if self._adjustments:
                written["adjustments"] = [item.to_dict() for item in self._adjustments]
        return written

    def end(self, completion: Json | None) -> bytes:
        """What follows the last chunk of the answer."""
        usage = (completion or {}).get("usage")
        if not self._include_usage or usage is None:
            return DONE
        return event({**(self._head or {}), "choices": [], "usage": usage}) + DONE

    @staticmethod
    def error(error: KimiError) -> bytes:
        """An error in the middle of the stream, which ends it."""
        return event(error_of(error).body)


def _one_an_index(fragments: list[Json]) -> list[Json]:
    """Fragments of the same call as one: openai 2's ``stream()`` takes one an index and chunk."""
    joined: dict[int, Json] = {}
    for fragment in fragments:
        first = joined.get(fragment["index"])
        if first is None:
            joined[fragment["index"]] = fragment
            continue
        function = first["function"] = {**first["function"]}
        function["arguments"] = (function.get("arguments") or "") + (
            fragment["function"].get("arguments") or ""
        )
    return list(joined.values())


@dataclass(frozen=True, slots=True)
class WireError:
    """An error answer: the HTTP status, OpenAI's error object, and headers.

    ``x-should-retry`` is always false: what is worth another try has had it.
    """

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)


# An error object inside a stream has a type and no status.
_STATUS = {
    "engine_overloaded_error": 429,
    "rate_limit_reached_error": 429,
    "exceeded_current_quota_error": 429,
    "invalid_authentication_error": 401,
    "incorrect_api_key_error": 401,
    "permission_denied_error": 403,
    "resource_not_found_error": 404,
    "invalid_request_error": 400,
    "server_unavailable": 503,
}
# OpenAI's own codes, which programs compare with.
_CODES = {
    "exceeded_current_quota_error": "insufficient_quota",
    "rate_limit_reached_error": "rate_limit_exceeded",
    "incorrect_api_key_error": "invalid_api_key",
    "invalid_authentication_error": "invalid_api_key",
    "resource_not_found_error": "model_not_found",
    "content_filter": "content_filter",
}


def error_of(error: KimiError) -> WireError:
    """``error`` as OpenAI's API would send it: the whole text is in ``message``."""
    headers = {"x-should-retry": "false"}
    status, kind, code, param = 500, "api_error", None, None
    if isinstance(error, InvalidRequestError):
        status, kind, param = 400, "invalid_request_error", error.param
        code = "strict_mode" if isinstance(error, StrictError) else None
    elif isinstance(error, APIConnectionError):
        status, kind = (504, "timeout") if error.timeout else (502, "api_connection_error")
    elif isinstance(error, StreamError):
        status, kind = 502, "stream_error"
    elif isinstance(error, APIError):
        status = error.status or _STATUS.get(error.type or "", 500)
        if status < 400:
            status = 502  # a redirect, which is not followed
        kind = error.type or kind
        code = error.code or _CODES.get(kind)
        if is_context_overflow(error):
            code = "context_length_exceeded"
        if error.retry_after is not None:
            headers["retry-after"] = f"{error.retry_after:g}"
        if error.trace_id:
            headers["x-request-id"] = headers["x-trace-id"] = error.trace_id
    body = {"message": str(error), "type": kind, "param": param, "code": code}
    return WireError(status, {"error": body}, headers)
