"""Recursive schemas: what Moonshot's validator takes for endless, and how deep it looks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_kimi.errors import InvalidRequestError
from llm_kimi.translation.mfjs import to_mfjs
from llm_kimi.translation.mfjs.termination import deeper_than, endless, finite
from tests.support.budgets import FUZZ, tries
from tests.support.schema_checks import PATH, lost, obj, rewrite

REF = {"$ref": "#/$defs/A"}
LIST = {"type": "array", "items": REF}


def recursive(need: Any, *required: str, **defs: Any) -> dict[str, Any]:
    return {**obj({"n": need}, *(required or ("n",))), "$defs": defs}


@pytest.mark.parametrize(
    ("need", "definition"),
    [
        (REF, LIST),
        (LIST, LIST),
        ({"anyOf": [REF]}, {"anyOf": [LIST, {"type": "array", "items": LIST}]}),
        (REF, {"type": "array", "items": {"type": "array", "items": REF}}),
        ({"type": "array", "minItems": 1, "items": REF}, LIST),
        (REF, {"$ref": "#/$defs/B"}),
    ],
)
def test_a_required_recursive_list_is_optional(need: Any, definition: Any) -> None:
    """walle, at every level: `detected infinite recursion without termination condition`."""
    sent, adjustments = rewrite(recursive(need, A=definition, B=LIST))
    assert "required" not in sent
    assert sent["properties"]["n"]["description"].endswith("Always give n.")
    assert lost(adjustments) == ["required"]
    assert endless(sent, sent["$defs"]) == []


@pytest.mark.parametrize(
    "need",
    [
        {"anyOf": [REF, {"type": "null"}]},
        {"type": "array", "items": {"anyOf": [REF, {"type": "string"}]}},
        obj({"a": REF}),
    ],
)
def test_a_list_that_can_end_stays_required(need: Any) -> None:
    sent, adjustments = rewrite(recursive(need, A=LIST))
    assert sent["required"] == ["n"]
    assert lost(adjustments) == []


def test_one_property_that_ends_is_enough() -> None:
    """walle's own rule: of an object one required property has to end."""
    schema = recursive(REF, A=LIST)
    schema["properties"]["id"] = {"type": "string"}
    schema["required"] = ["n", "id"]
    sent, adjustments = rewrite(schema)
    assert sent["required"] == ["n", "id"]
    assert lost(adjustments) == []


def test_the_object_that_loses_least_is_chosen() -> None:
    node = obj({"one": LIST, "two": LIST}, "one", "two")
    sent, adjustments = rewrite(recursive(REF, A=node))
    assert sent["required"] == ["n"]
    assert "required" not in sent["$defs"]["A"]
    assert lost(adjustments) == ["$defs.A.required"]
    assert adjustments[-1].given == ["one", "two"]


def test_the_order_of_the_properties_makes_no_difference() -> None:
    node = obj({"a": LIST, "b": REF, "c": {"anyOf": [REF, LIST]}}, "a", "c")
    for names in (("a", "b", "c"), ("c", "b", "a"), ("b", "c", "a")):
        turned = {**node, "properties": {name: node["properties"][name] for name in names}}
        sent, adjustments = rewrite(recursive(REF, A=turned))
        assert "required" not in sent["$defs"]["A"]
        assert lost(adjustments) == ["$defs.A.required"]


def test_without_a_finite_value_it_is_refused() -> None:
    for need in (REF, {"type": "array", "minItems": 1, "items": REF}):
        with pytest.raises(InvalidRequestError, match="endless") as caught:
            to_mfjs(recursive(need, A=obj({"a": need}, "a")), PATH)
        assert caught.value.param == PATH


@pytest.mark.parametrize(
    ("defs", "ends"),
    [
        ({"A": {"type": "string"}}, True),
        ({"A": REF}, False),
        ({"A": {"type": "array", "items": REF}}, True),
        ({"A": {"type": "array", "items": REF, "minItems": 1}}, False),
        ({"A": {"anyOf": [REF, {"type": "null"}]}}, True),
        ({"A": {"$ref": "#/$defs/B"}, "B": obj({"a": REF}, "a")}, False),
        ({"A": {"$ref": "#/$defs/B"}, "B": obj({"a": REF})}, True),
    ],
)
def test_finite(defs: dict[str, Any], ends: bool) -> None:
    assert finite(obj({"n": REF}, "n"), defs) is ends


def nested(levels: int, inner: Any) -> dict[str, Any]:
    for _ in range(levels):
        inner = obj({"a": inner})
    return inner


@pytest.mark.parametrize(
    ("schema", "defs", "deepest"),
    [
        (nested(5, {"type": "string"}), {}, 5),
        (nested(5, REF), {"A": nested(3, {"type": "string"})}, 8),
        # Each reference counts once on a way, the first one once more.
        (nested(1, REF), {"A": nested(3, REF)}, 9),
        (nested(1, REF), {"A": nested(2, {"$ref": "#/$defs/B"}), "B": nested(2, REF)}, 8),
        # Below ``items`` references are followed from where they stand only.
        (nested(1, REF), {"A": nested(3, {"type": "array", "items": REF})}, 6),
    ],
)
def test_depth_counts_references(schema: Any, defs: dict[str, Any], deepest: int) -> None:
    """walle's ``CalculateDefDepths``: `schema depth exceeds maximum limit of 30`."""
    assert deeper_than(deepest - 1, schema, defs)
    assert not deeper_than(deepest, schema, defs)


def test_a_ring_of_many_definitions_is_too_deep() -> None:
    defs = {f"D{i}": obj({"next": {"$ref": f"#/$defs/D{(i + 1) % 40}"}}) for i in range(40)}
    with pytest.raises(InvalidRequestError, match="30 levels"):
        to_mfjs({**obj({"x": {"$ref": "#/$defs/D0"}}), "$defs": defs}, PATH)


# --- any recursive schema ---

NAMES = st.sampled_from("abc")
TEXTS = st.fixed_dictionaries(
    {}, optional={"description": st.sampled_from(["d", "e"]), "title": st.sampled_from(["T", "U"])}
)
REFS = st.sampled_from("ABC").map(lambda name: {"$ref": f"#/$defs/{name}"})
LEAVES = REFS | st.sampled_from([{"type": "string"}, {"type": "null"}, {"type": "object"}])


@st.composite
def nodes(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    """An object, an array or a combination, described on all sides."""
    form = draw(st.sampled_from(["object", "array", "anyOf", "oneOf", "allOf", "map", "ref"]))
    if form == "object":
        properties = draw(st.dictionaries(NAMES, inner, min_size=1, max_size=3))
        node = obj(properties, *draw(st.sets(st.sampled_from(sorted(properties)))))
    elif form == "array":
        node = {"type": "array", "items": draw(inner), "minItems": draw(st.integers(0, 1))}
    elif form == "map":
        node = {"type": "object", "additionalProperties": draw(inner)}
    elif form == "ref":
        node = draw(REFS)
    else:
        node = {form: draw(st.lists(inner, min_size=1, max_size=3))}
    return {**node, **draw(TEXTS)}


REASONS = ("nothing satisfies", "leads back", "endless", "30 levels")
SCHEMAS = st.recursive(LEAVES, nodes, max_leaves=6)


@settings(
    max_examples=tries(150),
    derandomize=not FUZZ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    st.dictionaries(NAMES, SCHEMAS, min_size=1, max_size=2),
    st.fixed_dictionaries(dict.fromkeys("ABC", SCHEMAS)),
    st.booleans(),
)
def test_any_recursive_schema_ends_for_kimi(properties: Any, defs: Any, needed: bool) -> None:
    required = list(properties) if needed else []
    try:
        sent, _ = rewrite({**obj(properties, *required), "$defs": defs})
    except InvalidRequestError as refusal:
        if not any(reason in refusal.message for reason in REASONS):
            raise
        return
    assert endless(sent, sent.get("$defs", {})) == []
    stack: list[Any] = [sent]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            for branch in node.get("anyOf", []):
                assert not {"title", "description"} & node.keys() & branch.keys()
            stack += node.values()
        elif isinstance(node, list):
            stack += node
