"""OpenAI's wire form, written in one place: whole answers, the events of a stream, error objects.

In: what an exchange has (chunks, the completion, errors of this package). Out: the bytes, status
and headers that a client of OpenAI's API expects
(https://platform.openai.com/docs/api-reference/chat). Pure: nothing is sent here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...catalog import UnknownModelError
from ...errors import (
    APIConnectionError,
    APIError,
    InvalidRequestError,
    KimiError,
    StreamError,
    StrictError,
)
from ...reply.api_errors import is_context_overflow
from ...reply.chunk_fields import HEAD_FIELDS
from ...translation.adjustments import Adjustment, adjustments_header

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
    "sendable",
]

Json = dict[str, Any]

ADJUSTMENTS_HEADER = "x-kimi-adjustments"
"""The paths of what was changed in the request; see ``adjustments_header``."""

DONE = b"data: [DONE]\n\n"
EVENT_STREAM = "text/event-stream; charset=utf-8"
JSON_TYPE = "application/json"

MOST_SECONDS = 1e9
"""What is said of any longer wait."""
_RATE_LIMITS = "x-ratelimit-"

_text = json.encoder.encode_basestring
_NOT_SENDABLE = re.compile(r"[^ -~]")
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_PLAIN_FIELDS = 3
"""Of a choice: index, delta, finish_reason. With further ones it is not a plain one."""


def as_json(value: Any) -> bytes:
    """``value`` as JSON in UTF-8."""
    return _write(value).encode("utf-8", "replace")


def event(value: Any) -> bytes:
    """``value`` as one server-sent event."""
    return b"data: " + as_json(value) + b"\n\n"


def sendable(headers: Mapping[str, str]) -> dict[str, str]:
    """``headers`` in letters that a header takes."""
    return {name: _NOT_SENDABLE.sub("?", value) for name, value in headers.items()}


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
    chunk without choices. The usage of a choice stands in its last chunk all the same, as the guide
    for migrating from OpenAI has it; a server that does not write it there writes it at the end, so
    the last chunk of a choice waits for that. What was changed stands in ``adjustments`` of the
    first chunk.
    """

    def __init__(self, adjustments: Sequence[Adjustment], *, include_usage: bool) -> None:
        self._adjustments = adjustments
        self._include_usage = include_usage
        # The last chunk of each choice, by its index, while its usage is still to come.
        self._last: dict[int, Json] = {}
        self._head: Json | None = None
        # The first chunk's head as JSON, without its last brace, and how many fields it has.
        self._start = ""
        self._head_size = 0

    def chunks(self, chunks: Iterable[Mapping[str, Any]]) -> bytes:
        """The events of ``chunks``."""
        return b"".join([self._plain(chunk) or self._event(chunk) for chunk in chunks])

    def _event(self, chunk: Mapping[str, Any]) -> bytes:
        for choice in chunk["choices"]:
            if "tool_calls" in choice["delta"]:
                _join_fragments(choice["delta"])
        completed = self._completed(chunk)
        if _waits_for_usage(completed):
            index = completed["choices"][0]["index"]
            earlier, self._last[index] = self._last.get(index), completed
            return b"" if earlier is None else event(earlier)
        return event(completed)

    def _plain(self, chunk: Mapping[str, Any]) -> bytes | None:
        """The event of a chunk with one piece of one text, as most are; None for any other.

        A reader gives every chunk of an answer the same head: only the text has to be written.
        """
        choices = chunk["choices"]
        if len(chunk) != self._head_size or len(choices) != 1:
            return None
        choice = choices[0]
        delta = choice["delta"]
        if len(choice) != _PLAIN_FIELDS or len(delta) != 1:
            return None
        if choice.get("finish_reason", "") is not None or choice["index"]:
            return None
        ((name, text),) = delta.items()
        if type(text) is not str:
            return None
        line = f'{self._start}"choices":[{{"index":0,"delta":{{"{name}":{_text(text)}}},'
        return f'{line}"finish_reason":null}}]}}\n\n'.encode("utf-8", "replace")

    def _completed(self, chunk: Mapping[str, Any]) -> Json:
        """``chunk`` with what stands in the first one only, or in all when usage was asked for."""
        completed: Json = {**chunk}
        if self._include_usage:
            completed["usage"] = None
        if self._head is None:
            self._head = {key: value for key, value in completed.items() if key != "choices"}
            self._start = f"data: {_write(self._head)[:-1]},"
            # Further fields of a server may change from chunk to chunk.
            self._head_size = len(chunk) if HEAD_FIELDS.issuperset(chunk) else 0
            if self._adjustments:
                completed["adjustments"] = [item.to_dict() for item in self._adjustments]
        return completed

    def end(self, completion: Json | None) -> bytes:
        """What follows the last chunk of the answer."""
        usage = (completion or {}).get("usage")
        own = {choice["index"]: choice for choice in (completion or {}).get("choices", ())}
        end = b""
        for index, last in self._last.items():
            spent = own.get(index, {}).get("usage") or (usage if len(own) == 1 else None)
            if spent is not None:
                last["choices"][0]["usage"] = spent
            end += event(last)
        if self._include_usage and usage is not None:
            end += event({**(self._head or {}), "choices": [], "usage": usage})
        return end + DONE

    @staticmethod
    def error(error: KimiError) -> bytes:
        """An error in the middle of the stream, which ends it."""
        return event(error_of(error).body)


def _waits_for_usage(chunk: Json) -> bool:
    """Whether this is the last chunk of its one choice, and does not say what it cost."""
    choices = chunk["choices"]
    if len(choices) != 1:
        return False
    return choices[0].get("finish_reason") is not None and "usage" not in choices[0]


def _join_fragments(delta: Json) -> None:
    """One fragment for each call: openai 2's ``stream()`` takes no more of them in a chunk."""
    fragments = delta["tool_calls"]
    if len(fragments) < 2:
        return
    joined: dict[int, Json] = {}
    for fragment in fragments:
        first = joined.get(fragment["index"])
        if first is None:
            joined[fragment["index"]] = {**fragment}
        else:
            more = fragment["function"].get("arguments") or ""
            function = first["function"]
            first["function"] = {**function, "arguments": (function.get("arguments") or "") + more}
    delta["tool_calls"] = list(joined.values())


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
        if isinstance(error.__cause__, UnknownModelError):
            status, code = 404, "model_not_found"  # as OpenAI answers
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
            # Whole seconds (RFC 9110, 10.2.3); some clients fail on others.
            headers["retry-after"] = str(math.ceil(min(max(error.retry_after, 0.0), MOST_SECONDS)))
        if error.trace_id:
            headers["x-request-id"] = headers["x-trace-id"] = error.trace_id
    body = {"message": str(error), "type": kind, "param": param, "code": code}
    return WireError(status, {"error": body}, headers)
