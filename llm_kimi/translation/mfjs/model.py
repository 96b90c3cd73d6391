"""What a JSON schema says, in a form that Moonshot-flavoured JSON schema (MFJS) can say too.

A schema is a conjunction of keywords; MFJS has neither ``allOf`` nor keywords beside ``anyOf`` or
``$ref``. So a schema is read into a list of atoms, any one of which must hold. An atom is one
flat set of constraints; where it has no type yet, each constraint binds the values of its own
type only, as in JSON schema. Properties and items stay unread until they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from .resources import Place, Scope
from .values import type_of

__all__ = [
    "ANY",
    "NOTHING",
    "NULL",
    "Alternatives",
    "Annotations",
    "Choice",
    "Constraints",
    "Expr",
    "Part",
    "TooLargeError",
    "TooMuchWorkError",
    "Unsupported",
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

# walle: "properties keys must not be named ..."; it also refuses the empty name.
RESERVED = frozenset({"", "$defs", "$ref", "anyOf", "required", "additionalProperties"})

MISSING: Any = object()


class TooLargeError(Exception):
    """The rewritten schema has outgrown its budget."""


class TooMuchWorkError(Exception):
    """Rewriting the schema takes more steps than a request may cost."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A schema as the caller wrote it, where, and the resources it was come to through."""

    schema: Any
    path: str
    scope: Scope = ()

    def at(self, sub: object, suffix: str) -> Part:
        """A schema inside this one; ``suffix`` is what follows in the path."""
        return Part(sub, f"{self.path}{suffix}", self.scope)


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """At least one of several expressions."""

    branches: tuple[Expr, ...]


Expr: TypeAlias = "tuple[Part | Choice, ...]"
"""A conjunction; the empty one accepts every value."""


class Annotations(NamedTuple):
    """What describes a value without binding it."""

    title: str | None = None
    description: str | None = None
    default: Any = MISSING

    def over(self, other: Annotations) -> Annotations:
        """These notes, with those of ``other`` where there are none."""
        return Annotations(
            self.title if self.title is not None else other.title,
            self.description if self.description is not None else other.description,
            other.default if self.default is MISSING else self.default,
        )

    def beside(self, other: Annotations) -> Annotations:
        """Both descriptions, where each says something of its own: the parts of an ``allOf``, an
        ``anyOf`` and its only branch."""
        joined = self.over(other)
        ours, theirs = self.description, other.description
        if ours and theirs and theirs not in ours:
            return joined._replace(description=f"{ours}\n{theirs}")
        return joined


NO_ANNOTATIONS = Annotations()


@dataclass(frozen=True, slots=True, eq=False)
class Unsupported:
    """A rule that MFJS has no keyword for. ``note`` tells it to the model in words.

    ``parts``: what the items of a tuple must be, one after the other.
    """

    keyword: str
    path: str
    value: Any
    note: str
    types: frozenset[str] = ALL
    lost: bool = True
    reason: str = "MFJS has no such keyword; the description states the rule instead"
    sent: Any = None
    parts: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Constraints:
    """One flat set of constraints. ``types`` None: nothing is said about the type.

    ``ref``: it is the definition at this place and says nothing else of its own. ``patterns``:
    regular expressions that a string must match, each with its path. ``seen``: what unevaluated*
    further out has to know, see ``unevaluated``.
    """

    types: tuple[str, ...] | None = None
    enum: tuple[Any, ...] | None = None
    enum_path: str = ""
    bounds: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    patterns: tuple[tuple[str, str], ...] = ()
    props: Mapping[str, Expr] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    extra: Expr | None = None
    items: Expr | None = None
    rules: tuple[Unsupported, ...] = ()
    ref: Place | None = None
    notes: Annotations = NO_ANNOTATIONS
    seen: frozenset[str] = frozenset()

    @property
    def plain(self) -> bool:
        """Whether it accepts every value."""
        bare = self.types is None and self.enum is None and self.ref is None
        return (
            bare
            and not (self.bounds or self.patterns or self.props or self.required or self.rules)
            and (self.extra is None and self.items is None)
        )

    @property
    def silent(self) -> bool:
        """Whether it says nothing at all."""
        return self.plain and self.notes == NO_ANNOTATIONS and not self.seen

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

    atoms: tuple[Constraints, ...]
    notes: Annotations = NO_ANNOTATIONS
    rules: tuple[Unsupported, ...] = ()

    @property
    def free(self) -> bool:
        """Whether every value is accepted and nothing is said about it."""
        mute = self.notes == NO_ANNOTATIONS and not self.rules
        return mute and any(atom.plain and atom.notes == NO_ANNOTATIONS for atom in self.atoms)


ANY = Alternatives((Constraints(),))
NOTHING = Alternatives(())
NULL = Alternatives((Constraints(types=("null",)),))


def conjunction(*exprs: Expr) -> Expr:
    """All of ``exprs``, each part once."""
    parts: dict[Any, Part | Choice] = {}
    for expr in exprs:
        for part in expr:
            key = (id(part.schema), part.scope) if isinstance(part, Part) else id(part)
            parts.setdefault(key, part)
    return tuple(parts.values())


def key_of(expr: Expr) -> frozenset[Any]:
    """What makes two expressions the same: the very schemas they are made of."""
    return frozenset(
        (id(part.schema), part.scope)
        if isinstance(part, Part)
        else frozenset(map(key_of, part.branches))
        for part in expr
    )


def union(branches: Iterable[Alternatives]) -> Alternatives:
    """At least one of ``branches``; what describes a whole branch goes to its atoms."""
    atoms: dict[int, Constraints] = {}
    for branch in branches:
        single = len(branch.atoms) == 1
        for atom in branch.atoms:
            notes = branch.notes if single else Annotations(description=branch.notes.description)
            merged = notes.beside(atom.notes) if single else atom.notes.over(notes)
            if merged != atom.notes or branch.rules:
                atom = replace(atom, notes=merged, rules=add_rules(atom.rules, branch.rules))
            atoms.setdefault(id(atom), atom)
    return Alternatives(tuple(atoms.values()))


def add_rules(
    ours: tuple[Unsupported, ...], theirs: tuple[Unsupported, ...]
) -> tuple[Unsupported, ...]:
    """Both, each rule once."""
    if not ours or not theirs:
        return ours or theirs
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


def guess(atom: Constraints) -> tuple[str, ...]:
    """The types that a schema without ``type`` is about; every type where it does not say.

    MFJS: "Every subschema must declare type explicitly". A schema with ``properties`` is
    meant for objects, although JSON schema lets it pass any other value too.
    """
    about = [BOUNDS[keyword] for keyword in atom.bounds]
    about += [rule.types for rule in atom.rules if rule.types != ALL]
    if atom.patterns:
        about.append(STRING)
    if atom.props or atom.required or atom.extra is not None:
        about.append(OBJECT)
    if atom.items is not None:
        about.append(ARRAY)
    named = frozenset[str]().union(*about)
    return tuple(t for t in TYPES if t in named) or TYPES
