"""The rewrite to MFJS: the root, types, enums."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi.errors import InvalidRequestError
from llm_kimi.translation.mfjs import to_mfjs
from tests.support.schema_checks import ANYTHING, PATH, lost, obj, prop, rewrite


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


def test_the_result_is_the_callers_own() -> None:
    """Nothing in the output is shared with the input."""
    schema = obj({"a": {"type": "string", "enum": ["x"], "default": "x"}}, "a")
    sent, _ = to_mfjs(schema, PATH)
    sent["properties"]["a"]["enum"].append("y")
    sent["required"].append("b")
    assert schema == obj({"a": {"type": "string", "enum": ["x"], "default": "x"}}, "a")
