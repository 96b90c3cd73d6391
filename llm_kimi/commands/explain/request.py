"""``llm kimi explain`` for one request: its body, its adjustments, what is still to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from ...terminal.output import dump, echo_wrapped, plural, printable, secho, style, tell_json
from ...translation import Adjustment, Attached, Translation, way_in
from ...translation.adjustments import shorten

__all__ = ["show"]

Json = dict[str, Any]


def show(translation: Translation, note: str | None, as_json: bool) -> None:
    """For people, or for programs. ``note``: what one should know of the model."""
    if as_json:
        tell_json(_explained(translation, note))
        return
    click.echo(dump(_shown(translation.body)))
    click.echo()
    if not translation.adjustments:
        ready = "" if translation.needs or note else ": Kimi takes it as it is"
        secho(f"Nothing is adjusted{ready}.", bold=True)
    else:
        count = len(translation.adjustments)
        meaning = _meaning(len(translation.changes_of_meaning), count)
        secho(f"{plural(count, 'adjustment')}, {meaning}", bold=True)
        for adjustment in translation.adjustments:
            _show_adjustment(adjustment)
    for need in translation.needs:
        click.echo(f"  + {need.param}: {way_in(need)}")
    if note:
        echo_wrapped(note, "  ? ", fg="yellow")


def _meaning(changes: int, count: int) -> str:
    """How many of ``count`` adjustments change the meaning, in words."""
    if not changes:
        return "the meaning stays the same"
    if changes == count:
        return "which changes the meaning" if count == 1 else "all of which change the meaning"
    return f"{changes} of which change{'s' * (changes == 1)} the meaning"


@dataclass(frozen=True, slots=True)
class NeededFile:
    """What has to be fetched or uploaded first."""

    kind: str
    param: str


@dataclass(frozen=True, slots=True)
class Explained:
    """What becomes of a request. ``requests``: how many are sent; ``nudge``: whether a tool call
    is asked for once more if there is none."""

    body: Json
    adjustments: list[Json]
    requests: int
    nudge: bool
    needs: list[NeededFile]
    notes: list[str]


def _explained(translation: Translation, note: str | None) -> Explained:
    return Explained(
        body=_shown(translation.body),
        adjustments=[_shown(adjustment.to_dict()) for adjustment in translation.adjustments],
        requests=translation.choices,
        nudge=translation.forced is not None,
        needs=[NeededFile(need.kind, need.param) for need in translation.needs],
        notes=[note] if note else [],
    )


def _shown(value: Any) -> Any:
    """``value`` with the names of attached files in place of the files."""
    if isinstance(value, Attached):
        return {"name": value.name or "attachment", "read_from": value.path or value.url}
    if isinstance(value, dict):
        return {name: _shown(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return value


def _show_adjustment(adjustment: Adjustment) -> None:
    mark = style("!", fg="yellow", bold=True) if adjustment.changes_meaning else "-"
    given = "(nothing)" if adjustment.given is None else printable(shorten(adjustment.given))
    sent = "(left out)" if adjustment.sent is None else printable(shorten(adjustment.sent))
    click.echo(f"  {mark} {style(adjustment.param, bold=True)}: {given} -> {sent}")
    click.echo(f"      {adjustment.reason}")
    secho(f"      {adjustment.source}", dim=True)
