"""Tools: definitions, names, strictness, and the old ``functions``.

In: ``tools`` (functions, custom tools, built-ins) or ``functions``, and the names used in the
history. Out: ``tools`` as Kimi takes them and a map of names for history and reply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...catalog.formulas import formula_uri
from ..checks import require, well_formed
from ..draft import Draft, Json, RepeatedNotes
from ..mfjs import to_mfjs
from ..results import CUSTOM_INPUT
from .dynamic import declares_tools, tool_names
from .forms import Declared, Hosted, entries, hosted, read
from .names import Names

__all__ = ["apply", "normalise_tools"]


def apply(draft: Draft) -> None:
    """Bring ``tools`` to Kimi's form and collect every function name of the request."""
    tools = draft.check_type("tools", list, "a list of tools")
    parallel = draft.check_type("parallel_tool_calls", bool, "true or false")
    if parallel is not None:
        if not parallel:
            draft.restore.single_tool_call = True
        draft.drop(
            "parallel_tool_calls",
            "Kimi has no such field"
            + ("" if parallel else "; of several calls the first is handed on"),
            meaning=False,
        )
    names = Names(_used_names(draft, tools or []))
    renamed = names.renamed()
    draft.restore.tool_names = renamed
    for sent, given in renamed.items():
        draft.adjust(
            "tools[].function.name",
            given,
            sent,
            "Kimi wants a letter first, then letters, digits, _ or -; restored in the reply",
            "tool-names",
            meaning=False,
        )
    draft.names = names
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
    tally = RepeatedNotes(draft)
    result = []
    for tool, where in entries(tools, paths):
        foreign = hosted(tool)
        if foreign is not None:
            _offer(draft, foreign, where)
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


def _offer(draft: Draft, tool: Hosted, where: str) -> None:
    """A tool that servers run: Moonshot's own takes its place, where it has one."""
    if tool.formula is None:
        draft.adjust(where, tool.kind, None, tool.reason)
        return
    if tool.formula not in draft.official:
        draft.official.append(tool.formula)
    if tool.reason:
        uri = formula_uri(tool.formula)
        draft.adjust(where, tool.kind, uri, tool.reason, "official-tools")
    settings = {} if tool.kind in ("google_search", "url_context") else tool.settings
    for key, value in settings.items():
        reason = "Moonshot's tool has no such setting"
        draft.adjust(f"{where}.{key}", value, None, reason, "official-tools")


def _tell_twice(draft: Draft, where: str, name: str, *, same: bool) -> None:
    """Kimi refuses two tools of one name: ``function name X is duplicated``."""
    reason = f"{name} is declared twice, and differently: the first one counts"
    if same:
        reason = "it is declared already"
    draft.adjust(where, name, None, reason, "tool-duplicate", meaning=not same)


def _builtin(draft: Draft, tool: Declared, where: str, names: Names, tally: RepeatedNotes) -> Json:
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


def _function(draft: Draft, tool: Declared, where: str, names: Names, tally: RepeatedNotes) -> Json:
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


def _custom(draft: Draft, tool: Declared, where: str, names: Names, tally: RepeatedNotes) -> Json:
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
            form_path,
            form,
            "description",
            "Kimi has no grammars: the model is asked to follow it, but not forced",
        )
    draft.adjust(
        f"{where}.type",
        "custom",
        "function",
        "Kimi has functions only; calls are given back as custom tool calls",
        meaning=False,
    )
    sent = names.sent(given)
    draft.restore.custom_tools.add(sent)
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


_Converter = Callable[[Draft, Declared, str, Names, RepeatedNotes], Json]
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
    yield from tool_names(tools)
    for message in messages:
        if not isinstance(message, dict):
            continue
        if declares_tools(message):
            yield from tool_names(message["tools"])
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
