"""The keywords that Moonshot-flavoured JSON schema has not, put in words.

In comes one schema and its path, out go the rules that it states beyond what MFJS can state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model import ARRAY, NUMBER, OBJECT, STRING, Unsupported
from .syntax import accepts_all
from .values import in_words

__all__ = ["condition_rule", "not_rule", "value_rules"]

_KEYWORDS = frozenset(
    {
        *("pattern", "format", "contentEncoding", "multipleOf", "uniqueItems", "contains"),
        *("minProperties", "maxProperties"),
        *("dependentRequired", "dependentSchemas", "dependencies"),
    }
)

# OpenAI's structured outputs enforce these.
_ENFORCED = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)


def value_rules(schema: Mapping[str, Any], path: str, strict: bool) -> list[Unsupported]:
    """The rules that MFJS cannot say and that bind values of one type.

    ``strict``: OpenAI's structured outputs were asked for, which keep formats; to JSON schema
    itself ``format`` is an annotation.
    """
    rules: list[Unsupported] = []
    if _KEYWORDS.isdisjoint(schema):
        return rules

    def add(keyword: str, note: str, types: frozenset[str], lost: bool = True) -> None:
        rules.append(Unsupported(keyword, f"{path}.{keyword}", schema[keyword], note, types, lost))

    if "pattern" in schema and not isinstance(schema["pattern"], str):
        add("pattern", f"Must match the regular expression {schema['pattern']}", STRING)
    form = schema.get("format")
    if isinstance(form, str) and form not in ("int32", "int64", "float", "double"):
        add("format", f"Format: {form}.", STRING, strict and form in _ENFORCED)
    if isinstance(schema.get("contentEncoding"), str):
        add("contentEncoding", f"Encoded as {schema['contentEncoding']}.", STRING, False)
    if "multipleOf" in schema and schema["multipleOf"] != 1:
        add("multipleOf", f"Must be a multiple of {schema['multipleOf']}.", NUMBER)
    if schema.get("uniqueItems") is True:
        add("uniqueItems", "Items must be unique.", ARRAY)
    if "contains" in schema and schema["contains"] not in (True, False, {}):
        low, high = schema.get("minContains", 1), schema.get("maxContains")
        words = [f"at least {low}"] if low else []
        words += [f"at most {high}"] if high is not None else []
        if words:
            note = f"Must contain {' and '.join(words)} of: {in_words(schema['contains'])}."
            add("contains", note, ARRAY)
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
                if need != [] and not accepts_all(need)
            ]
            if told:
                add(keyword, " ".join(told), OBJECT)
    return rules


def condition_rule(schema: Mapping[str, Any], path: str) -> tuple[Unsupported, ...]:
    """What ``if`` demands, which binds values of any type."""
    branches = {
        key: schema[key]
        for key in ("then", "else")
        if key in schema and not accepts_all(schema[key])
    }
    if "if" not in schema or not branches:
        return ()
    note = f"If it matches {in_words(schema['if'])}, it must match " + (
        in_words(branches["then"]) if "then" in branches else "nothing more"
    )
    if "else" in branches:
        note += f", otherwise {in_words(branches['else'])}"
    value = {"if": schema["if"], **branches}
    return (Unsupported("if", f"{path}.if", value, note + "."),)


def not_rule(schema: Mapping[str, Any], path: str) -> tuple[Unsupported, ...]:
    """What ``not`` forbids."""
    note = f"Must not match {in_words(schema['not'])}."
    return (Unsupported("not", f"{path}.not", schema["not"], note),)
