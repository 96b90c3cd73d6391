"""Schemas as serialisers, generators and other languages write them."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi.errors import InvalidRequestError
from llm_kimi.translation import translate
from tests.support.schema_checks import ANYTHING, PATH, lost, obj, prop, rewrite

# --- keywords that say nothing ---


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "object", "properties": None}, {"type": "object"}),
        ({"type": "object", "properties": []}, {"type": "object"}),
        ({"type": "object", "required": None, "additionalProperties": None}, {"type": "object"}),
        (
            {"type": "object", "additionalProperties": [], "patternProperties": []},
            {"type": "object"},
        ),
        ({"type": "array", "items": None}, {"type": "array"}),
        ({"type": "array", "items": []}, {"type": "array"}),
        ({"type": "string", "enum": None, "format": None, "pattern": None}, {"type": "string"}),
        ({"type": "string", "minLength": None, "maxLength": None}, {"type": "string"}),
        ({"type": "string", "anyOf": None, "not": None, "if": None}, {"type": "string"}),
        ({"type": "string", "$ref": None, "allOf": None, "nullable": None}, {"type": "string"}),
        ({"type": "string", "description": None, "title": None}, {"type": "string"}),
        ({"type": None, "items": {"type": "null"}}, {"type": "array", "items": {"type": "null"}}),
        ({"type": "string", "allOf": []}, {"type": "string"}),
        (None, {"anyOf": ANYTHING}),
        ([], {"anyOf": ANYTHING}),
    ],
)
def test_null_and_empty_lists_for_maps_count_as_not_given(schema: Any, expected: Any) -> None:
    """Go and Java write null for what is not set (mark3labs/mcp-go#224), PHP [] for {}."""
    assert prop(schema) == (expected, [])


def test_null_is_a_value_where_values_stand() -> None:
    assert prop({"const": None}) == ({"type": "null"}, [])
    assert prop({"enum": [None, "a"]})[0]["anyOf"][0] == {"type": "null"}
    assert prop({"type": "null", "default": None})[0] == {"type": "null", "default": None}


def test_what_says_nothing_is_named_in_the_one_harmless_line() -> None:
    _, (adjustment,) = rewrite({**obj({"a": {"type": "string"}}), "required": None})
    assert not adjustment.changes_meaning
    assert "null" in adjustment.reason


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "enum"])
def test_an_empty_list_of_alternatives_is_left_out_and_reported(keyword: str) -> None:
    sent, gone = prop({"type": "string", keyword: []})
    assert (sent, gone) == ({"type": "string"}, [f"properties.x.{keyword}"])


def test_both_empty_lists_are_left_out() -> None:
    sent, gone = prop({"type": "string", "anyOf": [], "oneOf": []})
    assert (sent, gone) == ({"type": "string"}, ["properties.x.anyOf", "properties.x.oneOf"])


# --- required ---


def test_required_true_of_a_property_goes_to_its_object() -> None:
    """Draft 3; CherryHQ/cherry-studio#4188."""
    inner = obj({"c": {"type": "null", "required": True}}, required=False)
    sent, adjustments = rewrite(
        obj(
            {
                "a": {"type": "string", "required": True},
                "b": {"type": "integer", "required": False},
                "c": {"$ref": "#/$defs/C", "required": "true"},
                "d": inner,
            },
            "b",
            **{"$defs": {"C": {"type": "null"}}},
        )
    )
    assert sent["required"] == ["b", "a", "c"]
    assert sent["properties"]["d"] == obj({"c": {"type": "null"}}, "c")
    assert lost(adjustments) == []


def test_required_with_one_name_is_a_list_of_one() -> None:
    sent, adjustments = rewrite({**obj({"a": {"type": "string"}}), "required": "a"})
    assert (sent["required"], lost(adjustments)) == (["a"], [])


@pytest.mark.parametrize("value", [{"a": True}, 1, ["a", 1], [["a"]], "yes"])
def test_required_that_cannot_be_read_is_a_change_of_meaning(value: Any) -> None:
    sent, gone = prop({"type": "string", "required": value})
    assert (sent, gone) == ({"type": "string"}, ["properties.x.required"])


# --- types ---


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("STRING", {"type": "string"}),
        ("Integer", {"type": "integer"}),
        ("str", {"type": "string"}),
        ("int", {"type": "integer"}),
        ("long", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("double", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("dict", {"type": "object"}),
        ("list", {"type": "array"}),
        ("tuple", {"type": "array"}),
        ("none", {"type": "null"}),
        ("any", {"anyOf": ANYTHING}),
        ("TYPE_UNSPECIFIED", {"anyOf": ANYTHING}),
        ("null|string", {"anyOf": [{"type": "null"}, {"type": "string"}]}),
        (["STRING", "null"], {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (["any", "null"], {"anyOf": ANYTHING}),
    ],
)
def test_types_of_other_languages_are_read(name: Any, expected: Any) -> None:
    assert prop({"type": name}) == (expected, [])


@pytest.mark.parametrize(("name", "form"), [("date", "date"), ("datetime", "date-time")])
def test_a_type_that_is_a_form_of_text_is_text(name: str, form: str) -> None:
    sent, gone = prop({"type": name})
    assert sent == {"type": "string", "description": f"Format: {form}."}
    assert gone == ["properties.x.type"]


# --- bounds ---


@pytest.mark.parametrize("kind", ["Length", "Items"])
def test_lengths_below_zero(kind: str) -> None:
    """walle: `minLength must be non-negative`; -1 is how some languages write "no limit"."""
    type_name = "string" if kind == "Length" else "array"
    assert prop({"type": type_name, f"min{kind}": -1}) == ({"type": type_name}, [])
    sent, gone = prop({"type": type_name, f"max{kind}": -1})
    assert (sent, gone) == ({"type": type_name}, [f"properties.x.max{kind}"])


def test_lengths_are_whole_numbers() -> None:
    sent, gone = prop({"type": "string", "minLength": 3.0, "maxLength": 4.5})
    assert (sent, gone) == ({"type": "string", "minLength": 3, "maxLength": 4}, [])


def test_numbers_beyond_a_float_go_into_words() -> None:
    """walle reads JSON with Go's float64: such a number makes the whole schema unreadable."""
    huge = 10**400
    sent, gone = prop({"type": "integer", "minimum": huge})
    assert (sent["type"], gone) == ("integer", ["properties.x.minimum"])
    sent, gone = prop({"enum": [1, huge]})
    assert ("enum" in sent, gone) == (False, ["properties.x.enum"])
    sent, gone = prop({"type": "integer", "default": huge})
    assert ("default" in sent, gone) == (False, [])


# --- names, texts ---


def test_names_in_braces_are_moved_where_walle_would_look_them_up() -> None:
    """walle finds ``required``, ``enum`` and ``anyOf`` by path, and reads ``{`` as a list item."""
    plain = obj({"{id}": {"type": "string"}})
    assert rewrite(plain) == (plain, [])
    sent, adjustments = rewrite(obj({"{id}": {"type": "string", "enum": ["a"]}}))
    assert sent["properties"] == {}
    assert '"enum": ["a"]' in sent["description"]
    assert lost(adjustments) == ["properties.{id}"]


def test_texts_that_are_no_texts_are_kept_as_text() -> None:
    sent, gone = prop({"type": "string", "description": ["a", "b"], "title": 5})
    assert sent == {"type": "string", "description": '["a", "b"]', "title": "5"}
    assert gone == []


# --- title and description beside anyOf ---


def described(outer: dict[str, str], *branches: dict[str, Any]) -> dict[str, Any]:
    sent, gone = prop({**outer, "anyOf": list(branches)})
    assert gone == []
    return sent


def test_a_description_never_stands_beside_anyof_and_inside() -> None:
    """walle's default level: `conflicting keywords found in anyOf with parent`."""
    address = obj({"s": {"type": "string"}}, description="A postal address.", title="Addr")
    sent = described({"description": "Where to", "title": "Address"}, address, {"type": "null"})
    assert sent == {
        "anyOf": [
            {**address, "description": "Where to\nA postal address.", "title": "Address: Addr"},
            {"type": "null"},
        ]
    }


def test_each_keyword_moves_by_itself() -> None:
    one = {"type": "string", "title": "S"}
    sent = described({"description": "D", "title": "T"}, one, {"type": "integer"})
    assert sent == {
        "description": "D",
        "anyOf": [{"type": "string", "title": "T: S"}, {"type": "integer"}],
    }


def test_no_text_is_lost_and_none_repeated() -> None:
    sent = described(
        {"description": "D"},
        {"type": "string", "description": "D"},
        {"type": "integer"},
        {"type": "null", "description": "no D"},
    )
    assert sent["anyOf"] == [
        {"type": "string", "description": "D"},
        {"type": "integer", "description": "D"},
        {"type": "null", "description": "no D"},
    ]


def test_a_long_text_is_not_copied_into_every_alternative() -> None:
    text = "x" * 1500
    branches = [{"type": "string", "enum": [str(i)], "description": str(i)} for i in range(9)]
    sent = described({"description": text}, *branches)
    assert sum(text in branch["description"] for branch in sent["anyOf"]) == 1


def test_alternatives_that_become_the_same_are_one() -> None:
    sent = described(
        {"description": "D"}, {"type": "string"}, {"type": "string", "description": "D"}
    )
    assert sent == {"type": "string", "description": "D"}


def test_the_wrapper_of_a_recursive_reference_is_an_alternative_like_others() -> None:
    node = obj({"next": {"description": "outer"}})
    node["properties"]["next"]["anyOf"] = [
        {"$ref": "#/$defs/N", "description": "inner"},
        {"type": "null"},
    ]
    sent, adjustments = rewrite({**obj({"n": {"$ref": "#/$defs/N"}}), "$defs": {"N": node}})
    assert sent["$defs"]["N"]["properties"]["next"] == {
        "anyOf": [
            {"description": "outer\ninner", "anyOf": [{"$ref": "#/$defs/N"}]},
            {"type": "null"},
        ]
    }
    assert lost(adjustments) == []


# --- whole requests ---


def parameters(schema: Any, **function: Any) -> tuple[Any, list[str]]:
    tool = {"type": "function", "function": {"name": "f", "parameters": schema, **function}}
    messages = [{"role": "user", "content": "go"}]
    done = translate({"model": "kimi-k3.1-pro", "messages": messages, "tools": [tool]})
    meaning = [a.param for a in done.adjustments if a.changes_meaning]
    return done.body["tools"][0]["function"]["parameters"], meaning


def test_a_format_is_a_change_where_strict_promised_it() -> None:
    schema = obj({"d": {"type": "string", "format": "date"}}, "d", additionalProperties=False)
    assert parameters(schema)[1] == []
    assert parameters(schema, strict=False)[1] == []
    assert parameters(schema, strict=True)[1] == [f"{PATH}.properties.d.format"]


def test_a_type_list_that_contains_a_list_is_refused_at_its_place() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parameters(obj({"x": {"type": ["string", ["number"]]}}))
    assert caught.value.param == f"{PATH}.properties.x.type"
