"""Function names that Kimi takes, and the way back to those that the caller uses.

Kimi wants a letter first, then letters, digits, ``_`` and ``-``. Its pages give three different
lengths; 64 is the shortest of them and OpenAI's own limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["LEGAL", "MAX_NAME", "Names"]

MAX_NAME = 64
LEGAL = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
_ILLEGAL_CHARACTER = re.compile(r"[^A-Za-z0-9_-]")


class Names:
    """A one-to-one map of the caller's names to legal ones; legal names stay as they are."""

    def __init__(self, given: Iterable[str]) -> None:
        names = list(dict.fromkeys(given))
        self._sent = {name: name for name in names if LEGAL.match(name)}
        taken = set(self._sent)
        counts: dict[str, int] = {}
        for name in names:
            if name not in self._sent:
                self._sent[name] = legal = _legal(name, taken, counts)
                taken.add(legal)

    def sent(self, given: str) -> str:
        """The name as Kimi gets it."""
        return self._sent.get(given, given)

    def renamed(self) -> dict[str, str]:
        """Those that changed, as sent -> given."""
        return {sent: given for given, sent in self._sent.items() if sent != given}


def _legal(name: str, taken: set[str], counts: dict[str, int]) -> str:
    """A legal name for ``name``; ``counts`` are the numbers that stems have used up."""
    stem = _ILLEGAL_CHARACTER.sub("_", name)
    if not stem[:1].isalpha():
        stem = f"fn{stem}" if stem.startswith(("_", "-")) else f"fn_{stem}"
    stem = stem[:MAX_NAME]
    candidate, number = stem, counts.get(stem, 2)
    while candidate in taken:
        suffix = f"_{number}"
        candidate = stem[: MAX_NAME - len(suffix)] + suffix
        number += 1
    counts[stem] = number
    return candidate
