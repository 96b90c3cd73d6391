"""Calls through LiteLLM: parameters, what is told of them, messages, keys, bad input."""

from __future__ import annotations

import copy
import json
import logging
from importlib.metadata import version
from typing import Any

import litellm
import pytest
from pydantic import BaseModel

from llm_kimi.simulator import Simulator
from tests.support.litellm_calls import CALL, WEATHER, Ask, sent
from tests.support.litellm_calls import ask as ask
from tests.support.real_files import data_url, png


def test_a_plain_answer(kimi: Simulator, ask: Ask, way: str) -> None:
    result = ask(way, "{{reason: I think.}} {{say: Hello there, friend.}}")
    assert result.text == "Hello there, friend."
    assert result.message.reasoning_content == "I think."
    assert result.message.role == "assistant"
    assert result.response.choices[0].finish_reason == "stop"
    assert result.response.id == f"chatcmpl-{kimi.requests[0]['trace_id']}"
    assert result.response.model.endswith("kimi-k2.6")
    assert len(kimi.requests) == 1
    assert sent(kimi)["model"] == "kimi-k2.6"
    assert kimi.requests[0]["stream"] is ("stream" in way)


@pytest.mark.parametrize(
    ("given", "body"),
    [
        ({"thinking": {"type": "disabled"}}, {"thinking": {"type": "disabled"}}),
        (
            {"thinking": {"type": "enabled", "keep": "all"}},
            {"thinking": {"type": "enabled", "keep": "all"}},
        ),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"model": "kimi/kimi-k3", "reasoning_effort": "medium"}, {"reasoning_effort": "high"}),
        ({"model": "kimi/kimi-k3", "reasoning_effort": "low"}, {"reasoning_effort": "low"}),
        ({"max_tokens": 77}, {"max_completion_tokens": 77}),
        ({"max_completion_tokens": 78}, {"max_completion_tokens": 78}),
        ({"prompt_cache_key": "a"}, {"prompt_cache_key": "a"}),
        ({"safety_identifier": "b"}, {"safety_identifier": "b"}),
        ({"stop": ["x"]}, {"stop": ["x"]}),
        ({"extra_body": {"prompt_cache_key": "c"}}, {"prompt_cache_key": "c"}),
        (
            {"extra_body": {"thinking": {"type": "disabled"}}},
            {"thinking": {"type": "disabled"}},
        ),
        ({"temperature": 1.0, "top_p": 0.95}, {}),
        (
            {"response_format": {"type": "json_object"}},
            {"response_format": {"type": "json_object"}},
        ),
        (
            {"model": "kimi/moonshot-v1-8k", "temperature": 0.2, "presence_penalty": 1.0},
            {"temperature": 0.2, "presence_penalty": 1.0},
        ),
    ],
)
@pytest.mark.parametrize("short_way", ["call", "astream"])
def test_parameters_arrive(
    kimi: Simulator, ask: Ask, short_way: str, given: dict[str, Any], body: dict[str, Any]
) -> None:
    from llm_kimi.catalog import live_models

    model = given.get("model", "kimi/kimi-k2.6").partition("/")[2]
    if model not in {row.id for row in live_models()}:
        pytest.skip(f"{model} is not served any more")
    ask(short_way, "{{json: {}}}", **given)
    got = sent(kimi)
    for key in ("model", "messages", "stream", "stream_options"):
        got.pop(key, None)
    assert got == body


@pytest.mark.parametrize("name", ["seed", "logit_bias", "service_tier", "store", "verbosity"])
def test_what_kimi_has_not_is_left_out_and_told(kimi: Simulator, ask: Ask, name: str) -> None:
    value = {
        "seed": 3,
        "logit_bias": {"1": 5},
        "service_tier": "flex",
        "store": True,
        "verbosity": "low",
    }[name]
    if name == "verbosity" and version("litellm").startswith("1.83."):
        pytest.skip("LiteLLM 1.83 hands it to no provider")
    result = ask("call", **{name: value})
    assert name not in sent(kimi)
    assert [item["param"] for item in result.adjustments] == [name]


def test_user_by_kimis_name(kimi: Simulator, ask: Ask, way: str) -> None:
    ask(way, user="u-1")
    assert sent(kimi)["safety_identifier"] == "u-1"
    assert "user" not in sent(kimi)


def test_pinned_sampling_is_left_out_with_one_line_of_log_each(
    kimi: Simulator, ask: Ask, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "llm_kimi"):
        result = ask(way, temperature=0.3, top_p=0.5, presence_penalty=0.7)
    body = sent(kimi)
    assert not {"temperature", "top_p", "presence_penalty"} & body.keys()
    assert [item["param"] for item in result.adjustments] == [
        "temperature",
        "top_p",
        "presence_penalty",
    ]
    assert all(item["given"] is not None and item["reason"] for item in result.adjustments)
    lines = [record.message for record in caplog.records if record.name == "llm_kimi"]
    assert len(lines) == 3
    assert lines[0].startswith("temperature 0.3 -> 1.0")


def test_adjustments_are_json(ask: Ask, way: str) -> None:
    result = ask(way, temperature=0.3, tools=[WEATHER], stop=["a" * 40])
    assert len(json.dumps(result.adjustments)) > 100


def test_no_adjustment_where_nothing_was_changed(ask: Ask, way: str) -> None:
    assert ask(way, "{{say: x}}").adjustments == []


def test_strict_refuses_before_sending(kimi: Simulator, ask: Ask, way: str) -> None:
    with pytest.raises(litellm.UnsupportedParamsError, match=r"strict mode: temperature 0\.3"):
        ask(way, temperature=0.3, strict=True)
    with pytest.raises(litellm.UnsupportedParamsError, match="temperature"):
        ask(way, temperature=0.3, extra_body={"strict": True})
    assert kimi.requests == []


def test_strict_by_environment(kimi: Simulator, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_STRICT", "1")
    with pytest.raises(litellm.UnsupportedParamsError, match="temperature"):
        ask("call", temperature=0.3)
    ask("call", temperature=0.3, strict=False)
    assert len(kimi.requests) == 1


def test_drop_params_respected(
    kimi: Simulator, ask: Ask, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "llm_kimi"):
        ask(way, drop_params=True, nonsense=1, seed=4, thinking={"type": "disabled"})
    assert sent(kimi)["thinking"] == {"type": "disabled"}
    assert not {"nonsense", "seed"} & sent(kimi).keys()
    assert [record for record in caplog.records if record.name == "llm_kimi"] == []


def test_drop_params_by_setting(kimi: Simulator, ask: Ask) -> None:
    litellm.drop_params = True
    ask("call", nonsense=1)
    assert "nonsense" not in sent(kimi)


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@pytest.mark.parametrize("short_way", ["call", "astream"])
def test_a_pydantic_response_format(kimi: Simulator, ask: Ask, short_way: str) -> None:
    result = ask(short_way, response_format=Person)
    assert Person.model_validate_json(result.text)
    form = sent(kimi)["response_format"]
    assert form["json_schema"]["name"] == "Person"
    assert set(form["json_schema"]["schema"]["properties"]) == {"name", "age"}


def test_messages_of_the_messages_bridge(kimi: Simulator, ask: Ask, way: str) -> None:
    """Thinking blocks become reasoning_content, what only other makers know is left out."""
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "Be kind.", "cache_control": {}}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": CALL, "cache_control": {"type": "ephemeral"}},
            ],
            "cache_control": {"type": "ephemeral"},
        },
        {
            "role": "assistant",
            "thinking_blocks": [{"type": "thinking", "thinking": "Paris!", "signature": ""}],
            "tool_calls": [
                {
                    "id": "t_0",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
                    "provider_specific_fields": {"a": 1},
                }
            ],
            "provider_specific_fields": {"b": 1},
        },
        {"role": "tool", "tool_call_id": "t_0", "content": [{"type": "text", "text": "Sunny"}]},
        {"role": "user", "content": "{{say: So?}}"},
    ]
    given = copy.deepcopy(messages)
    tools = copy.deepcopy([WEATHER])
    assert ask(way, messages=messages, tools=tools).text == "So?"
    assert messages == given
    assert tools == [WEATHER]
    assistant = sent(kimi)["messages"][2]
    assert assistant["reasoning_content"] == "Paris!"
    assert "cache_control" not in json.dumps(sent(kimi))
    assert "provider_specific_fields" not in json.dumps(sent(kimi))
    assert "thinking_blocks" not in json.dumps(sent(kimi))


def test_empty_tools(kimi: Simulator, ask: Ask, way: str) -> None:
    ask(way, tools=[])
    assert "tools" not in sent(kimi)


def test_nothing_of_the_callers_is_changed(kimi: Simulator, ask: Ask, way: str) -> None:
    messages: list[dict[str, Any]] = [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": CALL},
                {"type": "image_url", "image_url": {"url": data_url("image/png", png())}},
            ],
        },
    ]
    given: dict[str, Any] = {
        "messages": messages,
        "tools": [WEATHER],
        "stop": ["a", ""],
        "extra_body": {"thinking": {"type": "enabled"}},
        "stream_options": {"include_usage": True} if "stream" in way else None,
    }
    before = copy.deepcopy(given)
    ask(way, **given)
    assert given == before


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"nonsense": 1}, "nonsense"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"thinking": {"type": "sometimes"}}, "thinking"),
        ({"reasoning_effort": "extreme"}, "reasoning_effort"),
        ({"tools": [{"type": "function"}]}, r"tools\[0\]"),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": [1]}}]},
            r"tools\[0\]\.function\.parameters",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": 3}}},
            r"response_format\.json_schema\.schema",
        ),
        ({"response_format": {"type": "xml"}}, r"response_format\.type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages|message",
        ),
        ({"messages": [{"role": "tool", "content": 1j}]}, r"messages\[0\]"),
        ({"messages": [{"role": "nobody", "content": "a"}]}, "role|message"),
        ({"messages": []}, "messages"),
    ],
)
@pytest.mark.parametrize("short_way", ["call", "acall", "stream", "astream"])
def test_bad_input_is_named_and_not_sent(
    kimi: Simulator, ask: Ask, short_way: str, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(litellm.BadRequestError, match=words) as caught:
        ask(short_way, **given)
    assert caught.value.status_code == 400
    assert kimi.requests == []


@pytest.mark.parametrize("model", ["gpt-4o", "claude-sonnet-4-5", "kimi-k1.0", "nonsense"])
def test_a_model_that_is_none(kimi: Simulator, ask: Ask, way: str, model: str) -> None:
    with pytest.raises((litellm.BadRequestError, litellm.NotFoundError), match="model"):
        ask(way, model=f"kimi/{model}")
    assert len([record for record in kimi.requests if record["status"] == 200]) == 0
    if not model.startswith("kimi"):
        assert kimi.requests == []


def test_an_unknown_parameter_is_its_own_class(kimi: Simulator, ask: Ask, way: str) -> None:
    with pytest.raises(litellm.UnsupportedParamsError, match=r"'nonsense'.*drop_params"):
        ask(way, nonsense=1)


@pytest.mark.parametrize("how", ["none", "blank"])
def test_no_key(kimi: Simulator, ask: Ask, way: str, how: str, monkeypatch: Any) -> None:
    monkeypatch.delenv("MOONSHOT_API_KEY")
    more = {} if how == "none" else {"api_key": "sk-two words\n"}
    with pytest.raises(litellm.AuthenticationError) as caught:
        ask(way, **more)
    assert "MOONSHOT_API_KEY" in str(caught.value) or "api_key" in str(caught.value)
    assert "two words" not in str(caught.value)
    assert kimi.requests == []


def test_the_stored_key_and_litellms_own(kimi: Simulator, ask: Ask, monkeypatch: Any) -> None:
    import llm

    monkeypatch.delenv("MOONSHOT_API_KEY")
    litellm.api_key = "sk-of-litellm"
    ask("call")
    (llm.user_dir() / "keys.json").write_text(json.dumps({"kimi": "sk-wrong-stored"}))
    with pytest.raises(litellm.AuthenticationError, match="stored key 'kimi'"):
        ask("call")


def test_base_url_by_argument(simulator: Simulator, ask: Ask, way: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "http://127.0.0.1:9/v1")
    for name in ("api_base", "base_url"):
        ask(way, **{name: simulator.base_url, "api_key": "sk-a"})
    assert len(simulator.requests) == 2


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"extra_body": "x"}, "extra_body"),
        ({"max_retries": "x"}, "max_retries"),
        ({"strict": "false"}, "strict"),
        ({"timeout": -1}, "timeout"),
    ],
)
def test_our_own_parameters_are_checked(kimi: Simulator, given: dict[str, Any], param: str) -> None:
    with pytest.raises(litellm.BadRequestError, match=param):
        litellm.completion(
            model="kimi/kimi-k2.6", messages=[{"role": "user", "content": "a"}], **given
        )
    assert kimi.requests == []
