"""What LiteLLM hands to a custom provider, as one chat request in OpenAI's form."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import litellm

from ...config import settings
from ...errors import InvalidRequestError
from ...translation import FALLBACKS, Fallback, Translation, translate
from ...translation.checks import require
from ...translation.fields import TAKEN

__all__ = ["ADJUSTMENTS", "Asked", "read_call", "translate_call"]

logger = logging.getLogger("llm_kimi")

Json = dict[str, Any]

ADJUSTMENTS = "kimi_adjustments"
"""Under which name answers say what was changed."""

_FIELDS = "provider_specific_fields"

# LiteLLM's own, and ours: they are no part of the request.
_OURS = frozenset(
    {"max_retries", "extra_body", "tool_choice_fallback", "strict", "ssl_verify", "keep_files"}
)
# Arguments of LiteLLM that say where and how a request is sent: in a body they would do nothing.
_OF_THE_CALL = frozenset(
    {
        "api_base",
        "api_key",
        "base_url",
        "client",
        "custom_llm_provider",
        "extra_body",
        "extra_headers",
        "headers",
        "max_retries",
        "ssl_verify",
        "timeout",
    }
)
# Sampling of other makers that LiteLLM's bridges hand on; told and left out, no error.
_FOREIGN = frozenset({"top_k", "min_p", "repetition_penalty", "context_management"})
_TAKEN = TAKEN | _OURS | _FOREIGN


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: the request, and what is asked of this package."""

    request: Json
    max_retries: int
    strict: bool
    fallback: Fallback
    drop: bool
    keep_files: bool


def read_call(
    model: str,
    messages: list[Any],
    optional_params: Json,
    litellm_params: Json,
    *,
    provider: str,
    stream: bool,
) -> Asked:
    """The request of a LiteLLM call; nothing that was given is changed.

    Raises:
        litellm.UnsupportedParamsError: a parameter that nobody knows, unless ``drop_params``.
    """
    drop = bool(litellm_params.get("drop_params") or litellm.drop_params)
    given = {key: value for key, value in optional_params.items() if value is not None}
    extra = _extra_body(given.get("extra_body"), model, messages, stream)
    unknown = [key for key in given if key not in _TAKEN]
    if unknown and not drop:
        raise litellm.UnsupportedParamsError(
            message=(
                f"unknown parameter {', '.join(map(repr, unknown))}; leave it out, or "
                "set drop_params=True"
            ),
            model=model,
            llm_provider=provider,
        )
    request: Json = {
        "model": model,
        "messages": _without_reports(messages),
        **{key: value for key, value in given.items() if key not in _OURS and key not in unknown},
        **{key: value for key, value in extra.items() if key not in _OURS},
    }
    request.pop("stream", None)
    # LiteLLM shows its caller as much of the usage as was asked for, and always needs it.
    request.pop("stream_options", None)
    if stream:
        request.update(stream=True, stream_options={"include_usage": True})
    options = {**extra, **given}
    fallback = options.get("tool_choice_fallback") or "nudge"
    if fallback not in FALLBACKS:
        raise InvalidRequestError(
            f"must be one of {', '.join(FALLBACKS)}", param="tool_choice_fallback"
        )
    strict = options.get("strict")
    require(strict is None or isinstance(strict, bool), "must be true or false", "strict")
    keep_files = options.get("keep_files")
    require(
        keep_files is None or isinstance(keep_files, bool), "must be true or false", "keep_files"
    )
    retries = given.get("max_retries")
    require(
        retries is None or (isinstance(retries, int) and retries >= 0),
        "must be a whole number, 0 or more",
        "max_retries",
    )
    return Asked(
        request,
        max_retries=2 if retries is None else retries,
        strict=settings.strict_by_default() if strict is None else strict,
        fallback=fallback,
        drop=drop,
        keep_files=bool(keep_files),
    )


def _without_reports(messages: list[Any]) -> list[Any]:
    """``messages`` without what this package wrote into earlier answers, which callers send back
    with the rest of a message. Nothing that was given is changed."""
    if not any(isinstance(message, Mapping) and message.get(_FIELDS) for message in messages or ()):
        return messages
    return [_without_report(message) for message in messages]


def _without_report(message: Any) -> Any:
    fields = message.get(_FIELDS) if isinstance(message, Mapping) else None
    if not isinstance(fields, Mapping) or ADJUSTMENTS not in fields:
        return message
    # LiteLLM keeps a copy there of what stands in the message as well.
    rest = {
        key: value
        for key, value in fields.items()
        if key != ADJUSTMENTS and value is not None and value != message.get(key)
    }
    kept = {key: value for key, value in message.items() if key != _FIELDS}
    return {**kept, _FIELDS: rest} if rest else kept


def _extra_body(given: Any, model: str, messages: list[Any], stream: bool) -> Mapping[str, Any]:
    """``extra_body`` without what the call itself says, which it may repeat but not replace.

    Another model would be billed and logged under the name of this one, other messages would
    pass by whatever has checked those of the call.

    Raises:
        InvalidRequestError: it says otherwise, or names what is no part of a request.
    """
    require(given is None or isinstance(given, Mapping), "must be an object", "extra_body")
    said = {"model": model, "messages": messages, "stream": stream}
    extra: Json = {}
    for name, value in (given or {}).items():
        if name in said:
            require(
                value == said[name],
                f"cannot override the call; pass {name}= itself",
                f"extra_body.{name}",
            )
        elif name in _OF_THE_CALL:
            raise InvalidRequestError(
                f"is not part of a request body; pass {name}= itself", param=f"extra_body.{name}"
            )
        else:
            extra[name] = value
    return extra


def translate_call(asked: Asked) -> Translation:
    """Translate, and tell each adjustment in one log line.

    With ``drop_params`` the caller has said that parameters may go: these are told quietly.
    """
    translation = translate(asked.request, strict=asked.strict, tool_choice_fallback=asked.fallback)
    _warn_of_lost_reasoning(translation)
    for adjustment in translation.adjustments:
        loud = adjustment.changes_meaning and not (asked.drop and adjustment.sent is None)
        logger.log(logging.WARNING if loud else logging.DEBUG, "%s", adjustment)
    return translation


_lost_reasoning_told = threading.Event()


def _warn_of_lost_reasoning(translation: Translation) -> None:
    """Say once a process that a host does not send reasoning back: it is a matter of its set-up.

    Each request of such a host would say so again and again.
    """
    if _lost_reasoning_told.is_set():
        return
    for adjustment in translation.adjustments:
        sent = adjustment.sent
        if adjustment.param.endswith(".reasoning_content") and isinstance(sent, str):
            if adjustment.given is not None or sent.strip():
                continue
            _lost_reasoning_told.set()
            logger.warning(
                "%s is missing beside tool calls, which Kimi demands while it thinks, so a blank "
                "was sent: the program that calls LiteLLM does not send reasoning back, and Kimi "
                'cannot build on what it thought before (docs/litellm.md, "Reasoning that does '
                'not come back"). This is reported once.',
                adjustment.param,
            )
            return
