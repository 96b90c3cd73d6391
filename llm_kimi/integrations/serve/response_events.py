"""The events of a stream of ``/responses`` on their way through: whole ones, to a real end.

Such a stream has no ``[DONE]``: its last event says whether it is whole
(https://platform.openai.com/docs/api-reference/responses-streaming). One that is cut off, or
stopped, would look to a client like one that ended.
"""

from __future__ import annotations

import json
import re
from collections import deque
from typing import Any

from ...errors import StreamError
from ...reply.sse import MAX_BYTES, Decoder, too_long
from ..openai_http import WireError, as_json

__all__ = ["ResponseEvents"]

_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})
_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class ResponseEvents:
    """One stream."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._last: deque[bytes] = deque(maxlen=2)  # a relay may add a [DONE]

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
            if b"data" in event:
                self._last.append(event)
            end = match.end()
        if len(rest) - end > MAX_BYTES:
            raise too_long("an event of the stream")
        events = bytes(rest[:end])
        del rest[:end]
        return events

    @property
    def ended(self) -> bool:
        """Whether the last event of the answer has come."""
        return any(self._ends(event) for event in self._last)

    def rest(self) -> bytes:
        """At the end of the stream: its last event, if only the blank line after it is missing."""
        event = bytes(self._rest) + b"\n\n"
        return event if self._ends(event) else b""

    def _ends(self, event: bytes) -> bool:
        kind = self._read(event).get("type")
        return isinstance(kind, str) and kind in _ENDS

    def cut(self) -> StreamError | None:
        """At the end of the stream: the error, if its last event was not the last of an answer."""
        if self.ended or self.rest():
            return None
        return StreamError(
            "the stream broke off: it ended without response.completed, so the answer is not whole"
        )

    def error(self, error: WireError) -> bytes:
        """An event that ends the stream with ``error``; the SDKs of OpenAI raise it."""
        number = self._read(self._last[-1]).get("sequence_number") if self._last else None
        told = error.body["error"]
        body = {
            "type": "error",
            "sequence_number": number + 1 if isinstance(number, int) else 0,
            **{name: told[name] for name in ("code", "message", "param")},
            "error": told,
        }
        return b"event: error\ndata: " + as_json(body) + b"\n\n"

    @staticmethod
    def _read(event: bytes) -> dict[str, Any]:
        try:
            data = [json.loads(text) for text in Decoder().feed(event)]
        except (ValueError, RecursionError):
            return {}
        return data[-1] if data and isinstance(data[-1], dict) else {}
