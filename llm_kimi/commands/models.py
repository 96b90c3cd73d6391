"""``llm kimi models``: what each model allows, from the catalog and from the last refresh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from ..catalog import BY_ID, FLAGSHIP, GONE, MODELS, SOURCES, Model, Pinned, Range, live_models
from ..catalog.types import CacheTtl
from ..config import discovered_models
from ..terminal.notices import tell
from ..terminal.output import echo_wrapped, secho, style, tell_json, width

__all__ = ["models"]

Json = dict[str, Any]

_NUMBERS = 47
"""Columns that the numbers behind a name take."""

_FORMS = ("auto", "none", "required", "named")


@click.command()
@click.option("--all", "every", is_flag=True, help="Include retired models.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that is known, as JSON.")
def models(every: bool, as_json: bool) -> None:
    """List the Kimi models and what each allows. Needs no key and no network.

    Prices are US dollars per million tokens on the international platform. "llm kimi refresh"
    asks your host which models it serves; new ones are marked.

    \b
    Example:
      llm kimi models
      llm kimi models --all --json
    """
    found = discovered_models.load()
    if found.trouble:
        tell(found.trouble)
    rows = [*(MODELS if every else live_models()), *_not_listed(found, every)]
    if as_json:
        gone = [_gone(model_id) for model_id in GONE if model_id not in BY_ID] if every else []
        tell_json([*(_known(row, found) for row in rows), *gone])
    else:
        _show(rows, found, every)


def _not_listed(found: discovered_models.Learned, every: bool) -> list[Model]:
    """Models of the last refresh, without retired ones that ``--all`` lists anyway."""
    return [model for model in found.models if not (every and model.id in BY_ID)]


def _served(row: Model, found: discovered_models.Learned) -> bool | None:
    """Whether the host served it at the last refresh; None: it was never asked."""
    return None if found.when is None else any(seen["id"] == row.id for seen in found.rows)


# -- for programs ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Thinks:
    """How a model is told to think."""

    mode: str
    field: str | None
    efforts: list[str]
    default_effort: str | None


@dataclass(frozen=True, slots=True)
class ListPrice:
    """In ``currency``, for ``per_tokens``. ``cache_write``: by how long the cache keeps them."""

    input: float
    cached_input: float | None
    cache_write: dict[CacheTtl, float] | None
    output: float

    def to_dict(self) -> Json:
        """For programs."""
        return {
            "currency": "USD",
            "per_tokens": 1_000_000,
            "input": self.input,
            "cached_input": self.cached_input,
            "cache_write": self.cache_write,
            "output": self.output,
        }


@dataclass(frozen=True, slots=True)
class KnownModel:
    """Everything that is known of a model. ``tool_choice`` and ``sampling`` are by whether it
    thinks, ``sources`` are URLs by the name of the fact."""

    id: str
    family: str
    status: str
    released: str | None
    retired_on: str | None
    replacement: str | None
    notice: str | None
    learned: bool
    served: bool | None
    context: int
    output_default: int | None
    output_limit: int | None
    modalities: list[str]
    thinking: Thinks
    tool_choice: dict[str, list[str]]
    sampling: dict[str, dict[str, Json]]
    price: ListPrice | None
    sources: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class GoneModel:
    """A model of which only its end is known."""

    id: str
    status: str
    retired_on: str
    replacement: str


def _known(row: Model, found: discovered_models.Learned) -> KnownModel:
    thinking, price = row.thinking, row.price
    return KnownModel(
        id=row.id,
        family=row.family,
        status=row.status,
        released=row.released,
        retired_on=row.retired_on,
        replacement=row.replacement,
        notice=row.notice,
        learned=row.id not in BY_ID,
        served=_served(row, found),
        context=row.context,
        output_default=row.output_default,
        output_limit=row.output_limit,
        modalities=list(row.modalities),
        thinking=Thinks(
            thinking.mode, thinking.field, list(thinking.efforts), thinking.default_effort
        ),
        tool_choice={mode: _forms(row, on) for mode, on in _modes(row)},
        sampling={
            mode: {name: _rule(rule) for name, rule in row.sampling(on).items()}
            for mode, on in _modes(row)
        },
        price=None
        if price is None
        else ListPrice(price.input, price.cached, price.cache_writes or None, price.output),
        sources={
            fact: [SOURCES[key].url for key in keys] for fact, keys in row.sources.items() if keys
        },
    )


def _modes(row: Model) -> list[tuple[str, bool]]:
    mode = row.thinking.mode
    return [
        *([("thinking", True)] if mode != "never" else []),
        *([("not_thinking", False)] if mode != "always" else []),
    ]


def _forms(row: Model, on: bool) -> list[str]:
    return [form for form in _FORMS if form in row.tool_choice(on)]


def _rule(rule: Any) -> Json:
    if isinstance(rule, Pinned):
        return {"fixed": rule.value}
    if isinstance(rule, Range):
        return {"from": rule.low, "to": rule.high, "default": rule.default}
    return {"as_openai": True}


def _gone(model_id: str) -> GoneModel:
    retired_on, replacement = GONE[model_id]
    return GoneModel(model_id, "retired", retired_on, replacement)


# -- for people --------------------------------------------------------------------------------


def _show(rows: list[Model], found: discovered_models.Learned, every: bool) -> None:
    longest = min(max(24, *(len(row.id) for row in rows)), width() - _NUMBERS)
    head = f"{'Model':{longest}}  {'Context':>9}  {'Output':>9}  {'$/M in':>6}  {'cached':>6}  "
    secho(f"{head}{'out':>6}", bold=True)
    for row in rows:
        name = f"{row.id:{longest}}"
        if len(name) > longest:  # a relay's long id: a line of its own
            secho(name, bold=True)
            name = " " * longest
        click.echo(f"{style(name, bold=True)}  {_numbers(row)}")
        echo_wrapped(_sentence(row), "  ", dim=row.status == "retired")
        for note in _notes(row, found):
            echo_wrapped(note, "  ", fg="yellow")
    if every:
        click.echo()
        echo_wrapped("Retired long ago; only the ids are known:")
        for model_id in GONE:
            if model_id not in BY_ID:
                retired_on, replacement = GONE[model_id]
                click.echo(f"  {model_id}: retired on {retired_on}, use {replacement}")
    click.echo()
    echo_wrapped(
        "Output is the most that a model writes, thinking included; prompt and output share the "
        "context. tool_choice auto and none always work."
    )
    if found.when:
        echo_wrapped(f"Last refresh of {found.base_url}: {found.when}.")


def _numbers(row: Model) -> str:
    price = row.price
    cached = None if price is None else price.cached
    money = (None, None, None) if price is None else (price.input, cached, price.output)
    cells = (f"{row.context:>9,}", f"{row.output_limit or row.context:>9,}")
    return "  ".join((*cells, *(f"{'-' if m is None else f'{m:.2f}':>6}" for m in money)))


def _sentence(row: Model) -> str:
    """Modalities, thinking, forced tool calls; output when nothing is said."""
    parts = [", ".join(row.modalities), _thinks(row), _forcing(row)]
    if row.price is not None and row.price.cache_writes:
        prices = [f"${price:.2f}/M for {ttl}" for ttl, price in row.price.cache_writes.items()]
        parts.append(f"writing to the cache {', '.join(prices)}")
    if row.output_default:
        parts.append(f"writes up to {row.output_default:,} by default")
    if row.id == FLAGSHIP:
        parts.append("also known as kimi")
    return "; ".join(parts)


def _thinks(row: Model) -> str:
    thinking = row.thinking
    if thinking.mode == "always":
        levels = f" ({', '.join(thinking.efforts)})" if thinking.efforts else ""
        return f"always thinks{levels}"
    return "thinking can be switched off" if thinking.mode == "switchable" else "does not think"


def _forcing(row: Model) -> str:
    """The forms of ``tool_choice`` beyond auto and none."""

    def words(on: bool) -> str:
        forced = [form for form in _forms(row, on) if form not in ("auto", "none")]
        return " or ".join(forced).replace("named", "a named tool")

    mode = row.thinking.mode
    if mode == "switchable":
        on, off = words(True), words(False)
        if off and not on:
            return f"tool_choice {off} only with thinking off"
        return f"tool_choice {on}" if on else "tool calls cannot be forced"
    found = words(mode == "always")
    return f"tool_choice {found}" if found else "tool calls cannot be forced"


def _notes(row: Model, found: discovered_models.Learned) -> list[str]:
    notes = []
    if row.status == "retired":
        notes.append(f"retired on {row.retired_on}: use {row.replacement}")
    if row.notice:
        use = f": use {row.replacement}" if row.replacement else ""
        notes.append(f"{row.notice}{use}")
    if row.id not in BY_ID:
        notes.append("learned by 'llm kimi refresh'; its rules are guessed from its name")
    elif found.when:
        served = _served(row, found)
        if row.status == "live" and not served:
            notes.append("not served by your host at the last refresh")
        elif row.status == "retired" and served:
            notes.append("served by your host at the last refresh")
    return notes
