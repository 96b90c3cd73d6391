"""JSON values: their types in the words of JSON schema, and when two of them are equal."""

from __future__ import annotations

import json
from collections.abc import Mapping

__all__ = ["carried", "fits", "in_words", "same_key", "type_of"]


def type_of(value: object) -> str:
    """The JSON schema type of a JSON value; a number without fraction is an integer."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def fits(value: object, type_name: str) -> bool:
    """Whether ``value`` is of a JSON schema type."""
    own = type_of(value)
    return own == type_name or (own == "integer" and type_name == "number")


def carried(value: object) -> bool:
    """Whether Kimi can read ``value``; its validator holds every number as a 64-bit float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    try:
        number = float(value)
    except OverflowError:
        return False
    return number - number == 0  # neither infinite nor NaN


def same_key(value: object) -> str:
    """A key that is equal for equal JSON values: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(same_key(item) for item in value) + "]"
    if isinstance(value, Mapping):
        pairs = sorted((str(key), same_key(item)) for key, item in value.items())
        return "{" + ",".join(f"{json.dumps(key)}:{item}" for key, item in pairs) + "}"
    return json.dumps(value, default=str)


def in_words(value: object, limit: int = 400) -> str:
    """``value`` as JSON for a description, cut where it would drown the rest."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[: limit - 1] + "…"
