"""Any JSON schema, rewritten to Moonshot-flavoured JSON schema (MFJS).

In comes the schema of a tool's parameters or of a response format and its path in the request;
out go a new schema that the API accepts and the adjustments. MFJS is the subset that
github.com/MoonshotAI/walle describes and checks; what it cannot say moves into descriptions,
where the model still reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ...catalog import SOURCES
from ...errors import InvalidRequestError
from ..adjustments import Adjustment
from .model import TooLargeError, TooMuchWorkError
from .read import MOST_ALTERNATIVES, Reader
from .refs import Document
from .resources import Place
from .termination import deeper_than
from .values import type_of
from .work import Work
from .write import DeadDefinitionError, Writer, too_deep

__all__ = ["to_mfjs"]

_SOURCE = str(SOURCES["mfjs"])

# walle's code defaults; its prose names smaller numbers, which the server does not enforce.
MAX_PROPERTIES = 3000
MAX_DEPTH = 30
MAX_ANY_OF = 500
MAX_ENUM = 1000
MAX_BYTES = 120_000

# Beyond this many characters copies cost the caller more tokens than references do.
_INLINED = 40_000
_WRITTEN = 3 * MAX_BYTES
_FEW_ALTERNATIVES = 12
_ROUNDS = 5
_STEPS = 300_000

# An agent sends the same tools with every request, so what they came to is remembered: by the
# text of the schema, of so many schemas, of so many characters at most.
_REMEMBERED = 256
_LONGEST_REMEMBERED = 20_000


def to_mfjs(
    schema: object, path: str, *, strict: bool = False
) -> tuple[dict[str, Any], list[Adjustment]]:
    """``schema`` as MFJS, and what was changed on the way. ``schema`` itself stays as it is.

    ``path`` is where it stands in the request (``tools[0].function.parameters``). ``None``, ``{}``
    and ``[]``, which is how PHP writes ``{}``, become an object schema without properties. What
    only reads differently is reported as one adjustment that keeps the meaning, each rule that
    MFJS cannot enforce as one that changes it. ``strict``: the caller asked for OpenAI's structured
    outputs, which keep formats.

    Raises:
        InvalidRequestError: for what is no JSON schema, a root that is no object, a reference
            that cannot be resolved, a schema that nothing satisfies, and one above MFJS's limits.
    """
    given = {} if schema is None or schema is True or schema == [] else schema
    if not isinstance(given, Mapping):
        raise InvalidRequestError(
            f"a JSON schema is an object, this is {type_of(given)}; for one without parameters "
            'send {"type": "object", "properties": {}}',
            param=path,
        )
    try:
        text = json.dumps(schema)
    except (TypeError, ValueError, RecursionError):
        return _to_mfjs(schema, given, path, strict)
    if len(text) > _LONGEST_REMEMBERED:
        return _to_mfjs(schema, given, path, strict)
    written, changes = _remembered(text, path, strict)
    return json.loads(written), [*changes]


@lru_cache(maxsize=_REMEMBERED)
def _remembered(text: str, path: str, strict: bool) -> tuple[str, tuple[Adjustment, ...]]:
    """``_to_mfjs`` for the JSON of a schema; the schema comes as JSON, so that nobody shares it."""
    schema = json.loads(text)
    given = {} if schema is None or schema is True or schema == [] else schema
    sent, changes = _to_mfjs(schema, given, path, strict)
    return json.dumps(sent), tuple(changes)


def _to_mfjs(
    schema: object, given: Mapping[str, Any], path: str, strict: bool
) -> tuple[dict[str, Any], list[Adjustment]]:
    try:
        sent, run = _rewrite(given, path, strict)
        _check_limits(sent, path)
        return sent, _adjustments(schema, sent, run)
    except RecursionError:
        raise too_deep(path) from None
    except TooMuchWorkError:
        raise InvalidRequestError(
            "the schema combines too many schemas to be rewritten for Kimi; "
            "use fewer alternatives and fewer schemas in allOf, or merge them yourself",
            param=path,
        ) from None


def _rewrite(given: Mapping[str, Any], path: str, strict: bool) -> tuple[dict[str, Any], Writer]:
    work = Work(_STEPS)
    sent, run = _write_inlined(given, path, work, strict)
    # A rewrite may cut what made a definition recursive, or make room for inlining it: go on
    # until another rewrite would change nothing.
    for _ in range(_ROUNDS):
        if "$defs" not in sent or sent == given:
            break
        again, more = _write_inlined(sent, path, work, strict)
        if again == sent:
            break
        sent = again
        run.lost.update(more.lost)
    return sent, run


def _write_inlined(
    given: Mapping[str, Any], path: str, work: Work, strict: bool
) -> tuple[dict[str, Any], Writer]:
    """With references inlined if that stays small, else with references.

    If it is still too large, fewer alternatives are combined with each other.
    """
    document = Document(given, path)
    try:
        reader = Reader(document, compact=False, work=work, strict=strict)
        return _written(reader, _INLINED)
    except (TooLargeError, TooMuchWorkError):
        pass
    for most in (MOST_ALTERNATIVES, _FEW_ALTERNATIVES):
        reader = Reader(document, compact=True, work=Work(_STEPS), strict=strict, most=most)
        try:
            found = _written(reader, _WRITTEN)
        except TooLargeError:
            continue
        if most == _FEW_ALTERNATIVES or _size(found[0]) <= MAX_BYTES:
            return found
    raise InvalidRequestError(
        f"the schema grows beyond Kimi's limit of {MAX_BYTES} bytes; "
        "split it, or combine fewer alternatives",
        param=path,
    )


def _written(reader: Reader, budget: int) -> tuple[dict[str, Any], Writer]:
    """The schema without the definitions that nothing satisfies."""
    dead: set[Place] = set()
    while True:
        run = Writer(reader, budget=budget, dead=frozenset(dead))
        try:
            return run.write_root(), run
        except DeadDefinitionError as error:
            dead |= error.places


def _adjustments(given: object, sent: dict[str, Any], run: Writer) -> list[Adjustment]:
    """One adjustment for all that keeps the meaning, one for each rule that got lost."""
    found = [
        Adjustment(rule.path, rule.value, rule.sent, rule.reason, _SOURCE)
        for rule in run.lost.values()
    ]
    if given == sent:
        return found
    done = list(run.reader.done)
    if run.reader.dropped:
        done.append(f"left out: {', '.join(run.reader.dropped)}")
    reason = "the same meaning in the form that Kimi accepts"
    if done:
        reason += f": {'; '.join(done)}"
    what = None if given is None else "JSON schema"
    new = Adjustment(run.path, what, "Moonshot-flavoured JSON schema", reason, _SOURCE, False)
    return [new, *found]


def _check_limits(schema: dict[str, Any], path: str) -> None:
    """Refuse what the API would refuse for its size."""

    def refuse(what: str, count: int, limit: int) -> None:
        raise InvalidRequestError(
            f"the schema has {count} {what}, Kimi accepts {limit}; split it into smaller ones",
            param=path,
        )

    properties = 0
    definitions = schema.get("$defs", {})
    todo: list[tuple[dict[str, Any], int]] = [(schema, 0), *((d, 0) for d in definitions.values())]
    while todo:
        node, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise too_deep(path)
        inner = node.get("properties", {})
        properties += len(inner)
        todo += [(sub, depth + 1) for sub in inner.values()]
        options = node.get("anyOf", [])
        if len(options) > MAX_ANY_OF:
            refuse("alternatives in one anyOf", len(options), MAX_ANY_OF)
        todo += [(sub, depth) for sub in options]
        todo += [
            (node[keyword], depth)
            for keyword in ("items", "additionalProperties")
            if isinstance(node.get(keyword), dict)
        ]
        if len(node.get("enum", ())) > MAX_ENUM:
            refuse("values in one enum", len(node["enum"]), MAX_ENUM)
    if properties > MAX_PROPERTIES:
        refuse("properties", properties, MAX_PROPERTIES)
    if definitions and deeper_than(MAX_DEPTH, schema, definitions):
        raise too_deep(path)
    size = _size(schema)
    if size > MAX_BYTES:
        refuse("bytes", size, MAX_BYTES)


def _size(schema: dict[str, Any]) -> int:
    """The bytes that Kimi's validator counts."""
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    # Go, in which it is written, spells these three as \u003c, \u003e and \u0026.
    return len(text.encode("utf-8", "replace")) + 5 * sum(map(text.count, "<>&"))
