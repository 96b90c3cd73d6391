"""tool_choice, form by form, model by model.

The matrix: https://platform.kimi.ai/docs/guide/use-tool-choice,
https://github.com/UKGovernmentBEIS/inspect_ai/pull/5152 (`tool_choice 'required' is incompatible
with thinking enabled`), https://github.com/can1357/oh-my-pi/pull/1078 (with thinking off).
"""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi import InvalidRequestError, Translation, translate
from llm_kimi.catalog import MODELS, Model
from llm_kimi.simulator.rules.chat import check_chat
from llm_kimi.translation import FALLBACKS, Forced
from tests.support.families import every_family
from tests.support.weakening import silent

Json = dict[str, Any]
both_modes = pytest.mark.parametrize("thinking", [True, False])


def tool(name: str) -> Json:
    parameters = {"type": "object", "properties": {"x": {"type": "integer"}}}
    return {
        "type": "function",
        "function": {"name": name, "parameters": parameters, "strict": False},
    }


TOOLS = [tool("one"), tool("2nd"), tool("three")]
NAMED = {"type": "function", "function": {"name": "2nd"}}
SENT = {"type": "function", "function": {"name": "fn_2nd"}}


def allowed(mode: str, *names: str) -> Json:
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


def run(
    model: Model,
    thinking: bool = True,
    fallback: Any = "nudge",
    *,
    foreign: bool = False,
    **more: Any,
) -> Translation:
    """``foreign``: written in a form that is not OpenAI's, which the checker does not read."""
    request = {
        "model": model.id,
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": TOOLS,
        **({} if thinking else {"thinking": {"type": "disabled"}}),
        **more,
    }
    translation = translate(request, tool_choice_fallback=fallback)
    assert check_chat(translation.body) is None
    assert foreign or silent(request, translation) == []
    again = translate(translation.body, tool_choice_fallback=fallback)
    assert (again.body, again.adjustments, again.forced) == (translation.body, (), None)
    return translation


def names(translation: Translation) -> list[str]:
    return [item["function"]["name"] for item in translation.body["tools"]]


def told(translation: Translation) -> list[Any]:
    return [item for item in translation.adjustments if item.param.startswith("tool_choice")]


@every_family
@both_modes
@pytest.mark.parametrize("choice", ["auto", "none"])
def test_auto_and_none_are_native_everywhere(model: Model, thinking: bool, choice: str) -> None:
    translation = run(model, thinking, tool_choice=choice)
    assert translation.body["tool_choice"] == choice
    assert told(translation) == []


@every_family
@both_modes
@pytest.mark.parametrize(
    "choice",
    ["required", "any", "Required", {"type": "any"}, {"type": "required"}, {"any": {}}],
    ids=str,
)
def test_required_is_native_or_nudged(model: Model, thinking: bool, choice: Any) -> None:
    translation = run(model, thinking, foreign=choice != "required", tool_choice=choice)
    if "required" in model.tool_choice(translation.thinking):
        assert translation.body["tool_choice"] == "required"
        assert translation.forced is None
        assert [item.changes_meaning for item in told(translation)] == [False] * (
            choice != "required"
        )
    else:
        assert "tool_choice" not in translation.body
        assert translation.forced == Forced(None)
        assert [item.changes_meaning for item in told(translation)] == [True]
    assert len(names(translation)) == 3


@every_family
@both_modes
@pytest.mark.parametrize(
    "choice",
    [
        NAMED,
        {"type": "tool", "name": "2nd"},  # Anthropic
        {"type": "function", "name": "2nd"},  # the Responses API
        {"tool": {"name": "2nd"}},  # Bedrock
        {"type": "tool", "toolName": "2nd"},  # the AI SDK
        {"function": {"name": "2nd"}},
        "2nd",
    ],
    ids=str,
)
def test_a_named_tool_is_named_or_alone(model: Model, thinking: bool, choice: Any) -> None:
    translation = run(model, thinking, foreign=choice != NAMED, tool_choice=choice)
    forms = model.tool_choice(translation.thinking)
    if "named" in forms:
        assert translation.body["tool_choice"] == SENT
        assert len(names(translation)) == 3
        assert translation.forced is None
        return
    assert names(translation) == ["fn_2nd"]
    if "required" in forms:
        assert translation.body["tool_choice"] == "required"
        assert [item.changes_meaning for item in told(translation)] == [False]
    else:
        assert translation.forced == Forced("fn_2nd")
        assert [item.changes_meaning for item in told(translation)] == [True]


@every_family
@both_modes
@pytest.mark.parametrize("mode", ["auto", "required"])
def test_allowed_tools_are_all_that_is_sent(model: Model, thinking: bool, mode: str) -> None:
    """https://platform.openai.com/docs/guides/function-calling: a subset, and a mode."""
    translation = run(model, thinking, tool_choice=allowed(mode, "three", "2nd"))
    assert names(translation) == ["fn_2nd", "three"]
    params = [item.param for item in told(translation)]
    assert params == ["tool_choice.allowed_tools.tools", "tool_choice"]
    native = mode == "auto" or "required" in model.tool_choice(translation.thinking)
    assert (translation.forced is None) == native
    assert translation.body.get("tool_choice") == (mode if native else None)
    assert bool(translation.forced) == any(item.changes_meaning for item in told(translation))


@every_family
@pytest.mark.parametrize("choice", ["required", NAMED, allowed("required", "2nd")], ids=str)
def test_disable_thinking_helps_where_thinking_can_be_switched_off(
    model: Model, choice: Any
) -> None:
    translation = run(model, fallback="disable_thinking", tool_choice=choice)
    if model.thinking.mode == "switchable":
        assert translation.body["thinking"] == {"type": "disabled"}
        assert not translation.thinking
        assert translation.forced is None
        assert translation.body["tool_choice"] in ("required", SENT)
        assert "thinking" in {item.param for item in translation.changes_of_meaning}
    else:
        assert translation == run(model, tool_choice=choice)


@pytest.mark.parametrize("name", ["kimi-k2.6", "kimi-k2.5"])
def test_thinking_switched_off_for_a_call_brings_the_other_pins(name: str) -> None:
    (model,) = [model for model in MODELS if model.id == name]
    more = {"thinking": {"type": "enabled"}, "temperature": 1, "tool_choice": "required"}
    translation = run(model, fallback="disable_thinking", **more)
    (pin,) = [item for item in translation.adjustments if item.param == "temperature"]
    assert pin.sent == 0.6


@every_family
@both_modes
@pytest.mark.parametrize("choice", ["required", NAMED], ids=str)
def test_error_is_an_error_only_where_nothing_native_will_do(
    model: Model, thinking: bool, choice: Any
) -> None:
    on = run(model, thinking).thinking
    if "required" in model.tool_choice(on):
        assert run(model, thinking, fallback="error", tool_choice=choice).forced is None
        return
    with pytest.raises(InvalidRequestError) as caught:
        run(model, thinking, fallback="error", tool_choice=choice)
    assert caught.value.param == "tool_choice"
    assert "nudge" in caught.value.message


@every_family
@pytest.mark.parametrize("fallback", FALLBACKS)
@pytest.mark.parametrize("choice", ["auto", "none", "required", NAMED], ids=str)
def test_without_tools_there_is_nothing_to_choose(model: Model, fallback: Any, choice: Any) -> None:
    request = {"model": model.id, "messages": [{"role": "user", "content": "Hi"}]}
    translation = translate({**request, "tool_choice": choice}, tool_choice_fallback=fallback)
    assert translation.body == request
    (item,) = translation.adjustments
    assert item.changes_meaning == (choice not in ("auto", "none"))


@every_family
@both_modes
def test_a_built_in_counts_among_the_tools(model: Model, thinking: bool) -> None:
    search = {"type": "builtin_function", "function": {"name": "$web_search"}}
    named = run(model, thinking, tools=[search, *TOOLS], tool_choice=NAMED)
    assert ("$web_search" in names(named)) == ("named" in model.tool_choice(named.thinking))
    request = {
        "model": model.id,
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [search, *TOOLS],
        "tool_choice": {"type": "builtin_function", "function": {"name": "$web_search"}},
    }
    translation = translate(request)
    assert check_chat(translation.body) is None
    assert names(translation) == ["$web_search"]


@every_family
def test_function_call_by_name_is_a_named_choice(model: Model) -> None:
    translation = run(
        model, tools=None, functions=[{"name": "2nd"}, {"name": "b"}], function_call={"name": "2nd"}
    )
    assert names(translation) == ["fn_2nd"]
    last = [item for item in translation.adjustments if item.param == "function_call"][-1]
    assert last.changes_meaning == (translation.forced is not None)


@every_family
@pytest.mark.parametrize("kind", ["auto", "any", "tool"])
@pytest.mark.parametrize("alone", [True, False])
def test_anthropics_word_for_one_call_at_a_time(model: Model, kind: str, alone: bool) -> None:
    choice = {"type": kind, "name": "2nd", "disable_parallel_tool_use": alone}
    request = {
        "model": model.id,
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": TOOLS,
        "tool_choice": choice,
    }
    translation = translate(request)
    assert translation.restore.single_tool_call == alone
    (item,) = [item for item in translation.adjustments if "disable_parallel" in item.param]
    assert not item.changes_meaning


def test_an_allowed_tool_of_another_makers_servers_is_told() -> None:
    choice = {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "web_search"}, {"type": "function", "name": "three"}, "one"],
    }
    request = {
        "model": "kimi-k3",
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": TOOLS,
        "tool_choice": choice,
    }
    translation = translate(request)
    assert names(translation) == ["one", "three"]
    assert [item.param for item in translation.changes_of_meaning] == [
        "tool_choice.allowed_tools.tools[0]"
    ]


@every_family
@pytest.mark.parametrize(
    ("choice", "param"),
    [
        ("maybe", "tool_choice"),
        ("", "tool_choice"),
        (5, "tool_choice"),
        (True, "tool_choice"),
        (["auto"], "tool_choice"),
        ({}, "tool_choice.function.name"),
        ({"type": "function"}, "tool_choice.function.name"),
        ({"type": "function", "function": {"name": 5}}, "tool_choice.function.name"),
        ({"type": "custom", "custom": {}}, "tool_choice.custom.name"),
        ({"type": "magic", "name": "one"}, "tool_choice.type"),
        ({"type": ["function"]}, "tool_choice.type"),
        ({"type": "function", "function": {"name": "nope"}}, "tool_choice"),
        ({"type": "tool", "name": "nope"}, "tool_choice"),
        ("nope", "tool_choice"),
        ({"type": "web_search_preview"}, "tool_choice.type"),
        (
            {"type": "auto", "disable_parallel_tool_use": "yes"},
            "tool_choice.disable_parallel_tool_use",
        ),
        ({"type": "allowed_tools", "allowed_tools": 5}, "tool_choice.allowed_tools"),
        (allowed("sometimes", "one"), "tool_choice.allowed_tools.mode"),
        (allowed("auto"), "tool_choice.allowed_tools.tools"),
        (allowed("auto", "nope"), "tool_choice.allowed_tools.tools"),
        (
            {"type": "allowed_tools", "allowed_tools": {"tools": [5]}},
            "tool_choice.allowed_tools.tools[0]",
        ),
    ],
    ids=str,
)
def test_malformed_choices_are_errors(model: Model, choice: Any, param: str) -> None:
    for fallback in FALLBACKS:
        with pytest.raises(InvalidRequestError) as caught:
            run(model, fallback=fallback, tool_choice=choice)
        assert caught.value.param == param
