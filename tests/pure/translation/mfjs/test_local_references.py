"""The rewrite to MFJS: references, recursion, and size."""

from __future__ import annotations

import time
from typing import Any

import pytest

from llm_kimi.errors import InvalidRequestError
from llm_kimi.translation.mfjs import to_mfjs
from tests.support.schema_checks import PATH, lost, obj, prop, rewrite


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
