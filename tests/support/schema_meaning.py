"""Whether two schemas mean the same: values that more or less fit one, tried on both."""

from __future__ import annotations

from typing import Any

import jsonschema
from hypothesis import strategies as st

from tests.support.schema_checks import lost

NAMES = st.sampled_from(["a", "b", "c", "type", "$ref", "required"])
SCALARS = st.sampled_from([None, True, False, 0, 1, 2, 1.0, 1.5, -1, "", "a", "ab", "abc"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)


def accepts(schema: Any, value: Any) -> bool | None:
    """Whether ``value`` fits; None where jsonschema itself goes round in a circle."""
    try:
        return jsonschema.Draft202012Validator(schema).is_valid(value)
    except BaseException as error:  # rpds, which jsonschema uses, panics in its own way
        if isinstance(error, RecursionError) or type(error).__name__ == "PanicException":
            return None
        raise


def sample(draw: st.DrawFn, node: dict[str, Any], defs: dict[str, Any], depth: int = 0) -> Any:
    """A value that more or less fits a rewritten schema."""
    if "$ref" in node:
        node = defs[node["$ref"].removeprefix("#/$defs/")]
    if "anyOf" in node:
        return sample(draw, draw(st.sampled_from(node["anyOf"])), defs, depth)
    if "enum" in node:
        return draw(st.sampled_from(node["enum"]))
    kind = node.get("type")
    if kind == "object" and depth < 5:
        names = [
            name
            for name in node.get("properties", {})
            if name in node.get("required", []) or draw(st.booleans())
        ]
        value = {name: sample(draw, node["properties"][name], defs, depth + 1) for name in names}
        if node.get("additionalProperties") is not False and draw(st.booleans()):
            extra = node.get("additionalProperties")
            name = draw(NAMES)
            value.setdefault(
                name,
                sample(draw, extra, defs, depth + 1) if isinstance(extra, dict) else draw(VALUES),
            )
        return value
    if kind == "array" and depth < 5:
        size = draw(st.integers(node.get("minItems", 0), min(node.get("maxItems", 3), 4) or 0))
        if "items" in node:
            return [sample(draw, node["items"], defs, depth + 1) for _ in range(size)]
        return [draw(VALUES) for _ in range(size)]
    if kind == "string":
        return "a" * draw(st.integers(node.get("minLength", 0), max(node.get("maxLength", 3), 0)))
    if kind in ("integer", "number"):
        return draw(st.sampled_from([node.get("minimum", 0), node.get("maximum", 2), 1]))
    return {"boolean": True, "null": None, "object": {}, "array": []}.get(str(kind))


def compare(data: st.DataObject, schema: Any, sent: dict[str, Any], adjustments: list[Any]) -> None:
    """Without a reported loss both schemas accept the same objects."""
    if lost(adjustments):
        return
    guessed = any("guessed" in a.reason for a in adjustments)
    draw = data.draw
    for _ in range(4):
        value = (
            sample(draw, sent, sent.get("$defs", {}))
            if draw(st.booleans())
            else draw(st.dictionaries(NAMES, VALUES, max_size=3))
        )
        if not isinstance(value, dict):
            continue
        before, after = accepts(schema, value), accepts(sent, value)
        if before is None or after is None:
            return
        # A guessed type only narrows: what Kimi writes still fits the caller's schema.
        assert before == after or (guessed and before), (value, sent)
