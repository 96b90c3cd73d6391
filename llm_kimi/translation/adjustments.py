"""What a translation did to a request, in a form that people and programs can read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Adjustment", "shorten"]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One difference between the caller's request and what is sent to Kimi.

    ``param`` is the path in the caller's request (``temperature``, ``tools[0].function.name``;
    ``messages[].name`` where the same thing happened in several messages). ``given`` is what the
    caller wrote (None: nothing), ``sent`` what Kimi gets (None: it is left out). ``reason`` says
    why, ``source`` where the rule is written. ``changes_meaning`` is False where the reply is what
    the caller asked for all the same (a rename, another spelling); strict mode refuses the others.
    """

    param: str
    given: Any
    sent: Any
    reason: str
    source: str
    changes_meaning: bool = True

    def __str__(self) -> str:
        if self.given is None:
            change = f"{self.param}: added {shorten(self.sent)}"
        elif self.sent is None:
            change = f"{self.param} {shorten(self.given)} -> left out"
        else:
            change = f"{self.param} {shorten(self.given)} -> {shorten(self.sent)}"
        return f"{change} ({self.reason})"

    def to_dict(self) -> dict[str, Any]:
        """The same as a JSON object, for ``llm kimi explain --json`` and logs."""
        return {
            "param": self.param,
            "given": self.given,
            "sent": self.sent,
            "reason": self.reason,
            "source": self.source,
            "changes_meaning": self.changes_meaning,
        }


def _named_tool(value: Any) -> str | None:
    """The name in a ``tool_choice`` that names a tool, which says it all."""
    if not isinstance(value, Mapping) or value.get("type") != "function":
        return None
    function = value.get("function")
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if isinstance(name, str) and set(function or ()) == {"name"} else None


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


def shorten(value: Any, limit: int = 60) -> str:
    """``value`` as JSON on one line, cut to ``limit`` characters; a named tool by its name."""
    value = _named_tool(value) or value
    if isinstance(value, str):
        text = value if value.isprintable() and value == value.strip() and value else repr(value)
    else:
        try:
            text = json.dumps(value, ensure_ascii=False, default=_plain)
        except (RecursionError, TypeError, ValueError):  # too deep, or no JSON at all
            text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else text[: limit - 1] + "…"
