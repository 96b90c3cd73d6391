"""``llm kimi with-litellm``: a program that uses LiteLLM and cannot be edited, with Kimi in it."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import click

from .run_command import run_command

__all__ = ["with_litellm"]

PACKAGE = Path(__file__).resolve().parent.parent
STARTUP = PACKAGE / "integrations" / "litellm" / "startup"
PACKAGE_VARIABLE = "LLM_KIMI_PACKAGE"
STARTED_VARIABLE = "LLM_KIMI_STARTED"
"""A file that the start-up module removes: whether a Python has run it."""


# Options that stand behind COMMAND are the command's, with "--" before it or without.
@click.command(
    "with-litellm",
    short_help="Run a program whose LiteLLM then knows Kimi's models.",
    context_settings={"allow_interspersed_args": False},
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
def with_litellm(command: tuple[str, ...]) -> None:
    """Run a program whose LiteLLM then knows Kimi's models, as kimi/MODEL.

    The program and its environment stay as they are, and need not have llm-kimi: it is registered
    when the program imports LiteLLM. Exits with the program's exit status.

    \b
    Examples:
      llm kimi with-litellm -- aider --model kimi/kimi-k3.1-pro
      llm kimi with-litellm -- python crew.py
    """
    if os.pathsep in str(STARTUP):
        raise click.ClickException(
            f"llm-kimi is installed below {PACKAGE.parent}, and a path with {os.pathsep!r} cannot "
            "be handed to another Python: install it elsewhere"
        )
    path = [str(STARTUP), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        PACKAGE_VARIABLE: str(PACKAGE),
        "PYTHONPATH": os.pathsep.join(path),
    }
    with tempfile.TemporaryDirectory(prefix="llm-kimi-") as folder:
        waiting = Path(folder) / "waiting"
        waiting.touch()
        status = run_command(command, {**environment, STARTED_VARIABLE: str(waiting)})
        ran_without = waiting.exists() and status not in (126, 127)
    if ran_without:
        click.echo(
            f"kimi: {command[0]} started no Python that reads PYTHONPATH (with -I and -E it does "
            "not), so Kimi was not available in its LiteLLM",
            err=True,
        )
    sys.exit(status)
