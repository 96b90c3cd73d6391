"""Values that JSON has no word for: halves of surrogate pairs, NaN, decimals, cycles.

elizaOS/eliza#18079, microsoft/playwright-mcp#1410, JohnnyZ93/oai-compatible-copilot#271 (texts cut
in the middle of an emoji); everything else is what Python programs hand over by mistake.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from .kinds import Json, calling, each, kind, results

HALF = "half an emoji \ud83d"


def _field(schema: Json) -> Json:
    """A tool whose schema has one property."""
    parameters = {"type": "object", "properties": {"a": {"type": "string", **schema}}}
    return {"type": "function", "function": {"name": "list_issues", "parameters": parameters}}


def _tool(request: Json, tool: Json) -> None:
    request["tools"] = [*request["tools"], tool]


each(
    "surrogate",
    "runs",
    {
        "description": _field({"description": HALF}),
        "title": _field({"title": HALF}),
        "default": _field({"default": HALF}),
        "examples": _field({"examples": [HALF]}),
        "of the tool": {"type": "function", "function": {"name": "f", "description": HALF}},
    },
    _tool,
)
each(
    "surrogate",
    "open",
    {
        "pattern": _field({"pattern": f"^{HALF}$"}),
        "enum": _field({"enum": [HALF, "whole"]}),
        "const": _field({"const": HALF}),
        "name": {"type": "function", "function": {"name": f"f_{HALF}"}},
        "property": {
            "type": "function",
            "function": {
                "name": "f",
                "parameters": {
                    "type": "object",
                    "properties": {HALF: {"type": "string"}},
                    "required": [HALF],
                },
            },
        },
        "two properties alike": {
            "type": "function",
            "function": {
                "name": "f",
                "parameters": {
                    "type": "object",
                    "properties": {half: {"type": "string"} for half in ("\ud83d", "\ud83e")},
                },
            },
        },
    },
    _tool,
)


@kind("surrogate", "surrogate: in messages")
def _said(rng: random.Random, request: Json) -> None:
    part = rng.choice((HALF, [{"type": "text", "text": HALF}]))
    request["messages"][-1]["content"] = part
    rng.choice(results(request))["content"] = HALF
    calling(request)["reasoning_content"] = HALF


@kind("surrogate", "surrogate: in arguments")
def _argued(rng: random.Random, request: Json) -> None:
    call = rng.choice(calling(request)["tool_calls"])
    call["function"]["arguments"] = rng.choice(('{"a": "\ud83d"}', '{"\udc00": 1}'))


@kind("surrogate", "surrogate: in ids")
def _identified(rng: random.Random, request: Json) -> None:
    first = results(request)[0]
    first["tool_call_id"] = calling(request)["tool_calls"][0]["id"] = "call_\ud83d"


@kind("surrogate", "surrogate: in a system message's tools", "open")
def _system_tools(rng: random.Random, request: Json) -> None:
    tool = _field({"description": HALF})
    request["messages"].insert(0, {"role": "system", "tools": [tool]})


each(
    "surrogate",
    "runs",
    {
        "prediction": {"prediction": {"type": "content", "content": HALF}},
        "metadata": {"metadata": {"a": HALF}},
        "unknown field": {"x_note": HALF},
    },
    lambda request, fields: request.update(fields),
)
each(
    "surrogate",
    "open",
    {
        "stop": {"stop": HALF},
        "user": {"user": HALF},
        "cache key": {"prompt_cache_key": HALF},
        "format": {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": f"n{HALF}", "schema": {"type": "object"}},
            }
        },
        "field": {HALF: 1},
        "choice": {"tool_choice": {"type": "function", "function": {"name": HALF}}},
        "model": {"model": f"kimi-k2.6{HALF}"},
    },
    lambda request, fields: request.update(fields),
)

NAN, INFINITY = float("nan"), float("inf")
each(
    "number",
    "runs",
    {
        "default NaN": _field({"default": NAN}),
        "default Infinity": _field({"default": INFINITY}),
        "default Decimal": _field({"default": Decimal("1.5")}),
        "example NaN": _field({"examples": [NAN]}),
        "minimum Decimal": _field({"type": "number", "minimum": Decimal("0.5")}),
        "minLength whole Decimal": _field({"minLength": Decimal(1)}),
    },
    _tool,
)
each(
    "number",
    "open",
    {
        "minimum NaN": _field({"type": "number", "minimum": NAN}),
        "enum NaN": _field({"type": "number", "enum": [1, NAN]}),
        "const Infinity": _field({"type": "number", "const": INFINITY}),
        "keys": {
            "type": "function",
            "function": {
                "name": "f",
                "parameters": {"type": "object", "properties": {1: {"type": "string"}}},
            },
        },
        "bytes": _field({"description": b"bytes"}),
        "set": _field({"enum": {"a"}}),
        "object": _field({"default": object()}),
    },
    _tool,
)
each(
    "number",
    "open",
    {
        "temperature NaN": {"temperature": NAN},
        "temperature Decimal": {"temperature": Decimal("0.2")},
        "max_tokens Infinity": {"max_tokens": INFINITY},
        "max_tokens huge": {"max_completion_tokens": 10**30},
        "max_tokens Decimal": {"max_tokens": Decimal(100)},
        "logit_bias with numbers as keys": {"logit_bias": {50256: -100}},
        "metadata with numbers as keys": {"metadata": {1: 2}},
        "stop with a number": {"stop": [1]},
        "seed Decimal": {"seed": Decimal(7)},
        "content bytes": {"messages": [{"role": "user", "content": b"hi"}]},
        "content number": {"messages": [{"role": "user", "content": 3}]},
        "field with a key that is no text": {7: 8},
        "user is a number": {"user": 12},
        "messages as a generator": {"messages": "hi"},
    },
    lambda request, fields: request.update(fields),
)


def _cycle(*path: str) -> Any:
    def make() -> Json:
        schema: Json = {"type": "object", "properties": {"a": {"type": "string"}}}
        target: Any = schema
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = schema
        return {"type": "function", "function": {"name": "f", "parameters": schema}}

    return make


each(
    "cycle",
    "open",
    {
        "properties": _cycle("properties", "a"),
        "items": _cycle("properties", "a", "items"),
        "default": _cycle("properties", "a", "default"),
        "unknown keyword": _cycle("x-self"),
    },
    _tool,
)


@kind("cycle", "cycle: in messages", "open")
def _message_cycle(rng: random.Random, request: Json) -> None:
    part: Json = {"type": "text", "text": "hi"}
    part["self"] = part
    request["messages"][-1]["content"] = [part]


@kind("cycle", "cycle: in arguments", "open")
def _argument_cycle(rng: random.Random, request: Json) -> None:
    arguments: Json = {}
    arguments["a"] = arguments
    calling(request)["tool_calls"][0]["function"]["arguments"] = arguments


@kind("cycle", "cycle: at the top", "open")
def _top_cycle(rng: random.Random, request: Json) -> None:
    request[rng.choice(("metadata", "x_self"))] = request
