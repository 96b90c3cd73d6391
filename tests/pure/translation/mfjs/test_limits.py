"""What a rewrite costs: near linear, or refused early; heavy ones leave the event loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from llm_kimi.errors import InvalidRequestError
from llm_kimi.translation import mfjs as schema_module
from llm_kimi.translation.mfjs import to_mfjs
from llm_kimi.translation.weight import is_heavy
from tests.support.schema_checks import PATH, obj, rewrite

S = {"type": "string"}


def of_references(size: int, definition: Callable[[int], Any]) -> dict[str, Any]:
    properties = {f"p{i}": {"$ref": f"#/$defs/D{i}"} for i in range(size)}
    return {**obj(properties), "$defs": {f"D{i}": definition(i) for i in range(size)}}


SHAPES: dict[str, Callable[[int], dict[str, Any]]] = {
    "properties": lambda n: obj({f"p{i}": S for i in range(n)}),
    "nullable": lambda n: obj({f"p{i}": {"type": ["string", "null"]} for i in range(n)}),
    "allOf": lambda n: obj({"x": {"allOf": [obj({f"p{i}": S}) for i in range(n)]}}),
    "allOf at the root": lambda n: {"allOf": [obj({f"p{i}": S}, f"p{i}") for i in range(n)]},
    "descriptions": lambda n: obj(
        {"x": {"allOf": [{"description": f"text number {i}"} for i in range(n)]}}
    ),
    "anyOf": lambda n: obj({"x": {"anyOf": [obj({f"p{i}": S}, f"p{i}") for i in range(n)]}}),
    "oneOf": lambda n: obj({"x": {"oneOf": [obj({"k": {"const": i}}, "k") for i in range(n)]}}),
    "patterns": lambda n: obj(
        {
            "x": {
                "type": "object",
                "patternProperties": {f"^{i}": S for i in range(n)},
                "additionalProperties": False,
            }
        }
    ),
    "definitions": lambda n: of_references(n, lambda _: obj({"a": S})),
    "recursive": lambda n: of_references(
        n, lambda i: obj({"a": {"type": "array", "items": {"$ref": f"#/$defs/D{i}"}}})
    ),
    "one name": lambda n: {
        **obj({f"p{i}": {"$ref": f"#/$defs/{i}%20x"} for i in range(n)}),
        "$defs": {
            f"{i} x": obj({"a": {"type": "array", "items": {"$ref": f"#/$defs/{i}%20x"}}})
            for i in range(n)
        },
    },
    "a chain": lambda n: {
        **obj({f"p{i}": {"$ref": f"#/$defs/D{i}"} for i in range(n)}),
        "$defs": {**{f"D{i}": {"$ref": f"#/$defs/D{i + 1}"} for i in range(n)}, f"D{n}": S},
    },
    "a chain that nothing satisfies": lambda n: {
        **obj({"x": {"$ref": "#/$defs/D0"}}),
        "$defs": {
            **{
                f"D{i}": obj(
                    {"n": {"$ref": f"#/$defs/D{i + 1}"}, "s": {"$ref": f"#/$defs/D{i}"}}, "n"
                )
                for i in range(n)
            },
            f"D{n}": False,
        },
    },
    "lists of itself": lambda n: {
        **obj({"x": {"$ref": "#/$defs/D"}}, "x"),
        "$defs": {
            "D": obj(
                {f"p{i}": {"type": "array", "items": {"$ref": "#/$defs/D"}} for i in range(n)},
                *[f"p{i}" for i in range(n)],
            )
        },
    },
}


def steps(schema: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many steps a rewrite takes: what a clock would say, without the noise."""
    spent = 0

    class Counted(schema_module.Work):
        def spend(self, steps: int) -> None:
            nonlocal spent
            spent += steps
            super().spend(steps)

    monkeypatch.setattr(schema_module, "Work", Counted)
    to_mfjs(schema, PATH)
    return spent


@pytest.mark.parametrize("shape", SHAPES)
def test_the_work_grows_with_the_size(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = (steps(SHAPES[shape](size), monkeypatch) for size in (40, 320))
    assert large < 8**1.25 * small


@pytest.mark.parametrize("shape", SHAPES)
def test_time_does_not_run_away(shape: str) -> None:
    """Far above what it takes, far below what something quadratic would."""
    start = time.process_time()
    to_mfjs(SHAPES[shape](400), PATH)
    assert time.process_time() - start < 4


SIBLINGS = {
    **obj({"x": {"$ref": "#/$defs/D"}}),
    "$defs": {"D": obj({f"p{i}": {"$ref": "#/$defs/D", "required": [f"p{i}"]} for i in range(30)})},
}
TUPLES: Any = {"type": "array", "items": S}
for _ in range(8):
    TUPLES = {"type": "array", "items": TUPLES, "prefixItems": [TUPLES, S, TUPLES]}


@pytest.mark.parametrize(
    "schema",
    [
        SIBLINGS,
        obj({"x": TUPLES}),
        obj(
            {
                "x": {
                    "type": "object",
                    "allOf": [
                        {"anyOf": [{"required": [f"a{i}"]}, {"required": [f"b{i}"]}]}
                        for i in range(200)
                    ],
                }
            }
        ),
        obj({"x": {"allOf": [obj({f"p{i}": S}, additionalProperties={**S}) for i in range(60)]}}),
    ],
)
def test_what_multiplies_is_bounded(schema: Any) -> None:
    start = time.process_time()
    rewrite(schema)
    assert time.process_time() - start < 8


def test_what_combines_too_much_is_refused_early() -> None:
    parts = [obj({f"p{i}": S}, additionalProperties={**S}) for i in range(1000)]
    schema = obj({"x": {"allOf": parts}})
    start = time.process_time()
    with pytest.raises(InvalidRequestError, match="too many schemas") as caught:
        to_mfjs(schema, PATH)
    assert time.process_time() - start < 4
    assert caught.value.param == PATH


# --- event loops ---


def tools(*schemas: Any) -> dict[str, Any]:
    made = [{"type": "function", "function": {"name": "f", "parameters": s}} for s in schemas]
    return {"model": "kimi-k3", "messages": [], "tools": made}


def test_ordinary_requests_are_light() -> None:
    one = obj({f"p{i}": {"type": "string", "description": "d"} for i in range(8)}, "p0")
    assert not is_heavy({"messages": [{"role": "user", "content": "x" * 10**6}]})
    assert not is_heavy(tools(*[one] * 30))


@pytest.mark.parametrize(
    "schema",
    [
        SHAPES["properties"](1000),
        SHAPES["recursive"](100),
        SHAPES["allOf"](300),
        SIBLINGS,
    ],
)
def test_large_and_recursive_schemas_are_heavy(schema: Any) -> None:
    assert is_heavy(tools(schema))
    assert is_heavy({"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}})


def test_weighing_does_not_look_at_everything() -> None:
    wide = tools(SHAPES["properties"](200_000))
    start = time.process_time()
    assert is_heavy(wide)
    assert time.process_time() - start < 0.5


def test_the_size_is_counted_as_kimi_counts_it() -> None:
    """Go's json.Marshal spells <, > and & with six characters."""
    rewrite(obj({"x": {"type": "string", "description": "d" * 119_000}}))
    with pytest.raises(InvalidRequestError, match="120000"):
        to_mfjs(obj({"x": {"type": "string", "description": "<" * 20_000}}), PATH)


def test_fewer_alternatives_are_combined_before_a_schema_is_refused() -> None:
    pairs = [{"anyOf": [{"required": [f"a{i}"]}, {"required": [f"b{i}"]}]} for i in range(12)]
    sent, adjustments = rewrite(obj({"x": {"type": "object", "allOf": pairs}}))
    assert 2 <= len(sent["properties"]["x"]["anyOf"]) <= 12
    assert any("too many combinations" in adjustment.reason for adjustment in adjustments)
