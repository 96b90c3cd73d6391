"""``llm kimi count``: how many tokens would this prompt be, and what would they cost?"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from ..catalog import FLAGSHIP, Model, resolve
from ..config import settings
from ..errors import APIError
from ..exchange import Notice, Target
from ..terminal.notices import tell_notice
from ..terminal.output import echo_wrapped, plural, secho, tell_report
from ..translation import Translation
from ..transport.json_api import Endpoints
from ..transport.openai_sdk import OpenAITransport
from ..transport.protocols import Output
from ..transport.run import run
from .connect import currency, in_one_line
from .prompts import OPTIONS, request_of

__all__ = ["count"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PromptPrice:
    """What a prompt costs, in ``currency``; ``cached_input``: if the cache holds all of it."""

    currency: str
    input: float
    cached_input: float | None


@dataclass(frozen=True, slots=True)
class NotCounted:
    """What is sent beside the messages, and about how many tokens that is."""

    tools: int
    schema: bool
    about_tokens: int

    def show(self) -> None:
        """For people."""
        names = [plural(self.tools, "tool")] if self.tools else []
        names += ["the schema"] if self.schema else []
        add = "adds" if len(names) == 1 and self.tools <= 1 else "add"
        echo_wrapped(
            f"Kimi counts messages only: {' and '.join(names)} {add} about "
            f"{self.about_tokens:,} tokens (estimated)",
            "  ",
        )


@dataclass(frozen=True, slots=True)
class Count:
    """How long a prompt is. ``share`` is the part of the ``context`` that it takes."""

    model: str
    base_url: str
    tokens: int
    context: int
    share: float
    fits: bool
    price: PromptPrice | None
    not_counted: NotCounted | None

    def show(self) -> None:
        """For people."""
        tokens, context = self.tokens, self.context
        secho(plural(tokens, "token"), bold=True)
        share = f"{tokens / context:.1%}" if tokens * 1000 >= context else "less than 0.1%"
        echo_wrapped(f"{share} of the {context:,} tokens of {self.model}", "  ")
        echo_wrapped(self._price_text(), "  ")
        if self.not_counted is not None:
            self.not_counted.show()
        if not self.fits:
            larger = resolve(FLAGSHIP)
            way = f": {FLAGSHIP} takes {larger.context:,}" if tokens < larger.context else ""
            echo_wrapped(
                f"Too long for {self.model}, whose context must fit the answer as well{way}",
                fg="red",
            )

    def _price_text(self) -> str:
        price = self.price
        if price is None:
            return "price unknown"
        text = f"{_dollars(price.input)} as input"
        if price.cached_input is not None:
            text += f", {_dollars(price.cached_input)} if fully cached"
        if currency(self.base_url) != "USD":
            text += f" (list price of {settings.DEFAULT_BASE_URL})"
        return text


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def count(ctx: click.Context, /, as_json: bool, **given: Any) -> None:
    """Count the tokens in a prompt, without asking for an answer.

    Takes the options of "llm prompt". Kimi counts the messages: the system prompt, fragments,
    attachments and, with -c, the conversation so far.

    \b
    Examples:
      llm kimi count -m kimi "Ten names for a pet pelican"
      cat book.txt | llm kimi count -s "Summarise"
      llm kimi count -c "And then?"
    """
    target, translation = request_of(ctx, given)
    with in_one_line():
        found = _counted(target, translation)
    tell_report(found, as_json)


count.params[:0] = OPTIONS


def _counted(target: Target, translation: Translation) -> Count:
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
        raise APIError("the answer contains no total_tokens", status=200)
    return Count(
        model=body["model"],
        base_url=target.base_url,
        tokens=tokens,
        context=row.context,
        share=round(tokens / row.context, 6),
        fits=tokens < row.context,
        price=_price(row, tokens),
        not_counted=_not_counted(body),
    )


@contextmanager
def _with_files(target: Target, translation: Translation) -> Iterator[Json]:
    """The body as it would be sent: with the text of documents, with uploaded images."""
    if not translation.needs:
        yield translation.body
        return
    from ..files.request_files import Preparation, Release, RequestFiles
    from ..terminal.progress import terminal_progress

    files = RequestFiles(target, progress=terminal_progress())
    preparation = Preparation(files, translation)
    transport = OpenAITransport(target.base_url, target.key or "")
    _tell(run(preparation, transport))
    try:
        yield preparation.body
    finally:
        _tell(run(Release(files), transport))


def _tell(outputs: Iterable[Output]) -> None:
    for output in outputs:
        if isinstance(output, Notice):
            tell_notice(output)


def _price(row: Model, tokens: int) -> PromptPrice | None:
    """What so many tokens cost as a prompt, by the list of the international platform."""
    price = row.price
    if price is None:
        return None
    cached = None if price.cached is None else tokens * price.cached / 1_000_000
    return PromptPrice("USD", tokens * price.input / 1_000_000, cached)


def _not_counted(body: Json) -> NotCounted | None:
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
    return NotCounted(len(tools), schema, about)


def _dollars(amount: float) -> str:
    """Two digits that say something: ``$0.0012``, ``$1.25``."""
    if amount <= 0:
        return "$0"
    places = max(2, 1 - math.floor(math.log10(amount)))
    return f"${amount:,.{places}f}"
