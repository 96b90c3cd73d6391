"""``llm kimi explain``: what becomes of a prompt or of OpenAI requests, without sending them."""

from __future__ import annotations

import json
import os
from typing import IO, Any

import click

from ...catalog import FLAGSHIP, UnknownModelError, resolve
from ...config import discovered_models
from ...config.settings import strict_by_default
from ...errors import InvalidRequestError
from ...terminal.notices import tell
from ...translation import FALLBACKS, Fallback, Translation, translate, way_out
from ..connect import in_one_line
from ..prompts import OPTIONS, chosen_model, given_options, request_of
from ..served_models import standing
from .batch import explain_lines, opened, write_line
from .batch_reader import Entry, LineReader, looks_like_lines
from .request import show

__all__ = ["explain"]

Json = dict[str, Any]

_OWN = ("prompt", "model_id", "key")
"""Of the options of ``llm prompt``: those that go with a file of requests as well."""

_FILE_ENDINGS = (".json", ".jsonl", ".ndjson")


@click.command()
@click.argument("source", metavar="[FILE or PROMPT]", default="-")
@click.option(
    "-m",
    "--model",
    "model_id",
    help="Explain it for this model, whatever a request in FILE names.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--jsonl", is_flag=True, help="Read FILE as one request a line, whatever its name.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write the translated requests to this file, one a line; - is stdout.",
)
@click.option(
    "--strict", is_flag=True, help="Fail if the meaning would change, as KIMI_STRICT=1 does."
)
@click.option(
    "--tool-choice-fallback",
    type=click.Choice(FALLBACKS),
    default="nudge",
    show_default=True,
    help="What to do if the model does not allow a forced tool call.",
)
@click.pass_context
def explain(
    ctx: click.Context,
    /,
    source: str,
    model_id: str | None,
    as_json: bool,
    jsonl: bool,
    out: str | None,
    strict: bool,
    tool_choice_fallback: Fallback,
    **given: Any,
) -> None:
    """Show what becomes of a prompt, or of OpenAI requests. Nothing is sent.

    You get the body as Kimi gets it, then every adjustment with its reason and source. A "!"
    marks those that change the meaning.

    A PROMPT takes the options of "llm prompt". FILE contains the JSON body of a chat completions
    request; "-" or nothing reads it from a pipe. It may also contain one request a line: bodies,
    or OpenAI's batch form. Then you get a summary of what Kimi would refuse as sent, what runs
    once translated, and what changes.

    \b
    Examples:
      llm kimi explain -m kimi -o temperature 0.2 "Ten names for a pet pelican"
      echo '{"model": "kimi-k3", "temperature": 0.2,
             "messages": [{"role": "user", "content": "hi"}]}' | llm kimi explain
      llm kimi explain batch.jsonl -m kimi --out kimi.jsonl
    """
    if trouble := discovered_models.load().trouble:
        tell(trouble)
    with in_one_line():
        strict = strict or strict_by_default()
    if _is_prompt(ctx, source):
        if jsonl:
            raise click.UsageError("--jsonl is for a FILE of requests, not for a prompt")
        given |= {"prompt": None if source == "-" else source, "model_id": model_id}
        # llm asks for a key before anything else; nothing is sent with it.
        given |= {"key": "sk-not-sent", "options": _options(ctx, given["options"], strict)}
        _, translation = request_of(ctx, given)
        _explain_one(translation, out, as_json)
        return
    file = click.File("rb").convert(source, None, ctx)
    if file.isatty():
        raise click.UsageError("give a PROMPT or a FILE, or pipe a request in")
    model = _checked(chosen_model(model_id)) if model_id is not None else None
    reader = LineReader(file)
    if jsonl or looks_like_lines(reader, _name(file)):
        with opened(out, reader.stream) as stream:
            explain_lines(
                reader,
                _name(file),
                model=model,
                strict=strict,
                fallback=tool_choice_fallback,
                out=stream,
                as_json=as_json,
            )
        return
    request = _read(reader, _name(file))
    if model is not None:
        request["model"] = model
    elif isinstance(request.get("model"), str):
        _checked(request["model"], names_flagship=True)
    try:
        translation = translate(request, strict=strict, tool_choice_fallback=tool_choice_fallback)
    except InvalidRequestError as error:
        raise click.ClickException(str(error)) from None
    _explain_one(translation, out, as_json, file)


explain.params += [param for param in OPTIONS if param.name not in _OWN or param.name == "key"]


def _is_prompt(ctx: click.Context, source: str) -> bool:
    """Whether ``source`` is a prompt: options say so, or it is neither a file nor a name of one."""
    options = given_options(ctx, beside=_OWN)
    if source != "-" and os.path.isfile(source):
        if options:
            raise click.UsageError(
                f"{source} is a file, which goes without {options[0]}: to use its text in a "
                f"prompt, -f {source}"
            )
        return False
    if options:
        return True
    named = source.lower().endswith(_FILE_ENDINGS) or (os.sep in source and " " not in source)
    return source != "-" and not named


def _options(
    ctx: click.Context, given: tuple[tuple[str, str], ...], strict: bool
) -> tuple[tuple[str, str], ...]:
    """The options of the prompt with those that have a place of their own here; -o wins."""
    own = [("strict", "1")] if strict else []
    source = ctx.get_parameter_source("tool_choice_fallback")
    if source is click.core.ParameterSource.COMMANDLINE:
        own.append(("tool_choice_fallback", ctx.params["tool_choice_fallback"]))
    return (*own, *given)


def _checked(model: str, *, names_flagship: bool = False) -> str:
    """``model``, if it names a model that the host may serve."""
    try:
        reason = standing(model, discovered_models.load()).refusal
        resolve(model)
    except UnknownModelError as error:
        reason = reason or str(error)
    if reason is None:
        return model
    way = f" (-m {FLAGSHIP} explains the request for that model)" if names_flagship else ""
    raise click.ClickException(f"model: {reason}{way}")


def _explain_one(
    translation: Translation, out: str | None, as_json: bool, file: IO[bytes] | None = None
) -> None:
    if out is not None:
        for need in translation.needs:
            if need.required:
                raise click.ClickException(f"{need.param}: {way_out(need)}")
        with opened(out, file) as stream:
            assert stream is not None
            write_line(stream, Entry({}, None), translation)
    if out != "-":
        show(
            translation,
            standing(str(translation.body["model"]), discovered_models.load()).note,
            as_json,
        )


def _read(reader: LineReader, name: str) -> Json:
    try:
        text = reader.rest()
        if not text.strip():
            raise click.ClickException(f"{name} is empty")
        request = json.loads(text)
    except ValueError as error:
        lines = "; for one request a line: --jsonl" if b"\n" in text.strip() else ""
        if not text.lstrip().startswith((b"{", b"[", b"\xef\xbb\xbf")):
            lines += '; a prompt is given as an argument: llm kimi explain "..."'
        raise click.ClickException(f"{name} is not valid JSON: {error}{lines}") from None
    except RecursionError:
        raise click.ClickException(f"{name} is nested too deeply") from None
    if not isinstance(request, dict):
        raise click.ClickException(
            f"{name} must contain a JSON object: the body of a chat completions request"
        )
    return request


def _name(file: IO[bytes]) -> str:
    name = getattr(file, "name", "<stdin>")
    return str(name) if isinstance(name, str) and name != "<stdin>" else "the input"
