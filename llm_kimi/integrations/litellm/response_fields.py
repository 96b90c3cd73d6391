"""The fields of an answer that LiteLLM's classes are given: those that they know.

In: answers and chunks of an exchange. Out: the same without what a server added of its own.
LiteLLM passes each field of an answer to its classes as an argument or an attribute: a field that
is called ``self`` or ``_hidden_params`` would end the call, or set its cost.
"""

from __future__ import annotations

import json
from typing import Any, cast

from ...errors import StreamError
from ...reply.chunks import Chunk, Delta
from ...reply.json_values import MAX_DEPTH

__all__ = ["known_chunk", "known_completion"]

Json = dict[str, Any]

_HEAD = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"}
)
_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs"})
_DELTA = frozenset(
    {
        *("role", "content", "reasoning_content", "tool_calls", "function_call", "refusal"),
        *("audio", "images", "annotations", "thinking_blocks", "provider_specific_fields"),
    }
)


def known_completion(completion: Json) -> Json:
    """A whole answer; its choices are put together from what is known already.

    Raises:
        StreamError: LiteLLM, which reads the arguments of calls, would not come back from it.
    """
    for choice in completion["choices"]:
        for call in choice["message"].get("tool_calls") or ():
            if not _can_be_read((call.get("function") or {}).get("arguments") or ""):
                raise StreamError("the arguments of a tool call are nested too deeply")
    return _known(completion, _HEAD)


def _can_be_read(arguments: str) -> bool:
    if arguments.count("[") + arguments.count("{") <= MAX_DEPTH:
        return True
    try:
        json.loads(arguments)
    except RecursionError:
        return False
    except ValueError:
        pass  # it knows what to do about these
    return True


def known_chunk(chunk: Chunk) -> Json:
    """A chunk. It is ours, so its choices are changed in place."""
    for choice in chunk["choices"]:
        delta: Any = choice["delta"]
        if not _DELTA.issuperset(delta):
            choice["delta"] = cast("Delta", _known(delta, _DELTA))
        for name in choice.keys() - _CHOICE:
            del choice[name]  # type: ignore[misc]  # a server's own
    whole: Any = chunk
    return _known(whole, _HEAD)


def _known(value: Json, names: frozenset[str]) -> Json:
    if names.issuperset(value):
        return value
    return {name: item for name, item in value.items() if name in names}
