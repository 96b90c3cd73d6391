"""What Moonshot-flavoured JSON schema (MFJS) can and cannot say about an object's properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model import RESERVED, Unsupported

__all__ = ["apply_counts", "unreadable"]

_LOOKED_UP = frozenset({"enum", "required", "anyOf", "$ref"})


def unreadable(name: str, schema: Mapping[str, Any], in_definition: bool) -> bool:
    """Whether Kimi refuses a schema with a property of this name.

    walle looks some keywords up by their path, in which ``anyOf{0}`` is an item of a list: it
    takes any name in braces for such a one. In definitions it refuses ``/`` in all keys.
    """
    if name in RESERVED or (in_definition and "/" in name):
        return True
    return "{" in name and "}" in name and _looked_up(schema)


def _looked_up(schema: Mapping[str, Any]) -> bool:
    stack: list[object] = [schema]
    while stack:
        node = stack.pop()
        if not isinstance(node, Mapping):
            continue
        if _LOOKED_UP & node.keys():
            return True
        stack += node.get("properties", {}).values()
        stack += [node.get("items"), node.get("additionalProperties")]
    return False


def apply_counts(schema: dict[str, Any], rules: list[Unsupported]) -> list[Unsupported] | None:
    """Applies ``minProperties`` and ``maxProperties`` where the properties decide them.

    Returns the rules that are left, None where no object has as many properties.
    """
    names, needed = schema.get("properties", {}), schema.get("required", [])
    closed = schema.get("additionalProperties") is False
    left = []
    for rule in rules:
        count = rule.value
        if rule.keyword == "minProperties" and isinstance(count, int | float):
            if closed and count > len(names):
                return None
            if count <= len(needed):
                continue
            if closed and count > len(names) - 1:
                schema["required"] = list(names)
                continue
        elif rule.keyword == "maxProperties" and isinstance(count, int | float):
            if count < len(needed):
                return None
            if closed and count >= len(names):
                continue
            if count < 1:
                schema.pop("properties", None)
                schema["additionalProperties"] = False
                continue
        left.append(rule)
    return left
