"""Tools in the forms of other APIs, tools that are given twice, choices in other words."""

from __future__ import annotations

import json
from typing import Any

from .kinds import Json, each, function

_SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
_MCP = {
    "name": "list_issues",
    "title": "List issues",
    "description": "Lists issues.",
    "inputSchema": {"$schema": "http://json-schema.org/draft-07/schema#", **_SCHEMA},
    "outputSchema": _SCHEMA,
    "annotations": {"readOnlyHint": True},
}


def _add(request: Json, tools: Any) -> None:
    request["tools"] = [*request["tools"], *json.loads(json.dumps(tools))]


FORMS: dict[str, list[Json]] = {
    "flat": [{"type": "function", "name": "list_issues", "parameters": _SCHEMA}],
    "flat and strict": [
        {
            "type": "function",
            "name": "list_issues",
            "description": "Lists.",
            "strict": True,
            "parameters": {**_SCHEMA, "additionalProperties": False},
        }
    ],
    "flat, null for what is missing": [
        {"type": "function", "name": "list_issues", "description": None, "parameters": None}
    ],
    "Anthropic": [{"name": "list_issues", "description": "Lists.", "input_schema": _SCHEMA}],
    "Anthropic, custom": [{"type": "custom", "name": "list_issues", "input_schema": _SCHEMA}],
    "Anthropic, cached": [
        {
            "name": "list_issues",
            "input_schema": _SCHEMA,
            "cache_control": {"type": "ephemeral"},
        }
    ],
    "MCP": [_MCP],
    "bare function": [{"name": "list_issues", "parameters": _SCHEMA}],
    "no type": [{"function": {"name": "list_issues", "parameters": _SCHEMA}}],
    "type null": [{"type": None, "function": {"name": "list_issues", "parameters": _SCHEMA}}],
    "Gemini": [
        {
            "functionDeclarations": [
                {"name": "list_issues", "parameters": _SCHEMA},
                {"name": "close_issue", "parametersJsonSchema": _SCHEMA},
            ]
        }
    ],
    "two forms": [
        {"type": "function", "name": "list_issues", "parameters": _SCHEMA},
        {"name": "close_issue", "inputSchema": _SCHEMA},
    ],
}
each("tools", "runs", FORMS, _add)
each(
    "tools",
    "runs",
    {
        "twice": [function("list_issues"), function("list_issues")],
        "twice, in two forms": [
            function("list_issues", q={"type": "string"}),
            {
                "type": "function",
                "name": "list_issues",
                "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
            },
        ],
        "three times": [function("list_issues")] * 3,
        "very many": [function(f"tool_{number}") for number in range(200)],
        "null keywords": [
            {
                "type": "function",
                "function": {
                    "name": "list_issues",
                    "description": None,
                    "parameters": None,
                    "strict": None,
                },
            }
        ],
    },
    _add,
)
each(
    "tools",
    "open",
    {
        "twice, with other schemas": [
            function("list_issues"),
            function("list_issues", page={"type": "integer"}),
        ],
        "the web search of Claude": [{"type": "web_search_20250305", "name": "web_search"}],
        "the web search of OpenAI": [{"type": "web_search_preview"}],
        "the file search of OpenAI": [{"type": "file_search", "vector_store_ids": ["vs_1"]}],
        "a server of MCP": [{"type": "mcp", "server_label": "x", "server_url": "https://x.test"}],
        "MCP inside function": [{"type": "function", "function": _MCP}],
        "schema as text": [
            {"type": "function", "function": {"name": "f", "parameters": json.dumps(_SCHEMA)}}
        ],
        "two schemas in one": [{"name": "f", "parameters": _SCHEMA, "input_schema": _SCHEMA}],
    },
    _add,
)
each(
    "tools",
    "refused",
    {
        "no name": [{"type": "function", "function": {"parameters": _SCHEMA}}],
        "empty": [{}],
        "a text": ["list_issues"],
        "a number": [3],
    },
    _add,
)
each(
    "choice",
    "runs",
    {
        "Anthropic": {"type": "tool", "name": "look_up"},
        "Anthropic any": {"type": "any"},
        "any": "any",
        "the name alone": "look_up",
        "no type": {"function": {"name": "look_up"}},
        "flat": {"type": "function", "name": "look_up"},
    },
    lambda request, choice: request.update(tool_choice=choice),
)
each(
    "choice",
    "open",
    {
        "a tool that is not there": {"type": "function", "function": {"name": "nowhere"}},
        "nothing that is known": {"type": "allowed"},
        "true": True,
    },
    lambda request, choice: request.update(tool_choice=choice),
)
