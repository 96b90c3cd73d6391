"""The bytes of the fault server: a right answer in pieces, and what is wrong with the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

from .cells import STREAM_PLACES

__all__ = [
    "ANSWER",
    "BODIES",
    "BROKEN_HEADS",
    "ELSEWHERE",
    "KINDS",
    "LAST_WORDS",
    "PIECES",
    "WHOLE",
    "WHOLES",
    "depth",
    "error_answer",
    "odd",
    "retry_after",
]

ELSEWHERE = "http://elsewhere.invalid/secret-path?token=abc"
ANSWER = {
    "reasoning": "Let me think. ",
    "text": "Hello, world.",
    "arguments": {"city": "Paris"},
}
"""What the answer says when nothing goes wrong."""

KINDS: dict[str, tuple[str | None, str]] = {
    "quota": ("exceeded_current_quota_error", "You exceeded your current token quota"),
    "arrears": (None, "Your account is in arrears, please recharge"),
    "balance-403": ("permission_denied_error", "suspended due to insufficient balance"),
    "day": ("rate_limit_reached_error", "request reached TPD rate limit, current:1, limit:1"),
    "overloaded": ("engine_overloaded_error", "The engine is currently overloaded"),
    "rate": ("rate_limit_reached_error", "reached organization max RPM: 20"),
    "quota-per-minute": (
        "rate_limit_reached_error",
        "your token quota per minute was exceeded",
    ),
    "foreign-type": ("too_many_requests", "slow down"),
    "no-type": (None, "Too many requests"),
}


def _event(data: Any) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _event({**_HEAD, "object": "chat.completion.chunk", "choices": [choice]})


def _fragment(**call: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, **call}]}


_HEAD = {"id": "chatcmpl-1", "created": 1_780_000_000, "model": "kimi-k3.1-pro"}
_USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
_ARGUMENTS = json.dumps(ANSWER["arguments"])
CALL = {
    "id": "weather:0",
    "type": "function",
    "function": {"name": "weather", "arguments": _ARGUMENTS},
}
PIECES: tuple[tuple[str, bytes], ...] = (
    ("first", _chunk({"role": "assistant", "content": ""})),
    ("first", _chunk({"reasoning_content": "Let me "})),
    ("reasoning", _chunk({"reasoning_content": "think. "})),
    ("reasoning", _chunk({"content": "Hello, "})),
    ("text", _chunk({"content": "world."})),
    (
        "text",
        _chunk(
            _fragment(
                id="weather:0", type="function", function={"name": "weather", "arguments": '{"ci'}
            )
        ),
    ),
    ("arguments", _chunk(_fragment(function={"arguments": _ARGUMENTS[4:]}))),
    ("arguments", _chunk({}, "tool_calls")),
    ("usage", _event({**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})),
    ("done", b"data: [DONE]\n\n"),
)
"""The events of a whole answer, each with the place that it follows."""

WHOLE = {
    **_HEAD,
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "reasoning_content": ANSWER["reasoning"],
                "content": ANSWER["text"],
                "tool_calls": [CALL],
            },
        }
    ],
    "usage": _USAGE,
}

TYPES = {
    400: "invalid_request_error",
    401: "invalid_authentication_error",
    403: "permission_denied_error",
    404: "resource_not_found_error",
    429: "rate_limit_reached_error",
    503: "server_unavailable",
}
LAST_WORDS = frozenset({"html", "text-page", "done-only", "error-object", "overloaded-object"})

BODIES = {
    "html": b"<html><head><title>Gateway</title></head><body>no</body></html>",
    "empty": b"",
    "nothing": b"",
    "text": b"upstream connect error",
    "broken": b'{"error": {"message": "cut',
    "broken-json": b'{"id": ',
    "list": b'[{"error": "no"}]',
    "number": b"5",
}
"""What comes in place of an answer or of an error."""

BROKEN_HEADS = {
    "garbage": b"\x00\x01\x02 this is no HTTP\r\n\r\n",
    "header-without-colon": b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
    "two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "bad-length": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nhello",
}

WHOLES: dict[str, dict[str, Any]] = {
    "choices-number": {**WHOLE, "choices": 5},
    "usage-text": {**WHOLE, "usage": "many"},
    "created-text": {**WHOLE, "created": "yesterday", "id": 7, "model": ["x"]},
    "message-null": {**WHOLE, "choices": [{"index": 0, "message": None}]},
    "calls-number": {**WHOLE, "choices": [{"message": {"tool_calls": 3}}]},
}
"""Whole answers with a part of a wrong type."""


def error_answer(status: int, what: str) -> bytes:
    """The body of an error: Kimi's object, or what a gateway puts in its place."""
    if what != "object":
        return BODIES[what]
    error = {"message": "Something went wrong", "type": TYPES.get(status, "error")}
    return json.dumps({"error": error}).encode()


def odd(what: str) -> Iterator[bytes]:
    """Events that no Kimi sends, or that need care."""
    quota = {"message": "Something went wrong", "type": "server_error"}
    busy = {"message": KINDS["overloaded"][1], "type": KINDS["overloaded"][0]}
    yield {
        "html": b"<html><head><title>Gateway</title></head></html>",
        "text": b'data: "hello"\n\n',
        "number": b"data: 5\n\n",
        "list": b"data: [1, 2]\n\n",
        "null": b"data: null\n\n",
        "broken-json": b'data: {"choices": [{"delta": \n\n',
        "binary": b"\x89PNG\r\n\x1a\n\x00\x00",
        "done-only": b"data: [DONE]\n\n",
        "error-object": _event({"error": quota}),
        "overloaded-object": _event({"error": busy}),
        "choices-number": _event({**_HEAD, "choices": 5}),
        "choices-of-numbers": _event({**_HEAD, "choices": [5, None]}),
        "bad-utf8": b'data: {"choices": [], "x": "\xff\xfe"}\n\n',
        "lone-surrogate": b'data: {"choices": [], "x": "\\ud83d"}\n\n',
        "keep-alive": b": still here\n\n" * 3,
        "other-fields": _event({**_HEAD, "choices": [], "new": {"deep": [1]}}),
        "other-events": b"event: ping\nid: 3\nretry: 5\ndata: \n\n",
        "more-events": _chunk({"content": "after the end"}),
    }[what]


def depth(place: str) -> int:
    """How far into the answer a place lies; the events of a place come before its faults."""
    return ("first", *STREAM_PLACES).index(place)


def retry_after(form: str) -> str:
    now = datetime.now(timezone.utc)
    values = {
        "0": "retry-after: 0",
        "1": "retry-after: 1",
        "0.5": "Retry-After: 0.5",
        "now-date": f"retry-after: {format_datetime(now + timedelta(seconds=1), usegmt=True)}",
        "past-date": f"retry-after: {format_datetime(now - timedelta(hours=1), usegmt=True)}",
        "negative": "retry-after: -5",
        "words": "retry-after: in a moment",
        "blank": "retry-after: ",
        "ms": "retry-after-ms: 200",
        "long": "retry-after: 3600",
    }
    return values[form]
