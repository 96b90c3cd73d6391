"""Files with one request a line: finding out, reading them line by line, taking the body out.

A line is a request body, or holds one under ``body``: OpenAI's batch form (``custom_id``,
``method``, ``url``, ``body``), and the log of the offline Kimi.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

__all__ = ["MAX_LINE", "Entry", "LineReader", "NoRequestError", "looks_like_lines", "unwrap"]

Json = dict[str, Any]

MAX_LINE = 100 * 1024 * 1024
"""Bytes; the API takes no larger request."""

_ENDINGS = (".jsonl", ".ndjson")


class NoRequestError(Exception):
    """The line contains no chat request; the text says why, the same for all lines of its kind."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request, and the line of a batch file that it came in (None: no batch file)."""

    request: Json
    batch: Json | None

    def wrapped(self, body: Json, number: int = 0) -> Json:
        """``body`` in the form of the line; the ``number`` of a repetition keeps ids apart."""
        if self.batch is None:
            return body
        line = {**self.batch, "body": body}
        if number:
            line["custom_id"] = f"{line['custom_id']}-{number + 1}"
        return line


class LineReader:
    """The lines of a binary stream with their numbers, without blank ones.

    ``done`` counts the bytes that were read. Lines that are too long come as None.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.done = 0
        self._number = 0
        self._ahead: list[tuple[int, bytes | None]] = []

    def __iter__(self) -> Iterator[tuple[int, bytes | None]]:
        while (line := self._ahead.pop(0) if self._ahead else self._next()) is not None:
            yield line

    def peek(self, place: int) -> bytes | None:
        """The line ``place`` lines ahead, which stays to be read; None when there is none."""
        while len(self._ahead) <= place:
            line = self._next()
            if line is None:
                return None
            self._ahead.append(line)
        return self._ahead[place][1]

    def rest(self) -> bytes:
        """Everything that is left, those lines included that were looked at."""
        ahead = b"".join(text for _, text in self._ahead if text is not None)
        self._ahead.clear()
        return ahead + self.stream.read()

    def _next(self) -> tuple[int, bytes | None] | None:
        while text := self.stream.readline(MAX_LINE):
            self._number += 1
            self.done += len(text)
            if len(text) >= MAX_LINE and not text.endswith(b"\n"):
                self._skip()
                return self._number, None
            if text.strip():
                return self._number, text
        return None

    def _skip(self) -> None:
        while text := self.stream.readline(MAX_LINE):
            self.done += len(text)
            if text.endswith(b"\n"):
                return


def looks_like_lines(reader: LineReader, name: str) -> bool:
    """Whether it is one value a line: by its name, or because the first line is a whole value and
    another line follows."""
    if name.lower().endswith(_ENDINGS):
        return True
    first = reader.peek(0)
    if first is None:
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return reader.peek(1) is not None


def unwrap(line: bytes | None) -> Entry:
    """The chat request in a line.

    Raises:
        NoRequestError: there is none.
    """
    if line is None:
        raise NoRequestError(f"longer than {MAX_LINE // 1024 // 1024} MB")
    value = _parsed(line)
    if not isinstance(value, dict):
        raise NoRequestError("not a JSON object")
    batch = value if "custom_id" in value and isinstance(value.get("body"), dict) else None
    return Entry(_request(value), batch)


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise NoRequestError("not valid JSON") from None
    except RecursionError:
        raise NoRequestError("nested too deeply") from None


def _request(value: Json) -> Json:
    if isinstance(value.get("messages"), list):
        return value
    for name in ("url", "path"):
        where = value.get(name)
        if isinstance(where, str) and not where.split("?")[0].endswith("/chat/completions"):
            raise NoRequestError("a request for another endpoint")
    body = value.get("body")
    if isinstance(body, dict) and isinstance(body.get("messages"), list):
        return body
    raise NoRequestError("contains no chat request")
