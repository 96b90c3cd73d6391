"""A stand-in for Kimi's prefix cache: how many tokens of a prompt were seen before.

https://platform.kimi.ai/docs/guide/use-context-caching: automatic, and it hits once an earlier
request had more than 256 prompt tokens. Another effort level or other tools start a new prefix.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from typing import Any

from .tokens import count_message, count_text

__all__ = ["PrefixCache"]

_LEAST = 256
_KEPT = 64


class PrefixCache:
    """Remembers the last requests of each model and ``prompt_cache_key``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], deque[list[tuple[int, int]]]] = {}

    def hit(self, body: dict[str, Any]) -> int:
        """Tokens of the longest prefix that an earlier request shares; remembers this one."""
        key = (str(body.get("model")), str(body.get("prompt_cache_key")))
        tools = _text(body.get("tools"))
        blocks = [
            (hash((tools, _text(body.get("reasoning_effort")))), count_text(tools) if tools else 0)
        ]
        blocks += [(hash(_text(message)), count_message(message)) for message in body["messages"]]
        with self._lock:
            earlier = self._seen.setdefault(key, deque(maxlen=_KEPT))
            best = max((_shared(blocks, old) for old in earlier if _size(old) > _LEAST), default=0)
            earlier.append(blocks)
        return best


def _text(value: object) -> str:
    return "" if value is None else json.dumps(value, sort_keys=True)


def _size(blocks: list[tuple[int, int]]) -> int:
    return sum(tokens for _, tokens in blocks)


def _shared(new: list[tuple[int, int]], old: list[tuple[int, int]]) -> int:
    total = 0
    for mine, theirs in zip(new, old, strict=False):
        if mine != theirs:
            break
        total += mine[1]
    return total
