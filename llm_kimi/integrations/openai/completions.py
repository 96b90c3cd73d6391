"""The SDK's ``chat.completions``, without its walk over messages and tools.

``create`` brings every message into the form of its own types before it writes JSON, which takes
about 0.15 ms a message. What is JSON already needs none of it: it is handed over in ``extra_body``,
which the SDK writes as it is.
"""

from __future__ import annotations

from functools import cached_property, wraps
from typing import Any

from openai.resources.chat import AsyncChat, Chat
from openai.resources.chat.completions import AsyncCompletions, Completions

__all__ = ["async_chat", "chat"]

_PLAIN = (str, int, float, bool, type(None))


def _is_json(value: Any, depth: int = 12) -> bool:
    """Whether ``value`` is made of JSON's own types only."""
    kind = type(value)
    if kind in _PLAIN:
        return True
    if not depth:
        return False
    if kind is dict:
        return all(type(k) is str and _is_json(v, depth - 1) for k, v in value.items())
    return kind is list and all(_is_json(item, depth - 1) for item in value)


def _handed_over(arguments: dict[str, Any]) -> dict[str, Any]:
    extra = arguments.get("extra_body")
    if not isinstance(extra, (dict, type(None))):
        return arguments
    handed = {
        name: arguments[name]
        for name in ("messages", "tools")
        if type(arguments.get(name)) is list and _is_json(arguments[name])
    }
    if not handed or (extra and not handed.keys().isdisjoint(extra)):
        return arguments
    left = {name: value for name, value in arguments.items() if name not in handed}
    # The SDK asks for messages; these are replaced by those of extra_body.
    left.setdefault("messages", [])
    return {**left, "extra_body": {**(extra or {}), **handed}}


class _Completions(Completions):
    @wraps(Completions.create)
    def create(self, **arguments: Any) -> Any:  # type: ignore[override]
        return super().create(**_handed_over(arguments))


class _AsyncCompletions(AsyncCompletions):
    @wraps(AsyncCompletions.create)
    async def create(self, **arguments: Any) -> Any:  # type: ignore[override]
        return await super().create(**_handed_over(arguments))


class _Chat(Chat):
    @cached_property
    def completions(self) -> Completions:
        return _Completions(self._client)


class _AsyncChat(AsyncChat):
    @cached_property
    def completions(self) -> AsyncCompletions:
        return _AsyncCompletions(self._client)


def chat(client: Any) -> Chat:
    """``client.chat``."""
    return _Chat(client)


def async_chat(client: Any) -> AsyncChat:
    """``client.chat`` of an async client."""
    return _AsyncChat(client)
