"""Requests that need no translation: a model and turns of text, as most conversations begin."""

from __future__ import annotations

from typing import Any

from .draft import Json, well_formed

__all__ = ["is_plain"]

_KEYS = {"role", "content"}
_ROLES = ("user", "assistant", "system")


def is_plain(body: Json) -> bool:
    """Whether no step of the translation would find anything to do in ``body``."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or body.keys() != {"model", "messages"}:
        return False
    return all(_is_plain_turn(message) for message in messages)


def _is_plain_turn(message: Any) -> bool:
    if type(message) is not dict or message.keys() != _KEYS or message["role"] not in _ROLES:
        return False
    content = message["content"]
    return type(content) is str and content != "" and well_formed(content) is content
