"""The JSON the offline Kimi sends: whole answers, stream chunks, model rows, balance.

Shapes follow https://platform.kimi.ai/docs/openapi.json and, for the place of ``usage`` in a
stream, https://platform.kimi.ai/docs/guide/utilize-the-streaming-output.
"""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterator
from typing import Any

from ...catalog import Model
from .script import Call, Reply
from .tokens import pieces

__all__ = ["BALANCE", "chunks", "completion", "event", "model_row", "usage_of"]

BALANCE = {
    "code": 0,
    "data": {"available_balance": 49.58894, "voucher_balance": 46.58893, "cash_balance": 3.00001},
    "scode": "0x0",
    "status": True,
}
_FRAGMENT = 8


def event(data: dict[str, Any]) -> bytes:
    """One server-sent event."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return b"data: " + text.encode("utf-8", "replace") + b"\n\n"


def usage_of(
    prompt: int, completion_tokens: int, cached: int | None = None, written: int | None = None
) -> dict[str, Any]:
    """A usage object. ``prompt`` includes the cached tokens; None leaves a field out.

    ``written``: tokens that were written to the cache. They stand in ``prompt_tokens_details``,
    as genai-prices 0.2.3, LiteLLM 1.110.2 and https://github.com/infinigence/octollm/pull/113
    read them.
    """
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt + completion_tokens,
    }
    if cached is not None:
        usage["cached_tokens"] = cached
    if written is not None:
        usage["prompt_tokens_details"] = {"cache_write_tokens": written}
    return usage


def model_row(model: Model) -> dict[str, Any]:
    """One model as ``GET /v1/models`` tells it."""
    year, month, day = map(int, (model.released or "2026-04-20").split("-"))
    return {
        "id": model.id,
        "object": "model",
        "created": calendar.timegm((year, month, day, 0, 0, 0)),
        "owned_by": "moonshot",
        "context_length": model.context,
        "supports_image_in": "image" in model.modalities,
        "supports_video_in": "video" in model.modalities,
        "supports_reasoning": model.thinking.mode != "never",
    }


def completion(head: dict[str, Any], replies: list[Reply], usage: dict[str, Any]) -> dict[str, Any]:
    """The whole answer. ``head`` holds id, created and model."""
    choices = []
    for index, reply in enumerate(replies):
        message: dict[str, Any] = {"role": "assistant", "content": reply.content}
        if reply.reasoning is not None:
            message["reasoning_content"] = reply.reasoning
        if reply.calls:
            message["tool_calls"] = [_call(call) for call in reply.calls]
        choices.append({"index": index, "message": message, "finish_reason": reply.finish})
    whole = {**head, "object": "chat.completion", "choices": choices}
    return whole if replies[0].usage == "none" else {**whole, "usage": usage}


def chunks(
    head: dict[str, Any], replies: list[Reply], usage: dict[str, Any], include_usage: bool
) -> Iterator[dict[str, Any]]:
    """The chunks of a stream, without the ``[DONE]`` after them."""
    told = replies[0].usage
    base = {**head, "object": "chat.completion.chunk"}
    last: dict[str, Any] = {"usage": None} if include_usage else {}
    for index, reply in enumerate(replies):
        for delta in _deltas(reply):
            choice: dict[str, Any] = {"index": index, "delta": delta, "finish_reason": None}
            yield {**base, "choices": [choice], **last}
        choice = {"index": index, "delta": {}, "finish_reason": reply.finish}
        if told != "none":
            choice["usage"] = usage_of(usage["prompt_tokens"], reply.tokens)
        yield {**base, "choices": [choice], **last}
    if include_usage and told == "both":
        yield {**base, "choices": [], "usage": usage}


def _deltas(reply: Reply) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    if reply.reasoning is not None:
        for piece in pieces(reply.reasoning) or [""]:  # "" says: reasoned, but nothing to show
            yield {"reasoning_content": piece}
    for piece in pieces(reply.content):
        yield {"content": piece}
    for index, call in enumerate(reply.calls):
        first = _call(call)
        first["function"]["arguments"] = ""
        if reply.deltas == "no-id":
            del first["id"]
        elif reply.deltas == "blank-id":
            first["id"] = ""
        place = {} if reply.deltas == "no-index" else {"index": index}
        yield {"tool_calls": [{**place, **first}]}
        for start in range(0, len(call.arguments), _FRAGMENT):
            fragment = {"arguments": call.arguments[start : start + _FRAGMENT]}
            yield {"tool_calls": [{**place, "function": fragment}]}


def _call(call: Call) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": call.type, "function": function}
