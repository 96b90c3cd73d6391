"""Writes what ``schema_read`` found as Moonshot-flavoured JSON schema (MFJS).

In comes a whole document, out goes a new schema; on the way it is noted which rules got lost.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from ..errors import InvalidRequestError
from .schema_parts import (
    ALL,
    BOUNDS,
    MISSING,
    NO_NOTES,
    NUMBER,
    OBJECT,
    TYPES,
    Alternatives,
    Atom,
    Choice,
    Expr,
    Notes,
    Part,
    Rule,
    extra_is_bound,
    fits,
    forbids,
    in_words,
    type_of,
)
from .schema_read import Reader, beside_cycle
from .schema_refs import Document, Pointer, Walk, finite, ref_of, refs_in

__all__ = ["DeadDefinitionError", "TooLargeError", "Writer", "too_deep"]

_NESTING = 64

# walle: "properties keys must not be named ..."; it also refuses the empty name.
_RESERVED = frozenset({"", "$defs", "$ref", "anyOf", "required", "additionalProperties"})

Key: TypeAlias = frozenset[Any]
Branch: TypeAlias = "tuple[dict[str, Any], Notes, tuple[Rule, ...]]"


class TooLargeError(Exception):
    """The rewritten schema has outgrown its budget."""


class DeadDefinitionError(Exception):
    """Nothing satisfies a definition that was referred to."""

    def __init__(self, pointer: Pointer) -> None:
        self.pointer = pointer


class Writer:
    """Writes one document as MFJS and remembers which rules got lost."""

    def __init__(
        self,
        root: Mapping[str, Any],
        path: str,
        *,
        compact: bool,
        budget: int,
        dead: frozenset[Pointer] = frozenset(),
    ) -> None:
        self.root = Part(root, path)
        self.path = path
        self.document = Document(root, path)
        self.reader = Reader(self.document, compact=compact)
        self.budget = budget
        self.dead = dead
        self.lost: dict[tuple[str, str], Rule] = {}
        self._writing: set[Key] = set()
        self._depth = 0
        self._in_definition = False

    # --- the whole document ---

    def write_root(self) -> dict[str, Any]:
        """The root as one object, with the definitions that it needs."""
        said = self.reader.read(self.root)
        atoms, other = self._objects(said)
        if not atoms:
            kind = f"this one is {other}" if other else "nothing satisfies this one"
            raise InvalidRequestError(
                f"the root must be an object, {kind}; wrap it: "
                '{"type": "object", "properties": {"value": ...}, "required": ["value"]}',
                param=self.path,
            )
        rules = said.rules
        if other:
            reason = f"MFJS: the root must be an object; the alternative {other} is left out"
            rules = (
                *rules,
                Rule("type", self._at("type"), other, "", reason=reason, sent="object"),
            )
        atom = atoms[0] if len(atoms) == 1 else self._merge(atoms)
        written = self._object(atom, root=True)
        if written is None:
            raise InvalidRequestError("nothing satisfies this schema", param=self.path)
        schema, own_rules = written
        schema.setdefault("properties", {})
        notes = said.notes.over(atom.notes) if len(atoms) == 1 else said.notes
        sent = self._finish(schema, notes, (*own_rules, *rules))
        definitions = self._definitions(sent)
        self._check_end(sent, definitions)
        if definitions:
            sent["$defs"] = definitions
        return sent

    def _objects(self, said: Alternatives) -> tuple[list[Atom], str]:
        """The alternatives that are objects, and the types of those that are not."""
        objects: list[Atom] = []
        other: dict[str, None] = {}
        todo = list(said.atoms)
        opened: set[Pointer] = set()
        while todo:
            atom = todo.pop(0)
            if atom.ref is not None:
                if atom.ref not in opened:
                    opened.add(atom.ref)
                    found = self.reader.expand(atom)
                    single = len(found.atoms) == 1
                    todo[:0] = [
                        replace(a, notes=found.notes.over(a.notes)) if single else a
                        for a in found.atoms
                    ]
                continue
            types = self._guess(atom) if atom.types is None and atom.enum is None else atom.types
            if atom.enum is not None:
                types = tuple(dict.fromkeys(type_of(value) for value in atom.enum))
            assert types is not None
            if "object" in types:
                rules = atom.rules
                if atom.enum is not None:
                    rules += (_told(atom, [v for v in atom.enum if isinstance(v, Mapping)]),)
                objects.append(replace(atom, types=("object",), enum=None, rules=rules))
            if types != TYPES:
                other.update((t, None) for t in types if t != "object")
        return objects, " or ".join(other)

    def _merge(self, atoms: list[Atom]) -> Atom:
        """Several alternatives at the root as one object that each of them fits."""
        names = dict.fromkeys(name for atom in atoms for name in atom.props)
        props: dict[str, Expr] = {}
        for name in names:
            exprs = {_key(a.props[name]): a.props[name] for a in atoms if name in a.props}
            options = tuple(exprs.values())
            props[name] = options[0] if len(options) == 1 else (Choice(options),)
        extras = [atom.extra for atom in atoms]
        bound = [extra for extra in extras if extra is not None and extra_is_bound(extra)]
        extra: Expr | None = None
        if len(bound) == len(extras):
            extra = bound[0] if all(map(forbids, bound)) else (Choice(tuple(bound)),)
        note = "One of these must match: " + " or ".join(self._outline(atom) for atom in atoms)
        reason = "MFJS: the root must be one object, so its alternatives are merged"
        rule = Rule(
            "anyOf",
            self._at("anyOf", "oneOf"),
            f"{len(atoms)} alternatives",
            note + ".",
            reason=reason,
        )
        return Atom(
            types=("object",),
            props=props,
            required=tuple(n for n in names if all(n in atom.required for atom in atoms)),
            extra=extra,
            rules=(rule, *(r for atom in atoms for r in atom.rules)),
        )

    def _at(self, *keywords: str) -> str:
        """The path of the first of ``keywords`` that the root has, else of the root."""
        root = self.root.schema
        assert isinstance(root, Mapping)
        return next((f"{self.path}.{k}" for k in keywords if k in root), self.path)

    def _outline(self, atom: Atom) -> str:
        words = []
        for name, expr in atom.props.items():
            values = [v for a in self.reader.alternatives(expr).atoms for v in a.enum or (MISSING,)]
            value = in_words(values[0], 60) if len(values) == 1 and values != [MISSING] else ""
            mark = "" if name in atom.required else "?"
            words.append(f"{name}{mark}: {value}" if value else f"{name}{mark}")
        words += [name for name in atom.required if name not in atom.props]
        text = ", ".join(words)
        return "{" + (text if len(text) <= 300 else text[:299] + "…") + "}"

    def _definitions(self, sent: dict[str, Any]) -> dict[str, Any]:
        """The definitions that ``sent`` refers to, and those that they refer to."""
        definitions: dict[str, Any] = {}
        todo = refs_in(sent)
        self._in_definition = True
        while todo:
            name = todo.pop(0)
            if name in definitions:
                continue
            pointer = self.document.pointer(name)
            schema, path = self.document.target(pointer)
            said = self.reader.read(Part(schema, path))
            atoms = tuple(atom for atom in said.atoms if atom.ref != pointer)
            written = self._write(replace(said, atoms=atoms), _key((Part(schema, path),)))
            if written is None:
                raise DeadDefinitionError(pointer)
            definitions[name] = written
            todo += refs_in(written)
        return definitions

    def _check_end(self, sent: dict[str, Any], definitions: dict[str, Any]) -> None:
        """MFJS: "infinite recursive loops are forbidden"."""
        if not definitions:
            return
        if not finite(sent, definitions):
            raise InvalidRequestError(
                "every value of this recursive schema would be endless; "
                "make the property that recurs optional or nullable",
                param=self.path,
            )
        while True:
            walk = Walk(definitions)
            if walk.ends(sent) or not walk.blockers:
                return
            owner, name, definition, below = walk.blockers[0]
            path = self.path
            if definition:
                _, path = self.document.target(self.document.pointer(definition))
            reason = (
                "Kimi takes a recursive schema for endless when all that an object requires is a "
                "list of itself; the list is optional now"
            )
            self._lose(Rule("required", f"{path}{below}.required", name, "", reason=reason))
            owner["required"] = [n for n in owner["required"] if n != name]
            if not owner["required"]:
                del owner["required"]
            text = owner["properties"][name]
            text["description"] = _join(text.get("description"), [f"Always give {name}."])

    # --- one schema ---

    def write(self, expr: Expr) -> dict[str, Any] | None:
        """One expression as an MFJS schema; None where nothing satisfies it."""
        key = _key(expr)
        said = self._bare(expr) if key in self._writing else None
        return self._write(said or self.reader.alternatives(expr), key)

    def _write(self, said: Alternatives, key: Key) -> dict[str, Any] | None:
        if self._depth >= _NESTING:
            raise too_deep(self.path)
        fresh = key not in self._writing and bool(key)
        if fresh:
            self._writing.add(key)
        self._depth += 1
        try:
            branches = [branch for atom in said.atoms for branch in self._branches(atom)]
        finally:
            self._depth -= 1
            if fresh:
                self._writing.discard(key)
        if not branches:
            return None
        distinct: dict[str, dict[str, Any]] = {}
        if len(branches) > 1:
            for schema, notes, rules in branches:
                finished = self._finish(dict(schema), notes, rules)
                distinct.setdefault(json.dumps(finished, sort_keys=True), finished)
        if len(distinct) > 1:
            return self._finish({"anyOf": list(distinct.values())}, said.notes, said.rules)
        schema, notes, rules = branches[0]
        return self._finish(schema, said.notes.over(notes), (*rules, *said.rules))

    def _bare(self, expr: Expr) -> Alternatives | None:
        """What is left of an expression that contains itself: the reference that goes round.

        None where that reference lies further inside.
        """
        todo = list(expr)
        while todo:
            part = todo.pop(0)
            if isinstance(part, Choice):
                todo += [inner for branch in part.branches for inner in branch]
            elif isinstance(part.schema, Mapping):
                ref = ref_of(part.schema)
                if ref is not None:
                    pointer = self.document.resolve(ref[1], f"{part.path}.{ref[0]}")
                    if self.document.cyclic(pointer):
                        pointer = self.document.follow(pointer)
                        rule = beside_cycle(part.path)
                        return Alternatives((Atom(ref=pointer, rules=(rule,)),))
                    todo.append(Part(*self.document.target(pointer)))
                for keyword in ("allOf", "anyOf", "oneOf"):
                    subs = part.schema.get(keyword, [])
                    todo += [Part(sub, f"{part.path}.{keyword}") for sub in subs]
        return None

    def _branches(self, atom: Atom) -> Iterator[Branch]:
        """One atom as schemas of one type each."""
        if atom.ref is not None:
            if atom.ref in self.dead:
                return
            ref = {"$ref": f"#/$defs/{self.document.name(atom.ref)}"}
            yield ref, atom.notes, atom.rules
            return
        if atom.enum is not None:
            yield from self._enums(atom)
            return
        types = atom.types
        if types is None:
            types = self._guess(atom)
            what = "spelled out where any value is allowed" if types == TYPES else "guessed"
            self.reader.did(f"missing types {what}")
        for type_name in types:
            written = self._of_type(atom, type_name)
            if written is not None:
                yield written[0], atom.notes, written[1]

    def _guess(self, atom: Atom) -> tuple[str, ...]:
        """The types that a schema without ``type`` is about; every type where it does not say.

        MFJS: "Every subschema must declare type explicitly". A schema with ``properties`` is
        meant for objects, although JSON schema lets it pass any other value too.
        """
        about = [BOUNDS[keyword] for keyword in atom.bounds]
        about += [rule.types for rule in atom.rules if rule.types != ALL]
        if atom.props or atom.required or atom.extra is not None:
            about.append(OBJECT)
        if atom.items is not None:
            about.append(frozenset({"array"}))
        named = frozenset[str]().union(*about)
        return tuple(t for t in TYPES if t in named) or TYPES

    def _of_type(
        self, atom: Atom, type_name: str
    ) -> tuple[dict[str, Any], tuple[Rule, ...]] | None:
        if type_name == "object":
            return self._object(atom)
        schema: dict[str, Any] = {"type": type_name}
        rules = [rule for rule in atom.rules if type_name in rule.types]
        if type_name in NUMBER:
            _number_bounds(schema, atom, rules)
            low, high = "minimum", "maximum"
        elif type_name in ("string", "array"):
            low, high = (
                ("minLength", "maxLength")
                if type_name == "string"
                else (
                    "minItems",
                    "maxItems",
                )
            )
            schema.update((k, atom.bounds[k][0]) for k in (low, high) if k in atom.bounds)
        else:
            return schema, tuple(rules)
        if schema.get(low, -math.inf) > schema.get(high, math.inf):
            return None
        if type_name == "array" and atom.items is not None and schema.get(high) != 0:
            items = self._inner(atom.items)
            if items is False:
                if schema.get(low, 0) > 0:
                    return None
                schema[high] = 0
            elif isinstance(items, dict):
                # MFJS: "items may be omitted; if present it must not be empty".
                schema["items"] = items
        return schema, tuple(rules)

    def _inner(self, expr: Expr) -> dict[str, Any] | bool:
        """A schema for items or further properties: true for any value, false for none."""
        if _key(expr) not in self._writing:
            said = self.reader.alternatives(expr)
            mute = said.notes == NO_NOTES and not said.rules
            if mute and any(atom.plain and atom.notes == NO_NOTES for atom in said.atoms):
                return True
        written = self.write(expr)
        return False if written is None else written

    def _object(
        self, atom: Atom, *, root: bool = False
    ) -> tuple[dict[str, Any], tuple[Rule, ...]] | None:
        """An object; None where a required property can have no value.

        At the ``root`` such a property is left out instead: one tool of many that can never be
        called as its schema says must not cost the whole request.
        """
        rules = [rule for rule in atom.rules if "object" in rule.types]
        extra: dict[str, Any] | bool | None = None
        if atom.extra is not None:
            extra = self._inner(atom.extra)
        properties: dict[str, Any] = {}
        hidden: list[Expr] = []
        required = list(atom.required)
        for name in (*atom.props, *(n for n in required if n not in atom.props)):
            expr = atom.props.get(name, atom.extra or ())
            written = self.write(expr)
            where = expr[0].path if expr and isinstance(expr[0], Part) else self.path
            if written is None:
                if name in required and not root:
                    return None
                if name in required:
                    required.remove(name)
                    reason = f"nothing satisfies the required property {name!r}: it is left out"
                    rules.append(Rule("required", where, name, "", reason=reason))
                    continue
                if extra is not False:
                    note = f"Property {name!r} must be absent."
                    reason = "MFJS cannot forbid one property; the description does"
                    rules.append(Rule("properties", where, False, note, reason=reason))
            elif name in _RESERVED or (self._in_definition and "/" in name):
                need = " (required)" if name in required else ""
                required = [n for n in required if n != name]
                hidden.append(expr)
                note = f"Property {name!r}{need}: {in_words(written)}."
                reason = f"Kimi refuses a schema with a property named {name!r}"
                rules.append(Rule("properties", where, name, note, reason=reason))
            else:
                properties[name] = written
                if name not in atom.props:
                    self.reader.did("required properties without a schema given one")
        schema: dict[str, Any] = {"type": "object"}
        if properties:
            schema["properties"] = properties
        if required:
            schema["required"] = required
        if hidden and atom.extra is not None and extra is not True:
            extra = self.write((Choice((*hidden, atom.extra)),))
        if extra is not None:
            schema["additionalProperties"] = extra
        return schema, tuple(rules)

    def _enums(self, atom: Atom) -> Iterator[Branch]:
        """MFJS: the values of an enum are strings or numbers, and all of one type."""
        groups: dict[str, list[Any]] = {}
        for value in atom.enum or ():
            name = type_of(value)
            groups.setdefault("number" if name == "integer" else name, []).append(value)
        if atom.types is None:
            self.reader.did("types of enums added")
        if len(groups) > 1:
            self.reader.did("enums split by type")
        for name, values in groups.items():
            rules = [rule for rule in atom.rules if name in rule.types]
            if name in ("string", "number"):
                kept = [value for value in values if _within(value, atom)]
                if any(BOUNDS[keyword] & {name} for keyword in atom.bounds):
                    self.reader.did("bounds beside an enum applied to it")
                if not kept:
                    continue
                whole = all(type_of(value) == "integer" for value in kept)
                if name == "number" and whole and "number" not in (atom.types or ()):
                    name, kept = "integer", [int(value) for value in kept]
                yield {"type": name, "enum": kept}, atom.notes, tuple(rules)
                continue
            whole_type = name == "null" or (name == "boolean" and len(values) == 2)
            written = self._of_type(atom, name)
            if written is None:
                continue
            more = written[1]
            if not whole_type:
                more = (*more, _told(atom, values))
            yield written[0], atom.notes, more

    def _finish(
        self, schema: dict[str, Any], notes: Notes, rules: tuple[Rule, ...]
    ) -> dict[str, Any]:
        """``schema`` with its notes, and the rules it cannot say told in the description."""
        words = []
        for rule in rules:
            if rule.note:
                words.append(rule.note)
            if rule.lost:
                self._lose(rule)
            elif rule.note:
                self.reader.did(f"{rule.keyword} told in the description")
        extras: dict[str, Any] = {}
        if notes.default is not MISSING:
            kind = schema.get("type")
            # MFJS: a default "is only allowed for boolean, number, string, integer, and null,
            # and must match the declared type".
            if kind in ALL - {"object", "array"} and fits(notes.default, kind):
                extras["default"] = notes.default
            else:
                words.append(f"Default: {in_words(notes.default)}.")
                self.reader.did("default told in the description")
        description = _join(notes.description, words)
        if description:
            extras["description"] = description
        if notes.title:
            extras["title"] = notes.title
        if "$ref" in schema and extras:
            # MFJS: "conflicting keywords found after $ref expansion: description".
            schema = {"anyOf": [schema]}
        self._spend(schema, extras)
        return {**extras, **schema}

    def _spend(self, schema: dict[str, Any], extras: dict[str, Any]) -> None:
        size = 24 + len(extras.get("description", "")) + len(extras.get("title", ""))
        size += sum(len(str(value)) + 4 for value in schema.get("enum", ()))
        size += sum(len(name) + 4 for name in schema.get("properties", ()))
        size += sum(len(name) + 4 for name in schema.get("required", ()))
        self.budget -= size
        if self.budget < 0:
            raise TooLargeError

    def _lose(self, rule: Rule) -> None:
        self.lost.setdefault((rule.path, rule.reason), rule)


def too_deep(path: str) -> InvalidRequestError:
    return InvalidRequestError(
        "the schema is nested deeper than Kimi's limit of 30 levels of properties; "
        "flatten it, or describe the inner part in words",
        param=path,
    )


def _key(expr: Expr) -> Key:
    """What makes two expressions the same: the very schemas they are made of."""
    return frozenset(
        id(part.schema) if isinstance(part, Part) else frozenset(map(_key, part.branches))
        for part in expr
    )


def _join(description: str | None, words: list[str]) -> str:
    """A description followed by ``words`` that it does not hold already."""
    text = (description or "").rstrip()
    for word in dict.fromkeys(words):
        if word in text:
            continue
        if text and not text.endswith((".", "!", "?", ":", ";")):
            text += "."
        text = f"{text} {word}" if text else word
    return text if words else description or ""


def _told(atom: Atom, values: list[Any]) -> Rule:
    """The rule that only ``values`` of an enum are allowed, where MFJS cannot list them."""
    one = "Must be" if len(values) == 1 else "Must be one of:"
    note = f"{one} {', '.join(in_words(value) for value in values)}."
    reason = "MFJS: enum values are strings or numbers only"
    return Rule("enum", atom.enum_path, values, note, reason=reason)


def _within(value: Any, atom: Atom) -> bool:
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


def _number_bounds(schema: dict[str, Any], atom: Atom, rules: list[Rule]) -> None:
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
                rules.append(Rule(exclusive, path, value, note, reason=reason, sent=sent))
        if bounds:
            schema[keyword] = tighter(bounds)
