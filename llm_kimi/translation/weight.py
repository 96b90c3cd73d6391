"""Whether the translation of a request takes long enough to hold up an event loop.

Messages are quick; schemas are rewritten, and cost by their size and by what they combine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["is_heavy"]

# About 25 microseconds each on a machine of 2024, so that the limit is some 20 ms; a loop should
# not stand still for more than 50.
_LIMIT = 800
_COMBINES = {"$ref": 4, "allOf": 4, "anyOf": 2, "oneOf": 4}
_BESIDE_REF = frozenset({"$ref", "title", "description", "default"})
_SCHEMAS = ("tools", "functions", "response_format")


def is_heavy(request: Mapping[str, Any]) -> bool:
    """Whether an async caller should translate ``request`` in a thread.

    An estimate, made without looking at more than the limit.
    """
    stack: list[object] = [request.get(key) for key in _SCHEMAS]
    weight = 0
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping):
            weight += 1 + sum(cost for key, cost in _COMBINES.items() if key in node)
            if "$ref" in node and not node.keys() <= _BESIDE_REF:
                weight += _LIMIT // 8  # what is recursive is written out for each of them
            stack += node.values()
        elif isinstance(node, list | tuple):
            weight += len(node) // 50
            stack += [item for item in node[:_LIMIT] if isinstance(item, Mapping | list | tuple)]
        if weight > _LIMIT:
            return True
    return False
