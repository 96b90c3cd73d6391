"""OpenAI's old functions and function_call, as tools and tool_choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..checks import require
from ..draft import Draft
from .forms import listed, name_of

__all__ = ["convert_legacy"]


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
        draft.restore.legacy_functions = True
        draft.restore.single_tool_call = True
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
