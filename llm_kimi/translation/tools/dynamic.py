"""Tools that are declared later, in messages, and where a model that takes them only before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..draft import Draft
from .forms import entries, hosted, name_of

__all__ = ["declared_later", "declares_tools", "hoist", "tool_names"]


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
        if not declares_tools(message):
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


def tool_names(tools: list[Any]) -> Iterator[str]:
    for tool, _ in entries(tools, [""] * len(tools)):
        name = name_of(tool)
        if name is not None and not hosted(tool) and tool.get("type") != "builtin_function":
            yield name


def declares_tools(message: Any) -> bool:
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
        if draft.model.dynamic_tools and declares_tools(message):
            yield from tool_names(message["tools"])
