"""The simulator's own check of Moonshot-flavoured JSON schema."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi.simulator.mfjs import MAX_ANY_OF, MAX_ENUM, MAX_PROPERTIES, check_schema


def parent(**child: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": child}}


REFUSED = [
    # https://github.com/MoonshotAI/kimi-code/issues/2661
    (
        {"type": "object", "anyOf": [{"type": "object"}]},
        (
            "At path 'root': when using anyOf, type should be defined in anyOf items instead of "
            "the parent schema"
        ),
    ),
    (
        parent(type="string", oneOf=[{"type": "string"}]),
        "At path 'properties.x': when using anyOf, type should be defined in anyOf items",
    ),
    # https://github.com/earendil-works/pi/issues/5822
    (parent(description="no type"), "At path 'properties.x': type is not defined"),
    (parent(enum=["a"]), "At path 'properties.x': type is not defined"),
    (parent(type="array", items={}), "At path 'properties.x.items': type is not defined"),
    (
        parent(anyOf=[{"type": "string"}, {"description": "any"}]),
        "At path 'properties.x.anyOf': type is not defined",
    ),
    (
        parent(
            type="object",
            allOf=[{"if": {"type": "object"}}, {"if": {"type": "string"}}],
        ),
        "Conflict in schema definitions for key 'if'. Previous: ",
    ),
    # https://github.com/can1357/oh-my-pi/issues/5952
    (
        {"type": "object", "properties": {"outputSchema": True}},
        "property schema for 'outputSchema' must be an object",
    ),
    (parent(type="array", items=True), "items must be an object"),
    # https://github.com/MoonshotAI/kimi-cli/issues/2061
    (
        {
            "type": "object",
            "$defs": {"A": {"type": "string", "description": "inner"}},
            "properties": {"assetRef": {"$ref": "#/$defs/A", "description": "outer"}},
        },
        (
            "At path 'properties.assetRef': conflicting keywords found after $ref expansion: "
            "description"
        ),
    ),
    (
        {
            "type": "object",
            "$defs": {"A": {"type": "string"}},
            "properties": {"a": {"$ref": "#/$defs/A", "type": "string"}},
        },
        (
            "when using $ref, type should be defined in the referenced schema instead of the "
            "parent schema"
        ),
    ),
    (parent(**{"$ref": "#/definitions/A"}), "references must start with #/$defs/"),
    (parent(**{"$ref": "#/$defs/A"}), "$defs not found for reference: #/$defs/A"),
    ({"$defs": {}, **parent(**{"$ref": "#/$defs/A"})}, "invalid $ref path: #/$defs/A"),
    (parent(**{"$ref": 1}), "$ref must be a string"),
    (
        {"type": "object", "properties": {}, "required": ["y"]},
        "At path 'required': required property 'y' is not defined in properties",
    ),
    ({"type": "object", "required": None}, "required must be an array"),
    (parent(type="string", enum=[]), "enum array cannot be empty"),
    (parent(type="string", enum=["a", 1]), "enum value (1) does not match any type in [string]"),
    (parent(type="integer", enum=[True]), "does not match any type in [integer]"),
    (parent(type=["string", "integer"], enum=["a"]), "only 2 types are supported"),
    (parent(type="number", enum=list(range(MAX_ENUM + 1))), "cannot have more than 1000 items"),
    (parent(type="any"), "invalid type"),
    (parent(type=[]), "type array cannot be empty"),
    (parent(type=None), "type must be string or array of strings"),
    (parent(anyOf=[]), "anyOf must have 1-500 items"),
    (parent(anyOf=[{"type": "null"}] * (MAX_ANY_OF + 1)), "anyOf must have 1-500 items"),
    (
        parent(minimum=0, anyOf=[{"type": "number", "minimum": 1}]),
        "conflicting keywords found in anyOf with parent: minimum",
    ),
    (
        {"type": "object", "properties": {"$ref": {"type": "string"}}},
        "property name '$ref' is reserved for JSON Schema keywords",
    ),
    (
        {"type": "object", "properties": {f"p{n}": {"type": "null"} for n in range(3001)}},
        f"exceeds maximum limit of {MAX_PROPERTIES}",
    ),
    ({"type": "object", "description": "x" * 130_000}, "schema exceeds maximum allowed size"),
    (
        {
            "type": "object",
            "$defs": {
                "N": {
                    "type": "object",
                    "properties": {"next": {"$ref": "#/$defs/N"}},
                    "required": ["next"],
                }
            },
            "properties": {"n": {"$ref": "#/$defs/N"}},
            "required": ["n"],
        },
        "infinite recursion without termination condition",
    ),
    ({"type": "object", "$defs": {"a/b": {"type": "string"}}}, "cannot contain '/' character"),
]

TAKEN = [
    {},
    {"type": "object"},
    parent(type="string", pattern="^a$", format="date", minLength=1, default="a"),
    parent(type=["string", "null"], enum=["a", None]),
    parent(anyOf=[{"type": "string"}, {"type": "null"}], default=None, title="X"),
    parent(oneOf=[{"type": "string"}, {"type": "null"}]),
    {"type": "object", "additionalProperties": {}},
    {"type": "object", "additionalProperties": {"type": "string"}},
    {"type": "object", "properties": {"type": {"type": "string"}, "enum": {"type": "string"}}},
    {
        "type": "object",
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
                "required": ["next"],
            }
        },
        "properties": {"list": {"$ref": "#/$defs/Node", "description": "the head"}},
        "required": ["list"],
    },
    {"type": "object", "properties": {"child": {"$ref": "#"}}},
]


@pytest.mark.parametrize(("schema", "text"), REFUSED)
def test_a_schema_that_is_not_moonshot_flavoured_is_named_with_its_path(
    schema: dict[str, Any], text: str
) -> None:
    complaint = check_schema(schema)
    assert complaint is not None
    assert complaint.startswith("At path '")
    assert text in complaint


@pytest.mark.parametrize("schema", TAKEN)
def test_a_moonshot_flavoured_schema_passes(schema: dict[str, Any]) -> None:
    assert check_schema(schema) is None


def test_depth_is_limited_and_never_overflows() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(40):
        deep = parent(**deep)
    assert "depth exceeds" in (check_schema(deep) or "")
    for _ in range(3000):
        deep = {"type": "array", "items": deep}
    assert "exceeds" in (check_schema(deep) or "")
