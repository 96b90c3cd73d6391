"""``llm kimi count``: how many tokens would this prompt be, and what would they cost?

``llm prompt`` itself is run, with its own options, up to the moment at which it would send: what
is counted is the very request.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import click
import llm
import llm.cli

from .. import settings
from ..carriers.drive import Output, run
from ..carriers.endpoints import Endpoints
from ..carriers.openai_sdk import Carrier
from ..catalog import FLAGSHIP, Model, resolve
from ..errors import APIError
from ..exchange import Notice, Target
from ..llm_door.models import Kimi
from ..llm_door.notices import tell
from ..llm_door.rounds import in_place_of_sending
from ..translation import Translation
from .host import currency, in_one_line
from .terminal import dump, echo_wrapped, secho

__all__ = ["count"]

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


class _Asked(BaseException):
    """The request is there. No ``Exception``: ``llm prompt`` would make an error of it."""

    def __init__(self, target: Target, translation: Translation) -> None:
        super().__init__("the request is not sent, it is counted")
        self.target = target
        self.translation = translation


def _stop(target: Target, translation: Translation) -> NoReturn:
    raise _Asked(target, translation)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@click.pass_context
def count(ctx: click.Context, /, as_json: bool, **given: Any) -> None:
    """Count the tokens of a prompt, without asking for an answer.

    Takes what "llm prompt" takes. Kimi counts the messages: the system prompt, fragments,
    attachments and, with -c, the conversation so far.

    \b
    Examples:
      llm kimi count -m kimi-k2.6 "Ten names for a pet pelican"
      cat book.txt | llm kimi count -s "Summarise"
      llm kimi count -c "And then?"
    """
    given["model_id"] = _model_id(ctx, given)
    token = in_place_of_sending.set(_stop)
    try:
        # Nothing is printed before it is sent, and nothing logged.
        ctx.invoke(_PROMPT, **given, no_log=True)
    except _Asked as asked:
        target, translation = asked.target, asked.translation
    else:
        raise click.ClickException("llm sent nothing that could be counted")
    finally:
        in_place_of_sending.reset(token)
    with in_one_line():
        found = _counted(target, translation)
    if as_json:
        click.echo(dump(found))
    else:
        _show(found)


count.params[:0] = [param for param in _PROMPT.params if param.name in _TAKEN]


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
        raise click.ClickException(str(error.args[0])) from None
    if isinstance(model, Kimi):
        return model.model_id
    if asked:
        raise click.ClickException(
            f"{asked} is no Kimi model, and only those can be counted: -m {FLAGSHIP}"
        )
    return FLAGSHIP


def _of_template(given: Json) -> str | None:
    names = given["template"] or ()
    for name in (names,) if isinstance(names, str) else names:
        # A template that is missing is for "llm prompt" to tell.
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


def _counted(target: Target, translation: Translation) -> Json:
    """What the API says, and what follows from it.

    Raises:
        KimiError: the request cannot be counted, or the API failed.
    """
    row = translation.model
    host = Endpoints(target.base_url, target.key or "", key_source=target.key_source)
    with _with_files(target, translation) as body:
        asked = {"model": body["model"], "messages": body["messages"]}
        answer = host.post("/tokenizers/estimate-token-count", asked)
    data = answer.get("data")
    tokens = data.get("total_tokens") if isinstance(data, dict) else None
    if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 0:
        raise APIError("no total_tokens in the answer", status=200)
    return {
        "model": body["model"],
        "base_url": target.base_url,
        "tokens": tokens,
        "context": row.context,
        "share": round(tokens / row.context, 6),
        "fits": tokens < row.context,
        "price": _price(row, tokens),
        "not_counted": _not_counted(body),
    }


@contextmanager
def _with_files(target: Target, translation: Translation) -> Iterator[Json]:
    """The body as it would be sent: with the text of documents, with uploaded images."""
    if not translation.needs:
        yield translation.body
        return
    from ..files.preparation import Preparation, Release
    from ..files.room import FileRoom
    from ..llm_door.progress import terminal_progress

    room = FileRoom(target, progress=terminal_progress())
    preparation = Preparation(room, translation)
    carrier = Carrier(target.base_url, target.key or "")
    _tell(run(preparation, carrier))
    try:
        yield preparation.body
    finally:
        _tell(run(Release(room), carrier))


def _tell(outputs: Iterable[Output]) -> None:
    for output in outputs:
        if isinstance(output, Notice):
            tell(output.text)


def _price(row: Model, tokens: int) -> Json | None:
    """What so many tokens cost as a prompt, by the list of the international platform."""
    price = row.price
    if price is None:
        return None
    cached = None if price.cached is None else tokens * price.cached / 1_000_000
    return {"currency": "USD", "input": tokens * price.input / 1_000_000, "cached_input": cached}


def _not_counted(body: Json) -> Json | None:
    """What is sent beside the messages and not counted by the API; four bytes are about a token.

    https://platform.kimi.ai/docs/openapi.json: EstimateTokenRequest takes model and messages.
    """
    tools = body.get("tools") or []
    form = body.get("response_format")
    schema = isinstance(form, dict) and form.get("type") == "json_schema"
    if not (tools or schema):
        return None
    texts = [json.dumps(part, ensure_ascii=False) for part in (*tools, *([form] if schema else []))]
    about = sum(len(text.encode("utf-8", "replace")) for text in texts) // 4
    return {"tools": len(tools), "schema": schema, "about_tokens": about}


def _show(found: Json) -> None:
    tokens, context, name = found["tokens"], found["context"], found["model"]
    secho(f"{tokens:,} token{'s' * (tokens != 1)}", bold=True)
    share = f"{tokens / context:.1%}" if tokens * 1000 >= context else "less than 0.1%"
    echo_wrapped(f"{share} of the {context:,} tokens of {name}", "  ")
    price = found["price"]
    if price is None:
        echo_wrapped("its price is not known", "  ")
    else:
        text = f"{_dollars(price['input'])} as input"
        if price["cached_input"] is not None:
            text += f", {_dollars(price['cached_input'])} if all of it is cached"
        if currency(found["base_url"]) != "USD":
            text += f" (list price of {settings.DEFAULT_BASE_URL})"
        echo_wrapped(text, "  ")
    if found["not_counted"]:
        _show_not_counted(found["not_counted"])
    if not found["fits"]:
        larger = resolve(FLAGSHIP)
        way = f": {FLAGSHIP} takes {larger.context:,}" if tokens < larger.context else ""
        echo_wrapped(f"Too long for {name}, which has to hold the answer as well{way}", fg="red")


def _show_not_counted(rest: Json) -> None:
    number = rest["tools"]
    names = [f"{number} tool{'s' * (number != 1)}"] if number else []
    names += ["the schema"] if rest["schema"] else []
    echo_wrapped(
        f"Kimi counts messages only: {' and '.join(names)} make about {rest['about_tokens']:,} "
        "more, judged by length",
        "  ",
    )


def _dollars(amount: float) -> str:
    """Two digits that say something: ``$0.0012``, ``$1.25``."""
    if amount <= 0:
        return "$0"
    places = max(2, 1 - math.floor(math.log10(amount)))
    return f"${amount:,.{places}f}"
