"""Schemas that real tool servers sent and that went wrong, with their siblings.

Every section begins with the request as it was met, and its source; the siblings are other
instances of the same kind.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm_kimi.simulator.rules.mfjs import check_schema
from tests.support.field_cases import (
    K26,
    USER,
    complaint_or_change,
    prop,
    refused,
    schema_of,
    sent_schema,
)

Json = dict[str, Any]


# -- half a surrogate pair in a schema -------------------------------------------------------------
# elizaOS/eliza#18079, microsoft/playwright-mcp#1410, JohnnyZ93/oai-compatible-copilot#271

HALF = "half an emoji \ud83d"


@pytest.mark.parametrize("keyword", ["description", "title", "default"])
def test_half_a_character_in_a_schema_is_replaced(keyword: str) -> None:
    schema, translation = sent_schema(schema_of(prop(type="string", **{keyword: HALF})))
    assert "half an emoji \ufffd" in json.dumps(schema, ensure_ascii=False)
    assert translation.adjustments


@pytest.mark.parametrize(
    "schema",
    [
        prop(enum=[HALF, "whole"]),
        prop(const=HALF),
        prop(type="string", pattern=HALF),
        {"type": "object", "properties": {HALF: {"type": "string"}}},
        {"type": "object", "properties": {HALF: {"type": "string"}}, "required": [HALF]},
    ],
)
@pytest.mark.parametrize("place", ["tools", "system", "format"])
def test_half_a_character_that_is_chosen_or_named_changes_the_meaning(
    schema: Json, place: str
) -> None:
    request = schema_of(schema)
    if place == "system":
        system = {"role": "system", "tools": request.pop("tools")}
        request["messages"] = [system, USER]
    elif place == "format":
        del request["tools"]
        spec = {"name": "n", "schema": schema}
        request["response_format"] = {"type": "json_schema", "json_schema": spec}
    complaint_or_change(request)


# -- keywords that are null ------------------------------------------------------------------------
# mark3labs/mcp-go#224


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        pytest.param(
            {"type": "object", "properties": None},
            {"type": "object", "properties": {}},
            id="as it was met",
        ),
        pytest.param(
            {
                "type": "object",
                "properties": {"a": {"type": "string", "enum": None, "items": None}},
                "additionalProperties": None,
                "required": None,
            },
            {"type": "object", "properties": {"a": {"type": "string"}}},
            id="as it was met, too",
        ),
        pytest.param(
            {"type": "object", "properties": [], "required": []},
            {"type": "object", "properties": {}},
            id="a list for a map",
        ),
        pytest.param(
            {**prop(type="array", items={"type": "string", "pattern": None}), "$defs": None},
            prop(type="array", items={"type": "string"}),
            id="deeper",
        ),
        pytest.param(
            prop(type="string", description=None, title=None, minLength=None),
            prop(type="string"),
            id="texts and limits",
        ),
    ],
)
def test_null_keywords_count_as_not_given(given: Json, meant: Json) -> None:
    schema, translation = sent_schema(schema_of(given))
    expected, _ = sent_schema(schema_of(meant))
    assert {"properties": {}, **schema} == {"properties": {}, **expected}
    assert translation.changes_of_meaning == ()


def test_null_is_a_value_where_values_stand() -> None:
    schema, _ = sent_schema(schema_of(prop(anyOf=[{"type": "string"}, {"type": "null"}])))
    assert "null" in json.dumps(schema)
    schema, _ = sent_schema(schema_of(prop(type=["string", "null"], enum=["a", None])))
    assert "null" in json.dumps(schema)


# -- required on a property ------------------------------------------------------------------------
# CherryHQ/cherry-studio#4188

A = {"type": "string", "required": True}
B = {"type": "integer", "required": False}


def required_names(schema: Any) -> set[str]:
    """Every name that some object below requires."""
    if isinstance(schema, list):
        return set().union(*map(required_names, schema)) if schema else set()
    if not isinstance(schema, dict):
        return set()
    own = schema.get("required")
    inner = set().union(*map(required_names, schema.values())) if schema else set()
    return inner | set(own if isinstance(own, list) else ())


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        pytest.param({"type": "object", "properties": {"a": A, "b": B}}, {"a"}, id="as it was met"),
        pytest.param(
            {"type": "object", "properties": {"a": A, "c": {"type": "null"}}, "required": ["c"]},
            {"a", "c"},
            id="beside a list",
        ),
        pytest.param(prop(type="object", properties={"a": A, "b": B}), {"a"}, id="deeper"),
        pytest.param(
            prop(type="array", items={"type": "object", "properties": {"a": A}}), {"a"}, id="items"
        ),
        pytest.param({"type": "object", "properties": {"b": B}}, set(), id="only false"),
    ],
)
def test_required_on_a_property_is_read_as_draft_3_has_it(schema: Json, names: set[str]) -> None:
    sent, translation = sent_schema(schema_of(schema))
    assert required_names(sent) == names
    assert translation.changes_of_meaning == ()


@pytest.mark.parametrize("required", [1, ["a", 2], {"a": True}])
def test_required_that_cannot_be_read_is_a_change_of_meaning_or_an_error(required: Any) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": required}
    complaint_or_change(schema_of(schema))


# -- texts on both sides of anyOf ------------------------------------------------------------------
# MoonshotAI/walle at 196bb0c; live errors of the family: MoonshotAI/kimi-cli#2061

PLACE = {
    "type": "object",
    "properties": {"s": {"type": "string"}},
    "description": "A postal address.",
    "title": "Addr",
}
REF = {"$ref": "#/$defs/Addr"}


@pytest.mark.parametrize(
    ("schema", "texts"),
    [
        pytest.param(
            {
                **prop(anyOf=[REF, {"type": "null"}], description="Where to", title="Address"),
                "$defs": {"Addr": PLACE},
            },
            ["Where to", "A postal address."],
            id="as it was met",
        ),
        pytest.param(
            prop(
                description="outer",
                anyOf=[
                    {"type": "string", "description": "one"},
                    {"type": "integer", "description": "two"},
                ],
            ),
            ["outer", "one", "two"],
            id="every branch",
        ),
        pytest.param(
            {**prop(**REF, description="outer"), "$defs": {"Addr": PLACE}},
            ["outer"],
            id="beside a reference",
        ),
        pytest.param(
            prop(
                type="array",
                items={"description": "outer", "oneOf": [{"const": "a", "description": "one"}]},
            ),
            ["outer", "one"],
            id="oneOf in items",
        ),
        pytest.param(
            {
                **prop(description="outer", **{"$ref": "#/$defs/L"}),
                "$defs": {
                    "L": {
                        "anyOf": [
                            {"type": "null", "description": "end"},
                            {
                                "type": "object",
                                "description": "more",
                                "properties": {"next": {"$ref": "#/$defs/L"}},
                            },
                        ]
                    }
                },
            },
            ["outer"],
            id="recursive",
        ),
    ],
)
def test_texts_stand_on_one_side_of_any_of(schema: Json, texts: list[str]) -> None:
    sent, translation = sent_schema(schema_of(schema))
    assert check_schema(sent, "ultra") is None
    assert all(text in json.dumps(sent) for text in texts)
    assert translation.changes_of_meaning == ()


# -- recursion that never ends ---------------------------------------------------------------------
# MoonshotAI/walle at 196bb0c

ARRAY = {"type": "array", "items": {"$ref": "#/$defs/A"}}


def requires_n(**definitions: Any) -> Json:
    return {
        "type": "object",
        "properties": {"n": {"$ref": "#/$defs/A"}},
        "required": ["n"],
        "$defs": definitions,
    }


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(requires_n(A=ARRAY), id="as it was met"),
        pytest.param(dict(reversed(requires_n(A=ARRAY).items())), id="in another order"),
        pytest.param(
            requires_n(A={"type": "array", "items": {"$ref": "#/$defs/B"}}, B=ARRAY),
            id="through another",
        ),
        pytest.param(prop(**requires_n(A=ARRAY)) | {"$defs": {"A": ARRAY}}, id="deeper"),
        pytest.param(requires_n(A={"anyOf": [ARRAY, ARRAY]}), id="in every branch"),
        pytest.param(
            {
                "type": "object",
                "properties": {"n": {"type": "array", "items": {"$ref": "#/properties/n"}}},
                "required": ["n"],
            },
            id="into properties",
        ),
    ],
)
def test_a_recursive_array_may_be_left_away(schema: Json) -> None:
    sent, translation = sent_schema(schema_of(schema, K26))
    for ordered in (sent, json.loads(json.dumps(sent, sort_keys=True))):
        assert check_schema(ordered, "strict") is None
        assert check_schema(ordered, "ultra") is None
    assert translation.adjustments


# -- types that are none ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(prop(type=["string", ["number"]]), id="as it was met"),
        pytest.param(prop(type=["string", {"a": 1}]), id="an object"),
        pytest.param(prop(type=["string", 3]), id="a number"),
        pytest.param(prop(anyOf=[{"type": [["null"]]}]), id="in a branch"),
        pytest.param(prop(type="array", items={"type": [["null"], "string"]}), id="in items"),
        pytest.param({"type": ["object", ["null"]], "properties": {}}, id="at the root"),
    ],
)
def test_a_type_that_is_none_is_named_by_its_path(schema: Json) -> None:
    error = refused(schema_of(schema, K26))
    assert error.param is not None
    assert error.param.startswith("tools[0].function.parameters")


# -- unevaluated members ---------------------------------------------------------------------------
# The JSON Schema Test Suite, unevaluatedProperties and unevaluatedItems

CLOSED = {"unevaluatedProperties": False}


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(
            prop(type="object", patternProperties={"^S_": {"type": "string"}}, **CLOSED),
            id="as it was met",
        ),
        pytest.param(
            prop(
                type="object",
                **{"if": {"required": ["a"]}, "then": {"properties": {"b": True}}},
                **CLOSED,
            ),
            id="a condition",
        ),
        pytest.param(
            prop(type="object", dependentSchemas={"a": {"properties": {"b": True}}}, **CLOSED),
            id="dependent schemas",
        ),
        pytest.param(
            prop(type="object", propertyNames={"pattern": "^S_"}, additionalProperties=True),
            id="names",
        ),
    ],
)
def test_members_that_patterns_and_conditions_allow_stay_possible(schema: Json) -> None:
    sent, translation = sent_schema(schema_of(schema, K26))
    assert sent["properties"]["x"].get("additionalProperties") is not False
    assert translation.changes_of_meaning


def test_members_of_a_tuple_stay_possible() -> None:
    schema = prop(type="array", prefixItems=[{"type": "string"}], unevaluatedItems=False)
    sent, translation = sent_schema(schema_of(schema, K26))
    assert "items" not in sent["properties"]["x"] or sent["properties"]["x"]["items"]
    assert sent["properties"]["x"].get("maxItems", 1) == 1
    assert translation.adjustments


# -- resources inside a schema ---------------------------------------------------------------------
# The JSON Schema Test Suite, refs into an embedded $id


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(
            {**prop(**{"$ref": "item"}), "$defs": {"I": {"$id": "item", "type": "integer"}}},
            id="as it was met",
        ),
        pytest.param(
            {
                "$id": "https://example.com/root.json",
                **prop(**{"$ref": "item.json"}),
                "$defs": {"I": {"$id": "item.json", "type": "integer"}},
            },
            id="relative to the root",
        ),
        pytest.param(
            {
                **prop(**{"$ref": "https://example.com/item.json"}),
                "$defs": {"I": {"$id": "https://example.com/item.json", "type": "integer"}},
            },
            id="absolute",
        ),
        pytest.param(
            {
                **prop(**{"$ref": "box#/$defs/B"}),
                "$defs": {"X": {"$id": "box", "$defs": {"B": {"type": "integer"}}}},
            },
            id="a pointer into it",
        ),
        pytest.param(
            {
                **prop(**{"$ref": "box#here"}),
                "$defs": {
                    "X": {"$id": "box", "$defs": {"B": {"$anchor": "here", "type": "integer"}}}
                },
            },
            id="an anchor in it",
        ),
    ],
)
def test_references_are_resolved_inside_the_document(schema: Json) -> None:
    sent, translation = sent_schema(schema_of(schema, K26))
    found = sent["properties"]["x"]
    if "$ref" in found:
        found = sent["$defs"][found["$ref"].rpartition("/")[2]]
    assert found["type"] == "integer"
    assert translation.changes_of_meaning == ()


# -- what the validator takes is kept --------------------------------------------------------------
# MoonshotAI/walle at 196bb0c


@pytest.mark.parametrize(
    ("schema", "kept"),
    [
        pytest.param(
            {"type": "string", "pattern": "^[A-Z]+-[0-9]+$"},
            {"pattern": "^[A-Z]+-[0-9]+$"},
            id="pattern, as it was met",
        ),
        pytest.param(
            {"enum": [True]}, {"type": "boolean", "enum": [True]}, id="enum, as it was met"
        ),
        pytest.param(
            {"type": "string", "pattern": "^a", "maxLength": 9},
            {"pattern": "^a", "maxLength": 9},
            id="pattern and length",
        ),
        pytest.param({"type": "boolean", "enum": [False]}, {"enum": [False]}, id="false"),
        pytest.param({"const": False}, {"type": "boolean", "enum": [False]}, id="const"),
    ],
)
def test_patterns_and_boolean_enums_are_kept(schema: Json, kept: Json) -> None:
    sent, translation = sent_schema(schema_of(prop(**schema), K26))
    assert sent["properties"]["x"].items() >= kept.items()
    assert translation.changes_of_meaning == ()
