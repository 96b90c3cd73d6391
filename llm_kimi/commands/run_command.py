"""Another program, run with variables of ours in its environment, as if it had been typed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

__all__ = ["run_command"]


def run_command(command: tuple[str, ...], environment: Mapping[str, str]) -> int:
    """Run ``command`` and return its exit status; 126 and 127 where it cannot be run, as in shells.

    Ctrl-C and SIGTERM are left to it.
    """
    program = shutil.which(command[0])
    if program is None:
        # An unactivated virtual environment: its programs lie beside its Python.
        program = shutil.which(command[0], path=str(Path(sys.executable).parent))
    if program is None:
        click.echo(f"Error: no such command: {command[0]}", err=True)
        return 127
    with _left_to_the_command() as passed_on:
        try:
            process = subprocess.Popen([program, *command[1:]], env=environment)
        except OSError as error:
            click.echo(f"Error: cannot run {command[0]}: {error}", err=True)
            return 126
        passed_on(process)
        status = process.wait()
    return 128 - status if status < 0 else status


@contextmanager
def _left_to_the_command() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Leave it to the command what Ctrl-C and a request to end mean; we only wait for it.

    The terminal sends Ctrl-C to both of us; SIGTERM comes to us alone and is passed on to the
    process that is handed over. Both are seen to before it starts: it may be at work, and get
    its signal, before its start has come back to us.
    """
    if not _in_main_thread():
        yield lambda process: None
        return
    running: list[subprocess.Popen[bytes]] = []
    asked: list[int] = []

    def end(number: int, frame: Any) -> None:
        asked.append(number)
        for process in running:
            process.terminate()

    def passed_on(process: subprocess.Popen[bytes]) -> None:
        running.append(process)
        if asked:
            process.terminate()

    handlers: dict[int, Any] = {signal.SIGINT: lambda number, frame: None, signal.SIGTERM: end}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield passed_on
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
