"""Whether a rewritten schema comes to an end, and how deep it goes: what recursion may do.

In comes Moonshot-flavoured JSON schema: the root and its definitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["Reached", "deeper_than", "endless", "ends_in_lists", "finite", "refs_in"]

Node: TypeAlias = dict[str, Any]

_PREFIX = "#/$defs/"
_STEPS = 20_000


def inner(node: Mapping[str, Any], below: str = "") -> Iterator[tuple[Node, str, int]]:
    """The schemas right below ``node``: schema, path, how much deeper Kimi counts it."""
    for name, sub in node.get("properties", {}).items():
        yield sub, f"{below}.properties.{name}", 1
    for index, sub in enumerate(node.get("anyOf", ())):
        yield sub, f"{below}.anyOf[{index}]", 0
    for keyword in ("items", "additionalProperties"):
        if isinstance(node.get(keyword), dict):
            yield node[keyword], f"{below}.{keyword}", 0


def name_of(node: Mapping[str, Any]) -> str | None:
    """The definition that ``node`` refers to."""
    ref = node.get("$ref")
    return ref.removeprefix(_PREFIX) if isinstance(ref, str) else None


def refs_in(schema: Node) -> list[str]:
    """The definition names that a rewritten schema refers to, in order, each once."""
    names: dict[str, None] = {}
    stack = [schema]
    while stack:
        node = stack.pop()
        name = name_of(node)
        if name is not None:
            names[name] = None
        stack += [sub for sub, _, _ in inner(node)][::-1]
    return list(names)


def finite(schema: Node, defs: Mapping[str, Node]) -> bool:
    """Whether some finite value satisfies a rewritten schema (JSON schema's own meaning)."""
    known: set[str] = set()

    def ends(node: Mapping[str, Any]) -> bool:
        name = name_of(node)
        if name is not None:
            return name in known
        if "anyOf" in node:
            return any(ends(branch) for branch in node["anyOf"])
        if node.get("type") == "array":
            return not node.get("minItems") or "items" not in node or ends(node["items"])
        return all(ends(node["properties"][name]) for name in node.get("required", ()))

    users: dict[str, list[str]] = {name: [] for name in defs}
    for user, node in defs.items():
        for name in refs_in(node):
            users[name].append(user)
    todo = list(defs)
    while todo:
        name = todo.pop()
        if name not in known and ends(defs[name]):
            known.add(name)
            todo += users[name]
    return ends(schema)


@dataclass(frozen=True)
class Reached:
    """An object that Kimi's test for endless recursion comes to.

    ``definition``: the name of the definition that it stands in, empty for the root; ``below``:
    the path inside of that.
    """

    node: Node
    definition: str
    below: str


def endless(schema: Node, defs: Mapping[str, Node]) -> list[Reached]:
    """The objects that Kimi's test passes through without finding an end; empty where it does.

    The test (github.com/MoonshotAI/walle, ``CheckRefTermination``) looks for any way to an end: of
    an object one required property is enough, of an array its items, although an array may be
    empty, which JSON schema would count. It goes to each definition once, so that the order of
    the properties does not matter, although walle walks them in the random order of Go's maps.
    """
    found: list[Reached] = []
    seen: set[str] = set()
    stack: list[tuple[Node, str, str]] = [(schema, "", "")]
    while stack:
        node, definition, below = stack.pop()
        name = name_of(node)
        if name is not None:
            if name not in seen:
                seen.add(name)
                stack.append((defs[name], name, ""))
            continue
        if "anyOf" in node:
            branches = enumerate(node["anyOf"])
            stack += [(sub, definition, f"{below}.anyOf[{i}]") for i, sub in branches]
            continue
        kind = node.get("type")
        if kind == "array" and "items" in node:
            stack.append((node["items"], definition, f"{below}.items"))
        elif kind == "object" and node.get("required"):
            found.append(Reached(node, definition, below))
            stack += [
                (node["properties"][name], definition, f"{below}.properties.{name}")
                for name in node["required"]
            ]
        else:
            return []
    return found


def ends_in_lists(node: Node, defs: Mapping[str, Node]) -> bool:
    """Whether an empty array satisfies ``node``, or arrays of arrays that end with one."""
    seen: set[str] = set()
    stack = [node]
    while stack:
        node = stack.pop()
        name = name_of(node)
        if name is not None:
            if name not in seen:
                seen.add(name)
                stack.append(defs[name])
        elif "anyOf" in node:
            stack += node["anyOf"]
        elif node.get("type") == "array":
            if not node.get("minItems"):
                return True
            stack.append(node["items"])
    return False


def deeper_than(limit: int, schema: Node, defs: Mapping[str, Node]) -> bool:
    """Whether properties nest deeper than ``limit``, references followed as Kimi follows them.

    walle (``CalculateDefDepths``) follows each reference once on every way, and the first one once
    more; those below ``items`` only from where they stand.
    """
    shapes = {name: _shape(node, through_items=False) for name, node in defs.items()}
    starts = [_shape(node, through_items=True) for node in (schema, *defs.values())]
    own = {name: depth for name, (depth, _) in shapes.items()}
    if max(depth for depth, _ in starts) > limit:
        return True
    if (
        max(depth for depth, _ in starts) + sum(own.values()) + max(own.values(), default=0)
        <= limit
    ):
        return False
    stack: list[tuple[int, str, frozenset[str] | None]] = [
        (at, name, None) for _, refs in starts for name, at in refs.items()
    ]
    steps = 0
    while stack:
        depth, name, passed = stack.pop()
        steps += 1
        if steps > _STEPS:  # too many ways to try them all
            return False
        if passed is not None and name in passed:
            continue
        if depth + own[name] > limit:
            return True
        passed = frozenset() if passed is None else passed | {name}
        stack += [(depth + at, other, passed) for other, at in shapes[name][1].items()]
    return False


def _shape(schema: Node, *, through_items: bool) -> tuple[int, dict[str, int]]:
    """How deep a schema goes by itself, and how deep its references to definitions stand."""
    deepest, refs = 0, dict[str, int]()
    stack = [(schema, 0)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        name = name_of(node)
        if name is not None:
            refs[name] = max(refs.get(name, 0), depth)
        stack += [
            (sub, depth + deeper)
            for sub, path, deeper in inner(node)
            if through_items or path != ".items"
        ]
    return deepest, refs
