"""Any schema becomes legal, and keeps its meaning or says what is lost."""

from __future__ import annotations

from typing import Any
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_kimi.errors import InvalidRequestError
from llm_kimi.translation import mfjs as schema_module
from tests.support.budgets import FUZZ, tries
from tests.support.schema_checks import obj, rewrite
from tests.support.schema_meaning import NAMES, VALUES, accepts, compare

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
