"""The arguments of a tool call: the text of a JSON object, always.

In: what a model wrote, or what another client made of it. Out: the text of an object, and what was
done to it. Text that already is one comes out as it is, byte for byte: it is part of the prefix
that the cache knows.

Broken arguments in a history break the conversation for good:
https://github.com/MoonshotAI/kimi-cli/issues/1378 (control characters, the open platform),
https://github.com/MoonshotAI/kimi-cli/issues/1171 (cut off).
"""

from __future__ import annotations

import json
from typing import Any, Literal, NoReturn, TypeAlias

__all__ = ["INVALID_ARGUMENTS", "Change", "argument_text", "parse_arguments"]

INVALID_ARGUMENTS = "arguments_that_are_no_valid_json"
"""The name under which a tool, or the model, sees arguments that are not a JSON object."""

Change: TypeAlias = Literal["none", "empty", "repaired", "wrapped"]

_NESTED = 3
"""How often arguments are taken out of a JSON string; twice was seen, when two layers encode."""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_STRICT = json.JSONDecoder(parse_constant=_refuse_constant)
_LENIENT = json.JSONDecoder(parse_constant=_refuse_constant, strict=False)


def parse_arguments(text: str) -> dict[str, Any]:
    """The arguments as an object. What is not one comes under ``INVALID_ARGUMENTS``, so that the
    tool's own error tells the model what was wrong, and it can try again."""
    found = _read(text)
    return {INVALID_ARGUMENTS: text} if found is None else found[1]


def argument_text(text: str) -> tuple[str, Change]:
    """The arguments as the text of a JSON object, and what was done to them."""
    try:
        if text[:1] == "{" and _STRICT.raw_decode(text)[1] == len(text):
            return text, "none"
    except (ValueError, RecursionError):
        pass
    if not text.strip():
        return "{}", "empty"
    found = _read(text)
    if found is None:
        return json.dumps({INVALID_ARGUMENTS: text}, ensure_ascii=False), "wrapped"
    return found[0], "repaired"


def _read(text: str) -> tuple[str, dict[str, Any]] | None:
    """An object and its text; None where ``text`` is not plainly one."""
    for _ in range(_NESTED):
        text = text.strip()
        if not text:
            return "{}", {}
        value, clean = _decode(text)
        if type(value) is dict:
            return _writable(text if clean else None, value)
        if type(value) is not str:
            return None
        text = value  # JSON within a JSON string: encoded twice
    return None


def _decode(text: str) -> tuple[Any, bool]:
    """The value, None where there is none, and whether it is JSON to the letter."""
    for decoder in (_STRICT, _LENIENT):
        try:
            return decoder.decode(text), decoder is _STRICT
        except ValueError:  # once more, with raw line breaks and tabs in its strings
            continue
        except RecursionError:
            break
    return None, False


def _writable(text: str | None, value: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    try:
        if text is None:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError):  # a number beyond all bounds, half a character
        return None
    return text, value
