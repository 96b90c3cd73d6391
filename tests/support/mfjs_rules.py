"""The rules of Moonshot-flavoured JSON schema (MFJS), as a checker that shares no code with others.

Written from github.com/MoonshotAI/walle (``docs/walle.md``,
``docs/mfjs-walle-vs-draft-2020-12.md`` and the validator's error texts).
"""

from __future__ import annotations

import json
import sys
from typing import Any

NOTES = {"title", "description"}
KEYWORDS = {
    "object": {"type", "properties", "required", "additionalProperties"} | NOTES,
    "array": {"type", "items", "minItems", "maxItems"} | NOTES,
    "string": {"type", "minLength", "maxLength", "pattern", "enum", "default"} | NOTES,
    "number": {"type", "minimum", "maximum", "enum", "default"} | NOTES,
    "integer": {"type", "minimum", "maximum", "enum", "default"} | NOTES,
    "boolean": {"type", "enum", "default"} | NOTES,
    "null": {"type", "default"} | NOTES,
}
RESERVED = {"", "$defs", "$ref", "anyOf", "required", "additionalProperties"}


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def matches(value: object, kind: str) -> bool:
    if kind == "integer":
        return is_number(value) and value == int(value)
    if kind == "number":
        return is_number(value)
    types = {"string": str, "boolean": bool, "null": type(None), "object": dict, "array": list}
    return isinstance(value, types[kind])


def problems(root: Any) -> list[str]:
    """What walle would find wrong with ``root``; empty for a legal MFJS schema."""
    found: list[str] = []
    used: set[str] = set()
    count = 0
    if not isinstance(root, dict) or root.get("type") != "object":
        return ['type is required and must be "object"']
    if not isinstance(root.get("properties"), dict):
        found.append("the root has no properties")
    defs = root.get("$defs", {})

    def slashes(node: Any) -> bool:
        if isinstance(node, dict):
            return any("/" in key or slashes(value) for key, value in node.items())
        return isinstance(node, list) and any(map(slashes, node))

    def check(node: Any, where: str, depth: int) -> None:
        nonlocal count
        if not isinstance(node, dict) or not node:
            found.append(f"{where}: not a filled object")
            return
        if depth > 30:
            found.append(f"{where}: schema depth exceeds maximum limit")
        keys = set(node) - ({"$defs"} if where == "" else set())
        texts = sorted(n for n in NOTES & keys if not isinstance(node[n], str))
        found.extend(f"{where}: {note} must be a string" for note in texts)
        if "$ref" in node:
            if keys != {"$ref"}:
                found.append(f"{where}: conflicting keywords found after $ref expansion")
            name = node["$ref"].removeprefix("#/$defs/")
            if not node["$ref"].startswith("#/$defs/"):
                found.append(f"{where}: references must start with #/$defs/")
            if name not in defs:
                found.append(f"{where}: $defs not found for reference")
            used.add(name)
            return
        if "anyOf" in node:
            if keys - NOTES != {"anyOf"}:
                found.append(f"{where}: when using anyOf, type should be defined in its items")
            both = [n for n in NOTES & keys if any(n in sub for sub in node["anyOf"])]
            if both:  # at walle's level "ultra", its default
                found.append(f"{where}: conflicting keywords found in anyOf with parent: {both}")
            if not 1 <= len(node["anyOf"]) <= 500:
                found.append(f"{where}: anyOf must have 1-500 items")
            for index, sub in enumerate(node["anyOf"]):
                check(sub, f"{where}.anyOf[{index}]", depth)
            return
        kind = node.get("type")
        if kind not in KEYWORDS:
            found.append(f"{where}: type is not defined ({kind!r})")
            return
        if keys - KEYWORDS[kind]:
            found.append(f"{where}: invalid keywords {sorted(keys - KEYWORDS[kind])}")
        for low, high in (
            ("minimum", "maximum"),
            ("minLength", "maxLength"),
            ("minItems", "maxItems"),
        ):
            for bound in (low, high):
                if bound in node:
                    whole = kind == "integer" or bound not in ("minimum", "maximum")
                    if not matches(node[bound], "integer" if whole else "number"):
                        found.append(f"{where}: {bound} must be a number of the type")
                    if bound not in ("minimum", "maximum") and node[bound] < 0:
                        found.append(f"{where}: {bound} must be non-negative")
            if node.get(low, -sys.maxsize) > node.get(high, sys.maxsize):
                found.append(f"{where}: {low} cannot be greater than {high}")
        if "default" in node and not matches(node["default"], kind):
            found.append(f"{where}: default does not match the type")
        if "enum" in node:
            values = node["enum"]
            if not 1 <= len(values) <= 1000:
                found.append(f"{where}: enum must have 1-1000 values")
            if not all(matches(value, kind) for value in values):
                found.append(f"{where}: enum value does not match any type")
            if len({json.dumps(v) for v in values}) != len(values):
                found.append(f"{where}: repeated enum values")
        if "items" in node:
            check(node["items"], f"{where}.items", depth)
        extra = node.get("additionalProperties", True)
        if not isinstance(extra, bool):
            check(extra, f"{where}.additionalProperties", depth)
        required = node.get("required", [])
        if len(set(required)) != len(required):
            found.append(f"{where}: duplicate items in required array")
        missing = [name for name in required if name not in node.get("properties", {})]
        found.extend(f"{where}: required property '{n}' is not defined" for n in missing)
        for name, sub in node.get("properties", {}).items():
            count += 1
            if name in RESERVED:
                found.append(f"{where}: property name '{name}' is reserved")
            check(sub, f"{where}.properties.{name}", depth + 1)

    check(root, "", 0)
    for name, sub in defs.items():
        if "/" in name or slashes(sub):
            found.append(f"$defs.{name}: '/' in a name")
        check(sub, f"$defs.{name}", 0)
    if set(defs) != used or ("$defs" in root and not defs):
        found.append(f"$defs holds {sorted(defs)}, referred to are {sorted(used)}")
    if count > 3000:
        found.append("too many properties")
    if len(json.dumps(root, ensure_ascii=False, separators=(",", ":")).encode()) > 120_000:
        found.append("schema exceeds maximum allowed size")
    if not found and not ends(root, defs, set()):
        found.append("detected infinite recursion without termination condition")
    return found


def ends(node: dict[str, Any], defs: dict[str, Any], seen: set[str]) -> bool:
    """walle's ``CheckRefTermination``."""
    kind = node.get("type")
    if kind is not None and kind not in ("object", "array"):
        return True
    if kind == "array" and ("items" not in node or ends(node["items"], defs, seen)):
        return True
    if kind == "object":
        required = node.get("required", [])
        if not required or any(ends(node["properties"][n], defs, seen) for n in required):
            return True
    for sub in node.get("anyOf", []):
        if ends(sub, defs, set(seen)):
            return True
    if "$ref" in node:
        name = node["$ref"].removeprefix("#/$defs/")
        if name in seen:
            return False
        seen.add(name)
        return ends(defs[name], defs, seen)
    return False
