"""Writes what ``read`` found as Moonshot-flavoured JSON schema (MFJS).

In comes a whole document, out goes a new schema; on the way it is noted which rules got lost.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from ...errors import InvalidRequestError
from .model import (
    BOUNDS,
    NUMBER,
    TYPES,
    Alternatives,
    Annotations,
    Choice,
    Constraints,
    Expr,
    Part,
    TooLargeError,
    Unsupported,
    conjunction,
    guess,
    key_of,
)
from .nodes import annotate, describe, listed_in_words, number_bounds, within
from .properties import apply_counts, unreadable
from .read import Reader, beside_cycle
from .resources import Place
from .root import merge, objects, place_of
from .syntax import ref_of
from .termination import endless, ends_in_lists, finite, refs_in
from .values import carried, in_words, type_of

__all__ = ["DeadDefinitionError", "Writer", "too_deep"]

_NESTING = 64
_TRIED = 8

Branch: TypeAlias = "tuple[dict[str, Any], Annotations, tuple[Unsupported, ...]]"


class DeadDefinitionError(Exception):
    """Nothing satisfies some definitions that were referred to."""

    def __init__(self, places: set[Place]) -> None:
        self.places = places


class Writer:
    """Writes one document as MFJS and remembers which rules got lost."""

    def __init__(
        self,
        reader: Reader,
        *,
        budget: int,
        dead: frozenset[Place] = frozenset(),
    ) -> None:
        self.reader = reader
        self.document = reader.document
        self.path = self.document.path
        self.root = Part(self.document.root, self.path)
        self.work = reader.work
        self.budget = budget
        self.dead = dead
        self.lost: dict[tuple[str, str], Unsupported] = {}
        self._writing: set[frozenset[Any]] = set()
        self._depth = 0
        self._in_definition = False
        self._trying = False

    # --- the whole document ---

    def write_root(self) -> dict[str, Any]:
        """The root as one object, with the definitions that it needs."""
        said = self.reader.read(self.root)
        atoms, other = objects(said, self.reader)
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
            place = place_of(self.root, "type")
            rules = (*rules, Unsupported("type", place, other, "", reason=reason, sent="object"))
        atom = atoms[0] if len(atoms) == 1 else merge(atoms, self.root, self.reader)
        written = self._object(atom, root=True)
        if written is None:
            raise InvalidRequestError("nothing satisfies this schema", param=self.path)
        schema, own_rules = written
        schema.setdefault("properties", {})
        notes = said.notes.beside(atom.notes) if len(atoms) == 1 else said.notes
        sent = self._finish(schema, notes, (*own_rules, *rules))
        definitions = self._definitions(sent)
        self._check_end(sent, definitions)
        if definitions:
            sent["$defs"] = definitions
        return sent

    def _definitions(self, sent: dict[str, Any]) -> dict[str, Any]:
        """The definitions that ``sent`` refers to, and those that they refer to."""
        definitions: dict[str, Any] = {}
        users: dict[str, list[str]] = {}
        dead: set[Place] = set()
        todo = refs_in(sent)
        self._in_definition = True
        for name in todo:  # grows while it is walked
            if name in definitions:
                continue
            place = self.document.place(name)
            written = self._definition(place)
            definitions[name] = {} if written is None else written
            if written is None:
                dead.add(place)
                # What refers to it has to be written without it; perhaps nothing is left of it.
                self.dead |= {place}
                for user in users.get(name, ()):
                    if self.document.place(user) not in dead:
                        del definitions[user]
                        todo.append(user)
                continue
            for other in refs_in(written):
                users.setdefault(other, []).append(name)
                todo.append(other)
        if dead:
            raise DeadDefinitionError(dead)
        return definitions

    def _definition(self, place: Place) -> dict[str, Any] | None:
        part = self.document.target(place)
        said = self.reader.read(part)
        atoms = tuple(atom for atom in said.atoms if atom.ref != place)
        return self._write(replace(said, atoms=atoms), key_of((part,)))

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
        # A finite value exists. Of the objects furthest in, all required properties are lists
        # that may be empty, since Kimi would have found an end in anything else.
        reached = [
            each
            for each in endless(sent, definitions)
            if all(
                ends_in_lists(each.node["properties"][name], definitions)
                for name in each.node["required"]
            )
        ]
        if not reached:
            return
        least = min(reached, key=lambda each: len(each.node["required"]))
        path = self.path
        if least.definition:
            path = self.document.target(self.document.place(least.definition)).path
        reason = (
            "Kimi refuses as endless a recursive object that requires nothing but lists of itself; "
            "they are optional now"
        )
        names = least.node.pop("required")
        value = names if len(names) > 1 else names[0]
        self._lose(
            Unsupported("required", f"{path}{least.below}.required", value, "", reason=reason)
        )
        properties = least.node["properties"]
        for name in names:
            properties[name] = describe(properties[name], f"Always give {name}.")

    # --- one schema ---

    def write(self, expr: Expr) -> dict[str, Any] | None:
        """One expression as an MFJS schema; None where nothing satisfies it."""
        key = key_of(expr)
        said = self._bare(expr) if key in self._writing else None
        return self._write(said or self.reader.alternatives(expr), key)

    def _write(self, said: Alternatives, key: frozenset[Any]) -> dict[str, Any] | None:
        if self._depth >= _NESTING:
            raise too_deep(self.path)
        fresh = key not in self._writing and bool(key)
        if fresh:
            self._writing.add(key)
        self._depth += 1
        self.work.spend(2 + 2 * len(said.atoms))
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
        return self._finish(schema, said.notes.beside(notes), (*rules, *said.rules))

    def _bare(self, expr: Expr) -> Alternatives | None:
        """What is left of an expression that contains itself: the reference that goes round.

        None where that reference lies further inside.
        """
        todo = list(expr)
        seen: set[int] = set()
        for part in todo:  # grows while it is walked
            if isinstance(part, Choice):
                todo += [inner for branch in part.branches for inner in branch]
            elif isinstance(part.schema, Mapping) and id(part.schema) not in seen:
                seen.add(id(part.schema))
                if ref_of(part.schema) is not None:
                    place = self.document.resolve(part)
                    assert place is not None
                    if self.document.cyclic(place):
                        place = self.document.follow(place)
                        rule = beside_cycle(part.path)
                        return Alternatives((Constraints(ref=place, rules=(rule,)),))
                    todo.append(self.document.target(place))
                for keyword in ("allOf", "anyOf", "oneOf"):
                    subs = part.schema.get(keyword) or []
                    todo += [part.at(sub, f".{keyword}") for sub in subs]
        return None

    def _branches(self, atom: Constraints) -> Iterator[Branch]:
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
            types = guess(atom)
            what = "spelled out where any value is allowed" if types == TYPES else "guessed"
            self.reader.did(f"missing types {what}")
        found = False
        for type_name in dict.fromkeys((*types, *(TYPES if atom.types is None else ()))):
            guessed = type_name in types
            if found and not guessed:
                break  # other types only count where nothing of those it is about satisfies it
            written = self._of_type(atom, type_name)
            if written is not None:
                found = found or guessed
                yield written[0], atom.notes, written[1]

    def _of_type(
        self, atom: Constraints, type_name: str
    ) -> tuple[dict[str, Any], tuple[Unsupported, ...]] | None:
        if type_name == "object":
            return self._object(atom)
        schema: dict[str, Any] = {"type": type_name}
        rules = [rule for rule in atom.rules if type_name in rule.types]
        if type_name in NUMBER:
            number_bounds(schema, atom, rules)
            low, high = "minimum", "maximum"
        elif type_name in ("string", "array"):
            size = "Length" if type_name == "string" else "Items"
            low, high = f"min{size}", f"max{size}"
            schema.update((k, atom.bounds[k][0]) for k in (low, high) if k in atom.bounds)
            if type_name == "string":
                self._pattern(schema, atom, rules)
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
        if type_name == "array":
            rules = [rule for rule in rules if not self._said(rule, schema, atom)]
        elif type_name == "integer":
            rules = [rule for rule in rules if not _divides_all(rule)]
        return schema, tuple(rules)

    def _said(self, rule: Unsupported, schema: dict[str, Any], atom: Constraints) -> bool:
        """Whether what a tuple's items must be is said by ``schema`` already."""
        if not rule.parts:
            return False
        longest = schema.get("maxItems", math.inf)
        parts = [part for index, part in enumerate(rule.parts) if index < longest]
        parts = [part for part in parts if not self.reader.alternatives(part).free]
        if not parts:
            return True
        if atom.items is None or len(parts) > _TRIED or self._trying:
            return False
        lost, budget, done = dict(self.lost), self.budget, dict(self.reader.done)
        self._trying = True
        try:
            plain = self.write(atom.items)
            return all(self.write(conjunction(atom.items, part)) == plain for part in parts)
        finally:
            self._trying = False
            self.lost, self.budget, self.reader.done = lost, budget, done

    def _pattern(self, schema: dict[str, Any], atom: Constraints, rules: list[Unsupported]) -> None:
        """walle's code takes one ``pattern`` of a string, at every level."""
        if atom.patterns:
            schema["pattern"] = atom.patterns[0][0]
        for pattern, path in atom.patterns[1:]:
            note = f"Must match the regular expression {pattern}"
            reason = "a string can have one pattern; the description tells the other"
            rules.append(Unsupported("pattern", path, pattern, note, reason=reason))

    def _inner(self, expr: Expr) -> dict[str, Any] | bool:
        """A schema for items or further properties: true for any value, false for none."""
        if key_of(expr) not in self._writing and self.reader.alternatives(expr).free:
            return True
        written = self.write(expr)
        return False if written is None else written

    def _object(
        self, atom: Constraints, *, root: bool = False
    ) -> tuple[dict[str, Any], tuple[Unsupported, ...]] | None:
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
        required = dict.fromkeys(atom.required)
        for name in dict.fromkeys((*atom.props, *atom.required)):
            expr = atom.props.get(name, atom.extra or ())
            self.work.spend(len(expr))
            written = self.write(expr)
            where = expr[0].path if expr and isinstance(expr[0], Part) else self.path
            if written is None:
                if name in required and not root:
                    return None
                if name in required:
                    del required[name]
                    reason = f"nothing satisfies the required property {name!r}: it is left out"
                    rules.append(Unsupported("required", where, name, "", reason=reason))
                elif extra is not False:
                    note = f"Property {name!r} must be absent."
                    reason = "MFJS cannot forbid one property; the description does"
                    rules.append(Unsupported("properties", where, False, note, reason=reason))
            elif unreadable(name, written, self._in_definition):
                need = " (required)" if name in required else ""
                required.pop(name, None)
                hidden.append(expr)
                note = f"Property {name!r}{need}: {in_words(written)}."
                reason = f"Kimi refuses a schema with a property named {name!r}"
                rules.append(Unsupported("properties", where, name, note, reason=reason))
            else:
                properties[name] = written
                if name not in atom.props:
                    self.reader.did("required properties without a schema given one")
        schema: dict[str, Any] = {"type": "object"}
        if properties:
            schema["properties"] = properties
        if required:
            schema["required"] = list(required)
        if hidden and atom.extra is not None and extra is not True:
            extra = self.write((Choice((*hidden, atom.extra)),))
        if extra is not None:
            schema["additionalProperties"] = extra
        left = apply_counts(schema, rules)
        return None if left is None else (schema, tuple(left))

    def _enums(self, atom: Constraints) -> Iterator[Branch]:
        """MFJS: the values of an enum are strings, numbers or booleans, and all of one type."""
        groups: dict[str, list[Any]] = {}
        for value in atom.enum or ():
            name = type_of(value)
            groups.setdefault("number" if name == "integer" else name, []).append(value)
        if atom.types is None:
            self.reader.did("types of enums added")
        if len(groups) > 1:
            self.reader.did("enums split by type")
        for name, values in groups.items():
            if name in ("string", "number"):
                yield from self._scalars(atom, name, values)
                continue
            written = self._of_type(atom, name)
            if written is None:
                continue
            schema, rules = written
            if name == "boolean" and len(values) == 1:
                schema = {**schema, "enum": values}
            elif name not in ("null", "boolean"):
                rules = (*rules, listed_in_words(atom, values))
            yield schema, atom.notes, rules

    def _scalars(self, atom: Constraints, name: str, values: list[Any]) -> Iterator[Branch]:
        """The strings or numbers of an enum."""
        kept = [value for value in values if within(value, atom)]
        if any(BOUNDS[keyword] & {name} for keyword in atom.bounds):
            self.reader.did("bounds beside an enum applied to it")
        if not kept:
            return
        rules = [rule for rule in atom.rules if name in rule.types]
        whole = all(type_of(value) == "integer" for value in kept)
        if not all(map(carried, kept)):
            yield {"type": name}, atom.notes, (*rules, listed_in_words(atom, kept))
            return
        if name == "number" and whole and "number" not in (atom.types or ()):
            name, kept = "integer", [int(value) for value in kept]
        schema: dict[str, Any] = {"type": name, "enum": kept}
        if name == "string":
            self._pattern(schema, atom, rules)
        yield schema, atom.notes, tuple(rules)

    def _finish(
        self, schema: dict[str, Any], notes: Annotations, rules: tuple[Unsupported, ...]
    ) -> dict[str, Any]:
        """``schema`` with its notes, and the rules it cannot say in its description."""
        words = []
        for rule in rules:
            if rule.note:
                words.append(rule.note)
            if rule.lost:
                self._lose(rule)
            elif rule.note:
                self.reader.did(f"{rule.keyword} moved to the description")
        finished, moved = annotate(schema, notes, words)
        for what in moved:
            self.reader.did(what)
        self._spend(finished)
        return finished

    def _spend(self, schema: dict[str, Any]) -> None:
        size = 24 + len(schema.get("description", "")) + len(schema.get("title", ""))
        if "enum" in schema:
            size += sum(len(str(value)) + 4 for value in schema["enum"])
        for keyword in ("properties", "required"):
            if keyword in schema:
                size += sum(map(len, schema[keyword])) + 4 * len(schema[keyword])
        self.budget -= size
        if self.budget < 0:
            raise TooLargeError

    def _lose(self, rule: Unsupported) -> None:
        self.lost.setdefault((rule.path, rule.reason), rule)


def _divides_all(rule: Unsupported) -> bool:
    """Whether every integer is a multiple of what ``multipleOf`` names."""
    step = rule.value
    if rule.keyword != "multipleOf" or isinstance(step, bool) or not isinstance(step, int | float):
        return False
    return step in (1, 0.5, 0.25, 0.2, 0.1, 0.05, 0.01, 0.001)


def too_deep(path: str) -> InvalidRequestError:
    return InvalidRequestError(
        "the schema is nested deeper than Kimi's limit of 30 levels of properties; "
        "flatten it, or describe the inner part in words",
        param=path,
    )
