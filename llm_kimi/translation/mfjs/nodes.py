"""Single nodes of Moonshot-flavoured JSON schema (MFJS): numbers, enums, descriptions."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from .model import ALL, MISSING, Annotations, Constraints, Unsupported
from .values import carried, fits, in_words

__all__ = [
    "annotate",
    "describe",
    "joined",
    "listed_in_words",
    "number_bounds",
    "settle",
    "within",
]

# Beyond this many characters a text is not copied into every alternative.
_COPIED = 2_000


def number_bounds(schema: dict[str, Any], atom: Constraints, rules: list[Unsupported]) -> None:
    """The bounds of a number; MFJS has inclusive ones only, of integers integral ones only."""
    whole = schema["type"] == "integer"
    for keyword, step, tighter in (("minimum", 1, max), ("maximum", -1, min)):
        exclusive = f"exclusive{keyword.capitalize()}"
        bounds = []
        if keyword in atom.bounds:
            value = atom.bounds[keyword][0]
            bounds.append((math.ceil(value) if step > 0 else math.floor(value)) if whole else value)
        if exclusive in atom.bounds:
            value, path = atom.bounds[exclusive]
            if whole:
                bounds.append((math.floor(value) if step > 0 else math.ceil(value)) + step)
            elif not bounds or tighter(bounds[0], value) == value:
                bounds.append(value)
                side = "greater" if step > 0 else "less"
                note = f"Must be {side} than {value}."
                reason = f"MFJS has {keyword} only, which also accepts the bound itself"
                sent = f"{keyword} {value}"
                rules.append(Unsupported(exclusive, path, value, note, reason=reason, sent=sent))
        if bounds:
            schema[keyword] = tighter(bounds)


def within(value: Any, atom: Constraints) -> bool:
    """Whether a string or number respects the bounds of ``atom``."""
    text = isinstance(value, str)
    size = len(value) if text else value
    tests = {
        "minLength": lambda bound: not text or size >= bound,
        "maxLength": lambda bound: not text or size <= bound,
        "minimum": lambda bound: text or size >= bound,
        "maximum": lambda bound: text or size <= bound,
        "exclusiveMinimum": lambda bound: text or size > bound,
        "exclusiveMaximum": lambda bound: text or size < bound,
    }
    return all(tests[k](bound) for k, (bound, _) in atom.bounds.items() if k in tests)


def listed_in_words(atom: Constraints, values: Sequence[Any]) -> Unsupported:
    """The rule that only ``values`` of an enum are allowed, where MFJS cannot list them."""
    one = "Must be" if len(values) == 1 else "Must be one of:"
    note = f"{one} {', '.join(in_words(value) for value in values)}."
    reason = "MFJS: the values of an enum are strings, numbers or booleans"
    return Unsupported("enum", atom.enum_path, list(values), note, reason=reason)


def annotate(
    schema: dict[str, Any], notes: Annotations, words: list[str]
) -> tuple[dict[str, Any], list[str]]:
    """``schema`` with title, description and default; and what was moved elsewhere."""
    extras: dict[str, Any] = {}
    moved = []
    if notes.default is not MISSING:
        kind = schema.get("type")
        # MFJS: a default "is only allowed for boolean, number, string, integer, and null,
        # and must match the declared type".
        scalar = kind in ALL - {"object", "array"} and fits(notes.default, kind)
        if scalar and carried(notes.default):
            extras["default"] = notes.default
        else:
            words = [*words, f"Default: {in_words(notes.default)}."]
            moved.append("default moved to the description")
    description = joined(notes.description, words)
    if description:
        extras["description"] = description
    if notes.title:
        extras["title"] = notes.title
    if "$ref" in schema and extras:
        # MFJS: "conflicting keywords found after $ref expansion: description".
        schema = {"anyOf": [schema]}
    whole = {**extras, **schema}
    settled = settle(whole)
    if settled is not whole:
        moved.append("title and description beside anyOf moved into its items")
    return settled, moved


def joined(description: str | None, words: Sequence[str]) -> str:
    """A description followed by ``words`` that it does not contain already."""
    text = description or ""
    new = [word for word in dict.fromkeys(words) if word not in text]
    if not new:
        return text
    text = text.rstrip()
    pieces = [text] if text else []
    for word in new:
        if pieces and not pieces[-1].endswith((".", "!", "?", ":", ";")):
            pieces[-1] += "."
        pieces.append(word)
    return " ".join(pieces)


def settle(schema: dict[str, Any]) -> dict[str, Any]:
    """``schema`` with title and description either beside its ``anyOf`` or inside, never both.

    walle's default level: "conflicting keywords found in anyOf with parent". The outer text goes
    in front of that of the branches, since these must stay with what they describe.
    """
    if "anyOf" not in schema:
        return schema
    branches = schema["anyOf"]
    for keyword, between in (("description", "\n"), ("title", ": ")):
        outer = schema.get(keyword)
        described = [branch for branch in branches if keyword in branch]
        if outer is None or not described:
            continue
        schema = {key: value for key, value in schema.items() if key != keyword}
        if len(outer) * len(branches) > _COPIED:
            described = described[:1]
        elif keyword == "description":
            described = [b for b in branches if "$ref" not in b and b.get("type") != "null"]
        chosen = {id(branch) for branch in described}
        branches = [
            {**branch, keyword: _before(outer, branch.get(keyword), between)}
            if id(branch) in chosen
            else branch
            for branch in branches
        ]
        distinct = {json.dumps(branch, sort_keys=True): branch for branch in branches}
        branches = list(distinct.values())
        if len(branches) == 1:
            del schema["anyOf"]
            return {**schema, **branches[0]}
        schema["anyOf"] = branches
    return schema


def _before(outer: str, own: str | None, between: str) -> str:
    if own is None or own == outer or own in outer.split(between):
        return outer
    return own if outer in own.split(between) else f"{outer}{between}{own}"


def describe(schema: dict[str, Any], words: str) -> dict[str, Any]:
    """``schema`` with ``words`` added to its description."""
    if "$ref" in schema:
        return {"description": words, "anyOf": [schema]}
    text = joined(schema.get("description"), [words])
    return settle({**schema, "description": text})
