"""What a caller of LiteLLM may ask for, and what Kimi then gets."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import litellm
import pytest
from pydantic import BaseModel

from llm_kimi.simulator import Simulator
from tests.support.real_files import data_url, png

Ask = Callable[..., Any]

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
CALL = '{{call: get_weather {"city": "Paris"}}}'


@pytest.fixture
def ask(kimi: Simulator) -> Ask:
    """``asking.ask``; every record of the simulator must be without a broken rule."""
    from tests.support.litellm_asking import ask as call

    return call


def sent(kimi: Simulator) -> dict[str, Any]:
    """The body of the last request."""
    record = kimi.requests[-1]
    assert record["rule"] is None, record["rule"]
    assert record["ignored"] == []
    body = record["body"]
    assert isinstance(body, dict)
    return body


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
