"""Makes up a JSON value that satisfies a schema, out of a user's words.

Numbers come from the text in the order they stand there, strings echo the text, an enum takes the
value that the text mentions. Always the same value for the same schema and text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["make_value"]

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_DEEP = 6
_TOO_DEEP = 24


def make_value(schema: Mapping[str, Any], text: str) -> Any:
    """A value for ``schema`` built from ``text``."""
    return _Maker(schema, text).value(schema, 0)


class _Maker:
    def __init__(self, root: Mapping[str, Any], text: str) -> None:
        self.root = root
        self.text = text
        self.numbers: Iterator[str] = iter(_NUMBER.findall(text))

    def value(self, schema: object, depth: int) -> Any:
        if not isinstance(schema, Mapping) or depth > _TOO_DEEP:
            return None
        schema = self.resolved(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self.choice(schema["enum"])
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                return self.value(self.branch(schema[key], depth), depth + 1)
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((name for name in kind if name != "null"), "null")
        if kind is None:
            kind = (
                "object" if "properties" in schema else "array" if "items" in schema else "string"
            )
        if kind == "object":
            return self.object(schema, depth)
        if kind == "array":
            return self.array(schema, depth)
        if kind in ("integer", "number"):
            return self.number(schema, whole=kind == "integer")
        if kind == "boolean":
            return not re.search(r"\b(false|no|off)\b", self.text, re.IGNORECASE)
        return None if kind == "null" else self.string(schema)

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        for _ in range(_DEEP):
            ref = schema.get("$ref")
            if not isinstance(ref, str):
                break
            target: Any = self.root
            for part in ref.split("/")[1:]:
                target = target.get(part) if isinstance(target, Mapping) else None
            if not isinstance(target, Mapping):
                break
            schema = target
        return schema

    def branch(self, branches: list[Any], depth: int) -> Any:
        """The first branch that is not null; deep down the last, where recursion ends."""
        real = [branch for branch in branches if self.kind(branch) != "null"] or branches
        if depth <= _DEEP:
            return real[0]
        flat = [branch for branch in branches if self.kind(branch) not in ("object", "array", None)]
        return flat[0] if flat else real[-1]

    def kind(self, branch: object) -> object:
        return self.resolved(branch).get("type") if isinstance(branch, Mapping) else None

    def object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        required = schema.get("required") or ()
        return {
            name: self.value(child, depth + 1)
            for name, child in properties.items()
            if depth <= _DEEP or name in required
        }

    def array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        least = schema.get("minItems") or 0
        count = max(least, 1 if depth <= _DEEP else 0)
        most = schema.get("maxItems")
        if isinstance(most, int):
            count = min(count, most)
        items = schema.get("items") or {"type": "string"}
        return [self.value(items, depth + 1) for _ in range(count)]

    def choice(self, values: list[Any]) -> Any:
        low = self.text.lower()
        return next((value for value in values if str(value).lower() in low), values[0])

    def number(self, schema: Mapping[str, Any], *, whole: bool) -> int | float:
        found = next(self.numbers, None)
        value: int | float = 1 if found is None else float(found)
        low, high = schema.get("minimum"), schema.get("maximum")
        if isinstance(low, (int, float)):
            value = max(value, low)
        if isinstance(high, (int, float)):
            value = min(value, high)
        return int(value) if whole or float(value).is_integer() else value

    def string(self, schema: Mapping[str, Any]) -> str:
        value = self.text or "offline"
        most = schema.get("maxLength")
        if isinstance(most, int):
            value = value[:most]
        least = schema.get("minLength")
        return value.ljust(least, ".") if isinstance(least, int) else value
