"""The fields of a chunk in the types that OpenAI's clients expect, whatever the server sent.

In: objects of a parsed answer. Out: the same with what can be read read, and what cannot left out:
one odd field beside an answer is no reason to lose the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ..errors import StreamError
from .chunks import Chunk
from .json_values import as_count, as_index, as_moment, as_text, mended
from .safe_text import one_line

__all__ = [
    "HEAD_FIELDS",
    "MAX_CHOICES",
    "PLAIN_DELTA",
    "as_choices",
    "choice_index",
    "completion_to_chunk",
    "delta_of",
    "finish_reason_of",
    "head_of",
    "settle_delta",
    "token_probabilities",
]

Json = dict[str, Any]

MAX_CHOICES = 128
"""OpenAI's largest ``n``. An index beyond it is taken for a mistake."""

MAX_REASON = 100
"""Characters of a finish reason that nobody knows: hosts write it into their logs."""

HEAD_FIELDS = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"}
)
"""What a chunk has beside what a server adds of its own; the same in every chunk of an answer."""

PLAIN_DELTA = frozenset({"content", "reasoning_content", "tool_calls"})
"""The fields of nearly every delta; the others are looked at by ``settle_delta``."""

_TEXTS = ("system_fingerprint", "service_tier")

# What hosts read further into, and what it has to be for them to do so.
_LISTS = frozenset({"annotations", "images", "thinking_blocks", "reasoning_items"})
_OBJECTS = frozenset({"audio", "provider_specific_fields"})

# How servers beside Moonshot's say why an answer ended: text generation servers, Anthropic's and
# Google's names that relays hand on.
_REASONS = {
    "": None,
    "null": None,
    "function_call": "tool_calls",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
}
_KNOWN = ("stop", "length", "tool_calls", "content_filter")


def head_of(chunk: Mapping[str, Any]) -> Chunk:
    """The fields that all chunks of an answer share; an empty ``choices`` keeps its place."""
    head: Json = {}
    if (name := _name(chunk.get("id"))) is not None:
        head["id"] = name
    head["object"] = "chat.completion.chunk"
    if (created := as_moment(chunk.get("created"))) is not None:
        head["created"] = created
    if (model := _name(chunk.get("model"))) is not None:
        head["model"] = model
    head["choices"] = []
    for field in _TEXTS:
        if field in chunk and (chunk[field] is None or isinstance(chunk[field], str)):
            head[field] = mended(chunk[field])
    return cast("Chunk", head)


def _name(value: Any) -> str | None:
    """An id or a model's name; servers of one's own write ids as numbers."""
    if isinstance(value, str):
        return mended(value) or None
    count = as_count(value)
    return None if count is None else str(count)


def as_choices(value: Any) -> list[Any]:
    """The choices of a chunk or an answer, also when the only one is not in a list."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and ("delta" in value or "message" in value):
        return [value]
    return []


def choice_index(value: Any, position: int) -> int:
    """The index of a choice; its position where the server gave none that can be one."""
    index = as_index(value)
    return index if index is not None and 0 <= index < MAX_CHOICES else position % MAX_CHOICES


def delta_of(choice: Json) -> Json:
    """The delta of a choice that has none in the usual place or form.

    Raises:
        StreamError: there is one, and it cannot be read: what it says would be lost.
    """
    delta = choice.get("delta")
    if delta is None:
        delta = choice.pop("message", None)
    if delta is None:
        delta = choice.pop("text", None)  # the older completions API
    if isinstance(delta, dict):
        return delta
    if delta is None:
        return {}
    if isinstance(delta, str):
        return {"content": delta}
    raise StreamError("the message of a choice is not an object")


def settle_delta(delta: Json) -> None:
    """Bring the fields of ``delta`` that ``PLAIN_DELTA`` does not name to their types.

    Reasoning under its other name (newer vLLM servers) and the legacy ``function_call`` go to
    where Kimi has them.
    """
    if "reasoning" in delta:
        reasoning = delta.pop("reasoning")
        if delta.get("reasoning_content") is None:
            delta["reasoning_content"] = reasoning
    if "function_call" in delta:
        call = delta.pop("function_call")
        if isinstance(call, Mapping) and call and not delta.get("tool_calls"):
            delta["tool_calls"] = [{"function": call}]
    if "role" in delta and delta["role"] != "assistant":
        if delta["role"] and isinstance(delta["role"], str):
            delta["role"] = "assistant"
        else:
            del delta["role"]
    if "refusal" in delta and delta["refusal"] is not None:
        delta["refusal"] = as_text(delta["refusal"])
    for name in _LISTS.intersection(delta):
        value = delta[name]
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            del delta[name]
    for name in _OBJECTS.intersection(delta):
        if not isinstance(delta[name], dict):
            del delta[name]


def finish_reason_of(value: Any, *, called: bool) -> str | None:
    """Why a choice ended, in OpenAI's words where there is one; None while it goes on.

    ``called``: it has called a tool, for a server that says no more than that it ended. Reasons
    that nobody knows stay as they are: they may say that the answer is cut off.
    """
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _KNOWN:
            return word
        return _REASONS.get(word, one_line(mended(value))[:MAX_REASON])
    if not value:
        return None
    return "tool_calls" if called else "stop"


def token_probabilities(value: Any) -> Json | None:
    """OpenAI's ``logprobs`` of a choice, or None for what has another form."""
    if not isinstance(value, Mapping):
        return None
    tokens = value.get("content")
    if not isinstance(tokens, list):
        return None
    if not all(_is_token(token) and _is_list_of_tokens(token) for token in tokens):
        return None
    refusal = value.get("refusal")
    refused = isinstance(refusal, list) and all(
        _is_token(token) and _is_list_of_tokens(token) for token in refusal
    )
    return {"content": tokens, "refusal": refusal if refused else None}


def _is_token(token: Any) -> bool:
    if not isinstance(token, dict) or not isinstance(token.get("token"), str):
        return False
    probability, octets = token.get("logprob"), token.get("bytes")
    if isinstance(probability, bool) or not isinstance(probability, (int, float)):
        return False
    if abs(probability) > 1e9:
        return False
    token.setdefault("bytes", None)
    if octets is None:
        return True
    return isinstance(octets, list) and all(type(n) is int and 0 <= n < 256 for n in octets)


def _is_list_of_tokens(token: Json) -> bool:
    top = token.setdefault("top_logprobs", [])
    return isinstance(top, list) and all(map(_is_token, top))


def completion_to_chunk(completion: Mapping[str, Any]) -> Json:
    """A whole ``chat.completion`` as one chunk, so that both go the same way."""
    chunk = {key: value for key, value in completion.items() if key != "choices"}
    chunk["object"] = "chat.completion.chunk"
    chunk["choices"] = [
        _as_streamed(choice)
        for choice in as_choices(completion["choices"])
        if isinstance(choice, dict)
    ]
    return chunk


def _as_streamed(choice: Json) -> Json:
    streamed = {key: value for key, value in choice.items() if key not in ("message", "delta")}
    message = choice.get("message")
    delta = delta_of({"delta": choice.get("delta") if message is None else message})
    streamed["delta"] = delta = dict(delta)
    calls = delta.get("tool_calls")
    if isinstance(calls, list):
        # Each entry is a call of its own here, whatever index it names.
        numbered = enumerate(call for call in calls if isinstance(call, Mapping))
        delta["tool_calls"] = [{**call, "index": index} for index, call in numbered]
    return streamed
