"""The role of a message, in the names of every stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import InvalidRequestError
from ..adjustments import shorten

__all__ = ["role_of"]

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_NAMED_ROLES = ", ".join(_ROLES[:-1])


# Other stacks' names for the roles: Gemini's, LangChain's and ShareGPT's, Llama's.
_OTHER_ROLES = {
    "model": "assistant",
    "ai": "assistant",
    "bot": "assistant",
    "gpt": "assistant",
    "human": "user",
    "ipython": "tool",
}


def role_of(message: Mapping[str, Any], where: str) -> str:
    """The role of a message; an error that names what was found instead."""
    role = message.get("role")
    if isinstance(role, str) and role in _ROLES:
        return role
    if role is None and isinstance(message.get("message"), Mapping):
        hint = "this is a choice of a reply: append its message"
    elif role is None and isinstance(message.get("choices"), list):
        hint = "this is a whole reply: append choices[0].message"
    elif role is None:
        kind = message.get("type")
        what = f"an item of type {kind!r}" if isinstance(kind, str) else "no role"
        hint = f"{what} was found; use {_NAMED_ROLES}"
    else:
        meant = role.strip().lower() if isinstance(role, str) else ""
        known = _OTHER_ROLES.get(meant, meant if meant in _ROLES else None)
        use = repr(known) if known else _NAMED_ROLES
        hint = f"unknown role {shorten(role)}; use {use}"
    raise InvalidRequestError(hint, param=f"{where}.role")
