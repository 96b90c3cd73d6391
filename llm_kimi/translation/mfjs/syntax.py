"""Where a JSON schema holds further schemas, and which of its keywords count as written.

Serialisers write keywords that nobody meant: Go and Java a ``null`` for what is not set, PHP an
empty list for an empty object. ``given`` reads such a schema as if they were missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = [
    "ANNOTATIONS",
    "APPLICATORS",
    "accepts_all",
    "given",
    "positions",
    "ref_of",
    "subschemas",
]

ANNOTATIONS = frozenset({"title", "description", "default"})

REFS = ("$ref", "$dynamicRef", "$recursiveRef")

_NAMED = ("properties", "patternProperties")
_DEFINED = ("$defs", "definitions", "dependentSchemas", "dependencies")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("additionalProperties", "items", "additionalItems", "unevaluatedProperties")
_OTHER = (
    *("unevaluatedItems", "contains", "propertyNames", "contentSchema"),
    *("not", "if", "then", "else"),
)
_READ_NAMED = frozenset(_NAMED)
_READ_OTHERS = frozenset({*_LISTED, *_SINGLE, "unevaluatedItems", "not", "if", "then", "else"})
_ALL_NAMED = frozenset({*_NAMED, *_DEFINED})
_ALL_OTHERS = frozenset({*_LISTED, *_SINGLE, *_OTHER})
_MAPS = frozenset({*_NAMED, *_DEFINED, *_SINGLE, *_OTHER, "dependentRequired"})

APPLICATORS = frozenset(
    {*REFS, "allOf", "anyOf", "oneOf", "if", "not", "dependentSchemas", "dependencies"}
)
"""The keywords through which other schemas speak about the same value."""

_IDLE = frozenset({"$comment", "$defs", "definitions", "$schema", "$id", "examples"})

# What stands here is a value of the caller's; null and the empty list are values.
_VALUES = frozenset({"const", "default", "example", "examples"})


def given(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """``schema`` without keywords that say nothing; ``schema`` itself where all do."""
    values = schema.values()
    if None not in values and [] not in values:
        return schema
    empty = [
        key
        for key, value in schema.items()
        if (value is None and key not in _VALUES) or (value == [] and key in _MAPS)
    ]
    if not empty:
        return schema
    return {key: value for key, value in schema.items() if key not in empty}


def accepts_all(schema: object) -> bool:
    """Whether a schema plainly accepts every value."""
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, Mapping):
        return False
    for keyword in schema.keys() - ANNOTATIONS - _IDLE:
        inner = schema[keyword]
        if keyword in _NAMED and isinstance(inner, Mapping):
            inner = list(inner.values())
        if keyword not in (*_NAMED, *_LISTED, *_SINGLE):
            return False
        if not all(map(accepts_all, inner if isinstance(inner, list) else [inner])):
            return False
    return True


def ref_of(schema: Mapping[str, Any]) -> tuple[str, object] | None:
    """The keyword and value of the reference that ``schema`` contains, if any."""
    for keyword in REFS:
        if schema.get(keyword) is not None:
            return keyword, schema[keyword]
    return None


def subschemas(schema: Mapping[str, Any], path: str) -> Iterator[tuple[object, str]]:
    """The subschemas that are read for the rewrite, each with its path."""
    for keyword, value in schema.items():
        if keyword in _READ_NAMED:
            if isinstance(value, Mapping):
                for name, sub in value.items():
                    yield sub, f"{path}.{keyword}.{name}"
        elif keyword in _READ_OTHERS:
            if isinstance(value, list):
                for index, sub in enumerate(value):
                    yield sub, f"{path}.{keyword}[{index}]"
            elif isinstance(value, Mapping):
                yield value, f"{path}.{keyword}"


def positions(schema: Mapping[str, Any]) -> Iterator[tuple[object, tuple[str, ...]]]:
    """Every subschema, each with the tokens that lead to it."""
    for keyword, value in schema.items():
        if keyword in _ALL_NAMED:
            if isinstance(value, Mapping):
                for name, sub in value.items():
                    yield sub, (keyword, name)
        elif keyword in _ALL_OTHERS:
            if isinstance(value, list):
                for index, sub in enumerate(value):
                    yield sub, (keyword, str(index))
            elif isinstance(value, Mapping):
                yield value, (keyword,)
