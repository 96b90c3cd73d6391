"""``llm kimi simulate``: the offline Kimi on loopback, alone or around a command."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import click

from ..config.settings import BASE_URL_VARIABLES, KEY_VARIABLES, simulator_environment
from .run_command import run_command

__all__ = ["simulate"]


# Options that stand behind COMMAND are the command's, with "--" before it or without.
@click.command(
    short_help="Run an offline Kimi on this machine.",
    context_settings={"allow_interspersed_args": False},
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port to listen on; 0 picks a free one.",
)
@click.option(
    "--log",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append each request to this file as a line of JSON, with the rule it broke.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="A different seed gives different answers.",
)
@click.option(
    "--chunk-delay",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Seconds between the chunks of a streamed answer, so that you see it stream.",
)
@click.option(
    "--openai",
    is_flag=True,
    help="Lead OpenAI's own clients in COMMAND here as well, by OPENAI_BASE_URL and its key.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def simulate(
    port: int,
    log: Path | None,
    seed: int,
    chunk_delay: float,
    openai: bool,
    command: tuple[str, ...],
) -> None:
    """Run an offline Kimi on this machine, with the API's rules and error texts.

    Without COMMAND it runs until Ctrl-C. With one, it runs the command with a base URL and a key
    in its environment, and exits with the command's exit status.

    \b
    Examples:
      llm kimi simulate -- llm -m kimi hi
      llm kimi simulate --log requests.jsonl -- pytest
    """
    from ..simulator import Simulator

    with ExitStack() as stack:
        stream = None if log is None else stack.enter_context(_open(log))
        simulator = Simulator(port, log=stream, seed=seed, chunk_delay=chunk_delay)
        try:
            stack.enter_context(simulator)
        except OSError as error:
            where = f"port {port}" if port else "a port"
            raise click.ClickException(f"cannot start on {where}: {error}") from None
        if command:
            status = run_command(command, _environment(simulator, openai))
        else:
            status = _serve(simulator, openai)
    sys.exit(status)


def _open(log: Path) -> IO[str]:
    try:
        return log.open("a", encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot write the log: {error}") from None


def _environment(simulator: Any, openai: bool) -> dict[str, str]:
    """The command's environment: every variable that could lead elsewhere points here."""
    variables = simulator_environment(simulator.base_url, simulator.key, openai=openai)
    return {**os.environ, **variables}


def _serve(simulator: Any, openai: bool) -> int:
    names = [BASE_URL_VARIABLES[0], KEY_VARIABLES[0]]
    names += ["OPENAI_BASE_URL", "OPENAI_API_KEY"] if openai else []
    try:
        click.echo(f"Offline Kimi at {simulator.base_url}; Ctrl-C stops it.")
        click.echo("In another terminal:")
        variables = simulator_environment(simulator.base_url, simulator.key, openai=openai)
        for name in names:
            click.echo(f"  export {name}={variables[name]}")
        click.echo("  llm -m kimi hi")
        threading.Event().wait()
    except KeyboardInterrupt:
        # Left set, the variables would lead every later call to nobody.
        click.echo(f"\nStopped. In the other terminal: unset {' '.join(names)}", err=True)
    return 0
