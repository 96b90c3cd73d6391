"""Tools as OpenAI writes them, inside the conversation too, and malformed ones."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi import InvalidRequestError, translate
from llm_kimi.catalog import Model
from llm_kimi.simulator.rules.chat import check_chat
from tests.support.families import every_family, of_family
from tests.support.tool_requests import (
    K3,
    LEGAL,
    OTHERS,
    SCHEMA,
    SEARCH,
    Json,
    function,
    params,
    run,
    talk_with,
)
from tests.support.weakening import silent


@every_family
def test_a_plain_tool_goes_through_untouched(model: Model) -> None:
    translation = run(model, tools=[function("get_weather", description="Weather")])
    assert translation.body["tools"] == [function("get_weather", description="Weather")]
    assert translation.adjustments == ()


@every_family
@pytest.mark.parametrize("given", [..., None])
def test_strictness_stays_openais_where_nothing_is_said(model: Model, given: Any) -> None:
    """Kimi takes true when it is missing, OpenAI false: https://platform.kimi.ai/docs/openapi.json"""
    translation = run(model, tools=[function("a", strict=given), function("b", strict=given)])
    assert [tool["function"]["strict"] for tool in translation.body["tools"]] == [False, False]
    (item,) = translation.adjustments
    assert "1 more place" in item.reason
    assert not item.changes_meaning


@pytest.mark.parametrize("strict", [True, False])
def test_strictness_that_is_said_is_sent(strict: bool) -> None:
    assert (
        run(tools=[function("a", strict=strict)]).body["tools"][0]["function"]["strict"] is strict
    )


@every_family
@pytest.mark.parametrize(
    "name",
    ["1st", "9", "_private", "-dash", "__", "a.b", "a b", "größe", "天气", "x" * 65, "$web_search"],
)
def test_a_name_that_kimi_refuses_is_renamed_and_restored(model: Model, name: str) -> None:
    """`function name is invalid, must start with a letter`:
    https://github.com/MoonshotAI/kimi-cli/issues/2531"""
    call = {"id": "a", "type": "function", "function": {"name": name, "arguments": "{}"}}
    talk = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [call], "reasoning_content": "hm"},
        {"role": "tool", "tool_call_id": "a", "name": name, "content": "ok"},
    ]
    translation = run(model, tools=[function(name)], messages=talk)
    sent = translation.body["tools"][0]["function"]["name"]
    assert LEGAL.match(sent)
    assert translation.restore.tool_names == {sent: name}
    assistant, result = translation.body["messages"][1:]
    assert assistant["tool_calls"][0]["function"]["name"] == sent
    assert result["name"] == sent
    assert "tools[].function.name" in params(translation)


def test_renamed_names_stay_apart() -> None:
    given = [
        "a.b",
        "a b",
        "a_b",
        "a_b_2",
        "1",
        "fn_1",
        "x" * 64,
        "x" * 65,
        "x" * 63 + "é",
        "_",
        "-",
    ]
    translation = run(tools=[function(name) for name in given])
    sent = [tool["function"]["name"] for tool in translation.body["tools"]]
    assert len(set(sent)) == len(given)
    assert all(LEGAL.match(name) for name in sent)
    back = [translation.restore.tool_names.get(name, name) for name in sent]
    assert back == given
    assert {"a_b", "a_b_2", "fn_1", "x" * 64} <= set(sent)  # legal ones stay as they are


@every_family
def test_functions_become_tools_and_the_reply_goes_back(model: Model) -> None:
    """https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi: functions are not
    supported; the API swallows them."""
    translation = run(model, functions=[{"name": "f", "parameters": SCHEMA}], function_call="auto")
    assert "functions" not in translation.body
    assert [tool["function"]["name"] for tool in translation.body["tools"]] == ["f"]
    assert translation.body["tool_choice"] == "auto"
    assert translation.restore.legacy_functions
    assert translation.restore.single_tool_call
    assert not translation.changes_of_meaning
    assert {"functions", "function_call", "functions[0].strict"} <= params(translation)


def test_functions_beside_tools_lose_nothing() -> None:
    translation = run(tools=[function("a")], functions=[{"name": "b"}])
    assert [tool["function"]["name"] for tool in translation.body["tools"]] == ["a", "b"]
    assert translation.restore.legacy_functions


def test_function_call_yields_to_tool_choice() -> None:
    translation = run(
        "kimi-k3", tools=[function("a")], tool_choice="required", function_call="none"
    )
    assert translation.body["tool_choice"] == "required"
    (item,) = [item for item in translation.adjustments if item.param == "function_call"]
    assert (item.sent, item.changes_meaning) == (None, True)


@every_family
@pytest.mark.parametrize("field", ["tools", "functions"])
def test_no_tools_are_no_tools(model: Model, field: str) -> None:
    translation = run(model, **{field: []}, tool_choice="auto")
    assert not translation.body.keys() & {"tools", "functions", "tool_choice"}


@every_family
def test_parallel_calls_are_held_back_here(model: Model) -> None:
    """Kimi has no `parallel_tool_calls`: https://platform.kimi.ai/docs/openapi.json"""
    translation = run(model, tools=[function("a")], parallel_tool_calls=False)
    assert translation.restore.single_tool_call
    assert params(translation) == {"parallel_tool_calls"}
    assert not run(model, tools=[function("a")], parallel_tool_calls=True).restore.single_tool_call


@every_family
@pytest.mark.parametrize("nested", [True, False])
def test_a_custom_tool_becomes_a_function_of_one_text(model: Model, nested: bool) -> None:
    grammar = {"syntax": "regex", "definition": r"^\d+$"}
    form = {"type": "grammar", **({"grammar": grammar} if nested else grammar)}
    custom = {"name": "1 run", "description": "Runs it", "format": form}
    translation = run(model, tools=[{"type": "custom", "custom": custom}])
    body = translation.body["tools"][0]["function"]
    assert list(body["parameters"]["properties"]) == ["input"]
    assert r"^\d+$" in body["parameters"]["properties"]["input"]["description"]
    assert translation.restore.custom_tools == {body["name"]}
    assert translation.restore.tool_names == {body["name"]: "1 run"}
    assert [item.param for item in translation.changes_of_meaning] == ["tools[0].custom.format"]


@every_family
def test_a_built_in_goes_through_alone(model: Model) -> None:
    """https://platform.kimi.ai/docs/guide/use-web-search"""
    translation = run(model, tools=[SEARCH, function("a")])
    assert translation.body["tools"] == [SEARCH, function("a")]
    assert translation.adjustments == ()


def test_a_built_in_declared_twice_is_sent_once_and_told() -> None:
    translation = run(tools=[SEARCH, SEARCH])
    assert translation.body["tools"] == [SEARCH]
    assert params(translation) == {"tools[1]"}


def test_keys_that_other_stacks_left_in_a_tool_are_told() -> None:
    tool = {**function("a", cache_control={"type": "ephemeral"}), "cache_control": {"a": 1}}
    translation = run(tools=[tool, {**SEARCH, "x": 1}])
    assert params(translation) == {"tools[0].function.cache_control", "tools[1].x"}
    assert "1 more place" in translation.adjustments[0].reason


@pytest.mark.parametrize("model", of_family(*K3), ids=lambda model: model.id)
def test_the_k3_family_loads_tools_inside_a_conversation(model: Model) -> None:
    """https://platform.kimi.ai/docs/guide/use-dynamic-tool-loading"""
    request = {"model": model.id, "messages": talk_with(function("a"))}
    translation = translate(request)
    assert translation.body == request
    assert translation.adjustments == ()


@pytest.mark.parametrize("model", of_family(*OTHERS), ids=lambda model: model.id)
def test_elsewhere_they_are_declared_for_all_of_it(model: Model) -> None:
    """`tokenization failed` on other models"""
    request = {"model": model.id, "messages": talk_with(function("a"), SEARCH), "tools": [SEARCH]}
    translation = translate(request)
    assert check_chat(translation.body) is None
    assert translation.body["tools"] == [SEARCH, function("a")]
    assert [message["role"] for message in translation.body["messages"]] == ["user", "user"]
    assert "messages[1].tools" in params(translation)


@pytest.mark.parametrize("model", of_family(*OTHERS), ids=lambda model: model.id)
def test_a_second_and_different_declaration_is_told(model: Model) -> None:
    other = function("a", description="changed")
    request = {"model": model.id, "messages": talk_with(other), "tools": [function("a")]}
    translation = translate(request)
    assert translation.body["tools"] == [function("a")]
    assert [item.param for item in translation.changes_of_meaning] == ["messages[1].tools[0]"]


@every_family
@pytest.mark.parametrize("role", ["system", "developer"])
def test_tools_beside_content_are_parted_from_it_and_renamed(model: Model, role: str) -> None:
    """`cannot be used with content`"""
    talk = talk_with(function("1st"), {"type": "custom", "custom": {"name": "c"}}, content="Mind.")
    talk[1]["role"] = role
    translation = translate({"model": model.id, "messages": talk})
    assert check_chat(translation.body) is None
    assert "Mind." in [message.get("content") for message in translation.body["messages"]]
    assert translation.restore.tool_names == {"fn_1st": "1st"}
    assert translation.restore.custom_tools == {"c"}
    assert "messages[1].tools" in params(translation)


@pytest.mark.parametrize("model", of_family(*K3), ids=lambda model: model.id)
def test_a_named_choice_silences_tools_inside_the_conversation(model: Model) -> None:
    talk = talk_with(function("later"), function("other"))
    named = {"type": "function", "function": {"name": "later"}}
    request = {"model": model.id, "messages": talk, "tools": [function("a")], "tool_choice": named}
    translation = translate(request)
    assert check_chat(translation.body) is None
    assert "tools" not in translation.body
    assert [tool["function"]["name"] for tool in translation.body["messages"][1]["tools"]] == [
        "later"
    ]
    assert silent(request, translation) == []


@every_family
@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": "x"}, "tools"),
        ({"tools": 5}, "tools"),
        ({"tools": {}}, "tools"),
        ({"tools": True}, "tools"),
        ({"tools": [5]}, "tools[0]"),
        ({"tools": [None]}, "tools[0]"),
        ({"tools": [{}]}, "tools[0].function"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "name": 5}]}, "tools[0].name"),
        ({"tools": [{"name": "a", "input_schema": ["a"]}]}, "tools[0].input_schema"),
        ({"tools": [{"name": "a", "inputSchema": ["a"]}]}, "tools[0].inputSchema"),
        ({"tools": [{"functionDeclarations": [5]}]}, "tools[0].functionDeclarations[0]"),
        ({"tools": {"a": {"parameters": {}}}}, "tools"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [function("")]}, "tools[0].function.name"),
        ({"tools": [function("a"), function(5)]}, "tools[1].function.name"),  # type: ignore[arg-type]
        ({"tools": [function("a", description=5)]}, "tools[0].function.description"),
        ({"tools": [function("a", strict="yes")]}, "tools[0].function.strict"),
        ({"tools": [function("a", parameters=["a"])]}, "tools[0].function.parameters"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0].type"),
        ({"tools": [{"type": "computer_use_preview"}]}, "tools[0].type"),
        ({"tools": [{"type": "magic"}]}, "tools[0].type"),
        ({"tools": [{"type": ["function"]}]}, "tools[0].type"),
        ({"tools": [{"type": "custom"}]}, "tools[0].custom"),
        ({"tools": [{"type": "custom", "custom": {"name": 1}}]}, "tools[0].custom.name"),
        (
            {"tools": [{"type": "custom", "custom": {"name": "a", "format": "g"}}]},
            "tools[0].custom.format",
        ),
        (
            {"tools": [{"type": "custom", "custom": {"name": "a", "format": {"type": "grammar"}}}]},
            "tools[0].custom.format",
        ),
        ({"tools": [{"type": "builtin_function"}]}, "tools[0].function"),
        (
            {"tools": [{"type": "builtin_function", "function": {"name": "web"}}]},
            "tools[0].function.name",
        ),
        ({"functions": {}}, "functions"),
        ({"functions": [5]}, "functions[0]"),
        ({"functions": [{"name": "a"}, {}]}, "functions[1].name"),
        ({"functions": [{"name": "a", "parameters": 5}]}, "functions[0].parameters"),
        ({"function_call": 5}, "function_call"),
        ({"function_call": "required"}, "function_call"),
        ({"function_call": {"name": 5}}, "function_call.name"),
        ({"functions": [{"name": "a"}], "function_call": {"name": "b"}}, "function_call"),
        ({"parallel_tool_calls": "yes"}, "parallel_tool_calls"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls"),
        ({"tools": 5, "messages": talk_with(function("a"))}, "tools"),
        ({"messages": talk_with(5)}, "messages[1].tools[0]"),  # type: ignore[arg-type]
        ({"messages": [{"role": "system", "tools": "x"}]}, "messages[0].tools"),
        ({"messages": talk_with(function("a", strict=1))}, "messages[1].tools[0].function.strict"),
    ],
)  # fmt: skip
def test_malformed_tools_are_errors_with_the_callers_path(
    model: Model, more: Json, param: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run(model, **more)
    assert caught.value.param == param
