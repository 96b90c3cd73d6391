"""Tools: definitions, names, strictness, and the old ``functions``.

In: ``tools`` (functions, custom tools, built-ins) or ``functions``, and the names used in the
history. Out: ``tools`` as Kimi takes them and a map of names for history and reply.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import InvalidRequestError
from .draft import CUSTOM_INPUT, Draft, Json, Tally, require, well_formed
from .names import Names
from .schema import to_mfjs

__all__ = [
    "apply",
    "convert_legacy",
    "declared_later",
    "hoist",
    "normalise_tools",
]

_TOOL_KEYS = {"type", "function"}
_FUNCTION_KEYS = {"name", "description", "parameters", "strict"}


def convert_legacy(draft: Draft) -> None:
    """``functions`` and ``function_call`` to ``tools`` and ``tool_choice``."""
    functions = draft.check_type("functions", list, "a list of functions")
    if functions is not None:
        tools = [{"type": "function", "function": function} for function in functions]
        have = draft.check_type("tools", list, "a list of tools") or []
        draft.tool_paths = [f"tools[{index}]" for index in range(len(have))]
        draft.tool_paths += [f"functions[{index}]" for index in range(len(functions))]
        draft.body["tools"] = [*have, *tools]
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
    newer = draft.body.get("tool_choice")
    if newer is not None:
        reason, differs = "tool_choice says it", newer != choice
        draft.adjust("function_call", call, None, reason, "migration", meaning=differs)
        return
    draft.body["tool_choice"] = choice
    draft.tool_choice_param = "function_call"
    draft.adjust(
        "function_call", call, {"tool_choice": choice}, "its name today", "migration", meaning=False
    )


def hoist(draft: Draft) -> None:
    """Tools declared inside the conversation, for models that do not load them there."""
    messages = draft.body.get("messages")
    tools = list(draft.check_type("tools", list, "a list of tools") or ())
    if not draft.tool_paths:
        draft.tool_paths = [f"tools[{index}]" for index in range(len(tools))]
    if draft.model.dynamic_tools or not isinstance(messages, list):
        return
    known = {_name_of(tool): tool for tool in tools}
    for number, message in enumerate(messages):
        if not _declares_tools(message):
            continue
        where = f"messages[{number}].tools"
        for index, tool in enumerate(message["tools"]):
            name = _name_of(tool)
            if name is None or name not in known:
                tools.append(tool)
                draft.tool_paths.append(f"{where}[{index}]")
                if name is not None:
                    known[name] = tool
            elif known[name] != tool:
                reason = f"{name} is declared twice, and differently: the first one counts"
                draft.adjust(f"{where}[{index}]", tool, None, reason, "dynamic-tools")
        draft.body["tools"] = tools
        draft.adjust(
            where,
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
    renamed = names.renamed()
    draft.restoring["tool_names"] = renamed
    for sent, given in renamed.items():
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
    draft.body["tools"] = normalise_tools(draft, tools, draft.tool_paths, names)


def normalise_tools(draft: Draft, tools: list[Any], paths: list[str], names: Names) -> list[Json]:
    """One list of tools in Kimi's form; ``paths`` are their places in the caller's request."""
    tally = Tally(draft)
    result = []
    for where, tool in zip(paths, tools, strict=True):
        require(isinstance(tool, Mapping), "must be an object", where)
        kind = tool.get("type", "function")
        if kind == "builtin_function":
            converted = _builtin(tool, where, tally)
            if converted["function"]["name"] in draft.declared:
                draft.adjust(where, tool, None, "it is declared already", meaning=False)
                continue
        elif kind == "custom":
            converted = _custom(draft, tool, where, names, tally)
        elif kind == "function":
            converted = _function(draft, tool, where, names, tally)
        else:
            raise InvalidRequestError(
                f"Kimi has no tools of type {kind!r}; declare it as a function",
                param=f"{where}.type",
            )
        name = converted["function"]["name"]
        body = _body_path(where, kind)
        require(name not in draft.declared, f"two tools are called {name!r}", f"{body}.name")
        draft.declared.add(name)
        result.append(converted)
    tally.flush()
    return result


def _body_path(where: str, kind: str) -> str:
    """Where the body of the tool at ``where`` stands; the old functions have no wrapping."""
    if where.startswith("functions["):
        return where
    return f"{where}.{'custom' if kind == 'custom' else 'function'}"


def _builtin(tool: Any, where: str, tally: Tally) -> Json:
    """A tool of Kimi's own, such as ``$web_search``: nothing but its name."""
    body = f"{where}.function"
    function = tool.get("function")
    require(isinstance(function, Mapping), "must be an object", body)
    name = _name(function, body)
    require(name.startswith("$"), "Kimi's built-in tools are called $...", f"{body}.name")
    _note_extra(tally, function, body, {"name"})
    _note_extra(tally, tool, where, _TOOL_KEYS)
    return {"type": "builtin_function", "function": {"name": name}}


def _note_extra(tally: Tally, given: Any, where: str, known: set[str]) -> None:
    for key, value in given.items():
        if key not in known and value is not None:
            tally.note(f"key {key}", f"{where}.{key}", value, None, "Kimi has no such key")


def _description(body: Any, where: str) -> str | None:
    description = body.get("description")
    require(
        description is None or isinstance(description, str), "must be text", f"{where}.description"
    )
    return None if description is None else well_formed(description)


def _function(draft: Draft, tool: Any, where: str, names: Names, tally: Tally) -> Json:
    function = tool.get("function")
    body = _body_path(where, "function")
    require(isinstance(function, Mapping), "must be an object", body)
    given = _name(function, body)
    description = _description(function, body)
    strict = function.get("strict")
    require(strict is None or isinstance(strict, bool), "must be true or false", f"{body}.strict")
    schema, changes = to_mfjs(function.get("parameters"), f"{body}.parameters")
    draft.adjustments.extend(changes)
    converted: Json = {"name": names.sent(given)}
    if description is not None:
        converted["description"] = description
    converted["parameters"] = schema
    converted["strict"] = bool(strict)
    if strict is None:
        tally.note(
            "strict",
            f"{body}.strict",
            None,
            False,
            "what OpenAI takes when it is missing; Kimi would take true",
        )
    _note_extra(tally, function, body, _FUNCTION_KEYS)
    _note_extra(tally, tool, where, _TOOL_KEYS)
    return {"type": "function", "function": converted}


def _custom(draft: Draft, tool: Any, where: str, names: Names, tally: Tally) -> Json:
    """OpenAI's custom tool (free text in) as a function with one string parameter."""
    body = tool.get("custom")
    require(isinstance(body, Mapping), "must be an object", f"{where}.custom")
    given = _name(body, f"{where}.custom")
    description = _description(body, f"{where}.custom")
    text = {"type": "string", "description": "The whole input of the tool, as plain text."}
    form = body.get("format")
    require(
        form is None or isinstance(form, Mapping), "must be an object", f"{where}.custom.format"
    )
    if form is not None and form.get("type") == "grammar":
        grammar = form.get("grammar", form)  # the Responses API writes it without the wrapping
        require(
            isinstance(grammar, Mapping) and isinstance(grammar.get("definition"), str),
            "must hold a grammar",
            f"{where}.custom.format",
        )
        text["description"] += (
            f" It must follow this {grammar.get('syntax')} grammar:\n{grammar.get('definition')}"
        )
        text["description"] = well_formed(text["description"])
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
    _note_extra(tally, body, f"{where}.custom", {"name", "description", "format"})
    _note_extra(tally, tool, where, {"type", "custom"})
    sent = names.sent(given)
    draft.custom_tools.add(sent)
    converted: Json = {"name": sent}
    if description is not None:
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
        if _declares_tools(message):
            yield from _tool_names(message["tools"])
        call = message.get("function_call")
        if isinstance(call, Mapping) and isinstance(call.get("name"), str):
            yield call["name"]
        if message.get("role") == "function" and isinstance(message.get("name"), str):
            yield message["name"]
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            body = call.get("function") or call.get("custom") if isinstance(call, Mapping) else None
            if (
                isinstance(body, Mapping)
                and isinstance(body.get("name"), str)
                and not body["name"].startswith("$")  # a built-in of Kimi
            ):
                yield body["name"]


def _tool_names(tools: Any) -> Iterator[str]:
    for tool in tools:
        name = _name_of(tool)
        if name is not None and tool.get("type") != "builtin_function":
            yield name


def _name_of(tool: Any) -> str | None:
    body = (tool.get("function") or tool.get("custom")) if isinstance(tool, Mapping) else None
    name = body.get("name") if isinstance(body, Mapping) else None
    return name if isinstance(name, str) else None


def _declares_tools(message: Any) -> bool:
    """Whether a message brings tools of its own, as Kimi's system messages may."""
    return (
        isinstance(message, Mapping)
        and message.get("role") in ("system", "developer")
        and isinstance(message.get("tools"), list)
    )


def declared_later(draft: Draft) -> Iterator[str]:
    """Names, as given, of the tools that are declared inside the conversation."""
    messages = draft.body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if draft.model.dynamic_tools and _declares_tools(message):
            yield from filter(None, map(_name_of, message["tools"]))
