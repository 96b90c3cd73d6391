"""What a JSON schema says, read into alternatives that Moonshot-flavoured JSON schema can say too.

A schema is a conjunction of keywords; MFJS has neither ``allOf`` nor keywords beside ``anyOf`` or
``$ref``. So a schema is read into a list of atoms, any one of which must hold. An atom is one
flat set of constraints; where it has no type yet, each constraint binds the values of its own
type only, as in JSON schema. Properties and items stay unread until they are written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from ..errors import InvalidRequestError
from .schema_refs import ANNOTATIONS, Document, Pointer, ref_of

__all__ = ["ANY", "Alternatives", "Atom", "Choice", "Expr", "Notes", "Part", "Reader", "Rule"]

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
# OpenAI's structured outputs enforce these; JSON schema itself makes `format` a mere annotation.
_ENFORCED = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)
_MATCH_ALL = frozenset({"", "^", ".*", "^.*", "^.*$", ".*$"})
_READ = {*BOUNDS, *ANNOTATIONS} | set(
    """
    type enum const properties required additionalProperties items prefixItems additionalItems
    anyOf oneOf allOf not if then else nullable pattern format multipleOf uniqueItems contains
    minContains maxContains minProperties maxProperties propertyNames patternProperties
    dependentRequired dependentSchemas dependencies unevaluatedProperties unevaluatedItems
    contentEncoding $ref $dynamicRef $recursiveRef $defs definitions
    """.split()
)

MOST_ALTERNATIVES = 200
MOST_COMPARED = 50
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


class Reader:
    """Reads expressions of one document into alternatives.

    ``done`` collects what was rewritten without a change of meaning, in words. ``compact`` keeps
    every reference as one, where otherwise only those that go round in a circle are kept.
    """

    def __init__(self, document: Document, *, compact: bool) -> None:
        self.document = document
        self.compact = compact
        self.done: dict[str, None] = {}
        self.dropped: dict[str, None] = {}
        self._known: dict[int, Alternatives] = {}
        self._open: set[int] = set()

    def did(self, what: str) -> None:
        """Note a rewrite that keeps the meaning."""
        self.done[what] = None

    def alternatives(self, expr: Expr) -> Alternatives:
        """What a conjunction says."""
        if len(expr) == 1 and isinstance(expr[0], Part):
            return self.read(expr[0])
        result = ANY
        for part in expr:
            if isinstance(part, Part):
                read = self.read(part)
            else:
                read = union(self.alternatives(branch) for branch in part.branches)
            notes = result.notes.beside(read.notes)
            result = replace(self.both(result, read, self.document.path), notes=notes)
        return result

    def read(self, part: Part) -> Alternatives:
        """What one schema says.

        Raises:
            InvalidRequestError: where it is no JSON schema, naming the place.
        """
        schema, path = part.schema, part.path
        if isinstance(schema, bool):
            return ANY if schema else NOTHING
        if not isinstance(schema, Mapping):
            raise InvalidRequestError(
                f"a JSON schema is an object or a boolean, this is {type_of(schema)}", param=path
            )
        key = id(schema)
        if key in self._known:
            return self._known[key]
        if key in self._open:
            raise InvalidRequestError(
                "this $ref leads back to itself without a property or an item in between",
                param=path,
            )
        self._open.add(key)
        try:
            self._known[key] = self._read(schema, path)
        finally:
            self._open.discard(key)
        return self._known[key]

    def expand(self, atom: Atom) -> Alternatives:
        """What the definition says that ``atom`` refers to."""
        assert atom.ref is not None
        schema, path = self.document.target(atom.ref)
        found = self.read(Part(schema, path))
        rules = add_rules(atom.rules, found.rules)
        return replace(found, notes=atom.notes.over(found.notes), rules=rules)

    def both(self, ours: Alternatives, theirs: Alternatives, path: str) -> Alternatives:
        """Both hold: each atom of one met with each of the other. The notes are ours."""
        rules = add_rules(ours.rules, theirs.rules)
        count = len(ours.atoms) * len(theirs.atoms)
        if count > MOST_ALTERNATIVES and len(ours.atoms) > 1 and len(theirs.atoms) > 1:
            text = f"{len(theirs.atoms)} alternatives beside {len(ours.atoms)} others"
            reason = "too many combinations for one anyOf; one of the two choices is left out"
            return replace(ours, rules=(*rules, Rule("allOf", path, text, "", reason=reason)))
        atoms = [atom for x in ours.atoms for y in theirs.atoms for atom in self._meet(x, y)]
        return Alternatives(tuple(atoms), ours.notes, rules)

    def _meet(self, x: Atom, y: Atom) -> Sequence[Atom]:
        """Both atoms at once, as alternatives: none where they contradict each other."""
        if x.plain and x.notes == NO_NOTES:
            return [y]
        if y.plain and y.notes == NO_NOTES:
            return [x]
        notes = x.notes.beside(y.notes)
        if x.plain or y.plain:
            return [replace(x if y.plain else y, notes=notes)]
        if x.ref is not None or y.ref is not None:
            if x.ref == y.ref:
                return [replace(x, notes=notes, rules=add_rules(x.rules, y.rules))]
            first, second = (x, y) if x.ref is not None else (y, x)
            if self.compact and first.ref is not None and self.document.cyclic(first.ref):
                return [replace(first, rules=(*first.rules, beside_cycle(self, first.ref)))]
            found = self.expand(first)
            if second.only_types and found.atoms:
                allowed_types = second.kinds()
                if all(atom.ref is None and atom.kinds() <= allowed_types for atom in found.atoms):
                    return [replace(first, notes=notes)]
            atoms = [atom for t in found.atoms for atom in self._meet(t, second)]
            return union([Alternatives(tuple(atoms), found.notes, found.rules)]).atoms
        types = narrow(x.types, y.types)
        enum = x.enum if y.enum is None else y.enum
        if x.enum is not None and y.enum is not None:
            allowed = {same_key(value) for value in y.enum}
            enum = tuple(value for value in x.enum if same_key(value) in allowed)
        if enum is not None and types is not None:
            enum = tuple(value for value in enum if any(fits(value, t) for t in types))
        if types == () or enum == ():
            return []
        bounds = dict(x.bounds)
        for keyword, bound in y.bounds.items():
            pick = max if keyword.lower().removeprefix("exclusive").startswith("min") else min
            bounds[keyword] = pick(bounds.get(keyword, bound), bound, key=lambda b: b[0])
        props = {
            name: conjunction(x.props.get(name, x.extra or ()), y.props.get(name, y.extra or ()))
            for name in (*x.props, *(n for n in y.props if n not in x.props))
        }
        return [
            Atom(
                types=types,
                enum=enum,
                enum_path=x.enum_path or y.enum_path,
                bounds=bounds,
                props=props,
                required=x.required + tuple(n for n in y.required if n not in x.required),
                extra=either(x.extra, y.extra),
                items=either(x.items, y.items),
                rules=add_rules(x.rules, y.rules),
                notes=notes,
            )
        ]

    def _read(self, schema: Mapping[str, Any], path: str) -> Alternatives:
        unknown = [key for key in schema if key not in _READ]
        self.dropped.update(dict.fromkeys(unknown))
        own = self._own(schema, path)
        if own is None or schema.get("not") in ({}, True):
            return NOTHING
        rules = general_rules(schema, path)
        title, description = schema.get("title"), schema.get("description")
        notes = Notes(
            title if isinstance(title, str) else None,
            description if isinstance(description, str) else None,
            schema.get("default", MISSING),
        )
        result = Alternatives((own,), notes, rules)
        for index, sub in enumerate(list_of(schema, "allOf", path)):
            self.did("allOf merged")
            read = self.read(Part(sub, f"{path}.allOf[{index}]"))
            result = replace(
                self.both(result, read, f"{path}.allOf[{index}]"),
                notes=result.notes.beside(read.notes),
            )
        ref = ref_of(schema)
        if ref is not None:
            read = self._refer(ref[1], f"{path}.{ref[0]}")
            result = replace(
                self.both(result, read, f"{path}.{ref[0]}"), notes=result.notes.over(read.notes)
            )
        if "anyOf" in schema:
            branches = self._branches(schema, "anyOf", result, path)
            result = replace(union(branches), notes=result.notes, rules=result.rules)
        if "oneOf" in schema:
            self.did("oneOf written as anyOf")
            branches = self._branches(schema, "oneOf", result, path)
            branches = self._tag(branches, schema.get("discriminator"))
            rules = result.rules
            if not self._disjoint(branches, schema.get("discriminator")):
                value = f"{len(branches)} alternatives"
                note = "Exactly one of the alternatives must match."
                reason = "MFJS has anyOf only, which accepts more than one match"
                rules = (*rules, Rule("oneOf", f"{path}.oneOf", value, note, reason=reason))
            result = replace(union(branches), notes=result.notes, rules=rules)
        rest = schema.get("unevaluatedProperties", True)
        if rest is not True and rest != {}:
            result = self._close(result, rest, path)
        if schema.get("nullable") is True:
            self.did("nullable written as anyOf with null")
            notes = result.notes
            result = replace(union([replace(result, notes=NO_NOTES), NULL]), notes=notes)
        return result

    def _refer(self, ref: object, path: str) -> Alternatives:
        pointer = self.document.resolve(ref, path)
        schema, where = self.document.target(pointer)
        if isinstance(schema, Mapping) and (self.compact or self.document.cyclic(pointer)):
            return Alternatives((Atom(ref=self.document.follow(pointer)),))
        self.did("$ref inlined")
        return self.read(Part(schema, where))

    def _branches(
        self, schema: Mapping[str, Any], keyword: str, base: Alternatives, path: str
    ) -> list[Alternatives]:
        """Each alternative together with what stands beside the keyword."""
        branches = list_of(schema, keyword, path)
        if not branches:
            raise InvalidRequestError("must hold at least one schema", param=f"{path}.{keyword}")
        found = []
        for index, sub in enumerate(branches):
            where = f"{path}.{keyword}[{index}]"
            read = self.read(Part(sub, where))
            met = self.both(replace(base, notes=NO_NOTES, rules=()), read, where)
            found.append(replace(met, notes=read.notes))
        if any(not atom.plain for atom in base.atoms):
            self.did(f"keywords beside {keyword} moved into its items")
        return found

    def _tag(self, branches: list[Alternatives], discriminator: object) -> list[Alternatives]:
        """OpenAPI: the property that a ``discriminator`` names must be given."""
        tag = discriminator.get("propertyName") if isinstance(discriminator, Mapping) else None
        if not isinstance(tag, str):
            return branches
        tagged = []
        for branch in branches:
            atoms = tuple(
                replace(atom, required=(*atom.required, tag))
                if tag in atom.props and tag not in atom.required
                else atom
                for atom in branch.atoms
            )
            if any(new is not old for new, old in zip(atoms, branch.atoms, strict=True)):
                self.did("the discriminator's property made required")
            tagged.append(replace(branch, atoms=atoms))
        return tagged

    def _disjoint(self, branches: Sequence[Alternatives], discriminator: object) -> bool:
        """Whether no value can match two of ``branches``, as far as can be told quickly."""
        shown = [self._shown(branch) for branch in branches]
        tag = discriminator.get("propertyName") if isinstance(discriminator, Mapping) else None
        if isinstance(tag, str):
            tags = [self._tags(atoms, tag) for atoms in shown]
            if None not in tags:
                values = [value for tagged in tags for value in tagged or ()]
                return len(values) == len(set(values))
        if len(branches) > MOST_COMPARED:
            return False
        return all(
            self._apart(x, y)
            for index, xs in enumerate(shown)
            for ys in shown[index + 1 :]
            for x in xs
            for y in ys
        )

    def _tags(self, atoms: Sequence[Atom], tag: str) -> set[str] | None:
        """The values of a discriminator's property, or None where they are not listed."""
        found: set[str] = set()
        for atom in atoms:
            values = self._values(atom.props[tag]) if tag in atom.props else None
            if values is None:
                return None
            found |= values
        return found

    def _shown(self, branch: Alternatives) -> list[Atom]:
        atoms: list[Atom] = []
        for atom in branch.atoms:
            if atom.ref is None or id(self.document.target(atom.ref)[0]) in self._open:
                atoms.append(atom)
            else:
                atoms += self.expand(atom).atoms
        return atoms

    def _apart(self, x: Atom, y: Atom) -> bool:
        common = x.kinds() & y.kinds()
        if x.ref is not None or y.ref is not None or not common:
            return not common and x.ref is None and y.ref is None
        if x.enum is not None and y.enum is not None:
            return not {same_key(v) for v in x.enum} & {same_key(v) for v in y.enum}
        if common != OBJECT:
            return False
        for name in x.props:
            if name in y.props and name in x.required and name in y.required:
                ours, theirs = self._values(x.props[name]), self._values(y.props[name])
                if ours is not None and theirs is not None and not ours & theirs:
                    return True
        return any(n not in y.props and forbids(y.extra) for n in x.required) or any(
            n not in x.props and forbids(x.extra) for n in y.required
        )

    def _values(self, expr: Expr) -> set[str] | None:
        values: set[str] = set()
        for atom in self.alternatives(expr).atoms:
            if atom.enum is None:
                return None
            values.update(same_key(value) for value in atom.enum)
        return values

    def _close(self, result: Alternatives, rest: object, path: str) -> Alternatives:
        """``unevaluatedProperties``: additionalProperties for all that was merged into here."""
        where = f"{path}.unevaluatedProperties"
        if len(result.atoms) == 1 and result.atoms[0].ref is None:
            (atom,) = result.atoms
            if atom.extra is None:
                self.did("unevaluatedProperties written as additionalProperties")
                atom = replace(atom, extra=(Part(rest, where),))
            return replace(result, atoms=(atom,))
        note = f"Properties not named here must match {in_words(rest)}."
        if rest is False:
            note = "No other properties are allowed."
        rule = Rule("unevaluatedProperties", where, rest, note, OBJECT)
        return replace(result, rules=(*result.rules, rule))

    def _own(self, schema: Mapping[str, Any], path: str) -> Atom | None:
        """What the keywords of ``schema`` itself say, or None where nothing can match."""
        rules: list[Rule] = []
        types = self._types(schema, path)
        values = self._enum(schema, path, rules)
        if values == []:
            return None
        if types is not None and values is not None:
            fitting = [value for value in values if any(fits(value, t) for t in types)]
            if not fitting:
                reason = "no value of the enum is of this type; the enum is kept"
                given = schema["type"]
                rules.append(Rule("type", f"{path}.type", given, "", reason=reason))
                types, fitting = None, values
            if len(fitting) < len(values):
                self.did("enum values of another type dropped")
            values = fitting
        bounds = self._bounds(schema, path)
        if schema.get("multipleOf") == 1:
            self.did("multipleOf 1 written as type integer")
            types = tuple("integer" if t == "number" else t for t in types or TYPES)
        props, required, extra = self._object(schema, path, rules)
        items = self._array(schema, path, rules, bounds)
        rules += value_rules(schema, path)
        return Atom(
            types=types,
            enum=None if values is None else tuple(values),
            enum_path=f"{path}.{'const' if 'const' in schema else 'enum'}",
            bounds=bounds,
            props=props,
            required=required,
            extra=extra,
            items=items,
            rules=tuple(rules),
        )

    def _types(self, schema: Mapping[str, Any], path: str) -> tuple[str, ...] | None:
        given = schema.get("type")
        if given is None:
            return None
        names = [given] if isinstance(given, str) else given
        if not isinstance(names, list) or not names or not all(n in ALL for n in names):
            raise InvalidRequestError(
                f"{in_words(given, 60)} is not a JSON schema type; the types are "
                "string, number, integer, boolean, object, array and null",
                param=f"{path}.type",
            )
        types = tuple(dict.fromkeys(names))
        if isinstance(given, list):
            self.did("lists of types written as anyOf")
        return tuple(t for t in types if t != "integer" or "number" not in types)

    def _enum(self, schema: Mapping[str, Any], path: str, rules: list[Rule]) -> list[Any] | None:
        values: list[Any] | None = None
        if "enum" in schema:
            given = schema["enum"]
            if not isinstance(given, list):
                raise InvalidRequestError("enum must be an array", param=f"{path}.enum")
            values = list({same_key(value): value for value in given[::-1]}.values())[::-1]
            if len(values) < len(given):
                self.did("repeated enum values dropped")
            if not given:
                reason = "MFJS refuses an empty enum; any value is accepted now"
                rules.append(Rule("enum", f"{path}.enum", given, "", reason=reason))
                values = None
        if "const" in schema:
            self.did("const written as enum")
            const = schema["const"]
            if values is None or same_key(const) in {same_key(value) for value in values}:
                return [const]
            return []
        return values

    def _bounds(self, schema: Mapping[str, Any], path: str) -> dict[str, tuple[float, str]]:
        bounds: dict[str, tuple[float, str]] = {}
        for keyword, kind in BOUNDS.items():
            where = f"{path}.{keyword}"
            value = schema.get(keyword)
            if value is None or value is False:
                continue
            if value is True and keyword.startswith("exclusive"):
                # Draft 4: true makes the bound beside it an exclusive one.
                plain = keyword.removeprefix("exclusive").lower()
                value = schema.get(plain)
                bounds.pop(plain, None)
                if value is None:
                    continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InvalidRequestError(f"{keyword} must be a number", param=where)
            if not math.isfinite(value):
                raise InvalidRequestError(f"{keyword} must be finite", param=where)
            if kind is not NUMBER:
                value = math.ceil(value) if keyword.startswith("min") else math.floor(value)
                if value < 0 and keyword.startswith("min"):
                    continue
            bounds[keyword] = (value, where)
        return bounds

    def _object(
        self, schema: Mapping[str, Any], path: str, rules: list[Rule]
    ) -> tuple[dict[str, Expr], tuple[str, ...], Expr | None]:
        props: dict[str, Expr] = {
            name: (Part(sub, f"{path}.properties.{name}"),)
            for name, sub in mapping_of(schema, "properties", path).items()
        }
        given = schema.get("required")
        required = tuple(
            dict.fromkeys(
                n for n in (given if isinstance(given, list) else ()) if isinstance(n, str)
            )
        )
        extra: Expr | None = None
        if "additionalProperties" in schema:
            where = f"{path}.additionalProperties"
            extra = (Part(schema["additionalProperties"], where),)
        patterns = mapping_of(schema, "patternProperties", path)
        for pattern, sub in patterns.items():
            part = Part(sub, f"{path}.patternProperties.{pattern}")
            if pattern in _MATCH_ALL:
                props = {name: conjunction(expr, (part,)) for name, expr in props.items()}
                extra = (part,)
                self.did("patternProperties for all names written as additionalProperties")
                continue
            note = f"Properties whose names match {pattern} must match {in_words(sub)}."
            if sub is not True and sub != {}:
                rules.append(Rule("patternProperties", part.path, sub, note, OBJECT))
            if extra is not None and extra_is_bound(extra):
                # Names that match are exempt from additionalProperties, which would refuse them.
                extra = (Choice((extra, (part,))),)
                if sub is True or sub == {}:
                    note = f"Properties whose names match {pattern} are allowed."
                    rules.append(Rule("patternProperties", part.path, sub, note, OBJECT))
        names = schema.get("propertyNames")
        if isinstance(names, Mapping) and isinstance(names.get("enum"), list):
            allowed = [name for name in names["enum"] if isinstance(name, str)]
            if set(names) <= {"enum", "type", *ANNOTATIONS} and not patterns:
                self.did("propertyNames with an enum written as properties")
                props = {name: props.get(name, extra or ()) for name in allowed}
                return props, required, (Part(False, f"{path}.propertyNames"),)
        if names not in (None, True, {}, {"type": "string"}):
            note = f"Property names must match {in_words(names)}."
            rules.append(Rule("propertyNames", f"{path}.propertyNames", names, note, OBJECT))
        return props, required, extra

    def _array(
        self,
        schema: Mapping[str, Any],
        path: str,
        rules: list[Rule],
        bounds: dict[str, tuple[float, str]],
    ) -> Expr | None:
        items: object = schema.get("items", MISSING)
        keyword, rest_keyword = "prefixItems", "items"
        if isinstance(items, list):
            keyword, rest_keyword = "items", "additionalItems"
        elif "prefixItems" not in schema:
            keyword = ""
        rest: object = schema.get(rest_keyword, MISSING)
        if rest is MISSING and keyword:
            rest = schema.get("unevaluatedItems", MISSING)
        first: list[Expr] = []
        if keyword:
            first = [
                (Part(sub, f"{path}.{keyword}[{index}]"),)
                for index, sub in enumerate(list_of(schema, keyword, path))
            ]
        if rest is False:
            limit = (len(first), f"{path}.{rest_keyword}")
            bounds["maxItems"] = min(bounds.get("maxItems", limit), limit)
            self.did("items: false written as maxItems")
        longest = bounds.get("maxItems", (math.inf, ""))[0]
        tail: Expr | None = None
        if rest is not MISSING and rest is not False:
            tail = (Part(rest, f"{path}.{rest_keyword}"),)
        if not first:
            return tail
        covered = longest <= len(first)
        exprs = first[: int(longest)] if covered else [*first, tail or ()]
        shapes = [same_key(e[0].schema) if e and isinstance(e[0], Part) else "true" for e in exprs]
        if len(set(shapes)) > 1:
            given = schema[keyword]
            note = f"Items in order: {in_words(given)}."
            rules.append(Rule(keyword, f"{path}.{keyword}", given, note, ARRAY))
        else:
            self.did(f"{keyword} of one kind written as items")
        if not exprs or any(not expr for expr in exprs):
            return None
        return exprs[0] if len(set(shapes)) == 1 else (Choice(tuple(exprs)),)


def either(ours: Expr | None, theirs: Expr | None) -> Expr | None:
    """Both of two expressions, either of which may be missing."""
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    return conjunction(ours, theirs)


def extra_is_bound(extra: Expr) -> bool:
    """Whether additionalProperties refuses anything at all."""
    return not all(isinstance(p, Part) and (p.schema is True or p.schema == {}) for p in extra)


def beside_cycle(reader: Reader, pointer: Pointer) -> Rule:
    """The rule that says: something stood beside a recursive reference and is gone."""
    _, path = reader.document.target(pointer)
    reason = "MFJS allows nothing beside a recursive $ref"
    return Rule("$ref", path, "keywords beside a $ref to this definition", "", reason=reason)


def list_of(schema: Mapping[str, Any], keyword: str, path: str) -> list[Any]:
    """The value of a keyword that must be an array."""
    value = schema.get(keyword, [])
    if not isinstance(value, list):
        raise InvalidRequestError(f"{keyword} must be an array", param=f"{path}.{keyword}")
    return value


def mapping_of(schema: Mapping[str, Any], keyword: str, path: str) -> Mapping[str, Any]:
    """The value of a keyword that must be an object."""
    value = schema.get(keyword, {})
    if not isinstance(value, Mapping):
        raise InvalidRequestError(f"{keyword} must be an object", param=f"{path}.{keyword}")
    return value


def value_rules(schema: Mapping[str, Any], path: str) -> list[Rule]:
    """The rules that MFJS cannot say and that bind values of one type."""
    rules: list[Rule] = []

    def add(keyword: str, note: str, types: frozenset[str], lost: bool = True) -> None:
        rules.append(Rule(keyword, f"{path}.{keyword}", schema[keyword], note, types, lost))

    if "pattern" in schema:
        add("pattern", f"Must match the regular expression {schema['pattern']}", STRING)
    form = schema.get("format")
    if isinstance(form, str) and form not in ("int32", "int64", "float", "double"):
        add("format", f"Format: {form}.", STRING, form in _ENFORCED)
    if isinstance(schema.get("contentEncoding"), str):
        add("contentEncoding", f"Encoded as {schema['contentEncoding']}.", STRING, False)
    if "multipleOf" in schema and schema["multipleOf"] != 1:
        add("multipleOf", f"Must be a multiple of {schema['multipleOf']}.", NUMBER)
    if schema.get("uniqueItems") is True:
        add("uniqueItems", "Items must be unique.", ARRAY)
    if "contains" in schema:
        low, high = schema.get("minContains", 1), schema.get("maxContains")
        count = f"at least {low}" + (f" and at most {high}" if high is not None else "")
        add("contains", f"Must contain {count} of: {in_words(schema['contains'])}.", ARRAY)
    others = schema.get("unevaluatedItems", True)
    if others not in (True, {}) and not {"items", "prefixItems"} & set(schema):
        add("unevaluatedItems", f"All other items must match {in_words(others)}.", ARRAY)
    if schema.get("minProperties"):
        add("minProperties", f"At least {schema['minProperties']} properties.", OBJECT)
    if "maxProperties" in schema:
        add("maxProperties", f"At most {schema['maxProperties']} properties.", OBJECT)
    for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
        value = schema.get(keyword)
        if value and isinstance(value, Mapping):
            told = [
                f"If {name!r} is given, "
                + (
                    f"{', '.join(map(repr, need))} must be given too."
                    if isinstance(need, list)
                    else f"the object must match {in_words(need)}."
                )
                for name, need in value.items()
                if need not in ([], True, {})
            ]
            if told:
                add(keyword, " ".join(told), OBJECT)
    return rules


def general_rules(schema: Mapping[str, Any], path: str) -> tuple[Rule, ...]:
    """The rules that MFJS cannot say and that bind values of any type."""
    rules: list[Rule] = []
    if "not" in schema and schema["not"] is not False:
        note = f"Must not match {in_words(schema['not'])}."
        rules.append(Rule("not", f"{path}.not", schema["not"], note))
    branches = {key: schema[key] for key in ("then", "else") if schema.get(key, True) is not True}
    if "if" in schema and branches:
        note = f"If it matches {in_words(schema['if'])}, it must match " + (
            in_words(branches["then"]) if "then" in branches else "nothing more"
        )
        if "else" in branches:
            note += f", otherwise {in_words(branches['else'])}"
        value = {"if": schema["if"], **branches}
        rules.append(Rule("if", f"{path}.if", value, note + "."))
    return tuple(rules)
