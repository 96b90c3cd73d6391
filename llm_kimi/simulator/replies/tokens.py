"""A rough tokenizer: good for limits, budgets and usage figures, not for bills.

Prompts are counted at about four characters a token; a medium part counts as a constant. What
the simulator writes is cut into word-sized pieces, and each piece counts as one token, so that a
budget of n tokens lets exactly n pieces through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["count_message", "count_prompt", "count_text", "pieces"]

IMAGE = 1_024
VIDEO = 4_096
_PER_MESSAGE = 4
_PIECE = re.compile(r"\s*\S{1,12}|\s+\Z")


def pieces(text: str) -> list[str]:
    """The text in word-sized pieces; joined they give the text again."""
    return _PIECE.findall(text)


def count_text(text: str) -> int:
    """About how many tokens a prompt text has."""
    return (len(text) + 3) // 4


def count_message(message: Mapping[str, Any]) -> int:
    """About how many tokens one message takes."""
    total = _PER_MESSAGE
    content = message.get("content")
    if isinstance(content, str):
        total += count_text(content)
    elif isinstance(content, list):
        for part in content:
            if not isinstance(part, dict):
                continue
            kind = part.get("type")
            if kind == "text":
                total += count_text(str(part.get("text", "")))
            else:
                total += VIDEO if kind == "video_url" else IMAGE
    reasoning = message.get("reasoning_content")
    if isinstance(reasoning, str):
        total += count_text(reasoning)
    for extra in ("tool_calls", "tools"):
        if message.get(extra):
            total += count_text(json.dumps(message[extra], ensure_ascii=False))
    return total


def count_prompt(messages: Iterable[Mapping[str, Any]], tools: object = None) -> int:
    """About how many tokens a whole prompt has."""
    total = sum(count_message(message) for message in messages)
    if tools:
        total += count_text(json.dumps(tools, ensure_ascii=False))
    return total
