"""The events of a stream of ``/responses`` on their way through: whole ones, to a real end.

Such a stream has no ``[DONE]``: its last event says whether it is whole
(https://platform.openai.com/docs/api-reference/responses-streaming). One that is cut off, or
stopped, would look to a client like one that ended.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ...errors import StreamError
from ...reply.sse import MAX_BYTES, Decoder, too_long
from ..openai_http import WireError, as_json

__all__ = ["ResponseEvents"]

_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})
_MAY_END = re.compile(rb"response\.(completed|incomplete|failed)|error")
# Lines end in any of three ways, also next to each other.
_LINE_END = rb"(?:\r\n|\n|\r(?!\n))"
_BLANK_LINE = re.compile(_LINE_END * 2)


class ResponseEvents:
    """One stream. ``ended``: the last event of the answer has come."""

    def __init__(self) -> None:
        self.ended = False
        self._rest = bytearray()
        self._last = b""

    def whole(self, piece: bytes) -> bytes:
        """The events that ``piece`` completes.

        Raises:
            StreamError: there is no end to one.
        """
        rest = self._rest
        start = max(len(rest) - 3, 0)
        rest += piece
        end = 0
        for match in _BLANK_LINE.finditer(rest, start):
            event = bytes(rest[end : match.end()])
            end = match.end()
            if b"data" in event:  # no comment
                self._last = event
                self.ended = self.ended or _ends(event)
        if len(rest) - end > MAX_BYTES:
            raise too_long("an event of the stream")
        events = bytes(rest[:end])
        del rest[:end]
        return events

    def last(self) -> bytes:
        """At the end of the stream: its last event, where only the blank line after it is missing.

        Raises:
            StreamError: the last event of an answer has not come.
        """
        if self.ended:
            return b""
        event = bytes(self._rest) + b"\n\n"
        if _ends(event):
            return event
        raise StreamError(
            "the stream broke off: it ended without response.completed, so the answer is not whole"
        )

    def error(self, error: WireError) -> bytes:
        """An event that ends the stream with ``error``; the SDKs of OpenAI raise it."""
        number = _read(self._last).get("sequence_number")
        told = error.body["error"]
        body = {
            "type": "error",
            "sequence_number": number + 1 if isinstance(number, int) else 0,
            **{name: told[name] for name in ("code", "message", "param")},
            "error": told,
        }
        return b"event: error\ndata: " + as_json(body) + b"\n\n"


def _ends(event: bytes) -> bool:
    """Whether an event is the last of an answer."""
    if not _MAY_END.search(event):
        return False
    kind = _read(event).get("type")
    return isinstance(kind, str) and kind in _ENDS


def _read(event: bytes) -> dict[str, Any]:
    """The object in an event; empty where there is none."""
    try:
        data = [json.loads(text) for text in Decoder().feed(event)]
    except (ValueError, RecursionError):
        return {}
    return data[-1] if data and isinstance(data[-1], dict) else {}
