"""llm's stdout: a reader that goes away, and an encoding that does not take every answer.

``llm ... | head -1`` ends quietly with status 1, as click ends its own commands and as Python's
documentation advises (https://docs.python.org/3/library/signal.html#note-on-sigpipe). llm would
report the broken pipe as an error, and Python once more at the last flush, with status 120.
"""

from __future__ import annotations

import errno
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from .notices import command_context

__all__ = ["check_reader", "full_disk_told", "open_standard_files", "prepare_stdout"]

_PREPARED = "llm_kimi.stdout"


def prepare_stdout() -> None:
    """See to both, once a command. Nothing is changed where llm is used by another program."""
    context = command_context()
    if context is None or _PREPARED in context.meta:
        return
    context.meta[_PREPARED] = True
    _take_every_character()
    context.call_on_close(_end_quietly)


def _take_every_character() -> None:
    """An answer that was paid for is shown, whatever the locale says.

    In a locale without an encoding of its own (C, POSIX) it is UTF-8, as PEP 540 has it and as
    the prompt was read; elsewhere a character that the terminal does not know becomes "?".
    """
    stream: Any = sys.stdout
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("_", "-")
    if encoding.startswith("utf") or not hasattr(stream, "reconfigure"):
        return
    if encoding in ("ascii", "us-ascii", "ansi-x3.4-1968", "646"):
        stream.reconfigure(encoding="utf-8")
    else:
        stream.reconfigure(errors="replace")


def check_reader() -> None:
    """Before more text is shown: end when nobody reads it any more.

    Here, and not when llm writes it, everything that is open can still be closed in order.

    Raises:
        BrokenPipeError: the reader is gone.
    """
    if command_context() is None or not hasattr(select, "poll"):
        return
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        return  # none, or not a file
    poll = select.poll()
    poll.register(descriptor, 0)
    if any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
        raise BrokenPipeError(32, os.strerror(32))


@contextmanager
def full_disk_told() -> Iterator[None]:
    """Around a command: a disk that cannot take its output is told in one line.

    Raises:
        click.ClickException: with the system's reason.
    """
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG):
            raise
        _let_go()
        raise click.ClickException(f"cannot write the output: {error.strerror}") from None


def open_standard_files() -> None:
    """Open /dev/null in place of a standard file that is closed, so that nothing else gets its
    number. For a process that is about to become another program."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:  # the lowest number that is free is this one
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _end_quietly() -> None:
    """At the end of the command: what llm makes of a broken pipe is not shown."""
    error = sys.exc_info()[1]
    if isinstance(error, click.ClickException):
        if isinstance(error.__context__, BrokenPipeError):
            _let_go()
            error.show = lambda file=None: None  # type: ignore[method-assign]
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _let_go()
        raise click.exceptions.Exit(1) from None
    except (AttributeError, OSError, ValueError):
        return


def _let_go() -> None:
    """What is still to be written goes nowhere, so that the last flush succeeds."""
    try:
        target = os.open(os.devnull, os.O_WRONLY)
        os.dup2(target, sys.stdout.fileno())
        os.close(target)
    except (AttributeError, OSError, ValueError):
        return
