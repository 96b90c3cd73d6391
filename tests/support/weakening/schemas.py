"""Schemas and `response_format`: the same values before and after, or it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema  # type: ignore[import-untyped]

from .difference import Difference

Json = dict[str, Any]

_WRONG: tuple[Any, ...] = (None, True, -1, 7, 0.5, "", "x" * 300, [], [1, "a"], {}, {"zz": 1})
_VALUES = ("const", "default", "enum", "examples")
# Words of other drafts that change what the rest means; such a schema is not judged by values.
_FOREIGN = (
    '"nullable"',
    '"items": [',
    '"dependencies"',
    '"exclusiveMinimum": true',
    '"divisibleBy"',
)


def schema(given: Any, sent: Any, path: str) -> Iterator[Difference]:
    """How the schema that is sent differs from the one that was given."""
    if given == sent:
        return
    yield Difference(path, "another schema", near=True)
    given = as_meant(given)
    before, after = _validator(given), _validator(sent)
    if before is None or after is None:
        return
    for instance in _instances(given):
        was, now = before(instance), after(instance)
        if was is not None and now is not None and was != now:
            change = "now accepted" if now else "now refused"
            yield Difference(path, f"{json.dumps(instance)[:60]} is {change}", True, near=True)
            return


def as_meant(schema: Any) -> Any:
    """The schema with null keywords taken as not given, and `required: true` as draft 3 has it."""
    if isinstance(schema, list):
        return [as_meant(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    found: Json = {}
    for key, value in schema.items():
        if value is None and key not in _VALUES:
            continue
        if key in ("properties", "$defs", "definitions", "patternProperties"):
            value = {} if value == [] else value
            if isinstance(value, Mapping):
                found[key] = {name: as_meant(child) for name, child in value.items()}
                continue
        found[key] = value if key in _VALUES else as_meant(value)
    properties = found.get("properties")
    if isinstance(properties, Mapping):
        names = [
            name
            for name, child in properties.items()
            if isinstance(child, Mapping) and child.get("required") is True
        ]
        if names:
            listed = found.get("required")
            own = listed if isinstance(listed, list) else []
            found["required"] = list(dict.fromkeys([*own, *names]))
        found["properties"] = {
            name: {k: v for k, v in child.items() if k != "required" or not isinstance(v, bool)}
            if isinstance(child, Mapping)
            else child
            for name, child in properties.items()
        }
    return found


def _instances(schema: Any) -> Iterator[Any]:
    """A plausible value, and the same with one property after the other gone or gone wrong."""
    base = _example(schema, schema, 0)
    if not isinstance(base, dict):
        return
    yield base
    yield {**base, "zz_unknown": 1}
    for name in list(base)[:4]:
        yield {key: value for key, value in base.items() if key != name}
        for wrong in _WRONG:
            yield {**base, name: wrong}


def _example(schema: Any, root: Any, depth: int) -> Any:
    """Something near to what `schema` accepts; it need not be right."""
    if not isinstance(schema, Mapping) or depth > 8:
        return "x"
    ref = schema.get("$ref")
    if isinstance(ref, str) and ref.startswith("#"):
        target: Any = root
        for step in ref.split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            target = target.get(step) if isinstance(target, Mapping) else None
        return _example(target, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            return _example(schema[key][0], root, depth + 1)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    properties = schema.get("properties")
    if kind == "object" or isinstance(properties, Mapping):
        items = properties.items() if isinstance(properties, Mapping) else ()
        return {name: _example(child, root, depth + 1) for name, child in items}
    if kind == "array":
        least = schema.get("minItems")
        count = least if isinstance(least, int) and 1 <= least < 20 else 1
        return [_example(schema.get("items"), root, depth + 1)] * count
    simple: dict[Any, Any] = {"integer": 3, "number": 3, "boolean": True, "null": None}
    if isinstance(kind, str) and kind in simple:
        return schema.get("minimum", simple[kind])
    least = schema.get("minLength")
    return "x" * (least if isinstance(least, int) and 1 <= least < 10_000 else 1)


def _validator(schema: Any) -> Callable[[Any], bool | None] | None:
    """Whether an instance fits; None where the schema is not plain draft 2020-12."""
    if not isinstance(schema, Mapping):
        return None
    text = json.dumps(schema, default=str)
    if any(word in text for word in _FOREIGN):
        return None
    validator = jsonschema.Draft202012Validator(schema)

    def accepts(instance: Any) -> bool | None:
        try:
            return bool(validator.is_valid(instance))
        except Exception:  # a reference or a pattern that the library cannot read
            return None

    return accepts


# -- response_format -------------------------------------------------------------------------------


def response_format(given: Json, body: Json) -> Iterator[Difference]:
    """The form of the answer, in the words of OpenAI or of other stacks."""
    form, sent = given.get("response_format"), body.get("response_format")
    if form is None:
        return
    kind, spec = _asked(form)
    if kind == "other":
        yield Difference("response_format", f"{form!r} became {sent!r}", sent is None, near=True)
        return
    if not isinstance(form, Mapping) or sent is None or sent["type"] != kind:
        if spec is not None and sent == {"type": "json_object"}:
            yield Difference("response_format", "the schema is lost", True, near=True)
        else:
            yield Difference("response_format (never)", "another format", True)
        return
    if form["type"] != kind or spec is not form.get("json_schema"):
        yield Difference("response_format", "in other words", near=True)
    yield from lost_keys(form, sent, "response_format", {"type", "json_schema", "schema"})
    if spec is not None:
        yield from _spec(spec, sent["json_schema"])


def _asked(form: Any) -> tuple[str, Json | None]:
    """The type that is meant, and what goes with it; "other" for what nobody defines."""
    if not isinstance(form, Mapping):
        return "other", None
    spec = form.get("json_schema")
    if form.get("type") == "json_schema":
        known = isinstance(spec, dict) and "name" in spec and "schema" in spec
        return ("json_schema", spec) if known else ("other", None)
    if form.get("type") == "json_object":
        schema = form.get("schema") or (spec.get("schema") if isinstance(spec, dict) else None)
        if isinstance(schema, Mapping):
            return "json_schema", {"schema": schema, "strict": False}
        return "json_object", None
    return (str(form["type"]), None) if form.get("type") == "text" else ("other", None)


def _spec(spec: Json, here: Json) -> Iterator[Difference]:
    where = "response_format.json_schema"
    yield from lost_keys(spec, here, where, {"schema", "strict"})
    if here.get("strict", True) != bool(spec.get("strict")):
        # Beside json_object with a schema nothing is said about strictness.
        if "name" in spec:
            yield Difference(f"{where}.strict (never)", "another strictness", True)
    elif spec.get("strict") is None:
        yield Difference(f"{where}.strict", "made explicit")
    sent = dict(here["schema"])
    if spec.get("description") and spec["description"] not in sent.get("description", ""):
        yield Difference(f"{where}.description (never)", "lost", True)
    elif spec.get("description"):
        own = sent.pop("description")[len(spec["description"]) :].lstrip()
        if own:
            sent["description"] = own
    path = f"{where}.schema" if "name" in spec else "response_format"
    yield from schema(spec.get("schema"), sent, path)


def lost_keys(
    given: Mapping[str, Any], sent: Mapping[str, Any], where: str, but: set[str]
) -> Iterator[Difference]:
    """What stands in `given` under other names than `but`, and is not sent."""
    for key, value in given.items():
        if key not in but and value is not None and value != "" and sent.get(key) != value:
            yield Difference(f"{where}.{key}", f"{value!r} became {sent.get(key)!r}")
