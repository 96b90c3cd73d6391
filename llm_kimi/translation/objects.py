"""Python objects as the JSON values that they mean.

In: one object that is not plain JSON, from an SDK, a dataclass, a number of another library. Out:
the plain value, one level deep, or a ``Foreign`` that says why there is none. Whatever an object's
own methods raise, nothing of it gets out of here.
"""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Iterator, Mapping, Sequence, ValuesView
from decimal import Decimal
from enum import Enum
from itertools import islice
from math import isfinite
from types import SimpleNamespace
from typing import Any

from ..errors import InvalidRequestError

__all__ = ["DEPTH", "MAX_BITS", "Foreign", "is_writable", "plain"]

DEPTH = 200
"""Levels of lists and objects. JSON writers and readers give up not far above a thousand."""

MAX_BITS = 1_000
"""Of a whole number. JSON readers make a double of it, which ends at 1,024."""

_ITEMS = 1_000_001
"""More than a request may contain: an endless container is cut there, and refused."""

_WAYS_OUT = {
    bytes: "decode it to text, or send a file as base64",
    bytearray: "decode it to text, or send a file as base64",
    memoryview: "decode it to text, or send a file as base64",
    range: "make a list of it",
}


class Foreign:
    """Stands in a request for something that cannot be written as JSON.

    ``what`` names it, ``why`` says what is wrong and ``way_out`` what to do, ``text`` is what
    Python would print where that is a fair copy of it (a date, NaN), ``path`` its place in the
    request.
    """

    __slots__ = ("path", "text", "way_out", "what", "why")

    def __init__(
        self,
        what: str,
        *,
        why: str | None = None,
        way_out: str = "leave it out",
        text: str | None = None,
    ) -> None:
        self.what = what
        self.why = why or f"is {_article(what)}, which cannot be written as JSON"
        self.way_out = way_out
        self.text = text
        self.path = ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Foreign):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[str, str, str | None, str]:
        return self.what, self.why, self.text, self.path

    def error(self) -> InvalidRequestError:
        """What to raise where it would be sent."""
        path = self.path if len(self.path) <= 200 else self.path[:200].rpartition(".")[0]
        return InvalidRequestError(f"{self.why}: {self.way_out}", param=path)

    def shown(self) -> str:
        """For lists of adjustments."""
        return self.text if self.text is not None else f"<{self.what}>"

    def __repr__(self) -> str:
        return self.shown()


def _article(what: str) -> str:
    if what in ("NaN", "Infinity", "-Infinity"):
        return what
    return f"{'an' if what[:1].lower() in 'aeiou' else 'a'} {what}"


def is_writable(text: str) -> bool:
    """Whether ``text`` has a UTF-8 form: no half of a surrogate pair stands alone in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def plain(value: Any) -> tuple[Any, str | None]:
    """``value`` as a JSON value, its items as they are; and what has to be said about it.

    The result is exactly a str, int, float, bool, dict, list or None, or a ``Foreign``.
    """
    try:
        return _plain(value)
    except Exception:  # a method of the object's own, or too deep
        return Foreign(_name(value)), None


def _name(value: Any) -> str:
    return str(type.__getattribute__(type(value), "__name__"))


def _plain(value: Any) -> tuple[Any, str | None]:
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or type(value) in (bool, str, dict, list):
        return value, None
    if isinstance(value, str):
        return str.__str__(value), None
    if isinstance(value, (int, float, Decimal, numbers.Real)):
        return _number(value)
    if isinstance(value, type):
        return Foreign(f"class ({value.__name__})"), None
    found = _members(value)
    if isinstance(value, (set, frozenset)) and found is not None:
        return found, "JSON has no sets: a list in sorted order"
    return (found if found is not None else _other(value)), None


def _number(value: Any) -> tuple[Any, str | None]:
    """Numbers of every library; those that JSON can hold only nearly are named."""
    if isinstance(value, int):
        exact = int.__pos__(value)
        return (exact, None) if exact.bit_length() <= MAX_BITS else (_too_large(exact), None)
    if isinstance(value, float):
        number = float.__pos__(value)
        return (number, None) if isfinite(number) else (_not_finite(number), None)
    if isinstance(value, numbers.Integral):
        return _number(int(value))
    number = float(value)
    if not isfinite(number):
        return _not_finite(number), None
    whole = int(number)
    return (whole if whole == value else number), f"the JSON number nearest to the {_name(value)}"


def _not_finite(number: float) -> Foreign:
    if number != number:
        return Foreign("NaN", text="NaN")
    sign = "-" if number < 0 else ""
    return Foreign(f"{sign}Infinity", text=f"{sign}Infinity")


def _too_large(number: int) -> Foreign:
    return Foreign(
        "number", why=f"is a number of {number.bit_length()} bits", way_out="send it as text"
    )


def _members(value: Any) -> Any:
    """The fields or items of a container of any kind as a dict or list; None where it has none."""
    if isinstance(value, Mapping):
        return dict(islice(value.items(), _ITEMS))
    if callable(getattr(type(value), "model_dump", None)):
        return _dumped(value)
    names = getattr(type(value), "_fields", None)
    if isinstance(value, tuple) and names is not None:
        return dict(zip(names, value, strict=True))
    if isinstance(value, (tuple, list)):
        return list(value)
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, SimpleNamespace):
        return dict(vars(value))
    if isinstance(value, (set, frozenset)):
        return _sorted(value)
    if isinstance(value, (bytes, bytearray, memoryview, range)):
        return None
    if isinstance(value, (Sequence, ValuesView)):
        return list(islice(value, _ITEMS))
    for method in ("to_dict", "dict"):  # SDKs with models of their own; pydantic 1
        dump = getattr(type(value), method, None)
        dumped = dump(value) if callable(dump) else None
        if isinstance(dumped, Mapping):
            return dict(dumped)
    return None


def _dumped(value: Any) -> Any:
    """A model of pydantic's under the names that its API uses, without the fields that are None.

    So are those of openai, LiteLLM, Anthropic and MCP.
    """
    try:
        dumped = value.model_dump(by_alias=True, exclude_none=True, warnings=False)
    except TypeError:  # something with a model_dump of its own
        dumped = value.model_dump()
    return dumped if type(dumped) in (dict, list) else None


def _sorted(value: Any) -> list[Any] | None:
    """A set in an order that is the same every time, where its items have one."""
    kinds = {type(item) for item in value}
    return sorted(value) if len(kinds) == 1 and kinds <= {str, int} else None


def _other(value: Any) -> Foreign:
    what = _name(value)
    if isinstance(value, Iterator):
        why = f"is {_article(what)}, which can be read only once"
        return Foreign(what, why=why, way_out="make a list of it")
    for kind, way_out in _WAYS_OUT.items():
        if isinstance(value, kind):
            return Foreign(what, way_out=way_out)
    if callable(value):
        return Foreign(f"function ({getattr(value, '__name__', what)})")
    # Dates, UUIDs, paths: their text says all there is to them.
    printed = type(value).__module__.partition(".")[0] in ("datetime", "uuid", "pathlib")
    return Foreign(what, text=str(value) if printed else None)
