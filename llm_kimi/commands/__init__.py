"""``llm kimi ...``: one module a command, imported when the command is asked for."""

from __future__ import annotations

from importlib import import_module

import click

__all__ = ["NAMES", "command"]

NAMES = ("balance", "count", "doctor", "explain", "files", "models", "refresh", "simulate")


def command(name: str) -> click.Command | None:
    """The command ``llm kimi NAME``; None when there is none."""
    if name not in NAMES:
        return None
    found = getattr(import_module(f"{__name__}.{name}"), name)
    assert isinstance(found, click.Command)
    return found
