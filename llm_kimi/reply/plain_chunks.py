"""Chunks that differ from one before them in one piece of text, as nearly all of an answer do.

In: the text of an event, and of an earlier one that ``Reader`` has read. Out: the chunk that
``Reader`` would make of it, for less; None where that is not certain. Pure.

JSON text that begins with the same characters up to the same quotation mark, and ends with the
same characters after the string that begins there, means the same but for that string.
"""

from __future__ import annotations

import json.decoder
from typing import Any

from .chunks import Choice, Chunk, Delta
from .json_values import parse_json

__all__ = ["PlainChunks"]

Json = dict[str, Any]

_string: Any = json.decoder.scanstring  # type: ignore[attr-defined]
"""The rest of a JSON string, from after its quotation mark, and where it ends."""

_FIELDS = frozenset({"content", "reasoning_content"})
_CHOICE = frozenset({"index", "delta", "finish_reason"})
_OTHER_TEXT = "?!"

MOST_FORMS = 8
"""Forms of an answer that are learned: its reasoning, its text, and some more. A server whose
events all differ, in a time say, is read as it was before."""


class PlainChunks:
    """The form of the chunks of one answer. Not shared."""

    __slots__ = ("_field", "_forms", "_head", "_index", "_rest", "_size", "_start")

    def __init__(self) -> None:
        self._forms = 0
        self._start = ""
        self._size = 0
        self._rest = ""
        self._head: Chunk = {"choices": []}
        self._index = 0
        self._field = ""

    def chunk(self, event: str) -> Chunk | None:
        """The chunk of ``event``, if it has the form that was learned last."""
        if not self._size or not event.startswith(self._start):
            return None
        try:
            text, end = _string(event, self._size)
        except ValueError:
            return None
        if event[end:] != self._rest or "\\u" in event:  # that may be half of a character
            return None
        delta: Delta = {self._field: text}  # type: ignore[misc]  # one of _FIELDS
        choice: Choice = {"index": self._index, "delta": delta, "finish_reason": None}
        return {**self._head, "choices": [choice]}

    def learn(self, event: str, chunk: Chunk, head: Chunk) -> None:
        """Learn the form of ``event``, of which ``Reader`` has made ``chunk``, if it has one."""
        choices = chunk["choices"]
        if self._forms == MOST_FORMS or len(choices) != 1 or chunk.keys() != head.keys():
            return
        choice = choices[0]
        if choice.keys() != _CHOICE or choice["finish_reason"] is not None:
            return
        delta = choice["delta"]
        if len(delta) != 1 or not _FIELDS.issuperset(delta) or "\\" in event:
            return
        ((field, text),) = delta.items()
        if not text or not isinstance(text, str):
            return
        self._forms += 1
        at = event.find(f'"{text}"', event.find(f'"{field}"') + len(field) + 2) + 1
        start, rest = event[:at], event[at + len(text) + 1 :]
        if at and _means_the_same(event, f'{start}{_OTHER_TEXT}"{rest}', field):
            self._start, self._size, self._rest = start, at, rest
            self._head, self._index, self._field = head, choice["index"], field


def _means_the_same(event: str, other: str, field: str) -> bool:
    """Whether ``other`` is ``event`` with another text in ``field``, and nothing else."""
    expected = parse_json(event)
    try:
        if expected.get("usage"):
            return False
        delta = expected["choices"][0]["delta"]
        if delta.keys() != {field} or delta[field] == _OTHER_TEXT:
            return False
        delta[field] = _OTHER_TEXT
    except (AttributeError, LookupError, TypeError):
        return False  # read all the same, but not written in the usual form
    return bool(parse_json(other) == expected)
