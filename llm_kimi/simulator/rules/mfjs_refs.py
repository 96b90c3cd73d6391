"""What references in a schema lead to, and whether they come to an end.

Moonshot's validator walks Go maps, whose order changes from run to run, and carries what it found
at one member over to the next. A schema that it takes in one order and refuses in another is
refused here: each member is judged as if it came first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .mfjs_terms import ANNOTATIONS, Level, NotMFJS, Path, Schema, fail

__all__ = ["References", "definition_depths", "resolve_ref"]

_PLACES = frozenset({"additionalProperties", "anyOf", "items"})
# Longest chains of references are sought by trying all of them; beyond this many steps what was
# found so far counts.
_STEPS = 20_000


def resolve_ref(root: Schema, ref: str) -> Schema | None:
    """What ``#`` or ``#/$defs/...`` points at, step by step and without unescaping."""
    if ref == "#":
        return root
    if not ref.startswith("#/$defs/"):
        return None
    found: object = root
    for part in ref[2:].split("/"):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None


class References:
    """The second walk: every reference is looked up, expanded and followed."""

    def __init__(self, root: Schema, level: Level) -> None:
        self.root = root
        self.level = level

    def check(self) -> None:
        """Complain about the first reference that conflicts or never ends."""
        try:
            endless = not self.ends(self.root, set(), ())
        except NotMFJS:
            endless = True
        self.walk(self.root, endless, ())

    def walk(self, node: Schema, endless: bool, path: Path) -> None:
        """``endless``: nothing above lets a value go without what stands here."""
        if "$ref" in node:
            expanded = self.expand(node, path)
            self.beside(node, expanded, path)
            if endless and not self.ends(expanded, set(), path):
                fail(path, "detected infinite recursion without termination condition")
        for key, value in node.items():
            here = (*path, key)
            if isinstance(value, Mapping) and key != "$defs":
                optional = key == "additionalProperties" or (
                    key == "properties" and node.get("required", True) == []
                )
                self.walk(value, endless and not optional, here)
            elif isinstance(value, list) and key == "anyOf":
                for branch in value:
                    if isinstance(branch, Mapping):
                        self.walk(branch, endless, here)

    def target(self, ref: object, path: Path) -> Schema:
        if not isinstance(ref, str):
            fail((*path, "$ref"), "$ref must be a string")
        found = resolve_ref(self.root, ref)
        if found is None:
            fail((), f"invalid $ref path: {ref}")
        return found

    def expand(self, node: Schema, path: Path) -> dict[str, Any]:
        """The schema that a reference stands for, through references that say nothing else."""
        if node["$ref"] is None:
            return dict(node)
        seen = {node["$ref"]} if isinstance(node["$ref"], str) else set()
        found = dict(self.target(node["$ref"], path))
        kept: dict[str, Any] = {}
        while found.get("$ref") is not None and not found.keys() - {"$ref"} - ANNOTATIONS:
            if found["$ref"] in seen:
                break
            after = self.target(found["$ref"], path)
            seen.add(found["$ref"])
            for key in ANNOTATIONS & found.keys():
                if key in kept and self.level == "ultra":
                    fail(
                        path,
                        f'conflicting keywords found after $ref expansion: keyword "{key}" appears '
                        'at multiple levels in a chained "$ref"; keep it in only one place',
                    )
                kept.setdefault(key, found[key])
            found = dict(after)
        return {**found, **kept}

    def beside(self, node: Schema, expanded: Schema, path: Path) -> None:
        """What stands beside a reference may not stand in its target as well."""
        # At the server the words of https://github.com/MoonshotAI/kimi-cli/issues/2061: it was
        # seen to refuse a description on both sides.
        spared = ANNOTATIONS if self.level == "strict" else frozenset()
        beside = node.keys() - {"$ref"} - spared
        both = sorted(beside & expanded.keys())
        if both:
            fail(path, f"conflicting keywords found after $ref expansion: {', '.join(both)}")
        if ("type" in node and "anyOf" in expanded) or ("type" in expanded and "anyOf" in node):
            fail(
                path,
                "invalid schema after $ref expansion: (when using anyOf, type should be defined in "
                "anyOf items instead of the parent schema)",
            )
        if self.level != "ultra":
            beside -= ANNOTATIONS
        branches = expanded.get("anyOf")
        for branch in branches if isinstance(branches, list) else ():
            both = sorted((beside & branch.keys()) - {"anyOf"}) if isinstance(branch, dict) else []
            if both:
                fail(
                    path,
                    "conflicting keywords found in anyOf after ref expansion: keywords "
                    f'({", ".join(both)}) are defined alongside "$ref" and inside anyOf in the '
                    "referenced schema; define them in only one place",
                )
        last = path[-1] if path else ""
        if not (
            len(path) < 2 or last in _PLACES or last.startswith("anyOf") or path[-2] == "properties"
        ):
            fail(path, "$ref is not allowed in this schema.")

    def ends(self, node: Schema, seen: set[str], path: Path) -> bool:
        """Whether the validator finds a way out: any one required property is enough for it."""
        types = node.get("type")
        names = [types] if isinstance(types, str) else types if isinstance(types, list) else []
        if any(name not in ("object", "array") for name in names):
            return True
        kind = names[-1] if names else None
        if kind == "array" and self._array_ends(node, seen, path):
            return True
        if kind == "object" and self._object_ends(node, seen, path):
            return True
        branches = node.get("anyOf")
        if isinstance(branches, list) and self._any_ends(branches, seen, path):
            return True
        ref = node.get("$ref")
        if isinstance(ref, str):
            if ref in seen:
                return False
            seen.add(ref)
            return self.ends(self.target(ref, path), seen, path)
        return not node

    def _array_ends(self, node: Schema, seen: set[str], path: Path) -> bool:
        items = node.get("items")
        if items is None or items == {}:
            return True
        return isinstance(items, Mapping) and self.ends(items, seen, path)

    def _object_ends(self, node: Schema, seen: set[str], path: Path) -> bool:
        required, properties = node.get("required"), node.get("properties")
        if required is None or required == []:
            return True
        if not isinstance(properties, Mapping) or not properties:
            return True
        if not all(isinstance(child, Mapping) for child in properties.values()):
            fail(path, "property schema must be an object")
        names = set(filter(_is_text, required)) if isinstance(required, list) else set()
        return any(
            self.ends(child, seen, path) for name, child in properties.items() if name in names
        )

    def _any_ends(self, branches: list[Any], seen: set[str], path: Path) -> bool:
        if not all(isinstance(branch, Mapping) for branch in branches):
            fail((*path, "anyOf"), "schema in anyOf must be an object")
        if not branches:
            return True
        met = set(seen)
        for branch in branches:
            own = set(seen)
            if self.ends(branch, own, path):
                return True
            met |= own
        seen |= met
        return False


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def definition_depths(root: Schema) -> dict[str, int]:
    """How deep properties nest below each definition, its references followed once each."""
    depths: dict[str, int] = {}
    steps = 0

    def depth(node: object, path: str, seen: frozenset[str]) -> int:
        nonlocal steps
        steps += 1
        if not isinstance(node, Mapping) or not node or steps > _STEPS:
            return 0
        deepest = 0
        ref = node.get("$ref")
        if isinstance(ref, str) and ref not in seen:
            seen |= {ref}
            deepest = depth(resolve_ref(root, ref), ref, seen)
        for name, child, deeper in _children(node):
            deepest = max(deepest, deeper + depth(child, f"{path}/{name}", seen))
        depths[path] = max(deepest, depths.get(path, 0))
        return deepest

    definitions = root.get("$defs")
    for name, child in definitions.items() if isinstance(definitions, Mapping) else ():
        depth(child, f"#/$defs/{name}", frozenset())
    return depths


def _children(node: Schema) -> list[tuple[str, object, int]]:
    properties, branches = node.get("properties"), node.get("anyOf")
    found: list[tuple[str, object, int]] = []
    if isinstance(properties, Mapping):
        found += [("properties", None, 1)]  # an empty one counts as well
        found += [(f"properties/{name}", child, 1) for name, child in properties.items()]
    if isinstance(branches, list):
        found += [(f"anyOf/{place}", branch, 0) for place, branch in enumerate(branches)]
    return [*found, ("additionalProperties", node.get("additionalProperties"), 0)]
