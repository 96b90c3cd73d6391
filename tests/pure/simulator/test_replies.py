"""What the offline Kimi answers: by default, by script, within a budget, in which shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm_kimi.catalog import resolve
from llm_kimi.simulator import check_chat
from llm_kimi.simulator.replies.fake_json import make_value
from llm_kimi.simulator.replies.payloads import chunks, completion, usage_of
from llm_kimi.simulator.replies.script import Reply, fault_texts, plan
from llm_kimi.simulator.replies.tokens import pieces
from llm_kimi.simulator.rules.chat import thinks

K31, K26, V1 = "kimi-k3.1-pro", "kimi-k2.6", "moonshot-v1-8k"
HEAD = {"id": "chatcmpl-1", "object": "", "created": 1, "model": K31}
NUDGE = "Please select a tool to handle the current issue."


def function(name: str, *required: str, **properties: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": [*required]}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


MULTIPLY = function("multiply", "a", "b", a={"type": "number"}, b={"type": "integer"})
WEATHER = function("get_weather", "city", city={"type": "string"})


def ask(text: str, *more: Any, model: str = K31, **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}, *more], **fields}


def answers(body: dict[str, Any], seed: int = 0) -> list[Reply]:
    assert check_chat(body) is None
    model = resolve(body["model"])
    return plan(body, model, thinks(model, body), seed)


def answer(body: dict[str, Any], seed: int = 0) -> Reply:
    return answers(body, seed)[0]


def turn(*calls: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "reasoning_content": "hm", "tool_calls": [*calls], **fields}


def call(id: str = "multiply:0") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": "multiply", "arguments": "{}"}}


def result(text: str, id: str = "multiply:0") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": text}


def test_the_default_answer_echoes_the_user_and_names_its_maker() -> None:
    reply = answer(ask("What is a kiwi?"))
    assert reply.content == "[offline Kimi] You said: What is a kiwi?"
    assert reply.reasoning
    assert reply.finish == "stop"


def test_the_same_request_gets_the_same_answer_streamed_or_not() -> None:
    for seed in range(5):
        assert answer(ask("hi"), seed) == answer(ask("hi", stream=True, stream_options={}), seed)
    assert len({answer(ask("hi"), seed).reasoning for seed in range(20)}) > 1


def test_there_is_reasoning_only_where_the_model_thinks() -> None:
    assert answer(ask("hi", model=K26)).reasoning
    assert answer(ask("hi", model=K26, thinking={"type": "disabled"})).reasoning is None
    assert answer(ask("hi", model=V1)).reasoning is None
    assert answer(ask("hi", model=K31, thinking={"type": "disabled"})).reasoning  # ignored there


def test_attached_media_are_acknowledged() -> None:
    image = {"type": "image_url", "image_url": {"url": "ms://1"}}
    body = ask("x", {"role": "user", "content": [{"type": "text", "text": "look"}, image]})
    assert answer(body).content.endswith("look (and I got 1 attached: image)")


def test_a_script_decides_the_answer() -> None:
    reply = answer(ask("reason: hm\nreason: yes\nsay: one\nsay: two\nfinish: content_filter"))
    assert reply == Reply("hm yes", "one\ntwo", (), "content_filter", "both")
    assert answer(ask("please {{say: inline}} and {{reason:}}")) == Reply("", "inline")
    assert answer(ask('json: {"a": 1}')).content == '{"a": 1}'
    assert answer(ask("repeat: 3 ha")).content == "ha ha ha"
    tagged = answer(ask("think-tag\nreason: hm\nsay: yes"))
    assert (tagged.reasoning, tagged.content) == (None, "<think>hm</think>yes")
    assert answer(ask("hello\nreason: hm")).content == "[offline Kimi] You said: hello"


def test_scripted_calls_are_parallel_and_counted_over_the_conversation() -> None:
    text = 'call: multiply {"a": 1}\ncall: get_weather\ncall: broken {oops'
    reply = answer(ask(text, tools=[MULTIPLY, WEATHER]))
    assert [(c.id, c.name, c.arguments) for c in reply.calls] == [
        ("multiply:0", "multiply", '{"a": 1}'),
        ("get_weather:1", "get_weather", "{}"),
        ("broken:2", "broken", "{oops"),
    ]
    assert reply.finish == "tool_calls"
    earlier = [turn(call()), result("3"), {"role": "user", "content": text}]
    again = answer(ask("x", *earlier, tools=[MULTIPLY]))
    assert [c.id for c in again.calls] == ["multiply:1", "get_weather:2", "broken:3"]


def test_then_divides_a_script_into_turns() -> None:
    text = "call: multiply\nthen\ncall: multiply\nthen\nsay: done"
    one, two = turn(call()), turn(call("multiply:1"))
    assert answer(ask(text, tools=[MULTIPLY])).calls[0].id == "multiply:0"
    second = ask(text, one, result("1"), tools=[MULTIPLY])
    assert answer(second).calls[0].id == "multiply:1"
    third = ask(text, one, result("1"), two, result("2", "multiply:1"), tools=[MULTIPLY])
    assert answer(third).content == "done"
    assert not answer(third).calls


def test_a_mentioned_tool_is_called_with_the_numbers_of_the_text() -> None:
    reply = answer(ask("please multiply 3.5 and -4", tools=[WEATHER, MULTIPLY]))
    assert reply.calls[0].name == "multiply"
    assert json.loads(reply.calls[0].arguments) == {"a": 3.5, "b": -4}
    spoken = answer(ask("Get weather of Oslo", tools=[MULTIPLY, WEATHER]))
    assert json.loads(spoken.calls[0].arguments) == {"city": "Get weather of Oslo"}


@pytest.mark.parametrize("text", ["hello", "multiplying is fun"])
def test_a_tool_that_is_not_mentioned_is_not_called(text: str) -> None:
    assert not answer(ask(text, tools=[MULTIPLY])).calls


def test_tool_choice_none_calls_nothing() -> None:
    for text in ("multiply 3 and 4", "call: multiply"):
        assert not answer(ask(text, tools=[MULTIPLY], tool_choice="none")).calls


def test_a_forced_tool_is_called() -> None:
    tools = [MULTIPLY, WEATHER]
    assert answer(ask("hi", tools=tools, tool_choice="required")).calls[0].name == "multiply"
    choice = {"type": "function", "function": {"name": "get_weather"}}
    off = {"thinking": {"type": "disabled"}}
    body = ask("hi", model=K26, tools=tools, tool_choice=choice, **off)
    assert answer(body).calls[0].name == "get_weather"


def test_dynamic_tools_are_callable() -> None:
    loaded = {"role": "system", "tools": [WEATHER]}
    body = ask("x", loaded, {"role": "user", "content": "use get_weather"})
    assert answer(body).calls[0].name == "get_weather"


def test_a_nudge_makes_it_call_the_first_tool_unless_told_not_to() -> None:
    nudge = [{"role": "assistant", "content": "hm"}, {"role": "user", "content": NUDGE}]
    assert answer(ask("hi", *nudge, tools=[MULTIPLY])).calls[0].name == "multiply"
    assert not answer(ask("no-call", *nudge, tools=[MULTIPLY])).calls


def test_a_tool_result_is_quoted() -> None:
    body = ask("multiply 3 and 4", turn(call()), result("12"), tools=[MULTIPLY])
    assert answer(body).content == "[offline Kimi] The tool returned: 12"


def test_builtin_tools_keep_their_type() -> None:
    search = {"type": "builtin_function", "function": {"name": "$web_search"}}
    found = answer(ask("do a web search", tools=[search])).calls[0]
    assert (found.name, found.type) == ("$web_search", "builtin_function")


def test_a_json_format_gets_an_object_that_fits() -> None:
    assert json.loads(answer(ask("hi", response_format={"type": "json_object"})).content) == {
        "reply": "[offline Kimi] You said: hi"
    }
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name"],
    }
    spec = {"type": "json_schema", "json_schema": {"name": "dog", "schema": schema}}
    text = "a dog aged 7"
    made = json.loads(answer(ask(text, response_format=spec)).content)
    assert made == {"name": text, "age": 7}


def test_made_up_values_fit_their_schema() -> None:
    schema = {
        "type": "object",
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {
                    "v": {"type": "number", "minimum": 5},
                    "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                },
                "required": ["v", "next"],
            }
        },
        "properties": {
            "color": {"type": "string", "enum": ["red", "blue"]},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}, "minItems": 2},
            "ok": {"type": ["null", "boolean"]},
            "node": {"$ref": "#/$defs/Node"},
            "nothing": {"type": "null"},
            "fixed": {"const": 3},
            "long": {"type": "string", "minLength": 20},
        },
    }
    value = make_value(schema, "blue")
    assert value["color"] == "blue"
    assert value["tags"] == ["blu", "blu"]
    assert value["ok"] is True
    assert value["node"]["v"] == 5
    assert value["nothing"] is None
    assert value["fixed"] == 3
    assert len(value["long"]) == 20
    node = value["node"]
    while node is not None:
        node = node["next"]  # the recursion ends


def test_a_budget_is_eaten_by_reasoning_first() -> None:
    text = "reason: a b c d\nsay: e f g"
    starved = answer(ask(text, max_completion_tokens=3))
    assert starved == Reply("a b c", "", (), "length")
    short = answer(ask(text, max_tokens=6))
    assert (short.reasoning, short.content, short.finish) == ("a b c d", "e f", "length")
    assert answer(ask(text, max_tokens=7)).finish == "stop"
    cut = answer(ask('reason: a\ncall: multiply {"a": 1, "b": 2}', max_tokens=3))
    assert (cut.finish, cut.calls[0].arguments) == ("length", '{"a": 1,')
    assert answer(ask(text, max_tokens=3, max_completion_tokens=7)).finish == "stop"


def test_stop_strings_end_the_answer() -> None:
    reply = answer(ask("say: one two three", stop=["three", "two"]))
    assert (reply.content, reply.finish) == ("one ", "stop")


def test_partial_mode_does_not_repeat_the_prefix() -> None:
    prefix = {"role": "assistant", "content": '{"a', "partial": True}
    assert answer(ask('say: {"a": 1}', prefix)).content == '": 1}'
    assert not answer(ask("hi", prefix)).content.startswith('{"a')


def test_moonshot_v1_gives_several_choices() -> None:
    replies = answers(ask("hi", model=V1, n=3, temperature=0.9))
    assert len({reply.content for reply in replies}) == 3


def test_fault_directives_are_found_in_the_last_user_message_only() -> None:
    messages = [
        {"role": "user", "content": "fault: html"},
        {"role": "user", "content": "x {{fault: cut after=3}}"},
        {"role": "assistant", "content": "fault: drop"},
    ]
    assert fault_texts(messages) == ["cut after=3"]
    assert fault_texts(None) == []


def test_pieces_join_to_the_text() -> None:
    for text in ("", " a  b\n\nc ", "x" * 50, "漢字 ok", "   "):
        assert "".join(pieces(text)) == text


def shapes(reply: Reply, include_usage: bool = False) -> list[dict[str, Any]]:
    usage = usage_of(9, reply.tokens, 4)
    return list(chunks(HEAD, [reply], usage, include_usage))


def test_a_stream_tells_role_then_reasoning_then_content_then_calls() -> None:
    body = ask('reason: a b\nsay: c d\ncall: multiply {"a": 123456, "b": 2}')
    sent = shapes(answer(body))
    deltas = [chunk["choices"][0]["delta"] for chunk in sent]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert [d["reasoning_content"] for d in deltas[1:3]] == ["a", " b"]
    assert [d["content"] for d in deltas[3:5]] == ["c", " d"]
    fragments = [d["tool_calls"][0] for d in deltas[5:-1]]
    assert fragments[0] == {
        "index": 0,
        "id": "multiply:0",
        "type": "function",
        "function": {"name": "multiply", "arguments": ""},
    }
    assert all(f.keys() == {"index", "function"} for f in fragments[1:])
    assert len(fragments) > 2
    joined = "".join(f["function"]["arguments"] for f in fragments)
    assert joined == '{"a": 123456, "b": 2}'
    assert deltas[-1] == {}
    assert [c["choices"][0]["finish_reason"] for c in sent[:-1]] == [None] * (len(sent) - 1)
    assert sent[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in sent)


def test_reasoned_but_empty_is_sent() -> None:
    deltas = [chunk["choices"][0]["delta"] for chunk in shapes(Reply("", "x"))]
    assert deltas[1] == {"reasoning_content": ""}


def test_usage_stands_in_the_last_choice_and_when_asked_for_in_a_chunk_of_its_own() -> None:
    at_choice = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    plain = shapes(Reply("a", "b"))
    assert plain[-1]["choices"][0]["usage"] == at_choice
    assert not any("usage" in chunk for chunk in plain)
    full = shapes(Reply("a", "b"), include_usage=True)
    assert [chunk["usage"] for chunk in full[:-1]] == [None] * (len(full) - 1)
    assert full[-2]["choices"][0]["usage"] == at_choice
    assert full[-1]["choices"] == []
    assert full[-1]["usage"] == {**at_choice, "cached_tokens": 4}


def test_usage_can_be_kept_at_the_choice_or_left_out() -> None:
    choice_only = shapes(answer(ask("usage: choice\nsay: x")), include_usage=True)
    assert choice_only[-1]["choices"][0]["usage"]["total_tokens"] > 0
    assert not any(chunk["usage"] for chunk in choice_only)
    nowhere = shapes(answer(ask("usage: none\nsay: x")), include_usage=True)
    assert not any(chunk["usage"] or "usage" in chunk["choices"][0] for chunk in nowhere)


def test_a_whole_answer_has_the_documented_shape() -> None:
    reply = answer(ask("reason: r\ncall: multiply"))
    whole = completion(HEAD, [reply], usage_of(1, 2, 0))
    assert whole["object"] == "chat.completion"
    assert whole["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "",
                "reasoning_content": "r",
                "tool_calls": [call() | {"function": {"name": "multiply", "arguments": "{}"}}],
            },
            "finish_reason": "tool_calls",
        }
    ]
    assert whole["usage"]["cached_tokens"] == 0


def test_tokens_written_to_the_cache_stand_in_the_details() -> None:
    """Also without the cached ones: https://github.com/infinigence/octollm/pull/113"""
    assert usage_of(5, 1, written=5)["prompt_tokens_details"] == {"cache_write_tokens": 5}
    assert "cached_tokens" not in usage_of(5, 1, written=5)
    assert "prompt_tokens_details" not in usage_of(5, 1, 2)
    assert answer(ask("{{cache-write: 120}} hi")).written == 120
    assert answer(ask("{{cache-write: many}} hi")).written is None


@pytest.mark.parametrize(
    ("mode", "index", "id"),
    [
        ("", 0, "multiply:0"),
        ("no-index", None, "multiply:0"),
        ("no-id", 0, None),
        ("blank-id", 0, ""),
    ],
)
def test_streamed_calls_can_lack_what_names_them(
    mode: str, index: int | None, id: str | None
) -> None:
    """https://github.com/vercel/ai, commits d53589a and e3605f6"""
    body = ask(f"call: multiply {{}}\ncall-deltas: {mode}", tools=[MULTIPLY], stream=True)
    parts = list(chunks(HEAD, answers(body), usage_of(1, 1), False))
    fragments = [
        part["choices"][0]["delta"]["tool_calls"][0]
        for part in parts
        if "tool_calls" in part["choices"][0]["delta"]
    ]
    assert fragments[0].get("id") == id
    assert {fragment.get("index") for fragment in fragments} == {index}
