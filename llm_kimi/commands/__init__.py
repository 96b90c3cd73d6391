"""``llm kimi ...``: one module a command, each imported with this package and no sooner."""

from __future__ import annotations

import click

from .explain import explain
from .simulate import simulate

__all__ = ["COMMANDS"]

COMMANDS: dict[str, click.Command] = {"explain": explain, "simulate": simulate}
