"""``llm kimi explain``: what becomes of OpenAI requests, without sending them."""

from __future__ import annotations

import json
from typing import IO, Any

import click

from .. import learned
from ..catalog import UnknownModelError, resolve
from ..errors import InvalidRequestError
from ..llm_door.notices import tell
from ..settings import strict_by_default
from ..translation import (
    FALLBACKS,
    WAYS_IN,
    Adjustment,
    Fallback,
    Translation,
    translate,
)
from ..translation.adjustments import shorten
from .explain_lines import explain_lines, opened, write_line
from .host import in_one_line
from .request_lines import Entry, LineReader, looks_like_lines
from .terminal import dump, printable, secho, style

__all__ = ["explain"]


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option("-m", "--model", help="Explain it for this model in place of the request's own.")
@click.option("--json", "as_json", is_flag=True, help="The same as one JSON object.")
@click.option(
    "--jsonl", is_flag=True, help="FILE holds one request a line, whatever it looks like."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write the translated requests there, one a line; - is stdout.",
)
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
    file: IO[bytes],
    model: str | None,
    as_json: bool,
    jsonl: bool,
    out: str | None,
    strict: bool,
    tool_choice_fallback: Fallback,
) -> None:
    """Show what becomes of OpenAI requests.

    FILE holds the JSON body of a chat completions request; "-" or nothing reads it from a pipe;
    nothing is sent. Out comes the body as Kimi gets it, then every adjustment with its reason and
    source. A "!" marks those that change the meaning.

    FILE may also hold one request a line: bodies, OpenAI's batch form, logs of requests. Then a
    summary comes out, of what Kimi would refuse as sent, what runs translated, and what changes.

    \b
    Examples:
      echo '{"model": "kimi-k2.6", "temperature": 0.2,
             "messages": [{"role": "user", "content": "hi"}]}' | llm kimi explain
      llm kimi explain batch.jsonl -m kimi-k2.6 --out kimi.jsonl
    """
    if file.isatty():
        raise click.UsageError("give a FILE, or pipe a request in")
    if trouble := learned.load().trouble:
        tell(trouble)
    with in_one_line():
        strict = strict or strict_by_default()
    if model is not None:
        try:
            resolve(model)
        except UnknownModelError as error:
            raise click.ClickException(f"model: {error}") from None
    reader = LineReader(file)
    if jsonl or looks_like_lines(reader, _name(file)):
        _explain_lines(reader, _name(file), model, strict, tool_choice_fallback, out, as_json)
        return
    request = _read(reader, _name(file))
    if model is not None:
        request["model"] = model
    try:
        translation = translate(request, strict=strict, tool_choice_fallback=tool_choice_fallback)
    except InvalidRequestError as error:
        raise click.ClickException(_error_text(error, model)) from None
    if out is not None:
        with opened(out, file) as stream:
            assert stream is not None
            write_line(stream, Entry(request, None), translation)
    if out != "-":
        _show(translation, as_json)


def _explain_lines(
    reader: LineReader,
    name: str,
    model: str | None,
    strict: bool,
    fallback: Fallback,
    out: str | None,
    as_json: bool,
) -> None:
    with opened(out, reader.stream) as stream:
        explain_lines(
            reader,
            name,
            model=model,
            strict=strict,
            fallback=fallback,
            out=stream,
            as_json=as_json,
        )


def _read(reader: LineReader, name: str) -> dict[str, Any]:
    try:
        text = reader.rest()
        if not text.strip():
            raise click.ClickException(f"{name} is empty")
        request = json.loads(text)
    except ValueError as error:
        lines = "; for one request a line: --jsonl" if b"\n" in text.strip() else ""
        raise click.ClickException(f"{name} is no JSON: {error}{lines}") from None
    except RecursionError:
        raise click.ClickException(f"{name} is nested too deeply") from None
    if not isinstance(request, dict):
        raise click.ClickException(
            f"{name} must hold a JSON object: the body of a chat completions request"
        )
    return request


def _name(file: IO[bytes]) -> str:
    name = getattr(file, "name", "<stdin>")
    return str(name) if isinstance(name, str) and name != "<stdin>" else "the input"


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


def _show(translation: Translation, as_json: bool) -> None:
    if as_json:
        click.echo(dump(_as_dict(translation)))
        return
    click.echo(dump(translation.body))
    click.echo()
    if not translation.adjustments:
        ready = "" if translation.needs else ": Kimi takes it as it is"
        secho(f"Nothing is adjusted{ready}.", bold=True)
    else:
        changes = len(translation.changes_of_meaning)
        count = len(translation.adjustments)
        meaning = f"{changes} of which change{'s' * (changes == 1)} the meaning"
        if not changes:
            meaning = "the meaning stays the same"
        secho(f"{count} adjustment{'s' * (count != 1)}, {meaning}", bold=True)
        for adjustment in translation.adjustments:
            _show_adjustment(adjustment)
    for need in translation.needs:
        click.echo(f"  + {need.param}: {WAYS_IN[need.kind]}")


def _show_adjustment(adjustment: Adjustment) -> None:
    mark = style("!", fg="yellow", bold=True) if adjustment.changes_meaning else "-"
    given = "(nothing)" if adjustment.given is None else printable(shorten(adjustment.given))
    sent = "(left out)" if adjustment.sent is None else printable(shorten(adjustment.sent))
    click.echo(f"  {mark} {style(adjustment.param, bold=True)}: {given} -> {sent}")
    click.echo(f"      {adjustment.reason}")
    secho(f"      {adjustment.source}", dim=True)
