"""What ``translate`` promises of any request, and an adjustment for every difference."""

from __future__ import annotations

import contextlib
import copy
import json
from types import MappingProxyType
from typing import Any

import pytest

from llm_kimi import InvalidRequestError, StrictError, translate
from llm_kimi.catalog import MODELS
from llm_kimi.simulator.rules.chat import check_chat, ignored
from llm_kimi.translation.fast_path import is_plain
from tests.support.counted_lines import lines_run
from tests.support.families import every_family
from tests.support.plain_request import PNG, Json, plain


def _frozen(value: Any) -> Any:
    """Mappings that cannot be changed, all the way down; lists stay lists."""
    if isinstance(value, dict):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    return [_frozen(item) for item in value] if isinstance(value, list) else value


def _everything() -> Json:
    schema = {"type": "object", "properties": {"x": {"const": 3}}}
    return {
        "model": "kimi-k2.6",
        "messages": [
            {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG}}]},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "1st", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "tool_call_id": "a", "content": "ok"},
            {"role": "user", "content": "And now?"},
        ],
        "tools": [
            {"type": "function", "function": {"name": "1st", "parameters": schema}},
            {"type": "builtin_function", "function": {"name": "$web_search"}},
        ],
        "tool_choice": {"type": "function", "function": {"name": "1st"}},
        "response_format": {"type": "text"},
        "stop": ["a", "b" * 40],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.2,
        "thinking": {"type": "enabled", "keep": "all"},
        "prediction": {"type": "content", "content": "x"},
        "metadata": {"a": "b"},
    }


@pytest.mark.parametrize("model", [model.id for model in MODELS if "image" in model.modalities])
def test_mappings_that_cannot_be_changed_are_as_good_as_dicts(model: str) -> None:
    request = {**_everything(), "model": model}
    before = copy.deepcopy(request)
    plain_body = translate(request).body
    frozen = translate(_frozen({**request, "prediction": None})).body
    assert request == before
    assert json.loads(json.dumps(frozen)) == {
        key: value for key, value in plain_body.items() if key != "prediction"
    }


@pytest.mark.parametrize("model", [model.id for model in MODELS if "image" in model.modalities])
def test_the_same_request_gives_the_same_translation(model: str) -> None:
    request = {**_everything(), "model": model}
    assert translate(request) == translate(copy.deepcopy(request))


def test_adjustments_tell_where_what_and_why_and_the_source() -> None:
    for item in translate(_everything()).adjustments:
        assert item.param
        assert item.reason
        assert item.source.startswith("https://") or "RFC" in item.source
        assert item.param in str(item)
        assert json.loads(json.dumps(item.to_dict(), default=str))["param"] == item.param


def test_strict_mode_lists_every_change_of_meaning_and_no_other() -> None:
    request = plain(
        temperature=0.2, seed=7, logit_bias={"5": 1}, top_p=0.5, max_tokens=100, user="u"
    )
    lenient = translate(request)
    with pytest.raises(StrictError) as caught:
        translate(request, strict=True)
    error = caught.value
    assert isinstance(error, InvalidRequestError)
    assert error.adjustments == lenient.changes_of_meaning
    assert {item.param for item in error.adjustments} == {
        "temperature",
        "seed",
        "logit_bias",
        "top_p",
    }
    for item in error.adjustments:
        assert str(item) in str(error)


def test_strict_mode_lets_renames_pass() -> None:
    request = plain(max_tokens=100, user="u", stream=True)
    assert translate(request, strict=True) == translate(request)


def test_an_unknown_fallback_is_an_error() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate(plain(), tool_choice_fallback="maybe")  # type: ignore[arg-type]
    assert caught.value.param == "tool_choice_fallback"


class _Counting(list):  # type: ignore[type-arg]
    """A list that counts how often its items are handed out."""

    handed = 0

    def __iter__(self) -> Any:
        for item in super().__iter__():
            _Counting.handed += 1
            yield item

    def __getitem__(self, index: Any) -> Any:
        _Counting.handed += 1
        return super().__getitem__(index)


def _exchange(number: int) -> list[Json]:
    call = {"name": f"tool {number % 7}", "arguments": "{}"}
    return [
        {"role": "user", "content": f"question {number}"},
        {
            "role": "assistant",
            "tool_calls": [{"id": f"c{number}", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": f"c{number}", "content": "ok"},
        {"role": "assistant", "content": None, "function_call": call},
        {"role": "function", "name": call["name"], "content": "ok"},
    ]


@pytest.mark.parametrize("model", ["kimi-k3", "kimi-k2.6", "moonshot-v1-32k"])
def test_work_grows_with_the_conversation_not_with_its_square(model: str) -> None:
    """Counted in messages looked at, and in lines of Python run, not in seconds."""

    def work(size: int) -> int:
        messages = [message for number in range(size // 5) for message in _exchange(number)]
        _Counting.handed = 0
        translate({"model": model, "messages": _Counting(messages)})
        return _Counting.handed + lines_run(
            lambda: translate({"model": model, "messages": messages})
        )

    small, large = work(200), work(2_000)
    assert large < small * 15


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([f"{chr(0x4E00 + n)}" for n in range(2_000)], id="all alike when legal"),
        pytest.param([f"tool{n}" for n in range(2_000)], id="all legal"),
        pytest.param(["x" * 63 + chr(0x4E00 + n) for n in range(2_000)], id="long and alike"),
    ],
)
def test_many_tools_are_no_square_either(names: list[str]) -> None:
    def work(count: int) -> int:
        tools = [{"type": "function", "function": {"name": name}} for name in names[:count]]
        return lines_run(lambda: translate(plain(tools=tools)))

    assert work(2_000) < work(200) * 15


_WIDE: dict[str, Any] = {
    "allOf": lambda n: {"allOf": [_one(f"p{k}") for k in range(n)]},
    "anyOf": lambda n: _one("p", {"anyOf": [_one(f"p{k}") for k in range(n)]}),
    "oneOf": lambda n: _one("p", {"oneOf": [{"const": f"c{k}"} for k in range(n)]}),
    "properties": lambda n: {"type": "object", "properties": {f"p{k}": {} for k in range(n)}},
    "definitions": lambda n: {
        "type": "object",
        "properties": {f"p{k}": {"$ref": f"#/$defs/d{k}"} for k in range(n)},
        "$defs": {f"d{k}": _one(f"q{k}") for k in range(n)},
    },
    "one definition, used often": lambda n: {
        "type": "object",
        "properties": {f"p{k}": {"$ref": "#/$defs/d"} for k in range(n)},
        "$defs": {"d": _one("q")},
    },
    "enum": lambda n: _one("p", {"enum": [f"v{k}" for k in range(n)]}),
    "required": lambda n: {
        "type": "object",
        "properties": {f"p{k}": {"type": "string", "required": True} for k in range(n)},
    },
}


def _one(name: str, schema: Any = True) -> Json:
    return {"type": "object", "properties": {name: schema}}


@pytest.mark.parametrize("form", _WIDE)
def test_wide_schemas_are_no_square_either(form: str) -> None:
    """A schema of 3,000 parts must not stop an event loop; it may be refused for its size.

    What is combined two by two costs n log n, and what grows too large is written up to twice more
    with references: twenty times the parts may be a hundred times the work. A square has 400.
    """

    def work(size: int) -> int:
        tool = {"type": "function", "function": {"name": "f", "parameters": _WIDE[form](size)}}
        return lines_run(lambda: _tried(plain(tools=[tool])))

    assert work(600) < work(30) * 150


def _tried(request: Json) -> None:
    with contextlib.suppress(InvalidRequestError):
        translate(request)


_TOP_LEVEL: Json = {
    "temperature": 0.3,
    "top_p": 0.4,
    "n": 2,
    "presence_penalty": 1,
    "frequency_penalty": -1,
    "logprobs": True,
    "top_logprobs": 3,
    "seed": 5,
    "logit_bias": {"1": 2},
    "user": "me",
    "safety_identifier": "me",
    "store": True,
    "metadata": {"a": "b"},
    "service_tier": "flex",
    "parallel_tool_calls": False,
    "max_tokens": 10,
    "max_completion_tokens": 11,
    "stop": ["x" * 33],
    "stream_options": {"include_usage": False},
    "stream": True,
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "reasoning_effort": "medium",
    "reasoning": {"effort": "high"},
    "thinking": {"type": "enabled", "budget_tokens": 2_000},
    "functions": [{"name": "f"}],
    "function_call": "auto",
    "tools": [{"type": "function", "function": {"name": "g"}}],
    "tool_choice": "required",
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy"},
    "web_search_options": {},
    "verbosity": "low",
    "prediction": {"type": "content", "content": "x"},
    "response_format": {"type": "text"},
    "top_k": 5,
    "nobody_knows": None,
}


@pytest.mark.parametrize("thinking", [True, False])
@every_family
@pytest.mark.parametrize("field", [*_TOP_LEVEL, "everything"])
def test_every_field_that_differs_is_told(model: Any, field: str, thinking: bool) -> None:
    chosen = _TOP_LEVEL if field == "everything" else {field: _TOP_LEVEL[field]}
    if field == "tool_choice":
        chosen = {**chosen, "tools": _TOP_LEVEL["tools"]}
    request = {"thinking": thinking, **plain(model=model.id), **chosen}
    translation = translate(request)
    told = {item.param.partition(".")[0].partition("[")[0] for item in translation.adjustments}
    pins = translation.model.sampling(translation.thinking)
    for key, value in request.items():
        sent = translation.body.get(key)
        if value is None or sent == value:
            continue
        pinned = getattr(pins.get(key), "value", None)
        assert key in told or (sent is None and pinned == value), key
    for key in translation.body.keys() - request.keys():
        renamed = {
            "max_completion_tokens": "max_tokens",
            "safety_identifier": "user",
            "tools": "functions",
            "tool_choice": "function_call",
            "reasoning_effort": "reasoning",
            "prompt_cache_options": "prompt_cache_retention",
        }
        if key == "thinking" or key == "reasoning_effort":
            assert told & {"thinking", "reasoning", "reasoning_effort"}
        else:
            assert key in told or renamed.get(key) in told, key
    assert check_chat(translation.body) is None
    assert ignored(translation.body) == []
    assert translate(translation.body).adjustments == ()


def test_null_is_the_same_as_not_given() -> None:
    """OpenAI takes null for most fields: https://platform.openai.com/docs/api-reference/chat"""
    nulls = dict.fromkeys(_TOP_LEVEL)
    translation = translate({**nulls, **plain()})
    assert translation.body == plain()
    assert translation.adjustments == ()


_PLAIN = [
    [{"role": "user", "content": "Hi"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Grüße 你好 😀"}],
    [
        {"role": "user", "content": " "},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "\n"},
    ],
    [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "{"}],
    [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}],
]
_NOT_PLAIN = [
    {"role": "user", "content": ""},
    {"role": "user", "content": "half \ud83d"},
    {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
    {"role": "user", "content": "Hi", "name": "Ann"},
    {"role": "developer", "content": "Be brief."},
    {"role": "assistant", "content": ""},
    {"role": "assistant", "content": "x", "partial": True},
    {"role": "assistant", "content": "x", "reasoning_content": "Hm."},
    {"role": "tool", "content": "x"},
    {"role": "system"},
    {"role": ["user"], "content": "Hi"},
    MappingProxyType({"role": "user", "content": "Hi"}),
    None,
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_plain_requests_are_what_the_steps_would_leave(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [{"model": model.id, "messages": messages} for messages in _PLAIN]
    found = [translate(request) for request in given]
    assert all(is_plain(request) for request in given)
    monkeypatch.setattr("llm_kimi.translation.is_plain", lambda body: False)
    assert found == [translate(request) for request in given]
    for translation, request in zip(found, given, strict=True):
        assert translation.body["messages"] is not request["messages"]


@pytest.mark.parametrize("message", _NOT_PLAIN, ids=str)
def test_what_a_step_may_change_is_not_plain(message: Any) -> None:
    assert not is_plain(plain(messages=[*_PLAIN[0], message]))


@pytest.mark.parametrize("field", _TOP_LEVEL)
def test_a_request_with_more_fields_is_not_plain(field: str) -> None:
    assert not is_plain(plain(**{field: _TOP_LEVEL[field]}))


@pytest.mark.parametrize("messages", [[], None, "Hi", ({"role": "user", "content": "Hi"},)])
def test_messages_that_are_no_list_are_not_plain(messages: Any) -> None:
    assert not is_plain(plain(messages=messages))
