"""``llm kimi ...``: one module a command, imported when the command is asked for."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import import_module

import click

__all__ = ["NAMES", "command", "surroundings"]

NAMES = (
    "balance",
    "count",
    "doctor",
    "env",
    "explain",
    "files",
    "models",
    "refresh",
    "serve",
    "simulate",
    "tools",
    "with-litellm",
)


def command(name: str) -> click.Command | None:
    """The command ``llm kimi NAME``; None when there is none."""
    if name not in NAMES:
        return None
    module = name.replace("-", "_")
    found = getattr(import_module(f"{__name__}.{module}"), module)
    assert isinstance(found, click.Command)
    return found


def surroundings() -> AbstractContextManager[None]:
    """What every command runs in: a disk that cannot take its output is told in one line."""
    from ..terminal.stdout import full_disk_told

    return full_disk_told()
