"""``llm kimi files``: what an account has stored at Kimi. Each command is imported when used."""

from __future__ import annotations

from importlib import import_module

import click

__all__ = ["files"]

_HOMES = {
    "list": "list_show",
    "upload": "upload",
    "show": "list_show",
    "content": "list_show",
    "delete": "delete_prune",
    "prune": "delete_prune",
}


class _Files(click.Group):
    """The commands, in the order in which one needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _HOMES:
            return None
        module = import_module(f".{_HOMES[cmd_name]}", __name__)
        commands: dict[str, click.Command] = module.COMMANDS
        return commands[cmd_name]


@click.group(cls=_Files)
def files() -> None:
    """The files that your account has at Kimi.

    Prompts upload what they need on their own and remember it. These commands are for files that
    you upload on purpose, and for tidying up: an account can have 1,000 files and 10 GB.

    \b
    Examples:
      llm kimi files list
      llm kimi files upload photo.jpg
      llm kimi files prune
    """
