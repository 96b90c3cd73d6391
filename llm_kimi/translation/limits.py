"""How long an answer may be: token limits, and what the prompt leaves of the window."""

from __future__ import annotations

import json

from ..catalog import Model
from .checks import require
from .draft import Draft, Json

__all__ = ["apply", "fit_answer"]

_MEDIA_BYTES = {"image_url": 4_096, "video_url": 16_384}


def apply(draft: Draft) -> None:
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
