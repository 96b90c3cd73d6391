"""The official tools, offline: what they declare, and made-up results.

https://platform.kimi.ai/docs/guide/use-official-tools (read 2026-08-13) has the form of requests
and answers; the declaration of the web search is as a client of August 2026 stored it. What a
search finds is protected, so that only the model reads it: here it is Base64 between the same
marks.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

__all__ = ["BEGIN", "END", "declared", "readable", "run_fiber"]

Json = dict[str, Any]

BEGIN, END = "----MOONSHOT ENCRYPTED BEGIN----", "----MOONSHOT ENCRYPTED END----"
_PROTECTED = re.compile(f"{BEGIN}(.*?){END}", re.DOTALL)


def _function(name: str, does: str, required: str, **properties: Json) -> Json:
    parameters = {"type": "object", "properties": properties, "required": [required]}
    return {
        "type": "function",
        "function": {"name": name, "description": does, "parameters": parameters},
    }


def _text(about: str) -> Json:
    return {"type": "string", "description": about}


_DECLARED: Mapping[str, list[Json]] = {
    "web-search": [
        _function(
            "web_search",
            "Search the web for current information",
            "query",
            query=_text("What to search for"),
            classes={
                "type": "array",
                "description": "Areas to search in; all when it is missing",
                "items": {"type": "string"},
            },
        )
    ],
    "fetch": [
        _function("fetch", "Read a web page as Markdown", "url", url=_text("Its address")),
    ],
    "code-runner": [
        _function("code_runner", "Run Python and return its output", "code", code=_text("Python")),
    ],
    "date": [
        _function(
            "date",
            "Dates and times",
            "operation",
            operation={"type": "string", "enum": ["now", "weekday"]},
            date=_text("YYYY-MM-DD, for weekday"),
        )
    ],
    "convert": [
        _function(
            "convert",
            "Convert units",
            "value",
            value={"type": "number", "description": "How much"},
            from_unit=_text("m, km, mi, kg or lb"),
            to_unit=_text("the unit that is wanted"),
        )
    ],
}
_UNITS = {"m": 1.0, "km": 1000.0, "mi": 1609.344, "kg": 1.0, "lb": 0.45359237}


def declared(uri: str) -> list[Json] | None:
    """The functions of a formula; None: there is no such one."""
    return _DECLARED.get(uri.removeprefix("moonshot/").removesuffix(":latest"))


def run_fiber(uri: str, name: str, arguments: str) -> Json:
    """What a fiber answers, without its ids: ``status`` and ``context``."""
    context: Json = {"input": arguments}
    try:
        given = json.loads(arguments)
        if not isinstance(given, dict):
            raise ValueError("the arguments are no object")
        context |= _RUN[name](given)
    except (KeyError, ValueError, TypeError) as error:
        return {"status": "failed", "context": {**context, "error": f"{name} failed: {error}"}}
    return {"status": "succeeded", "context": context}


def _search(given: Json) -> Json:
    query = str(given["query"])
    found = f"One page about {query}: all of it is made up, since this Kimi is offline."
    text = base64.b64encode(found.encode()).decode()
    word = re.sub(r"[^a-z0-9]+", "-", query.lower()).strip("-")[:60] or "nothing"
    return {
        "encrypted_output": f"{BEGIN}{text}{END}",
        "references": [
            {"url": f"https://example.com/{word}", "title": f"About {query}"},
            {"url": f"https://example.org/{word}", "title": f"More about {query}"},
        ],
    }


def _date(given: Json) -> Json:
    day = date.today() if given["operation"] == "now" else date.fromisoformat(str(given["date"]))
    return {"output": f"{day:%A}, {day.isoformat()}"}


def _convert(given: Json) -> Json:
    wanted = str(given["to_unit"])
    result = float(given["value"]) * _UNITS[str(given["from_unit"])] / _UNITS[wanted]
    return {"output": f"{result:g} {wanted}"}


_RUN: Mapping[str, Callable[[Json], Json]] = {
    "web_search": _search,
    "fetch": lambda given: {"output": f"# A page\n\nWhat {given['url']} says is made up."},
    "code_runner": lambda given: {"output": f"made-up output of {len(str(given['code']))} letters"},
    "date": _date,
    "convert": _convert,
}


def readable(text: str) -> str:
    """A tool's result as the model reads it: what was protected is in the clear."""

    def opened(match: re.Match[str]) -> str:
        try:
            return base64.b64decode(match[1], validate=True).decode()
        except ValueError:
            return "something that cannot be read"

    return _PROTECTED.sub(opened, text)
