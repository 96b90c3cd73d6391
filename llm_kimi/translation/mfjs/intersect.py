"""Two atoms as one: what satisfies both. Pure, and without references."""

from __future__ import annotations

from dataclasses import replace

from .model import Constraints, add_rules, conjunction, either
from .values import fits, same_key

__all__ = ["intersect", "narrow", "trivially"]


def trivially(x: Constraints, y: Constraints) -> Constraints | None:
    """Both at once where one of them binds nothing; None where both bind something."""
    if x.silent:
        return y
    if y.silent:
        return x
    if x.plain or y.plain:
        kept = x if y.plain else y
        return replace(kept, notes=x.notes.beside(y.notes), seen=x.seen | y.seen)
    return None


def intersect(x: Constraints, y: Constraints) -> Constraints | None:
    """What satisfies ``x`` and ``y``, with the notes of both; None where nothing does."""
    types = narrow(x.types, y.types)
    enum = x.enum if y.enum is None else y.enum
    if x.enum is not None and y.enum is not None:
        allowed = {same_key(value) for value in y.enum}
        enum = tuple(value for value in x.enum if same_key(value) in allowed)
    if enum is not None and types is not None:
        enum = tuple(value for value in enum if any(fits(value, t) for t in types))
    if types == () or enum == ():
        return None
    bounds = dict(x.bounds)
    for keyword, bound in y.bounds.items():
        pick = max if keyword.lower().removeprefix("exclusive").startswith("min") else min
        bounds[keyword] = pick(bounds.get(keyword, bound), bound, key=lambda b: b[0])
    known = {pattern for pattern, _ in x.patterns}
    return Constraints(
        types=types,
        enum=enum,
        enum_path=x.enum_path or y.enum_path,
        bounds=bounds,
        patterns=x.patterns + tuple(p for p in y.patterns if p[0] not in known),
        props={
            name: conjunction(x.props.get(name, x.extra or ()), y.props.get(name, y.extra or ()))
            for name in dict.fromkeys((*x.props, *y.props))
        },
        required=tuple(dict.fromkeys((*x.required, *y.required))),
        extra=either(x.extra, y.extra),
        items=either(x.items, y.items),
        rules=add_rules(x.rules, y.rules),
        notes=x.notes.beside(y.notes),
        seen=x.seen | y.seen,
    )


def narrow(ours: tuple[str, ...] | None, theirs: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The types that both allow; an integer is a number."""
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    kept = [t for t in ours if t in theirs or (t == "integer" and "number" in theirs)]
    kept += [t for t in theirs if t == "integer" and "number" in ours and t not in kept]
    return tuple(kept)
