"""A prompt with the options of ``llm prompt``, up to the moment at which it would be sent.

``llm prompt`` itself is run, so that what ``count`` counts and ``explain`` explains is the very
request.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import click
import llm
import llm.cli

from ..catalog import FLAGSHIP
from ..config import discovered_models
from ..exchange import Target
from ..integrations.llm.models import Kimi
from ..integrations.llm.unsent import unsent_request
from ..translation import Translation
from .served_models import did_you_mean, standing

__all__ = ["OPTIONS", "chosen_model", "given_options", "request_of"]

Json = dict[str, Any]

_PROMPT = llm.cli.cli.commands["prompt"]
_TAKEN = (
    "prompt",
    "system",
    "model_id",
    "database",
    "attachments",
    "attachment_types",
    "tools",
    "python_tools",
    "options",
    "schema_input",
    "schema_multi",
    "fragments",
    "system_fragments",
    "template",
    "param",
    "_continue",
    "conversation_id",
    "key",
)
"""The options of ``llm prompt`` that make a difference to what is sent."""

OPTIONS: tuple[click.Parameter, ...] = tuple(
    param for param in _PROMPT.params if param.name in _TAKEN
)


def request_of(ctx: click.Context, given: Json) -> tuple[Target, Translation]:
    """What ``llm prompt`` would send for these options, and where; nothing is sent or logged.

    Without a model of its own the prompt goes to llm's default model if that is a Kimi model, else
    to the flagship.

    Raises:
        click.ClickException: as ``llm prompt`` does, or the model is not a Kimi model.
    """
    given["model_id"] = _model_id(ctx, given)
    # Nothing is printed before it is sent, and nothing logged.
    found = unsent_request(lambda: ctx.invoke(_PROMPT, **given, no_log=True))
    if found is None:
        raise click.ClickException("llm would send nothing for this")
    return found.target, found.translation


def given_options(ctx: click.Context, *, beside: tuple[str, ...] = ()) -> list[str]:
    """The options of a prompt that stand on the command line, as they are written there; not those
    of the names ``beside``."""
    return [
        param.opts[0]
        for param in OPTIONS
        if isinstance(param, click.Option)
        and param.name not in beside
        and ctx.get_parameter_source(str(param.name)) is click.core.ParameterSource.COMMANDLINE
    ]


def chosen_model(name: str) -> str:
    """The id behind ``name``, where llm knows it as an alias of a Kimi model; else ``name``."""
    with suppress(llm.UnknownModelError):
        model = llm.get_model(name)
        if isinstance(model, Kimi):
            return str(model.model_id)
    return name


def _model_id(ctx: click.Context, given: Json) -> str:
    """The model that ``llm prompt`` would take, if it is ours; the flagship where it was not
    asked for one and its default is another maker's."""
    by_hand = ctx.get_parameter_source("model_id") is click.core.ParameterSource.COMMANDLINE
    asked = given["model_id"] if by_hand else _of_template(given) or _of_conversation(given)
    wanted = asked or given["model_id"] or llm.get_default_model()  # type: ignore[no-untyped-call]
    try:
        model = llm.get_model(wanted)
    except llm.UnknownModelError as error:
        if not asked:
            return FLAGSHIP
        raise click.ClickException(_unknown(asked, error)) from None
    if isinstance(model, Kimi):
        return model.model_id
    if asked:
        raise click.ClickException(
            f"{asked} is not a Kimi model, and this command is for Kimi models: -m {FLAGSHIP}"
        )
    return FLAGSHIP


def _unknown(model_id: str, error: llm.UnknownModelError) -> str:
    """Why llm does not know it: retired, mistyped or never heard of."""
    found = standing(model_id, discovered_models.load())
    if found.refusal:
        return found.refusal
    hint = did_you_mean(model_id)
    return f"{error.args[0]}{hint}" if hint.endswith("?") else str(error.args[0])


def _of_template(given: Json) -> str | None:
    names = given["template"] or ()
    for name in (names,) if isinstance(names, str) else names:
        # A template that is missing is for "llm prompt" to report.
        with suppress(llm.cli.LoadTemplateError):
            model: str | None = llm.cli.load_template(name).model
            if model:
                return model
    return None


def _of_conversation(given: Json) -> str | None:
    if not (given["conversation_id"] or given["_continue"]):
        return None
    with suppress(click.ClickException, llm.UnknownModelError):
        conversation = llm.cli.load_conversation(
            given["conversation_id"], database=given["database"]
        )
        if conversation is not None:
            return str(conversation.model.model_id)
    return None
