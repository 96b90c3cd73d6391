"""``llm kimi explain``: what becomes of an OpenAI request, without sending it."""

from __future__ import annotations

import json
from typing import IO, Any

import click

from ..errors import InvalidRequestError
from ..settings import strict_by_default
from ..translation import (
    FALLBACKS,
    WAYS_OUT,
    Adjustment,
    Fallback,
    Translation,
    translate,
)
from ..translation.adjustments import shorten

__all__ = ["explain"]


@click.command()
@click.argument("file", type=click.File("r", encoding="utf-8-sig"), default="-")
@click.option("-m", "--model", help="Explain it for this model in place of the request's own.")
@click.option("--json", "as_json", is_flag=True, help="Body and adjustments as one JSON object.")
@click.option(
    "--strict", is_flag=True, help="Fail when the meaning would change, as KIMI_STRICT=1 does."
)
@click.option(
    "--tool-choice-fallback",
    type=click.Choice(FALLBACKS),
    default="nudge",
    show_default=True,
    help="What to do about a forced tool call that the model does not allow.",
)
def explain(
    file: IO[str], model: str | None, as_json: bool, strict: bool, tool_choice_fallback: Fallback
) -> None:
    """Show what becomes of an OpenAI request; nothing is sent.

    FILE holds the JSON body of a chat completions request; "-" or nothing reads it from a pipe.
    Out comes the body as Kimi gets it, then every adjustment with its reason and source. A "!"
    marks those that change the meaning.

    \b
    Example:
      echo '{"model": "kimi-k2.6", "temperature": 0.2,
             "messages": [{"role": "user", "content": "hi"}]}' | llm kimi explain
    """
    request = _read(file)
    if model is not None:
        request["model"] = model
    try:
        translation = translate(
            request,
            strict=strict or strict_by_default(),
            tool_choice_fallback=tool_choice_fallback,
        )
    except InvalidRequestError as error:
        raise click.ClickException(_error_text(error, model)) from None
    if as_json:
        click.echo(_dump(_as_dict(translation)))
    else:
        _show(translation)


def _read(file: IO[str]) -> dict[str, Any]:
    if file.isatty():
        raise click.UsageError("give a FILE, or pipe a request in")
    try:
        text = file.read()
        if not text.strip():
            raise click.ClickException(f"{_name(file)} is empty")
        request = json.loads(text)
    except ValueError as error:
        raise click.ClickException(f"{_name(file)} is no JSON: {error}") from None
    except RecursionError:
        raise click.ClickException(f"{_name(file)} is nested too deeply") from None
    if not isinstance(request, dict):
        raise click.ClickException(
            f"{_name(file)} must hold a JSON object: the body of a chat completions request"
        )
    return request


def _name(file: IO[str]) -> str:
    name = getattr(file, "name", "<stdin>")
    return "the input" if name == "<stdin>" else str(name)


def _error_text(error: InvalidRequestError, model: str | None) -> str:
    text = str(error)
    if error.param == "model" and model is None:
        text += "; -m kimi-k2.6 explains the request for that model"
    return text


def _as_dict(translation: Translation) -> dict[str, Any]:
    return {
        "body": translation.body,
        "adjustments": [adjustment.to_dict() for adjustment in translation.adjustments],
        "requests": translation.choices,
        "nudge": translation.forced is not None,
        "needs": [{"kind": need.kind, "param": need.param} for need in translation.needs],
    }


def _dump(value: Any) -> str:
    """JSON as it is read, save for half a surrogate pair: that is no text, only an escape is."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text if _printable(text) == text else json.dumps(value, indent=2)


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _show(translation: Translation) -> None:
    click.echo(_dump(translation.body))
    click.echo()
    if not translation.adjustments:
        ready = "" if translation.needs else ": Kimi takes it as it is"
        click.secho(f"Nothing is adjusted{ready}.", bold=True)
    else:
        changes = len(translation.changes_of_meaning)
        count = len(translation.adjustments)
        meaning = f"{changes} of which change{'s' * (changes == 1)} the meaning"
        if not changes:
            meaning = "the meaning stays the same"
        click.secho(f"{count} adjustment{'s' * (count != 1)}, {meaning}", bold=True)
        for adjustment in translation.adjustments:
            _show_adjustment(adjustment)
    for need in translation.needs:
        click.echo(f"  ? {need.param}: {WAYS_OUT[need.kind]}")


def _show_adjustment(adjustment: Adjustment) -> None:
    mark = click.style("!", fg="yellow", bold=True) if adjustment.changes_meaning else "-"
    given = "(nothing)" if adjustment.given is None else _printable(shorten(adjustment.given))
    sent = "(left out)" if adjustment.sent is None else _printable(shorten(adjustment.sent))
    click.echo(f"  {mark} {click.style(adjustment.param, bold=True)}: {given} -> {sent}")
    click.echo(f"      {adjustment.reason}")
    click.secho(f"      {adjustment.source}", dim=True)
