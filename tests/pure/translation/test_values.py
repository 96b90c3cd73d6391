"""Values that JSON cannot hold, half characters among them, and how it is told."""

from __future__ import annotations

import datetime
import decimal
import fractions
import json
from typing import Any

import pytest

from llm_kimi import StrictError, translate
from llm_kimi.translation import Adjustment
from tests.support.odd_requests import (
    CYCLE,
    HALF,
    INFINITY,
    NAN,
    ODD,
    USER,
    Hostile,
    Json,
    Odd,
    plain,
    refused,
    told,
    tool,
    with_call,
    with_schema,
    written,
)


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (plain(messages=[{**USER, "content": HALF}]), "messages[0].content"),
        (plain(messages=[{**USER, "x": {"y": [HALF]}}]), "messages[0].x.y[0]"),
        (
            with_call({"name": "f", "arguments": json.dumps({"x": HALF}, ensure_ascii=False)}),
            "messages[1].tool_calls[0].function.arguments",
        ),
        (
            with_call({"name": "f", "arguments": {"x": HALF}}),
            "messages[1].tool_calls[0].function.arguments.x",
        ),
        (plain(tools=[tool(description=HALF)]), "tools[0].function.description"),
        (with_schema(description=HALF), "tools[0].function.parameters.properties.a.description"),
        (with_schema(title=HALF), "tools[0].function.parameters.properties.a.title"),
        (
            plain(prediction={"type": "content", "content": HALF}),
            "prediction.content",
        ),
        (
            plain(messages=[USER, {"role": "system", "tools": [tool(description=HALF)]}]),
            "messages[1].tools[0].function.description",
        ),
    ],
)
def test_half_characters_in_texts_are_replaced_and_reported(request_: Json, param: str) -> None:
    """https://github.com/elizaOS/eliza/issues/18079: tools cut emoji in two."""
    translation = translate(request_)
    assert "\\ud83d" not in written(translation)
    assert told(translation, param).changes_meaning
    with pytest.raises(StrictError):
        translate(request_, strict=True)


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (plain(tools=[tool() | {"function": {"name": HALF}}]), "tools[0].function.name"),
        (with_call({"name": HALF}), "messages[1].tool_calls[0].function.name"),
        (plain(tool_choice={"type": "function", "function": {"name": HALF}}), "tool_choice"),
        (with_schema(enum=["a", HALF]), "tools[0].function.parameters.properties.a.enum[1]"),
        (with_schema(const=HALF), "tools[0].function.parameters.properties.a.const"),
        (
            plain(tools=[tool({"type": "object", "properties": {HALF: {"type": "string"}}})]),
            "tools[0].function.parameters.properties",
        ),
        (
            plain(tools=[tool({"type": "object", "required": [HALF]})]),
            "tools[0].function.parameters.required[0]",
        ),
        (plain(user=HALF), "user"),
        (plain(stop=["a", HALF]), "stop[1]"),
        (plain(model=f"kimi-{HALF}"), "model"),
    ],
)
def test_half_characters_in_names_are_an_error(request_: Json, param: str) -> None:
    """Another text would name something else: an argument, a value, a tool of the caller's."""
    error = refused(request_)
    assert (error.param or "").startswith(param)
    str(error).encode()


@pytest.mark.parametrize("key", ["default", "examples", "x-note"])
def test_half_characters_that_bind_nothing_are_harmless(key: str) -> None:
    written(translate(with_schema(**{key: [HALF]})))


def test_a_pattern_with_half_a_character_is_left_out() -> None:
    translation = translate(with_schema(pattern="[\ud83c-\ud83e]"))
    written(translation)
    assert told(translation, "tools[0].function.parameters.properties.a.pattern").changes_meaning


def test_two_halves_side_by_side_are_one_character() -> None:
    """So JavaScript's escapes are read by some parsers."""
    translation = translate(plain(messages=[{**USER, "content": "\ud83d\ude00"}]))
    assert translation.body["messages"][0]["content"] == "\U0001f600"
    assert not told(translation, "messages[0].content").changes_meaning
    request = with_schema(enum=["\ud83d\ude00"])
    assert "\U0001f600" in written(translate(request))


def test_ids_with_half_characters_still_pair() -> None:
    turn = {
        "role": "assistant",
        "reasoning_content": "hm",
        "tool_calls": [
            {"id": f"c{half}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            for half in ("\ud800", "\udc00")
        ],
    }
    results = [
        {"role": "tool", "tool_call_id": f"c{half}", "content": content}
        for half, content in (("\udc00", "second"), ("\ud800", "first"))
    ]
    messages = translate(plain(messages=[USER, turn, *results])).body["messages"]
    ids = [call["id"] for call in messages[1]["tool_calls"]]
    assert len(set(ids)) == 2
    assert {m["tool_call_id"]: m["content"] for m in messages[2:]} == dict(
        zip(ids, ("first", "second"), strict=True)
    )
    json.dumps(messages, ensure_ascii=False).encode()


every_odd = pytest.mark.parametrize(("value", "name"), ODD, ids=lambda value: str(value)[:20])


@every_odd
@pytest.mark.parametrize("key", ["default", "examples", "example"])
def test_it_is_left_out_where_nothing_depends_on_it(value: Any, name: str, key: str) -> None:
    translation = translate(with_schema(**{key: [value]}))
    assert key not in written(translation)
    item = told(translation, f"tools[0].function.parameters.properties.a.{key}")
    assert (item.sent, item.changes_meaning) == (None, False)
    assert name in item.reason


@every_odd
@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (lambda value: with_schema(enum=["a", value]), ".parameters.properties.a.enum[1]"),
        (lambda value: with_schema(minLength=value), ".parameters.properties.a.minLength"),
        (lambda value: plain(prediction={"content": [value]}), "prediction.content[0]"),
    ],
    ids=["enum", "keyword", "prediction"],
)
def test_it_is_an_error_where_it_would_count(
    value: Any, name: str, request_: Any, param: str
) -> None:
    error = refused(request_(value))
    assert param in (error.param or "")
    assert name in error.message


@pytest.mark.parametrize(
    ("key", "bound"),
    [("maximum", INFINITY), ("exclusiveMinimum", -INFINITY), ("maxLength", INFINITY)],
)
def test_a_bound_that_excludes_nothing_is_left_out(key: str, bound: float) -> None:
    translation = translate(with_schema(**{key: bound}))
    assert key not in written(translation)
    item = told(translation, f"tools[0].function.parameters.properties.a.{key}")
    assert (item.sent, item.changes_meaning) == (None, False)
    assert refused(with_schema(**{key: -bound})).param is not None


def test_a_schema_that_contains_itself_is_an_error_with_one_way_out() -> None:
    schema: Json = {"type": "object", "properties": {}}
    schema["properties"]["a"] = schema
    error = refused(plain(tools=[tool(schema)]))
    assert error.message == "contains itself, which JSON cannot: leave it out"


@every_odd
@pytest.mark.parametrize("field", ["metadata", "seed", "logit_bias", "nobody_knows"])
def test_fields_that_are_left_out_in_any_case_may_hold_anything(
    value: Any, name: str, field: str
) -> None:
    talk = [{**USER, "cache_control": {"x": value}}]
    translation = translate(plain(messages=talk, **{field: value}))
    assert written(translation) == written(translate(plain()))
    for item in translation.adjustments:
        assert len(f"{item}{item!r}") < 1_000
        json.dumps(item.to_dict(), allow_nan=False)


def test_dates_in_arguments_and_results_are_sent_as_their_text() -> None:
    when = datetime.datetime(2026, 1, 2)
    request = with_call({"name": "f", "arguments": {"when": when, "n": NAN}})
    request["messages"][-1]["content"] = {"at": when}
    messages = translate(request).body["messages"]
    arguments = json.loads(messages[1]["tool_calls"][0]["function"]["arguments"])
    assert arguments == {"when": "2026-01-02 00:00:00", "n": "NaN"}
    assert json.loads(messages[2]["content"]) == {"at": "2026-01-02 00:00:00"}


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (decimal.Decimal("7"), 7),
        (decimal.Decimal("0.5"), 0.5),
        (fractions.Fraction(1, 2), 0.5),
    ],
)
def test_other_numbers_become_json_numbers(value: Any, sent: Any) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "number", "minimum": value}}}
    translation = translate(plain(tools=[tool(schema)]))
    parameters = translation.body["tools"][0]["function"]["parameters"]
    assert parameters["properties"]["a"]["minimum"] == sent
    assert type(parameters["properties"]["a"]["minimum"]) is type(sent)
    assert not translation.changes_of_meaning


def test_a_generator_is_an_error_that_says_what_to_do() -> None:
    """Reading it would take it from the caller: a second try would find it empty."""
    messages = (message for message in [USER])
    error = refused(plain(messages=messages))
    assert error.param == "messages"
    assert next(messages) == USER


def test_a_value_that_is_shared_without_end_is_refused_early() -> None:
    value: Any = ["x"]
    for _ in range(60):
        value = [value, value, value]
    assert "more than" in refused(plain(metadata=value)).message


@pytest.mark.parametrize(
    "value",
    [Hostile(), {"a": Hostile()}, CYCLE, NAN, HALF, b"x" * 10_000_000, "x" * 10_000_000, 10**5_000,
     [["x" * 1_000] * 100] * 100, {1: {2: 3}}, {1, 2}, Odd],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_an_adjustment_can_be_shown_whatever_it_is_about(value: Any) -> None:
    for item in (
        Adjustment("p", value, None, "reason", "source"),
        Adjustment("p", "x", value, "reason", "source"),
    ):
        assert len(str(item)) < 200
        assert len(repr(item)) < 300
        if value is not ODD[-1][0]:
            json.dumps(item.to_dict(), allow_nan=False)
