"""``not``, where MFJS can say what is left: values without some types, enums without values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .model import ALL, ANY, NOTHING, TYPES, Alternatives, Constraints
from .syntax import ANNOTATIONS
from .values import same_key

__all__ = ["complement", "doubled", "without"]

_SIZES = frozenset({"minLength", "maxLength", "minItems", "maxItems"})


def without(result: Alternatives, forbidden: object) -> Alternatives | None:
    """``result`` without the values that ``forbidden`` lists, None where that cannot be said."""
    listed = _listed(forbidden)
    if listed is None or not result.atoms or any(atom.enum is None for atom in result.atoms):
        return None
    gone = {same_key(value) for value in listed}
    atoms = []
    for atom in result.atoms:
        kept = tuple(value for value in atom.enum or () if same_key(value) not in gone)
        if kept:
            atoms.append(replace(atom, enum=kept))
    return replace(result, atoms=tuple(atoms))


def complement(forbidden: object) -> Alternatives | None:
    """Every value that does not satisfy ``forbidden``, None where that cannot be said."""
    if isinstance(forbidden, bool):
        return NOTHING if forbidden else ANY
    if not isinstance(forbidden, Mapping):
        return None
    says = set(forbidden) - ANNOTATIONS
    if not says:
        return NOTHING
    if says == {"type"}:
        return _other_types(forbidden["type"])
    if says in ({"const"}, {"enum"}):
        return _other_values(_listed(forbidden) or [])
    if len(says) == 1:
        return _other_sizes(next(iter(says)), forbidden)
    return None


def _other_sizes(keyword: str, forbidden: Mapping[str, Any]) -> Alternatives | None:
    """Texts or lists of the lengths that a schema of nothing but one length forbids."""
    size = forbidden[keyword]
    if keyword not in _SIZES or isinstance(size, bool) or not isinstance(size, int):
        return None
    if size < 0 or (size == 0 and keyword.startswith("min")):
        return None
    other, step = ("max", -1) if keyword.startswith("min") else ("min", 1)
    kind = "string" if keyword.endswith("Length") else "array"
    bounds = {f"{other}{keyword[3:]}": (size + step, "")}
    return Alternatives((Constraints(types=(kind,), bounds=bounds),))


def _listed(forbidden: object) -> list[Any] | None:
    """The values that a schema of nothing but an enum lists."""
    if not isinstance(forbidden, Mapping):
        return None
    says = set(forbidden) - ANNOTATIONS
    if says == {"const"}:
        return [forbidden["const"]]
    if says == {"enum"} and isinstance(forbidden["enum"], list) and forbidden["enum"]:
        return list(forbidden["enum"])
    return None


def _other_types(given: object) -> Alternatives | None:
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not names:
        return None
    if not all(isinstance(name, str) and name in ALL for name in names):
        return None
    if "integer" in names and "number" not in names:
        return None  # MFJS has no numbers that are not integers
    types = tuple(t for t in TYPES if t not in names)
    return Alternatives((Constraints(types=types),)) if types else NOTHING


def _other_values(values: list[Any]) -> Alternatives | None:
    """What is left without null, true and false; MFJS lists the values of no other type."""
    if not values or not all(value is None or isinstance(value, bool) for value in values):
        return None
    truths = [value for value in (True, False) if value not in [v for v in values if v is not None]]
    gone = {"null"} if None in values else set()
    atoms = [Constraints(types=tuple(t for t in TYPES if t not in gone | {"boolean"}))]
    if len(truths) == 2:
        atoms = [Constraints(types=tuple(t for t in TYPES if t not in gone))]
    elif truths:
        atoms.append(Constraints(types=("boolean",), enum=(truths[0],)))
    return Alternatives(tuple(atoms))


def doubled(forbidden: object) -> object:
    """What a ``not`` inside a ``not`` asks for, None where there is none."""
    if isinstance(forbidden, Mapping) and set(forbidden) - ANNOTATIONS == {"not"}:
        inner: object = forbidden["not"]
        return inner
    return None
