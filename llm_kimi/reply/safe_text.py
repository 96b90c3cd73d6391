"""Words of a server as they may be shown: in one line, without keys, harmless to a terminal.

In: any text that came over the network. Out: text for an error, a log or a screen.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["KEY_PATTERN", "one_line", "scrub", "shown", "visible"]

KEY_PATTERN = re.compile(r"\bsk-[A-Za-z0-9_-]{6,}")


def scrub(text: str, key: str | None = None) -> str:
    """``text`` without API keys: the caller's own, and anything that looks like one."""
    if key and len(key) > 3:
        text = text.replace(key, "***")
    return KEY_PATTERN.sub("sk-***", text)


def one_line(text: str) -> str:
    """``text`` without line ends and control characters.

    Escape sequences can recolour a terminal, move its cursor, or put words into its input; marks of
    writing direction can make a host read as another.
    """
    if text.isprintable() and "  " not in text:
        return text
    return visible(" ".join(text.split()))


def visible(text: str) -> str:
    """``text`` with a question mark in place of each character that steers and is not seen."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def shown(value: Any, key: str | None = None, limit: int = 200) -> str | None:
    """A name or a number that a server sent (a type, a code, an id); None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, int) and abs(value) >= 10**limit:
        return None
    # Scrubbed before it is cut: half a key is one, too.
    return scrub(one_line(str(value)), key)[:limit] or None
