"""One chat of OpenAI's API on its way to Kimi: translated, led as an exchange, answered.

In: the bytes of a request. Out: an ``Exchange`` for a loop of ``llm_kimi.transport``, and what its
chunks are in OpenAI's wire form. Who took the request, an SDK's client or a server, performs it.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from ..config import settings
from ..errors import InvalidRequestError
from ..exchange import MAX_RETRIES, Exchange, Notice, Target
from ..translation import Fallback, Translation, translate
from .openai_http import EventWriter, answer_headers, completion_bytes

__all__ = ["ChatCall", "Options", "bearer_key", "log_notice", "parsed"]

logger = logging.getLogger("llm_kimi")


@dataclass(frozen=True, slots=True)
class Options:
    """What holds for a call. ``strict`` None: as ``KIMI_STRICT`` says. ``key_source`` is where the
    key came from, in words."""

    strict: bool | None = None
    tool_choice_fallback: Fallback = "nudge"
    keep_files: bool = False
    max_retries: int = MAX_RETRIES
    key_source: str = ""


class ChatCall:
    """One chat request. ``translate`` and ``prepare`` it, then perform its ``exchange``.

    Raises:
        InvalidRequestError: ``content`` is no JSON object.
    """

    exchange: Exchange
    writer: EventWriter
    streams: bool
    strict: bool = False

    def __init__(self, content: bytes, base_url: str, key: str, options: Options) -> None:
        self.base_url = base_url
        self.key = key
        self.options = options
        self.body = parsed(content)

    def translate(self) -> Translation:
        """The translation of the request.

        Raises:
            InvalidRequestError: it cannot be, or would change more than strict mode allows.
        """
        options = self.options
        self.strict = settings.strict_by_default() if options.strict is None else options.strict
        return translate(
            self.body, strict=self.strict, tool_choice_fallback=options.tool_choice_fallback
        )

    def prepare(self, translation: Translation) -> None:
        """Make the exchange, and log what was changed."""
        for adjustment in translation.adjustments:
            level = logging.WARNING if adjustment.changes_meaning else logging.DEBUG
            logger.log(level, "%s", adjustment)
        if warning := settings.cleartext_warning(self.base_url):
            logger.warning(warning)
        options = self.options
        target = Target(base_url=self.base_url, key=self.key, key_source=options.key_source)
        files = tools = None
        if translation.official:
            from ..official_tools.tools import OfficialTools

            tools = OfficialTools(target, strict=self.strict, max_retries=options.max_retries)
        if translation.needs:
            from ..files.request_files import RequestFiles

            files = RequestFiles(
                target,
                keep=options.keep_files,
                strict=self.strict,
                max_retries=options.max_retries,
            )
        self.streams = bool(translation.body.get("stream"))
        self.adjustments = translation.adjustments
        self.exchange = Exchange(
            translation, target, max_retries=options.max_retries, files=files, tools=tools
        )
        self.writer = EventWriter(
            translation.adjustments, include_usage=translation.restore.include_usage
        )

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer."""
        return answer_headers(self.exchange.headers, self.exchange.trace_id, self.adjustments)

    def whole(self) -> bytes:
        """The answer, after the exchange has ended."""
        return completion_bytes(self.exchange.completion or {}, self.adjustments)

    def end(self) -> bytes:
        """The end of the stream, after the exchange has ended."""
        return self.writer.end(self.exchange.completion)


def log_notice(output: Any) -> None:
    """A line of the exchange, for the log."""
    if isinstance(output, Notice):
        level = logging.INFO if output.is_news else logging.WARNING
        logger.log(level, "%s", output.text)


def bearer_key(authorization: str | None) -> str:
    """The key in a header ``Authorization``; ``""`` where it has none."""
    scheme, _, key = (authorization or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def parsed(content: bytes) -> dict[str, Any]:
    """The body of a request.

    Raises:
        InvalidRequestError: it is no JSON object, or too deep a one.
    """
    try:
        body = json.loads(content)
    except RecursionError:
        raise InvalidRequestError("the body is nested too deeply", param="body") from None
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise InvalidRequestError("the body is not a JSON object", param="body")
    return body
