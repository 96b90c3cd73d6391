"""The simulator's own check of Moonshot-flavoured JSON schema."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi.simulator.rules.mfjs import check_schema
from llm_kimi.simulator.rules.mfjs_terms import MAX_ANY_OF, MAX_ENUM, MAX_PROPERTIES, Level


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
    (parent(type="integer", enum=[True]), "not a valid integer"),
    (
        parent(type="boolean", enum=["true"]),
        "enum value (true) does not match any type in [boolean]",
    ),
    (parent(type=["string", "integer"], enum=["a"]), "only 2 types are supported"),
    (parent(type="number", enum=list(range(MAX_ENUM + 1))), "cannot have more than 1000 items"),
    (parent(type="any"), "invalid type"),
    (parent(type=[]), "type array cannot be empty"),
    (parent(type=None), "type must be string or array of strings"),
    (parent(anyOf=[]), "anyOf must have 1-500 items"),
    (parent(anyOf=[{"type": "null"}] * (MAX_ANY_OF + 1)), "anyOf must have 1-500 items"),
    (
        parent(minimum=0, anyOf=[{"type": "number", "minimum": 1}]),
        "conflicting keywords found in anyOf with parent: keywords (minimum)",
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


# -- as Moonshot's own validator has it ------------------------------------------------------------
# Each of these was put to the validator at https://github.com/MoonshotAI/walle, 196bb0c.


def recursive(**definitions: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"n": {"$ref": "#/$defs/A"}},
        "required": ["n"],
        "$defs": definitions,
    }


A, B, C = ({"$ref": f"#/$defs/{name}"} for name in "ABC")
TEXT: dict[str, Any] = {"type": "string"}
ENDLESS = [
    recursive(A={"type": "array", "items": A}),
    recursive(A={"type": "array", "items": B}, B={"type": "array", "items": A}),
    recursive(A={"type": "array", "items": {"type": "array", "items": A}}),
    recursive(A=B, B=A),
    recursive(A={"type": "object", "properties": {"b": B}, "required": ["b"]}, B=A),
    recursive(A={"anyOf": [A, {"type": "array", "items": A}]}),
    # Optional at the root, but the root has no type, so that the reference itself is followed.
    {"properties": {"n": A}, "$defs": {"A": {"type": "array", "items": A}}},
]
ENDING = [
    recursive(A={"type": "array"}),
    recursive(A={"type": "array", "items": {"anyOf": [A, {"type": "null"}]}}),
    recursive(A={"type": "object", "properties": {"a": {"type": "array", "items": A}}}),
    recursive(A={"type": "object", "properties": {"a": A, "t": TEXT}, "required": ["a", "t"]}),
    {**recursive(A={"type": "array", "items": A}), "required": []},
]


def orders(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schema with its members in this order and the other way round, at every depth."""

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(item) for key, item in reversed(value.items())}
        return [turned(item) for item in value] if isinstance(value, list) else value

    return [schema, turned(schema)]


@pytest.mark.parametrize("level", ["server", "strict", "ultra"])
@pytest.mark.parametrize("schema", ENDLESS)
def test_a_reference_that_never_ends_is_refused_in_every_order(
    schema: dict[str, Any], level: Level
) -> None:
    typed = level != "server" or "type" in schema
    for ordered in orders(schema):
        complaint = check_schema(ordered, level) or ""
        assert "infinite recursion without termination condition" in complaint or not typed
        assert complaint


@pytest.mark.parametrize("level", ["server", "strict", "ultra"])
@pytest.mark.parametrize("schema", ENDING)
def test_a_reference_that_may_end_passes_in_every_order(
    schema: dict[str, Any], level: Level
) -> None:
    assert [check_schema(ordered, level) for ordered in orders(schema)] == [None, None]


DESCRIBED = {"type": "string", "description": "x"}
TITLED = {"type": "string", "title": "x"}
ULTRA_ONLY = [
    (parent(description="x", anyOf=[DESCRIBED, {"type": "null"}]), "keywords (description)"),
    (parent(title="x", anyOf=[TITLED]), "keywords (title)"),
    (
        {**parent(**A, title="x"), "$defs": {"A": {"anyOf": [TITLED, {"type": "null"}]}}},
        "inside anyOf in the referenced schema",
    ),
    (
        {**parent(**A), "$defs": {"A": {**B, "title": "x"}, "B": {**C, "title": "y"}, "C": TEXT}},
        'keyword "title" appears at multiple levels',
    ),
    (parent(anyOf=[TEXT], default="a"), "not allowed at the same level as anyOf"),
    (parent(type="string", format="date"), "unsupported keywords: format"),
    (parent(type="integer", pattern="a"), "invalid keywords: pattern"),
    (parent(type="string", minLength=2, maxLength=1), "cannot be greater than"),
    (parent(type="string", minLength=-1), "must be non-negative"),
    (parent(type="integer", minimum=0.5), "must be an integer"),
    (parent(type=["null", "null"]), "duplicate types"),
    (parent(type="object", properties={"a": TEXT}, required=["a", "a"]), "duplicate items"),
    (parent(type="object", properties={"": TEXT}), "property name cannot be empty"),
]


@pytest.mark.parametrize(("schema", "text"), ULTRA_ONLY)
def test_what_the_validator_refuses_at_its_default_level_only(
    schema: dict[str, Any], text: str
) -> None:
    """Its README calls ``strict`` the level of the server, and ``ultra`` the default."""
    assert text in (check_schema(schema, "ultra") or "")
    assert check_schema(schema, "strict") is None
    assert check_schema(schema) is None


SERVER_ONLY = [
    parent(description="no type"),  # https://github.com/earendil-works/pi/issues/5822
    parent(type="string", oneOf=[TEXT]),  # https://github.com/MoonshotAI/kimi-code/issues/2661
    # https://github.com/MoonshotAI/kimi-cli/issues/2061
    {**parent(**A, description="x"), "$defs": {"A": DESCRIBED}},
]


@pytest.mark.parametrize("schema", SERVER_ONLY)
def test_what_only_the_api_was_seen_to_refuse(schema: dict[str, Any]) -> None:
    assert check_schema(schema) is not None
    assert check_schema(schema, "strict") is None


EVERYWHERE = [
    (parent(type=["string", "null"], minLength=1), "in combination with multiple types"),
    (parent(type=["string", "null"], default=None), "in combination with multiple types"),
    (parent(type=["string", "integer"], enum=["a"]), "only 2 types are supported"),
    (parent(type=["integer", "null"], enum=[1, None]), "not a valid integer"),
    (parent(type="array", items=[TEXT]), "items must be an object"),
    (parent(type="array", items=False), "items must be an object"),
    (parent(type="string", description=None), "description must be a string"),
    ({"type": "object", "$defs": {"A": parent(type="object", properties={"a/b": TEXT})}}, "'/'"),
    (
        {"type": "object", "properties": {"{id}": {"type": "string", "enum": ["a"]}}},
        "invalid path: properties.{id}",
    ),
    (
        {"type": "object", "properties": {"x": {"type": "object", "not": {"$ref": "#"}}}},
        "not allowed",
    ),
]


@pytest.mark.parametrize("level", ["server", "strict", "ultra"])
@pytest.mark.parametrize(("schema", "text"), EVERYWHERE)
def test_what_the_validator_refuses_at_every_level(
    schema: dict[str, Any], text: str, level: Level
) -> None:
    complaint = check_schema(schema, level) or ""
    assert text in complaint or (level == "ultra" and "unsupported keywords" in complaint)


BOTH_LEVELS = [
    # In the validator's code at every level, although its prose lists neither.
    parent(type="string", pattern="^[A-Z]+-[0-9]+$"),
    parent(type="boolean", enum=[True]),
    parent(type=["boolean", "null"], enum=[True, None]),
    parent(type=["null", "integer"], enum=[1, None]),
    parent(anyOf=[DESCRIBED, {"type": "null"}]),
    {"type": "object", "properties": {"{id}": TEXT}},
]


@pytest.mark.parametrize("level", ["server", "strict", "ultra"])
@pytest.mark.parametrize("schema", BOTH_LEVELS)
def test_what_the_validator_takes_at_every_level(schema: dict[str, Any], level: Level) -> None:
    assert check_schema(schema, level) is None


def test_many_definitions_that_name_each_other_take_no_time() -> None:
    """The longest chain through n of them is one of n! chains."""
    names = [f"D{number}" for number in range(30)]
    body = {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in names] + [{"type": "null"}]}
    schema = {"type": "object", "$defs": dict.fromkeys(names, body)}
    assert check_schema(schema) is None
