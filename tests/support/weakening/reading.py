"""The checker's own reading of a caller's request: what the words of other stacks mean.

It shares nothing with the translation. Objects of an SDK, tuples and other mappings become plain
JSON; halves of surrogate pairs become U+FFFD; numbers of other classes become floats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Json = dict[str, Any]

THINKING_PARTS = (
    *("thinking", "reasoning", "redacted_thinking", "reasoning_content", "reasoning_text"),
    *("thought", "reasoning.text", "reasoning.summary", "reasoning.encrypted"),
)
_SCHEMA_KEYS = ("parameters", "input_schema", "inputSchema", "parametersJsonSchema")
_GROUPS = ("functionDeclarations", "function_declarations")


def plain(value: Any, above: tuple[int, ...] = ()) -> Any:
    """The value as JSON would have it; a cycle becomes a text that says so."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if hasattr(value, "model_dump"):
        value = value.model_dump(exclude_none=True)
    if id(value) in above:
        return "a cycle"
    inside = (*above, id(value))
    if isinstance(value, Mapping):
        return {whole(str(key)): plain(item, inside) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, inside) for item in value]
    return value


def whole(text: str) -> str:
    """The text with U+FFFD for what is no character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def halves(value: Any, path: str = "", above: tuple[int, ...] = ()) -> Iterator[tuple[str, bool]]:
    """Paths of texts with half a surrogate pair, and whether a name or a choice is affected."""
    if isinstance(value, str):
        if value != whole(value):
            yield path, path.endswith((".const", ".enum")) or ".enum[" in path
        return
    if id(value) in above:
        return
    inside = (*above, id(value))
    if isinstance(value, Mapping):
        for key, item in value.items():
            here = f"{path}.{key}" if path else str(key)
            if isinstance(key, str) and key != whole(key):
                yield here, True
            elif key != "arguments":  # compared where calls are
                yield from halves(item, here, inside)
    elif isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            yield from halves(item, f"{path}[{place}]", inside)


# -- tools -----------------------------------------------------------------------------------------


@dataclass
class Tool:
    """One declared tool. `reformed`: it stands in another API's form."""

    path: str
    kind: str
    body: Json
    schema_path: str
    reformed: bool = False
    others: list[str] = field(default_factory=list)

    @property
    def name(self) -> Any:
        return self.body.get("name")


def declared(given: Json) -> Iterator[Tool]:
    """Every tool that the caller declares, whatever its form."""
    places = [("tools", given.get("tools") or [])]
    for number, message in enumerate(given["messages"]):
        if message.get("role") in ("system", "developer") and message.get("tools"):
            places.append((f"messages[{number}].tools", message["tools"]))
    for path, tools in places:
        for index, tool in enumerate(tools):
            where = f"{path}[{index}]"
            group = next((key for key in _GROUPS if isinstance(_get(tool, key), list)), None)
            for place, one in enumerate(tool[group] if group else ()):
                yield _tool(f"{where}.{group}[{place}]", one)
            if not group:
                yield _tool(where, tool)
    for index, function in enumerate(given.get("functions") or []):
        yield Tool(f"functions[{index}]", "function", function, f"functions[{index}].parameters")


def _get(tool: Any, key: str) -> Any:
    return tool.get(key) if isinstance(tool, dict) else None


def _tool(path: str, tool: Any) -> Tool:
    if not isinstance(tool, dict):
        return Tool(path, "other", {}, path, True)
    kind = tool.get("type") or "function"
    key = "custom" if kind == "custom" else "function"
    if isinstance(tool.get(key), dict):
        body, where, reformed = tool[key], f"{path}.{key}", tool.get("type") is None
    else:
        body, where, reformed = tool, path, True
        kind = "function" if tool.get("name") else "other"
    found = [name for name in _SCHEMA_KEYS if isinstance(body.get(name), dict)]
    known = {"type", "name", "description", "strict", "format", *_SCHEMA_KEYS}
    others = [k for k, value in body.items() if k not in known and value is not None]
    schema = body[found[0]] if found else body.get("parameters")
    return Tool(
        where,
        kind,
        {**body, "parameters": schema},
        f"{where}.{found[0] if found else 'parameters'}",
        reformed or (bool(found) and found[0] != "parameters"),
        others,
    )


# -- thinking --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wish:
    """One word about thinking: on, off or neither; an effort; a budget."""

    path: str
    on: bool | None = None
    effort: str | None = None
    budget: bool = False

    @property
    def said(self) -> tuple[bool | None, str | None, bool]:
        """What tells two wishes apart, wherever they stand."""
        return self.on, self.effort, self.budget


def wishes(given: Json) -> Iterator[Wish]:
    """Every word about thinking, in whatever stack's spelling."""
    effort = given.get("reasoning_effort")
    if isinstance(effort, Mapping):
        effort = effort.get("effort")
    if isinstance(effort, str):
        yield _effort("reasoning_effort", effort)
    switch = given.get("thinking")
    if isinstance(switch, bool):
        yield Wish("thinking", switch)
    elif isinstance(switch, Mapping):
        kinds = {"enabled": True, "adaptive": True, "disabled": False}
        on = kinds.get(str(switch.get("type")))
        if on is not None:
            yield Wish("thinking", on)
        if isinstance(switch.get("effort"), str):
            yield _effort("thinking.effort", switch["effort"])
        if switch.get("budget_tokens") and on is not False:
            yield Wish("thinking.budget_tokens", budget=True)
    if isinstance(given.get("enable_thinking"), bool):
        yield Wish("enable_thinking", given["enable_thinking"])
    template = given.get("chat_template_kwargs")
    for key in ("thinking", "enable_thinking"):
        if isinstance(template, Mapping) and isinstance(template.get(key), bool):
            yield Wish(f"chat_template_kwargs.{key}", template[key])
    if isinstance(given.get("think"), bool):
        yield Wish("think", given["think"])
    for key in ("thinking_budget", "thinking_token_budget", "reasoning_budget"):
        # Beside a switch that is off a plain budget asks for nothing.
        off = given.get("enable_thinking") is False or given.get("think") is False
        if isinstance(given.get(key), int) and given[key] >= 0 and not off:
            some = given[key] > 0
            yield Wish(key, None if some else False, budget=some)
    reasoning = given.get("reasoning")
    if isinstance(reasoning, Mapping):
        if isinstance(reasoning.get("enabled"), bool):
            yield Wish("reasoning.enabled", reasoning["enabled"])
        if isinstance(reasoning.get("effort"), str):
            yield _effort("reasoning.effort", reasoning["effort"])
        if isinstance(reasoning.get("max_tokens"), int):
            some = reasoning["max_tokens"] > 0
            yield Wish("reasoning.max_tokens", some, budget=some)


def _effort(path: str, effort: str) -> Wish:
    return Wish(path, False) if effort == "none" else Wish(path, effort=effort)


THOUGHT_KEYS = (
    *("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks", "thinking"),
    "reasoning_text",
)
_THOUGHT_HOLDERS = ("additional_kwargs", "provider_specific_fields")
THOUGHTS = ("thinking", "text", "reasoning", "reasoning_content")


# -- reasoning of earlier turns --------------------------------------------------------------------


def thoughts(message: Json) -> dict[str, str]:
    """The reasoning of an assistant turn: place -> text, in the order in which it is looked for."""
    content = message.get("content")
    parts = [
        part
        for part in (content if isinstance(content, list) else ())
        if isinstance(part, dict) and part.get("type") in THINKING_PARTS
    ]
    places = {name: message.get(name) for name in THOUGHT_KEYS}
    places["content"] = parts
    for holder in _THOUGHT_HOLDERS:
        fields = message.get(holder)
        if isinstance(fields, Mapping):
            inner = (fields[name] for name in THOUGHT_KEYS if fields.get(name))
            places[holder] = next(inner, None)
    return {place: text for place, value in places.items() if (text := thought_of(value))}


def thought_of(value: Any) -> str:
    """The text of one entry or part, or of several; an encrypted one has none.

    Summaries count where there is no text.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        whole = [_own_thought(part, THOUGHTS) for part in value]
        if not any(whole):
            whole = [_own_thought(part, ("summary",)) for part in value]
        return "\n".join(filter(None, whole))
    return _own_thought(value, THOUGHTS) or _own_thought(value, ("summary",))


def _own_thought(part: Any, keys: tuple[str, ...]) -> str:
    if isinstance(part, str):
        return part if keys is THOUGHTS else ""
    found = (thought_of(part.get(key)) for key in keys) if isinstance(part, Mapping) else ()
    return next(filter(None, found), "")


def same_thought(left: str, right: str) -> bool:
    """Equal but for how entries are joined."""
    return "".join(left.split()) == "".join(right.split())
