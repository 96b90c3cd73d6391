"""Ids of tool calls: which ones pair a call with its result, and the form in which they are sent.

Kimi's own ids are like ``search:0``, ``functions.search:0`` or ``$web_search:0``; they come again
in later turns and go back as they are. Moonshot's own client cuts ids to 64 characters and replaces
those outside of ``[A-Za-z0-9_-]`` (https://github.com/MoonshotAI/kimi-code, packages/kosong); here
``.``, ``:`` and ``$`` stay as well, since Kimi writes them itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ..objects import Foreign

__all__ = ["Ids", "is_legal", "usable"]

_MAX_ID = 64
_LEGAL = re.compile(r"[A-Za-z0-9_.:$-]{1,64}\Z")
_ODD = re.compile(r"[^A-Za-z0-9_.:$-]")


def usable(given: Any) -> str | None:
    """The id by which a call and its result find each other; None where there is none.

    A number pairs with the same number as text: clients in other languages mix them up. So does
    what has a text of its own, such as a UUID.
    """
    if isinstance(given, Foreign):
        return given.text
    if isinstance(given, str):
        return given if given.strip() else None
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    return str(given) if isinstance(given, (int, float)) else None


def is_legal(given: str) -> bool:
    """Whether an id can be sent as it is."""
    return _LEGAL.match(given) is not None


class Ids:
    """New ids for the calls of one conversation, none of which is taken."""

    def __init__(self, given: Iterable[str | None]) -> None:
        self._taken = {one for one in given if one is not None and is_legal(one)}
        self._numbers: dict[str, int] = {}

    def sent(self, given: str | None, spare: str) -> str:
        """A legal id for a call that had ``given``, or ``spare`` where it had none."""
        return self._unique(spare if given is None else _ODD.sub("_", given)[:_MAX_ID])

    def _unique(self, wanted: str) -> str:
        candidate, number = wanted, self._numbers.get(wanted, 2)
        while candidate in self._taken:
            suffix = f"_{number}"
            candidate = wanted[: _MAX_ID - len(suffix)] + suffix
            number += 1
        self._numbers[wanted] = number
        self._taken.add(candidate)
        return candidate
