"""Telling the user: one line on stderr for a person at ``llm``, the log for a program."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable

import click

from ..exchange import Notice, Waiting
from ..translation import Adjustment

__all__ = [
    "command_context",
    "end_line",
    "is_command",
    "logger",
    "note_line",
    "tell",
    "tell_adjustments",
    "tell_notice",
    "text_is_on_stderr",
]

logger = logging.getLogger("llm_kimi")

_TOLD = "llm_kimi.told"
_OPEN = "llm_kimi.open_line"
_WAITING = "llm_kimi.waiting"


def command_context() -> click.Context | None:
    """The context of llm's command line, when it is running.

    Other programs use click as well, a server under uvicorn for one: there the log is the place.
    """
    cli = getattr(sys.modules.get("llm.cli"), "cli", None)
    context = click.get_current_context(silent=True)
    while context is not None and context.command is not cli:
        context = context.parent
    return context


def is_command() -> bool:
    """Whether llm's command line is running."""
    return command_context() is not None


def tell(text: str) -> None:
    """One line: on stderr when llm's command line is running, else a warning in the log.

    The same line is told once a command, not once a round of a tool chain. It begins on a line
    of its own, whatever of an answer has been shown before it.
    """
    context = command_context()
    if context is None:
        logger.warning(text)
        return
    told: set[str] = context.meta.setdefault(_TOLD, set())
    if text not in told:
        told.add(text)
        end_line()
        click.echo(f"kimi: {text}", err=True)


def tell_notice(notice: Notice) -> None:
    """What an exchange has to say. A wait is over when it is over: the log has it at level INFO."""
    if isinstance(notice, Waiting):
        _tell_wait(notice)
    else:
        tell(notice.text)


def _tell_wait(wait: Waiting) -> None:
    """Every wait is told, in a later round of a tool chain too; uploads that wait side by side for
    about as long are one line."""
    context = command_context()
    if context is None:
        logger.info("%s", wait.text)
        return
    now = time.monotonic()
    left = context.meta.get(_WAITING, 0.0) - now
    if left > 0.8 * wait.seconds:
        return
    context.meta[_WAITING] = now + wait.seconds
    end_line()
    # The bar of an upload may stand in this line; it is drawn again below.
    erase = "\r\x1b[K" if sys.stderr.isatty() else ""
    click.echo(f"{erase}kimi: {wait.text}", err=True)


def note_line(*, is_open: bool) -> None:
    """Remember whether what llm shows of an answer stands in the middle of a line."""
    context = command_context()
    if context is not None:
        context.meta[_OPEN] = is_open


def end_line() -> None:
    """End that line on stderr, so that what is told next begins one of its own."""
    context = command_context()
    if context is not None and context.meta.get(_OPEN):
        context.meta[_OPEN] = False
        click.echo("", err=True)


def text_is_on_stderr() -> bool:
    """Whether stdout and stderr end up in the same place: a terminal, or ``2>&1``."""
    import os

    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return True  # not files, so nobody can tell


def tell_adjustments(adjustments: Iterable[Adjustment]) -> None:
    """Those that change the meaning are told; all of them are in the log at level INFO."""
    for adjustment in adjustments:
        if adjustment.changes_meaning:
            tell(str(adjustment))
        else:
            logger.info("%s", adjustment)
