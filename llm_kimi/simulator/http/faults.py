"""Faults on demand: errors, broken streams, silence.

A fault is asked for in words, in a user message (``fault: 429 engine_overloaded_error times=2``)
or in the header ``X-Simulator-Fault``, or with the same names in ``Simulator.fault(...)``:

    429 engine_overloaded_error     an error answer: status, type, optional message="..."
    token-quota                     429: the tokens of this minute are used up
    no-balance                      403: the account is empty (429 exceeded_current_quota_error
                                    is the other way in which that comes)
    new-account                     404 for K2 models: the account is too new for them
    untyped                         the error object has no type
    html                            a gateway's HTML page (status 504 unless one is given)
    drop                            the connection closes without an answer
    cut after=3                     the connection breaks after 3 chunks
    error-in-stream after=3         an error object in the stream after 3 chunks
    no-done                         the stream ends without ``[DONE]``
    times=2                         the first 2 times that the same request comes (default 1,
                                    ``times=always``)
    retry-after=0                   the header of that name
    header="X-RateLimit-Reset: 20"  any header; may be said several times
    delay=0.1                       seconds to wait before answering
    path=/v1/files method=GET       only for requests of that method whose path begins so
                                    (``*`` stands for anything: ``/v1/files/*/content``)
    model=kimi-k2*                  only for requests that name such a model

Types and texts follow https://platform.kimi.ai/docs/api/errors; what else is known stands beside
each text.
"""

from __future__ import annotations

import math
import shlex
import threading
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

__all__ = ["HTML", "Fault", "FaultQueue", "parse_fault"]

_TEXTS = {
    "engine_overloaded_error": "The engine is currently overloaded, please try again later",
    "rate_limit_reached_error": (
        "Your account org-simulator<ak-simulator> request reached max organization concurrency: 1,"
        " please try again after 1 seconds"
    ),
    "exceeded_current_quota_error": (
        "Your account org-simulator is suspended due to insufficient balance, please recharge your "
        "account or check your plan and billing details"
    ),
    "content_filter": "The request was rejected because it was considered high risk",
    "invalid_authentication_error": "Invalid Authentication",
    "incorrect_api_key_error": "Incorrect API key provided",
    "permission_denied_error": "The API you are accessing is not open",
}
_TYPES = {
    400: "invalid_request_error",
    401: "invalid_authentication_error",
    403: "permission_denied_error",
    404: "resource_not_found_error",
    429: "engine_overloaded_error",
    499: "client_closed_request",
    500: "server_error",
    503: "server_unavailable",
}
# Three that have a name of their own.
_NAMED: dict[str, dict[str, Any]] = {
    # The tests of https://github.com/MoonshotAI/kimi-code take it for one that passes.
    "token-quota": {
        "status": 429,
        "type": "rate_limit_reached_error",
        "message": "your token quota per minute was exceeded",
    },
    # https://www.kimi.com/help/kimi-api/api-troubleshooting gives the status; type and text are
    # those of the other form.
    "no-balance": {"status": 403, "type": "exceeded_current_quota_error"},
    # https://github.com/netbirdio/docs/pull/872, and the live text for ids that are not there.
    "new-account": {
        "status": 404,
        "type": "resource_not_found_error",
        "message": "Not found the model {model} or Permission denied",
        "model": "kimi-k2*",
    },
}
HTML = (
    b"<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>\r\n"
    b"<center><h1>504 Gateway Time-out</h1></center>\r\n</body>\r\n</html>\r\n"
)


@dataclass(frozen=True)
class Fault:
    """What goes wrong. ``times``: for how many requests. Seconds for the two waits."""

    status: int | None = None
    type: str | None = None
    message: str | None = None
    times: float = 1
    retry_after: float | None = None
    delay: float = 0.0
    cut_after: int | None = None
    no_done: bool = False
    html: bool = False
    error_in_stream: int | None = None
    drop: bool = False
    path: str | None = None
    method: str | None = None
    model: str | None = None
    untyped: bool = False
    headers: tuple[str, ...] = ()

    def meant_for(self, method: str, path: str, model: str) -> bool:
        """Whether it is for such a request; ``model`` is the id it names, or nothing."""
        return (
            self.method in (None, method)
            and (self.path is None or fnmatchcase(path, f"{self.path}*"))
            and (self.model is None or fnmatchcase(model, self.model))
        )

    @property
    def label(self) -> str:
        """One or a few words for the log."""
        if self.drop:
            return "drop"
        if self.html:
            return "html"
        if self.status is not None:
            return f"{self.status} {self.error_type}"
        if self.cut_after is not None:
            return "cut"
        if self.error_in_stream is not None:
            return "error-in-stream"
        return "no-done" if self.no_done else "delay"

    @property
    def error_type(self) -> str:
        return self.type or _TYPES.get(self.status or 500, "server_error")

    def error(self, model: str = "") -> dict[str, Any]:
        """The error object of an answer or a stream."""
        text = self.message or _TEXTS.get(self.error_type, "The server had an error")
        error = {"message": text.replace("{model}", model), "type": self.error_type}
        return {"error": {"message": error["message"]} if self.untyped else error}

    def header_lines(self) -> dict[str, str]:
        """The headers that an error answer carries."""
        found = {} if self.retry_after is None else {"Retry-After": f"{self.retry_after:g}"}
        for line in self.headers:
            name, _, value = line.partition(":")
            found[name.strip()] = value.strip()
        return found


_NAMES = frozenset(field.name for field in fields(Fault))


def make_fault(given: dict[str, Any]) -> Fault:
    """A fault from keyword arguments; ``error_in_stream=True`` means after 2 chunks."""
    unknown = given.keys() - _NAMES
    if unknown:
        raise TypeError(f"unknown fault fields: {', '.join(sorted(unknown))}")
    if given.get("error_in_stream") is True:
        given = {**given, "error_in_stream": 2}
    elif given.get("error_in_stream") is False:
        given = {**given, "error_in_stream": None}
    return Fault(**given)


def parse_fault(text: str) -> Fault:
    """A fault from words; words that mean nothing are an error type.

    Raises:
        ValueError: for a number that is none.
    """
    given: dict[str, Any] = {}
    after = 2
    kind = ""
    for word in shlex.split(text):
        name, equals, value = word.partition("=")
        name = name.replace("-", "_")
        if equals:
            if name == "after":
                after = int(value)
            elif name == "times":
                given["times"] = math.inf if value in ("always", "inf") else float(value)
            elif name in ("retry_after", "delay"):
                given[name] = float(value)
            elif name == "status":
                given["status"] = int(value)
            elif name in ("message", "type", "path", "method", "model"):
                given[name] = value
            elif name == "header":
                given["headers"] = (*given.get("headers", ()), value)
        elif word.isdigit():
            given["status"] = int(word)
        elif name in ("cut", "error_in_stream"):
            kind = name
        elif name in ("no_done", "html", "drop", "untyped"):
            given[name] = True
        elif word in _NAMED:
            given.update(_NAMED[word])
        else:
            given["type"] = word
    if kind:
        given["cut_after" if kind == "cut" else kind] = after
    elif "type" in given and "status" not in given:
        given["status"] = next((s for s, name in _TYPES.items() if name == given["type"]), 429)
    return Fault(**given)


class FaultQueue:
    """Which fault is due: those queued by hand first, then those asked for in words."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[tuple[Fault, float, int]] = []
        self._used: dict[tuple[str, str], int] = {}

    def put(self, given: dict[str, Any], after: int) -> None:
        """Queue a fault from keyword arguments, to come after so many ordered answers."""
        fault = make_fault(given)
        with self._lock:
            self._queue.append((fault, fault.times, after))

    def next(self, method: str, path: str, model: str, answers: int) -> Fault | None:
        """The first fault in the queue that is for such a request, which uses it up once.

        ``answers``: how many ordered answers have been given.
        """
        with self._lock:
            for place, (fault, left, after) in enumerate(self._queue):
                if after <= answers and fault.meant_for(method, path, model):
                    rest = [(fault, left - 1, after)] if left > 1 else []
                    self._queue[place : place + 1] = rest
                    return fault
        return None

    def asked(
        self, texts: list[str], method: str, path: str, model: str, request: str
    ) -> Fault | None:
        """The first of the faults asked for in words that is not used up by this ``request``."""
        for text in texts:
            try:
                fault = parse_fault(text)
            except ValueError:
                continue
            if not fault.meant_for(method, path, model):
                continue
            with self._lock:
                key = (text, request)
                used = self._used.get(key, 0)
                if used >= fault.times:
                    continue
                self._used[key] = used + 1
            return fault
        return None
