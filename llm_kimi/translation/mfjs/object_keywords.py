"""The keywords with which a JSON schema speaks about an object's properties."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import InvalidRequestError
from .model import OBJECT, Choice, Expr, Part, Unsupported, conjunction, extra_is_bound, forbids
from .syntax import ANNOTATIONS, APPLICATORS, accepts_all
from .unevaluated import ALL_NAMES, SOME_NAMES
from .values import in_words, type_of

__all__ = ["OF_OBJECTS", "read_object"]

OF_OBJECTS = frozenset(
    {
        *("properties", "required", "additionalProperties", "unevaluatedProperties"),
        *("patternProperties", "propertyNames"),
    }
)

_MATCH_ALL = frozenset({"", "^", ".*", "^.*", "^.*$", ".*$"})


def read_object(
    part: Part, rules: list[Unsupported], did: Callable[[str], None]
) -> tuple[dict[str, Expr], tuple[str, ...], Expr | None, set[str]]:
    """Properties, required names, what other properties must be, and what was ``seen``."""
    schema: Mapping[str, Any] = part.schema
    given = _mapping_of(schema, "properties", part.path)
    props: dict[str, Expr] = {
        name: (part.at(sub, f".properties.{name}"),) for name, sub in given.items()
    }
    required = _required(part, given, rules, did)
    seen: set[str] = set()
    extra: Expr | None = None
    for keyword in ("additionalProperties", "unevaluatedProperties"):
        # Without other schemas about the same object the two keywords say the same.
        if keyword in schema and (keyword[0] == "a" or not APPLICATORS & schema.keys()):
            extra = (part.at(schema[keyword], f".{keyword}"),)
            seen.add(ALL_NAMES)
            if keyword[0] == "u":
                did("unevaluatedProperties written as additionalProperties")
            break
    patterns = _mapping_of(schema, "patternProperties", part.path)
    if patterns:
        seen.add(SOME_NAMES)
        props, extra = _patterns(part, patterns, props, extra, rules, did)
        if _MATCH_ALL & patterns.keys():
            seen.add(ALL_NAMES)
    names = schema.get("propertyNames")
    allowed = _allowed_names(names)
    if allowed is not None and not patterns:
        did("propertyNames with an enum written as properties")
        props = {name: props.get(name, extra or ()) for name in allowed}
        return props, required, (part.at(False, ".propertyNames"),), seen
    if names not in (None, True, {}, {"type": "string"}):
        note = f"Property names must match {in_words(names)}."
        rules.append(
            Unsupported("propertyNames", f"{part.path}.propertyNames", names, note, OBJECT)
        )
    return props, required, extra, seen


def _patterns(
    part: Part,
    patterns: Mapping[str, Any],
    props: dict[str, Expr],
    extra: Expr | None,
    rules: list[Unsupported],
    did: Callable[[str], None],
) -> tuple[dict[str, Expr], Expr | None]:
    """``patternProperties``: as additionalProperties where all names match, else in words."""
    bound = extra is not None and extra_is_bound(extra)
    exempt: list[Expr] = []
    for pattern, sub in patterns.items():
        own = part.at(sub, f".patternProperties.{pattern}")
        if pattern in _MATCH_ALL:
            props = {name: conjunction(expr, (own,)) for name, expr in props.items()}
            extra, bound = (own,), False
            did("patternProperties for all names written as additionalProperties")
            continue
        exempt.append((own,))
        if not accepts_all(sub):
            note = f"Properties whose names match {pattern} must match {in_words(sub)}."
        elif bound:
            note = f"Properties whose names match {pattern} are allowed."
        else:
            continue
        if forbids(extra) and len(exempt) == len(patterns):
            note += " No other properties are allowed."
        rules.append(Unsupported("patternProperties", own.path, sub, note, OBJECT))
    if bound and exempt and extra is not None:
        # Names that match are exempt from additionalProperties, which would refuse them.
        extra = (Choice((extra, *exempt)),)
    return props, extra


def _allowed_names(names: object) -> list[str] | None:
    """The names that ``propertyNames`` lists, None where it does not list them."""
    if names is False:
        return []
    if not isinstance(names, Mapping) or set(names) - {"enum", "const", "type", *ANNOTATIONS}:
        return None
    listed = names.get("enum")
    if "const" in names:
        listed = [names["const"]]
    if not isinstance(listed, list):
        return None
    return [name for name in listed if isinstance(name, str)]


def _required(
    part: Part, properties: Mapping[str, Any], rules: list[Unsupported], did: Callable[[str], None]
) -> tuple[str, ...]:
    """The names that must be given.

    Draft 3 wrote ``required: true`` into the property; some generators still do.
    """
    given = part.schema.get("required", [])
    unread: object = None
    if isinstance(given, str) and (given in properties or part.schema.get("type") == "object"):
        did("required with one name written as a list")
        given = [given]
    names = [name for name in given if isinstance(name, str)] if isinstance(given, list) else []
    if isinstance(given, list):
        unread = [name for name in given if not isinstance(name, str)] or None
    elif _truth(given) is None:
        unread = given
    if unread is not None:
        kind = type_of(unread if not isinstance(given, list) else unread[0])  # type: ignore[index]
        reason = f"required is a list of names; what is {kind} cannot be read and is left out"
        rules.append(Unsupported("required", f"{part.path}.required", unread, "", reason=reason))
    for name, sub in properties.items():
        if isinstance(sub, Mapping) and _truth(sub.get("required")):
            did("required: true of a property moved to its object")
            names.append(name)
    return tuple(dict.fromkeys(names))


def _truth(value: object) -> bool | None:
    """``value`` where it is true or false, in text as well."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _mapping_of(schema: Mapping[str, Any], keyword: str, path: str) -> Mapping[str, Any]:
    """The value of a keyword that must be an object."""
    value = schema.get(keyword, {})
    if not isinstance(value, Mapping):
        raise InvalidRequestError(f"{keyword} must be an object", param=f"{path}.{keyword}")
    return value
