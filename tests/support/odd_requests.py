"""Requests to put odd values into, odd objects, and what is asked of their translation."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import uuid
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, Field

from llm_kimi import InvalidRequestError, Translation, translate
from llm_kimi.translation import Adjustment

Json = dict[str, Any]
NAN, INFINITY = float("nan"), float("inf")
HALF = "half \ud83d"
USER = {"role": "user", "content": "Hi"}


def plain(**more: Any) -> Json:
    return {"model": "kimi-k3.1-pro", "messages": [USER], **more}


def tool(schema: Any = None, **more: Any) -> Json:
    function = {"name": "f", "strict": False, "parameters": schema or {"type": "object"}, **more}
    return {"type": "function", "function": function}


def with_schema(**more: Any) -> Json:
    """A request with a tool whose one property has these keywords."""
    schema = {"type": "object", "properties": {"a": {"type": "string", **more}}}
    return plain(tools=[tool(schema)])


def with_call(function: Any = None, **more: Any) -> Json:
    """A request with a call and its result in the history."""
    call = {"id": "c", "type": "function", "function": function or {"name": "f"}, **more}
    turn = {"role": "assistant", "reasoning_content": "hm", "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "c", "content": "ok"}
    return plain(messages=[USER, turn, result])


def written(translation: Translation) -> str:
    """The body as UTF-8 JSON; raises where it cannot be written."""
    text = json.dumps(translation.body, ensure_ascii=False, allow_nan=False)
    return text.encode().decode()


def refused(request: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        translate(request)
    return caught.value


def told(translation: Translation, param: str) -> Adjustment:
    (found,) = [item for item in translation.adjustments if item.param == param]
    return found


CYCLE: Json = {}
CYCLE["again"] = [CYCLE]


class Odd:
    """Has nothing that JSON could use."""


ODD: list[tuple[Any, str]] = [
    (NAN, "NaN"),
    (-INFINITY, "-Infinity"),
    (decimal.Decimal("NaN"), "NaN"),
    (b"x", "bytes"),
    (datetime.date(2026, 1, 2), "date"),
    (uuid.UUID(int=0), "UUID"),
    (pathlib.PurePosixPath("a"), "PurePosixPath"),
    (Odd(), "Odd"),
    (Odd, "class"),
    (len, "function"),
    (3j, "complex"),
    (CYCLE, "contains itself"),
    ({1: "a"}, "key that is not text"),
    ({None: "a"}, "key that is not text"),
    (10**400, "bits"),
]


class Role(str, enum.Enum):
    USER = "user"


class Effort(enum.Enum):
    LOW = "low"


class Text(str):
    __slots__ = ()


class Count(enum.IntEnum):
    FEW = 5


class Pair(NamedTuple):
    role: str
    content: str


@dataclasses.dataclass
class Data:
    role: str
    content: Any


class Model(BaseModel):
    role: str
    content: str
    name: str | None = None


class Function(BaseModel):
    name: str
    schema_: Json = Field(alias="parameters")


class Old:
    """A model of pydantic 1, or of an SDK of its own."""

    def dict(self) -> Json:
        return dict(USER)


class Hostile:
    """Every question is an error."""

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    __str__ = __iter__ = __len__ = __bool__ = __hash__ = keys = items = __repr__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # hypothesis asks, to show it
            raise AttributeError(name)
        raise RuntimeError(name)
