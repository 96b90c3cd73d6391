"""Reads a JSON schema into the alternatives of ``schema_parts``.

In comes a document (``schema_refs``), out go atoms: ``allOf`` merged, references followed,
``oneOf`` and lists of types taken apart. What MFJS cannot say comes along as rules.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import InvalidRequestError
from .schema_parts import (
    ALL,
    ANY,
    ARRAY,
    BOUNDS,
    MISSING,
    NO_NOTES,
    NOTHING,
    NULL,
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
    add_rules,
    conjunction,
    either,
    extra_is_bound,
    fits,
    forbids,
    in_words,
    narrow,
    same_key,
    type_of,
    union,
)
from .schema_refs import ANNOTATIONS, Document, Pointer, ref_of
from .schema_rules import general_rules, value_rules

__all__ = ["Reader", "beside_cycle"]

_MATCH_ALL = frozenset({"", "^", ".*", "^.*", "^.*$", ".*$"})
_READ = {*BOUNDS, *ANNOTATIONS} | set(
    """
    type enum const properties required additionalProperties items prefixItems additionalItems
    anyOf oneOf allOf not if then else nullable pattern format multipleOf uniqueItems contains
    minContains maxContains minProperties maxProperties propertyNames patternProperties
    dependentRequired dependentSchemas dependencies unevaluatedProperties unevaluatedItems
    contentEncoding $ref $dynamicRef $recursiveRef $defs definitions
    """.split()  # noqa: SIM905
)

_MOST_ALTERNATIVES = 200
_MOST_COMPARED = 50


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
        self._expanding: set[Pointer] = set()

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
            raise _loop(path)
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
        if count > _MOST_ALTERNATIVES and len(ours.atoms) > 1 and len(theirs.atoms) > 1:
            text = f"{len(theirs.atoms)} alternatives beside {len(ours.atoms)} others"
            reason = "too many combinations for one anyOf; one of the two choices is left out"
            return replace(ours, rules=(*rules, Rule("allOf", path, text, "", reason=reason)))
        atoms = [atom for x in ours.atoms for y in theirs.atoms for atom in self._meet(x, y, path)]
        return Alternatives(tuple(atoms), ours.notes, rules)

    def _meet(self, x: Atom, y: Atom, path: str) -> Sequence[Atom]:
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
                return [replace(first, rules=(*first.rules, beside_cycle(path)))]
            found = self.expand(first)
            assert first.ref is not None
            if first.ref in self._expanding:
                raise _loop(self.document.target(first.ref)[1])
            if second.only_types and found.atoms:
                allowed_types = second.kinds()
                if all(atom.ref is None and atom.kinds() <= allowed_types for atom in found.atoms):
                    return [replace(first, notes=notes)]
            self._expanding.add(first.ref)
            try:
                atoms = [atom for t in found.atoms for atom in self._meet(t, second, path)]
            finally:
                self._expanding.discard(first.ref)
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
        if len(branches) > _MOST_COMPARED:
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
        atom = result.atoms[0] if len(result.atoms) == 1 else Atom(ref=())
        if atom.ref is None and not any(
            isinstance(part, Part) and part.path.endswith(".propertyNames")
            for part in atom.extra or ()
        ):
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
        if (
            not isinstance(names, list)
            or not names
            or not all(isinstance(n, str) and n in ALL for n in names)
        ):
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
        given = schema.get("required", [])
        if not isinstance(given, list):
            self.dropped["required"] = None
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


def _loop(path: str) -> InvalidRequestError:
    return InvalidRequestError(
        "this $ref leads back to itself without a property or an item in between", param=path
    )


def beside_cycle(path: str) -> Rule:
    """The rule that says: something stood beside a recursive reference and is gone."""
    reason = "MFJS allows nothing beside a recursive $ref"
    return Rule("$ref", path, "keywords beside a recursive $ref", "", reason=reason)


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
