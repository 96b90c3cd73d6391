"""The root of a schema: MFJS wants one object there, whatever alternatives the caller has."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from .model import (
    MISSING,
    TYPES,
    Alternatives,
    Choice,
    Constraints,
    Expr,
    Part,
    Unsupported,
    extra_is_bound,
    forbids,
    guess,
    key_of,
)
from .nodes import listed_in_words
from .read import Reader
from .resources import Place
from .values import in_words, type_of

__all__ = ["merge", "objects", "place_of"]


def objects(said: Alternatives, reader: Reader) -> tuple[list[Constraints], str]:
    """The alternatives that are objects, and the types of those that are not."""
    found: list[Constraints] = []
    other: dict[str, None] = {}
    todo = deque(said.atoms)
    opened: set[Place] = set()
    while todo:
        atom = todo.popleft()
        if atom.ref is not None:
            if atom.ref not in opened:
                opened.add(atom.ref)
                read = reader.expand(atom)
                single = len(read.atoms) == 1
                todo.extendleft(
                    replace(a, notes=read.notes.beside(a.notes)) if single else a
                    for a in reversed(read.atoms)
                )
            continue
        types = guess(atom) if atom.types is None and atom.enum is None else atom.types
        if atom.enum is not None:
            types = tuple(dict.fromkeys(type_of(value) for value in atom.enum))
        assert types is not None
        if "object" in types:
            rules = atom.rules
            if atom.enum is not None:
                values = [v for v in atom.enum if isinstance(v, Mapping)]
                rules += (listed_in_words(atom, values),)
            found.append(replace(atom, types=("object",), enum=None, rules=rules))
        if types != TYPES:
            other.update((t, None) for t in types if t != "object")
    return found, " or ".join(other)


def merge(atoms: list[Constraints], root: Part, reader: Reader) -> Constraints:
    """Several alternatives as one object that each of them fits."""
    names = dict.fromkeys(name for atom in atoms for name in atom.props)
    options: dict[str, dict[frozenset[object], Expr]] = {name: {} for name in names}
    for atom in atoms:
        for name, expr in atom.props.items():
            options[name].setdefault(key_of(expr), expr)
    props: dict[str, Expr] = {}
    for name, exprs in options.items():
        choice = tuple(exprs.values())
        props[name] = choice[0] if len(choice) == 1 else (Choice(choice),)
    extras = [atom.extra for atom in atoms]
    bound = [extra for extra in extras if extra is not None and extra_is_bound(extra)]
    extra: Expr | None = None
    if len(bound) == len(extras):
        extra = bound[0] if all(map(forbids, bound)) else (Choice(tuple(bound)),)
    note = "One of these must match: " + " or ".join(_outline(atom, reader) for atom in atoms)
    reason = "MFJS: the root must be one object, so its alternatives are merged"
    path, value = place_of(root, "anyOf", "oneOf"), f"{len(atoms)} alternatives"
    rule = Unsupported("anyOf", path, value, note + ".", reason=reason)
    needed = set(names).intersection(*(atom.required for atom in atoms))
    return Constraints(
        types=("object",),
        props=props,
        required=tuple(name for name in names if name in needed),
        extra=extra,
        rules=(rule, *(r for atom in atoms for r in atom.rules)),
    )


def place_of(root: Part, *keywords: str) -> str:
    """The path of the first of ``keywords`` that the root has, else of the root."""
    return next((f"{root.path}.{k}" for k in keywords if k in root.schema), root.path)


def _outline(atom: Constraints, reader: Reader) -> str:
    words = []
    for name, expr in atom.props.items():
        values = [v for a in reader.alternatives(expr).atoms for v in a.enum or (MISSING,)]
        value = in_words(values[0], 60) if len(values) == 1 and values != [MISSING] else ""
        mark = "" if name in atom.required else "?"
        words.append(f"{name}{mark}: {value}" if value else f"{name}{mark}")
    words += [name for name in atom.required if name not in atom.props]
    text = ", ".join(words)
    return "{" + (text if len(text) <= 300 else text[:299] + "…") + "}"
