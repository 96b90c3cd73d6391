"""The references inside one JSON schema: what they point at, which of them go round in a circle.

In comes the caller's schema and its path in the request; nothing is copied or changed. Pointers
are tuples of unescaped tokens, ``()`` being the root.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import unquote

from ..errors import InvalidRequestError

__all__ = ["ANNOTATIONS", "Document", "Pointer", "Walk", "finite", "ref_of", "refs_in"]

Pointer: TypeAlias = tuple[str, ...]

ANNOTATIONS = frozenset({"title", "description", "default"})

_REFS = ("$ref", "$dynamicRef", "$recursiveRef")
_NAMED = ("properties", "patternProperties")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("additionalProperties", "items", "additionalItems", "unevaluatedProperties")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def ref_of(schema: Mapping[str, Any]) -> tuple[str, object] | None:
    """The keyword and value of the reference that ``schema`` holds, if any."""
    for keyword in _REFS:
        if keyword in schema:
            return keyword, schema[keyword]
    return None


def subschemas(schema: Mapping[str, Any], path: str) -> Iterator[tuple[object, str]]:
    """The subschemas whose meaning survives the rewrite, each with its path."""
    for keyword in _NAMED:
        named = schema.get(keyword)
        if isinstance(named, Mapping):
            for name, sub in named.items():
                yield sub, f"{path}.{keyword}.{name}"
    for keyword in (*_LISTED, *_SINGLE):
        value = schema.get(keyword)
        if isinstance(value, list):
            for index, sub in enumerate(value):
                yield sub, f"{path}.{keyword}[{index}]"
        elif isinstance(value, Mapping):
            yield value, f"{path}.{keyword}"


class Document:
    """A schema as a whole: resolves its references and names its definitions."""

    def __init__(self, root: Mapping[str, Any], path: str) -> None:
        self.root = root
        self.path = path
        self._cyclic: frozenset[Pointer] | None = None
        self._anchors: dict[str, Pointer] | None = None
        self._names: dict[Pointer, str] = {}
        self._pointers: dict[str, Pointer] = {}

    def resolve(self, ref: object, path: str) -> Pointer:
        """Where ``ref`` points. ``path`` is where it was written, for the error.

        Raises:
            InvalidRequestError: for a remote reference and for one that points at nothing.
        """
        if not isinstance(ref, str):
            raise InvalidRequestError("a $ref must be a string", param=path)
        base = self.root.get("$id")
        fragment = ref
        if isinstance(base, str) and base and ref.startswith(base.rstrip("#")):
            fragment = ref[len(base.rstrip("#")) :] or "#"
        if not fragment.startswith("#"):
            raise InvalidRequestError(
                f"$ref {ref!r} points outside the schema, and Kimi fetches nothing; "
                "copy the definition into $defs and refer to it as '#/$defs/<name>'",
                param=path,
            )
        body = unquote(fragment[1:])
        pointer: Pointer | None
        if not body:
            pointer = ()
        elif body.startswith("/"):
            pointer = tuple(
                token.replace("~1", "/").replace("~0", "~") for token in body[1:].split("/")
            )
        else:
            pointer = self._anchor(body)
        if pointer is None or not isinstance(self._at(pointer), Mapping | bool):
            raise InvalidRequestError(
                f"$ref {ref!r} points at nothing in this schema; "
                "add the definition under $defs or correct the reference",
                param=path,
            )
        return pointer

    def target(self, pointer: Pointer) -> tuple[Any, str]:
        """The schema at ``pointer`` and its path in the caller's request."""
        path = self.path
        node: Any = self.root
        for token in pointer:
            path += f"[{token}]" if isinstance(node, list) else f".{token}"
            node = node[int(token)] if isinstance(node, list) else node[token]
        return node, path

    def follow(self, pointer: Pointer) -> Pointer:
        """``pointer``, or where it ends when it points at nothing but another reference."""
        seen = {pointer}
        while True:
            schema, path = self.target(pointer)
            found = ref_of(schema) if isinstance(schema, Mapping) else None
            if found is None or not set(schema) <= ANNOTATIONS | {found[0]}:
                return pointer
            pointer = self.resolve(found[1], f"{path}.{found[0]}")
            if pointer in seen:
                raise InvalidRequestError("this $ref leads back to itself", param=path)
            seen.add(pointer)

    def cyclic(self, pointer: Pointer) -> bool:
        """Whether the schema at ``pointer`` contains a reference that leads back to it."""
        if self._cyclic is None:
            self._cyclic = self._find_cycles()
        return pointer in self._cyclic

    def name(self, pointer: Pointer) -> str:
        """The name of a definition in the output: its own where MFJS allows that.

        MFJS: "definition names must not contain `/`"; walle reads them without unescaping.
        """
        known = self._names.get(pointer)
        if known is not None:
            return known
        words = pointer[-2:] if pointer and pointer[-1].isdigit() else pointer[-1:]
        stem = _UNSAFE.sub("_", "_".join(words)) or "Root"
        name, count = stem, 1
        while name in self._pointers:
            count += 1
            name = f"{stem}_{count}"
        self._names[pointer] = name
        self._pointers[name] = pointer
        return name

    def pointer(self, name: str) -> Pointer:
        """The pointer that ``name`` was given for."""
        return self._pointers[name]

    def _at(self, pointer: Pointer) -> object:
        node: object = self.root
        for token in pointer:
            if isinstance(node, Mapping) and token in node:
                node = node[token]
            elif isinstance(node, list) and token.isdecimal() and int(token) < len(node):
                node = node[int(token)]
            else:
                return None
        return node

    def _anchor(self, name: str) -> Pointer | None:
        if self._anchors is None:
            self._anchors = {}
            stack: list[tuple[object, Pointer]] = [(self.root, ())]
            seen: set[int] = set()
            while stack:
                node, pointer = stack.pop()
                if id(node) in seen:
                    continue
                seen.add(id(node))
                if isinstance(node, Mapping):
                    for keyword in ("$anchor", "$dynamicAnchor"):
                        if isinstance(node.get(keyword), str):
                            self._anchors.setdefault(node[keyword], pointer)
                    stack += [(value, (*pointer, str(key))) for key, value in node.items()]
                elif isinstance(node, list):
                    stack += [(value, (*pointer, str(i))) for i, value in enumerate(node)]
        return self._anchors.get(name)

    def _edges(self, start: object, path: str) -> tuple[Pointer, ...]:
        """The pointers of all references inside ``start``, without following them."""
        found: dict[Pointer, None] = {}
        stack = [(start, path)]
        seen: set[int] = set()
        while stack:
            node, where = stack.pop()
            if not isinstance(node, Mapping) or id(node) in seen:
                continue
            seen.add(id(node))
            ref = ref_of(node)
            if ref is not None:
                found[self.resolve(ref[1], f"{where}.{ref[0]}")] = None
            stack += subschemas(node, where)
        return tuple(found)

    def _find_cycles(self) -> frozenset[Pointer]:
        """Tarjan's strongly connected components, without recursion: schemas may be deep."""
        graph: dict[Pointer, tuple[Pointer, ...]] = {}
        todo = list(self._edges(self.root, self.path))
        while todo:
            pointer = todo.pop()
            if pointer not in graph:
                graph[pointer] = self._edges(*self.target(pointer))
                todo += graph[pointer]
        cyclic: set[Pointer] = set()
        index: dict[Pointer, int] = {}
        low: dict[Pointer, int] = {}
        component: list[Pointer] = []
        waiting: set[Pointer] = set()
        for start in list(graph):
            if start in index:
                continue
            index[start] = low[start] = len(index)
            component.append(start)
            waiting.add(start)
            calls = [(start, iter(graph[start]))]
            while calls:
                node, successors = calls[-1]
                for successor in successors:
                    if successor not in index:
                        index[successor] = low[successor] = len(index)
                        component.append(successor)
                        waiting.add(successor)
                        calls.append((successor, iter(graph[successor])))
                        break
                    if successor in waiting:
                        low[node] = min(low[node], index[successor])
                else:
                    calls.pop()
                    if calls:
                        low[calls[-1][0]] = min(low[calls[-1][0]], low[node])
                    if low[node] == index[node]:
                        members = [component.pop()]
                        while members[-1] != node:
                            members.append(component.pop())
                        waiting.difference_update(members)
                        if len(members) > 1 or node in graph[node]:
                            cyclic.update(members)
        return frozenset(cyclic)


def refs_in(schema: object) -> list[str]:
    """The definition names that a rewritten schema refers to, in order, each once."""
    names: dict[str, None] = {}
    stack = [schema]
    while stack:
        node = stack.pop()
        if not isinstance(node, Mapping):
            continue
        if isinstance(node.get("$ref"), str):
            names[node["$ref"].removeprefix("#/$defs/")] = None
        stack += [sub for sub, _ in subschemas(node, "")][::-1]
    return list(names)


def finite(schema: Mapping[str, Any], defs: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether some finite value satisfies a rewritten schema (JSON schema's own meaning)."""
    known: set[str] = set()

    def holds(node: Mapping[str, Any]) -> bool:
        if "$ref" in node:
            return node["$ref"].removeprefix("#/$defs/") in known
        if "anyOf" in node:
            return any(holds(branch) for branch in node["anyOf"])
        if node.get("type") == "array":
            return not node.get("minItems") or "items" not in node or holds(node["items"])
        return all(holds(node["properties"][name]) for name in node.get("required", ()))

    while True:
        grown = {name for name in defs if name not in known and holds(defs[name])}
        if not grown:
            return holds(schema)
        known |= grown


class Walk:
    """Moonshot's own test whether a rewritten schema comes to an end.

    It is stricter than JSON schema: an array counts as endless when its items are, although it
    may be empty (github.com/MoonshotAI/walle, ``CheckRefTermination``). ``blockers`` receives the
    objects that require such an array, the array's name and the object's place: the name of a
    definition (empty: the root) and what comes below it.
    """

    def __init__(self, defs: Mapping[str, Mapping[str, Any]]) -> None:
        self.blockers: list[tuple[Any, str, str, str]] = []
        self._defs = defs
        self._seen: set[str] = set()

    def ends(self, node: Mapping[str, Any], definition: str = "", below: str = "") -> bool:
        """Whether the validator finds a way out of ``node``."""
        if "$ref" in node:
            name = node["$ref"].removeprefix("#/$defs/")
            if name in self._seen:
                return False
            self._seen.add(name)
            return self.ends(self._defs[name], name)
        if "anyOf" in node:
            return any(
                self.ends(branch, definition, f"{below}.anyOf[{index}]")
                for index, branch in enumerate(node["anyOf"])
            )
        if node.get("type") == "array":
            return "items" not in node or self.ends(node["items"], definition, f"{below}.items")
        if node.get("type") != "object" or not node.get("required"):
            return True
        for name in node["required"]:
            sub = node["properties"][name]
            if self.ends(sub, definition, f"{below}.properties.{name}"):
                return True
            if sub.get("type") == "array" and not sub.get("minItems"):
                self.blockers.append((node, name, definition, below))
        return False
