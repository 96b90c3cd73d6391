"""Server-sent events: the bytes of a response body, split anywhere, to the data of its events.

In: bytes as the network gives them. Out: the text of each event's ``data``, in order. Knows LF,
CRLF and CR line ends, comments, fields without a blank, and events of several lines.
"""

from __future__ import annotations

__all__ = ["Decoder"]


class Decoder:
    """One response body. Not shared: it holds the bytes of an event that has not ended."""

    __slots__ = ("_buffer", "_carriage", "_data")

    def __init__(self) -> None:
        self._buffer = b""
        self._carriage = False
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[str]:
        """The data of the events that ``piece`` completes.

        Raises:
            UnicodeDecodeError: an event is no UTF-8. Characters split between pieces are fine.
        """
        if self._carriage or b"\r" in piece:
            piece = self._unify(piece)
        lines = (self._buffer + piece).split(b"\n")
        self._buffer = lines.pop()
        return self._take(lines)

    def flush(self) -> list[str]:
        """The data of an event that the end of the body cut off, if any."""
        lines = [self._buffer, b""]
        self._buffer = b""
        return self._take(lines)

    def _unify(self, piece: bytes) -> bytes:
        """CRLF and CR to LF, also when a CRLF is split between two pieces."""
        if self._carriage and piece.startswith(b"\n"):
            piece = piece[1:]
        self._carriage = piece.endswith(b"\r") or (self._carriage and not piece)
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take(self, lines: list[bytes]) -> list[str]:
        events: list[str] = []
        data = self._data
        for line in lines:
            if line.startswith(b"data:"):
                data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            elif not line and data:
                events.append((data[0] if len(data) == 1 else b"\n".join(data)).decode())
                data.clear()
        return events
