"""What a translation did to a request, in a form that people and programs can read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .objects import MAX_BITS, Foreign

__all__ = ["Adjustment", "adjustments_header", "shorten"]

_DEPTH = 200
"""Levels of a value that are shown or written; ``translate`` sends no deeper ones."""

_SHOWN = 100
"""Characters of a text, or items of a list or an object, that can end up in a short line."""


@dataclass(frozen=True, slots=True, repr=False)
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

    def __repr__(self) -> str:
        """One line, however large the values are: a request may contain megabytes of base64."""
        kind = "changes the meaning" if self.changes_meaning else "the same meaning"
        return f"<Adjustment {self}; {kind}; {self.source}>"

    def to_dict(self) -> dict[str, Any]:
        """The same as a JSON object, for ``llm kimi explain --json`` and logs."""
        return {
            "param": self.param,
            "given": _as_json(self.given, _DEPTH),
            "sent": _as_json(self.sent, _DEPTH),
            "reason": self.reason,
            "source": self.source,
            "changes_meaning": self.changes_meaning,
        }


def _as_json(value: Any, depth: int) -> Any:
    """``value`` as JSON: half characters as escapes, whatever JSON has no form for by its type."""
    kind = type(value)
    if kind is str:
        return _as_text(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if value.bit_length() <= MAX_BITS else _by_type(value)
    if kind is float:
        return value if value - value == 0 else str(value)  # NaN and Infinity are not JSON
    if kind in (dict, list, tuple) and depth:
        if kind is dict:
            return {_as_key(key): _as_json(item, depth - 1) for key, item in value.items()}
        return [_as_json(item, depth - 1) for item in value]
    return _by_type(value)


def _as_key(key: Any) -> str:
    return _as_text(key) if type(key) is str else _by_type(key)


def _as_text(text: str) -> str:
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _by_type(value: Any) -> str:
    """What to say of an object of another kind; nothing of its own is called."""
    return value.shown() if type(value) is Foreign else f"<{type(value).__name__}>"


def _named_tool(value: Any) -> str | None:
    """The name in a ``tool_choice`` that names a tool, which says it all."""
    if type(value) is not dict or value.get("type") != "function":
        return None
    function = value.get("function")
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if isinstance(name, str) and set(function or ()) == {"name"} else None


def _brief(value: Any, depth: int) -> Any:
    """``value`` without what a short line has no room for."""
    kind = type(value)
    if kind is str:
        return value[:_SHOWN]
    if kind is dict and depth:
        first = [(key, value[key]) for key, _ in zip(value, range(_SHOWN))]  # noqa: B905
        return {_brief_key(key): _brief(item, depth - 1) for key, item in first}
    if kind in (list, tuple) and depth:
        return [_brief(item, depth - 1) for item in value[:_SHOWN]]
    if kind is int and value.bit_length() > MAX_BITS:
        return _by_type(value)
    return value if value is None or kind in (bool, int, float) else _by_type(value)


def _brief_key(key: Any) -> str:
    return key[:_SHOWN] if type(key) is str else _by_type(key)


def shorten(value: Any, limit: int = 60) -> str:
    """``value`` as JSON on one line, cut to ``limit`` characters; a named tool by its name."""
    value = _named_tool(value) or _brief(value, 10)
    if isinstance(value, str):
        text = value if value.isprintable() and value == value.strip() and value else repr(value)
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 1] + "…"


LONGEST_HEADER = 500


def adjustments_header(adjustments: Iterable[Mapping[str, Any]]) -> str:
    """The paths of what was changed, in ASCII; values only where they are numbers or switches.

    ``adjustments`` as ``Adjustment.to_dict`` writes them. Texts are left out: headers are logged
    everywhere, and a text may be anything of a prompt.
    """
    parts: list[str] = []
    for adjustment in adjustments:
        given, sent = adjustment.get("given"), adjustment.get("sent")
        path = "".join(c if " " <= c <= "~" and c != ";" else "?" for c in str(adjustment["param"]))
        if isinstance(given, (int, float)) and (sent is None or isinstance(sent, (int, float))):
            path += f" {given} -> {'(left out)' if sent is None else sent}"
        parts.append(path[:100])
    text = "; ".join(dict.fromkeys(parts))
    return text if len(text) <= LONGEST_HEADER else f"{text[: LONGEST_HEADER - 3]}..."
