"""Requests that need no translation: a model and turns of text, as most conversations begin."""

from __future__ import annotations

from typing import Any

from .objects import is_writable

__all__ = ["is_plain"]

_FIELDS = {"model", "messages"}
_KEYS = {"role", "content"}
_ROLES = ("user", "assistant", "system")


def is_plain(request: Any) -> bool:
    """Whether no step of the translation would find anything to do in ``request``."""
    if type(request) is not dict or request.keys() != _FIELDS:
        return False
    messages = request["messages"]
    if type(messages) is not list or not messages:
        return False
    for message in messages:
        if type(message) is not dict or message.keys() != _KEYS:
            return False
        role, content = message["role"], message["content"]
        if type(role) is not str or role not in _ROLES or type(content) is not str or not content:
            return False
        if not content.isascii() and not is_writable(content):
            return False
    model = request["model"]
    return type(model) is str and model.isascii()
