"""Server-sent events: the bytes of a response body, split anywhere, to the data of its events.

In: bytes as the network gives them. Out: each event's ``data``, in order, as bytes that hold
whole characters. Knows LF, CRLF and CR line ends, comments, fields without a blank, a byte order
mark, and events of several lines.
"""

from __future__ import annotations

from ..errors import StreamError

__all__ = ["MAX_BYTES", "Decoder", "too_long"]

MAX_BYTES = 64 * 1024 * 1024
"""Of one event, and of an answer that comes whole: a million tokens of text are 5 MB. Without a
bound, a server that never ends a line would fill the memory."""

_MARK = b"\xef\xbb\xbf"


def too_long(what: str) -> StreamError:
    """The error for more than ``MAX_BYTES``."""
    return StreamError(f"{what} is longer than {MAX_BYTES // 1024**2} MB: this is not a chat API")


class Decoder:
    """One response body. Not shared: it holds the bytes of an event that has not ended.

    ``heard``: an event has ended.
    """

    __slots__ = ("_begun", "_carriage", "_data", "_open", "_rest", "heard")

    def __init__(self) -> None:
        self.heard = False
        self._begun = False
        self._carriage = False
        self._data: list[bytes] = []
        # The pieces of a line that has not ended; joined once, however many they are.
        self._rest: list[bytes] = []
        # Bytes since the last event, while one is open.
        self._open = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that ``piece`` completes.

        Raises:
            StreamError: an event is longer than ``MAX_BYTES``.
        """
        if self._carriage or b"\r" in piece:
            piece = self._unify(piece)
        if (
            piece.startswith(b"data: ")
            and piece.find(b"\n") == len(piece) - 2
            and piece.endswith(b"\n\n")
            and not self._rest
            and not self._data
        ):
            # One whole event, as most servers send each of them.
            self._begun = self.heard = True
            return [piece[6:-2]]
        lines = piece.split(b"\n")
        rest = lines.pop()
        if lines and self._rest:
            self._rest.append(lines[0])
            lines[0] = b"".join(self._rest)
            self._rest = []
        if rest:
            self._rest.append(rest)
        events = self._take(lines) if lines else []
        if self._rest or self._data:
            self._open = 0 if events else self._open + len(piece)
            if self._open > MAX_BYTES:
                raise too_long("an event of the stream")
        elif self._open:
            self._open = 0
        return events

    def flush(self) -> list[bytes]:
        """The data of an event that the end of the body cut off, if any."""
        lines = [b"".join(self._rest), b""]
        self._rest = []
        return self._take(lines)

    def _unify(self, piece: bytes) -> bytes:
        """CRLF and CR to LF, also when a CRLF is split between two pieces."""
        if not piece:
            return piece
        after_carriage, self._carriage = self._carriage, piece.endswith(b"\r")
        if after_carriage and piece.startswith(b"\n"):
            piece = piece[1:]
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take(self, lines: list[bytes]) -> list[bytes]:
        if not self._begun:
            self._begun = True
            lines[0] = lines[0].removeprefix(_MARK)
        events: list[bytes] = []
        data = self._data
        for line in lines:
            if line.startswith(b"data:"):
                data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            elif not line and data:
                events.append(data[0] if len(data) == 1 else b"\n".join(data))
                data.clear()
                self.heard = True
        return events
