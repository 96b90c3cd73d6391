"""Telling the user: one line on stderr for a person at ``llm``, the log for a program."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from ..translation import Adjustment

__all__ = ["logger", "tell", "tell_adjustments"]

logger = logging.getLogger("llm_kimi")


def tell(text: str, *, fresh_line: bool = False) -> None:
    """One line: on stderr when llm's command line is running, else a warning in the log.

    The same line is told once a command, not once a round of a tool chain. ``fresh_line``: an
    answer may have been written before it, without an end of line.
    """
    import click

    context = click.get_current_context(silent=True)
    if context is None:
        logger.warning(text)
        return
    told: set[str] = context.find_root().meta.setdefault("llm_kimi.told", set())
    if text not in told:
        told.add(text)
        click.echo(f"{chr(10) * fresh_line}kimi: {text}", err=True)


def tell_adjustments(adjustments: Iterable[Adjustment]) -> None:
    """Those that change the meaning are told; all of them are in the log at level INFO."""
    for adjustment in adjustments:
        if adjustment.changes_meaning:
            tell(str(adjustment))
        else:
            logger.info("%s", adjustment)
