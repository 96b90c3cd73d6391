"""Words of other stacks that real clients sent, with their siblings.

Every section begins with the request as it was met, and its source; the siblings are other
instances of the same kind.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.field_cases import (
    K3,
    K26,
    K31,
    THINKERS,
    USER,
    is_told,
    refused,
    run,
    schema_of,
    sent_schema,
    talk,
)

Json = dict[str, Any]


# -- thinking that is switched off in other words --------------------------------------------------
# mastra-ai/mastra#12592, SillyTavern/SillyTavern#5599, anomalyco/models.dev#3843

OFF: dict[str, Json] = {
    "as it was met": {"reasoning": {"enabled": False}},
    "enable_thinking": {"enable_thinking": False},
    "template": {"chat_template_kwargs": {"thinking": False}},
    "template of Qwen": {"chat_template_kwargs": {"enable_thinking": False}},
    "reasoning.effort": {"reasoning": {"effort": "none"}},
    "no tokens": {"reasoning": {"max_tokens": 0}},
    "thinking.effort": {"thinking": {"effort": "none"}},
}
ON: dict[str, Json] = {
    "reasoning": {"reasoning": {"enabled": True}},
    "a budget": {"reasoning": {"max_tokens": 2000}},
    "enable_thinking": {"enable_thinking": True},
    "template": {"chat_template_kwargs": {"thinking": True}},
    "thinking.effort": {"thinking": {"type": "enabled", "effort": "high"}},
}


@pytest.mark.parametrize("words", OFF.values(), ids=[*OFF])
def test_thinking_is_switched_off_in_every_word(words: Json) -> None:
    translation = run({"model": K26, "messages": [USER], **words})
    assert translation.body["thinking"] == {"type": "disabled"}
    assert translation.thinking is False
    assert is_told(translation, *words, "thinking")
    for model in (K31, K3):
        translation = run({"model": model, "messages": [USER], **words})
        assert translation.body.get("reasoning_effort") == "low"
        assert translation.changes_of_meaning


@pytest.mark.parametrize("words", ON.values(), ids=[*ON])
@pytest.mark.parametrize("model", THINKERS)
def test_thinking_stays_on_in_every_word(words: Json, model: str) -> None:
    assert run({"model": model, "messages": [USER], **words}).thinking is True


@pytest.mark.parametrize("effort", ["low", "high", "max"])
@pytest.mark.parametrize("form", ["reasoning", "thinking"])
def test_an_effort_reaches_k3_in_every_word(effort: str, form: str) -> None:
    translation = run({"model": K3, "messages": [USER], form: {"effort": effort}})
    assert translation.body["reasoning_effort"] == effort


# -- tools in other APIs' forms --------------------------------------------------------------------

PARAMETERS = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
FLAT: dict[str, Json] = {
    "as it was met": {"type": "function", "name": "f", "parameters": PARAMETERS},
    "Anthropic": {"name": "f", "input_schema": PARAMETERS},
    "MCP": {"name": "f", "inputSchema": PARAMETERS},
    "bare": {"name": "f", "parameters": PARAMETERS},
    "type null": {"type": None, "function": {"name": "f", "parameters": PARAMETERS}},
}


@pytest.mark.parametrize("tool", FLAT.values(), ids=[*FLAT])
def test_tools_of_other_apis_are_taken(tool: Json) -> None:
    request = {"model": K31, "messages": [USER], "tools": [tool]}
    assert sent_schema(request)[0] == sent_schema(schema_of(PARAMETERS))[0]


def test_items_of_the_responses_api_are_taken() -> None:
    items = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "18"},
    ]
    body = run(talk(USER, *items)).body
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "reasoning_content": "hm",
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": "18"},
    ]


@pytest.mark.parametrize(
    ("item", "named"),
    [
        ({"type": "item_reference", "id": "msg_1"}, "item_reference"),
        ({"type": "web_search_call", "id": "ws_1", "status": "completed"}, "web_search_call"),
        ({"type": "computer_call", "call_id": "c"}, "computer_call"),
    ],
)
def test_other_items_are_named(item: Json, named: str) -> None:
    error = refused(talk(USER, item))
    assert named in error.message
    assert error.param is not None
    assert error.param.startswith("messages[1]")
