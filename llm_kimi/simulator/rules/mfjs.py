"""Checks that a JSON schema is Moonshot-flavoured (MFJS), in the words of the API.

Comes in: a schema as parsed JSON, and the level it is held to. Goes out: None, or the first
complaint as ``At path 'properties.x': type is not defined``. The rules are those that Moonshot's
own validator (https://github.com/MoonshotAI/walle at 196bb0c) has in its code, which is more than
its prose says (``pattern`` and an ``enum`` of booleans pass at every level), and at level
``server`` what posted answers of the API show besides. This is the simulator's own reading,
independent of what the translation does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from .mfjs_refs import References, definition_depths, resolve_ref
from .mfjs_terms import (
    ANNOTATIONS,
    KEYWORDS,
    MAX_ANY_OF,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_ENUM,
    MAX_PROPERTIES,
    RESERVED,
    ROOT_ONLY,
    SUPPORTED,
    TYPES,
    Level,
    NotMFJS,
    Path,
    Schema,
    fail,
)

__all__ = ["check_schema"]

_TYPE_IN_ANY_OF = (
    "when using anyOf, type should be defined in anyOf items instead of the parent schema"
)


def check_schema(schema: Schema, level: Level = "server") -> str | None:
    """The first complaint about ``schema``, or None when it is Moonshot-flavoured."""
    try:
        if schema:  # the schema {} means anything
            _Check(schema, level).run()
    except NotMFJS as complaint:
        return str(complaint)
    except RecursionError:
        return f"At path 'root': schema depth exceeds maximum limit of {MAX_DEPTH}"
    return None


class _Check:
    """One walk through one schema."""

    def __init__(self, root: Schema, level: Level) -> None:
        self.root = root
        self.level = level
        self.ultra = level == "ultra"
        self.live = level == "server"
        self.properties = 0
        self.deepest = 0
        self.refs: list[str] = []
        self.depths = definition_depths(root)

    def run(self) -> None:
        if _size(self.root) > MAX_BYTES:
            fail((), "schema exceeds maximum allowed size")
        self.schema(self.root, (), 0)
        if self.deepest > MAX_DEPTH:
            fail((), f"schema depth exceeds maximum limit of {MAX_DEPTH}")
        for ref in self.refs:
            if resolve_ref(self.root, ref) is None:
                fail((), f"invalid $ref path: {ref}")
        References(self.root, self.level).check()

    def schema(self, node: Schema, path: Path, depth: int) -> None:
        """One schema and everything below it."""
        self.deepest = max(self.deepest, depth)
        if depth > MAX_DEPTH:
            fail(path, f"schema depth exceeds maximum limit of {MAX_DEPTH}")
        if self.ultra and node.keys() - SUPPORTED:
            fail(path, f"unsupported keywords: {', '.join(sorted(node.keys() - SUPPORTED))}")
        self.defs(node, path, depth)
        self.type(node, path)
        self.keywords(node, path)
        self.ref(node, path, depth)
        self.any_of(node, path)
        if self.live:
            self.seen_live(node, path)
        for child_path, child, deeper in self.children(node, path):
            self.schema(child, child_path, depth + deeper)

    # -- type --------------------------------------------------------------------------------------

    def type(self, node: Schema, path: Path) -> None:
        if "type" not in node:
            return
        if "anyOf" in node:
            fail(path, _TYPE_IN_ANY_OF)
        if "$ref" in node:
            fail(
                path,
                "when using $ref, type should be defined in the referenced schema instead of the "
                "parent schema",
            )
        given = node["type"]
        names = [given] if isinstance(given, str) else given
        if not isinstance(names, list):
            fail(path, "type must be string or array of strings")
        if not names:
            fail(path, "type array cannot be empty")
        if any(not isinstance(name, str) or name not in TYPES for name in names):
            fail(path, "invalid type" if isinstance(given, str) else "invalid type in type array")
        if len(names) > 1:
            self.several_types(node, names, path)
        if self.ultra:
            if isinstance(given, list) and len(set(names)) < len(names):
                fail((*path, "type"), "duplicate types in type array")
            self.allowed(node, names, path)

    def several_types(self, node: Schema, names: list[str], path: Path) -> None:
        """Beside several types only annotations may stand, or an enum beside two plain ones."""
        enum = len(names) == 2 and node.get("enum") is not None
        if "enum" in node and {"object", "array"} & set(names):
            fail(path, "type object or array is not allowed in combination with enum")
        spared = ANNOTATIONS | {"type"} | (ROOT_ONLY if not path else frozenset())
        others = sorted(node.keys() - spared)
        if others and not enum:
            fail(path, f"keyword {others[0]} is not allowed in combination with multiple types")

    def allowed(self, node: Schema, names: list[str], path: Path) -> None:
        """Ultra: only the keywords of the type, with ranges that are none the wrong way round."""
        allowed = frozenset.intersection(*(KEYWORDS[name] for name in names))
        invalid = sorted(node.keys() - allowed - (ROOT_ONLY if not path else frozenset()))
        if invalid:
            fail(path, f"invalid keywords: {', '.join(invalid)}")
        whole = "integer" in names
        for low, high, least in (
            ("minLength", "maxLength", 0.0),
            ("minimum", "maximum", -math.inf),
            ("minItems", "maxItems", 0.0),
        ):
            limits = [(name, node[name]) for name in (low, high) if node.get(name) is not None]
            for name, value in limits:
                if not _is_number(value) or ((whole or least == 0) and value != math.floor(value)):
                    fail(
                        path, f"{name} must be {'an integer' if whole or not least else 'a number'}"
                    )
                if value < least:
                    fail(path, f"{name} must be non-negative")
            if len(limits) == 2 and limits[0][1] > limits[1][1]:
                fail(path, f"{low} ({node[low]}) cannot be greater than {high} ({node[high]})")

    # -- one keyword at a time ---------------------------------------------------------------------

    def keywords(self, node: Schema, path: Path) -> None:
        if "$id" in node and not isinstance(node["$id"], (str, type(None))):
            fail((*path, "$id"), "$id must be a string")
        if not isinstance(node.get("additionalProperties", True), (bool, dict)):
            fail(
                (*path, "additionalProperties"),
                "additionalProperties must be a boolean or an object",
            )
        if not isinstance(node.get("description", ""), str):
            fail((*path, "description"), "description must be a string")
        self.enum(node, path)
        if not isinstance(node.get("items", {}), dict):
            fail((*path, "items"), "items must be an object")
        if not isinstance(node.get("pattern"), (str, type(None))):
            fail((*path, "pattern"), "pattern must be a string")
        self.members(node, path)
        self.required(node, path)

    def enum(self, node: Schema, path: Path) -> None:
        if "enum" not in node:
            return
        values, at = node["enum"], (*path, "enum")
        if not isinstance(values, list):
            fail(at, "enum must be an array")
        if not values:
            fail(at, "enum array cannot be empty")
        if len(values) > MAX_ENUM:
            fail(at, f"enum array cannot have more than {MAX_ENUM} items")
        _needs_parent(path, at)
        if "type" not in node:
            fail(path, "type is not defined")
        types = node["type"]
        names = [types] if isinstance(types, str) else list(types)
        if len(names) > 2 or (len(names) == 2 and "null" not in names):
            fail(
                path,
                "when type is array and enum is specified, currently only 2 types are supported, "
                "one must be null, and the other can be string/integer/number/boolean",
            )
        if len(names) == 2 and set(names) <= {"null", "object", "array"}:
            fail(path, "invalid type combination with enum")
        for value in values:
            if not any(_matches(value, name, at) for name in names):
                shown = value if isinstance(value, str) else json.dumps(value)
                fail(at, f"enum value ({shown}) does not match any type in [{' '.join(names)}]")

    def members(self, node: Schema, path: Path) -> None:
        properties, at = node.get("properties", {}), (*path, "properties")
        if not isinstance(properties, dict):
            fail(at, "properties must be an object")
        self.properties += len(properties)
        if self.properties > MAX_PROPERTIES:
            fail(
                path,
                f"total number of properties keys({self.properties}) across all objects exceeds "
                f"maximum limit of {MAX_PROPERTIES}",
            )
        for name, child in properties.items():
            if self.ultra and not name:
                fail(at, "property name cannot be empty")
            if name in RESERVED:
                fail(at, f"property name '{name}' is reserved for JSON Schema keywords")
            if not isinstance(child, dict):
                fail(at, f"property schema for '{name}' must be an object")

    def required(self, node: Schema, path: Path) -> None:
        required, at = node.get("required", []), (*path, "required")
        if not isinstance(required, list):
            fail(at, "required must be an array")
        if not required:
            return
        if not all(isinstance(name, str) for name in required):
            fail(at, "items in required array must be strings")
        if self.ultra:
            if "" in required:
                fail(at, "property names in required array cannot be empty")
            if len(set(required)) < len(required):
                fail(at, "duplicate items in required array")
        _needs_parent(path, at)
        if self.ultra and node.get("type") not in ("object", ["object"]):
            fail(at, "required keyword must be used with object")
        for name in required:
            if name not in node.get("properties", {}):
                fail(at, f"required property '{name}' is not defined in properties")

    def any_of(self, node: Schema, path: Path) -> None:
        if "anyOf" not in node:
            return
        branches, at = node["anyOf"], (*path, "anyOf")
        what = "conflicting keywords found in anyOf with parent"
        if not isinstance(branches, list):
            fail(at, "anyOf must be an array")
        if not 1 <= len(branches) <= MAX_ANY_OF:
            fail(at, f"anyOf must have 1-{MAX_ANY_OF} items")
        if not all(isinstance(branch, dict) for branch in branches):
            fail(at, "schema in anyOf must be an object")
        _needs_parent(path, at)
        self.alone(node, "anyOf", path)
        # Since 2026-06-09 an annotation on both sides is a conflict, but not at level strict.
        spared = frozenset() if self.ultra else ANNOTATIONS
        outer = node.keys() - {"anyOf"} - spared
        for branch in branches:
            both = sorted(branch.keys() & outer)
            if both:
                fail(
                    path,
                    f"{what}: keywords ({', '.join(both)}) are defined on the parent schema and "
                    "inside anyOf; remove them from the parent or from anyOf branches",
                )

    def ref(self, node: Schema, path: Path, depth: int) -> None:
        if "$ref" not in node:
            return
        ref, at = node["$ref"], (*path, "$ref")
        if not isinstance(ref, str):
            fail(at, "$ref must be a string")
        self.refs.append(ref)
        self.deepest = max(self.deepest, depth + self.depths.get(ref, 0))
        if ref == "#":
            return
        if not ref.startswith("#/$defs/"):
            fail(at, "references must start with #/$defs/")
        if ref == "#/$defs/":
            fail(at, "definition name cannot be empty")
        if "$defs" not in self.root:
            fail(at, f"$defs not found for reference: {ref}")
        _needs_parent(path, at)
        self.alone(node, "$ref", path)

    def alone(self, node: Schema, keyword: str, path: Path) -> None:
        """Ultra: nothing but annotations beside ``anyOf`` and ``$ref``."""
        spared = ANNOTATIONS | {keyword} | (ROOT_ONLY if not path else frozenset())
        others = sorted(node.keys() - spared)
        if self.ultra and others:
            fail(path, f"keyword '{others[0]}' is not allowed at the same level as {keyword}")

    def defs(self, node: Schema, path: Path, depth: int) -> None:
        defs, at = node.get("$defs", {}), (*path, "$defs")
        if not isinstance(defs, dict):
            fail(at, "$defs must be an object")
        for name, child in defs.items():
            if not name:
                fail(at, "$defs property name cannot be empty")
            if not isinstance(child, dict):
                fail(at, f"$defs schema must be object: {name}")
            for key in (name, *_keys(child)):
                if "/" in key:
                    fail(at, f"$defs property name '{key}' cannot contain '/' character")
        for name, child in defs.items():
            self.schema(child, (*at, name), depth)

    def children(self, node: Schema, path: Path) -> Iterator[tuple[Path, Schema, int]]:
        """The schemas right below: path, schema, how much deeper the validator counts it."""
        for name, child in node.get("properties", {}).items():
            yield (*path, "properties", name), child, 1
        if "items" in node:
            yield (*path, "items"), node["items"], 0
        extra = node.get("additionalProperties")
        if isinstance(extra, dict) and extra:  # {} means anything here
            yield (*path, "additionalProperties"), extra, 0
        for branch in node.get("anyOf", ()):
            yield (*path, "anyOf"), branch, 0

    # -- what only the API was seen to refuse ------------------------------------------------------

    def seen_live(self, node: Schema, path: Path) -> None:
        if "type" not in node and not {"anyOf", "oneOf", "$ref"} & node.keys():
            # https://github.com/earendil-works/pi/issues/5822
            fail(path, "type is not defined")
        if "type" in node and "oneOf" in node:
            # https://github.com/MoonshotAI/kimi-code/issues/2661
            fail(path, _TYPE_IN_ANY_OF)
        branches = node.get("allOf")
        seen: dict[str, object] = {}
        for branch in branches if isinstance(branches, list) else ():
            for key in ("if", "then", "else"):
                if not isinstance(branch, dict) or key not in branch:
                    continue
                if seen.setdefault(key, branch[key]) != branch[key]:
                    # https://github.com/earendil-works/pi/issues/5822: folded into one schema.
                    fail(
                        path,
                        f"Conflict in schema definitions for key '{key}'. "
                        f"Previous: {seen[key]}, New: {branch[key]}",
                    )


def _needs_parent(path: Path, at: Path) -> None:
    """The validator looks some keywords' parents up by path, and reads braces as an index."""
    for name in path:
        if "{" in name and "}" in name:
            fail(at, f"invalid path: {'.'.join(path)}")


def _keys(value: object) -> Iterator[str]:
    """All keys below, through objects and the objects of lists."""
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        yield key
        for below in inner if isinstance(inner, list) else (inner,):
            yield from _keys(below)


def _matches(value: Any, name: str, at: Path) -> bool:
    """Whether an enum value is of a type; next to a number nothing else is even compared."""
    if name in ("number", "integer"):
        if not _is_number(value) or (name == "integer" and not float(value).is_integer()):
            fail(at, f"not a valid {name}")
        return True
    kinds: Mapping[str, type | tuple[type, ...]] = {
        "string": str,
        "boolean": bool,
        "null": type(None),
        "array": list,
        "object": dict,
    }
    return isinstance(value, kinds[name])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _size(schema: Schema) -> int:
    """Bytes of the schema as Go writes it, which escapes what could end a script in HTML."""
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    escaped = 5 * sum(map(text.count, "<>&")) + 3 * sum(map(text.count, "\u2028\u2029"))
    return len(text.encode("utf-8", "replace")) + escaped
