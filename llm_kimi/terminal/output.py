"""What the commands write: colour where it is wanted, JSON, lines that fit the terminal."""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from typing import Any

import click

__all__ = ["dump", "echo_wrapped", "printable", "secho", "style", "width", "wrapped"]

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
    """JSON as it is read, save for half a surrogate pair: that is no text, only an escape is."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text if printable(text) == text else json.dumps(value, indent=2)


def printable(text: str) -> str:
    """``text`` without half surrogate pairs, which no terminal takes."""
    return text.encode("utf-8", "backslashreplace").decode()
