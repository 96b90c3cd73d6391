"""The pure parts of the rewrite, as tables: intersection, disjointness, negation, unevaluated*."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from llm_kimi.translation.mfjs.intersect import intersect, narrow
from llm_kimi.translation.mfjs.model import Annotations, Constraints, Part, Unsupported
from tests.support.schema_checks import lost, obj, prop, rewrite

# --- both at once ---

A, B = (Part({"type": "string"}, "a"),), (Part({"minLength": 1}, "b"),)


@pytest.mark.parametrize(
    ("ours", "theirs", "both"),
    [
        (None, None, None),
        (("string",), None, ("string",)),
        (("string", "null"), ("null", "array"), ("null",)),
        (("number",), ("integer",), ("integer",)),
        (("integer", "string"), ("number",), ("integer",)),
        (("string",), ("array",), ()),
    ],
)
def test_types_of_both(ours: Any, theirs: Any, both: Any) -> None:
    assert narrow(ours, theirs) == both


@pytest.mark.parametrize(
    ("ours", "theirs", "both"),
    [
        ({"types": ("string",)}, {"types": ("array",)}, None),
        ({"enum": ("a", 1)}, {"enum": (1.0, True)}, {"enum": (1,)}),
        ({"enum": ("a",)}, {"enum": ("b",)}, None),
        ({"enum": ("a", 1)}, {"types": ("integer",)}, {"types": ("integer",), "enum": (1,)}),
        (
            {"bounds": {"minimum": (1, "a"), "maxItems": (5, "a")}},
            {"bounds": {"minimum": (2, "b"), "maxItems": (9, "b"), "exclusiveMaximum": (3, "b")}},
            {"bounds": {"minimum": (2, "b"), "maxItems": (5, "a"), "exclusiveMaximum": (3, "b")}},
        ),
        (
            {"patterns": (("x", "a"),)},
            {"patterns": (("x", "b"), ("y", "b"))},
            {"patterns": (("x", "a"), ("y", "b"))},
        ),
        ({"required": ("a", "b")}, {"required": ("b", "c")}, {"required": ("a", "b", "c")}),
        ({"props": {"p": A}}, {"props": {"p": B}}, {"props": {"p": A + B}}),
        ({"props": {"p": A}}, {"extra": B}, {"props": {"p": A + B}, "extra": B}),
        ({"items": A}, {"items": B}, {"items": A + B}),
        ({"items": A}, {"items": A}, {"items": A}),
        (
            {"notes": Annotations("T", "d")},
            {"notes": Annotations("U", "e", 1)},
            {"notes": Annotations("T", "d\ne", 1)},
        ),
        ({"seen": frozenset("a")}, {"seen": frozenset("b")}, {"seen": frozenset("ab")}),
    ],
)
def test_intersect(ours: Any, theirs: Any, both: Any) -> None:
    met = intersect(Constraints(**ours), Constraints(**theirs))
    if both is None:
        assert met is None
        return
    assert met is not None
    for field in Constraints.__dataclass_fields__:
        assert getattr(met, field) == getattr(Constraints(**both), field), field


def test_intersect_keeps_each_rule_once() -> None:
    one, other = Unsupported("not", "a", 1, "n"), Unsupported("not", "b", 1, "n")
    met = intersect(Constraints(rules=(one,)), Constraints(rules=(other, one)))
    assert met is not None
    assert met.rules == (one, other)


# --- oneOf ---


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ({"type": "string"}, {"type": "integer"}, True),
        ({"type": "number"}, {"type": "integer"}, False),
        ({"enum": ["a", 1]}, {"enum": ["b", 2]}, True),
        ({"enum": ["a", 1]}, {"enum": [1.0]}, False),
        ({"type": "integer", "maximum": 3}, {"type": "integer", "minimum": 4}, True),
        ({"type": "integer", "maximum": 3}, {"type": "integer", "exclusiveMinimum": 3}, True),
        ({"type": "number", "maximum": 3}, {"type": "number", "minimum": 3}, False),
        ({"type": "string", "maxLength": 3}, {"type": "string", "minLength": 4}, True),
        ({"type": "array", "maxItems": 0}, {"type": "array", "minItems": 1}, True),
        (obj({"k": {"const": 1}}, "k"), obj({"k": {"const": 2}}, "k"), True),
        (obj({"k": {"const": 1}}, "k"), obj({"k": {"const": 2}}), False),
        (obj({"k": {"type": "string"}}, "k"), obj({"k": {"type": "null"}}, "k"), True),
        (
            {"properties": {"k": {"const": 1}}, "required": ["k"]},
            obj({"k": {"const": 2}}, "k"),
            True,
        ),
        ({"properties": {"k": {"const": 1}}, "required": ["k"]}, {"type": "string"}, False),
        (obj({"a": {}}, "a", additionalProperties=False), obj({"b": {}}, "b"), True),
        (obj({"a": {}}, "a"), obj({"b": {}}, "b"), False),
    ],
)
def test_one_of_is_any_of_where_no_value_satisfies_two(one: Any, other: Any, apart: bool) -> None:
    for branches in ([one, other], [other, one]):
        _, gone = prop({"oneOf": branches})
        assert gone == ([] if apart else ["properties.x.oneOf"])


def test_many_alternatives_are_told_apart_by_their_tag() -> None:
    branches = [obj({"k": {"const": i}, f"p{i}": {"type": "string"}}, "k") for i in range(200)]
    sent, gone = prop({"oneOf": branches})
    assert (len(sent["anyOf"]), gone) == (200, [])


# --- what can be said otherwise, without a change of meaning ---

VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    1.5,
    "",
    "a",
    "abc",
    "abcde",
    [],
    [1],
    [1, 2],
    {},
    {"a": 1},
]


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {"type": "string"}},
        {"not": {"type": ["number", "null", "object"]}},
        {"not": {"const": None}},
        {"not": {"enum": [True, None]}},
        {"not": {"enum": [True, False]}},
        {"not": False},
        {"not": {"not": {"type": "string"}}},
        {"enum": ["a", 1, None], "not": {"const": 1}},
        {"enum": ["a", 1], "not": {"enum": ["b"]}},
        {"type": "string", "not": {"minLength": 2}},
        {"type": "array", "not": {"maxItems": 1}},
        {"type": "string", "oneOf": [{"minLength": 2}, {"maxLength": 4}]},
        {"oneOf": [{"type": "string"}, True]},
        {"if": True, "then": {"type": "string"}},
        {"if": False, "then": {"type": "string"}, "else": {"type": "null"}},
        {"if": {}, "else": {"type": "null"}},
        {"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "null"}},
        {"if": {"type": "array"}, "then": {"maxItems": 1}, "type": ["array", "string"]},
        {"type": "array", "contains": True},
        {"type": "array", "contains": {}, "minContains": 2, "maxContains": 3},
        {"type": "array", "contains": {"const": 1}, "minContains": 0},
        {"contains": False},
        {"type": "array", "prefixItems": [True, {}]},
        {"type": "array", "prefixItems": [{"type": "integer"}, {}], "maxItems": 1},
        {"type": "object", "maxProperties": 0},
        {"type": "object", "propertyNames": False},
        {"type": "object", "propertyNames": {"const": "a"}},
        {**obj({"a": {}}, additionalProperties=False), "minProperties": 1},
        {**obj({"a": {}}, additionalProperties=False), "maxProperties": 1},
        {"type": "integer", "multipleOf": 0.5},
        {"const": {"a": {"b": [1, 1], "c": None}}},
        {"enum": [[], [1], {}]},
        {"dependentSchemas": {"a": {"properties": {"b": {}}}}, "type": "object"},
    ],
)
def test_the_same_in_other_words(schema: Any) -> None:
    sent, adjustments = rewrite(obj({"x": schema}))
    assert lost(adjustments) == []
    before = jsonschema.Draft202012Validator(schema)
    after = jsonschema.Draft202012Validator(sent["properties"]["x"])
    for value in VALUES:
        assert before.is_valid(value) == after.is_valid(value), value


@pytest.mark.parametrize(
    "schema",
    [{"not": {"type": "integer"}}, {"not": {"const": "a"}}, {"not": {"required": ["a"]}}],
)
def test_a_not_that_cannot_be_said_goes_into_words(schema: Any) -> None:
    sent, gone = prop(schema)
    assert sent["description"].startswith("Must not match")
    assert gone == ["properties.x.not"]


def test_a_guess_gives_way_where_it_leaves_no_value() -> None:
    """Bounds that contradict each other bind numbers only: any other value satisfies them."""
    sent, _ = prop({"minimum": 3, "maximum": 2})
    assert {branch["type"] for branch in sent["anyOf"]} == {
        *("string", "boolean", "object", "array", "null")
    }


# --- unevaluatedProperties and unevaluatedItems ---

S = {"type": "string"}
CLOSED = {"unevaluatedProperties": False}


@pytest.mark.parametrize(
    "schema",
    [
        {**obj({"a": S}), **CLOSED},
        {"type": "object", "allOf": [obj({"a": S}), obj({"b": S})], **CLOSED},
        {"allOf": [obj({"a": S}, additionalProperties=S)], "type": "object", **CLOSED},
        {"allOf": [{"unevaluatedProperties": True}], "type": "object", **CLOSED},
        {"type": "object", "oneOf": [obj({"k": {"const": i}}, "k") for i in (1, 2)], **CLOSED},
        {"type": "array", "allOf": [{"items": S}], "unevaluatedItems": False},
        {"type": "array", "unevaluatedItems": S},
        {"type": "array", "allOf": [{"maxItems": 2}], "unevaluatedItems": S},
    ],
)
def test_unevaluated_is_said_where_it_is_known_what_is_left(schema: Any) -> None:
    sent, adjustments = rewrite(obj({"x": schema}))
    assert lost(adjustments) == []
    before = jsonschema.Draft202012Validator(schema)
    after = jsonschema.Draft202012Validator(sent["properties"]["x"])
    values = [{}, {"a": "s"}, {"b": "s"}, {"c": "s"}, {"c": 1}, {"k": 1}, {"k": 1, "a": "s"}]
    for value in [*values, [], ["s"], [1], ["s", 1], ["s", "s", "s"]]:
        assert before.is_valid(value) == after.is_valid(value), value


@pytest.mark.parametrize(
    ("schema", "valid"),
    [
        ({"patternProperties": {"^S_": S}, **CLOSED}, {"S_x": "s"}),
        ({"allOf": [{"patternProperties": {"^S_": S}}], **CLOSED}, {"S_x": "s"}),
        ({"if": {"required": ["a"]}, "then": {"properties": {"a": S}}, **CLOSED}, {"a": "s"}),
        ({"if": {"patternProperties": {"a": S}}, **CLOSED}, {"a": "s"}),
        ({"dependentSchemas": {"a": {"properties": {"a": S}}}, **CLOSED}, {"a": "s"}),
        ({"anyOf": [obj({"a": S}), obj({"b": S})], **CLOSED}, {"a": "s", "b": "s"}),
        ({"not": {"not": {"required": ["a"]}}, "properties": {"a": S}, **CLOSED}, {"a": "s"}),
        ({"prefixItems": [S], "allOf": [{"prefixItems": [True, S]}]}, ["s", "s"]),
        ({"prefixItems": [True], "contains": S}, [1, "s"]),
        ({"allOf": [{"prefixItems": [S]}, {"items": S}]}, ["s", "s"]),
    ],
)
def test_unevaluated_is_told_where_that_is_not_known(schema: Any, valid: Any) -> None:
    """Closing it would make valid values impossible (JSON Schema Test Suite, unevaluated*)."""
    if isinstance(valid, list):
        schema = {**schema, "unevaluatedItems": False}
    schema = {"type": "array" if isinstance(valid, list) else "object", **schema}
    assert jsonschema.Draft202012Validator(schema).is_valid(valid)
    sent, _ = rewrite(obj({"x": schema}))
    assert jsonschema.Draft202012Validator(sent).is_valid({"x": valid})


def test_the_rule_for_what_is_left_is_in_the_description() -> None:
    sent, gone = prop({"type": "object", "allOf": [{"patternProperties": {"^S_": S}}], **CLOSED})
    assert sent["description"] == (
        'Properties whose names match ^S_ must match {"type": "string"}. '
        "No other properties are allowed."
    )
    assert gone == [
        "properties.x.allOf[0].patternProperties.^S_",
        "properties.x.unevaluatedProperties",
    ]


def test_one_alternative_keeps_its_description_beside_the_outer_one() -> None:
    for keyword in ("anyOf", "oneOf"):
        sent, lost_places = prop(
            {"description": "outer", keyword: [{"const": "a", "description": "one"}]}
        )
        assert sent == {"type": "string", "enum": ["a"], "description": "outer\none"}
        assert lost_places == []
