"""Tools in the forms of other stacks."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi import InvalidRequestError, StrictError, Translation, translate
from llm_kimi.catalog import Model
from llm_kimi.simulator.rules.chat import check_chat, ignored
from tests.support.families import every_family, of_family
from tests.support.tool_requests import (
    BASE,
    K3,
    OTHERS,
    SCHEMA,
    Json,
    function,
    params,
    talk_with,
)


def forms(*tools: Any, model: str = "kimi-k3.1-pro", **more: Any) -> Translation:
    """As `run`, for declarations that are none of OpenAI's."""
    talk = [{"role": "user", "content": "Hi"}]
    translation = translate({"model": model, "messages": talk, "tools": list(tools), **more})
    assert check_chat(translation.body) is None
    assert ignored(translation.body) == []
    again = translate(translation.body)
    assert (again.body, again.adjustments) == (translation.body, ())
    return translation


FLAT = {"name": "get_weather", "description": "Weather"}


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "function", **FLAT, "parameters": SCHEMA},  # the Responses API
        {**FLAT, "parameters": SCHEMA},  # a bare function
        {**FLAT, "input_schema": SCHEMA},  # Anthropic
        {"type": "custom", **FLAT, "input_schema": SCHEMA},
        {**FLAT, "inputSchema": SCHEMA},  # MCP
        {"type": None, "function": {**FLAT, "parameters": SCHEMA}},
        {"function": {**FLAT, "parameters": SCHEMA}},
        {"type": "function", "function": {**FLAT, "input_schema": SCHEMA}},
        {"toolSpec": {**FLAT, "inputSchema": {"json": SCHEMA}}},  # Bedrock
        {"functionDeclarations": [{**FLAT, "parameters": SCHEMA}]},  # Gemini
        {"function_declarations": [{**FLAT, "parametersJsonSchema": SCHEMA}]},
    ],
    ids=lambda tool: str(list(tool)),
)
def test_every_form_of_a_function_is_taken_and_told(tool: Json) -> None:
    translation = forms(tool)
    assert translation.body["tools"] == [function("get_weather", description="Weather")]
    assert not translation.changes_of_meaning
    assert any(item.param.startswith("tools[0]") for item in translation.adjustments)


@pytest.mark.parametrize("strict", [True, False])
def test_strictness_is_read_where_it_stands(strict: bool) -> None:
    flat = {"type": "function", **FLAT, "parameters": SCHEMA, "strict": strict}
    outside = {"type": "function", "function": {**FLAT, "parameters": SCHEMA}, "strict": strict}
    for tool in (flat, outside):
        assert forms(tool).body["tools"][0]["function"]["strict"] is strict


def test_a_flat_custom_tool_is_given_back_as_one() -> None:
    translation = forms({"type": "custom", "name": "run", "description": "Runs it"})
    assert translation.restore.custom_tools == {"run"}


def test_keys_of_mcp_and_anthropic_are_told_as_harmless() -> None:
    tool = {
        **FLAT,
        "inputSchema": SCHEMA,
        "title": "Weather",
        "annotations": {"readOnlyHint": True},
        "outputSchema": SCHEMA,
        "cache_control": {"type": "ephemeral"},
        "defer_loading": True,
    }
    translation = forms(tool)
    assert not translation.changes_of_meaning
    assert {f"tools[0].{key}" for key in ("title", "annotations", "outputSchema")} <= params(
        translation
    )


def test_one_tool_in_place_of_a_list() -> None:
    request = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "Hi"}]}
    translation = translate({**request, "tools": function("a")})
    assert translation.body["tools"] == [function("a")]
    assert params(translation) == {"tools"}


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "file_search", "vector_store_ids": ["v"]},
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "image_generation"},
        {"type": "mcp", "server_label": "x", "server_url": "https://example.com"},
        {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
    ],
    ids=str,
)
def test_a_tool_of_another_makers_servers_is_left_out_as_a_change_of_meaning(tool: Json) -> None:
    translation = forms(function("a"), tool)
    assert translation.body["tools"] == [function("a")]
    assert [item.param for item in translation.changes_of_meaning] == ["tools[1]"]
    alone = forms(tool, tool_choice="required")
    assert not alone.body.keys() & {"tools", "tool_choice"}
    assert [item.param for item in alone.changes_of_meaning] == ["tools[0]", "tool_choice"]


@pytest.mark.parametrize(
    ("tool", "name", "settings"),
    [
        ({"type": "web_search"}, "web-search", []),
        ({"type": "web_search_preview"}, "web-search", []),
        ({"type": "web_search_preview_2025_03_11"}, "web-search", []),
        (
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 5},
            "web-search",
            ["tools[1].max_uses"],
        ),
        (
            {"type": "web_search", "user_location": {"city": "Paris"}, "search_context_size": None},
            "web-search",
            ["tools[1].user_location"],
        ),
        ({"googleSearch": {}}, "web-search", []),
        ({"type": "web_fetch_20250910", "name": "web_fetch"}, "fetch", []),
    ],
    ids=str,
)
def test_a_search_of_another_maker_is_moonshots_own(
    tool: Json, name: str, settings: list[str]
) -> None:
    """The Formula tools are what Moonshot recommends for a search
    (https://forum.moonshot.ai/t/552); ``translate`` names them, the exchange declares them."""
    translation = forms(function("a"), tool)
    assert translation.body["tools"] == [function("a")]
    assert translation.official == (name,)
    told = [item.param for item in translation.changes_of_meaning]
    assert told == ["tools[1]", *settings]
    assert translation.adjustments[0].sent == f"moonshot/{name}:latest"
    with pytest.raises(StrictError):
        translate({**BASE, "tools": [tool]}, strict=True)


@pytest.mark.parametrize(
    ("name", "official"),
    [
        ("web-search", "web-search"),
        ("web_search", "web-search"),
        ("moonshot/code-runner:latest", "code-runner"),
        ("quickjs", "quickjs"),
        ("something-new", "something-new"),
    ],
)
def test_an_official_tool_by_its_own_name(name: str, official: str) -> None:
    translation = translate(
        {**BASE, "tools": [{"type": "formula", "name": name}, {"type": "formula", "name": name}]},
        strict=True,
    )
    assert translation.official == (official,)
    assert "tools" not in translation.body
    assert translation.adjustments == ()


@pytest.mark.parametrize("name", [None, "", 5, "a b", "../x", "moonshot/a/b"])
def test_an_official_tool_needs_a_name(name: object) -> None:
    with pytest.raises(InvalidRequestError, match="must name an official tool"):
        translate({**BASE, "tools": [{"type": "formula", "name": name}]})


def test_a_demand_for_an_official_tool_goes_with_its_declaration() -> None:
    tools = [{"type": "web_search"}]
    for model, required in (("kimi-k3.1-pro", True), ("kimi-k2.6", False)):
        request = {**BASE, "model": model, "tools": tools, "tool_choice": tools[0]}
        translation = translate(request)
        assert "tool_choice" not in translation.body
        assert translation.official_required is required
        assert (translation.forced is not None) is not required


@every_family
def test_the_same_tool_twice_is_sent_once(model: Model) -> None:
    """`function name get_weather is duplicated`:
    https://platform.kimi.ai/docs/guide/use-official-tools"""
    flat = {"type": "function", **FLAT, "parameters": SCHEMA, "strict": False}
    nested = function("get_weather", description="Weather")
    translation = forms(nested, nested, flat, model=model.id)
    assert translation.body["tools"] == [nested]
    assert not translation.changes_of_meaning
    assert {"tools[1]", "tools[2]"} <= params(translation)


@every_family
@pytest.mark.parametrize("name", ["get_weather", "1 weather"])
def test_of_two_tools_of_one_name_the_first_counts(model: Model, name: str) -> None:
    translation = forms(function(name), function(name, description="other"), model=model.id)
    assert len(translation.body["tools"]) == 1
    assert "description" not in translation.body["tools"][0]["function"]
    assert [item.param for item in translation.changes_of_meaning] == ["tools[1]"]
    old = forms(function(name), functions=[{"name": name}], model=model.id)
    assert len(old.body["tools"]) == 1
    assert [item.param for item in old.changes_of_meaning] == ["functions[0]"]


@pytest.mark.parametrize("model", of_family(*K3), ids=lambda model: model.id)
def test_a_tool_of_the_conversation_may_repeat_one_of_the_request(model: Model) -> None:
    talk = talk_with(function("a"), {"name": "b", "input_schema": SCHEMA})
    translation = forms(function("a"), messages=talk, model=model.id)
    (declared,) = [message for message in translation.body["messages"] if "tools" in message]
    assert [tool["function"]["name"] for tool in declared["tools"]] == ["b"]
    assert not translation.changes_of_meaning
    only = forms(function("a"), messages=talk_with(function("a")), model=model.id)
    assert [message["role"] for message in only.body["messages"]] == ["user", "user"]


@pytest.mark.parametrize("model", of_family(*OTHERS), ids=lambda model: model.id)
def test_foreign_forms_inside_a_conversation_are_hoisted(model: Model) -> None:
    talk = talk_with({"name": "b", "input_schema": SCHEMA}, {"functionDeclarations": [FLAT]})
    translation = forms(function("a"), messages=talk, model=model.id)
    names = [tool["function"]["name"] for tool in translation.body["tools"]]
    assert names == ["a", "b", "get_weather"]
