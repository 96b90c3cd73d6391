"""How the commands write: tables for people, JSON for programs, and nothing that a name could
do to a terminal."""

from __future__ import annotations

import json
import sys
import time
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from shutil import get_terminal_size
from typing import Any

import click

from ...terminal.output import dump, style

__all__ = [
    "age",
    "moment",
    "plural",
    "say",
    "shown",
    "size_text",
    "table",
    "tell_json",
]

_GAP = "  "
_LEAST = 12
"""Columns that the flexible column keeps on the narrowest terminal."""


def shown(text: str) -> str:
    """``text`` without control characters and half characters: it is somebody else's."""
    return "".join(c if c.isprintable() else "?" for c in text)


def say(text: str, *, err: bool = False) -> None:
    """One line, in the letters that the channel has."""
    encoding = getattr(sys.stderr if err else sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "replace").decode(encoding), err=err)


def tell_json(value: Any) -> None:
    """Indented JSON, with letters of every script where the channel has them."""
    text = dump(value)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    click.echo(text)


def plural(count: int, word: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{count:,} {word}{'s' * (count != 1)}"


def size_text(size: int | None) -> str:
    """``68 B``, ``1.2 MB``."""
    if size is None:
        return "-"
    if size < 1024:
        return f"{size} B"
    value = float(size)
    for unit in ("KB", "MB", "GB"):
        value /= 1024
        if value < 999.5 or unit == "GB":
            break
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"


def age(created: float | None) -> str:
    """``5m ago``; a date when that says more."""
    if created is None:
        return "-"
    seconds = time.time() - created
    for limit, unit, letter in ((3600, 60, "m"), (2 * 86400, 3600, "h"), (100 * 86400, 86400, "d")):
        if seconds < limit:
            return "now" if seconds < 60 else f"{seconds // unit:.0f}{letter} ago"
    return moment(created)[:10]


def moment(created: float | None) -> str:
    """Date and time on this machine's clock."""
    try:
        return datetime.fromtimestamp(created or 0).astimezone().isoformat(" ", "seconds")
    except (OverflowError, ValueError, OSError):
        return "-"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns under a bold head. On a terminal the last one is cut to what is left of the line."""
    lines = [list(head), *([shown(cell) for cell in row] for row in rows)]
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
