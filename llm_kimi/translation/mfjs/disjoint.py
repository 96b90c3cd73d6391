"""Whether no value satisfies two alternatives, as far as can be told quickly.

``oneOf`` is the same as ``anyOf`` then, and each alternative may be closed by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from .model import ALL, NUMBER, OBJECT, Constraints, Expr, forbids, guess
from .values import same_key

__all__ = ["all_apart", "tag_of"]

# How many alternatives are compared pair by pair, and how far into their properties.
_MOST_COMPARED = 60
_DEEPEST = 2

Read: TypeAlias = Callable[[Expr], Sequence[Constraints]]
"""Reads a property's schema into atoms."""


def tag_of(discriminator: object) -> str | None:
    """The property that OpenAPI's ``discriminator`` names."""
    tag = discriminator.get("propertyName") if isinstance(discriminator, Mapping) else None
    return tag if isinstance(tag, str) else None


def all_apart(groups: Sequence[Sequence[Constraints]], tag: str | None, read: Read) -> bool:
    """Whether no value satisfies atoms of two ``groups``."""
    if len(groups) < 2:
        return True
    atoms = [atom for group in groups for atom in group]
    for name in [tag] if tag is not None else _common(atoms):
        tags = [_tags(group, name, read) for group in groups]
        if all(found is not None for found in tags):
            values = [value for found in tags for value in found or ()]
            if len(values) == len(set(values)):
                return True
            if tag is not None:
                return False
    if len(atoms) > _MOST_COMPARED:
        return False
    return all(
        _apart(x, y, read, _DEEPEST)
        for index, xs in enumerate(groups)
        for ys in groups[index + 1 :]
        for x in xs
        for y in ys
    )


def _common(atoms: Sequence[Constraints]) -> list[str]:
    """The properties that every atom requires, and that only objects have."""
    if any(_about(atom) != OBJECT or atom.ref is not None for atom in atoms):
        return []
    names = dict.fromkeys(atoms[0].required) if atoms else {}
    for atom in atoms[1:]:
        needed = set(atom.required)
        names = {name: None for name in names if name in needed}
    return list(names)[:4]


def _tags(atoms: Sequence[Constraints], tag: str, read: Read) -> set[str] | None:
    """The values of a property, or None where they are not listed."""
    found: set[str] = set()
    for atom in atoms:
        if tag not in atom.props:
            return None
        values = _values(read(atom.props[tag]))
        if values is None:
            return None
        found |= values
    return found


def _values(atoms: Sequence[Constraints]) -> set[str] | None:
    values: set[str] = set()
    for atom in atoms:
        if atom.enum is None:
            return None
        values.update(same_key(value) for value in atom.enum)
    return values


def _about(atom: Constraints) -> frozenset[str]:
    """The types of the values that ``atom`` will be written for."""
    typed = atom.types is not None or atom.enum is not None
    return atom.kinds() if typed else frozenset(guess(atom))


def _apart(x: Constraints, y: Constraints, read: Read, depth: int) -> bool:
    if x.ref is not None or y.ref is not None:
        return False
    common = x.kinds() & y.kinds()
    if x.kinds() == y.kinds() == ALL and _about(x) == _about(y):
        # Values of all other types satisfy both, and will be refused.
        common = _about(x)
    if not common:
        return True
    if x.enum is not None and y.enum is not None:
        return not {same_key(v) for v in x.enum} & {same_key(v) for v in y.enum}
    if common <= NUMBER:
        return _beyond(x, y, "inimum", "aximum") or _beyond(y, x, "inimum", "aximum")
    if len(common) > 1:
        return False
    if common == OBJECT:
        return _objects_apart(x, y, read, depth)
    size = {"string": "Length", "array": "Items"}.get(next(iter(common)))
    if size is None:
        return False
    return any(
        low.bounds.get(f"min{size}", (0, ""))[0] > high.bounds[f"max{size}"][0]
        for low, high in ((x, y), (y, x))
        if f"max{size}" in high.bounds
    )


def _beyond(x: Constraints, y: Constraints, low: str, high: str) -> bool:
    """Whether all numbers of ``x`` are above those of ``y``."""
    lows = [(x.bounds[k][0], k) for k in (f"m{low}", f"exclusiveM{low}") if k in x.bounds]
    highs = [(y.bounds[k][0], k) for k in (f"m{high}", f"exclusiveM{high}") if k in y.bounds]
    return any(
        least > most or (least == most and (lk[0] == "e" or hk[0] == "e"))
        for least, lk in lows
        for most, hk in highs
    )


def _objects_apart(x: Constraints, y: Constraints, read: Read, depth: int) -> bool:
    for name in x.required:
        if depth and name in y.required and name in x.props and name in y.props:
            ours, theirs = read(x.props[name]), read(y.props[name])
            if len(ours) * len(theirs) <= _MOST_COMPARED and all(
                _apart(a, b, read, depth - 1) for a in ours for b in theirs
            ):
                return True
    return any(n not in y.props and forbids(y.extra) for n in x.required) or any(
        n not in x.props and forbids(x.extra) for n in y.required
    )
