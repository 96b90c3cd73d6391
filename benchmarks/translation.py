"""Time of ``translate`` as conversations and schemas grow, and with what power of their size."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from common import main
from report import Report, Row, exponent

from llm_kimi import translate

Json = dict[str, Any]

MESSAGES = (10, 100, 1_000, 10_000)
BYTES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 50_000_000)
PROPERTIES = (10, 30, 100, 300, 1_000, 3_000)
HOW = (
    "CPU time of `translate`, beside `json.dumps` of what it returns, which every client "
    "does as well. Conversations: questions, tool calls without reasoning, results, answers. "
    "Bytes: one text. Schemas: nested objects, each seen for the first time; Kimi takes no "
    "more than 3,000 properties."
)


def conversation(size: int) -> Json:
    """``size`` messages: questions, tool calls without reasoning, results, answers."""
    messages: list[Json] = []
    for number in range(size // 4 + 1):
        call = {"name": "search", "arguments": '{"q": "moon"}'}
        messages += [
            {"role": "user", "content": [{"type": "text", "text": f"Question {number}?"}]},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": f"c{number}", "type": "function", "function": call}],
            },
            {"role": "tool", "tool_call_id": f"c{number}", "content": "a result " * 20},
            {"role": "assistant", "content": "An answer. " * 20, "annotations": []},
        ]
    parameters = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
    tool = {"type": "function", "function": {"name": "search", "parameters": parameters}}
    return {
        "model": "kimi-k2.6",
        "temperature": 0.2,
        "max_tokens": 1000,
        "messages": messages[:size],
        "tools": [tool],
    }


def long_text(size: int) -> Json:
    """One message of ``size`` bytes, and one parameter that has to change."""
    text = ("Wörter " * (size // 8 + 1)).encode()[:size].decode(errors="ignore")
    return {
        "model": "kimi-k2.6",
        "temperature": 0.2,
        "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}],
    }


_serial = iter(range(1_000_000))


def schema(size: int) -> Json:
    """A tool with ``size`` properties in objects of ten, of names that were never seen."""
    serial = next(_serial)
    kinds: list[Json] = [
        {"type": "string", "minLength": 1},
        {"type": "integer", "minimum": 0},
        {"$ref": "#/$defs/Item"},
        {"type": "boolean", "title": "x"},
    ]
    groups = {}
    for group in range(size // 10):
        properties = {f"p{number}": dict(kinds[number % len(kinds)]) for number in range(9)}
        groups[f"g{serial}_{group}"] = {"type": "object", "properties": properties}
    item = {"type": "string", "pattern": "^[a-z]+$"}
    parameters = {"type": "object", "properties": groups, "$defs": {"Item": item}}
    tool = {"type": "function", "function": {"name": "fill", "parameters": parameters}}
    messages = [{"role": "user", "content": "Fill it in."}]
    return {"model": "kimi-k2.6", "messages": messages, "tools": [tool]}


def _taken(make: Callable[[int], Json], size: int) -> tuple[float, float]:
    """Milliseconds of CPU time for ``translate`` and for ``json.dumps``; medians of several."""
    ours, written = [], []
    began = time.process_time()
    while len(ours) < 5 or (len(ours) < 30 and time.process_time() - began < 0.3):
        request = make(size)
        start = time.process_time()
        body = translate(request).body
        middle = time.process_time()
        json.dumps(body)
        ours.append((middle - start) * 1e3)
        written.append((time.process_time() - middle) * 1e3)
        if time.process_time() - began > 6:
            break
    return statistics.median(ours), statistics.median(written)


def measure() -> Report:
    """Milliseconds; the smallest of each kind is the first to be measured, after a warm-up."""
    rows, exponents = [], {}
    kinds: list[tuple[str, Callable[[int], Json], tuple[int, ...]]] = [
        ("messages", conversation, MESSAGES),
        ("bytes", long_text, BYTES),
        ("properties", schema, PROPERTIES),
    ]
    for what, make, sizes in kinds:
        _taken(make, sizes[0])
        points = {}
        for size in sizes:
            ours, written = _taken(make, size)
            points[float(size)] = ours
            medians = {"translate": ours, "json.dumps": written}
            rows.append(Row(f"{size:,} {what}", "ms", medians, {"json.dumps": ours / written}))
        exponents[what] = exponent(points)
    title = "Translation of large requests"
    return Report("translation", title, HOW, "translate", rows, "json.dumps", exponents)


if __name__ == "__main__":
    main(measure)
