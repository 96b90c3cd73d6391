"""The rewrite to MFJS: rules without a keyword, objects, combinations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm_kimi.translation.mfjs import to_mfjs
from tests.support.schema_checks import ANYTHING, PATH, lost, obj, prop, rewrite


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
