"""Requests made of any Python objects: plain JSON comes out, or an error with a path."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import gc
import json
import pathlib
import types
import uuid
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessage, ChatCompletionMessageFunctionToolCall
from pydantic import BaseModel, Field

from llm_kimi import InvalidRequestError, StrictError, Translation, translate
from llm_kimi.translation import Adjustment
from llm_kimi.translation.values import json_values
from tests.support.budgets import FUZZ, tries

Json = dict[str, Any]
NAN, INFINITY = float("nan"), float("inf")
HALF = "half \ud83d"
USER = {"role": "user", "content": "Hi"}


def plain(**more: Any) -> Json:
    return {"model": "kimi-k3.1-pro", "messages": [USER], **more}


def tool(schema: Any = None, **more: Any) -> Json:
    function = {"name": "f", "strict": False, "parameters": schema or {"type": "object"}, **more}
    return {"type": "function", "function": function}


def with_schema(**more: Any) -> Json:
    """A request with a tool whose one property has these keywords."""
    schema = {"type": "object", "properties": {"a": {"type": "string", **more}}}
    return plain(tools=[tool(schema)])


def with_call(function: Any = None, **more: Any) -> Json:
    """A request with a call and its result in the history."""
    call = {"id": "c", "type": "function", "function": function or {"name": "f"}, **more}
    turn = {"role": "assistant", "reasoning_content": "hm", "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "c", "content": "ok"}
    return plain(messages=[USER, turn, result])


def written(translation: Translation) -> str:
    """The body as UTF-8 JSON; raises where it cannot be written."""
    text = json.dumps(translation.body, ensure_ascii=False, allow_nan=False)
    return text.encode().decode()


def refused(request: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        translate(request)
    return caught.value


def told(translation: Translation, param: str) -> Adjustment:
    (found,) = [item for item in translation.adjustments if item.param == param]
    return found


# -- half characters (lone surrogates, RFC 3629) ---------------------------------------------------


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


# -- what JSON has no form for ---------------------------------------------------------------------

CYCLE: Json = {}
CYCLE["again"] = [CYCLE]


class Odd:
    """Has nothing that JSON could use."""


ODD: list[tuple[Any, str]] = [
    (NAN, "NaN"),
    (-INFINITY, "-Infinity"),
    (decimal.Decimal("NaN"), "NaN"),
    (b"x", "bytes"),
    (datetime.date(2026, 1, 2), "date"),
    (uuid.UUID(int=0), "UUID"),
    (pathlib.PurePosixPath("a"), "PurePosixPath"),
    (Odd(), "Odd"),
    (Odd, "class"),
    (len, "function"),
    (3j, "complex"),
    (CYCLE, "contains itself"),
    ({1: "a"}, "key that is not text"),
    ({None: "a"}, "key that is not text"),
    (10**400, "bits"),
]
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


# -- objects that mean JSON ------------------------------------------------------------------------


class Role(str, enum.Enum):
    USER = "user"


class Effort(enum.Enum):
    LOW = "low"


class Text(str):
    __slots__ = ()


class Count(enum.IntEnum):
    FEW = 5


class Pair(NamedTuple):
    role: str
    content: str


@dataclasses.dataclass
class Data:
    role: str
    content: Any


class Model(BaseModel):
    role: str
    content: str
    name: str | None = None


class Function(BaseModel):
    name: str
    schema_: Json = Field(alias="parameters")


class Old:
    """A model of pydantic 1, or of an SDK of its own."""

    def dict(self) -> Json:
        return dict(USER)


@pytest.mark.parametrize(
    "message",
    [
        types.MappingProxyType(USER),
        collections.OrderedDict(USER),
        collections.UserDict(USER),
        collections.ChainMap(USER),
        types.SimpleNamespace(**USER),
        Pair(**USER),
        Data(**USER),
        Model(**USER),
        Old(),
        {"role": Role.USER, "content": Text("Hi")},
        {Text("role"): "user", "content": [{"type": "text", "text": "Hi"}][0]["text"]},
        Data("user", ({"type": "text", "text": "Hi"},)),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_may_be_any_object_that_means_one(message: Any) -> None:
    sent = translate(plain(messages=(message,))).body["messages"]
    assert sent in ([USER], [{**USER, "content": [{"type": "text", "text": "Hi"}]}])
    assert type(sent[0]) is dict
    assert all(type(key) is str for key in sent[0])
    assert type(sent[0]["role"]) is str


def test_what_the_migration_guide_appends_is_understood_and_quiet() -> None:
    """`messages.append(choice.message)`:
    https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi"""
    call = ChatCompletionMessageFunctionToolCall.model_validate(
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    )
    message = ChatCompletionMessage.model_validate(
        {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "annotations": [],
            "reasoning_content": "hm",
            "tool_calls": [call],
        }
    )
    result = {"role": "tool", "tool_call_id": call.id, "content": "ok"}
    for turn in (message, {**message.model_dump(), "tool_calls": [call]}):
        translation = translate(plain(messages=[USER, turn, result]))
        assert translation.body["messages"][1] == {
            "role": "assistant",
            "reasoning_content": "hm",
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        }
        assert translation.adjustments == ()


def test_a_whole_request_may_be_made_of_objects() -> None:
    function = Function(name="f", parameters={"type": "object"})
    request = collections.UserDict(
        model=Text("kimi-k3.1-pro"),
        messages=collections.deque([Data("user", "Hi")]),
        tools=({"type": "function", "function": function},),
        reasoning_effort=Effort.LOW,
        max_completion_tokens=Count.FEW,
        stop={"b", "a"},
    )
    body = translate(request).body
    assert body["messages"] == [USER]
    assert body["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert (body["reasoning_effort"], body["stop"]) == ("low", ["a", "b"])
    assert type(body["max_completion_tokens"]) is int


@pytest.mark.parametrize("request_", [None, 5, "x", [], [USER], b"x", Odd(), Odd, {1: 2}])
def test_what_is_no_request_is_an_error(request_: Any) -> None:
    assert refused(request_).param == "request"


def test_what_is_plain_is_not_copied() -> None:
    """Requests hold megabytes of base64."""
    url = "data:image/png;base64," + "A" * 100
    request = plain(
        messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]
    )
    values, adjustments, foreign = json_values(request)
    assert values is request
    assert (adjustments, foreign) == ([], False)
    odd = {**request, "metadata": {"x": NAN}}
    values, _, foreign = json_values(odd)
    assert foreign
    assert values["messages"] is request["messages"]


def test_the_result_is_the_same_for_the_same_request() -> None:
    request = plain(metadata={"x": NAN, "y": Odd()}, tools=[tool(description=HALF)])
    assert translate(request) == translate(request)


def test_nothing_of_the_callers_is_kept_or_changed() -> None:
    message = Data("user", "Hi")
    before = dataclasses.asdict(message)
    translate(plain(messages=[message], metadata={"x": message}))
    assert dataclasses.asdict(message) == before
    assert not [item for item in gc.get_referrers(message) if isinstance(item, Adjustment)]


# -- adjustments -----------------------------------------------------------------------------------


class Hostile:
    """Every question is an error."""

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    __str__ = __iter__ = __len__ = __bool__ = __hash__ = keys = items = __repr__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # hypothesis asks, to show it
            raise AttributeError(name)
        raise RuntimeError(name)


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


# -- any object anywhere ---------------------------------------------------------------------------


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
