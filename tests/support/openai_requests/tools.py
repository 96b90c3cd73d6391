"""Tools of both kinds, the legacy functions, and `tool_choice`."""

from __future__ import annotations

import random
from typing import Any

from .schemas import random_schema
from .texts import SENTENCES, chance, phrase, token

Json = dict[str, Any]

_TOOL_NAMES = (
    "get_weather",
    "search-web",
    "_private",
    "-dash-first",
    "1st_tool",
    "9",
    "x",
    "mcp__github__create_issue",
    "CamelCaseTool",
    "run_sql",
    "send_email",
    "lookup-order-v2",
    "__",
    "final_answer",
    "L" * 64,
    "python",
    "web_search",
)
_GRAMMARS = (
    {"syntax": "lark", "definition": 'start: "SELECT" NAME\nNAME: /[a-z]+/\n%ignore " "'},
    {"syntax": "regex", "definition": r"^\d{4}-\d{2}-\d{2}$"},
)


def tool_names(rng: random.Random, count: int) -> list[str]:
    names = rng.sample(_TOOL_NAMES, min(count, len(_TOOL_NAMES)))
    while len(names) < count:
        name = rng.choice("abcxyz019_-") + token(rng, rng.randint(3, 40))
        if name not in names:
            names.append(name)
    return names


def random_function(rng: random.Random, name: str, *, legacy: bool = False) -> Json:
    function: Json = {"name": name}
    if chance(rng, 0.8):
        function["description"] = rng.choice((phrase(rng), rng.choice(SENTENCES), ""))
    strict = False
    if not legacy and chance(rng, 0.45):
        function["strict"] = rng.choice((True, True, False, None))
        strict = function["strict"] is True
    if strict or chance(rng, 0.9):
        function["parameters"] = random_schema(rng, strict=strict or chance(rng, 0.15))
    return function


def _custom_tool(rng: random.Random, name: str) -> Json:
    custom: Json = {"name": name}
    if chance(rng, 0.7):
        custom["description"] = rng.choice(SENTENCES)
    if chance(rng, 0.7):
        custom["format"] = rng.choice(
            ({"type": "text"}, {"type": "grammar", "grammar": dict(rng.choice(_GRAMMARS))})
        )
    return {"type": "custom", "custom": custom}


def random_tools(rng: random.Random) -> list[Json]:
    count = rng.choice((1, 1, 1, 2, 2, 3, 3, 4, 5, 7, 12, rng.randint(13, 40)))
    custom = 0.4 if chance(rng, 0.15) else 0.0
    return [
        _custom_tool(rng, name)
        if chance(rng, custom)
        else {"type": "function", "function": random_function(rng, name)}
        for name in tool_names(rng, count)
    ]


def tool_name(tool: Json) -> str:
    name: str = tool[tool["type"]]["name"]
    return name


def _named(tool: Json) -> Json:
    """The tool as `tool_choice` names it."""
    return {"type": tool["type"], tool["type"]: {"name": tool_name(tool)}}


def random_tool_choice(rng: random.Random, tools: list[Json]) -> Any:
    form = rng.choice(("auto", "auto", "none", "required", "named", "named", "allowed_tools"))
    if form == "named":
        customs = [tool for tool in tools if tool["type"] == "custom"]
        return _named(rng.choice(customs if customs and chance(rng, 0.5) else tools))
    if form == "allowed_tools":
        allowed = rng.sample(tools, rng.randint(1, min(3, len(tools))))
        mode = rng.choice(("auto", "required"))
        entries = [_named(tool) for tool in allowed]
        return {"type": form, form: {"mode": mode, "tools": entries}}
    return form


def tooling(rng: random.Random, density: float) -> Json:
    """`tools` and what goes with them, or the legacy `functions`."""
    if chance(rng, 0.05):
        functions = [
            random_function(rng, name, legacy=True)
            for name in tool_names(rng, rng.choice((1, 2, 5)))
        ]
        request: Json = {"functions": functions}
        if chance(rng, 0.6):
            named = {"name": rng.choice(functions)["name"]}
            request["function_call"] = rng.choice(("none", "auto", named, named))
        return request
    if not chance(rng, 0.3 + density):
        return {}
    tools = random_tools(rng)
    request = {"tools": tools}
    if chance(rng, 0.45):
        request["tool_choice"] = random_tool_choice(rng, tools)
    if chance(rng, 0.2):
        request["parallel_tool_calls"] = chance(rng, 0.5)
    return request
