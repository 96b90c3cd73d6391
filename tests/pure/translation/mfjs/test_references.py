"""References: embedded resources, anchors, dynamic references, and what lies outside."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi.errors import InvalidRequestError
from tests.support.schema_checks import PATH, lost, obj, prop, rewrite

INTEGER = {"type": "integer"}


@pytest.mark.parametrize(
    ("ref", "root"),
    [
        ("item", {"$defs": {"I": {"$id": "item", **INTEGER}}}),
        ("item", {"$id": "http://e.com/dir/s", "$defs": {"I": {"$id": "item", **INTEGER}}}),
        (
            "http://e.com/dir/item",
            {"$id": "http://e.com/dir/s", "$defs": {"I": {"$id": "item", **INTEGER}}},
        ),
        (
            "/other.json",
            {
                "$id": "http://e.com/s",
                "$defs": {"I": {"$id": "http://e.com/other.json", **INTEGER}},
            },
        ),
        ("item#/$defs/J", {"$defs": {"I": {"$id": "item", "$defs": {"J": INTEGER}}}}),
        ("item#j", {"$defs": {"I": {"$id": "item", "$defs": {"J": {"$anchor": "j", **INTEGER}}}}}),
        ("urn:uuid:1#/$defs/J", {"$defs": {"I": {"$id": "urn:uuid:1", "$defs": {"J": INTEGER}}}}),
        ("#j", {"definitions": {"J": {"$id": "#j", **INTEGER}}}),
        ("http://e.com/j", {"definitions": {"J": {"id": "http://e.com/j", **INTEGER}}}),
        ("#/components/schemas/J", {"components": {"schemas": {"J": INTEGER}}}),
        ("#/$defs/List%5BJ%5D", {"$defs": {"List[J]": INTEGER}}),
        ("#/$defs/List[J]", {"$defs": {"List[J]": INTEGER}}),
        ("#/properties/y", {"properties": {"x": {"$ref": "#/properties/y"}, "y": INTEGER}}),
        ("#/if", {"$defs": {}, "if": {"$id": "http://e.com/if", **INTEGER}}),
    ],
)
def test_what_is_in_the_document_is_found(ref: str, root: dict[str, Any]) -> None:
    """JSON Schema Core 8.2 and 9.3: embedded resources, relative references, anchors."""
    schema = {**obj({"x": {"$ref": ref}}), **root}
    sent, adjustments = rewrite(schema)
    assert sent["properties"]["x"] == INTEGER
    assert lost(adjustments) == []


def test_a_reference_is_seen_from_where_it_is_written() -> None:
    inner = {"$id": "http://e.com/inner", "$ref": "#/$defs/A", "$defs": {"A": INTEGER}}
    outer = {"A": {"type": "string"}}
    assert prop(inner, root={"$defs": outer}) == (INTEGER, [])


def test_an_id_in_a_value_or_an_unknown_keyword_is_none() -> None:
    mine = {"$id": "http://e.com/me", "type": "null"}
    for wrong in ({"enum": [mine]}, {"const": mine}, {"x-examples": mine}):
        with pytest.raises(InvalidRequestError, match="outside"):
            prop({"$ref": "http://e.com/me"}, root={"$defs": {"W": wrong}})


def test_generators_that_give_each_schema_an_id_mean_the_whole_document() -> None:
    """Quicktype and others write ``$id`` everywhere and references from the root all the same."""
    schema = {"$id": "http://e.com/x", "type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}}
    sent, gone = prop(schema, root={"$defs": {"A": INTEGER}})
    assert (sent, gone) == (obj({"a": INTEGER}), [])


def test_a_schema_put_into_another_one_keeps_its_definitions() -> None:
    """A model with its own ``$defs`` as a property: its references were written for it as root."""
    inner = {**obj({"c": {"$ref": "#/$defs/C"}}), "$defs": {"C": INTEGER}}
    assert prop(inner) == (obj({"c": INTEGER}), [])
    assert prop(inner, root={"$defs": {"C": {"type": "string"}}})[0] == obj(
        {"c": {"type": "string"}}
    )


def test_dynamic_references_ask_the_outermost_resource() -> None:
    """JSON Schema Core 8.2.3.2, the example of a list whose items are chosen by its user."""
    generic = {
        "$id": "list",
        "type": "array",
        "items": {"$dynamicRef": "#item"},
        "$defs": {"default": {"$dynamicAnchor": "item"}},
    }
    numbers = {
        "$id": "numbers",
        "$ref": "list",
        "$defs": {"n": {"$dynamicAnchor": "item", **INTEGER}},
    }
    texts = {
        "$id": "texts",
        "$ref": "list",
        "$defs": {"t": {"$dynamicAnchor": "item", "type": "string"}},
    }
    defs = {"generic": generic, "numbers": numbers, "texts": texts}
    sent, adjustments = rewrite(
        {**obj({"n": {"$ref": "numbers"}, "t": {"$ref": "texts"}}), "$defs": defs}
    )
    assert sent["properties"]["n"] == {"type": "array", "items": INTEGER}
    assert sent["properties"]["t"] == {"type": "array", "items": {"type": "string"}}
    assert lost(adjustments) == []


def test_a_dynamic_reference_with_one_anchor_is_a_plain_one() -> None:
    sent, gone = prop(
        {"$dynamicRef": "#a"}, root={"$defs": {"A": {"$dynamicAnchor": "a", **INTEGER}}}
    )
    assert (sent, gone) == (INTEGER, [])


def test_recursive_references_of_draft_2019() -> None:
    tree = {
        "$id": "tree",
        "$recursiveAnchor": True,
        **obj({"kids": {"type": "array", "items": {"$recursiveRef": "#"}}}),
    }
    strict = {
        "$id": "strict",
        "$recursiveAnchor": True,
        "$ref": "tree",
        "properties": {"v": INTEGER},
    }
    sent, _ = rewrite({**obj({"t": {"$ref": "strict"}}), "$defs": {"a": tree, "b": strict}})
    node = sent["$defs"]["b"]
    assert set(node["properties"]) == {"kids", "v"}
    assert node["properties"]["kids"]["items"] == {"$ref": "#/$defs/b"}


def test_definitions_under_two_scopes_are_two() -> None:
    tree = {
        "$id": "tree",
        "$dynamicAnchor": "node",
        **obj({"kids": {"type": "array", "items": {"$dynamicRef": "#node"}}}),
    }
    other = {"$id": "other", "$dynamicAnchor": "node", "$ref": "tree", "required": ["kids"]}
    defs = {"T": tree, "O": other}
    sent, _ = rewrite({**obj({"t": {"$ref": "tree"}, "o": {"$ref": "other"}}), "$defs": defs})
    assert set(sent["$defs"]) == {"T", "O"}
    assert sent["$defs"]["T"]["properties"]["kids"]["items"] == {"$ref": "#/$defs/T"}


@pytest.mark.parametrize(
    "uri",
    [
        "http://json-schema.org/draft-07/schema#",
        "http://json-schema.org/draft-04/schema",
        "https://json-schema.org/draft/2020-12/schema",
    ],
)
def test_the_schema_of_schemas_is_any_schema(uri: str) -> None:
    sent, gone = prop({"$ref": uri})
    assert sent["anyOf"] == [{"type": "object"}, {"type": "boolean"}]
    assert uri in sent["description"]
    assert gone == ["properties.x.$ref"]


def test_what_stands_beside_a_remote_reference_is_kept() -> None:
    sent, gone = prop({"$ref": "http://e.com/a.json", "type": "object", "required": ["a"]})
    assert sent["required"] == ["a"]
    assert "http://e.com/a.json" in sent["description"]
    assert gone == ["properties.x.$ref"]


@pytest.mark.parametrize("more", [{}, {"description": "an address", "title": "T"}, {"$defs": {}}])
def test_a_remote_reference_alone_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match="Kimi fetches nothing") as caught:
        prop({"$ref": "http://e.com/a.json", **more})
    assert caught.value.param == f"{PATH}.properties.x.$ref"


def test_a_long_chain_of_references_is_followed() -> None:
    defs: dict[str, Any] = {f"D{i}": {"$ref": f"#/$defs/D{i + 1}"} for i in range(3000)}
    defs["D3000"] = INTEGER
    assert prop({"$ref": "#/$defs/D0"}, root={"$defs": defs}) == (INTEGER, [])
