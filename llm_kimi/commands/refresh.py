"""``llm kimi refresh``: which models does the host serve? Kept for ``llm`` and the translation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import click

from ..catalog import BY_ID, live_models, rules
from ..config import discovered_models
from ..errors import APIError
from ..terminal.output import echo_wrapped, secho, tell_report
from ..transport.json_api import Endpoints
from .connect import connect, in_one_line, key_option

__all__ = ["refresh"]

Json = dict[str, Any]

MAX_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Difference:
    """A model whose context the host states otherwise than the ``catalog``."""

    id: str
    context_length: int
    catalog: int


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What the host serves, and what is different from before. ``new`` are rows as the host has
    them, all others ids."""

    base_url: str
    refreshed: str | None
    file: str
    served: list[str]
    new: list[Json]
    gone: list[str]
    learned: list[str]
    not_served: list[str]
    different: list[Difference]
    other_makers: int
    previous_file_broken: bool

    def show(self) -> None:
        """For people."""
        count, others = len(self.served), self.other_makers
        beside = f", and {others} of other makers" if others else ""
        plural = "" if count == 1 else "s"
        secho(f"{self.base_url} serves {count} Kimi model{plural}{beside}", bold=True)
        for row in self.new[:MAX_SHOWN]:
            _line("new", f"{row['id']} ({_stated(row)})", fg="green")
        if len(self.new) > MAX_SHOWN:
            _line("new", f"and {len(self.new) - MAX_SHOWN} more", fg="green")
        for model_id in self.gone:
            _line("gone", f"{model_id}, which it served last time", fg="red")
        for model_id in self.not_served:
            if model_id not in self.gone:
                _line("not served", f"{model_id}, which the open platform has", fg="yellow")
        for each in self.different:
            told, ours = f"{each.context_length:,}", f"{each.catalog:,}"
            _line("differs", f"{each.id}: a context of {told}, {ours} in the catalog", fg="yellow")
        if not (self.new or self.gone):
            click.echo("  no models were added or removed")
        if self.learned:
            click.echo(f"To use one: llm -m {self.learned[0]} hi")


@click.command()
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def refresh(key: str | None, as_json: bool) -> None:
    """Ask the host for its models.

    New models can be used at once, with the capabilities that the host states; their other rules
    are those of the newest family. The list is kept per base URL, in kimi-models.json in llm's
    user folder.

    \b
    Example:
      llm kimi refresh
      llm -m kimi-k4 hi
    """
    with in_one_line():
        host = connect(key)
        rows = _listed(host)
    before = discovered_models.read(host.base_url)
    when = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        path = discovered_models.save(host.base_url, rows, when)
    except OSError as error:
        where = discovered_models.path()
        raise click.ClickException(f"cannot write {where}: {error.strerror or error}") from None
    after = discovered_models.load(host.base_url)
    report = _report(before, after, others=len(rows) - len(after.rows), path=str(path))
    tell_report(report, as_json)


def _listed(host: Endpoints) -> list[Any]:
    """The rows of ``GET /v1/models``.

    Raises:
        APIError: the answer holds none.
    """
    answer = host.get("/models")
    rows = answer.get("data")
    if not isinstance(rows, list) or not any(isinstance(row, dict) and "id" in row for row in rows):
        hint = f"Is there a Kimi API at {host.base_url}?"
        raise APIError("the answer lists no models", status=200, hint=hint)
    return rows


def _report(
    before: discovered_models.Learned, after: discovered_models.Learned, *, others: int, path: str
) -> Refreshed:
    """``new`` and ``gone`` are meant against the last time, at first against the catalog."""
    served = {row["id"]: row for row in after.rows}
    earlier = {row["id"] for row in before.rows}
    known = earlier | {model.id for model in live_models()}
    named = {rules(model_id).id for model_id in served}  # relays write them in their own way
    return Refreshed(
        base_url=after.base_url,
        refreshed=after.when,
        file=path,
        served=list(served),
        new=[row for model_id, row in served.items() if model_id not in known],
        gone=sorted(earlier - served.keys()),
        learned=[model.id for model in after.models],
        not_served=[model.id for model in live_models() if model.id not in named],
        different=[
            Difference(model_id, length, BY_ID[model_id].context)
            for model_id, row in served.items()
            if model_id in BY_ID
            and (length := row.get("context_length")) not in (None, BY_ID[model_id].context)
        ],
        other_makers=others,
        previous_file_broken=before.trouble is not None,
    )


def _line(mark: str, text: str, **how: Any) -> None:
    echo_wrapped(f"{mark}: {text}", "  ", **how)


def _stated(row: Json) -> str:
    """The capabilities that the host states, in words."""
    words = []
    if "context_length" in row:
        words.append(f"{row['context_length']:,} tokens")
    for flag, word in (
        ("supports_image_in", "images"),
        ("supports_video_in", "videos"),
        ("supports_reasoning", "thinking"),
    ):
        if flag in row:
            words.append(word if row[flag] else f"no {word}")
    return ", ".join(words) or "nothing stated"
