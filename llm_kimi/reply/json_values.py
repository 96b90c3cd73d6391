"""JSON of a server, whatever it holds, as values that nothing further up can stumble over.

In: the text of an event or a body, and the values in it. Out: values of the type that the place
asks for, or nothing. Nothing here raises.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from json.scanner import make_scanner
from typing import Any

__all__ = [
    "BROKEN",
    "ESCAPED_HALF",
    "MAX_DEPTH",
    "as_count",
    "as_index",
    "as_moment",
    "as_text",
    "is_deep_text",
    "join_halves",
    "mended",
    "only_counts",
    "parse_json",
]

BROKEN = object()
"""What ``parse_json`` gives for a text that is not JSON, or that nothing could write again."""

MAX_DEPTH = 100
"""Levels of an answer. A chunk of Kimi has eight; hosts copy and print answers with functions that
call themselves for each level, and Python ends those after about a thousand calls."""

MAX_COUNT = 10**12
"""Of tokens. What is more is not a count: databases do not take it, prices cannot be multiplied."""

MAX_MOMENT = 2**40
"""Of seconds since 1970: ``created`` beyond the year 36,000 is not a time."""


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if abs(number) < float("inf") else None


_decoder = json.JSONDecoder(parse_constant=lambda name: None, parse_float=_finite)
"""NaN and Infinity are not JSON; Python reads them (and 1e999 as infinity), and then writes JSON
that others refuse."""
_scan: Any = make_scanner(_decoder)  # type: ignore[arg-type]
"""What the decoder's own methods call, without their search for blanks."""

_NUMBER = re.compile(r"\s*[+-]?\d{1,18}(?:\.\d{0,18})?\s*", re.ASCII)

ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""Where JSON names half of a surrogate pair: the one way in which one gets into an answer, since
UTF-8 has none."""

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
"""The brackets of JSON text, and its strings, in which they mean nothing."""

_HALF = re.compile("[\ud800-\udfff]")
_HIGH_HALVES = ("\ud800", "\udbff")


def parse_json(text: str) -> Any:
    """The value of ``text``, or ``BROKEN``.

    Not an exception: raised while another is handled, it would carry the text in its context.
    """
    try:
        value, end = _scan(text, 0)
        if end != len(text):
            value = _decoder.decode(text)  # blanks at the end, or more
    except (ValueError, RecursionError, StopIteration):
        return parse_json(text.lstrip()) if text[:1].isspace() else BROKEN
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deep(value):
        return BROKEN
    return value


def _is_deep(value: Any) -> bool:
    """Whether ``value`` has more than ``MAX_DEPTH`` levels."""
    level = [value]
    for _ in range(MAX_DEPTH):
        following: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                following.extend(item.values())
            elif isinstance(item, list):
                following.extend(item)
        if not following:
            return False
        level = following
    return True


def is_deep_text(text: str) -> bool:
    """Whether JSON text opens more than ``MAX_DEPTH`` levels, be it valid or not."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for found in _BRACKETS.finditer(text):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(found[0], 0)
        if depth > MAX_DEPTH:
            return True
    return False


def as_count(value: Any) -> int | None:
    """A number of tokens, also as a float or as text; None for what is no such number."""
    number = _number(value)
    return int(number) if number is not None and 0 <= number <= MAX_COUNT else None


def only_counts(usage: Mapping[str, Any]) -> dict[str, Any]:
    """The counts in ``usage`` and in the objects in it: all that anybody can add up."""
    kept: dict[str, Any] = {}
    for name, value in usage.items():
        if name.endswith("_details") or name == "cache_creation":
            if isinstance(value, Mapping):
                kept[name] = only_counts(value)
        elif (count := as_count(value)) is not None:
            kept[name] = count
    return kept


def as_moment(value: Any) -> int | None:
    """Seconds since 1970, also as a float or as text."""
    number = _number(value)
    return int(number) if number is not None and 0 <= number <= MAX_MOMENT else None


def as_index(value: Any) -> int | None:
    """A place in a list, also as a float or as text; None for what names none."""
    number = _number(value)
    return int(number) if number is not None and number == number // 1 else None


def _number(value: Any) -> int | float | None:
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return None
        return float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value


def as_text(value: Any) -> str:
    """The text of a content in any form: text, a number, content parts; else nothing.

    Some servers write a token that looks like a number as one.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return json.dumps(value)
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list):
        return ""
    texts = (part.get("text") if isinstance(part, Mapping) else part for part in value)
    return "".join(text for text in texts if isinstance(text, str))


def join_halves(text: str) -> tuple[str, str]:
    """``text`` with its surrogate pairs joined, and the half at its end that waits for the other.

    Servers cut their answers into pieces by UTF-16 (JavaScript, Java), so that an emoji comes in
    two halves. A half that stays alone becomes U+FFFD: no encoding can write it.
    """
    if text.isascii() or not _HALF.search(text):
        return text, ""
    waiting = text[-1] if _HIGH_HALVES[0] <= text[-1] <= _HIGH_HALVES[1] else ""
    whole = text[: len(text) - len(waiting)]
    return whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"), waiting


def mended(value: Any) -> Any:
    """``value`` without halves of surrogate pairs, in whatever depth."""
    if isinstance(value, str):
        text, waiting = join_halves(value)
        return text + "\ufffd" if waiting else text
    if isinstance(value, dict):
        return {mended(key): mended(item) for key, item in value.items()}
    if isinstance(value, list):
        return [mended(item) for item in value]
    return value
