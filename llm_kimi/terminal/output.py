"""What the commands write: colour where it is wanted, JSON, lines that fit the terminal."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
import time
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, Protocol

import click

__all__ = [
    "Report",
    "age",
    "dump",
    "echo_wrapped",
    "moment",
    "plural",
    "printable",
    "say",
    "secho",
    "size_text",
    "style",
    "tell_json",
    "tell_report",
    "width",
    "wrapped",
]

NARROWEST, WIDEST = 40, 100


def style(text: str, **how: Any) -> str:
    """``click.style``, unless NO_COLOR is set (https://no-color.org); click strips it in pipes."""
    return text if os.environ.get("NO_COLOR") else click.style(text, **how)


def secho(text: str, *, err: bool = False, **how: Any) -> None:
    """One styled line."""
    click.echo(style(text, **how), err=err)


def width() -> int:
    """Columns to write in: the terminal's, 80 where there is none."""
    return max(NARROWEST, min(shutil.get_terminal_size().columns, WIDEST))


def wrapped(text: str, columns: int) -> list[str]:
    """``text`` in lines of at most ``columns``, one at least. Words are never broken."""
    lines = textwrap.wrap(text, columns, break_long_words=False, break_on_hyphens=False)
    return lines or [""]


def echo_wrapped(text: str, indent: str = "", *, err: bool = False, **how: Any) -> None:
    """``text`` in lines that fit: the first behind ``indent``, the others behind as many blanks."""
    for number, line in enumerate(wrapped(text, width() - len(indent))):
        secho(f"{' ' * len(indent) if number else indent}{line}", err=err, **how)


def dump(value: Any) -> str:
    """JSON as it is read, save for half a surrogate pair: that is no text, only an escape is.

    A dataclass is an object of its fields, or what its ``to_dict`` gives.
    """
    text = json.dumps(value, ensure_ascii=False, indent=2, default=_as_dict)
    return text if printable(text) == text else _escaped(value)


def _escaped(value: Any) -> str:
    return json.dumps(value, indent=2, default=_as_dict)


def _as_dict(value: Any) -> dict[str, Any]:
    if not is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"{type(value).__name__} has no JSON")
    if hasattr(value, "to_dict"):
        found: dict[str, Any] = value.to_dict()
        return found
    return {field.name: getattr(value, field.name) for field in fields(value)}


def printable(text: str) -> str:
    """``text`` without half surrogate pairs, which no terminal takes."""
    return text.encode("utf-8", "backslashreplace").decode()


def say(text: str, *, err: bool = False) -> None:
    """One line, in the letters that the channel has."""
    encoding = getattr(sys.stderr if err else sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "replace").decode(encoding), err=err)


def tell_json(value: Any, *, err: bool = False) -> None:
    """Indented JSON, with letters of every script where the channel has them."""
    text = dump(value)
    try:
        text.encode(getattr(sys.stderr if err else sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = _escaped(value)
    click.echo(text, err=err)


class Report(Protocol):
    """What a command has found: a dataclass that ``dump`` writes for programs."""

    def show(self) -> None:
        """Print it for people."""


def tell_report(report: Report, as_json: bool) -> None:
    """Print what a command has found, for programs or for people."""
    if as_json:
        tell_json(report)
    else:
        report.show()


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
