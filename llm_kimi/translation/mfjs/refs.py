"""The references inside one JSON schema: what they point at, which of them go round in a circle.

In comes the caller's schema and its path in the request; nothing is copied or changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeGuard
from urllib.parse import unquote

from ...errors import InvalidRequestError
from .model import Part
from .resources import Place, Pointer, Resource, Resources, Scope
from .syntax import ANNOTATIONS, ref_of, subschemas

__all__ = ["Document"]

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


class Document:
    """A schema as a whole: resolves its references and names its definitions."""

    def __init__(self, root: Mapping[str, Any], path: str) -> None:
        self.root = root
        self.path = path
        self._resources: Resources | None = None
        self._dynamic: bool | None = None
        self._cyclic: set[tuple[int, Scope]] | None = None
        self._ends: dict[tuple[Place, frozenset[str]], Place] = {}
        self._names: dict[Place, str] = {}
        self._places: dict[str, Place] = {}
        self._counts: dict[str, int] = {}

    @property
    def resources(self) -> Resources:
        """The schemas with a URI of their own, looked for when the first reference is."""
        if self._resources is None:
            self._resources = Resources(self.root)
        return self._resources

    def enter(self, schema: object, scope: Scope) -> Scope:
        """``scope`` inside ``schema``."""
        if self._dynamic is None:
            self._dynamic = _has_dynamic_anchors(self.root)
        if not self._dynamic:
            return scope
        return self.resources.enter(scope, self.resources.of(schema).real)

    def resolve(self, part: Part) -> Place | None:
        """Where the reference in ``part`` points, None where it has none or points outside.

        Raises:
            InvalidRequestError: for one that points at nothing.
        """
        found = ref_of(part.schema) if isinstance(part.schema, Mapping) else None
        if found is None:
            return None
        keyword, ref = found
        path = f"{part.path}.{keyword}"
        if not isinstance(ref, str):
            raise InvalidRequestError("a $ref must be text", param=path)
        home = self.resources.of(part.schema)
        scope = self.resources.enter(part.scope, home.real)
        if keyword == "$recursiveRef" and ref == "#":
            pointer: Pointer | None = self.resources.recursive(scope, home.real)
        else:
            pointer = self._look_up(ref, home, path, scope if keyword == "$dynamicRef" else None)
        if pointer is None:
            return None
        return Place(pointer, self.resources.enter(scope, self.resources.at(pointer)))

    def _look_up(self, ref: str, home: Resource, path: str, scope: Scope | None) -> Pointer | None:
        """``ref`` from where it is written; else from around there.

        Generators write an ``$id`` into every schema and mean the whole document all the same.
        """
        known = False
        for base in home.around():
            named = self.resources.named(base, ref) if base.embedded else None
            if named is None:
                continue
            known = True
            resource, fragment = named
            pointer = self._inside(resource, fragment)
            if scope is not None:
                dynamic = self.resources.dynamic(scope, resource, fragment)
                pointer = pointer if dynamic is None else dynamic
            if self._is_schema(pointer):
                return pointer
        if ref.startswith("#/"):
            for base in home.around():
                pointer = self._inside(base, unquote(ref[1:]))
                if self._is_schema(pointer):
                    return pointer
        if known:
            raise InvalidRequestError(
                f"$ref {ref!r} points at nothing in this schema; "
                "add the definition under $defs or correct the reference",
                param=path,
            )
        return None

    def _is_schema(self, pointer: Pointer | None) -> TypeGuard[Pointer]:
        return pointer is not None and isinstance(self._at(pointer), Mapping | bool)

    def _inside(self, resource: Resource, fragment: str) -> Pointer | None:
        if not fragment:
            return resource.pointer
        if not fragment.startswith("/"):
            return resource.anchors.get(fragment)
        tokens = (t.replace("~1", "/").replace("~0", "~") for t in fragment[1:].split("/"))
        return (*resource.pointer, *tokens)

    def target(self, place: Place) -> Part:
        """The schema at ``place``."""
        path = self.path
        node: Any = self.root
        for token in place.pointer:
            path += f"[{token}]" if isinstance(node, list) else f".{token}"
            node = node[int(token)] if isinstance(node, list) else node[token]
        return Part(node, path, place.scope)

    def follow(self, place: Place, may_say: frozenset[str] = ANNOTATIONS) -> Place:
        """``place``, or where it ends when it points at nothing but another reference.

        ``may_say``: the keywords beside a reference that do not matter.
        """
        passed: dict[Place, None] = {}
        while (place, may_say) not in self._ends:
            part = self.target(place)
            found = ref_of(part.schema) if isinstance(part.schema, Mapping) else None
            if found is None or not set(part.schema) <= may_say | {found[0]}:
                break
            end = self.resolve(part)
            if end is None:
                break
            passed[place] = None
            if end in passed:
                raise InvalidRequestError("this $ref leads back to itself", param=part.path)
            place = end
        place = self._ends.get((place, may_say), place)
        self._ends.update(((each, may_say), place) for each in passed)
        return place

    def cyclic(self, place: Place) -> bool:
        """Whether the schema at ``place`` contains a reference that leads back to it."""
        if self._cyclic is None:
            self._cyclic = _on_circles(self._graph())
        return (id(self._at(place.pointer)), place.scope) in self._cyclic

    def name(self, place: Place) -> str:
        """The name of a definition in the output: its own where MFJS allows that.

        MFJS: "definition names must not contain `/`"; walle reads them without unescaping.
        """
        known = self._names.get(place)
        if known is not None:
            return known
        pointer = place.pointer
        words = pointer[-2:] if pointer and pointer[-1].isdigit() else pointer[-1:]
        stem = _UNSAFE.sub("_", "_".join(words)) or "Root"
        name = stem
        while name in self._places:
            self._counts[stem] = self._counts.get(stem, 1) + 1
            name = f"{stem}_{self._counts[stem]}"
        self._names[place] = name
        self._places[name] = place
        return name

    def place(self, name: str) -> Place:
        """The place that ``name`` was given for."""
        return self._places[name]

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

    def _graph(self) -> dict[tuple[int, Scope], list[tuple[int, Scope]]]:
        """Which schema leads to which, through a keyword or a reference; each is walked once."""
        graph: dict[tuple[int, Scope], list[tuple[int, Scope]]] = {}
        stack = [Part(self.root, self.path, self.enter(self.root, ()))]
        while stack:
            part = stack.pop()
            key = (id(part.schema), part.scope)
            if not isinstance(part.schema, Mapping) or key in graph:
                continue
            graph[key] = []
            place = self.resolve(part)
            inner = [
                Part(sub, path, self.enter(sub, part.scope))
                for sub, path in subschemas(part.schema, part.path)
                if isinstance(sub, Mapping)
            ]
            if place is not None:
                inner.append(self.target(place))
            graph[key] = [(id(sub.schema), sub.scope) for sub in inner]
            stack += inner
        return graph


def _has_dynamic_anchors(root: Mapping[str, Any]) -> bool:
    """Whether there may be any; nearly no schema has them, and without them scopes are empty."""
    try:
        text = json.dumps(root, default=str)
    except (TypeError, ValueError, RecursionError):
        return True
    return '"$dynamicAnchor"' in text or '"$recursiveAnchor"' in text


def _on_circles(graph: Mapping[Any, list[Any]]) -> set[Any]:
    """The nodes from which a way leads back to them.

    Tarjan's strongly connected components, without recursion: schemas may be deep.
    """
    found: set[Any] = set()
    index: dict[Any, int] = {}
    low: dict[Any, int] = {}
    component: list[Any] = []
    waiting: set[Any] = set()
    for start in graph:
        if start in index:
            continue
        calls = [(start, iter(graph[start]))]
        index[start] = low[start] = len(index)
        component.append(start)
        waiting.add(start)
        while calls:
            node, successors = calls[-1]
            for successor in successors:
                if successor not in index:
                    index[successor] = low[successor] = len(index)
                    component.append(successor)
                    waiting.add(successor)
                    calls.append((successor, iter(graph.get(successor, ()))))
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
                    if len(members) > 1 or node in graph.get(node, ()):
                        found.update(members)
    return found
