"""Tools: definitions, names, strictness, and the old ``functions``.

In: ``tools`` (functions, custom tools, built-ins) or ``functions``, and the names used in the
history. Out: ``tools`` as Kimi takes them and a map of names for history and reply.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import InvalidRequestError
from .draft import Draft, Json, Tally, require
from .names import Names
from .schema import to_mfjs

__all__ = ["CUSTOM_INPUT", "apply", "convert_legacy", "hoist", "normalise_tools"]

CUSTOM_INPUT = "input"
"""The one parameter of the function that stands in for a custom tool."""

_TOOL_KEYS = {"type", "function"}
_FUNCTION_KEYS = {"name", "description", "parameters", "strict"}


def convert_legacy(draft: Draft) -> None:
    """``functions`` and ``function_call`` to ``tools`` and ``tool_choice``."""
    functions = draft.check_type("functions", list, "a list of functions")
    if functions is not None:
        tools = [{"type": "function", "function": function} for function in functions]
        draft.body["tools"] = [*(draft.check_type("tools", list, "a list of tools") or ()), *tools]
        del draft.body["functions"]
        draft.restoring["legacy_functions"] = True
        draft.restoring["single_tool_call"] = True
        draft.adjust(
            "functions",
            f"{len(functions)} function{'s' * (len(functions) != 1)}",
            "tools",
            "Kimi swallows functions; sent as tools, and the first call of the reply is "
            "given back as function_call",
            "migration",
            meaning=False,
        )
    call = draft.body.get("function_call")
    if call is None:
        return
    if isinstance(call, Mapping):
        require(isinstance(call.get("name"), str), "must name a function", "function_call.name")
        choice: Any = {"type": "function", "function": {"name": call["name"]}}
    else:
        require(
            call in ("auto", "none"), 'must be "auto", "none" or {"name": ...}', "function_call"
        )
        choice = call
    del draft.body["function_call"]
    draft.body.setdefault("tool_choice", choice)
    draft.adjust(
        "function_call", call, {"tool_choice": choice}, "its name today", "migration", meaning=False
    )


def hoist(draft: Draft) -> None:
    """Tools declared inside the conversation, for models that do not load them there."""
    messages = draft.body.get("messages")
    if draft.model.dynamic_tools or not isinstance(messages, list):
        return
    for number, message in enumerate(messages):
        if not isinstance(message, Mapping) or not isinstance(message.get("tools"), list):
            continue
        have = draft.body.get("tools", [])
        known = set(_tool_names(have))
        new = [tool for tool in message["tools"] if not known.intersection(_tool_names([tool]))]
        draft.body["tools"] = [*have, *new]
        draft.adjust(
            f"messages[{number}].tools",
            f"{len(message['tools'])} tools",
            "tools",
            f"{draft.name} loads no tools inside a conversation: declared for all of it",
            "dynamic-tools",
            meaning=False,
        )


def apply(draft: Draft) -> None:
    """Bring ``tools`` to Kimi's form and collect every function name of the request."""
    tools = draft.check_type("tools", list, "a list of tools")
    parallel = draft.check_type("parallel_tool_calls", bool, "true or false")
    if parallel is not None:
        if not parallel:
            draft.restoring["single_tool_call"] = True
        draft.drop(
            "parallel_tool_calls",
            "Kimi has no such field"
            + ("" if parallel else "; of several calls the first is handed on"),
            meaning=False,
        )
    names = Names(_used_names(draft, tools or ()))
    draft.restoring["tool_names"] = names.renamed()
    for sent, given in names.renamed().items():
        draft.adjust(
            "tools[].function.name",
            given,
            sent,
            "Kimi wants a letter first, then letters, digits, _ or -; restored in the reply",
            "tool-names",
            meaning=False,
        )
    draft.restoring["_names"] = names
    if tools is None:
        return
    if not tools:
        del draft.body["tools"]
        return
    custom: set[str] = set()
    draft.body["tools"] = normalise_tools(draft, tools, "tools", names, custom)
    draft.restoring["custom_tools"] = frozenset(custom)


def normalise_tools(
    draft: Draft, tools: list[Any], path: str, names: Names, custom: set[str]
) -> list[Any]:
    """One list of tools in Kimi's form; names of custom tools are added to ``custom``."""
    tally = Tally(draft)
    result = []
    seen: set[str] = set()
    for index, tool in enumerate(tools):
        where = f"{path}[{index}]"
        require(isinstance(tool, Mapping), "must be an object", where)
        kind = tool.get("type", "function")
        if kind == "builtin_function":
            result.append(tool)
            continue
        if kind == "custom":
            converted = _custom(draft, tool, where, names, custom)
        elif kind == "function":
            converted = _function(draft, tool, where, names, tally)
        else:
            raise InvalidRequestError(
                f"Kimi has no tools of type {kind!r}; declare it as a function",
                param=f"{where}.type",
            )
        name = converted["function"]["name"]
        require(name not in seen, f"two tools are called {name!r}", f"{where}.function.name")
        seen.add(name)
        result.append(converted)
    tally.flush()
    return result


def _function(draft: Draft, tool: Any, where: str, names: Names, tally: Tally) -> Json:
    function = tool.get("function")
    require(isinstance(function, Mapping), "must be an object", f"{where}.function")
    given = _name(function, f"{where}.function")
    description = function.get("description")
    require(
        description is None or isinstance(description, str),
        "must be text",
        f"{where}.function.description",
    )
    strict = function.get("strict")
    require(
        strict is None or isinstance(strict, bool),
        "must be true or false",
        f"{where}.function.strict",
    )
    schema, changes = to_mfjs(function.get("parameters"), f"{where}.function.parameters")
    draft.adjustments.extend(changes)
    converted: Json = {"name": names.sent(given)}
    if description is not None:
        converted["description"] = description
    converted["parameters"] = schema
    converted["strict"] = bool(strict)
    if strict is None:
        tally.note(
            "strict",
            f"{where}.function.strict",
            None,
            False,
            "what OpenAI takes when it is missing; Kimi would take true",
        )
    for key, value in function.items():
        if key not in _FUNCTION_KEYS and value is not None:
            tally.note(key, f"{where}.function.{key}", value, None, "Kimi has no such key")
    for key, value in tool.items():
        if key not in _TOOL_KEYS and value is not None:
            tally.note(key, f"{where}.{key}", value, None, "Kimi has no such key")
    return {"type": "function", "function": converted}


def _custom(draft: Draft, tool: Any, where: str, names: Names, custom: set[str]) -> Json:
    """OpenAI's custom tool (free text in) as a function with one string parameter."""
    body = tool.get("custom")
    require(isinstance(body, Mapping), "must be an object", f"{where}.custom")
    given = _name(body, f"{where}.custom")
    description = body.get("description")
    text = {"type": "string", "description": "The whole input of the tool, as plain text."}
    form = body.get("format")
    grammar = form.get("grammar") if isinstance(form, Mapping) else None
    if isinstance(grammar, Mapping):
        text["description"] += (
            f" It must follow this {grammar.get('syntax')} grammar:\n{grammar.get('definition')}"
        )
        draft.adjust(
            f"{where}.custom.format",
            form,
            "description",
            "Kimi has no grammars: the model is told, not bound",
        )
    draft.adjust(
        f"{where}.type",
        "custom",
        "function",
        "Kimi has functions only; calls are given back as custom tool calls",
        meaning=False,
    )
    sent = names.sent(given)
    custom.add(sent)
    converted: Json = {"name": sent}
    if isinstance(description, str):
        converted["description"] = description
    converted["parameters"] = {
        "type": "object",
        "properties": {CUSTOM_INPUT: text},
        "required": [CUSTOM_INPUT],
    }
    converted["strict"] = True
    return {"type": "function", "function": converted}


def _name(body: Mapping[str, Any], where: str) -> str:
    name = body.get("name")
    require(isinstance(name, str) and name != "", "must be the function's name", f"{where}.name")
    return str(name)


def _used_names(draft: Draft, tools: Any) -> Iterator[str]:
    """Function names in the order in which they get their legal form: tools, then history."""
    messages = draft.body.get("messages")
    messages = messages if isinstance(messages, list) else []
    yield from _tool_names(tools)
    for message in messages:
        if not isinstance(message, Mapping):
            continue
        if message.get("role") == "system" and isinstance(message.get("tools"), list):
            yield from _tool_names(message["tools"])
        call = message.get("function_call")
        if isinstance(call, Mapping) and isinstance(call.get("name"), str):
            yield call["name"]
        if message.get("role") == "function" and isinstance(message.get("name"), str):
            yield message["name"]
        for call in message.get("tool_calls") or ():
            body = call.get("function") or call.get("custom") if isinstance(call, Mapping) else None
            if (
                isinstance(body, Mapping)
                and isinstance(body.get("name"), str)
                and not body["name"].startswith("$")  # a built-in of Kimi
            ):
                yield body["name"]


def _tool_names(tools: Any) -> Iterator[str]:
    for tool in tools:
        if isinstance(tool, Mapping) and tool.get("type") != "builtin_function":
            body = tool.get("function") or tool.get("custom")
            if isinstance(body, Mapping) and isinstance(body.get("name"), str):
                yield body["name"]
