"""Output: token limits, stop sequences, streams, and the fields left over.

In: the fields that shape the answer, and every field that Kimi does not know. Out: those that it
knows, in its spelling; the rest is left out and told, since the API would swallow it silently.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..catalog import Model
from .checks import require, well_formed
from .draft import Draft, Json

__all__ = ["KNOWN_FIELDS", "OPENAI_ONLY", "apply", "fit_answer"]

MAX_STOPS = 5
MAX_STOP_BYTES = 32
_MEDIA_BYTES = {"image_url": 4_096, "video_url": 16_384}

KNOWN_FIELDS = frozenset(
    {
        "model",
        "messages",
        "stream",
        "stream_options",
        "max_completion_tokens",
        "stop",
        "response_format",
        "tools",
        "tool_choice",
        "temperature",
        "top_p",
        "n",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "top_logprobs",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "safety_identifier",
        "thinking",
        "reasoning_effort",
    }
)

# Those that this step shapes; the others have their form by then.
_SHAPED = frozenset(
    {
        "stream",
        "stream_options",
        "max_completion_tokens",
        "stop",
        "prediction",
        "prompt_cache_key",
        "safety_identifier",
    }
)
_DONE = KNOWN_FIELDS - _SHAPED

ANYTHING = object()
"""Among the values of ``OPENAI_ONLY``: whatever was asked for, the answer is the same."""

# Fields of OpenAI and others that Kimi has not: the reason, and the values that ask for nothing
# Kimi would not do anyway.
OPENAI_ONLY: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "seed": ("Kimi has no seed: answers cannot be repeated", ()),
    "logit_bias": ("Kimi has no logit bias", ({},)),
    "store": ("Kimi stores no completions", (False,)),
    "metadata": ("Kimi keeps no metadata", ({},)),
    "service_tier": ("Kimi has one service tier", ("auto", "default")),
    "modalities": ("Kimi answers in text", (["text"],)),
    "audio": ("Kimi answers in text", ()),
    "web_search_options": (
        "Kimi has no such field; its search is the built-in tool $web_search",
        (),
    ),
    "verbosity": ("Kimi has no verbosity", ("medium",)),
    "timeout": ("a setting of the client, not of the request", (ANYTHING,)),
    "extra_headers": ("a setting of the client, not of the request", ()),
    "extra_query": ("a setting of the client, not of the request", ()),
    "usage": ("Kimi always counts tokens", ({"include": True},)),  # OpenRouter
    "keep_alive": ("Kimi's models are always loaded", (ANYTHING,)),  # Ollama
    "cache_prompt": ("Kimi caches by itself", (ANYTHING,)),  # llama.cpp
}


def apply(draft: Draft) -> None:
    """Bring the output fields to Kimi's form and leave out what it does not know."""
    if draft.body.keys() <= _DONE:
        return
    _renamed(draft)
    _tokens(draft)
    _stop(draft)
    _stream(draft)
    for field in [key for key in draft.body if key not in KNOWN_FIELDS]:
        reason, harmless = OPENAI_ONLY.get(field, ("Kimi knows no such field", ()))
        asks = ANYTHING not in harmless and draft.body[field] not in harmless
        draft.drop(field, reason, "k3.1-synaps", meaning=asks)


def _renamed(draft: Draft) -> None:
    user = draft.check_type("user", str, "text")
    draft.check_type("safety_identifier", str, "text")
    draft.check_type("prompt_cache_key", str, "text")
    draft.check_type("prediction", Mapping, "an object")
    if user is None:
        return
    del draft.body["user"]
    if "safety_identifier" in draft.body:
        draft.adjust(
            "user",
            user,
            None,
            "safety_identifier is already set and takes precedence",
            meaning=False,
        )
        return
    draft.body["safety_identifier"] = user
    draft.adjust("user", user, {"safety_identifier": user}, "Kimi's name for it", meaning=False)


def _tokens(draft: Draft) -> None:
    """One field, ``max_completion_tokens``, within the model's window."""
    for param in ("max_tokens", "max_completion_tokens"):
        value = draft.body.get(param)
        require(
            value is None
            or (isinstance(value, int) and not isinstance(value, bool) and value >= 1),
            "must be a whole number of tokens, 1 or more",
            param,
        )
    old = draft.body.pop("max_tokens", None)
    limit = draft.body.get("max_completion_tokens")
    if old is not None and limit is None:
        limit = draft.body["max_completion_tokens"] = old
        draft.adjust(
            "max_tokens",
            old,
            {"max_completion_tokens": old},
            "renamed to the current field",
            "openapi",
            meaning=False,
        )
    elif old is not None:
        draft.adjust(
            "max_tokens",
            old,
            None,
            f"max_completion_tokens {limit} is already set and takes precedence",
            "kimi-code",
            meaning=False,
        )
    room = fit_answer(draft.body, draft.model)
    if room is None:
        return
    draft.body["max_completion_tokens"] = room
    draft.adjust(
        "max_tokens" if old == limit else "max_completion_tokens",
        limit,
        room,
        f"prompt and answer share the {draft.model.context:,} tokens of {draft.name}",
        draft.model.source("output"),
    )


def fit_answer(body: Json, model: Model) -> int | None:
    """A limit for the answer that goes with the prompt; None when the one of ``body`` does.

    Prompt and answer share the window. A token is about four bytes and at least one. Where the
    estimate says that this is refused, what surely fits is asked for, or half of what may fit.
    """
    limit, context = body.get("max_completion_tokens"), model.context
    if limit is None:
        return None
    size = _prompt_bytes(body)
    left = context - size // 4
    if limit <= left or (left <= 0 and limit < context):
        return None  # it fits, or the prompt alone is too long: no other limit would help
    return max(context - size, left // 2, 1) if left > 0 else context // 8


def _prompt_bytes(body: Json) -> int:
    """About how many bytes of text the prompt has; a picture counts as a thousand tokens."""
    total = len(json.dumps(body["tools"])) if "tools" in body else 0
    for message in body["messages"]:
        total += 32 + len(message.get("reasoning_content", "").encode())
        content = message.get("content", "")
        if isinstance(content, str):
            total += len(content.encode()) + 32
        else:
            for part in content:
                text = part.get("text")
                if text is None:
                    total += _MEDIA_BYTES.get(part["type"], 4_096)
                else:
                    total += len(text.encode()) + 32
        for call in message.get("tool_calls", ()):
            function = call["function"]
            total += 72 + len(call["id"]) + len(function["name"])
            total += len(function["arguments"].encode())
        if "tools" in message:
            total += len(json.dumps(message["tools"]))
    return total


def _stop(draft: Draft) -> None:
    """At most 5 strings of at most 32 bytes are sent; the reply is cut at the others here."""
    given = draft.body.get("stop")
    if given is None:
        return
    stops = [given] if isinstance(given, str) else given
    require(
        isinstance(stops, list) and all(isinstance(stop, str) for stop in stops),
        "must be text or a list of texts",
        "stop",
    )
    require(all(well_formed(stop) == stop for stop in stops), "must be valid Unicode", "stop")
    filled = [stop for stop in dict.fromkeys(stops) if stop]
    short = [stop for stop in filled if len(stop.encode()) <= MAX_STOP_BYTES]
    sent, here = short[:MAX_STOPS], short[MAX_STOPS:]
    here += [stop for stop in filled if len(stop.encode()) > MAX_STOP_BYTES]
    if here:
        draft.restoring["stops"] = tuple(here)
        draft.adjust(
            "stop",
            given,
            sent or None,
            f"Kimi takes {MAX_STOPS} strings of at most {MAX_STOP_BYTES} bytes; the reply is cut "
            f"at the other {len(here)} when it arrives",
            meaning=False,
        )
    elif len(sent) != len(stops):
        draft.adjust("stop", given, sent or None, "empty or repeated strings", meaning=False)
    if not sent:
        del draft.body["stop"]
    elif sent != stops:
        draft.body["stop"] = sent


def _stream(draft: Draft) -> None:
    """Usage is always asked for, since the reply needs it; the caller sees what it asked for."""
    stream = draft.check_type("stream", bool, "true or false")
    options = draft.check_type("stream_options", Mapping, "an object")
    if options is not None and not stream:
        draft.drop("stream_options", "the request is no stream", meaning=False)
        return
    wanted = options.get("include_usage") if options is not None else None
    require(
        wanted is None or isinstance(wanted, bool),
        "must be true or false",
        "stream_options.include_usage",
    )
    wanted = bool(wanted)
    draft.restoring["include_usage"] = wanted
    if not stream:
        return
    sent = {"include_usage": True}
    draft.body["stream_options"] = sent
    if options != sent:
        draft.adjust(
            "stream_options",
            None if options is None else dict(options),
            sent,
            "usage is always asked for; the stream shows it as the caller asked",
            "streaming",
            meaning=False,
        )
