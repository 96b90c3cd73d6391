"""``unevaluatedProperties`` and ``unevaluatedItems``: what no other keyword has spoken about.

MFJS has ``additionalProperties`` and ``items`` only. They say the same where it is known what the
other keywords speak about: ``Constraints.seen`` keeps book. Where it is not (patterns, conditions,
tuples, alternatives that several of may hold), the object or list is left open and the rule told
in words: closing it would make valid values impossible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .model import ARRAY, OBJECT, Alternatives, Constraints, Part, Unsupported
from .values import in_words

__all__ = ["ALL_ITEMS", "ALL_NAMES", "SOME_ITEMS", "SOME_NAMES", "close"]

# What is in ``Constraints.seen``: other keywords speak about every property or item, or about some
# of which it is not known here which.
ALL_NAMES, SOME_NAMES = "all names", "some names"
ALL_ITEMS, SOME_ITEMS = "all items", "some items"


def close(result: Alternatives, part: Part, schema: Mapping[str, Any], alone: bool) -> Alternatives:
    """``result`` with the unevaluated* keywords of ``schema``.

    ``alone``: no value satisfies two atoms of ``result``, so that each may be closed by itself.
    """
    names = schema.get("unevaluatedProperties")
    if names is not None:
        result = _close_names(result, part.at(names, ".unevaluatedProperties"), alone)
    items = schema.get("unevaluatedItems")
    if items is not None:
        result = _close_items(result, part.at(items, ".unevaluatedItems"), alone)
    return result


def _close_names(result: Alternatives, rest: Part, alone: bool) -> Alternatives:
    free = rest.schema is True or rest.schema == {}
    atoms: list[Constraints] = []
    for atom in result.atoms:
        kept = free or ALL_NAMES in atom.seen or "object" not in atom.kinds()
        if not kept:
            if atom.ref is not None or atom.extra is not None or SOME_NAMES in atom.seen:
                return _told(result, rest, OBJECT)
            if not alone:
                return _told(result, rest, OBJECT)
            atom = replace(atom, extra=(rest,))
        atoms.append(replace(atom, seen=atom.seen | {ALL_NAMES}))
    return replace(result, atoms=tuple(atoms))


def _close_items(result: Alternatives, rest: Part, alone: bool) -> Alternatives:
    free = rest.schema is True or rest.schema == {}
    atoms: list[Constraints] = []
    for atom in result.atoms:
        kept = free or ALL_ITEMS in atom.seen or "array" not in atom.kinds()
        if not kept:
            if atom.ref is not None or SOME_ITEMS in atom.seen or not alone:
                return _told(result, rest, ARRAY)
            atom = replace(atom, items=(rest,))
        atoms.append(replace(atom, seen=atom.seen | {ALL_ITEMS}))
    return replace(result, atoms=tuple(atoms))


def _told(result: Alternatives, rest: Part, types: frozenset[str]) -> Alternatives:
    what, keyword = "properties", "unevaluatedProperties"
    if types is ARRAY:
        what, keyword = "items", "unevaluatedItems"
    note = f"All other {what} must match {in_words(rest.schema)}."
    if rest.schema is False:
        note = f"No other {what} are allowed."
    reason = (
        f"MFJS cannot say which {what} are left over here: any are accepted, "
        "and the description states the rule"
    )
    rule = Unsupported(keyword, rest.path, rest.schema, note, types, reason=reason)
    return replace(result, rules=(*result.rules, rule))
