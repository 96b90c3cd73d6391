"""The weakening checker can fail: each loss that is not told is seen, on the two bodies alone."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from llm_kimi import Translation, translate
from llm_kimi.catalog import resolve
from llm_kimi.translation import Adjustment, Restore
from tests.support.weakening import differences, silent

Json = dict[str, Any]
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB"
    "0C8AAAAASUVORK5CYII="
)


def plain(**more: Any) -> Json:
    return {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "Hi"}], **more}


_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "strict": False,
            "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}},
        },
    }
    for name in ("one", "two")
]
_TALK = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "See"},
            {"type": "image_url", "image_url": {"url": PNG}},
        ],
    },
    {
        "role": "assistant",
        "content": "Looking.",
        "reasoning_content": "hm",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "one", "arguments": '{"x": 1}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "a", "name": "one", "content": "ok"},
    {"role": "user", "content": "So?"},
]


def _set(*path: Any, to: Any) -> Any:
    def change(body: Json) -> None:
        target: Any = body
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = to

    return change


def _cut(*path: Any) -> Any:
    def change(body: Json) -> None:
        target: Any = body
        for step in path[:-1]:
            target = target[step]
        del target[path[-1]]

    return change


_WEAKENINGS = {
    "message text": _set("messages", 0, "content", to="Be"),
    "message lost": _cut("messages", 4),
    "message added": lambda body: body["messages"].append({"role": "user", "content": "Buy!"}),
    "image lost": _cut("messages", 1, "content", 1),
    "image swapped": _set("messages", 1, "content", 1, "image_url", "url", to="ms://other"),
    "tool lost": _cut("tools", 1),
    "tool added": lambda body: body["tools"].append(
        {"type": "function", "function": {"name": "three", "parameters": {"type": "object"}}}
    ),
    "tool renamed": _set("tools", 1, "function", "name", to="zwei"),
    "strict": _set("tools", 0, "function", "strict", to=True),
    "schema wider": _set("tools", 0, "function", "parameters", "properties", to={}),
    "schema type": _set(
        "tools", 0, "function", "parameters", "properties", "x", "type", to="string"
    ),
    "call lost": _cut("messages", 2, "tool_calls"),
    "call arguments": _set("messages", 2, "tool_calls", 0, "function", "arguments", to="{}"),
    "call name": _set("messages", 2, "tool_calls", 0, "function", "name", to="two"),
    "result text": _set("messages", 3, "content", to="nok"),
    "result lost": _cut("messages", 3),
    "reasoning lost": _cut("messages", 2, "reasoning_content"),
    "role": _set("messages", 0, "role", to="user"),
    "tool_choice": _set("tool_choice", to="auto"),
    "tool_choice lost": _cut("tool_choice"),
    "limit": _set("max_completion_tokens", to=5),
    "stop": _cut("stop"),
    "stream": _cut("stream"),
    "format": _cut("response_format"),
    "format schema": _set(
        "response_format", "json_schema", "schema", "properties", "y", to={"type": "null"}
    ),
    "key": _cut("prompt_cache_key"),
    "extra": _set("seed", to=1),
}


@pytest.mark.parametrize("name", _WEAKENINGS)
def test_the_checker_sees_a_silent_weakening(name: str) -> None:
    schema = {"type": "object", "properties": {"y": {"type": "string"}}, "required": ["y"]}
    request = {
        "model": "kimi-k3",
        "messages": _TALK,
        "tools": _TOOLS,
        "tool_choice": "required",
        "max_completion_tokens": 100,
        "stop": "END",
        "stream": True,
        "stream_options": {"include_usage": True},
        "prompt_cache_key": "k",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "strict": True, "schema": schema},
        },
    }
    good = translate(request)
    assert list(differences(request, good)) == []
    body = copy.deepcopy(good.body)
    _WEAKENINGS[name](body)
    assert silent(request, replace(good, body=body)) != []


@pytest.mark.parametrize(
    ("more", "changes"),
    [
        pytest.param({"temperature": 0.2}, {"adjustments": ()}, id="untold pin"),
        pytest.param({"seed": 1}, {"adjustments": ()}, id="untold seed"),
        pytest.param({"n": 3}, {"choices": 1}, id="fewer choices"),
        pytest.param({"thinking": False}, {"thinking": True}, id="thinks all the same"),
        pytest.param({"tools": _TOOLS, "tool_choice": "required"}, {"forced": None}, id="no nudge"),
        pytest.param(
            {"tools": _TOOLS, "tool_choice": "required"}, {"adjustments": ()}, id="untold nudge"
        ),
    ],
)
def test_the_checker_sees_what_the_rest_of_a_translation_hides(more: Json, changes: Json) -> None:
    request = plain(**more)
    good = translate(request)
    assert silent(request, good) == []
    assert silent(request, replace(good, **changes)) != []


def test_the_checker_counts_what_is_told_once_for_many() -> None:
    talk = [{"role": "user", "content": "x", "cache_control": {"n": n}} for n in range(3)]
    request = plain(messages=talk)
    good = translate(request)
    (item,) = good.adjustments
    assert silent(request, good) == []
    fewer = replace(item, reason=item.reason.replace("2 more places", "1 more place"))
    assert silent(request, replace(good, adjustments=(fewer,))) != []


def test_the_checker_wants_a_change_of_meaning_admitted() -> None:
    request = plain(seed=1)
    good = translate(request)
    harmless = tuple(replace(item, changes_meaning=False) for item in good.adjustments)
    assert silent(request, replace(good, adjustments=harmless)) != []


def test_restore_is_part_of_what_is_checked() -> None:
    tools = [{"type": "function", "function": {"name": "1st", "parameters": {"type": "object"}}}]
    request = plain(tools=tools, stop=["x" * 40], parallel_tool_calls=False)
    good = translate(request)
    assert silent(request, good) == []
    losses: list[Json] = [{"tool_names": {}}, {"stops": ()}, {"single_tool_call": False}]
    for lost in losses:
        assert silent(request, replace(good, restore=replace(good.restore, **lost))) != []


# -- requests of other clients ---------------------------------------------------------------------
# The translation is written by hand here, so that the checker is judged by itself.


def told(
    body: Json, *params: str, harmless: bool = False, thinking: bool = True, **restore: Any
) -> Translation:
    """A translation to `body` that tells something at each of these paths."""
    items = [Adjustment(param, "x", "y", "because", "https://x", not harmless) for param in params]
    return Translation(
        body=body,
        adjustments=tuple(items),
        restore=Restore(**restore),
        needs=(),
        model=resolve(body["model"]),
        thinking=thinking,
    )


def call(id: Any = "c1", name: str = "f", arguments: Any = "{}") -> Json:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def history(turn: Json, *results: Json, **more: Any) -> Json:
    user = {"role": "user", "content": "Hi"}
    messages = [user, {"role": "assistant", **turn}, *results, user]
    return {"model": "kimi-k2.6", "messages": messages, **more}


def result(id: Any, text: str, **more: Any) -> Json:
    return {"role": "tool", "tool_call_id": id, "content": text, **more}


CALL = "messages[1].tool_calls[0]"
ANSWERED = history({"tool_calls": [call()], "reasoning_content": "a thought"}, result("c1", "18"))
FILLED = history({"tool_calls": [call()], "reasoning_content": " "}, result("c1", "18"))


def thinking_in(**place: Any) -> Json:
    return history({"tool_calls": [call()], **place}, result("c1", "18"))


THOUGHT_PLACES: dict[str, Json] = {
    "reasoning": {"reasoning": "a thought"},
    "reasoning_details": {"reasoning_details": [{"type": "reasoning.text", "text": "a thought"}]},
    "reasoning_details of summaries": {
        "reasoning_details": [{"type": "reasoning.summary", "summary": "a thought"}]
    },
    "thinking_blocks": {"thinking_blocks": [{"type": "thinking", "thinking": "a thought"}]},
    "provider_specific_fields": {"provider_specific_fields": {"reasoning_content": "a thought"}},
    "content": {"content": [{"type": "thinking", "thinking": "a thought"}]},
    "content of another type": {"content": [{"type": "reasoning", "text": "a thought"}]},
    "a second place": {"reasoning_content": "", "reasoning": "a thought"},
}


@pytest.mark.parametrize("place", THOUGHT_PLACES)
def test_a_real_thought_may_move_but_not_be_lost(place: str) -> None:
    given = thinking_in(**THOUGHT_PLACES[place])
    key = "reasoning" if place == "a second place" else place.partition(" ")[0]
    paths = (f"messages[1].{key}", "messages[1].reasoning_content")
    assert silent(given, told(ANSWERED, *paths)) == []
    assert silent(given, told(ANSWERED)) != []
    assert silent(given, told(FILLED, *paths)) != []
    other = copy.deepcopy(ANSWERED)
    other["messages"][1]["reasoning_content"] = "what nobody thought"
    assert silent(given, told(other, *paths)) != []


def test_a_filler_for_a_thought_that_is_lost_is_told() -> None:
    places: list[Json] = [
        {},
        {"reasoning_content": ""},
        {"reasoning_details": [{"data": "ZW5j"}]},
    ]
    for place in places:
        given = thinking_in(**place)
        paths = ("messages[1].reasoning_content", "messages[1].reasoning_details")
        assert silent(given, told(FILLED, *paths)) == []
        assert silent(given, told(FILLED)) != []


PAIRED = {
    "empty": ("", ""),
    "null": (None, None),
    "numbers": (7, 7),
    "a number and its text": (7, "7"),
    "only the result has none": ("c1", None),
    "only the call has none": ("", "c1"),
}


@pytest.mark.parametrize("ids", PAIRED.values(), ids=[*PAIRED])
def test_a_result_stays_with_its_call_whatever_the_ids(ids: tuple[Any, Any]) -> None:
    turn = {"tool_calls": [call(ids[0])], "reasoning_content": "a thought"}
    given = history(turn, result(ids[1], "18"))
    assert silent(given, told(ANSWERED, f"{CALL}.id")) == []
    assert silent(given, told(ANSWERED, "messages[2].tool_call_id")) == []
    if ids[0] != "c1":
        assert silent(given, told(ANSWERED)) != []
    lost = copy.deepcopy(ANSWERED)
    lost["messages"][2]["content"] = "(no result)"
    everywhere = (f"{CALL}.id", "messages[2]", "messages[1].tool_calls", "messages")
    assert silent(given, told(lost, *everywhere)) != []


def two_calls(first: Any, second: Any, *results: Json) -> Json:
    calls = [call(first, "f"), call(second, "g")]
    return history({"tool_calls": calls, "reasoning_content": "r"}, *results)


TWO = two_calls("a", "b", result("a", "of f"), result("b", "of g"))
SWAPPED = two_calls("a", "b", result("a", "of g"), result("b", "of f"))


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(two_calls("", "", result("", "of f"), result("", "of g")), id="in order"),
        pytest.param(
            two_calls(None, None, result(None, "of g", name="g"), result(None, "of f", name="f")),
            id="by name",
        ),
        pytest.param(two_calls("x", "x", result("x", "of f"), result("x", "of g")), id="alike"),
    ],
)
def test_results_are_not_swapped(given: Json) -> None:
    paths = [f"messages[1].tool_calls[{place}].id" for place in (0, 1)]
    assert silent(given, told(TWO, *paths)) == []
    assert silent(given, told(SWAPPED, *paths)) != []
    alike = two_calls("x", "x", result("x", "of f"), result("x", "of g"))
    assert silent(given, told(alike, *paths)) != []  # nothing tells them apart


def test_a_second_result_stands_beside_the_first() -> None:
    turn = {"tool_calls": [call()], "reasoning_content": "a thought"}
    given = history(turn, result("c1", "18"), result("c1", "19"))
    assert silent(given, told(ANSWERED, "messages[3]")) != []  # results are never lost
    both = copy.deepcopy(ANSWERED)
    both["messages"][2]["content"] = "18\n\n19"
    assert silent(given, told(both, "messages[3]", harmless=True)) == []
    assert silent(given, told(both)) != []


ARGUMENTS: list[tuple[Any, str, str]] = [
    ('{"m": "a\nb"}', '{"m": "a\\nb"}', '{"m": "a b"}'),
    ('{"m": "cut', '{"invalid": "{\\"m\\": \\"cut"}', '{"m": "cut"}'),
    ("[1, 2]", '{"value": [1, 2]}', "{}"),
    ("", "{}", '{"a": 1}'),
    ({"a": 1}, '{"a": 1}', '{"a": 2}'),
]


@pytest.mark.parametrize(("given", "good", "bad"), ARGUMENTS)
def test_arguments_are_repaired_or_wrapped_and_nothing_of_them_is_lost(
    given: Any, good: str, bad: str
) -> None:
    def with_arguments(value: Any) -> Json:
        turn = {"tool_calls": [call(arguments=value)], "reasoning_content": "r"}
        return history(turn, result("c1", "18"))

    path = f"{CALL}.function.arguments"
    assert silent(with_arguments(given), told(with_arguments(good), path)) == []
    assert silent(with_arguments(given), told(with_arguments(good))) != []
    assert silent(with_arguments(given), told(with_arguments(bad), path)) != []


def function(name: str = "f", **more: Any) -> Json:
    schema = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
    body = {"name": name, "parameters": schema, "strict": False, **more}
    return {"type": "function", "function": body}


SCHEMA = function()["function"]["parameters"]
OTHER_FORMS: dict[str, Json] = {
    "flat": {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False},
    "Anthropic": {"name": "f", "input_schema": SCHEMA, "strict": False},
    "MCP": {"name": "f", "inputSchema": SCHEMA, "strict": False},
    "no type": {"function": function()["function"]},
}


@pytest.mark.parametrize("form", OTHER_FORMS.values(), ids=[*OTHER_FORMS])
def test_a_tool_in_another_form_is_neither_lost_nor_emptied(form: Json) -> None:
    given = plain(tools=[form])
    assert silent(given, told(plain(tools=[function()]), "tools[0]")) == []
    assert silent(given, told(plain(tools=[function()]))) != []
    assert silent(given, told(plain(), "tools[0]", harmless=True)) != []
    empty = function(parameters={"type": "object", "properties": {}})
    assert silent(given, told(plain(tools=[empty]), "tools[0]", harmless=True)) != []


def test_the_same_tool_twice_is_told_and_another_of_that_name_as_lost() -> None:
    good = plain(tools=[function()])
    assert (
        silent(plain(tools=[function(), function()]), told(good, "tools[1]", harmless=True)) == []
    )
    assert silent(plain(tools=[function(), function()]), told(good)) != []
    two = plain(tools=[function(), function(description="another")])
    assert silent(two, told(good, "tools[1]", harmless=True)) != []
    assert silent(two, told(good, "tools[1]")) == []


OFF_WORDS: dict[str, Json] = {
    "enable_thinking": {"enable_thinking": False},
    "chat_template_kwargs": {"chat_template_kwargs": {"thinking": False}},
    "reasoning": {"reasoning": {"enabled": False}},
    "thinking": {"thinking": {"effort": "none"}},
    "reasoning_effort": {"reasoning_effort": "none"},
}


@pytest.mark.parametrize("word", OFF_WORDS)
def test_thinking_that_can_be_switched_off_is(word: str) -> None:
    given = plain(**OFF_WORDS[word])
    off = plain(thinking={"type": "disabled"})
    assert silent(given, told(off, word, "thinking", thinking=False)) == []
    assert silent(given, told(off, thinking=False)) != []
    assert silent(given, told(plain(), word)) != []
    k3 = {**given, "model": "kimi-k3"}
    low = {**plain(model="kimi-k3"), "reasoning_effort": "low"}
    assert silent(k3, told(low, word, "reasoning_effort")) == []
    assert silent(k3, told(low, word, "reasoning_effort", harmless=True)) != []


def test_an_effort_is_heard_in_every_spelling() -> None:
    for word in ({"reasoning": {"effort": "high"}}, {"thinking": {"effort": "high"}}):
        given = plain(model="kimi-k3", **word)
        path = next(iter(word))
        good = plain(model="kimi-k3", reasoning_effort="high")
        assert silent(given, told(good, path, "reasoning_effort", harmless=True)) == []
        assert silent(given, told(plain(model="kimi-k3"), path, f"{path}.effort")) != []


def test_a_wish_about_the_cache_is_kept_where_the_model_has_the_price() -> None:
    given = plain(model="kimi-k3", prompt_cache_options={"ttl": "1h"})
    assert silent(given, told(given)) == []
    for sent in (plain(model="kimi-k3"), plain(model="kimi-k3", prompt_cache_options={})):
        assert silent(given, told(sent, "prompt_cache_options")) != []
    k2 = plain(prompt_cache_options={"ttl": "1h"})
    assert silent(k2, told(plain(), "prompt_cache_options", harmless=True)) == []
    assert silent(k2, told(plain())) != []
    unasked = plain(model="kimi-k3", prompt_cache_options={"ttl": "5m"})
    assert silent(plain(model="kimi-k3"), told(unasked, "prompt_cache_options")) != []


def test_a_schema_beside_json_object_is_not_lost() -> None:
    given = plain(response_format={"type": "json_object", "schema": SCHEMA})
    spec = {"name": "n", "schema": SCHEMA, "strict": False}
    good = plain(response_format={"type": "json_schema", "json_schema": spec})
    assert silent(given, told(good, "response_format", harmless=True)) == []
    assert silent(given, told(good)) != []
    lost = plain(response_format={"type": "json_object"})
    assert silent(given, told(lost, "response_format.schema", harmless=True)) != []
    assert silent(given, told(lost, "response_format.schema")) == []


@pytest.mark.parametrize(
    ("keywords", "good", "bad"),
    [
        ({"type": "string", "required": True}, ["a"], []),
        ({"type": "string", "enum": None}, [], ["a"]),
    ],
)
def test_schemas_are_compared_as_they_are_meant(keywords: Json, good: Any, bad: Any) -> None:
    def tool(required: list[str], schema: Json) -> Json:
        parameters = {"type": "object", "properties": {"a": schema}}
        return function(parameters={**parameters, "required": required} if required else parameters)

    given = plain(tools=[tool([], keywords)])
    path = "tools[0].function.parameters"
    for required, right in ((good, True), (bad, False)):
        body = plain(tools=[tool(required, {"type": "string"})])
        assert (silent(given, told(body, path, harmless=True)) == []) is right
        assert silent(given, told(body)) != []


def test_half_a_surrogate_pair_is_told_once_for_all() -> None:
    given = plain(messages=[{"role": "user", "content": "x\ud83d"}] * 2, user="\ud83d")
    body = plain(messages=[{"role": "user", "content": "x\ufffd"}] * 2)
    body["safety_identifier"] = "\ufffd"
    assert silent(given, told(body, "messages[0].content", "user")) == []
    assert silent(given, told(body, "user")) == []
    assert silent(given, told(body, "model")) != []


def test_partial_mode_is_heard_in_other_words() -> None:
    last = {"role": "assistant", "content": "It "}
    user = {"role": "user", "content": "Hi"}
    good = plain(messages=[user, {**last, "partial": True}])
    lost = plain(messages=[user, last])
    prefix = plain(messages=[user, {**last, "prefix": True}])
    assert silent(prefix, told(good, "messages[1].prefix", harmless=True)) == []
    assert silent(prefix, told(lost, "messages[1].prefix")) != []
    vllm = plain(messages=[user, last], continue_final_message=True)
    paths = ("continue_final_message", "messages[1].partial")
    assert silent(vllm, told(good, *paths, harmless=True)) == []
    assert silent(vllm, told(lost, *paths, harmless=True)) != []


def test_the_prompt_of_the_system_is_not_lost() -> None:
    for role in ("system", "developer"):
        talk = [{"role": role, "content": "Be brief."}, {"role": "user", "content": "Hi"}]
        given = plain(messages=talk)
        assert silent(given, told(plain(), "messages[0]", "messages")) != []
