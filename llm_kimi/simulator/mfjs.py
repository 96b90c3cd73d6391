"""Checks that a JSON schema is Moonshot-flavoured (MFJS), in the words of the API.

Comes in: a schema as parsed JSON. Goes out: None, or the first complaint as
``At path 'properties.x': type is not defined``. The rules are those of Moonshot's own validator
(https://github.com/MoonshotAI/walle) as far as posted errors of the API show them enforced;
keywords that MFJS does not list (``pattern``, ``format``, ``const``) pass, as its specification
says they may. This is the simulator's own reading, independent of what the translation does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeAlias

__all__ = ["check_schema"]

Schema: TypeAlias = Mapping[str, Any]
Path: TypeAlias = tuple[str, ...]

# The limits of the validator's code; its prose names smaller ones.
MAX_BYTES = 120_000
MAX_DEPTH = 30
MAX_PROPERTIES = 3_000
MAX_ANY_OF = 500
MAX_ENUM = 1_000

_TYPES = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})
_ANNOTATIONS = frozenset({"description", "title"})
_RESERVED = frozenset({"$defs", "$ref", "anyOf", "required", "additionalProperties"})
_TYPE_IN_ANY_OF = (
    "when using anyOf, type should be defined in anyOf items instead of the parent schema"
)


class _NotMFJS(Exception):
    """The first complaint."""


def check_schema(schema: Schema) -> str | None:
    """The first complaint about ``schema``, or None when it is Moonshot-flavoured."""
    try:
        if schema:  # the schema {} means anything
            _Check(schema).run()
    except _NotMFJS as complaint:
        return str(complaint)
    except RecursionError:
        return f"At path 'root': schema depth exceeds maximum limit of {MAX_DEPTH}"
    return None


def _fail(path: Path, message: str) -> NoReturn:
    raise _NotMFJS(f"At path '{'.'.join(path) or 'root'}': {message}")


class _Check:
    """One walk through one schema."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self.properties = 0

    def run(self) -> None:
        text = json.dumps(self.root, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode("utf-8", "replace")) > MAX_BYTES:
            _fail((), "schema exceeds maximum allowed size")
        self.schema(self.root, (), 0)
        if not self.ends(self.root, frozenset()):
            _fail((), "detected infinite recursion without termination condition")

    def schema(self, node: Schema, path: Path, depth: int) -> None:
        """One schema and everything below it."""
        if depth > MAX_DEPTH:
            _fail(path, f"schema depth exceeds maximum limit of {MAX_DEPTH}")
        self.type(node, path)
        self.enum(node, path)
        self.any_of(node, path)
        self.ref(node, path)
        self.all_of(node, path)
        self.object(node, path)
        for name in ("description", "$id"):
            if node.get(name) is not None and not isinstance(node[name], str):
                _fail((*path, name), f"{name} must be a string")
        for child_path, child, deeper in self.children(node, path):
            self.schema(child, child_path, depth + deeper)

    def type(self, node: Schema, path: Path) -> None:
        if "type" not in node:
            if not {"anyOf", "oneOf", "$ref"} & node.keys():
                _fail(path, "type is not defined")
            return
        if "anyOf" in node or "oneOf" in node:
            _fail(path, _TYPE_IN_ANY_OF)
        if "$ref" in node:
            _fail(
                path,
                "when using $ref, type should be defined in the referenced schema instead of the "
                "parent schema",
            )
        given = node["type"]
        if isinstance(given, str):
            if given not in _TYPES:
                _fail(path, "invalid type")
        elif isinstance(given, list):
            if not given:
                _fail(path, "type array cannot be empty")
            if any(not isinstance(name, str) or name not in _TYPES for name in given):
                _fail(path, "invalid type in type array")
        else:
            _fail(path, "type must be string or array of strings")

    def enum(self, node: Schema, path: Path) -> None:
        if "enum" not in node:
            return
        values, at = node["enum"], (*path, "enum")
        if not isinstance(values, list):
            _fail(at, "enum must be an array")
        if not values:
            _fail(at, "enum array cannot be empty")
        if len(values) > MAX_ENUM:
            _fail(at, f"enum array cannot have more than {MAX_ENUM} items")
        types = node.get("type")
        if types is None:
            _fail(path, "type is not defined")
        names = [types] if isinstance(types, str) else list(types)
        if len(names) > 2 or (len(names) == 2 and "null" not in names):
            _fail(
                path,
                "when type is array and enum is specified, currently only 2 types are supported, "
                "one must be null, and the other can be string/integer/number/boolean",
            )
        for value in values:
            if not any(_is(value, name) for name in names):
                shown = json.dumps(value) if not isinstance(value, str) else value
                _fail(at, f"enum value ({shown}) does not match any type in [{' '.join(names)}]")

    def any_of(self, node: Schema, path: Path) -> None:
        if "anyOf" not in node:
            return
        branches, at = node["anyOf"], (*path, "anyOf")
        if not isinstance(branches, list):
            _fail(at, "anyOf must be an array")
        if not 1 <= len(branches) <= MAX_ANY_OF:
            _fail(at, f"anyOf must have 1-{MAX_ANY_OF} items")
        outer = node.keys() - _ANNOTATIONS - {"anyOf"}
        for branch in branches:
            if not isinstance(branch, dict):
                _fail(at, "schema in anyOf must be an object")
            both = sorted((branch.keys() - _ANNOTATIONS) & outer)
            if both:
                _fail(path, f"conflicting keywords found in anyOf with parent: {', '.join(both)}")

    def ref(self, node: Schema, path: Path) -> None:
        if "$ref" not in node:
            return
        ref, at = node["$ref"], (*path, "$ref")
        if not isinstance(ref, str):
            _fail(at, "$ref must be a string")
        if ref != "#" and not ref.startswith("#/$defs/"):
            _fail(at, "references must start with #/$defs/")
        if ref == "#/$defs/":
            _fail(at, "definition name cannot be empty")
        if ref != "#" and "$defs" not in self.root:
            _fail(at, f"$defs not found for reference: {ref}")
        target = self.target(ref)
        if target is None:
            _fail((), f"invalid $ref path: {ref}")
        siblings = node.keys() - {"$ref"}
        if not path:
            siblings -= {"$defs", "$id"}
        both = sorted(siblings & target.keys())
        if both:
            _fail(path, f"conflicting keywords found after $ref expansion: {', '.join(both)}")

    def all_of(self, node: Schema, path: Path) -> None:
        # https://github.com/earendil-works/pi/issues/5822: branches are folded into one schema.
        branches = node.get("allOf")
        if not isinstance(branches, list):
            return
        seen: dict[str, object] = {}
        for branch in branches:
            for key in ("if", "then", "else"):
                if not isinstance(branch, dict) or key not in branch:
                    continue
                if key in seen and seen[key] != branch[key]:
                    _fail(
                        path,
                        f"Conflict in schema definitions for key '{key}'. "
                        f"Previous: {seen[key]}, New: {branch[key]}",
                    )
                seen[key] = branch[key]

    def object(self, node: Schema, path: Path) -> None:
        self.defs(node, path)
        properties = node.get("properties", {})
        if not isinstance(properties, dict):
            _fail((*path, "properties"), "properties must be an object")
        self.properties += len(properties)
        if self.properties > MAX_PROPERTIES:
            _fail(
                path,
                f"total number of properties keys({self.properties}) across all objects exceeds "
                f"maximum limit of {MAX_PROPERTIES}",
            )
        for name, child in properties.items():
            if name in _RESERVED:
                _fail(
                    (*path, "properties"),
                    f"property name '{name}' is reserved for JSON Schema keywords",
                )
            if not isinstance(child, dict):
                _fail((*path, "properties"), f"property schema for '{name}' must be an object")
        required = node.get("required", [])
        if not isinstance(required, list):
            _fail((*path, "required"), "required must be an array")
        for name in required:
            if not isinstance(name, str):
                _fail((*path, "required"), "items in required array must be strings")
            if name not in properties:
                _fail(
                    (*path, "required"), f"required property '{name}' is not defined in properties"
                )
        if "items" in node and not isinstance(node["items"], dict):
            _fail((*path, "items"), "items must be an object")
        if not isinstance(node.get("additionalProperties", True), (bool, dict)):
            _fail(
                (*path, "additionalProperties"),
                "additionalProperties must be a boolean or an object",
            )

    def defs(self, node: Schema, path: Path) -> None:
        defs, at = node.get("$defs", {}), (*path, "$defs")
        if not isinstance(defs, dict):
            _fail(at, "$defs must be an object")
        for name, child in defs.items():
            if not name:
                _fail(at, "$defs property name cannot be empty")
            if "/" in name:
                _fail(at, f"$defs property name '{name}' cannot contain '/' character")
            if not isinstance(child, dict):
                _fail(at, f"$defs schema must be object: {name}")

    def children(self, node: Schema, path: Path) -> Iterator[tuple[Path, Schema, int]]:
        """The schemas right below: path, schema, how much deeper the validator counts it."""
        for name, child in node.get("$defs", {}).items():
            yield (*path, "$defs", name), child, 0
        for name, child in node.get("properties", {}).items():
            yield (*path, "properties", name), child, 1
        if "items" in node:
            yield (*path, "items"), node["items"], 0
        extra = node.get("additionalProperties")
        if isinstance(extra, dict) and extra:  # {} means anything here
            yield (*path, "additionalProperties"), extra, 0
        for branch in node.get("anyOf", ()):
            yield (*path, "anyOf"), branch, 0

    def target(self, ref: str) -> Schema | None:
        """What a ``#`` or ``#/$defs/...`` reference points at."""
        found: object = self.root
        for part in ref.split("/")[1:]:
            found = found.get(part) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else None

    def ends(self, node: Schema, seen: frozenset[str]) -> bool:
        """Whether some finite value can satisfy the schema."""
        types = node.get("type")
        names = {types} if isinstance(types, str) else set(types or ())
        if names - {"object", "array"}:
            return True
        if "array" in names:
            return not node.get("items") or self.ends(node["items"], seen)
        if "object" in names:
            required = node.get("required") or ()
            properties = node.get("properties", {})
            return not required or any(self.ends(properties[name], seen) for name in required)
        if "anyOf" in node:
            return any(self.ends(branch, seen) for branch in node["anyOf"])
        ref = node.get("$ref")
        if isinstance(ref, str):
            target = self.target(ref)
            return ref not in seen and target is not None and self.ends(target, seen | {ref})
        return True


def _is(value: object, name: str) -> bool:
    """Whether a JSON value is of the type of that name."""
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if name == "number":
        return isinstance(value, (int, float))
    if name == "string":
        return isinstance(value, str)
    if name == "null":
        return value is None
    return isinstance(value, list if name == "array" else dict) and name in ("array", "object")
