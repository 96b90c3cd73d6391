"""Calls through LiteLLM with tools, functions, and several choices."""

from __future__ import annotations

import json
from typing import Any

import litellm
import pytest

from llm_kimi.simulator import Simulator
from tests.support.litellm_calls import CALL, WEATHER, Ask, sent
from tests.support.litellm_calls import ask as ask


def test_tools(kimi: Simulator, ask: Ask, way: str) -> None:
    result = ask(way, CALL, tools=[WEATHER])
    (call,) = result.message.tool_calls
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    assert call.id
    assert result.response.choices[0].finish_reason == "tool_calls"


def test_adjustments_are_on_the_message_of_a_whole_answer(kimi: Simulator, ask: Ask) -> None:
    for way in ("call", "acall"):
        result = ask(way, temperature=0.2)
        fields = result.message.provider_specific_fields
        assert fields["kimi_adjustments"] == result.adjustments
        assert [one["param"] for one in result.adjustments] == ["temperature"]
        # The message comes back with the next question, and nothing is said of that.
        again = [{"role": "user", "content": "a"}, result.message.model_dump()]
        assert ask(way, messages=[*again, {"role": "user", "content": "b"}]).adjustments == []
    assert not (ask("call").message.provider_specific_fields or {}).get("kimi_adjustments")


def test_a_chunk_of_a_stream_has_one_fragment_of_a_call(kimi: Simulator, way: str) -> None:
    """Some callers look at ``tool_calls[0]`` alone, instructor's partial streaming for one."""
    from tests.support.litellm_asking import ask as call

    if "stream" not in way:
        pytest.skip("no stream")
    result = call(way, f"{CALL} {CALL}", tools=[WEATHER])
    arguments: dict[int, str] = {}
    for chunk in result.chunks:
        fragments = chunk.choices[0].delta.tool_calls or []
        assert len(fragments) <= 1
        for one in fragments:
            if one.index not in arguments:
                assert one.function.name == "get_weather"
                assert one.function.arguments
            arguments[one.index] = arguments.get(one.index, "") + one.function.arguments
    assert [json.loads(text) for text in arguments.values()] == [{"city": "Paris"}] * 2


def test_several_calls_of_one_chunk_are_parted() -> None:
    from llm_kimi.exchange import Chunks
    from llm_kimi.integrations.litellm.stream import Fold

    calls = [
        {
            "index": n,
            "id": f"c{n}",
            "type": "function",
            "function": {"name": "f", "arguments": "{}"},
        }
        for n in range(3)
    ]
    delta = {"role": "assistant", "content": "Look", "tool_calls": calls}
    chunk = {"id": "1", "choices": [{"index": 0, "delta": delta, "finish_reason": "tool_calls"}]}
    fold = Fold()
    wrapped = [*fold.feed(Chunks([chunk])), fold.end(None)]
    deltas = [one["original_chunk"].choices[0].delta for one in wrapped]
    assert [[call.id for call in delta.tool_calls or ()] for delta in deltas] == [
        ["c0"],
        ["c1"],
        ["c2"],
        [],
    ]
    assert [delta.content for delta in deltas[:2]] == ["Look", None]
    assert wrapped[-1]["finish_reason"] == "tool_calls"


def test_a_tool_turn_that_goes_back(kimi: Simulator, ask: Ask, way: str) -> None:
    first = ask(way, CALL, tools=[WEATHER])
    (call,) = first.message.tool_calls
    history = [
        {"role": "user", "content": CALL},
        first.message,
        {"role": "tool", "tool_call_id": call.id, "content": "Sunny"},
    ]
    if way == "call":
        history[1] = first.message.model_dump()
    result = ask(way, messages=history, tools=[WEATHER])
    assert "Sunny" in result.text
    back = sent(kimi)["messages"][1]
    assert back["reasoning_content"] == first.message.reasoning_content
    assert not {"provider_specific_fields", "function_call", "images"} & back.keys()


@pytest.mark.parametrize(
    ("model", "choice", "thinking"),
    [
        ("kimi-k3", "required", None),
        ("kimi-k3", {"type": "function", "function": {"name": "get_weather"}}, None),
        ("kimi-k2.6", "required", {"type": "disabled"}),
        ("kimi-k2.6", "required", None),
        ("kimi-k2.6", {"type": "function", "function": {"name": "get_weather"}}, None),
    ],
)
def test_tool_choice(
    kimi: Simulator, ask: Ask, way: str, model: str, choice: Any, thinking: Any
) -> None:
    more = {"thinking": thinking} if thinking else {}
    result = ask(
        way, "How is it?", model=f"kimi/{model}", tools=[WEATHER], tool_choice=choice, **more
    )
    assert [call.function.name for call in result.message.tool_calls] == ["get_weather"]
    asked_twice = model == "kimi-k2.6" and thinking is None
    assert len(kimi.requests) == (2 if asked_twice else 1)
    sent(kimi)


def test_tool_choice_fallback(kimi: Simulator, ask: Ask, way: str) -> None:
    result = ask(
        way,
        tools=[WEATHER],
        tool_choice="required",
        tool_choice_fallback="disable_thinking",
    )
    assert result.message.tool_calls
    assert sent(kimi)["thinking"] == {"type": "disabled"}
    assert sent(kimi)["tool_choice"] == "required"
    with pytest.raises(litellm.BadRequestError, match="tool_choice"):
        ask(way, tools=[WEATHER], tool_choice="required", tool_choice_fallback="error")
    with pytest.raises(litellm.BadRequestError, match="tool_choice_fallback: must be one of"):
        ask(way, tools=[WEATHER], tool_choice="required", tool_choice_fallback="x")
    assert len(kimi.requests) == 1


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"enable_thinking": False}, {"thinking": {"type": "disabled"}}),
        ({"reasoning": {"enabled": False}}, {"thinking": {"type": "disabled"}}),
        ({"chat_template_kwargs": {"thinking": False}}, {"thinking": {"type": "disabled"}}),
        ({"extra_body": {"enable_thinking": False}}, {"thinking": {"type": "disabled"}}),
        ({"guided_json": {"type": "object"}}, {"response_format": {"type": "json_schema"}}),
        ({"max_output_tokens": 50}, {"max_completion_tokens": 50}),
        ({"system": "Be brief."}, {"messages": [{"role": "system", "content": "Be brief."}]}),
        ({"prompt_cache_options": {"ttl": "1h"}}, {}),
    ],
    ids=str,
)
def test_words_of_other_stacks(
    kimi: Simulator, ask: Ask, way: str, given: Any, wanted: Any
) -> None:
    result = ask(way, "hi", **given)
    body = sent(kimi)
    for field, value in wanted.items():
        if isinstance(value, dict):
            assert {key: body[field][key] for key in value} == value
        elif isinstance(value, list):
            assert body[field][: len(value)] == value
        else:
            assert body[field] == value
    (field,) = given
    place = "enable_thinking" if field == "extra_body" else field
    assert place in {item["param"].partition(".")[0] for item in result.adjustments}


def test_functions_get_function_call_replies(kimi: Simulator, ask: Ask, way: str) -> None:
    result = ask(way, CALL, functions=[WEATHER["function"]], function_call="auto")
    assert sent(kimi)["tools"][0]["function"]["name"] == "get_weather"
    assert result.message.function_call.name == "get_weather"
    assert json.loads(result.message.function_call.arguments) == {"city": "Paris"}
    assert not result.message.tool_calls
    assert result.response.choices[0].finish_reason == "function_call"
    history = [
        {"role": "user", "content": CALL},
        {
            "role": "assistant",
            "content": None,
            "function_call": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
        },
        {"role": "function", "name": "get_weather", "content": "Sunny"},
    ]
    assert "Sunny" in ask(way, messages=history, functions=[WEATHER["function"]]).text


def test_several_choices(kimi: Simulator, ask: Ask, way: str) -> None:
    result = ask(way, "{{say: word}}", n=3)
    assert len(kimi.requests) == 3
    usage = sum(record["usage"]["completion_tokens"] for record in kimi.requests)
    if result.chunks:
        texts: dict[int, str] = {}
        for chunk in result.chunks:
            for choice in chunk.choices:
                texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
        assert texts == {0: "word", 1: "word", 2: "word"}
    else:
        assert [choice.index for choice in result.response.choices] == [0, 1, 2]
        assert {choice.message.content for choice in result.response.choices} == {"word"}
    assert result.response.usage.completion_tokens == usage
    assert [item["param"] for item in result.adjustments] == ["n"]
