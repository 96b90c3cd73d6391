"""What a JSON schema says, in a form that Moonshot-flavoured JSON schema (MFJS) can say too.

A schema is a conjunction of keywords; MFJS has neither ``allOf`` nor keywords beside ``anyOf`` or
``$ref``. So a schema is read into a list of atoms, any one of which must hold. An atom is one
flat set of constraints; where it has no type yet, each constraint binds the values of its own
type only, as in JSON schema. Properties and items stay unread until they are written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from .schema_refs import Pointer

__all__ = [
    "ANY",
    "NOTHING",
    "NULL",
    "Alternatives",
    "Atom",
    "Choice",
    "Expr",
    "Notes",
    "Part",
    "Rule",
]

TYPES = ("string", "number", "boolean", "object", "array", "null")
ALL = frozenset({*TYPES, "integer"})
OBJECT, ARRAY, STRING = frozenset({"object"}), frozenset({"array"}), frozenset({"string"})
NUMBER = frozenset({"number", "integer"})

BOUNDS = {
    "minLength": STRING,
    "maxLength": STRING,
    "minItems": ARRAY,
    "maxItems": ARRAY,
    "minimum": NUMBER,
    "maximum": NUMBER,
    "exclusiveMinimum": NUMBER,
    "exclusiveMaximum": NUMBER,
}

MISSING: Any = object()


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A schema as the caller wrote it, and where."""

    schema: object
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """At least one of several expressions."""

    branches: tuple[Expr, ...]


Expr: TypeAlias = "tuple[Part | Choice, ...]"
"""A conjunction; the empty one accepts every value."""


class Notes(NamedTuple):
    """What describes a value without binding it."""

    title: str | None = None
    description: str | None = None
    default: Any = MISSING

    def over(self, other: Notes) -> Notes:
        """These notes, with those of ``other`` where there are none."""
        return Notes(
            self.title if self.title is not None else other.title,
            self.description if self.description is not None else other.description,
            other.default if self.default is MISSING else self.default,
        )

    def beside(self, other: Notes) -> Notes:
        """Both, for parts of one ``allOf``: neither description is the more important one."""
        joined = self.over(other)
        ours, theirs = self.description, other.description
        if ours and theirs and theirs not in ours:
            return joined._replace(description=f"{ours}\n{theirs}")
        return joined


NO_NOTES = Notes()


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A rule that MFJS has no keyword for. ``note`` tells it to the model in words."""

    keyword: str
    path: str
    value: Any
    note: str
    types: frozenset[str] = ALL
    lost: bool = True
    reason: str = "MFJS has no such keyword; the description tells the rule instead"
    sent: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Atom:
    """One flat set of constraints. ``types`` None: nothing is said about the type.

    ``ref``: it is the definition at this pointer and says nothing else of its own.
    """

    types: tuple[str, ...] | None = None
    enum: tuple[Any, ...] | None = None
    enum_path: str = ""
    bounds: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    props: Mapping[str, Expr] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    extra: Expr | None = None
    items: Expr | None = None
    rules: tuple[Rule, ...] = ()
    ref: Pointer | None = None
    notes: Notes = NO_NOTES

    @property
    def plain(self) -> bool:
        """Whether it accepts every value."""
        bare = self.types is None and self.enum is None and self.ref is None
        return (
            bare
            and not (self.bounds or self.props or self.required or self.rules)
            and (self.extra is None and self.items is None)
        )

    @property
    def only_types(self) -> bool:
        """Whether it says nothing beyond the type."""
        return self.types is not None and replace(self, types=None).plain

    def kinds(self) -> frozenset[str]:
        """The types of the values it may accept, with integers counted as numbers too."""
        types = self.types or TYPES
        if self.enum is not None:
            types = tuple({type_of(value) for value in self.enum})
        return frozenset(types) | (NUMBER if "number" in types else frozenset())


@dataclass(frozen=True, slots=True, eq=False)
class Alternatives:
    """At least one of ``atoms`` must hold (none: nothing is accepted)."""

    atoms: tuple[Atom, ...]
    notes: Notes = NO_NOTES
    rules: tuple[Rule, ...] = ()


ANY = Alternatives((Atom(),))
NOTHING = Alternatives(())
NULL = Alternatives((Atom(types=("null",)),))


def type_of(value: object) -> str:
    """The JSON schema type of a JSON value; a number without fraction is an integer."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def fits(value: object, type_name: str) -> bool:
    """Whether ``value`` is of a JSON schema type."""
    own = type_of(value)
    return own == type_name or (own == "integer" and type_name == "number")


def same_key(value: object) -> str:
    """A key that is equal for equal JSON values: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(same_key(item) for item in value) + "]"
    if isinstance(value, Mapping):
        pairs = sorted((str(key), same_key(item)) for key, item in value.items())
        return "{" + ",".join(f"{json.dumps(key)}:{item}" for key, item in pairs) + "}"
    return json.dumps(value)


def in_words(value: object, limit: int = 400) -> str:
    """``value`` as JSON for a description, cut where it would drown the rest."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def narrow(ours: tuple[str, ...] | None, theirs: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The types that both allow; an integer is a number."""
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    kept = [t for t in ours if t in theirs or (t == "integer" and "number" in theirs)]
    kept += [t for t in theirs if t == "integer" and "number" in ours and t not in kept]
    return tuple(kept)


def conjunction(*exprs: Expr) -> Expr:
    """All of ``exprs``, each part once."""
    parts: dict[int, Part | Choice] = {}
    for expr in exprs:
        for part in expr:
            parts.setdefault(id(part.schema if isinstance(part, Part) else part), part)
    return tuple(parts.values())


def union(branches: Iterable[Alternatives]) -> Alternatives:
    """At least one of ``branches``; what describes a whole branch goes to its atoms."""
    atoms: dict[int, Atom] = {}
    for branch in branches:
        single = len(branch.atoms) == 1
        for atom in branch.atoms:
            notes = branch.notes if single else Notes(description=branch.notes.description)
            merged = notes.over(atom.notes) if single else atom.notes.over(notes)
            if merged != atom.notes or branch.rules:
                atom = replace(atom, notes=merged, rules=add_rules(atom.rules, branch.rules))
            atoms.setdefault(id(atom), atom)
    return Alternatives(tuple(atoms.values()))


def add_rules(ours: tuple[Rule, ...], theirs: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Both, each rule once."""
    known = {(rule.path, rule.note) for rule in ours}
    return ours + tuple(rule for rule in theirs if (rule.path, rule.note) not in known)


def forbids(expr: Expr | None) -> bool:
    """Whether an expression is the plain ``false``."""
    return expr is not None and any(isinstance(p, Part) and p.schema is False for p in expr)


def either(ours: Expr | None, theirs: Expr | None) -> Expr | None:
    """Both of two expressions, either of which may be missing."""
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    return conjunction(ours, theirs)


def extra_is_bound(extra: Expr) -> bool:
    """Whether additionalProperties refuses anything at all."""
    return not all(isinstance(p, Part) and (p.schema is True or p.schema == {}) for p in extra)
