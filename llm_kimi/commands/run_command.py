"""Another program, run with variables of ours in its environment, as if it had been typed."""

from __future__ import annotations

import os
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

_OF_BOTH = ("SIGINT", "SIGQUIT")
_OF_US = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")


def run_command(command: tuple[str, ...], environment: Mapping[str, str]) -> int:
    """Run ``command`` and return its exit status; 126 and 127 where it cannot be run, as in shells.

    Signals are left to it.
    """
    program = shutil.which(command[0])
    if program is None:
        # An unactivated virtual environment: its programs lie beside its Python.
        program = shutil.which(command[0], path=str(Path(sys.executable).parent))
    if (
        program is None
        and os.path.exists(command[0])
        and os.path.basename(command[0]) != command[0]
    ):
        what = "is a folder" if os.path.isdir(command[0]) else "is not executable"
        click.echo(f"Error: cannot run {command[0]}: it {what}", err=True)
        return 126
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
    """Leave it to the command what signals mean; we only wait for it.

    The terminal sends Ctrl-C and Ctrl-\\ to both of us; SIGTERM and the like come to us alone and
    are passed on to the process that is handed over. All are seen to before it starts: it may be
    at work, and get its signal, before its start has come back to us.
    """
    if not _in_main_thread():
        yield lambda process: None
        return
    running: list[subprocess.Popen[bytes]] = []
    asked: list[int] = []

    def hand_on(number: int, frame: Any) -> None:
        asked.append(number)
        for process in running:
            process.send_signal(number)

    def passed_on(process: subprocess.Popen[bytes]) -> None:
        running.append(process)
        for number in asked:
            process.send_signal(number)

    handlers: dict[int, Any] = {}
    for names, handler in ((_OF_BOTH, lambda number, frame: None), (_OF_US, hand_on)):
        for number in (getattr(signal, name, None) for name in names):
            # What is ignored (nohup) stays so, here and in the command.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                handlers[number] = handler
    before = {number: signal.signal(number, how) for number, how in handlers.items()}
    try:
        yield passed_on
    finally:
        for number, how in before.items():
            signal.signal(number, how)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
