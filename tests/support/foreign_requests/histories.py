"""Histories of other clients and models: where reasoning stands, what arguments look like."""

from __future__ import annotations

import json
import random
from collections import UserDict
from types import MappingProxyType
from typing import Any

from openai.types.chat import ChatCompletionMessage, ChatCompletionMessageFunctionToolCall

from .kinds import Json, calling, each, kind

THOUGHT = "The user means the Oslo in Norway."
_BLOCK = {"type": "thinking", "thinking": THOUGHT, "signature": "c2ln"}
_REDACTED = {"type": "redacted_thinking", "data": "ZW5j"}
_DETAIL = {"type": "reasoning.text", "text": THOUGHT, "format": "unknown", "index": 0}
_SUMMARY = {"type": "reasoning.summary", "summary": THOUGHT, "id": "rs_1"}
_ENCRYPTED = {"type": "reasoning.encrypted", "data": "ZW5j", "id": "rs_2"}
_FIELDS = {"provider_specific_fields": {"reasoning_content": THOUGHT}}
_EMPTY = {"provider_specific_fields": {"reasoning_content": ""}}

# -- where reasoning stands ------------------------------------------------------------------------
# theopenco/llmgateway#2093, earendil-works/pi#4178, looplj/axonhub#686 (empty reasoning);
# OpenRouter's reasoning_details, Kilo-Org/kilocode#5597; LiteLLM's thinking_blocks;
# Gitlawb/openclaude#828 (parts of Claude); LiteLLM's provider_specific_fields.

each(
    "reasoning",
    "runs",
    {
        "empty": {"reasoning_content": ""},
        "blank": {"reasoning_content": "  \n"},
        "null": {"reasoning_content": None},
        "another name": {"reasoning": THOUGHT},
        "another name, empty": {"reasoning": ""},
        "both names, the first empty": {"reasoning_content": "", "reasoning": THOUGHT},
        "both names": {"reasoning_content": THOUGHT, "reasoning": THOUGHT},
        "details": {"reasoning_details": [_DETAIL]},
        "details with a summary": {"reasoning_details": [_SUMMARY]},
        "details in pieces": {"reasoning_details": [_DETAIL, {**_DETAIL, "text": "So."}]},
        "details, encrypted": {"reasoning_details": [_ENCRYPTED]},
        "details, encrypted and open": {"reasoning_details": [_ENCRYPTED, _DETAIL]},
        "details, empty": {"reasoning": None, "reasoning_details": []},
        "details without text": {"reasoning_details": [{"type": "reasoning.text", "text": None}]},
        "blocks": {"thinking_blocks": [_BLOCK]},
        "blocks, redacted": {"thinking_blocks": [_REDACTED]},
        "blocks, redacted and open": {"thinking_blocks": [_REDACTED, _BLOCK]},
        "blocks, empty text": {"thinking_blocks": [{**_BLOCK, "thinking": ""}]},
        "provider's fields": _FIELDS,
        "provider's fields, empty": _EMPTY,
        "only the last place is filled": {
            "reasoning_content": "",
            "reasoning": "",
            "reasoning_details": [],
            "thinking_blocks": [],
            **_FIELDS,
        },
    },
    lambda request, value: _rethink(calling(request), value),
)
each(
    "reasoning",
    "runs",
    {
        "part": [_BLOCK, {"type": "text", "text": "Looking."}],
        "part alone": [_BLOCK],
        "part with an empty text": [_BLOCK, {"type": "text", "text": ""}],
        "part, empty": [{**_BLOCK, "thinking": ""}, {"type": "text", "text": "Looking."}],
        "part, redacted": [_REDACTED, {"type": "text", "text": "Looking."}],
        "part, redacted and open": [_REDACTED, _BLOCK, {"type": "text", "text": "Looking."}],
        "part of another type": [{"type": "reasoning", "text": THOUGHT}],
        "part with a reasoning": [{"type": "reasoning", "reasoning": THOUGHT}],
        "part with a summary": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}]},
            {"type": "text", "text": "Looking."},
        ],
        "two parts": [_BLOCK, {**_BLOCK, "thinking": "So."}, {"type": "text", "text": "a"}],
    },
    lambda request, value: _rethink(calling(request), {"content": value}),
)


def _rethink(turn: Json, value: Json) -> None:
    turn.pop("reasoning_content", None)
    turn.update(json.loads(json.dumps(value)))


@kind("reasoning", "reasoning: on a turn without calls")
def _answer_with_thoughts(rng: random.Random, request: Json) -> None:
    place = rng.choice(
        (
            {"content": [dict(_BLOCK), {"type": "text", "text": "It rains."}]},
            {"content": "It rains.", "reasoning_details": [dict(_DETAIL)]},
            {"content": "It rains.", "reasoning_content": ""},
            {"content": "It rains.", "thinking_blocks": [dict(_BLOCK)]},
        )
    )
    request["messages"] += [{"role": "assistant", **place}, {"role": "user", "content": "Sure?"}]


# -- arguments that are no JSON object -------------------------------------------------------------
# MoonshotAI/kimi-cli#1378 (control characters), #1171 (cut), #2165.

each(
    "arguments",
    "runs",
    {
        "line break": '{"m": "line one\nline two"}',
        "tab and other control characters": '{"m": "a\tb\x01c"}',
        "cut": '{"m": "cut',
        "cut before the value": '{"m":',
        "empty": "",
        "blank": " \n",
        "null": "null",
        "list": '["a", 1]',
        "number": "3",
        "word": "Paris",
        "text": '"Paris"',
        "two objects": '{"a": 1}{"a": 2}',
        "object and more": '{"a": 1} and so on',
        "trailing comma": '{"a": 1,}',
        "single quotes": "{'a': 1}",
        "NaN": '{"a": NaN}',
        "in a fence": '```json\n{"a": 1}\n```',
        "twice encoded": json.dumps('{"a": 1}'),
        "deep": '{"a": ' + "[" * 3000 + "]" * 3000 + "}",
        "object": {"a": 1, "b": "é"},
        "empty object": {},
        "no text": None,
        "python list": ["a"],
        "python number": 3,
    },
    lambda request, value: _argue(request, value),
)


def _argue(request: Json, value: Any) -> None:
    function = calling(request)["tool_calls"][0]["function"]
    function["arguments"] = json.loads(json.dumps(value)) if isinstance(value, dict) else value


@kind("arguments", "arguments: missing")
def _no_arguments(rng: random.Random, request: Json) -> None:
    del calling(request)["tool_calls"][0]["function"]["arguments"]


# -- objects of an SDK, tuples, other mappings -----------------------------------------------------


@kind("objects", "objects: a message of the SDK")
def _sdk_message(rng: random.Random, request: Json) -> None:
    """https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi appends
    `choice.message`."""
    messages = request["messages"]
    place = messages.index(calling(request))
    messages[place] = ChatCompletionMessage.model_validate(messages[place])


@kind("objects", "objects: calls of the SDK")
def _sdk_calls(rng: random.Random, request: Json) -> None:
    turn = calling(request)
    turn["tool_calls"] = [
        ChatCompletionMessageFunctionToolCall.model_validate(call) for call in turn["tool_calls"]
    ]


@kind("objects", "objects: tuples")
def _tuples(rng: random.Random, request: Json) -> None:
    turn = calling(request)
    turn["tool_calls"] = tuple(turn["tool_calls"])
    request["messages"][-1]["content"] = ({"type": "text", "text": "And tomorrow?"},)
    request["messages"] = tuple(request["messages"])
    if "tools" in request:
        request["tools"] = tuple(request["tools"])


@kind("objects", "objects: mappings that cannot be changed")
def _proxies(rng: random.Random, request: Json) -> None:
    request["messages"] = [_wrapped(message, MappingProxyType) for message in request["messages"]]
    if "tools" in request:
        request["tools"] = [_wrapped(tool, MappingProxyType) for tool in request["tools"]]


@kind("objects", "objects: mappings of another class")
def _user_dicts(rng: random.Random, request: Json) -> None:
    request["messages"] = [_wrapped(message, UserDict) for message in request["messages"]]


def _wrapped(value: Any, wrap: Any) -> Any:
    if isinstance(value, dict):
        return wrap({key: _wrapped(item, wrap) for key, item in value.items()})
    return [_wrapped(item, wrap) for item in value] if isinstance(value, list) else value


# -- Partial Mode in other words, other message forms ----------------------------------------------


@kind("partial", "partial: DeepSeek's prefix")
def _prefix(rng: random.Random, request: Json) -> None:
    request["messages"].append({"role": "assistant", "content": "Tomorrow", "prefix": True})


@kind("partial", "partial: vLLM's continue_final_message")
def _continue(rng: random.Random, request: Json) -> None:
    request["messages"].append({"role": "assistant", "content": "Tomorrow"})
    request |= {"continue_final_message": True, "add_generation_prompt": False}


each(
    "items",
    "runs",
    {
        "a call": {"type": "function_call", "call_id": "c", "name": "look_up", "arguments": "{}"},
        "a result": {"type": "function_call_output", "call_id": "c", "output": "18"},
        "reasoning": {"type": "reasoning", "id": "rs_1", "summary": []},
        "a message": {"type": "message", "role": "developer", "content": "Be brief."},
    },
    lambda request, value: request["messages"].insert(0, value),
)
each(
    "items",
    "refused",
    {
        "a reference": {"type": "item_reference", "id": "msg_1"},
        "a search": {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        "nothing that is known": {"text": "hello"},
        "a text": "hello",
        "null": None,
        "another role": {"role": "narrator", "content": "Meanwhile."},
    },
    lambda request, value: request["messages"].insert(0, value),
)


_THOUGHTS = {"type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}]}
_CALL = {"type": "function_call", "call_id": "f1", "name": "look_up", "arguments": '{"q": "x"}'}
_OUTPUT = {"type": "function_call_output", "call_id": "f1", "output": "18"}
_SAID = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "18.", "annotations": []}],
}
_USE = {"type": "tool_use", "id": "t1", "name": "look_up", "input": {"q": "x"}}
_USED = {"type": "tool_result", "tool_use_id": "t1", "content": "18"}
_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)
_SHOT: Json = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": _PNG},
}
each(
    "items",
    "runs",
    {
        "an exchange": [_CALL, _OUTPUT, _SAID],
        "an exchange with reasoning": [_THOUGHTS, _CALL, _OUTPUT, _SAID],
        "two calls at once": [
            _THOUGHTS,
            _CALL,
            {**_CALL, "call_id": "f2"},
            _OUTPUT,
            {**_OUTPUT, "call_id": "f2", "output": "19"},
        ],
        "words and a call": [_SAID, _CALL, _OUTPUT],
        "a custom call": [
            {"type": "custom_tool_call", "call_id": "c1", "name": "look_up", "input": "x"},
            {"type": "custom_tool_call_output", "call_id": "c1", "output": "18"},
        ],
        "an output in parts": [
            _CALL,
            {**_OUTPUT, "output": [{"type": "input_text", "text": "18"}]},
        ],
        "Claude's turn": [
            {"role": "assistant", "content": [{"type": "text", "text": "Let me see."}, _USE]},
            {"role": "user", "content": [_USED]},
        ],
        "Claude's turn with a thought": [
            {"role": "assistant", "content": [dict(_BLOCK), _USE]},
            {"role": "user", "content": [_USED, {"type": "text", "text": "Go on."}]},
        ],
        "Claude's result in parts": [
            {"role": "assistant", "content": [_USE]},
            {"role": "user", "content": [{**_USED, "content": [{"type": "text", "text": "18"}]}]},
        ],
        "Claude's result, failed": [
            {"role": "assistant", "content": [_USE]},
            {"role": "user", "content": [{**_USED, "is_error": True}]},
        ],
        "calls of LangChain": [
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"id": "l1", "type": "tool_call", "name": "look_up", "args": {"q": "x"}}
                ],
            },
            {"role": "tool", "tool_call_id": "l1", "content": "18"},
        ],
        "a result that is data": [
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {
                        "id": "l1",
                        "type": "function",
                        "function": {"name": "look_up", "arguments": "{}"},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "l1", "content": {"degrees": 18}},
        ],
    },
    lambda request, items: request["messages"].__setitem__(
        slice(-1, -1), json.loads(json.dumps(items))
    ),
)


@kind("items", "items: a picture of Claude's", "open")
def _picture(rng: random.Random, request: Json) -> None:
    shot = {**_SHOT, "source": dict(_SHOT["source"])}
    request["messages"][-1]["content"] = [{"type": "text", "text": "This?"}, shot]


@kind("items", "items: a message of the Responses API")
def _input_text(rng: random.Random, request: Json) -> None:
    part = {"type": "input_text", "text": "Be brief."}
    request["messages"].insert(0, {"type": "message", "role": "user", "content": [part]})


@kind("partial", "partial: a system prompt beside the messages")
def _system(rng: random.Random, request: Json) -> None:
    field = rng.choice(("system", "instructions"))
    texts: Any = ["Be brief.", [{"type": "text", "text": "Be brief."}]]
    request[field] = rng.choice(texts)
