"""``llm kimi with-litellm``: a program that uses LiteLLM and cannot be edited, with Kimi in it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from .run_command import run_command

__all__ = ["with_litellm"]

PACKAGE = Path(__file__).resolve().parent.parent
STARTUP = PACKAGE / "integrations" / "litellm" / "startup"
PACKAGE_VARIABLE = "LLM_KIMI_PACKAGE"


# Options that stand behind COMMAND are the command's, with "--" before it or without.
@click.command("with-litellm", context_settings={"allow_interspersed_args": False})
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
    environment = {**os.environ, PACKAGE_VARIABLE: str(PACKAGE)}
    path = [str(STARTUP), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(path)
    sys.exit(run_command(command, environment))
