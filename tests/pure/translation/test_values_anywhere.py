"""Any object anywhere in a request: plain JSON comes out, or an error with a path."""

from __future__ import annotations

import collections
import decimal
import fractions
import json
import types
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_kimi import InvalidRequestError, Translation, translate
from tests.support.budgets import FUZZ, tries
from tests.support.odd_requests import (
    CYCLE,
    HALF,
    ODD,
    Count,
    Data,
    Effort,
    Hostile,
    Json,
    Model,
    Odd,
    Old,
    Pair,
    Role,
    Text,
    plain,
    tool,
    with_call,
    with_schema,
    written,
)


class RaisingMapping(collections.abc.Mapping):  # type: ignore[type-arg]
    def __getitem__(self, key: Any) -> Any:
        raise KeyError(key)

    def __iter__(self) -> Any:
        raise RuntimeError("iter")

    def __len__(self) -> int:
        raise RuntimeError("len")


class EndlessMapping(collections.abc.Mapping):  # type: ignore[type-arg]
    """Contains itself anew at every look."""

    def __getitem__(self, key: Any) -> Any:
        return EndlessMapping()

    def __iter__(self) -> Any:
        return iter("a")

    def __len__(self) -> int:
        return 1


class RaisingModel:
    def model_dump(self, **_: Any) -> Json:
        raise ValueError("no")


class StrangeModel:
    def model_dump(self, **_: Any) -> Any:
        return self


class HostileText(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("str")

    def encode(self, *_: Any, **__: Any) -> bytes:
        raise RuntimeError("encode")


class HostileNumber(int):
    def __int__(self) -> int:
        raise RuntimeError("int")


OBJECTS: list[Any] = [
    *(value for value, _ in ODD),
    *(Hostile(), RaisingMapping(), EndlessMapping(), RaisingModel(), StrangeModel()),
    *(HostileText("x"), HostileNumber(3), Role.USER, Effort.LOW, Count.FEW, Text("user")),
    *(Pair("user", "x"), Data("user", "x"), Model(role="user", content="x"), Old()),
    *(iter([1]), (1, "x"), {1, 2}, frozenset("ab"), range(10**12), bytearray(b"x")),
    *(memoryview(b""), collections.deque([1]), types.SimpleNamespace(a=1)),
    *(types.MappingProxyType({"a": 1}), NotImplemented),
    *(decimal.Decimal("1E+1000"), decimal.Decimal("0.1"), fractions.Fraction(1, 3)),
    *(..., object(), type, print, lambda: 1, OSError("x"), HALF, "", " ", {HALF: HALF}, [[[]]], {}),
]  # fmt: skip

REQUESTS: list[Json] = [
    plain(),
    with_schema(enum=["a"], default="a", pattern="a", items={"anyOf": [{"type": "null"}]}),
    with_call({"name": "f", "arguments": '{"a": 1}'}),
    plain(
        messages=[
            {"role": "system", "content": "s", "name": "n"},
            {"role": "user", "content": [{"type": "text", "text": "t"}]},
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "x"}],
                "reasoning_details": [{"type": "reasoning.text", "text": "t", "index": 0}],
                "function_call": {"name": "f", "arguments": "{}"},
            },
            {"role": "function", "name": "f", "content": "r"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "r"},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c"}]},
            {"role": "assistant", "content": "x", "partial": True, "prefix": True},
        ],
        functions=[{"name": "f", "parameters": {"type": "object"}}],
        function_call="auto",
    ),
    plain(
        temperature=0.5,
        n=1,
        stop=["a"],
        user="u",
        thinking={"type": "enabled", "budget_tokens": 5},
        reasoning_effort="low",
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}},
        },
        tools=[tool()],
        tool_choice={"type": "function", "function": {"name": "f"}},
        stream=True,
        stream_options={"include_usage": True},
        prediction={"type": "content", "content": "x"},
        metadata={"a": "b"},
        max_tokens=5,
        system="s",
    ),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a request."""
    found = [path]
    if isinstance(value, dict):
        for key in value:
            found += places(value[key], (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*path, index))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy of ``value`` with ``new`` at ``path``, where there still is such a place."""
    if not path:
        return new
    first, rest = path[0], path[1:]
    if type(value) is dict and value is not CYCLE:
        return {k: replaced(v, rest, new) if k is first else v for k, v in value.items()}
    if type(value) is list:
        return [replaced(v, rest, new) if i == first else v for i, v in enumerate(value)]
    return value


def renamed(value: Any, path: tuple[Any, ...], key: Any) -> Any:
    """A copy of ``value`` in which the last step of ``path`` is called ``key``."""
    if len(path) > 1:
        inner = {path[0]: renamed(value[path[0]], path[1:], key)}
        if isinstance(value, dict):
            return {**value, **inner}
        return [inner.get(index, item) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    return {key if k == path[0] else k: v for k, v in value.items()}


KEYS: list[Any] = [1, None, True, 2.5, b"x", (1, 2), HALF, Text("content"), Role.USER, "", Odd()]


def attempt(request: Any) -> tuple[Translation | None, InvalidRequestError | None]:
    try:
        return translate(request), None
    except InvalidRequestError as error:
        return None, error


def check(request: Any) -> None:
    """``translate`` raises its own errors only, and what it returns can be written and shown."""
    translation, error = attempt(request)
    if translation is None:
        assert error is not None
        assert error.param
        assert len(str(error)) < 5_000
        return
    written(translation)
    for item in translation.adjustments:
        assert len(str(item)) < 2_000
        assert len(repr(item)) < 3_000
        json.dumps(item.to_dict(), ensure_ascii=False, allow_nan=False).encode()
    again = translate(translation.body)
    assert again.body == translation.body


@pytest.mark.parametrize("index", range(len(REQUESTS)))
def test_the_requests_that_are_spoiled_below_are_good(index: int) -> None:
    written(translate(REQUESTS[index]))


@pytest.mark.parametrize("index", range(len(REQUESTS)))
def test_any_object_at_any_place_is_json_or_an_error(index: int) -> None:
    request = REQUESTS[index]
    for path in places(request):
        for value in OBJECTS:
            check(replaced(request, path, value))


@pytest.mark.parametrize("index", range(len(REQUESTS)))
def test_any_key_at_any_place_is_json_or_an_error(index: int) -> None:
    request = REQUESTS[index]
    for path in places(request)[1:]:
        for key in KEYS:
            check(renamed(request, path, key))


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=8)
    | st.decimals()
    | st.binary(max_size=3)
    | st.datetimes()
    | st.integers(0, len(OBJECTS) - 1).map(lambda index: OBJECTS[index])
)
keys = (
    st.text(max_size=4) | st.integers() | st.none() | st.sampled_from(["role", "content", "type"])
)
objects = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(keys, inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3).map(types.MappingProxyType)
    ),
    max_leaves=6,
)


@st.composite
def spoiled(draw: st.DrawFn) -> Any:
    """A good request with arbitrary objects in one to three places."""
    request: Any = draw(st.sampled_from(REQUESTS))
    for path in draw(st.lists(st.sampled_from(places(request)), min_size=1, max_size=3)):
        request = replaced(request, path, draw(objects))
    return request


@settings(
    max_examples=tries(120),
    deadline=None,
    derandomize=not FUZZ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(spoiled())
def test_any_python_object_is_json_or_an_error(request_: Any) -> None:
    check(request_)


@pytest.mark.parametrize(
    "place",
    [
        lambda schema: {"guided_json": schema},
        lambda schema: {"extra_body": {"guided_json": schema}},
        lambda schema: {"text": {"format": {"type": "json_schema", "schema": schema}}},
        lambda schema: {"generationConfig": {"responseSchema": schema}},
        lambda schema: {"tools": [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]},
        lambda schema: {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": schema}}}]},
    ],
)
def test_a_schema_in_a_field_of_another_stack_is_one(place: Any) -> None:
    """A choice that is no character is an error there as well, with the path."""
    schema = {"type": "object", "properties": {"a": {"enum": [HALF, "whole"]}}}
    with pytest.raises(InvalidRequestError) as caught:
        translate(plain(**place(schema)))
    assert (caught.value.param or "").endswith(".properties.a.enum[0]")
    with_default = {"type": "object", "properties": {"a": {"type": "string", "default": HALF}}}
    assert translate(plain(**place(with_default))).changes_of_meaning == ()
