"""llm's hooks. Loaded at every start of ``llm``, so it imports next to nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import llm

__all__ = ["register_commands", "register_fragment_loaders", "register_models"]


@llm.hookimpl
def register_models(register: Callable[..., None]) -> None:
    """Every live model, and those of the last ``llm kimi refresh``; without key or network."""
    from .catalog import FLAGSHIP, live_models
    from .config import discovered_models
    from .integrations.llm.models import async_model, sync_model

    for row in (*live_models(), *discovered_models.load().models):
        aliases = [f"kimi/{row.id}", f"moonshot/{row.id}"]
        if row.id == FLAGSHIP:
            aliases.insert(0, "kimi")
        register(sync_model(row), async_model(row), aliases=tuple(aliases))


class _Commands(click.Group):
    """``llm kimi``: its commands are imported when one is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from .commands import NAMES

        return sorted(NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from .commands import command

        return command(cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        from .commands import surroundings

        with surroundings():
            return super().invoke(ctx)


@llm.hookimpl
def register_commands(cli: click.Group) -> None:
    """``llm kimi ...``"""
    cli.add_command(
        _Commands(
            name="kimi",
            help="Kimi (Moonshot AI): models, files, balance, tokens, requests, an offline Kimi.",
        )
    )


@llm.hookimpl
def register_fragment_loaders(register: Callable[..., None]) -> None:
    """``-f kimi:report.pdf``"""
    register("kimi", _load_fragment)


def _load_fragment(argument: str) -> llm.Fragment:
    """The text of a document, read by Kimi: -f kimi:report.pdf (PDF, Office, EPUB, scans)"""
    from .integrations.llm.fragments import load_fragment

    return load_fragment(argument)
