"""Tables for people: columns under a bold head, cut to the terminal."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from shutil import get_terminal_size

from ..reply.safe_text import visible
from .output import say, style

__all__ = ["table"]

_GAP = "  "
_LEAST = 12
"""Columns that the flexible column keeps on the narrowest terminal."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns under a bold head. On a terminal the last one is cut to what is left of the line."""
    lines = [list(head), *([visible(cell) for cell in row] for row in rows)]
    widths = [max(_width(line[n]) for line in lines) for n in range(len(head))]
    if sys.stdout.isatty():
        left = get_terminal_size().columns - 1 - sum(widths[:-1]) - len(_GAP) * (len(head) - 1)
        widths[-1] = min(widths[-1], max(left, _LEAST))
    for number, line in enumerate(lines):
        cells = [cell + " " * (widths[n] - _width(cell)) for n, cell in enumerate(line[:-1])]
        text = _GAP.join([*cells, _cut(line[-1], widths[-1])]).rstrip()
        say(style(text, bold=True) if number == 0 else text)


def _width(text: str) -> int:
    """Columns on a terminal: two for the letters of East Asia, none for marks on letters."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _cut(text: str, width: int) -> str:
    """``text`` within ``width``, its middle left out: the end of a name tells its type."""
    if _width(text) <= width:
        return text
    head, tail = "", ""
    turns = 0
    while _width(head + tail) < width - 1:
        turns += 1
        more = (head + text[len(head)], tail) if turns % 2 else (head, text[-len(tail) - 1] + tail)
        if _width("".join(more)) > width - 1:
            break
        head, tail = more
    return f"{head}…{tail}"
