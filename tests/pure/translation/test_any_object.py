"""`translate` and any Python object: its own errors or a body that is UTF-8 JSON, nothing else."""

from __future__ import annotations

import random
from collections import UserDict
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_kimi import InvalidRequestError, translate
from tests.support.budgets import tries
from tests.support.foreign_requests.kinds import plain_request
from tests.support.judging import not_json

Json = dict[str, Any]
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]

_texts = st.text(st.characters(exclude_categories=[]), max_size=8) | st.sampled_from(
    ["\ud83d", "", " ", "function", "text", "system", "#/$defs/A", "$ref", "object", "[[", "{}"]
)
_leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    _texts,
    st.binary(max_size=4),
    st.sampled_from([object, ..., 10**400, Decimal("NaN"), range(3), frozenset("a")]),
    st.builds(object),
)
_keys = st.one_of(
    _texts,
    st.integers(),
    st.none(),
    st.sampled_from(["type", "properties", "items", "anyOf", "$ref", "enum", "required", "role"]),
    st.sampled_from(["content", "tool_calls", "function", "name", "parameters", "arguments", "id"]),
)
_objects = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(_keys, inner, max_size=3),
        st.dictionaries(_keys, inner, max_size=3).map(MappingProxyType),
        st.dictionaries(_keys, inner, max_size=3).map(UserDict),
    ),
    max_leaves=8,
)
_FIELDS = (
    *("model", "messages", "tools", "tool_choice", "response_format", "stop", "n", "thinking"),
    *("reasoning_effort", "reasoning", "enable_thinking", "chat_template_kwargs", "stream"),
    *("stream_options", "max_tokens", "max_completion_tokens", "temperature", "logit_bias"),
    *("prediction", "metadata", "user", "functions", "function_call", "prompt_cache_options"),
    *("prompt_cache_key", "modalities", "audio", "parallel_tool_calls", "logprobs", "x_y"),
)


def holds(request: Any) -> None:
    """The promise, whatever the request."""
    try:
        translation = translate(request)
    except InvalidRequestError as error:
        str(error).encode("utf-8", "backslashreplace")
        return
    assert not_json(translation.body) == []
    for item in translation.adjustments:
        assert isinstance(item.param, str)
        assert str(item)


@settings(max_examples=tries(240), deadline=None, suppress_health_check=_SLOW)
@given(st.sampled_from(_FIELDS), _objects)
def test_any_object_in_any_field(field: str, value: Any) -> None:
    request = plain_request(random.Random(1), "kimi-k2.6")
    holds({**request, field: value})


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything inside a request."""
    found = [above] if above else []
    inside: Any = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for key, item in inside:
        found += places(item, (*above, key))
    return found


@settings(max_examples=tries(160), deadline=None, suppress_health_check=_SLOW)
@given(st.integers(0, 40), st.integers(0, 10_000), _objects)
def test_any_object_at_any_depth(seed: int, place: int, value: Any) -> None:
    request = plain_request(random.Random(seed), "kimi-k3.1-pro")
    spec = {"name": "n", "schema": {"type": "object", "properties": {"a": {"enum": ["b"]}}}}
    request["response_format"] = {"type": "json_schema", "json_schema": spec}
    paths = places(request)
    *above, last = paths[place % len(paths)]
    target: Any = request
    for step in above:
        target = target[step]
    target[last] = value
    holds(request)


@settings(max_examples=tries(80), deadline=None, suppress_health_check=_SLOW)
@given(_objects)
def test_any_object_as_a_schema_or_a_request(value: Any) -> None:
    function = {"name": "f", "parameters": value}
    request = plain_request(random.Random(1), "kimi-k3")
    holds({**request, "tools": [{"type": "function", "function": function}]})
    if isinstance(value, (dict, MappingProxyType)):
        holds(value)
