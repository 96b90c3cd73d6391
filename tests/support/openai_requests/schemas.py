"""JSON schemas as people write them for OpenAI, strict or not."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from .texts import SENTENCES, chance, phrase

Json = dict[str, Any]

_STRICT_FORMATS = (
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
)
_LOOSE_FORMATS = (*_STRICT_FORMATS, "uri", "binary", "password", "json-pointer", "int64")
_PATTERNS = (r"^[A-Z]{3}$", r"^\d{4}-\d{2}$", r"^(?!admin)\w+$", r"^[\u4e00-\u9fff]+$", ".*")
PROPERTY_NAMES = (
    "city",
    "country",
    "limit",
    "query",
    "tags",
    "user_id",
    "createdAt",
    "unit-system",
    "is_active",
    "notes",
    "price",
    "count",
    "payload",
    "options",
    "城市",
    "größe",
    "with space",
    "dotted.name",
    "@id",
    "2nd",
    "type",
    "properties",
    "required",
    "enum",
    "default",
    "title",
    "description",
)
_DEF_NAMES = ("Address", "Item", "Person", "Page_Item_", "app.models.Order", "Ünit", "Money")


class SchemaMaker:
    """One JSON schema: `strict` keeps to OpenAI's structured-outputs subset."""

    def __init__(self, rng: random.Random, *, strict: bool) -> None:
        self.rng = rng
        self.strict = strict
        self.defs: dict[str, Any] = {}
        self.defs_key = "$defs" if strict or rng.random() < 0.75 else "definitions"
        self.titles = rng.random() < 0.35

    def root(self) -> Json:
        rng = self.rng
        if chance(rng, 0.06):
            empty: Json = {"type": "object", "properties": {}}
            if self.strict or chance(rng, 0.4):
                empty |= {"required": [], "additionalProperties": False}
            return empty
        schema = self.object(0)
        if chance(rng, 0.12):
            draft = rng.choice(
                (
                    "http://json-schema.org/draft-07/schema#",
                    "https://json-schema.org/draft/2020-12/schema",
                )
            )
            schema = {"$schema": draft, **schema}
        if not self.strict:
            self.decorate_root(schema)
        if self.defs:
            schema[self.defs_key] = self.defs
        return schema

    def decorate_root(self, schema: Json) -> None:
        rng = self.rng
        names = list(schema["properties"])
        if chance(rng, 0.03):
            schema["x-origin"] = {"generator": "openapi", "line": rng.randint(1, 900)}
        if chance(rng, 0.03):
            schema["$comment"] = "generated, do not edit"
        if len(names) >= 2 and chance(rng, 0.04):
            schema["dependentRequired"] = {names[0]: [names[1]]}
        if len(names) >= 2 and chance(rng, 0.04):
            schema["if"] = {"required": [names[0]]}
            schema["then"] = {"required": [names[1]]}
            if chance(rng, 0.5):
                schema["else"] = {"properties": {names[1]: False}}
        plain = [n for n in names if n.isidentifier() and n.isascii()]
        if plain and chance(rng, 0.04):
            schema["properties"]["same_as"] = {"$ref": f"#/properties/{rng.choice(plain)}"}

    def object(self, depth: int) -> Json:
        rng = self.rng
        most = (6, 4, 3, 2)[min(depth, 3)]
        names = rng.sample(PROPERTY_NAMES, rng.randint(1, most))
        properties = {name: self.property(name, depth + 1) for name in names}
        schema: Json = {"type": "object", "properties": properties}
        if self.strict:
            schema |= {"required": names, "additionalProperties": False}
        else:
            required = [name for name in names if chance(rng, 0.6)]
            if required or chance(rng, 0.2):
                schema["required"] = required
            if chance(rng, 0.3):
                extra = rng.choice((False, False, False, True, {"type": "string"}, {}))
                schema["additionalProperties"] = extra
            if chance(rng, 0.03):
                schema["minProperties"] = 1
        if self.titles:
            schema["title"] = rng.choice(("Arguments", "Response", "設定", "Order"))
        if chance(rng, 0.15):
            schema["description"] = rng.choice(SENTENCES)
        return schema

    def property(self, name: str, depth: int) -> Any:
        rng = self.rng
        schema = self.value(depth)
        if not isinstance(schema, dict) or (self.strict and "$ref" in schema):
            return schema
        if self.titles and "title" not in schema and "$ref" not in schema:
            schema["title"] = name.replace("_", " ").title()
        if chance(rng, 0.3):
            schema["description"] = rng.choice((phrase(rng), rng.choice(SENTENCES)))
        if not self.strict:
            if chance(rng, 0.12):
                schema["default"] = rng.choice((None, "x", 0, 1.5, True, [], {}, "默认"))
            if chance(rng, 0.03):
                schema["examples"] = ["Paris", "東京"]
            if chance(rng, 0.02):
                schema["deprecated"] = True
            if chance(rng, 0.02):
                schema["readOnly"] = True
        return schema

    def value(self, depth: int) -> Any:
        makers: list[Callable[[int], Any]] = [self.constant]
        makers += [self.scalar] * 7 + [self.enum] * 2 + [self.nullable] * 2
        if depth < 4:
            makers += [self.array] * 2 + [self.object, self.union, self.reference, self.recursion]
        if not self.strict:
            makers += [self.anything, self.mapping, self.type_list_many]
            if depth < 4:
                makers += [self.discriminated, self.all_of, self.tuple, self.negation]
        return self.rng.choice(makers)(depth)

    def scalar(self, depth: int) -> Json:
        rng = self.rng
        kind = rng.choice(("string", "string", "integer", "number", "boolean"))
        schema: Json = {"type": kind}
        if kind == "string":
            if chance(rng, 0.15):
                schema["format"] = rng.choice(_STRICT_FORMATS if self.strict else _LOOSE_FORMATS)
            elif chance(rng, 0.15):
                schema["pattern"] = rng.choice(_PATTERNS[:2] if self.strict else _PATTERNS)
            elif not self.strict and chance(rng, 0.2):
                schema |= {"minLength": rng.randint(0, 3), "maxLength": rng.randint(3, 5000)}
            elif not self.strict and chance(rng, 0.03):
                schema |= {"contentEncoding": "base64", "contentMediaType": "image/png"}
        elif kind in ("integer", "number"):
            if chance(rng, 0.25):
                schema |= {"minimum": rng.choice((0, 1, -5)), "maximum": rng.choice((10, 100))}
            elif chance(rng, 0.1):
                schema |= {"exclusiveMinimum": 0, "exclusiveMaximum": 1000}
            elif chance(rng, 0.1):
                schema["multipleOf"] = 5 if kind == "integer" else 0.5
        if not self.strict and chance(rng, 0.02):
            schema["nullable"] = True
        return schema

    def enum(self, depth: int) -> Json:
        rng = self.rng
        if chance(rng, 0.15):
            return {"type": "integer", "enum": [1, 2, 3]}
        if not self.strict and chance(rng, 0.2):
            return {"enum": ["auto", 1, 2.5, True, None]}
        values = rng.choice((["celsius", "fahrenheit"], ["asc", "desc"], ["a"], ["是", "否", ""]))
        schema: Json = {"type": "string", "enum": list(values)}
        if chance(rng, 0.2):
            schema = {"type": ["string", "null"], "enum": [*values, None]}
        elif not self.strict and chance(rng, 0.2):
            del schema["type"]
        return schema

    def constant(self, depth: int) -> Json:
        value = self.rng.choice(("v1", "circle", 7, True))
        kind = {str: "string", int: "integer", bool: "boolean"}[type(value)]
        schema: Json = {"type": kind, "const": value}
        if not self.strict and chance(self.rng, 0.3):
            del schema["type"]
        return schema

    def nullable(self, depth: int) -> Json:
        rng = self.rng
        inner = self.scalar(depth)
        if chance(rng, 0.35):
            return {**inner, "type": [inner["type"], "null"]}
        schema: Json = {"anyOf": [inner, {"type": "null"}]}
        if not self.strict and chance(rng, 0.6):
            schema["default"] = None
        return schema

    def array(self, depth: int) -> Json:
        rng = self.rng
        schema: Json = {"type": "array", "items": self.value(depth + 1)}
        if not self.strict and chance(rng, 0.06):
            schema["items"] = rng.choice((True, {}))
        if chance(rng, 0.2):
            schema |= {"minItems": rng.randint(0, 1), "maxItems": rng.randint(1, 50)}
        if not self.strict and chance(rng, 0.1):
            schema["uniqueItems"] = True
        return schema

    def union(self, depth: int) -> Json:
        branches = [self.scalar(depth), self.object(depth + 1)]
        if chance(self.rng, 0.4):
            branches.append({"type": "null"})
        return {"anyOf": branches}

    def define(self, name: str, make: Callable[[], Json]) -> Json:
        if name not in self.defs:
            self.defs[name] = {}
            self.defs[name] = make()
        return {"$ref": f"#/{self.defs_key}/{name}"}

    def reference(self, depth: int) -> Json:
        rng = self.rng
        reference = self.define(rng.choice(_DEF_NAMES), lambda: self.object(max(depth, 2) + 1))
        if chance(rng, 0.3):
            return {"anyOf": [reference, {"type": "null"}]}
        if not self.strict and chance(rng, 0.35):
            reference["description"] = rng.choice(SENTENCES)
        return reference

    def recursion(self, depth: int) -> Json:
        rng = self.rng
        if chance(rng, 0.25):
            return {"type": "array", "items": {"$ref": "#"}}

        def node() -> Json:
            me = {"$ref": f"#/{self.defs_key}/Node"}
            schema: Json = {
                "type": "object",
                "properties": {
                    "value": {"type": "string"},
                    "children": {"type": "array", "items": dict(me)},
                    "next": {"anyOf": [dict(me), {"type": "null"}]},
                },
                "required": ["value", "children", "next"],
            }
            if self.strict:
                schema["additionalProperties"] = False
            return schema

        return self.define("Node", node)

    def anything(self, depth: int) -> Any:
        choices: tuple[Any, ...] = ({}, True, False, {"description": "anything goes"})
        return self.rng.choice(choices)

    def mapping(self, depth: int) -> Json:
        rng = self.rng
        schema: Json = {"type": "object"}
        if chance(rng, 0.8):
            extra = rng.choice((True, {"type": "integer"}, {"type": "array", "items": {}}))
            schema["additionalProperties"] = extra
        if chance(rng, 0.15):
            schema["patternProperties"] = {"^x-": {"type": "string"}}
        if chance(rng, 0.15):
            schema["propertyNames"] = {"pattern": "^[a-z]+$"}
        return schema

    def type_list_many(self, depth: int) -> Json:
        return {"type": self.rng.choice((["string", "number"], ["string", "integer", "null"]))}

    def discriminated(self, depth: int) -> Json:
        rng = self.rng

        def pet(kind: str) -> Callable[[], Json]:
            return lambda: {
                "type": "object",
                "properties": {
                    "kind": {"const": kind, "type": "string", "title": "Kind"},
                    "name": {"type": "string"},
                },
                "required": ["kind", "name"],
                "title": kind.title(),
            }

        branches = [self.define(kind.title(), pet(kind)) for kind in ("cat", "dog")]
        schema: Json = {"oneOf": branches}
        if chance(rng, 0.6):
            mapping = {"cat": branches[0]["$ref"], "dog": branches[1]["$ref"]}
            schema["discriminator"] = {"propertyName": "kind", "mapping": mapping}
        return schema

    def all_of(self, depth: int) -> Json:
        reference = self.define("Base", lambda: self.object(3))
        schema: Json = {"allOf": [reference]}
        if chance(self.rng, 0.4):
            schema["allOf"].append({"type": "object", "properties": {"extra": {"type": "string"}}})
        return schema

    def tuple(self, depth: int) -> Json:
        items = [self.scalar(depth), self.scalar(depth)]
        schema: Json = {"type": "array", "prefixItems": items}
        schema["items"] = self.rng.choice((False, {}, {"type": "string"}))
        if chance(self.rng, 0.7):
            schema |= {"minItems": 2, "maxItems": 2}
        return schema

    def negation(self, depth: int) -> Json:
        return {"type": "string", "not": {"enum": ["root", "admin"]}}


def random_schema(rng: random.Random, *, strict: bool) -> Json:
    return SchemaMaker(rng, strict=strict).root()
