"""The schemas with an address of their own (``$id``) inside one document, and their anchors.

In comes the caller's schema, out go the places that a URI or an anchor names. Draft 4's ``id``
counts as ``$id``, and an ``$id`` that is only a fragment as an anchor, as it did in draft 6 and 7.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote, urljoin

from .syntax import positions

__all__ = ["Place", "Pointer", "Resource", "Resources", "Scope"]

Pointer: TypeAlias = tuple[str, ...]
"""The unescaped tokens that lead from the root of the document to a schema."""

Scope: TypeAlias = tuple[Pointer, ...]
"""The resources that were entered on the way to a schema, outermost first: $dynamicRef asks them.

Only those that matter are listed: none in a document whose dynamic anchors are all different.
"""

_RECURSIVE = "$recursiveAnchor"


class Place(NamedTuple):
    """A schema in a document, and the resources through which it was come to."""

    pointer: Pointer
    scope: Scope = ()


@dataclass(eq=False)
class Resource:
    """A schema with a URI: the root, and what is embedded with an ``$id``.

    Not ``embedded``: a schema that only brings definitions of its own. References to them are
    written as if it were the root where a whole schema was put into another one.
    """

    uri: str
    pointer: Pointer
    parent: Resource | None = None
    anchors: dict[str, Pointer] = field(default_factory=dict)
    dynamic: dict[str, Pointer] = field(default_factory=dict)
    embedded: bool = True

    @property
    def real(self) -> Resource:
        """This resource, or the next one around it that has a URI."""
        return next(found for found in self.around() if found.embedded)

    def around(self) -> Iterator[Resource]:
        """This resource and those that it is in."""
        found: Resource | None = self
        while found is not None:
            yield found
            found = found.parent


class Resources:
    """All resources of one document, found in one walk over it."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = Resource(_address(root) or "", ())
        self._by_uri = {self.root.uri: self.root}
        self._by_pointer: dict[Pointer, Resource] = {(): self.root}
        self._homes: dict[int, Resource] = {}
        self._scan(root)
        names = Counter(name for found in self._by_pointer.values() for name in found.dynamic)
        self._matters = {
            found.pointer
            for found in self._by_pointer.values()
            if any(names[name] > 1 for name in found.dynamic)
        }

    def of(self, schema: object) -> Resource:
        """The resource that ``schema`` is written in, or what brings definitions inside of it."""
        return self._homes.get(id(schema), self.root)

    def at(self, pointer: Pointer) -> Resource:
        """The resource that contains the schema at ``pointer``."""
        for size in range(len(pointer), 0, -1):
            if pointer[:size] in self._by_pointer:
                return self._by_pointer[pointer[:size]]
        return self.root

    def enter(self, scope: Scope, resource: Resource) -> Scope:
        """``scope`` after something in ``resource`` was come to."""
        if resource.pointer in scope or resource.pointer not in self._matters:
            return scope
        return (*scope, resource.pointer)

    def named(self, base: Resource, ref: str) -> tuple[Resource, str] | None:
        """The resource and the fragment that ``ref`` means when it is written in ``base``."""
        uri, _, fragment = _join(base.uri, ref).partition("#")
        found = self._by_uri.get(uri)
        return None if found is None else (found, unquote(fragment))

    def dynamic(self, scope: Scope, resource: Resource, name: str) -> Pointer | None:
        """Where a ``$dynamicRef`` leads that names a dynamic anchor of ``resource``."""
        if name not in resource.dynamic:
            return None
        for pointer in scope:
            if name in self._by_pointer[pointer].dynamic:
                return self._by_pointer[pointer].dynamic[name]
        return resource.dynamic[name]

    def recursive(self, scope: Scope, resource: Resource) -> Pointer:
        """Where a ``$recursiveRef`` (draft 2019-09) leads that is written in ``resource``."""
        found = self.dynamic(scope, resource, _RECURSIVE)
        return resource.pointer if found is None else found

    def _scan(self, root: Mapping[str, Any]) -> None:
        stack: list[tuple[object, Pointer, Resource]] = [(root, (), self.root)]
        seen: set[int] = set()
        while stack:
            node, pointer, home = stack.pop()
            if not isinstance(node, Mapping) or id(node) in seen:
                continue
            seen.add(id(node))
            address = _address(node) if pointer else None
            if address is not None:
                home = Resource(_join(home.uri, address).rstrip("#"), pointer, home)
                self._by_uri.setdefault(home.uri, home)
                self._by_pointer[pointer] = home
            elif pointer and ("$defs" in node or "definitions" in node):
                home = Resource(home.uri, pointer, home, embedded=False)
            if home is not self.root:
                self._homes[id(node)] = home
            self._name(node, pointer, home)
            stack += [(sub, (*pointer, *tokens), home) for sub, tokens in positions(node)]

    def _name(self, node: Mapping[str, Any], pointer: Pointer, home: Resource) -> None:
        for keyword in ("$anchor", "$dynamicAnchor", "$id", "id"):
            name = node.get(keyword)
            if not isinstance(name, str):
                continue
            if keyword.endswith("id"):
                if not name.startswith("#"):
                    continue
                name = name[1:]
            home.real.anchors.setdefault(name, pointer)
            if keyword == "$dynamicAnchor":
                home.real.dynamic.setdefault(name, pointer)
        if node.get(_RECURSIVE) is True and pointer == home.real.pointer:
            home.real.dynamic.setdefault(_RECURSIVE, pointer)


def _address(schema: Mapping[str, Any]) -> str | None:
    address = schema.get("$id", schema.get("id"))
    if not isinstance(address, str) or not address or address.startswith("#"):
        return None
    return address.partition("#")[0]


def _join(base: str, ref: str) -> str:
    """``ref`` as seen from ``base``; urljoin itself does not know ``urn:`` and ``tag:``."""
    if ref.startswith("#") or not ref:
        return base + ref
    try:
        return urljoin(base, ref)
    except ValueError:  # no URI at all
        return ref
