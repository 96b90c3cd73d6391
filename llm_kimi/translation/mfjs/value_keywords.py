"""The keywords with which one JSON schema speaks about a value itself, as one atom.

In comes a schema (without what ``syntax.given`` leaves out), out go an atom, the values of
its ``enum`` or ``const``, and the rules that MFJS has no keyword for. What other schemas say about
the same value (``allOf``, ``anyOf``, ``$ref``) is read by ``read``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import InvalidRequestError
from .model import (
    ARRAY,
    BOUNDS,
    MISSING,
    NUMBER,
    RESERVED,
    TYPES,
    Choice,
    Constraints,
    Expr,
    Part,
    Unsupported,
)
from .object_keywords import OF_OBJECTS, read_object
from .patterns import portable
from .prose import value_rules
from .syntax import APPLICATORS
from .types import read_types
from .unevaluated import ALL_ITEMS, SOME_ITEMS, SOME_NAMES
from .values import carried, fits, in_words, same_key

__all__ = ["Own", "list_of", "literal"]

_OF_ARRAYS = frozenset({"items", "prefixItems", "additionalItems", "unevaluatedItems"})
_LITERAL = 2_000  # characters; a longer object is told in words
_LITERAL_KEYS = 30

Bounds = dict[str, tuple[float, str]]


class Own:
    """One schema's own keywords."""

    def __init__(self, part: Part, did: Callable[[str], None], strict: bool) -> None:
        self.part = part
        self.schema: Mapping[str, Any] = part.schema
        self.path = part.path
        self.did = did
        self.strict = strict
        self.rules: list[Unsupported] = []
        self.seen: set[str] = set()

    def read(self) -> tuple[Constraints, list[Any] | None]:
        """The atom without its enum, and the values of the enum."""
        schema = self.schema
        types = read_types(schema, self.part, self.rules, self.did)
        values = self._values()
        if values and types is not None:
            types, values = self._fitting(values, types)
        bounds = self._bounds()
        if schema.get("multipleOf") == 1 and schema["multipleOf"] is not True:
            self.did("multipleOf 1 written as type integer")
            types = tuple("integer" if t == "number" else t for t in types or TYPES)
        items = self._array(bounds) if not _OF_ARRAYS.isdisjoint(schema) else None
        if self._contains(bounds):
            types = tuple(t for t in types or TYPES if t != "array")
        props: dict[str, Expr] = {}
        required: tuple[str, ...] = ()
        extra: Expr | None = None
        if not OF_OBJECTS.isdisjoint(schema):
            props, required, extra, names = read_object(self.part, self.rules, self.did)
            self.seen |= names
        if "if" in schema or "dependentSchemas" in schema or "dependencies" in schema:
            self.seen |= {SOME_NAMES, SOME_ITEMS}
        self.rules += value_rules(schema, self.path, self.strict)
        atom = Constraints(
            types=types,
            bounds=bounds,
            patterns=self._patterns(),
            props=props,
            required=required,
            extra=extra,
            items=items,
            rules=tuple(self.rules),
            seen=frozenset(self.seen),
        )
        return atom, values

    def _patterns(self) -> tuple[tuple[str, str], ...]:
        given = self.schema.get("pattern")
        if not isinstance(given, str):
            return ()
        pattern = portable(given)
        if pattern != given:
            self.did("character classes of a pattern spelled out as ECMA-262 reads them")
        return ((pattern, f"{self.path}.pattern"),)

    def _fitting(
        self, values: list[Any], types: tuple[str, ...]
    ) -> tuple[tuple[str, ...] | None, list[Any]]:
        """The values that are of one of ``types``; all of them where none is."""
        fitting = [value for value in values if any(fits(value, t) for t in types)]
        if not fitting:
            reason = "no value of the enum is of this type; the enum is kept"
            given = self.schema["type"]
            self.rules.append(Unsupported("type", f"{self.path}.type", given, "", reason=reason))
            return None, values
        if len(fitting) < len(values):
            self.did("enum values of another type dropped")
        return types, fitting

    def _values(self) -> list[Any] | None:
        schema, path = self.schema, self.path
        values: list[Any] | None = None
        if "enum" in schema:
            given = schema["enum"]
            if not isinstance(given, list):
                raise InvalidRequestError("enum must be an array", param=f"{path}.enum")
            values = list({same_key(value): value for value in given[::-1]}.values())[::-1]
            if len(values) < len(given):
                self.did("repeated enum values dropped")
            if not given:
                reason = "MFJS refuses an empty enum; any value is accepted now"
                self.rules.append(Unsupported("enum", f"{path}.enum", given, "", reason=reason))
                values = None
        if "const" in schema:
            self.did("const written as enum")
            const = schema["const"]
            if values is None or same_key(const) in {same_key(value) for value in values}:
                return [const]
            return []
        return values

    def _bounds(self) -> Bounds:
        bounds: Bounds = {}
        schema = self.schema
        if BOUNDS.keys().isdisjoint(schema):
            return bounds
        for keyword, kind in BOUNDS.items():
            where = f"{self.path}.{keyword}"
            value = schema.get(keyword)
            exclusive = keyword.startswith("exclusive")
            if value is None or (value is False and exclusive):
                continue
            if value is True and exclusive:
                # Draft 4: true makes the bound beside it an exclusive one.
                plain = keyword.removeprefix("exclusive").lower()
                value = schema.get(plain)
                bounds.pop(plain, None)
                if value is None:
                    continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InvalidRequestError(f"{keyword} must be a number", param=where)
            if isinstance(value, float) and not math.isfinite(value):
                raise InvalidRequestError(f"{keyword} must be finite", param=where)
            if not carried(value):
                note = f"{keyword} {in_words(value, 60)}."
                reason = "Kimi's validator cannot read so large a number; the description has it"
                self.rules.append(Unsupported(keyword, where, value, note, kind, reason=reason))
                continue
            if kind is not NUMBER:
                value = math.ceil(value) if keyword.startswith("min") else math.floor(value)
                if value < 0:
                    if keyword.startswith("max"):
                        reason = "a limit below 0 could never be kept; it is left out"
                        self.rules.append(
                            Unsupported(keyword, where, value, "", kind, reason=reason)
                        )
                    continue
            bounds[keyword] = (value, where)
        return bounds

    def _array(self, bounds: Bounds) -> Expr | None:
        """What the items must be: one expression for all of them, as MFJS has it."""
        schema, part = self.schema, self.part
        keyword, rest_keyword = "prefixItems", "items"
        if isinstance(schema.get("items"), list):
            keyword, rest_keyword = "items", "additionalItems"
        elif "prefixItems" not in schema:
            keyword = ""
        if rest_keyword not in schema and not (APPLICATORS | {"contains"}) & schema.keys():
            rest_keyword = "unevaluatedItems"
        rest: object = schema.get(rest_keyword, MISSING)
        if rest is not MISSING:
            self.seen.add(ALL_ITEMS)
        first: list[Expr] = []
        if keyword:
            self.seen.add(SOME_ITEMS)
            first = [
                (part.at(sub, f".{keyword}[{index}]"),)
                for index, sub in enumerate(list_of(schema, keyword, self.path))
            ]
        if rest is False:
            limit = (len(first), f"{self.path}.{rest_keyword}")
            bounds["maxItems"] = min(bounds.get("maxItems", limit), limit)
            self.did(f"{rest_keyword}: false written as maxItems")
        tail: Expr | None = None
        if rest is not MISSING and rest is not False:
            tail = (part.at(rest, f".{rest_keyword}"),)
        return self._tuple(keyword, first, tail, bounds) if first else tail

    def _tuple(
        self, keyword: str, first: list[Expr], tail: Expr | None, bounds: Bounds
    ) -> Expr | None:
        """MFJS has no tuples: each item may be what any of them must be."""
        longest = bounds.get("maxItems", (math.inf, ""))[0]
        covered = longest <= len(first)
        exprs = first[: int(longest)] if covered else [*first, tail or ()]
        shapes = [same_key(e[0].schema) if e and isinstance(e[0], Part) else "true" for e in exprs]
        if len(set(shapes)) > 1:
            given = self.schema[keyword]
            note = f"Items in order: {in_words(given)}."
            place = f"{self.path}.{keyword}"
            self.rules.append(Unsupported(keyword, place, given, note, ARRAY, parts=tuple(exprs)))
        else:
            self.did(f"{keyword} of one kind written as items")
        if not exprs or any(not expr for expr in exprs):
            return None
        return exprs[0] if len(set(shapes)) == 1 else (Choice(tuple(exprs)),)

    def _contains(self, bounds: Bounds) -> bool:
        """Reads ``contains`` where it only counts; returns whether no array can satisfy it."""
        if "contains" not in self.schema:
            return False
        self.seen.add(SOME_ITEMS)
        wanted = self.schema["contains"]
        least, most = self.schema.get("minContains", 1), self.schema.get("maxContains")
        if wanted is False:
            return isinstance(least, int | float) and least > 0
        if wanted in (True, {}):
            for keyword, value, pick in (("minItems", least, max), ("maxItems", most, min)):
                if isinstance(value, int | float):
                    bound = (value, f"{self.path}.contains")
                    bounds[keyword] = pick(bounds.get(keyword, bound), bound)
            self.did("contains: true written as minItems")
        return False


def literal(value: object) -> dict[str, Any] | None:
    """A schema that only an object or a list satisfies which is equal to ``value``.

    None where it takes more than MFJS has: lists of different items, and what is too long.
    """
    if len(in_words(value, _LITERAL + 1)) > _LITERAL:
        return None
    if isinstance(value, Mapping):
        if len(value) > _LITERAL_KEYS or RESERVED & value.keys():
            return None
        return {
            "type": "object",
            "properties": {name: {"const": inner} for name, inner in value.items()},
            "required": list(value),
            "additionalProperties": False,
        }
    if not isinstance(value, list) or len({same_key(item) for item in value}) > 1:
        return None
    items = {"items": {"const": value[0]}} if value else {}
    return {"type": "array", **items, "minItems": len(value), "maxItems": len(value)}


def list_of(schema: Mapping[str, Any], keyword: str, path: str) -> list[Any]:
    """The value of a keyword that must be an array."""
    value = schema.get(keyword, [])
    if not isinstance(value, list):
        raise InvalidRequestError(f"{keyword} must be an array", param=f"{path}.{keyword}")
    return value
