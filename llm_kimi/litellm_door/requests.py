"""What LiteLLM hands to a custom provider, as one chat request in OpenAI's form."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import litellm

from .. import settings
from ..errors import InvalidRequestError
from ..translation import FALLBACKS, Fallback, Translation, translate
from ..translation.draft import require
from ..translation.fields import TAKEN

__all__ = ["Asked", "read_call", "translate_call"]

logger = logging.getLogger("llm_kimi")

Json = dict[str, Any]

# LiteLLM's own, and ours: they are no part of the request.
_OURS = frozenset(
    {"max_retries", "extra_body", "tool_choice_fallback", "strict", "ssl_verify", "keep_files"}
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
    extra = given.get("extra_body") or {}
    require(isinstance(extra, Mapping), "must be an object", "extra_body")
    unknown = [key for key in given if key not in _TAKEN]
    if unknown and not drop:
        raise litellm.UnsupportedParamsError(
            message=(
                f"kimi knows no parameter {', '.join(map(repr, unknown))}; leave it out, or "
                "set drop_params=True"
            ),
            model=model,
            llm_provider=provider,
        )
    request: Json = {
        "model": model,
        "messages": messages,
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


def translate_call(asked: Asked) -> Translation:
    """Translate, and tell each adjustment in one log line.

    With ``drop_params`` the caller has said that parameters may go: these are told quietly.
    """
    translation = translate(asked.request, strict=asked.strict, tool_choice_fallback=asked.fallback)
    for adjustment in translation.adjustments:
        loud = adjustment.changes_meaning and not (asked.drop and adjustment.sent is None)
        logger.log(logging.WARNING if loud else logging.DEBUG, "%s", adjustment)
    return translation
