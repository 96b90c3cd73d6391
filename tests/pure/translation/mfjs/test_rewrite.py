"""The rewrite of JSON schemas to Moonshot-flavoured JSON schema (MFJS).

``problems`` is a checker of its own, written from github.com/MoonshotAI/walle (``docs/walle.md``,
``docs/mfjs-walle-vs-draft-2020-12.md`` and the validator's error texts); it shares no code with
the rewrite.
"""

from __future__ import annotations

import copy
import datetime
import enum
import json
import sys
import time
import uuid
from typing import Annotated, Any, Literal
from unittest import mock

import jsonschema
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from llm_kimi.errors import InvalidRequestError
from llm_kimi.translation import mfjs as schema_module
from llm_kimi.translation.mfjs import to_mfjs
from tests.support.budgets import FUZZ, tries

PATH = "tools[0].function.parameters"

# --- the checker ---

NOTES = {"title", "description"}
KEYWORDS = {
    "object": {"type", "properties", "required", "additionalProperties"} | NOTES,
    "array": {"type", "items", "minItems", "maxItems"} | NOTES,
    "string": {"type", "minLength", "maxLength", "pattern", "enum", "default"} | NOTES,
    "number": {"type", "minimum", "maximum", "enum", "default"} | NOTES,
    "integer": {"type", "minimum", "maximum", "enum", "default"} | NOTES,
    "boolean": {"type", "enum", "default"} | NOTES,
    "null": {"type", "default"} | NOTES,
}
RESERVED = {"", "$defs", "$ref", "anyOf", "required", "additionalProperties"}


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def matches(value: object, kind: str) -> bool:
    if kind == "integer":
        return is_number(value) and value == int(value)
    if kind == "number":
        return is_number(value)
    types = {"string": str, "boolean": bool, "null": type(None), "object": dict, "array": list}
    return isinstance(value, types[kind])


def problems(root: Any) -> list[str]:
    """What walle would find wrong with ``root``; empty for a legal MFJS schema."""
    found: list[str] = []
    used: set[str] = set()
    count = 0
    if not isinstance(root, dict) or root.get("type") != "object":
        return ['type is required and must be "object"']
    if not isinstance(root.get("properties"), dict):
        found.append("the root has no properties")
    defs = root.get("$defs", {})

    def slashes(node: Any) -> bool:
        if isinstance(node, dict):
            return any("/" in key or slashes(value) for key, value in node.items())
        return isinstance(node, list) and any(map(slashes, node))

    def check(node: Any, where: str, depth: int) -> None:
        nonlocal count
        if not isinstance(node, dict) or not node:
            found.append(f"{where}: not a filled object")
            return
        if depth > 30:
            found.append(f"{where}: schema depth exceeds maximum limit")
        keys = set(node) - ({"$defs"} if where == "" else set())
        texts = sorted(n for n in NOTES & keys if not isinstance(node[n], str))
        found.extend(f"{where}: {note} must be a string" for note in texts)
        if "$ref" in node:
            if keys != {"$ref"}:
                found.append(f"{where}: conflicting keywords found after $ref expansion")
            name = node["$ref"].removeprefix("#/$defs/")
            if not node["$ref"].startswith("#/$defs/"):
                found.append(f"{where}: references must start with #/$defs/")
            if name not in defs:
                found.append(f"{where}: $defs not found for reference")
            used.add(name)
            return
        if "anyOf" in node:
            if keys - NOTES != {"anyOf"}:
                found.append(f"{where}: when using anyOf, type should be defined in its items")
            both = [n for n in NOTES & keys if any(n in sub for sub in node["anyOf"])]
            if both:  # at walle's level "ultra", its default
                found.append(f"{where}: conflicting keywords found in anyOf with parent: {both}")
            if not 1 <= len(node["anyOf"]) <= 500:
                found.append(f"{where}: anyOf must have 1-500 items")
            for index, sub in enumerate(node["anyOf"]):
                check(sub, f"{where}.anyOf[{index}]", depth)
            return
        kind = node.get("type")
        if kind not in KEYWORDS:
            found.append(f"{where}: type is not defined ({kind!r})")
            return
        if keys - KEYWORDS[kind]:
            found.append(f"{where}: invalid keywords {sorted(keys - KEYWORDS[kind])}")
        for low, high in (
            ("minimum", "maximum"),
            ("minLength", "maxLength"),
            ("minItems", "maxItems"),
        ):
            for bound in (low, high):
                if bound in node:
                    whole = kind == "integer" or bound not in ("minimum", "maximum")
                    if not matches(node[bound], "integer" if whole else "number"):
                        found.append(f"{where}: {bound} must be a number of the type")
                    if bound not in ("minimum", "maximum") and node[bound] < 0:
                        found.append(f"{where}: {bound} must be non-negative")
            if node.get(low, -sys.maxsize) > node.get(high, sys.maxsize):
                found.append(f"{where}: {low} cannot be greater than {high}")
        if "default" in node and not matches(node["default"], kind):
            found.append(f"{where}: default does not match the type")
        if "enum" in node:
            values = node["enum"]
            if not 1 <= len(values) <= 1000:
                found.append(f"{where}: enum must have 1-1000 values")
            if not all(matches(value, kind) for value in values):
                found.append(f"{where}: enum value does not match any type")
            if len({json.dumps(v) for v in values}) != len(values):
                found.append(f"{where}: repeated enum values")
        if "items" in node:
            check(node["items"], f"{where}.items", depth)
        extra = node.get("additionalProperties", True)
        if not isinstance(extra, bool):
            check(extra, f"{where}.additionalProperties", depth)
        required = node.get("required", [])
        if len(set(required)) != len(required):
            found.append(f"{where}: duplicate items in required array")
        missing = [name for name in required if name not in node.get("properties", {})]
        found.extend(f"{where}: required property '{n}' is not defined" for n in missing)
        for name, sub in node.get("properties", {}).items():
            count += 1
            if name in RESERVED:
                found.append(f"{where}: property name '{name}' is reserved")
            check(sub, f"{where}.properties.{name}", depth + 1)

    check(root, "", 0)
    for name, sub in defs.items():
        if "/" in name or slashes(sub):
            found.append(f"$defs.{name}: '/' in a name")
        check(sub, f"$defs.{name}", 0)
    if set(defs) != used or ("$defs" in root and not defs):
        found.append(f"$defs holds {sorted(defs)}, referred to are {sorted(used)}")
    if count > 3000:
        found.append("too many properties")
    if len(json.dumps(root, ensure_ascii=False, separators=(",", ":")).encode()) > 120_000:
        found.append("schema exceeds maximum allowed size")
    if not found and not ends(root, defs, set()):
        found.append("detected infinite recursion without termination condition")
    return found


def ends(node: dict[str, Any], defs: dict[str, Any], seen: set[str]) -> bool:
    """walle's ``CheckRefTermination``."""
    kind = node.get("type")
    if kind is not None and kind not in ("object", "array"):
        return True
    if kind == "array" and ("items" not in node or ends(node["items"], defs, seen)):
        return True
    if kind == "object":
        required = node.get("required", [])
        if not required or any(ends(node["properties"][n], defs, seen) for n in required):
            return True
    for sub in node.get("anyOf", []):
        if ends(sub, defs, set(seen)):
            return True
    if "$ref" in node:
        name = node["$ref"].removeprefix("#/$defs/")
        if name in seen:
            return False
        seen.add(name)
        return ends(defs[name], defs, seen)
    return False


# --- helpers ---


def rewrite(schema: Any) -> tuple[dict[str, Any], list[Any]]:
    """``to_mfjs`` with everything checked that holds for every schema."""
    before = copy.deepcopy(schema)
    sent, adjustments = to_mfjs(schema, PATH)
    assert schema == before, "the input was changed"
    assert problems(sent) == []
    json.dumps([a.to_dict() for a in adjustments])
    again, more = to_mfjs(copy.deepcopy(sent), PATH)
    assert again == sent, "rewriting twice gives something else"
    assert more == [], [str(a) for a in more]
    if sent != schema:
        assert adjustments, "a change without an adjustment"
    keeping = [a for a in adjustments if not a.changes_meaning]
    assert len(keeping) <= 1
    for adjustment in adjustments:
        assert adjustment.param.startswith(PATH)
        assert "walle" in adjustment.source
        assert adjustment.given != adjustment.sent
    return sent, adjustments


def lost(adjustments: list[Any]) -> list[str]:
    return [a.param.removeprefix(PATH).lstrip(".") for a in adjustments if a.changes_meaning]


def prop(schema: Any, *, root: dict[str, Any] | None = None) -> tuple[dict[str, Any], list[str]]:
    """One property's schema rewritten, and the params of what got lost."""
    sent, adjustments = rewrite({"type": "object", "properties": {"x": schema}, **(root or {})})
    return sent["properties"]["x"], lost(adjustments)


def obj(properties: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        **({"required": list(required)} if required else {}),
        **more,
    }


ANYTHING = [{"type": t} for t in ("string", "number", "boolean", "object", "array", "null")]


# --- the root ---


@pytest.mark.parametrize("schema", [None, {}, True, []])
def test_no_parameters_become_an_empty_object(schema: Any) -> None:
    """`tools.function.parameters.type is required and must be "object"`"""
    sent, adjustments = rewrite(schema)
    assert sent == {"type": "object", "properties": {}}
    assert lost(adjustments) == []


@pytest.mark.parametrize(
    "schema",
    [False, "object", 3, {"type": "array"}, {"items": {}}, {"enum": ["a"]}, {"type": "string"}],
)
def test_a_root_that_is_no_object_is_refused_with_a_way_out(schema: Any) -> None:
    with pytest.raises(InvalidRequestError, match='"type": "object"') as caught:
        to_mfjs(schema, PATH)
    assert caught.value.param == PATH


def test_a_legal_schema_is_left_alone() -> None:
    schema = obj(
        {
            "qs": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
            "limit": {"type": "integer", "default": 10, "minimum": 1, "maximum": 5},
            "lang": {"type": "string", "enum": ["en", "zh"], "title": "Language"},
            "more": {"type": "object"},
        },
        "qs",
        additionalProperties=False,
        description="A search",
    )
    assert rewrite(schema) == (schema, [])


def test_the_order_of_properties_is_kept() -> None:
    sent, _ = rewrite(obj({name: {"type": "string"} for name in "zebra"}, "a", "z"))
    assert list(sent["properties"]) == list("zebra")


def test_a_root_reference_is_resolved() -> None:
    node = obj({"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}})
    sent, adjustments = rewrite({"$defs": {"Node": node}, "$ref": "#/$defs/Node"})
    assert sent == {**node, "$defs": {"Node": node}}
    assert lost(adjustments) == []


def test_root_alternatives_are_merged_into_one_object() -> None:
    cat = obj({"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "kind", "lives")
    dog = obj({"kind": {"const": "dog"}, "breed": {"type": "string"}}, "kind")
    sent, adjustments = rewrite({"oneOf": [cat, dog], "description": "A pet."})
    assert sent["required"] == ["kind"]
    assert set(sent["properties"]) == {"kind", "lives", "breed"}
    assert sent["properties"]["kind"]["anyOf"] == [
        {"type": "string", "enum": ["cat"]},
        {"type": "string", "enum": ["dog"]},
    ]
    assert sent["description"] == (
        'A pet. One of these must match: {kind: "cat", lives} or {kind: "dog", breed?}.'
    )
    assert lost(adjustments) == ["oneOf"]


def test_root_required_alternatives_keep_the_properties() -> None:
    schema = obj({"a": {"type": "string"}, "b": {"type": "string"}})
    sent, adjustments = rewrite({**schema, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]})
    assert sent["properties"] == schema["properties"]
    assert "required" not in sent
    assert lost(adjustments) == ["anyOf"]


def test_root_all_of_is_merged_without_loss() -> None:
    sent, adjustments = rewrite(
        {
            "allOf": [
                obj({"a": {"type": "integer", "minimum": 1}}, "a"),
                obj({"a": {"type": "integer", "maximum": 9}, "b": {"type": "string"}}, "b"),
            ]
        }
    )
    assert sent == obj(
        {"a": {"type": "integer", "minimum": 1, "maximum": 9}, "b": {"type": "string"}}, "a", "b"
    )
    assert lost(adjustments) == []


def test_root_alternatives_that_are_no_objects_are_reported() -> None:
    sent, adjustments = rewrite({"type": ["object", "string"]})
    assert sent == {"type": "object", "properties": {}}
    assert lost(adjustments) == ["type"]


# --- types ---


def test_type_moves_into_any_of() -> None:
    """`when using anyOf, type should be defined in anyOf items instead of the parent schema`"""
    sent, gone = prop({"type": "string", "anyOf": [{"minLength": 3}, {"enum": ["a"]}]})
    assert sent == {
        "anyOf": [{"type": "string", "minLength": 3}, {"type": "string", "enum": ["a"]}]
    }
    assert gone == []


def test_a_list_of_types_becomes_any_of_with_the_keywords_where_they_apply() -> None:
    sent, gone = prop(
        {"type": ["string", "integer", "null"], "minLength": 2, "minimum": 1, "description": "d"}
    )
    assert sent == {
        "description": "d",
        "anyOf": [
            {"type": "string", "minLength": 2},
            {"type": "integer", "minimum": 1},
            {"type": "null"},
        ],
    }
    assert gone == []


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"properties": {"a": {"type": "null"}}}, "object"),
        ({"required": ["a"]}, "object"),
        ({"items": {"type": "string"}}, "array"),
        ({"minLength": 1}, "string"),
        ({"pattern": "x"}, "string"),
        ({"minimum": 1}, "number"),
        ({"enum": ["a", "b"]}, "string"),
        ({"enum": [1, 2]}, "integer"),
        ({"enum": [1, 2.5]}, "number"),
        ({"const": None}, "null"),
        ({"const": "a"}, "string"),
    ],
)
def test_a_missing_type_is_guessed(schema: Any, expected: str) -> None:
    """`At path 'properties.task': type is not defined`"""
    assert prop(schema)[0]["type"] == expected


@pytest.mark.parametrize("schema", [{}, True])
def test_any_value_is_spelled_out(schema: Any) -> None:
    """`property schema for 'outputSchema' must be an object`; a `{}` is not read as any value."""
    assert prop(schema) == ({"anyOf": ANYTHING}, [])


def test_any_value_keeps_its_description() -> None:
    assert prop({"description": "d"}) == ({"description": "d", "anyOf": ANYTHING}, [])


def test_a_forbidden_property_is_dropped() -> None:
    closed = {"type": "object", "properties": {"x": False}, "additionalProperties": False}
    sent, adjustments = rewrite(closed)
    assert sent == {"type": "object", "properties": {}, "additionalProperties": False}
    assert lost(adjustments) == []
    sent, adjustments = rewrite(obj({"x": False}))
    assert sent == {**obj({}), "description": "Property 'x' must be absent."}
    assert lost(adjustments) == ["properties.x"]


def test_nullable_of_openapi() -> None:
    sent, gone = prop({"type": "string", "nullable": True, "description": "d", "minLength": 1})
    assert sent == {
        "description": "d",
        "anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}],
    }
    assert gone == []


@pytest.mark.parametrize(
    "given_type",
    [
        *("file", "list[str]", "", 7, [], {}, ["string", "enum"]),
        *(["string", ["number"]], ["string", {"type": "number"}], [None], [1]),
    ],
)
def test_an_unknown_type_is_refused(given_type: Any) -> None:
    with pytest.raises(InvalidRequestError, match="not a JSON schema type") as caught:
        prop({"type": given_type})
    assert caught.value.param == f"{PATH}.properties.x.type"


@pytest.mark.parametrize(
    ("schema", "param"),
    [
        ({"properties": 3}, "properties"),
        ({"properties": {"a": 3}}, "properties.a"),
        ({"type": "array", "items": "string"}, "items"),
        ({"anyOf": {}}, "anyOf"),
        ({"anyOf": [None]}, "anyOf[0]"),
        ({"enum": "a"}, "enum"),
        ({"minLength": "3"}, "minLength"),
        ({"minLength": True}, "minLength"),
        ({"minimum": False}, "minimum"),
        ({"$ref": 3}, "$ref"),
    ],
)
def test_a_broken_schema_is_refused_at_its_place(schema: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        prop(schema)
    assert caught.value.param == f"{PATH}.properties.x.{param}"


# --- enums ---


def test_const_becomes_an_enum() -> None:
    """const is no MFJS keyword."""
    assert prop({"const": "a"}) == ({"type": "string", "enum": ["a"]}, [])
    assert prop({"const": 3}) == ({"type": "integer", "enum": [3]}, [])
    assert prop({"const": None}) == ({"type": "null"}, [])


def test_null_and_mixed_values_of_an_enum_are_split() -> None:
    """`enum`: all values of one type; strings, integers and floats only"""
    sent, gone = prop({"enum": ["a", 1, None, "b", 2.5]})
    assert sent == {
        "anyOf": [
            {"type": "string", "enum": ["a", "b"]},
            {"type": "number", "enum": [1, 2.5]},
            {"type": "null"},
        ]
    }
    assert gone == []


def test_an_enum_of_booleans_stays() -> None:
    """walle's code: ``BooleanAllowedKeywords`` has ``enum``, whatever its prose says."""
    assert prop({"enum": [True, False]}) == ({"type": "boolean"}, [])
    assert prop({"const": True}) == ({"type": "boolean", "enum": [True]}, [])
    assert prop({"type": "boolean", "enum": [False]}) == ({"type": "boolean", "enum": [False]}, [])
    assert prop({"enum": [True, None]}) == (
        {"anyOf": [{"type": "boolean", "enum": [True]}, {"type": "null"}]},
        [],
    )


def test_objects_and_arrays_of_an_enum_become_schemas() -> None:
    """`enum`: strings, numbers and booleans only; but a schema can fit one object alone."""
    sent, gone = prop({"enum": [{"a": 1}, [2, 2], []]})
    one = obj({"a": {"type": "integer", "enum": [1]}}, "a", additionalProperties=False)
    two = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "integer", "enum": [2]}}
    assert sent == {"anyOf": [one, two, {"type": "array", "minItems": 0, "maxItems": 0}]}
    assert gone == []


@pytest.mark.parametrize("value", [[1, "a"], {"$ref": "x"}, {"text": "x" * 3000}])
def test_other_values_of_an_enum_are_told(value: Any) -> None:
    sent, gone = prop({"const": value})
    assert sent["description"].startswith("Must be ")
    assert gone == ["properties.x.const"]


def test_an_empty_enum_is_dropped() -> None:
    """`enum array cannot be empty`"""
    assert prop({"type": "string", "enum": []}) == ({"type": "string"}, ["properties.x.enum"])


def test_a_type_that_contradicts_the_enum_is_repaired() -> None:
    """`enum value (<v>) does not match any type in <types>`"""
    sent, gone = prop({"type": "string", "enum": [1, 2]})
    assert (sent, gone) == ({"type": "integer", "enum": [1, 2]}, ["properties.x.type"])
    assert prop({"type": "string", "enum": ["a", 1, "a"]}) == (
        {"type": "string", "enum": ["a"]},
        [],
    )
    assert prop({"type": "integer", "enum": [1.0, 2.5]}) == ({"type": "integer", "enum": [1]}, [])
    assert prop({"type": "number", "enum": [1, 2]}) == ({"type": "number", "enum": [1, 2]}, [])


def test_true_is_not_one() -> None:
    sent, _ = prop({"enum": [1, True, False, 0]})
    assert sent == {"anyOf": [{"type": "integer", "enum": [1, 0]}, {"type": "boolean"}]}


# --- rules without a keyword ---


@pytest.mark.parametrize(
    ("keyword", "schema", "told"),
    [
        ("multipleOf", {"type": "number", "multipleOf": 5}, "multiple of 5."),
        ("uniqueItems", {"type": "array", "uniqueItems": True}, "unique"),
        ("contains", {"type": "array", "contains": {"const": 1}}, '{"const": 1}'),
        ("minProperties", {"type": "object", "minProperties": 2}, "At least 2"),
        ("maxProperties", {"type": "object", "maxProperties": 2}, "At most 2"),
        ("not", {"type": "string", "not": {"const": "a"}}, 'Must not match {"const": "a"}.'),
        ("propertyNames", {"type": "object", "propertyNames": {"maxLength": 2}}, "names"),
        ("dependentRequired", {"type": "object", "dependentRequired": {"a": ["b"]}}, "'b' must"),
        (
            "dependentSchemas",
            {"type": "object", "dependentSchemas": {"a": {"required": ["c"]}}},
            "'a' is given",
        ),
        ("dependencies", {"type": "object", "dependencies": {"a": ["b"]}}, "'b' must be given"),
        (
            "if",
            {"type": "object", "if": {"required": ["a"]}, "then": {"required": ["b"]}},
            'If it matches {"required": ["a"]}, it must match {"required": ["b"]}.',
        ),
        ("exclusiveMinimum", {"type": "number", "exclusiveMinimum": 3}, "greater than 3."),
        ("exclusiveMaximum", {"type": "number", "exclusiveMaximum": 3}, "less than 3."),
        (
            "patternProperties.^x",
            {"type": "object", "patternProperties": {"^x": {"type": "null"}}},
            "match ^x",
        ),
    ],
)
def test_a_rule_without_a_keyword_is_told_and_reported(
    keyword: str, schema: Any, told: str
) -> None:
    """The keywords that are not in MFJS; unlisted ones give no guarantee."""
    sent, gone = prop({**schema, "description": "D"})
    assert keyword.split(".")[0] not in sent
    assert sent["description"].startswith("D. ")
    assert told in sent["description"]
    assert gone == [f"properties.x.{keyword}"]


def test_several_rules_are_several_adjustments() -> None:
    sent, gone = prop({"type": "array", "uniqueItems": True, "contains": {"const": 1}})
    assert gone == ["properties.x.uniqueItems", "properties.x.contains"]
    assert sent["description"] == 'Items must be unique. Must contain at least 1 of: {"const": 1}.'


def test_a_format_is_told_and_lost_only_where_it_was_promised() -> None:
    """To JSON schema it is an annotation; OpenAI's structured outputs (`strict`) keep it."""
    schema = obj({"x": {"type": "string", "format": "uuid"}})
    for strict in (False, True):
        sent, adjustments = to_mfjs(schema, PATH, strict=strict)
        assert sent["properties"]["x"] == {"type": "string", "description": "Format: uuid."}
        assert lost(adjustments) == (["properties.x.format"] if strict else [])


def test_a_pattern_stays() -> None:
    """walle's code takes `pattern` at every level (its prose does not list it)."""
    schema = {"type": "string", "pattern": "^[A-Z]+-[0-9]+$", "minLength": 3}
    assert prop(schema) == (schema, [])
    assert prop({"pattern": "^a"}) == ({"type": "string", "pattern": "^a"}, [])
    both = {"type": "string", "allOf": [{"pattern": "^a"}, {"pattern": "b$"}, {"pattern": "^a"}]}
    sent, gone = prop(both)
    assert sent["pattern"] == "^a"
    assert sent["description"] == "Must match the regular expression b$"
    assert gone == ["properties.x.allOf[1].pattern"]


@pytest.mark.parametrize(
    ("pattern", "sent"),
    [
        (r"^\d{4}-\w+$", "^[0-9]{4}-[A-Za-z0-9_]+$"),
        (r"[\d\w.-]+\.\D", r"[0-9A-Za-z0-9_.-]+\.[^0-9]"),
        (r"\\d[^\s]\[", r"\\d[^\s]\["),
        ("\\S", "[^\\s\ufeff]"),
        ("a\\", "a\\"),
    ],
)
def test_a_pattern_means_the_same_in_every_engine(pattern: str, sent: str) -> None:
    """ECMA-262, CharacterClassEscape: ``\\d`` and ``\\w`` are ASCII, U+FEFF is white space."""
    assert prop({"type": "string", "pattern": pattern}) == ({"type": "string", "pattern": sent}, [])


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer", "exclusiveMinimum": 1}, {"type": "integer", "minimum": 2}),
        ({"type": "integer", "exclusiveMaximum": 5.5}, {"type": "integer", "maximum": 5}),
        ({"type": "integer", "minimum": 1.5}, {"type": "integer", "minimum": 2}),
        (
            {"type": "number", "minimum": 3, "exclusiveMinimum": 1},
            {"type": "number", "minimum": 3},
        ),
        (
            {"type": "integer", "minimum": 1, "exclusiveMinimum": True},
            {"type": "integer", "minimum": 2},
        ),
        (
            {"type": "number", "maximum": 1, "exclusiveMaximum": False},
            {"type": "number", "maximum": 1},
        ),
        ({"type": "number", "multipleOf": 1}, {"type": "integer"}),
        ({"type": "array", "items": False}, {"type": "array", "maxItems": 0}),
        ({"type": "array", "uniqueItems": False}, {"type": "array"}),
        ({"type": "array", "items": True}, {"type": "array"}),
        ({"type": "object", "minProperties": 0}, {"type": "object"}),
        ({"type": "integer", "pattern": "a", "format": "int32"}, {"type": "integer"}),
        (
            {"type": "object", "additionalProperties": {}},
            {"type": "object", "additionalProperties": True},
        ),
        ({"type": "string", "not": False}, {"type": "string"}),
        (
            {"type": "object", "propertyNames": {"type": "string"}},
            {"type": "object"},
        ),
        (
            {"type": "object", "patternProperties": {".*": {"type": "null"}}},
            {"type": "object", "additionalProperties": {"type": "null"}},
        ),
        (
            {"propertyNames": {"enum": ["a"]}, "additionalProperties": {"type": "null"}},
            {**obj({"a": {"type": "null"}}), "additionalProperties": False},
        ),
        (
            {"allOf": [obj({"a": {"type": "null"}})], "unevaluatedProperties": False},
            {**obj({"a": {"type": "null"}}), "additionalProperties": False},
        ),
    ],
)
def test_a_rule_with_an_equal_is_kept(schema: Any, expected: Any) -> None:
    assert prop(schema) == (expected, [])


def test_names_that_match_a_pattern_are_not_locked_out() -> None:
    sent, gone = prop(
        {
            "type": "object",
            "patternProperties": {"^x": {"type": "integer"}},
            "additionalProperties": False,
        }
    )
    assert sent["additionalProperties"] == {"type": "integer"}
    assert gone == ["properties.x.patternProperties.^x"]


def test_a_tuple_becomes_a_list_of_its_kinds() -> None:
    """Tuple simulation using prefixItems is not supported."""
    pair = [{"type": "integer"}, {"type": "string"}]
    sent, gone = prop({"type": "array", "prefixItems": pair, "minItems": 2, "maxItems": 2})
    assert sent["items"] == {"anyOf": pair}
    assert (sent["minItems"], sent["maxItems"]) == (2, 2)
    assert json.dumps(pair) in sent["description"]
    assert gone == ["properties.x.prefixItems"]
    assert prop({"type": "array", "items": pair[:1] * 2, "additionalItems": False}) == (
        {"type": "array", "items": {"type": "integer"}, "maxItems": 2},
        [],
    )


def test_harmless_keywords_go_in_one_adjustment() -> None:
    noise = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.com/s",
        "$comment": "c",
        "x-order": 1,
        "examples": [{}],
        "deprecated": True,
        "readOnly": True,
    }
    sent, adjustments = rewrite({**obj({"a": {"type": "string", **noise}}), **noise})
    assert sent == obj({"a": {"type": "string"}})
    assert [a.changes_meaning for a in adjustments] == [False]
    assert "$schema" in adjustments[0].reason
    assert "x-order" in adjustments[0].reason


def test_default_stays_only_where_it_is_legal() -> None:
    """default: scalars only, matching the type, and not beside anyOf"""
    assert prop({"type": "integer", "default": 3})[0] == {"type": "integer", "default": 3}
    assert prop({"type": "string", "default": None})[0] == {
        "type": "string",
        "description": "Default: null.",
    }
    assert prop({"type": "array", "default": []})[0] == {
        "type": "array",
        "description": "Default: [].",
    }
    assert prop({"anyOf": [{"type": "string"}, {"type": "null"}], "default": "a"})[0] == {
        "anyOf": [{"type": "string"}, {"type": "null"}],
        "description": 'Default: "a".',
    }


# --- objects ---


def test_property_names_are_no_keywords() -> None:
    names = [
        "type",
        "enum",
        "properties",
        "items",
        "const",
        "allOf",
        "description",
        "$id",
        "format",
    ]
    schema = obj({name: {"type": "string"} for name in names}, "type", "properties")
    assert rewrite(schema) == (schema, [])


def test_property_names_that_kimi_refuses_move_into_words() -> None:
    """`property name '%s' is reserved for JSON Schema keywords`"""
    names = ["$ref", "anyOf", "required", "additionalProperties", "$defs"]
    schema = obj({n: {"type": "boolean"} for n in names}, "required", additionalProperties=False)
    sent, adjustments = rewrite(schema)
    assert sent["properties"] == {}
    assert sent["additionalProperties"] == {"type": "boolean"}
    assert 'Property \'required\' (required): {"type": "boolean"}.' in sent["description"]
    assert lost(adjustments) == [f"properties.{name}" for name in names]


def test_required_names_without_a_schema_get_one() -> None:
    """`required property '<x>' is not defined in properties`"""
    sent, adjustments = rewrite({"type": "object", "required": ["a", "a", "b"]})
    assert sent["properties"] == {"a": {"anyOf": ANYTHING}, "b": {"anyOf": ANYTHING}}
    assert sent["required"] == ["a", "b"]
    assert lost(adjustments) == []
    sent, _ = prop({"required": ["a"], "additionalProperties": {"type": "null"}})
    assert sent["properties"] == {"a": {"type": "null"}}


def test_a_required_property_that_can_have_no_value_is_left_out_and_told() -> None:
    """One tool that can never be called as its schema says must not cost the whole request."""
    for schema in (
        obj({"a": False, "b": {"type": "string"}}, "a", "b"),
        obj({"a": {"type": "string", "allOf": [{"type": "integer"}]}, "b": {}}, "a", "b"),
        obj({"a": {"type": "integer", "minimum": 3, "maximum": 2}, "b": {}}, "a", "b"),
        obj({"b": {"type": "string"}}, "a", "b", additionalProperties=False),
    ):
        sent, adjustments = to_mfjs(schema, PATH)
        assert list(sent["properties"]) == ["b"]
        assert sent["required"] == ["b"]
        assert any("'a'" in adjustment.reason for adjustment in adjustments)
        assert all(
            adjustment.changes_meaning for adjustment in adjustments if adjustment.sent is None
        )


def test_a_property_deeper_down_that_can_have_no_value_takes_its_parent_along() -> None:
    inner = obj({"a": False}, "a")
    sent, adjustments = to_mfjs(obj({"x": inner, "b": {"type": "string"}}, "b"), PATH)
    assert list(sent["properties"]) == ["b"]
    assert lost(adjustments) != []


# --- combinations ---


def test_one_of_with_disjoint_alternatives_is_the_same_as_any_of() -> None:
    sent, gone = prop({"oneOf": [{"type": "string"}, {"type": "integer"}]})
    assert (sent, gone) == ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, [])


def test_one_of_with_overlapping_alternatives_is_reported() -> None:
    sent, gone = prop({"oneOf": [{"type": "number"}, {"type": "integer"}]})
    assert sent["description"] == "Exactly one of the alternatives must match."
    assert gone == ["properties.x.oneOf"]


def test_all_of_is_merged_into_its_parent() -> None:
    sent, gone = prop(
        {
            "description": "d",
            "type": "object",
            "properties": {"a": {"type": "string"}},
            "allOf": [{"required": ["a"]}, obj({"b": {"type": "null"}}, "b")],
        }
    )
    assert sent == {**obj({"a": {"type": "string"}, "b": {"type": "null"}}, "a", "b"), **sent}
    assert sent["required"] == ["a", "b"]
    assert gone == []


def test_all_of_with_several_conditions_is_told() -> None:
    """`Conflict in schema definitions for key 'if'. Previous: .., New: ..`"""
    rule = {"if": {"required": ["a"]}, "then": {"required": ["b"]}}
    other = {"if": {"required": ["c"]}, "then": {"required": ["d"]}}
    sent, gone = prop({"type": "object", "allOf": [rule, other]})
    assert sent["description"].count("it must match") == 2
    assert gone == ["properties.x.allOf[0].if", "properties.x.allOf[1].if"]


def test_a_discriminator_makes_its_property_required() -> None:
    """OpenAPI: the property named by a discriminator must be given; pydantic refuses without it."""
    cat = obj({"kind": {"const": "cat", "default": "cat"}, "lives": {"type": "integer"}})
    dog = obj({"kind": {"const": "dog", "default": "dog"}})
    sent, gone = prop({"oneOf": [cat, dog], "discriminator": {"propertyName": "kind"}})
    assert [branch["required"] for branch in sent["anyOf"]] == [["kind"], ["kind"]]
    assert gone == []


def test_too_many_combinations_are_cut_and_reported() -> None:
    choice = [{"required": [f"a{i}"]} for i in range(20)]
    other = [{"required": [f"b{i}"]} for i in range(20)]
    sent, gone = prop({"type": "object", "allOf": [{"anyOf": choice}, {"anyOf": other}]})
    assert len(sent["anyOf"]) == 20
    assert gone == ["properties.x.allOf[1]"]


# --- references ---


@pytest.mark.parametrize(
    ("ref", "root"),
    [
        ("#/$defs/A", {"$defs": {"A": {"type": "null"}}}),
        ("#/definitions/A", {"definitions": {"A": {"type": "null"}}}),
        ("#/$defs/a~1b%20c", {"$defs": {"a/b c": {"type": "null"}}}),
        ("#/$defs/a~01", {"$defs": {"a~1": {"type": "null"}}}),
        ("#/other/0", {"other": [{"type": "null"}]}),
        ("#anchor", {"$defs": {"A": {"$anchor": "anchor", "type": "null"}}}),
        ("https://e.com/s#/$defs/A", {"$id": "https://e.com/s", "$defs": {"A": {"type": "null"}}}),
    ],
)
def test_local_references_are_inlined(ref: str, root: dict[str, Any]) -> None:
    """`references must start with #/$defs/`"""
    assert prop({"$ref": ref}, root=root) == ({"type": "null"}, [])


def test_siblings_of_a_reference_are_merged() -> None:
    """`conflicting keywords found after $ref expansion: description`"""
    root = {"$defs": {"A": {"type": "string", "description": "old", "minLength": 1}}}
    sent, gone = prop({"$ref": "#/$defs/A", "description": "new", "maxLength": 3}, root=root)
    assert sent == {"type": "string", "description": "new", "minLength": 1, "maxLength": 3}
    assert gone == []


@pytest.mark.parametrize(
    "ref", ["https://example.com/a.json", "other.json#/$defs/A", "A", "#/$defs/B", "#nowhere"]
)
def test_references_that_lead_nowhere_are_refused(ref: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        prop({"$ref": ref}, root={"$defs": {"A": {}}})
    assert caught.value.param == f"{PATH}.properties.x.$ref"
    assert repr(ref) in caught.value.message


def test_an_unused_definition_is_never_looked_at() -> None:
    sent, _ = rewrite({**obj({}), "$defs": {"A": {"$ref": "https://example.com"}}})
    assert sent == obj({})


def test_recursion_is_kept_as_a_bare_reference() -> None:
    node = obj({"v": {"type": "integer"}, "next": {"$ref": "#/definitions/No de"}}, "v")
    sent, gone = prop({"$ref": "#/definitions/No de"}, root={"definitions": {"No de": node}})
    assert sent == {"$ref": "#/$defs/No_de"}
    assert gone == []


def test_the_description_of_a_recursive_reference_is_kept() -> None:
    node = obj({"next": {"$ref": "#/$defs/N", "description": "the next one", "title": "T"}})
    sent, adjustments = rewrite({**obj({"n": {"$ref": "#/$defs/N"}}), "$defs": {"N": node}})
    assert sent["$defs"]["N"]["properties"]["next"] == {
        "description": "the next one",
        "title": "T",
        "anyOf": [{"$ref": "#/$defs/N"}],
    }
    assert lost(adjustments) == []


def test_constraints_beside_a_recursive_reference() -> None:
    """`when using $ref, type should be defined in the referenced schema instead`"""
    node = obj({"next": {"$ref": "#/$defs/N", "type": "object"}, "v": {"type": "null"}})
    sent, adjustments = rewrite({**obj({"n": {"$ref": "#/$defs/N"}}), "$defs": {"N": node}})
    assert sent["$defs"]["N"]["properties"]["next"] == {"$ref": "#/$defs/N"}
    assert lost(adjustments) == []
    node["properties"]["next"] = {"$ref": "#/$defs/N", "required": ["v"]}
    sent, adjustments = rewrite({**obj({"n": {"$ref": "#/$defs/N"}}), "$defs": {"N": node}})
    assert sent["$defs"]["N"]["properties"]["next"]["required"] == ["v"]
    assert lost(adjustments) == ["$defs.N.properties.next"]


def test_constraints_beside_a_recursive_reference_in_items() -> None:
    node = obj({"v": {"type": "null"}, "kids": {"type": "array"}})
    node["properties"]["kids"]["items"] = {"$ref": "#/$defs/N", "required": ["v"]}
    sent, adjustments = rewrite({**obj({"n": {"$ref": "#/$defs/N"}}), "$defs": {"N": node}})
    kid = sent["$defs"]["N"]["properties"]["kids"]["items"]
    assert kid["required"] == ["v"]
    assert kid["properties"]["kids"]["items"] == {"$ref": "#/$defs/N"}
    assert lost(adjustments) == ["$defs.N.properties.kids.items"]


def test_inheritance_from_a_recursive_base() -> None:
    base = obj({"id": {"type": "string"}, "parent": {"$ref": "#/$defs/Base"}}, "id")
    child = {"allOf": [{"$ref": "#/$defs/Base"}, obj({"age": {"type": "integer"}})]}
    sent, gone = prop(child, root={"$defs": {"Base": base}})
    assert set(sent["properties"]) == {"id", "parent", "age"}
    assert sent["properties"]["parent"] == {"$ref": "#/$defs/Base"}
    assert gone == []


def test_a_reference_to_the_root() -> None:
    sent, adjustments = rewrite(
        obj({"name": {"type": "string"}, "kids": {"type": "array", "items": {"$ref": "#"}}}, "name")
    )
    assert sent["properties"]["kids"]["items"] == {"$ref": "#/$defs/Root"}
    assert set(sent["$defs"]) == {"Root"}
    assert lost(adjustments) == []


def test_definition_names_stay_apart() -> None:
    one = obj({"a": {"$ref": "#/$defs/N"}})
    two = obj({"b": {"$ref": "#/definitions/N"}})
    sent, _ = rewrite(
        {
            **obj({"x": {"$ref": "#/$defs/N"}, "y": {"$ref": "#/definitions/N"}}),
            "$defs": {"N": one},
            "definitions": {"N": two},
        }
    )
    assert set(sent["$defs"]) == {"N", "N_2"}


def test_definitions_hold_no_slash() -> None:
    """`$defs property name '%s' cannot contain '/' character`, which walle asks of all keys."""
    node = obj({"a/b": {"type": "string"}, "next": {"$ref": "#/$defs/x~1N"}})
    sent, adjustments = rewrite({**obj({"n": {"$ref": "#/$defs/x~1N"}}), "$defs": {"x/N": node}})
    assert set(sent["$defs"]) == {"x_N"}
    assert lost(adjustments) == ["$defs.x/N.properties.a/b"]


def test_endless_recursion_is_refused() -> None:
    """`detected infinite recursion without termination condition`"""
    with pytest.raises(InvalidRequestError, match="endless"):
        to_mfjs(obj({"n": {"$ref": "#"}}, "n"), PATH)
    for loop in ({"$ref": "#/$defs/A"}, {"allOf": [{"$ref": "#/$defs/A"}, {"type": "object"}]}):
        with pytest.raises(InvalidRequestError, match="leads back to itself"):
            prop({"$ref": "#/$defs/A"}, root={"$defs": {"A": loop}})


def test_a_required_list_of_itself_becomes_optional() -> None:
    """walle takes an array of itself for endless although it may be empty."""
    node = obj({"kids": {"type": "array", "items": {"$ref": "#/$defs/N"}}}, "kids")
    sent, adjustments = rewrite({**obj({"n": {"$ref": "#/$defs/N"}}, "n"), "$defs": {"N": node}})
    assert "required" not in sent["$defs"]["N"]
    assert lost(adjustments) == ["$defs.N.required"]


# --- size ---


def test_exponential_references_stay_references() -> None:
    defs: dict[str, Any] = {"D0": obj({"leaf": {"type": "string"}})}
    for level in range(1, 25):
        ref = {"$ref": f"#/$defs/D{level - 1}"}
        defs[f"D{level}"] = obj({"a": ref, "b": ref})
    start = time.process_time()
    sent, adjustments = rewrite({**obj({"x": {"$ref": "#/$defs/D24"}}), "$defs": defs})
    assert time.process_time() - start < 5
    assert set(sent["$defs"]) == set(defs)
    assert lost(adjustments) == []


def test_exponential_alternatives_do_not_explode() -> None:
    defs: dict[str, Any] = {"D0": {"type": "string"}}
    for level in range(1, 40):
        ref = {"$ref": f"#/$defs/D{level - 1}"}
        defs[f"D{level}"] = {("anyOf", "allOf")[level % 2]: [ref, dict(ref)]}
    start = time.process_time()
    sent, _ = prop({"$ref": "#/$defs/D39"}, root={"$defs": defs})
    assert time.process_time() - start < 5
    assert sent == {"type": "string"}


def test_time_grows_with_the_size() -> None:
    schema = obj({f"p{i}": {"type": ["string", "null"], "title": "T"} for i in range(1000)})
    start = time.process_time()
    rewrite(schema)
    assert time.process_time() - start < 10


@pytest.mark.parametrize("levels", [100, 5000])
@pytest.mark.parametrize("keyword", ["properties", "items", "anyOf", "allOf"])
def test_deep_nesting_is_refused(levels: int, keyword: str) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {
            "properties": {"type": "object", "properties": {"a": schema}},
            "items": {"type": "array", "items": schema},
            "anyOf": {"anyOf": [schema, {"type": "null"}]},
            "allOf": {"allOf": [schema]},
        }[keyword]
    if keyword in ("anyOf", "allOf") and levels == 100:
        to_mfjs(obj({"x": schema}), PATH)
        return
    with pytest.raises(InvalidRequestError, match="nested deeper") as caught:
        to_mfjs(obj({"x": schema}), PATH)
    assert caught.value.param == PATH


@pytest.mark.parametrize(
    "schema",
    [
        obj({f"p{i}": {"type": "null"} for i in range(3001)}),
        obj({"x": {"enum": list(range(1001))}}),
        obj({"x": {"anyOf": [{"type": "string", "minLength": i} for i in range(501)]}}),
        obj({"x": {"type": "string", "description": "d" * 120_001}}),
    ],
)
def test_schemas_above_the_limits_are_refused(schema: Any) -> None:
    """The validator's code: 3000 properties, 500 anyOf items, 1000 enum items, 120,000 bytes."""
    with pytest.raises(InvalidRequestError, match="Kimi"):
        to_mfjs(schema, PATH)


def test_schemas_at_the_limits_pass() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(30):
        deep = obj({"a": deep})
    rewrite(deep)
    rewrite(obj({f"p{i}": {"type": "null"} for i in range(3000)}))
    rewrite(obj({"x": {"enum": list(range(1000))}}))
    with pytest.raises(InvalidRequestError):
        to_mfjs(obj({"a": deep}), PATH)


# --- any schema ---

NAMES = st.sampled_from(["a", "b", "c", "type", "$ref", "required"])
SCALARS = st.sampled_from([None, True, False, 0, 1, 2, 1.0, 1.5, -1, "", "a", "ab", "abc"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
SMALL = st.integers(0, 3)
TYPE = st.sampled_from(["string", "number", "integer", "boolean", "object", "array", "null"])
REF = st.sampled_from(["#/$defs/A", "#/$defs/B", "#/$defs/C", "#/definitions/D~1d", "#"])


# What MFJS can say in full, so that nothing may get lost.
SAYABLE = """
    type properties required additionalProperties items enum const anyOf allOf $ref minLength
    maxLength minItems maxItems minimum maximum title description default $comment x-extra
    propertyNames
""".split()  # noqa: SIM905


def sayable(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return keywords(inner, SAYABLE)


def keywords(
    inner: st.SearchStrategy[Any], only: list[str] | None = None
) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(inner, min_size=1, max_size=3)
    exact = {
        "type": TYPE | st.lists(TYPE, min_size=1, max_size=3, unique=True),
        "properties": st.dictionaries(NAMES, inner, max_size=3),
        "required": st.lists(NAMES, max_size=2, unique=True),
        "additionalProperties": inner,
        "items": inner,
        "enum": st.lists(VALUES, min_size=1, max_size=4),
        "const": VALUES,
        "anyOf": some,
        "oneOf": some,
        "allOf": some,
        "$ref": REF,
        "minLength": SMALL,
        "maxLength": SMALL,
        "minItems": SMALL,
        "maxItems": SMALL,
        "minimum": SMALL | st.just(0.5),
        "maximum": SMALL,
        "exclusiveMinimum": SMALL,
        "exclusiveMaximum": SMALL,
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "prefixItems": st.lists(inner, min_size=1, max_size=2),
        "propertyNames": st.sampled_from([True, {"type": "string"}, {"enum": ["a", "b"]}]),
        "patternProperties": st.dictionaries(st.sampled_from(["^a", ".*"]), inner, max_size=2),
        "unevaluatedProperties": inner,
        "unevaluatedItems": st.just(False),
        "not": inner,
        "if": inner,
        "then": inner,
        "contains": inner,
        "uniqueItems": st.booleans(),
        "minProperties": SMALL,
        "dependentRequired": st.just({"a": ["b"]}),
        "pattern": st.just("^a"),
        "format": st.sampled_from(["date", "uri", "int32"]),
        "title": st.just("T"),
        "description": st.just("d"),
        "default": VALUES,
        "$comment": st.just("c"),
        "x-extra": st.just(1),
    }
    common = ["type", "properties", "required", "items", "anyOf", "allOf", "enum", "$ref"]
    if only is None:
        only = sorted(exact)
    else:
        plain = st.sampled_from(["a", "b", "type"])
        exact["properties"] = st.dictionaries(plain, inner, max_size=3)
        exact["required"] = st.lists(plain, max_size=2, unique=True)
        exact["enum"] = st.lists(st.sampled_from([None, 0, 1, 1.5, "", "ab"]), min_size=1)
        exact["const"] = st.sampled_from([None, 2, "a"])
    names = st.lists(
        st.sampled_from(common) | st.sampled_from(only), min_size=1, max_size=5, unique=True
    )
    return names.flatmap(lambda chosen: st.fixed_dictionaries({n: exact[n] for n in chosen}))


LEAVES = st.booleans() | st.builds(lambda t: {"type": t}, TYPE)
SCHEMAS = st.recursive(LEAVES | keywords(LEAVES), keywords, max_leaves=12)
SAID = st.just(True) | st.builds(lambda t: {"type": t}, TYPE)
SAYABLE_SCHEMAS = st.recursive(SAID | sayable(SAID), sayable, max_leaves=12)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    root = dict(draw(keywords(SCHEMAS)))
    if draw(st.integers(0, 3)):
        root["type"] = "object"
        root["properties"] = draw(st.dictionaries(NAMES, SCHEMAS, min_size=1, max_size=3))
    root["$defs"] = {name: draw(SCHEMAS) for name in "ABC"}
    root["definitions"] = {"D/d": draw(SCHEMAS)}
    return root


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


SLOW = settings(
    max_examples=tries(120),
    derandomize=not FUZZ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@SLOW
@given(documents(), st.data())
def test_any_schema_becomes_legal_and_keeps_its_meaning(schema: Any, data: st.DataObject) -> None:
    try:
        sent, adjustments = rewrite(schema)
    except InvalidRequestError as refusal:
        message = refusal.message
        if not any(word in message for word in ("root must", "nothing", "leads back", "endless")):
            raise
        if "nothing satisfies" in message or "endless" in message:
            value = data.draw(st.dictionaries(NAMES, VALUES, max_size=3))
            assert not accepts(schema, value)
        return
    compare(data, schema, sent, adjustments)


@SLOW
@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), SAYABLE_SCHEMAS, min_size=1, max_size=3),
    SAYABLE_SCHEMAS,
    SAYABLE_SCHEMAS,
    st.sampled_from([schema_module._INLINED, 300]),
    st.data(),
)
def test_what_mfjs_can_say_is_said(
    properties: Any, a: Any, b: Any, budget: int, data: st.DataObject
) -> None:
    defs = {"A": a, "B": b, "C": {"type": "array", "items": {"$ref": "#/$defs/C"}}}
    schema = obj(properties, **{"$defs": defs, "definitions": {"D/d": {"type": "null"}}})
    try:
        with mock.patch.object(schema_module, "_INLINED", budget):
            sent, adjustments = rewrite(schema)
    except InvalidRequestError:
        return
    compare(data, schema, sent, adjustments)


# --- pydantic ---


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Address(BaseModel):
    street: str
    number: int = 1


class Person(BaseModel):
    """A person."""

    name: str = Field(min_length=1, max_length=20, description="Full name")
    nick: str | None = None
    age: int = Field(gt=0, le=150)
    home: Address = Field(description="Where they live")
    other: list[Address] = []
    colour: Colour
    level: Level = Level.LOW
    mood: Literal["good", "bad", 3, None] = "good"
    scores: dict[str, int] = {}
    mixed: int | str | list[bool]
    anything: Any = None


class Node(BaseModel):
    value: int
    children: list[Node] = []
    parent: Node | None = None


class Forest(BaseModel):
    trees: list[Node]
    main: Node = Field(description="The main one")


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    friends: list[Pet] = []


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Home(BaseModel):
    pet: Pet
    pets: list[Pet] = []


class Exact(BaseModel):
    pair: tuple[int, str]
    point: tuple[float, float]
    when: datetime.datetime
    key: uuid.UUID
    ratio: float = Field(gt=0, lt=1)
    step: int = Field(multiple_of=5)
    code: str = Field(pattern="^[a-z]+$")
    tags: set[str]


Dog.model_rebuild()


@pytest.mark.parametrize("model", [Address, Person, Node, Forest])
@settings(max_examples=tries(30), deadline=None)
@given(data=st.data())
def test_pydantic_models_keep_their_meaning(model: type[BaseModel], data: st.DataObject) -> None:
    schema = model.model_json_schema()
    sent, adjustments = rewrite(schema)
    assert lost(adjustments) == []
    compare(data, schema, sent, adjustments)
    value = sample(data.draw, sent, sent.get("$defs", {}))
    assume(accepts(sent, value))
    model.model_validate(value)


def test_pydantic_nested_models_are_inlined() -> None:
    sent, _ = rewrite(Person.model_json_schema())
    assert "$defs" not in sent
    assert sent["properties"]["home"]["description"] == "Where they live"
    assert sent["properties"]["age"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 150,
        "title": "Age",
    }


def test_pydantic_recursive_models_keep_one_definition() -> None:
    sent, _ = rewrite(Forest.model_json_schema())
    assert set(sent["$defs"]) == {"Node"}
    assert sent["properties"]["trees"]["items"] == {"$ref": "#/$defs/Node"}


@settings(max_examples=tries(30), deadline=None)
@given(data=st.data())
def test_pydantic_discriminated_unions(data: st.DataObject) -> None:
    """What fits the rewritten schema is what pydantic takes (it demands the tag)."""
    sent, adjustments = rewrite(Home.model_json_schema())
    assert lost(adjustments) == []
    value = sample(data.draw, sent, sent.get("$defs", {}))
    assume(accepts(sent, value))
    # A tag is optional in a recursive member, because nothing may stand beside its $ref.
    try:
        TypeAdapter(Home).validate_python(value)
    except ValidationError as refusal:
        if {e["type"] for e in refusal.errors()} != {"union_tag_not_found"}:
            raise


def test_pydantic_constrained_types_report_what_is_lost() -> None:
    _, adjustments = rewrite(Exact.model_json_schema())
    assert lost(adjustments) == [
        "properties.pair.prefixItems",
        "properties.ratio.exclusiveMinimum",
        "properties.ratio.exclusiveMaximum",
        "properties.step.multipleOf",
        "properties.tags.uniqueItems",
    ]


# --- the module ---


def test_the_result_is_the_callers_own() -> None:
    """Nothing in the output is shared with the input."""
    schema = obj({"a": {"type": "string", "enum": ["x"], "default": "x"}}, "a")
    sent, _ = to_mfjs(schema, PATH)
    sent["properties"]["a"]["enum"].append("y")
    sent["required"].append("b")
    assert schema == obj({"a": {"type": "string", "enum": ["x"], "default": "x"}}, "a")


def test_the_order_of_the_output_is_always_the_same() -> None:
    schema = Home.model_json_schema()
    texts = {json.dumps(to_mfjs(copy.deepcopy(schema), PATH)[0]) for _ in range(5)}
    assert len(texts) == 1
    assert schema_module.__all__ == ["to_mfjs"]
