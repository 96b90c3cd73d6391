"""Reads a JSON schema into the alternatives of ``model``.

In comes a document (``refs``), out go atoms: ``allOf`` merged, references followed,
``oneOf`` and lists of types taken apart. What MFJS cannot say comes along as rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...errors import InvalidRequestError
from .disjoint import all_apart, tag_of
from .intersect import intersect, trivially
from .model import (
    ANY,
    BOUNDS,
    MISSING,
    NO_ANNOTATIONS,
    NOTHING,
    NULL,
    Alternatives,
    Annotations,
    Constraints,
    Expr,
    Part,
    Unsupported,
    add_rules,
    union,
)
from .negate import complement, doubled, without
from .prose import condition_rule, not_rule
from .refs import Document
from .remote_refs import outside
from .resources import Place
from .syntax import ANNOTATIONS, APPLICATORS, given, ref_of
from .unevaluated import SOME_ITEMS, SOME_NAMES, close
from .value_keywords import Own, list_of, literal
from .values import in_words, type_of
from .work import Work

__all__ = ["MOST_ALTERNATIVES", "Reader", "beside_cycle"]

_READ = {*BOUNDS, *ANNOTATIONS} | set(
    """
    type enum const properties required additionalProperties items prefixItems additionalItems
    anyOf oneOf allOf not if then else nullable pattern format multipleOf uniqueItems contains
    minContains maxContains minProperties maxProperties propertyNames patternProperties
    dependentRequired dependentSchemas dependencies unevaluatedProperties unevaluatedItems
    contentEncoding $ref $dynamicRef $recursiveRef $defs definitions
    """.split()  # noqa: SIM905
)

_SAYS_NOTHING = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "$defs", "definitions"})
_SOME = frozenset({SOME_NAMES, SOME_ITEMS})

# Without these a schema says no more than its own keywords do. Most have none of them.
_FURTHER = frozenset({*APPLICATORS, "contains", "nullable"})

MOST_ALTERNATIVES = 200
_MOST_LITERALS = 50


class Reader:
    """Reads expressions of one document into alternatives.

    ``done`` collects what was rewritten without a change of meaning, in words. ``compact`` keeps
    every reference as one, where otherwise only those that go round in a circle are kept.
    ``strict``: the caller was promised that formats are kept, too. ``most``: how many alternatives
    two choices may make together.
    """

    def __init__(
        self,
        document: Document,
        *,
        compact: bool,
        work: Work,
        strict: bool = False,
        most: int = MOST_ALTERNATIVES,
    ) -> None:
        self.document = document
        self.compact = compact
        self.work = work
        self.strict = strict
        self.most = most
        self.done: dict[str, None] = {}
        self.dropped: dict[str, None] = {}
        self._known: dict[tuple[int, Any], Alternatives] = {}
        self._open: set[tuple[int, Any]] = set()
        self._expanding: set[Place] = set()
        self._literals: list[object] = []  # keeps them alive: they are known by their id

    def did(self, what: str) -> None:
        """Note a rewrite that keeps the meaning."""
        self.done[what] = None

    def alternatives(self, expr: Expr) -> Alternatives:
        """What a conjunction says."""
        if not expr:
            return ANY
        if len(expr) == 1 and isinstance(expr[0], Part):
            return self.read(expr[0])
        self.work.spend(len(expr))
        found = []
        for part in expr:
            if isinstance(part, Part):
                found.append((self.read(part), self.document.path))
            else:
                branches = union(self.alternatives(branch) for branch in part.branches)
                found.append((branches, self.document.path))
        return self._all(found)

    def read(self, part: Part) -> Alternatives:
        """What one schema says.

        Raises:
            InvalidRequestError: where it is no JSON schema, naming the place.
        """
        schema = part.schema
        if isinstance(schema, bool):
            return ANY if schema else NOTHING
        if schema is None or schema == []:
            self.did("null and [] in place of a schema read as any value")
            return ANY
        if not isinstance(schema, Mapping):
            raise InvalidRequestError(
                f"a JSON schema is an object or a boolean, this is {type_of(schema)}",
                param=part.path,
            )
        key = (id(schema), part.scope)
        if key in self._known:
            return self._known[key]
        if key in self._open:
            raise _loop(part.path)
        self.work.spend(1 + len(schema))
        self._open.add(key)
        try:
            self._known[key] = self._read(part)
        finally:
            self._open.discard(key)
        return self._known[key]

    def expand(self, atom: Constraints) -> Alternatives:
        """What the definition says that ``atom`` refers to."""
        assert atom.ref is not None
        found = self.read(self.document.target(atom.ref))
        rules = add_rules(atom.rules, found.rules)
        return replace(found, notes=atom.notes.over(found.notes), rules=rules)

    # --- both at once ---

    def _all(self, found: list[tuple[Alternatives, str]]) -> Alternatives:
        """All hold, and what describes them stands side by side.

        They are joined two by two: one after the other, each would be copied as often as others
        follow.
        """
        while len(found) > 1:
            pairs = []
            for (ours, path), (theirs, where) in zip(found[::2], found[1::2], strict=False):
                notes = ours.notes.beside(theirs.notes)
                pairs.append((replace(self.both(ours, theirs, where), notes=notes), path))
            found = pairs + found[len(pairs) * 2 :]
        return found[0][0]

    def both(self, ours: Alternatives, theirs: Alternatives, path: str) -> Alternatives:
        """Both hold: each atom of one met with each of the other. The notes are ours."""
        rules = add_rules(ours.rules, theirs.rules)
        count = len(ours.atoms) * len(theirs.atoms)
        if count > self.most and len(ours.atoms) > 1 and len(theirs.atoms) > 1:
            text = f"{len(theirs.atoms)} alternatives beside {len(ours.atoms)} others"
            reason = "too many combinations for one anyOf; one of the two choices is left out"
            return replace(
                ours, rules=(*rules, Unsupported("allOf", path, text, "", reason=reason))
            )
        atoms = [atom for x in ours.atoms for y in theirs.atoms for atom in self._meet(x, y, path)]
        return Alternatives(tuple(atoms), ours.notes, rules)

    def _meet(self, x: Constraints, y: Constraints, path: str) -> Sequence[Constraints]:
        """Both atoms at once, as alternatives: none where they contradict each other."""
        trivial = trivially(x, y)
        if trivial is not None:
            return [trivial]
        if x.ref is not None or y.ref is not None:
            return self._meet_reference(x, y, path)
        self.work.spend(
            4 + len(x.props) + len(y.props) + len(x.rules) + len(y.rules) + len(x.required)
        )
        self.work.spend(len(x.extra or ()) * len(y.props) + len(y.extra or ()) * len(x.props))
        met = intersect(x, y)
        return [] if met is None else [met]

    def _meet_reference(self, x: Constraints, y: Constraints, path: str) -> Sequence[Constraints]:
        """Both atoms, at least one of which is a reference: it is followed where it must be."""
        notes = x.notes.beside(y.notes)
        if x.ref == y.ref:
            return [replace(x, notes=notes, rules=add_rules(x.rules, y.rules))]
        first, second = (x, y) if x.ref is not None else (y, x)
        assert first.ref is not None
        if self.compact and self.document.cyclic(first.ref):
            return [replace(first, rules=(*first.rules, beside_cycle(path)))]
        found = self.expand(first)
        if first.ref in self._expanding:
            raise _loop(self.document.target(first.ref).path)
        if second.only_types and found.atoms:
            allowed = second.kinds()
            if all(atom.ref is None and atom.kinds() <= allowed for atom in found.atoms):
                return [replace(first, notes=notes)]
        self._expanding.add(first.ref)
        try:
            atoms = [atom for t in found.atoms for atom in self._meet(t, second, path)]
        finally:
            self._expanding.discard(first.ref)
        return union([Alternatives(tuple(atoms), found.notes, found.rules)]).atoms

    # --- one schema ---

    def _read(self, written: Part) -> Alternatives:
        """One step a group of keywords; each takes what the ones before it have found."""
        schema = given(written.schema)
        if schema is not written.schema:
            self.did("keywords without a value (null, or [] for {}) left out")
        if not _READ.issuperset(schema):
            self.dropped.update(dict.fromkeys(key for key in schema if key not in _READ))
        part = Part(schema, written.path, self.document.enter(written.schema, written.scope))
        own = self._own(part)
        if _FURTHER.isdisjoint(written.schema):
            return own
        result = self._conjoin(part, own)
        result = self._with_reference(part, written, result)
        result = self._choose(part, result)
        result = self._negate(part, result)
        result = self._close(part, result)
        return self._nullable(part, result)

    def _own(self, part: Part) -> Alternatives:
        """What the schema's own keywords say: its types, bounds, properties, items and values."""
        atom, values = Own(part, self.did, self.strict).read()
        own = Alternatives((atom,), self._notes(part.schema))
        return own if values is None else self.both(own, self._listed(values, part), part.path)

    def _conjoin(self, part: Part, own: Alternatives) -> Alternatives:
        """``own`` together with ``allOf``, and with ``if``, ``then`` and ``else``."""
        found = [(own, part.path)]
        for index, sub in enumerate(list_of(part.schema, "allOf", part.path)):
            self.did("allOf merged")
            branch = part.at(sub, f".allOf[{index}]")
            found.append((self.read(branch), branch.path))
        condition = self._condition(part)
        if condition is not None:
            found.append((condition, part.path))
        return self._all(found)

    def _with_reference(self, part: Part, written: Part, result: Alternatives) -> Alternatives:
        """``result`` together with what ``$ref`` leads to; its own notes come first."""
        referred = self._refer(replace(part, schema=written.schema), part.schema)
        if referred is None:
            return result
        notes = result.notes.over(referred.notes)
        return replace(self.both(result, referred, part.path), notes=notes)

    def _close(self, part: Part, result: Alternatives) -> Alternatives:
        """``result`` without the properties and items that ``unevaluated*`` forbids."""
        schema = part.schema
        if not schema.keys() & APPLICATORS and "contains" not in schema:
            return result
        return close(result, part, schema, self._alone(schema, result))

    def _nullable(self, part: Part, result: Alternatives) -> Alternatives:
        """``result``, or null: OpenAPI's ``nullable``."""
        if part.schema.get("nullable") is not True:
            return result
        self.did("nullable written as anyOf with null")
        return replace(union([replace(result, notes=NO_ANNOTATIONS), NULL]), notes=result.notes)

    def _notes(self, schema: Mapping[str, Any]) -> Annotations:
        texts = []
        for keyword in ("title", "description"):
            text = schema.get(keyword)
            if text is not None and not isinstance(text, str):
                self.did(f"a {keyword} that is not a string written as a string")
                text = in_words(text)
            texts.append(text)
        return Annotations(texts[0], texts[1], schema.get("default", MISSING))

    def _condition(self, part: Part) -> Alternatives | None:
        """What ``if`` demands: in words where MFJS cannot say what is left without it."""
        schema = part.schema
        if "if" not in schema or not {"then", "else"} & schema.keys():
            return None
        otherwise = complement(schema["if"])
        if otherwise is None:
            return Alternatives((Constraints(),), rules=condition_rule(schema, part.path))
        self.did("if, then and else written as anyOf")
        ways = [self.read(part.at(schema["if"], ".if")), otherwise]
        for index, keyword in enumerate(("then", "else")):
            if keyword in schema:
                read = self.read(part.at(schema[keyword], f".{keyword}"))
                ways[index] = self.both(ways[index], read, f"{part.path}.{keyword}")
        return union(replace(way, notes=NO_ANNOTATIONS) for way in ways)

    def _listed(self, values: list[Any], part: Part) -> Alternatives:
        """The values of an enum: objects and lists as schemas that only they satisfy."""
        keyword = "const" if "const" in part.schema else "enum"
        path = f"{part.path}.{keyword}"
        plain: list[Any] = []
        found: list[Alternatives] = []
        for value in values:
            schema = literal(value) if isinstance(value, Mapping | list) else None
            if schema is None or len(found) >= _MOST_LITERALS:
                plain.append(value)
                continue
            self._literals.append(schema)
            self.did("objects and lists of an enum written as schemas")
            # An enum evaluates nothing, for unevaluated*, of what it lists.
            found.append(_unseen(self.read(Part(schema, path, part.scope))))
        if plain:
            found.insert(0, Alternatives((Constraints(enum=tuple(plain), enum_path=path),)))
        return union(found)

    def _refer(self, part: Part, schema: Mapping[str, Any]) -> Alternatives | None:
        """What the reference in ``part`` says, None where it has none."""
        place = self.document.resolve(part)
        if place is None:
            found = ref_of(part.schema)
            if found is None:
                return None
            says = schema.keys() & (_READ - ANNOTATIONS - _SAYS_NOTHING)
            return outside(*found, part, alone=not says)
        place = self.document.follow(place, frozenset())
        target = self.document.target(place)
        if isinstance(target.schema, Mapping) and (self.compact or self.document.cyclic(place)):
            return Alternatives((Constraints(ref=self.document.follow(place)),))
        self.did("$ref inlined")
        return self.read(target)

    # --- alternatives ---

    def _choose(self, part: Part, result: Alternatives) -> Alternatives:
        """``result`` together with ``anyOf`` and ``oneOf``."""
        if "anyOf" in part.schema:
            branches = self._branches(part, "anyOf", result)
            if branches is None:
                return self._choose(_less(part, "anyOf"), _empty(part, "anyOf", result))
            result = replace(union(branches), notes=result.notes, rules=result.rules)
        if "oneOf" in part.schema:
            branches = self._branches(part, "oneOf", result)
            if branches is None:
                return _empty(part, "oneOf", result)
            self.did("oneOf written as anyOf")
            tag = tag_of(part.schema.get("discriminator"))
            branches = self._tag(branches, tag)
            if sum(_accepts_all(branch) for branch in branches) > 1:
                return replace(NOTHING, notes=result.notes)
            rules = result.rules
            if all_apart([self._shown(branch) for branch in branches], tag, self._atoms):
                pass
            elif apart := self._separate(part, branches):
                branches = apart
            else:
                value = f"{len(branches)} alternatives"
                note = "Exactly one of the alternatives must match."
                reason = "MFJS has anyOf only, which accepts more than one match"
                rule = Unsupported("oneOf", f"{part.path}.oneOf", value, note, reason=reason)
                rules = (*rules, rule)
            result = replace(union(branches), notes=result.notes, rules=rules)
        return result

    def _separate(self, part: Part, branches: list[Alternatives]) -> list[Alternatives]:
        """Two alternatives, each without the values of the other; [] where MFJS cannot say it."""
        others = [complement(sub) for sub in part.schema["oneOf"]]
        if len(branches) != 2 or None in others:
            return []
        path = f"{part.path}.oneOf"
        return [
            self.both(branch, other, path)
            for branch, other in zip(branches, others[::-1], strict=True)
            if other is not None
        ]

    def _branches(self, part: Part, keyword: str, base: Alternatives) -> list[Alternatives] | None:
        """Each alternative together with what stands beside the keyword."""
        branches = list_of(part.schema, keyword, part.path)
        if not branches:
            return None
        found = []
        for index, sub in enumerate(branches):
            own = part.at(sub, f".{keyword}[{index}]")
            if sub is None:
                raise InvalidRequestError(
                    'null is no JSON schema; for the value null write {"type": "null"}',
                    param=own.path,
                )
            read = self.read(own)
            met = self.both(replace(base, notes=NO_ANNOTATIONS, rules=()), read, own.path)
            found.append(replace(met, notes=read.notes))
        if any(not atom.plain for atom in base.atoms):
            self.did(f"keywords beside {keyword} moved into its items")
        return found

    def _tag(self, branches: list[Alternatives], tag: str | None) -> list[Alternatives]:
        """OpenAPI: the property that a discriminator names must be given."""
        if tag is None:
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

    def _atoms(self, expr: Expr) -> Sequence[Constraints]:
        return self.alternatives(expr).atoms

    def _shown(self, branch: Alternatives) -> list[Constraints]:
        atoms: list[Constraints] = []
        for atom in branch.atoms:
            if atom.ref is None or self._is_open(atom.ref):
                atoms.append(atom)
            else:
                atoms += self.expand(atom).atoms
        return atoms

    def _is_open(self, place: Place) -> bool:
        return (id(self.document.target(place).schema), place.scope) in self._open

    def _alone(self, schema: Mapping[str, Any], result: Alternatives) -> bool:
        """Whether no value satisfies two atoms, where unevaluated* asks for it."""
        if len(result.atoms) < 2 or not {"unevaluatedProperties", "unevaluatedItems"} & set(schema):
            return True
        tag = tag_of(schema.get("discriminator"))
        return all_apart([[atom] for atom in result.atoms], tag, self._atoms)

    # --- not ---

    def _negate(self, part: Part, result: Alternatives) -> Alternatives:
        """``result`` without what ``not`` forbids, in words where MFJS cannot say it."""
        if "not" not in part.schema:
            return result
        forbidden = part.schema["not"]
        left = without(result, forbidden)
        if left is not None:
            self.did("not applied to the enum beside it")
            return left
        inner = doubled(forbidden)
        if inner is not None:
            self.did("not of not left out")
            read = replace(self.read(part.at(inner, ".not.not")), notes=NO_ANNOTATIONS)
            # What stands inside `not` evaluates nothing.
            return self.both(result, _unseen(read), f"{part.path}.not")
        left = complement(forbidden)
        if left is not None:
            self.did("not written as the values that are left")
            return self.both(result, left, f"{part.path}.not")
        return replace(result, rules=(*result.rules, *not_rule(part.schema, part.path)))


def _accepts_all(read: Alternatives) -> bool:
    return not read.rules and any(atom.plain for atom in read.atoms)


def _less(part: Part, keyword: str) -> Part:
    return replace(part, schema={k: v for k, v in part.schema.items() if k != keyword})


def _empty(part: Part, keyword: str, result: Alternatives) -> Alternatives:
    reason = f"MFJS refuses an empty {keyword}; it is left out"
    rule = Unsupported(keyword, f"{part.path}.{keyword}", [], "", reason=reason)
    return replace(result, rules=(*result.rules, rule))


def _unseen(read: Alternatives) -> Alternatives:
    return replace(read, atoms=tuple(replace(atom, seen=_SOME) for atom in read.atoms))


def _loop(path: str) -> InvalidRequestError:
    return InvalidRequestError(
        "this $ref leads back to itself without a property or an item in between", param=path
    )


def beside_cycle(path: str) -> Unsupported:
    """The rule that says: something stood beside a recursive reference and is gone."""
    reason = "MFJS allows nothing beside a recursive $ref"
    return Unsupported("$ref", path, "keywords beside a recursive $ref", "", reason=reason)
