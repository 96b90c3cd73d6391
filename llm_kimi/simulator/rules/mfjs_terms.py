"""What the two halves of the schema check share: types, keyword tables, limits, the complaint.

The tables and limits are those of Moonshot's own validator
(https://github.com/MoonshotAI/walle, ``model.go`` and ``conf.go``); its prose names smaller limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NoReturn, TypeAlias

__all__ = ["Level", "NotMFJS", "Path", "Schema", "fail"]

Schema: TypeAlias = Mapping[str, Any]
Path: TypeAlias = tuple[str, ...]
Level: TypeAlias = Literal["server", "strict", "ultra"]
"""``strict`` and ``ultra`` are the validator's own levels; its README calls ``strict`` the level
of the server, and ``ultra`` is its default. ``server`` is ``strict`` and what posted answers of
the API show to be refused beyond it."""

MAX_BYTES = 120_000
MAX_DEPTH = 30
MAX_PROPERTIES = 3_000
MAX_ANY_OF = 500
MAX_ENUM = 1_000

TYPES = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})
ANNOTATIONS = frozenset({"description", "title"})
ROOT_ONLY = frozenset({"$defs", "$id"})
RESERVED = frozenset({"$defs", "$ref", "anyOf", "required", "additionalProperties"})

_SIMPLE = ANNOTATIONS | {"type", "enum", "default"}
KEYWORDS: Mapping[str, frozenset[str]] = {
    "object": ANNOTATIONS
    | {"type", "properties", "required", "additionalProperties", "$ref", "anyOf", "default"},
    "array": ANNOTATIONS | {"type", "items", "minItems", "maxItems", "$ref", "default"},
    "string": _SIMPLE | {"minLength", "maxLength", "pattern"},
    "number": _SIMPLE | {"minimum", "maximum"},
    "integer": _SIMPLE | {"minimum", "maximum"},
    "boolean": _SIMPLE,
    "null": _SIMPLE,
}
"""What may stand beside a ``type`` at level ultra."""
SUPPORTED = frozenset().union(*KEYWORDS.values()) | ROOT_ONLY


class NotMFJS(Exception):
    """The first complaint."""


def fail(path: Path, message: str) -> NoReturn:
    """Break off with a complaint, worded as the API words it."""
    raise NotMFJS(f"At path '{'.'.join(path) or 'root'}': {message}")
