"""The ``type`` of a JSON schema, in JSON schema's own words and in those of other languages.

Tools are declared from Python, Java, Go and SQL; Gemini writes types in capitals. A name that can
mean one thing only is read as that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import InvalidRequestError
from .model import ALL, STRING, Part, Unsupported
from .values import in_words

__all__ = ["read_types"]

_WORDS = {
    "string": "str text char varchar",
    "integer": "int int32 int64 uint32 uint64 long short bigint",
    "number": "float float32 float64 double decimal numeric real",
    "boolean": "bool",
    "object": "dict map record struct mapping hash",
    "array": "list tuple sequence",
    "null": "none nil nonetype",
    "any": "any mixed unknown type_unspecified",
}
_OTHER_NAMES = {word: name for name, words in _WORDS.items() for word in words.split()}

# Types that are text of a certain form.
_FORMATS = {
    **{name: name for name in ("date", "time", "date-time", "duration", "uuid", "email")},
    "datetime": "date-time",
    "timestamp": "date-time",
    "uri": "uri",
    "url": "uri",
}


def read_types(
    schema: Mapping[str, Any], part: Part, rules: list[Unsupported], did: Callable[[str], None]
) -> tuple[str, ...] | None:
    """The types that ``schema`` allows, None where it does not say.

    Raises:
        InvalidRequestError: for a name that is no type.
    """
    given = schema.get("type")
    if given is None:
        return None
    if isinstance(given, str) and given in ALL:
        return (given,)
    where = f"{part.path}.type"
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise _no_type(given, where)
    if len(names) == 1 and "|" in names[0]:
        names = [name.strip() for name in names[0].split("|")]
        did("types in one text taken apart")
    if isinstance(given, list):
        did("lists of types written as anyOf")
    found: dict[str, None] = {}
    for name in names:
        known = _known(name)
        if known is None:
            raise _no_type(given, where)
        if known in _FORMATS.values():
            note = f"Format: {known}."
            reason = (
                f"JSON schema has no type {name!r}: it is text, and the description has the form"
            )
            rules.append(
                Unsupported("type", where, name, note, STRING, reason=reason, sent="string")
            )
            known = "string"
        elif known != name:
            did("types named as in other languages read as JSON schema's")
        found[known] = None
    if "any" in found:
        return None
    return tuple(t for t in found if t != "integer" or "number" not in found)


def _known(name: str) -> str | None:
    """The type, ``any`` or format that ``name`` means."""
    if name in ALL:
        return name
    low = name.strip().lower()
    return low if low in ALL else _OTHER_NAMES.get(low) or _FORMATS.get(low)


def _no_type(given: object, where: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{in_words(given, 60)} is not a JSON schema type; the types are "
        "string, number, integer, boolean, object, array and null",
        param=where,
    )
