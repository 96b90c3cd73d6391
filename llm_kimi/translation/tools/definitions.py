"""Tools: definitions, names, strictness, and the old ``functions``.

In: ``tools`` (functions, custom tools, built-ins) or ``functions``, and the names used in the
history. Out: ``tools`` as Kimi takes them and a map of names for history and reply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..checks import require, well_formed
from ..draft import Draft, Json, Tally
from ..mfjs import to_mfjs
from ..results import CUSTOM_INPUT
from .forms import Declared, entries, hosted, listed, name_of, read
from .names import Names

__all__ = [
    "apply",
    "convert_legacy",
    "declared_later",
    "hoist",
    "normalise_tools",
]


def convert_legacy(draft: Draft) -> None:
    """``functions`` and ``function_call`` to ``tools`` and ``tool_choice``."""
    for field in ("tools", "functions"):
        _as_list(draft, field)
    functions = draft.check_type("functions", list, "a list of functions")
    if functions is not None:
        have = draft.check_type("tools", list, "a list of tools") or []
        draft.tool_paths = [f"tools[{index}]" for index in range(len(have))]
        draft.tool_paths += [f"functions[{index}]" for index in range(len(functions))]
        draft.body["tools"] = [*have, *functions]
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
        reason, differs = "tool_choice is already set and takes precedence", newer != choice
        draft.adjust("function_call", call, None, reason, "migration", meaning=differs)
        return
    draft.body["tool_choice"] = choice
    draft.tool_choice_param = "function_call"
    draft.adjust(
        "function_call",
        call,
        {"tool_choice": choice},
        "renamed to the current field",
        "migration",
        meaning=False,
    )


def _as_list(draft: Draft, field: str) -> None:
    given = draft.body.get(field)
    if given is None or isinstance(given, list) or (tools := listed(given)) is given:
        return
    draft.body[field] = tools
    if isinstance(given, Mapping):
        draft.adjust(field, name_of(given), "a list of one", "Kimi takes a list", meaning=False)


def hoist(draft: Draft) -> None:
    """Tools declared inside the conversation, for models that do not load them there."""
    messages = draft.body.get("messages")
    tools = list(draft.check_type("tools", list, "a list of tools") or ())
    if not draft.tool_paths:
        draft.tool_paths = [f"tools[{index}]" for index in range(len(tools))]
    if draft.model.dynamic_tools or not isinstance(messages, list):
        return
    known = {name_of(tool): tool for tool in tools}
    for number, message in enumerate(messages):
        if not _declares_tools(message):
            continue
        where = f"{draft.message_path(number)}.tools"
        for index, tool in enumerate(message["tools"]):
            name = name_of(tool)
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
    names = Names(_used_names(draft, tools or []))
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
    if not draft.body["tools"]:
        del draft.body["tools"]


def normalise_tools(draft: Draft, tools: list[Any], paths: list[str], names: Names) -> list[Json]:
    """One list of tools in Kimi's form; ``paths`` are their places in the caller's request."""
    tally = Tally(draft)
    result = []
    for tool, where in entries(tools, paths):
        foreign = hosted(tool)
        if foreign is not None:
            draft.adjust(where, foreign.kind, None, foreign.reason)
            continue
        declared = read(tool, where)
        if declared.foreign:
            tally.note(
                "form", where, list(tool), ["type", "function"], "Kimi's form of a declaration"
            )
        for key, path, value in declared.extra:
            tally.note(f"key {key}", path, value, None, "Kimi has no such key")
        converted = _CONVERTERS[declared.kind](draft, declared, where, names, tally)
        name = converted["function"]["name"]
        if name in draft.declared:
            _tell_twice(draft, where, declared.name, same=draft.declared[name] == converted)
            continue
        draft.declared[name] = converted
        result.append(converted)
    tally.flush()
    return result


def _tell_twice(draft: Draft, where: str, name: str, *, same: bool) -> None:
    """Kimi refuses two tools of one name: ``function name X is duplicated``."""
    reason = f"{name} is declared twice, and differently: the first one counts"
    if same:
        reason = "it is declared already"
    draft.adjust(where, name, None, reason, "tool-duplicate", meaning=not same)


def _builtin(draft: Draft, tool: Declared, where: str, names: Names, tally: Tally) -> Json:
    """A tool of Kimi's own, such as ``$web_search``: nothing but its name."""
    name = _name(tool)
    require(name.startswith("$"), "Kimi's built-in tools are called $...", f"{tool.body_path}.name")
    return {"type": "builtin_function", "function": {"name": name}}


def _description(tool: Declared) -> str | None:
    description = tool.body.get("description")
    require(
        description is None or isinstance(description, str),
        "must be text",
        f"{tool.body_path}.description",
    )
    return None if description is None else well_formed(description)


def _function(draft: Draft, tool: Declared, where: str, names: Names, tally: Tally) -> Json:
    given = _name(tool)
    description = _description(tool)
    strict, strict_path = tool.strict, f"{tool.body_path}.strict"
    require(strict is None or isinstance(strict, bool), "must be true or false", strict_path)
    schema, changes = to_mfjs(tool.schema, tool.schema_path, strict=strict is True)
    draft.take(changes)
    converted: Json = {"name": names.sent(given)}
    if description is not None:
        converted["description"] = description
    converted["parameters"] = schema
    converted["strict"] = bool(strict)
    if strict is None:
        tally.note(
            "strict",
            strict_path,
            None,
            False,
            "what OpenAI takes when it is missing; Kimi would take true",
        )
    return {"type": "function", "function": converted}


def _custom(draft: Draft, tool: Declared, where: str, names: Names, tally: Tally) -> Json:
    """OpenAI's custom tool (free text in) as a function with one string parameter."""
    given = _name(tool)
    description = _description(tool)
    text = {"type": "string", "description": "The whole input of the tool, as plain text."}
    form, form_path = tool.body.get("format"), f"{tool.body_path}.format"
    require(form is None or isinstance(form, Mapping), "must be an object", form_path)
    if form is not None and form.get("type") == "grammar":
        grammar = form.get("grammar", form)  # the Responses API writes it without the wrapping
        require(
            isinstance(grammar, Mapping) and isinstance(grammar.get("definition"), str),
            "must hold a grammar",
            form_path,
        )
        text["description"] += (
            f" It must follow this {grammar.get('syntax')} grammar:\n{grammar.get('definition')}"
        )
        text["description"] = well_formed(text["description"])
        draft.adjust(
            form_path, form, "description", "Kimi has no grammars: the model is told, not bound"
        )
    draft.adjust(
        f"{where}.type",
        "custom",
        "function",
        "Kimi has functions only; calls are given back as custom tool calls",
        meaning=False,
    )
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


_Converter = Callable[[Draft, Declared, str, Names, Tally], Json]
_CONVERTERS: Mapping[str, _Converter] = {
    "function": _function,
    "custom": _custom,
    "builtin_function": _builtin,
}


def _name(tool: Declared) -> str:
    name = tool.name
    require(
        isinstance(name, str) and name != "",
        "must be the function's name",
        f"{tool.body_path}.name",
    )
    return str(name)


def _used_names(draft: Draft, tools: list[Any]) -> Iterator[str]:
    """Function names in the order in which they get their legal form: tools, then history."""
    messages = draft.body.get("messages")
    messages = messages if isinstance(messages, list) else []
    yield from _tool_names(tools)
    for message in messages:
        if not isinstance(message, dict):
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


def _tool_names(tools: list[Any]) -> Iterator[str]:
    for tool, _ in entries(tools, [""] * len(tools)):
        name = name_of(tool)
        if name is not None and not hosted(tool) and tool.get("type") != "builtin_function":
            yield name


def _declares_tools(message: Any) -> bool:
    """Whether a message brings tools of its own, as Kimi's system messages may."""
    return (
        isinstance(message, dict)
        and "tools" in message
        and message.get("role") in ("system", "developer")
        and isinstance(message["tools"], list)
    )


def declared_later(draft: Draft) -> Iterator[str]:
    """Names, as given, of the tools that are declared inside the conversation."""
    messages = draft.body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if draft.model.dynamic_tools and _declares_tools(message):
            yield from _tool_names(message["tools"])
