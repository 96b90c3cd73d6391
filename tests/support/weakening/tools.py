"""Tools and `tool_choice`: which may be called, which must be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from llm_kimi.translation import Translation

from .difference import Difference
from .reading import Tool, declared, whole
from .schemas import schema

Json = dict[str, Any]


def sent_tools(translation: Translation) -> dict[str, Json]:
    """The tools of the body under the caller's names."""
    found = list(translation.body.get("tools", []))
    for message in translation.body["messages"]:
        found += message.get("tools", [])
    names = translation.restore.tool_names
    bodies = [tool["function"] for tool in found]
    return {whole(names.get(body["name"], body["name"])): body for body in bodies}


def tools(given: Json, translation: Translation) -> Iterator[Difference]:
    """Tools that are lost, made up, or described otherwise."""
    sent = sent_tools(translation)
    alike: dict[Any, list[Tool]] = defaultdict(list)
    for tool in declared(given):
        alike[tool.name].append(tool)
    kind, named, _ = wish(given)
    for name, group in alike.items():
        body = sent.get(name)
        if body is None:
            if kind in ("named", "allowed") and name not in named:
                yield Difference(choice_path(given), f"{name} is not sent")
            else:
                for tool in group:
                    yield Difference(tool.path, "the tool is lost", True, near=True)
            continue
        # Of several with one name one is sent; the others are told, as lost if they differ.
        found = [list(_tool(tool, body, translation)) for tool in group]
        best = min(range(len(group)), key=lambda place: _weight(found[place]))
        yield from found[best]
        for place, tool in enumerate(group):
            if place != best:
                path = tool.path.removesuffix(".function").removesuffix(".custom")
                other = _described(tool) != _described(group[best])
                yield Difference(path, "given twice", other, near=True)
    extra = sent.keys() - alike.keys()
    if extra:
        yield Difference("tools (never)", f"tools that nobody declared: {sorted(extra)}")


def _weight(found: list[Difference]) -> tuple[int, int]:
    """How far a declaration is from what is sent; what changes the meaning first."""
    return sum(one.meaning for one in found), len(found)


def _described(tool: Tool) -> Any:
    body = tool.body
    return body.get("description") or "", body.get("parameters") or {}, bool(body.get("strict"))


def _tool(tool: Tool, body: Json, translation: Translation) -> Iterator[Difference]:
    given, path = tool.body, tool.path
    if tool.reformed:
        yield Difference(path.removesuffix(".function"), "another API's form", near=True)
    for key in tool.others:
        yield Difference(f"{path}.{key}", "lost", near=True)
    if body["name"] != given["name"]:
        yield Difference(
            "tools[].function.name", f"{given['name']} renamed", also=(f"{path}.name",)
        )
    if given.get("description") is not None and body.get("description") != given["description"]:
        yield Difference(f"{path}.description", "changed", bool(given["description"]))
    if tool.kind == "custom":
        if body["name"] not in translation.restore.custom_tools:
            yield Difference(f"{path} (never)", "the reply will call a function")
        yield Difference(path.removesuffix(".custom") + ".type", "a function now")
        if (given.get("format") or {}).get("type") == "grammar":
            yield Difference(f"{path}.format", "no grammar", True)
    elif tool.kind == "function":
        if body.get("strict", True) != bool(given.get("strict")):
            yield Difference(f"{path}.strict (never)", "another strictness", True)
        elif given.get("strict") is None:
            yield Difference(f"{path}.strict", "made explicit")
        yield from schema(given.get("parameters"), body["parameters"], tool.schema_path)


# -- tool_choice -----------------------------------------------------------------------------------


def wish(given: Json) -> tuple[str, set[str], str]:
    """What the caller wants: a kind, the names it speaks of, the mode of `allowed`."""
    choice = given.get("tool_choice")
    if choice is None and "function_call" in given:
        call = given["function_call"]
        choice = call if isinstance(call, str) else {"type": "function", "function": call}
    if choice is None:
        return "auto", set(), ""
    if isinstance(choice, str):
        word = {"any": "required"}.get(choice, choice)
        if word not in ("auto", "none", "required"):
            return ("named", {choice}, "") if choice in _names(given) else ("other", set(), "")
        return word, set(), ""
    if not isinstance(choice, Mapping):
        return "other", set(), ""
    kind = choice.get("type")
    if kind == "allowed_tools":
        allowed = choice.get("allowed_tools", choice)
        names = {(tool.get(tool["type"]) or tool)["name"] for tool in allowed["tools"]}
        return "allowed", names, allowed.get("mode", "auto")
    if kind in ("auto", "none", "any", "required"):
        return "required" if kind == "any" else str(kind), set(), ""
    body = choice.get("custom" if kind == "custom" else "function") or choice
    return ("named", {body["name"]}, "") if "name" in body else ("other", set(), "")


def _names(given: Json) -> set[Any]:
    return {tool.name for tool in declared(given)}


def choice_path(given: Json) -> str:
    """Where it is told that a tool is not sent for the sake of the choice."""
    if "tool_choice" not in given:
        return "function_call" if "function_call" in given else "tool_choice"
    choice = given["tool_choice"]
    allowed = isinstance(choice, Mapping) and choice.get("type") == "allowed_tools"
    return "tool_choice.allowed_tools.tools" if allowed else "tool_choice"


def tool_choice(given: Json, translation: Translation) -> Iterator[Difference]:
    """Whether what must, may or may not be called still must, may or may not."""
    kind, wanted, mode = wish(given)
    choice = translation.body.get("tool_choice", "auto")
    path = "tool_choice" if "tool_choice" in given else "function_call"
    if "function_call" in given:
        yield Difference("function_call", "its newer name")
    if not list(declared(given)):
        if path in given and kind not in ("auto", "none"):
            yield Difference(path, "there is nothing to choose", True)
        return
    if kind not in ("auto", "none", "required", "named", "allowed"):
        yield Difference(path, f"{given[path]!r} became {choice!r}", True)
        return
    if kind == "none":
        if choice != "none":
            yield Difference(f"{path} (never)", "tools may be called", True)
        return
    if choice == "none":
        yield Difference(f"{path} (never)", "tools may not be called", True)
    if kind == "allowed" and not sent_tools(translation).keys() <= wanted:
        yield Difference(f"{path} (never)", "more tools than allowed", True)
    forces = {"named": True, "required": True, "allowed": mode == "required"}.get(kind, False)
    if forces:
        yield from _forced(kind, wanted, path, translation)
    elif choice != "auto" or translation.forced is not None:
        yield Difference(f"{path} (never)", "a call is forced", True)


def _forced(
    kind: str, wanted: set[str], path: str, translation: Translation
) -> Iterator[Difference]:
    choice, names = translation.body.get("tool_choice", "auto"), translation.restore.tool_names
    if isinstance(choice, Mapping):
        name = choice["function"]["name"]
        if {whole(names.get(name, name))} != wanted:
            yield Difference(f"{path} (never)", "another tool is named", True)
    elif choice == "required":
        if kind == "named" and sent_tools(translation).keys() != wanted:
            yield Difference(f"{path} (never)", "other tools may be called", True)
        if kind == "named":
            yield Difference(path, "required instead of named")
    else:
        yield Difference(path, "no call is forced", True)
        forced = translation.forced
        if forced is None:
            yield Difference(f"{path} (never)", "a call is not even asked for", True)
        elif kind == "named" and {whole(names.get(str(forced.name), str(forced.name)))} != wanted:
            yield Difference(f"{path} (never)", "another tool is asked for", True)
