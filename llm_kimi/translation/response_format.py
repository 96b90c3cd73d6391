"""The format of the answer: ``response_format``, and what other stacks have in its place.

In: the fields of ``WORDS``. Out: ``response_format`` in Kimi's form, or none. A schema says more
than JSON mode, which says more than text; of several that say as much, the first in the order of
``WORDS`` counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..errors import InvalidRequestError
from .checks import require, well_formed
from .draft import Draft, Json
from .mfjs import to_mfjs

__all__ = ["WORDS", "apply"]

Kind = Literal["text", "json_object", "json_schema"]
_STRENGTH: Mapping[Kind, int] = {"text": 0, "json_object": 1, "json_schema": 2}

_SPEC_KEYS = ("name", "schema", "strict", "description")
# What tells a JSON schema from an object that holds one.
_SCHEMA_KEYS = ("properties", "$ref", "$defs", "anyOf", "oneOf", "allOf", "items", "enum")
_JSON_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
# Where the schema stands beside ``type``: llama.cpp, Together, Fireworks; Hugging Face.
_SCHEMA_PLACES = ("schema", "json_schema", "value")

_WAY_OUT = 'ask for it with response_format {"type": "json_schema", ...} and an enum or a pattern'


@dataclass(frozen=True, slots=True)
class Form:
    """One wish about the format.

    ``spec`` holds ``name``, ``schema``, ``strict`` and ``description`` as they were given, and
    stands at ``spec_path``; the schema alone stands at ``schema_path``. ``extra`` are keys that
    say nothing to Kimi. ``native``: written as OpenAI's and Kimi's API take it.
    """

    kind: Kind
    field: str
    given: Any
    spec: Mapping[str, Any]
    spec_path: str = ""
    schema_path: str = ""
    extra: tuple[tuple[str, Any], ...] = ()
    native: bool = False

    @property
    def meant(self) -> tuple[Any, ...]:
        """What tells two forms apart."""
        return self.kind, self.spec.get("schema")


Reader = Callable[[Any, str], Form | None]


def apply(draft: Draft) -> None:
    """Bring the wish about the format to Kimi's form, in ``response_format``."""
    if WORDS.keys().isdisjoint(draft.body):
        return
    forms = list(_read(draft))
    if not forms:
        return
    best = max(forms, key=lambda form: _STRENGTH[form.kind])
    for form in forms:
        if form is not best:
            weaker = _STRENGTH[form.kind] < _STRENGTH[best.kind] or form.meant == best.meant
            reason = f"{draft.path(best.field)} says more"
            if form.kind == best.kind:
                reason = f"{draft.path(best.field)} is already set and takes precedence"
            draft.adjust(
                form.field, form.given, None, reason, "response-format", meaning=not weaker
            )
    for path, value in best.extra:
        draft.adjust(path, value, None, "not supported by Kimi")
    sent: Json = {"type": best.kind}
    if best.kind == "json_schema":
        sent["json_schema"] = _spec(draft, best)
    draft.body["response_format"] = sent
    if not best.native:
        shown = sent if best.kind != "json_schema" else {"type": best.kind}
        if best.field != "response_format":
            shown = {"response_format": shown}
        draft.adjust(
            best.field, best.given, shown, "Kimi's form for it", "response-format", meaning=False
        )


def _read(draft: Draft) -> Iterator[Form]:
    """The wishes of the request, taken out of it; what Kimi cannot do is told."""
    for field, reader in WORDS.items():
        if field not in draft.body:
            continue
        value = draft.body.pop(field)
        form = reader(value, field)
        if form is not None:
            yield form
        elif value:
            reason = f"Kimi cannot be bound to it; {_WAY_OUT}"
            draft.adjust(field, value, None, reason, "response-format")
        else:
            draft.adjust(field, value, None, "it asks for nothing", meaning=False)


def _spec(draft: Draft, form: Form) -> Json:
    """``json_schema`` of Kimi's response_format."""
    where, given = form.spec_path, form.spec
    name = given.get("name")
    if name is None:
        name = "response"
        draft.adjust(f"{where}.name", None, name, "Kimi wants a name", meaning=False)
    require(isinstance(name, str) and name != "", "must be text", f"{where}.name")
    strict = given.get("strict")
    require(strict is None or isinstance(strict, bool), "must be true or false", f"{where}.strict")
    schema, changes = to_mfjs(given.get("schema"), form.schema_path, strict=strict is True)
    draft.take(changes)
    description = given.get("description")
    require(
        description is None or isinstance(description, str), "must be text", f"{where}.description"
    )
    if description:
        description, own = well_formed(description), schema.get("description")
        schema = {**schema, "description": f"{description}\n\n{own}" if own else description}
        draft.adjust(
            f"{where}.description",
            description,
            "schema.description",
            "Kimi has no such key",
            meaning=False,
        )
    if strict is None:
        draft.adjust(
            f"{where}.strict",
            None,
            False,
            "what OpenAI takes when it is missing; Kimi would take true",
            meaning=False,
        )
    return {"name": name, "strict": bool(strict), "schema": schema}


# -- readers: a value and its field in; the form out, None where Kimi has nothing like it ----------


def _response_format(value: Any, field: str) -> Form | None:
    """OpenAI's field, with what other servers allow in it."""
    _refuse_class(value, field)
    if isinstance(value, str):
        kind = {"json": "json_object", "json_object": "json_object", "text": "text"}.get(value)
        require(kind is not None, 'must be an object such as {"type": "json_object"}', field)
        return Form("text" if kind == "text" else "json_object", field, value, {})
    require(isinstance(value, Mapping), "must be an object", field)
    kind = value.get("type")
    if kind not in ("text", "json_object", "json_schema", "json"):
        if _is_schema(value):
            return _bound(value, field, value, field)
        raise InvalidRequestError(
            f"must be text, json_object or json_schema, not {kind!r}", param=f"{field}.type"
        )
    if kind == "text":
        return Form("text", field, value, {}, extra=_extra(value, field, {"type"}), native=True)
    place = next((key for key in _SCHEMA_PLACES if value.get(key) is not None), None)
    if kind == "json_schema":
        return _json_schema(value, field)
    if place is None:
        extra = _extra(value, field, {"type"})
        return Form("json_object", field, value, {}, extra=extra, native=kind == "json_object")
    form = _bound(value[place], f"{field}.{place}", value, field)
    known = {"type", place, *_SPEC_KEYS}
    return Form(
        form.kind,
        field,
        value,
        {**{key: value[key] for key in _SPEC_KEYS if key in value}, **form.spec},
        form.spec_path,
        form.schema_path,
        _extra(value, field, known),
    )


def _json_schema(value: Mapping[str, Any], field: str) -> Form:
    """``{"type": "json_schema", ...}``: OpenAI's nesting, flat as in the Responses API, or bare."""
    inner = value.get("json_schema")
    if inner is None and value.get("schema") is not None:
        extra = _extra(value, field, {"type", *_SPEC_KEYS})
        return Form("json_schema", field, value, value, field, f"{field}.schema", extra)
    where = f"{field}.json_schema"
    _refuse_class(inner, where)
    require(isinstance(inner, Mapping), "must be an object", where)
    assert isinstance(inner, Mapping)
    outer = _extra(value, field, {"type", "json_schema"})
    if "schema" not in inner and _is_schema(inner):
        return Form("json_schema", field, value, {"schema": inner}, where, where, outer)
    extra = outer + _extra(inner, where, set(_SPEC_KEYS))
    return Form("json_schema", field, value, inner, where, f"{where}.schema", extra, native=True)


def _bound(schema: Any, path: str, given: Any, field: str) -> Form:
    """A schema that another server binds the answer to: strict, as it is there."""
    _refuse_class(schema, path)
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except (ValueError, RecursionError):
            schema = None
    require(isinstance(schema, Mapping), "must be a JSON schema", path)
    if isinstance(schema.get("schema"), Mapping) and not _is_schema(schema):
        extra = _extra(schema, path, set(_SPEC_KEYS) | {"type"})
        return Form(
            "json_schema", field, given, {"strict": True, **schema}, path, f"{path}.schema", extra
        )
    return Form("json_schema", field, given, {"schema": schema, "strict": True}, path, path)


def _schema(value: Any, field: str) -> Form | None:
    """A field that is a schema, or the word json (Ollama), or a whole response_format."""
    if value in ("json", "json_object"):
        return Form("json_object", field, value, {})
    if value == "":
        return None
    if isinstance(value, Mapping) and value.get("type") in ("text", "json_object", "json_schema"):
        return _response_format(value, field)
    return _bound(value, field, value, field)


def _structured(value: Any, field: str) -> Form | None:
    """vLLM's ``structured_outputs``."""
    require(isinstance(value, Mapping), "must be an object", field)
    if value.get("json") is not None:
        form = _bound(value["json"], f"{field}.json", value, field)
        return replace(form, extra=form.extra + _extra(value, field, {"json"}))
    if value.get("json_object") is True:
        return Form("json_object", field, value, {})
    return None


def _flag(value: Any, field: str) -> Form | None:
    return Form("json_object", field, value, {}) if value is True else None


def _mime_type(value: Any, field: str) -> Form | None:
    """Gemini's."""
    if value == "application/json":
        return Form("json_object", field, value, {})
    return Form("text", field, value, {}) if value == "text/plain" else None


def _unbound(value: Any, field: str) -> Form | None:
    """Grammars, choices and expressions that an answer would have to follow."""
    return None


def _is_schema(value: Mapping[str, Any]) -> bool:
    kind = value.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    known = bool(kinds) and all(one in _JSON_TYPES for one in kinds)
    return known or (kind is None and any(key in value for key in _SCHEMA_KEYS))


def _extra(value: Mapping[str, Any], path: str, known: set[str]) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (f"{path}.{key}", item)
        for key, item in value.items()
        if key not in known and item is not None
    )


def _refuse_class(value: Any, path: str) -> None:
    """Pydantic's classes, which the OpenAI SDK turns into schemas before it sends them."""
    require(
        not isinstance(value, type),
        f"is the class {getattr(value, '__name__', '')}; send its JSON schema: "
        '{"type": "json_schema", "json_schema": {"name": ..., "schema": '
        "THE_CLASS.model_json_schema()}}",
        path,
    )


WORDS: Mapping[str, Reader] = {
    "response_format": _response_format,
    "format": _schema,  # Ollama; the Responses API in text; Anthropic in output_config
    "output_format": _schema,  # Anthropic's beta
    "json_schema": _schema,  # llama.cpp
    "guided_json": _schema,  # vLLM
    "structured_outputs": _structured,  # vLLM
    "response_schema": _schema,  # Gemini
    "response_json_schema": _schema,  # Gemini
    "response_mime_type": _mime_type,  # Gemini
    "json_mode": _flag,
    "guided_choice": _unbound,  # vLLM
    "guided_regex": _unbound,
    "guided_grammar": _unbound,
    "regex": _unbound,  # SGLang
    "ebnf": _unbound,
    "grammar": _unbound,  # llama.cpp
    "structural_tag": _unbound,
}
"""The fields that are read, in their order of precedence."""
