"""Schemas as tool servers and serialisers write them.

mark3labs/mcp-go#224 (null for a map), CherryHQ/cherry-studio#4188 (`required: true`), the JSON
Schema Test Suite (embedded resources, unevaluated keywords), MoonshotAI/walle (recursion, texts on
both sides of anyOf), Java and Go serialisers (`[]` for an empty map, lengths of -1).
"""

from __future__ import annotations

import json
from typing import Any

from .kinds import Json, each

TEXT: Json = {"type": "string"}
_A: Json = {"$ref": "#/$defs/A"}
_NODE = {
    "type": "object",
    "properties": {"value": TEXT, "next": _A},
    "required": ["value"],
}
_S = {"^S_": TEXT}


def _object(**properties: Any) -> Json:
    return {"type": "object", "properties": properties}


RUNS: dict[str, Json] = {
    # Keywords that are null, and what stands for an empty map.
    "properties null": {"type": "object", "properties": None},
    "everything null": {
        **_object(a={"type": "string", "enum": None, "items": None, "default": None}),
        "additionalProperties": None,
        "required": None,
        "description": None,
    },
    "null beside anyOf": _object(a={"type": None, "anyOf": [TEXT, {"type": "null"}]}),
    "null subschemas": _object(a={"type": "array", "items": None}, b={"anyOf": None, **TEXT}),
    "null $ref": _object(a={"$ref": None, **TEXT}),
    "null limits": _object(a={**TEXT, "minLength": None, "pattern": None}),
    "list for a map": {"type": "object", "properties": [], "required": []},
    "list for definitions": {**_object(a=TEXT), "$defs": []},
    "default null": _object(a={"anyOf": [TEXT, {"type": "null"}], "default": None}),
    "const null": _object(a={"const": None}),
    "enum with null": _object(a={"type": "string", "enum": ["x", None]}),
    # Draft 3 and 4.
    "required true": _object(
        a={**TEXT, "required": True}, b={"type": "integer", "required": False}
    ),
    "required true, deeper": _object(a=_object(b={**TEXT, "required": True})),
    "required true beside a list": {
        **_object(a={**TEXT, "required": True}, b=TEXT),
        "required": ["b"],
    },
    "required in an array's items": _object(
        a={"type": "array", "items": {"required": True, **TEXT}}
    ),
    "required text": {**_object(a=TEXT), "required": "a"},
    "required unknown": {**_object(a=TEXT), "required": ["a", "gone"]},
    "required twice": {**_object(a=TEXT), "required": ["a", "a"]},
    "exclusive in draft 4": _object(a={"type": "number", "minimum": 0, "exclusiveMinimum": True}),
    "definitions": {**_object(a={"$ref": "#/definitions/A"}), "definitions": {"A": TEXT}},
    "dependencies": {**_object(a=TEXT, b=TEXT), "dependencies": {"a": ["b"]}},
    "divisibleBy": _object(a={"type": "integer", "divisibleBy": 5}),
    "nullable": _object(a={"type": "string", "nullable": True}),
    "tuple": _object(a={"type": "array", "items": [TEXT, {"type": "integer"}]}),
    "tuple and no more": _object(a={"type": "array", "items": [TEXT], "additionalItems": False}),
    "items false": _object(a={"type": "array", "items": False}),
    "prefixItems": _object(a={"type": "array", "prefixItems": [TEXT], "items": False}),
    # Lengths and limits that say nothing.
    "lengths below 0": _object(a={**TEXT, "minLength": -1}, b={"type": "array", "minItems": -1}),
    "length as a float": _object(a={**TEXT, "maxLength": 10.0}),
    # Embedded resources.
    "embedded": {**_object(a={"$ref": "item"}), "$defs": {"I": {"$id": "item", "type": "integer"}}},
    "embedded with a base": {
        "$id": "https://example.com/root.json",
        **_object(a={"$ref": "item.json"}, b={"$ref": "https://example.com/item.json"}),
        "$defs": {"I": {"$id": "item.json", "type": "integer"}},
    },
    "embedded and deeper": {
        "$id": "https://example.com/root.json",
        **_object(a={"$ref": "list.json#/$defs/B"}),
        "$defs": {"L": {"$id": "list.json", "$defs": {"B": TEXT}, "type": "array"}},
    },
    "anchor": {**_object(a={"$ref": "#it"}), "$defs": {"I": {"$anchor": "it", **TEXT}}},
    "root by its id": {"$id": "urn:x:root", **_object(a={"$ref": "urn:x:root"})},
    "escaped pointer": {**_object(a={"$ref": "#/$defs/a~1b"}), "$defs": {"a/b": TEXT}},
    "percent in a pointer": {**_object(a={"$ref": "#/$defs/a%20b"}), "$defs": {"a b": TEXT}},
    "pointer into properties": _object(a=TEXT, b={"$ref": "#/properties/a"}),
    "$ref with siblings": {
        **_object(a={"$ref": "#/$defs/A", "description": "outer"}),
        "$defs": {"A": {**TEXT, "description": "inner"}},
    },
    # Recursion.
    "recursive array": {
        **_object(n=_A),
        "required": ["n"],
        "$defs": {"A": {"type": "array", "items": _A}},
    },
    "recursive array through another": {
        **_object(n=_A),
        "required": ["n"],
        "$defs": {
            "A": {"type": "array", "items": {"$ref": "#/$defs/B"}},
            "B": {"type": "array", "items": _A, "description": "more"},
        },
    },
    "recursive array deeper": {
        **_object(o={**_object(n=_A), "required": ["n"]}),
        "required": ["o"],
        "$defs": {"A": {"type": "array", "items": _A}},
    },
    "recursive array in anyOf": {
        **_object(n={"anyOf": [_A, {"type": "array", "items": _A}]}),
        "required": ["n"],
        "$defs": {"A": {"type": "array", "items": _A}},
    },
    "recursive object": {**_object(n=_A), "required": ["n"], "$defs": {"A": _NODE}},
    "recursive root": {**_object(n={"$ref": "#"}, v=TEXT), "required": ["v"]},
    "recursive map": {
        **_object(n=_A),
        "required": ["n"],
        "$defs": {"A": {"type": "object", "additionalProperties": _A}},
    },
    # Texts on both sides.
    "described on both sides": {
        **_object(
            a={
                "anyOf": [_A, {"type": "null"}],
                "description": "Where to",
                "title": "Address",
            }
        ),
        "$defs": {"A": {**_object(s=TEXT), "description": "A place.", "title": "A"}},
    },
    "described at every branch": _object(
        a={
            "description": "x",
            "anyOf": [{**TEXT, "description": "y"}, {"type": "integer", "description": "z"}],
        }
    ),
    "titles in a chain": {
        **_object(a={**_A, "title": "outer"}),
        "$defs": {"A": {"$ref": "#/$defs/B", "title": "a"}, "B": {**TEXT, "title": "b"}},
    },
    # Unevaluated.
    "unevaluated beside patterns": _object(
        x={"type": "object", "patternProperties": _S, "unevaluatedProperties": False}
    ),
    "unevaluated beside properties": _object(x={**_object(a=TEXT), "unevaluatedProperties": False}),
    "unevaluated beside allOf": _object(
        x={"type": "object", "allOf": [_object(a=TEXT)], "unevaluatedProperties": False}
    ),
    "unevaluated beside a condition": _object(
        x={
            "type": "object",
            "if": {**_object(a={"const": 1}), "required": ["a"]},
            "then": _object(b=TEXT),
            "unevaluatedProperties": False,
        }
    ),
    "unevaluated items": _object(
        x={"type": "array", "prefixItems": [TEXT], "unevaluatedItems": False}
    ),
    "unevaluated schema": _object(x={**_object(a=TEXT), "unevaluatedProperties": {"type": "null"}}),
    # Kept by the validator's code.
    "pattern": _object(a={"type": "string", "pattern": "^[A-Z]+-[0-9]+$"}),
    "pattern of another dialect": _object(a={"type": "string", "pattern": r"^\p{L}+\Z"}),
    "boolean enum": _object(a={"enum": [True]}, b={"type": "boolean", "enum": [False]}),
    "pattern and length": _object(a={"type": "string", "pattern": "^a", "maxLength": 9}),
    "numeric enum under string": _object(a={"type": "string", "enum": [1, 2]}),
    "mixed enum": _object(a={"enum": ["auto", 1, True, None, 2.5]}),
    "enum with objects": _object(a={"enum": [{"a": 1}, ["b"]]}),
    "enum of null and integer": _object(a={"type": ["integer", "null"], "enum": [1, None]}),
    "types with keywords": _object(a={"type": ["string", "null"], "minLength": 1, "default": None}),
    # Roots.
    "no type": {"properties": {"a": TEXT}},
    "empty root": {},
    "root of two types": {"type": ["object", "null"], "properties": {"a": TEXT}},
    "root through $ref": {**_A, "$defs": {"A": _NODE}},
    "root anyOf": {"anyOf": [_object(a=TEXT), _object(b=TEXT)]},
    "root allOf": {"allOf": [_object(a=TEXT), _object(b=TEXT)]},
    "wide allOf": {"allOf": [_object(**{f"p{number}": TEXT}) for number in range(300)]},
}
OPEN: dict[str, Any] = {
    # The validator takes none of these names everywhere.
    "braces in names": _object(**{"{id}": {"type": "string", "enum": ["a", "b"]}}),
    "slashes in names": {
        **_object(n=_A),
        "$defs": {"A": {**_object(**{"a/b": TEXT, "n": _A}), "required": ["a/b"]}},
    },
    "names of keywords": _object(**{"$ref": TEXT, "anyOf": TEXT, "required": TEXT, "type": TEXT}),
    "empty name": {**_object(**{"": TEXT}), "required": [""]},
    # Everything else.
    "length as text": _object(a={**TEXT, "maxLength": "10"}),
    "type in capitals": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}},
    "type any": _object(a={"type": "any"}),
    "type that nobody knows": _object(a={"type": "datetime"}),
    "true": True,
    "text": "object",
    "root of another type": {"type": "string"},
    "reference to another document": _object(a={"$ref": "https://example.com/x.json"}),
    "reference to nowhere": _object(a={"$ref": "#/$defs/gone"}),
    "list of properties": {"type": "object", "properties": [{"name": "a"}]},
    "properties that are types": _object(a="string"),
    "enum that is none": _object(a={"enum": "x"}),
    "empty enum": _object(a={"type": "string", "enum": []}),
    "never": {**_object(a=False), "required": ["a"]},
    "very large": _object(a={"type": "string", "description": "x" * 200_000}),
    "list in a list of types": _object(x={"type": ["string", ["number"]]}),
    "object in a list of types": _object(x={"type": ["string", {"a": 1}]}),
    "number as a type": _object(x={"type": 3}),
}


def _schema(request: Json, schema: Any) -> None:
    tool = {"name": "list_issues", "parameters": json.loads(json.dumps(schema))}
    request["tools"] = [*request["tools"], {"type": "function", "function": tool}]


def _format(request: Json, schema: Any) -> None:
    spec = {"name": "answer", "schema": json.loads(json.dumps(schema))}
    request["response_format"] = {"type": "json_schema", "json_schema": spec}


each("schema", "runs", RUNS, _schema)
each("schema", "open", OPEN, _schema)
each("format schema", "runs", RUNS, _format)
each("format schema", "open", OPEN, _format)
