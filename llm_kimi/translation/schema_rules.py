"""The keywords that Moonshot-flavoured JSON schema has not, put in words.

In comes one schema and its path, out go the rules that it states beyond what MFJS can state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .schema_parts import ARRAY, NUMBER, OBJECT, STRING, Rule, in_words

__all__ = ["general_rules", "value_rules"]

# OpenAI's structured outputs enforce these; JSON schema itself makes `format` a mere annotation.
_ENFORCED = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)


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
