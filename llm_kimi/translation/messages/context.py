"""What the steps for messages share: a message on its way, and the keys that Kimi knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..draft import Draft, Json, RepeatedNotes
from .content import translate_content
from .reasoning import REASONING_KEYS

__all__ = ["FILLER", "KEYS", "DraftMessage", "MessageContext"]

FILLER = " "
"""What the API accepts where something must stand and nothing is known."""

KEYS = {
    "system": {"role", "content", "name", "tools"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "tool_calls", "reasoning_content", "partial"},
    "tool": {"role", "content", "name", "tool_call_id"},
}
# Those of an assistant's message that have a way to Kimi under another name.
_READ = {"function_call", "refusal", "audio", "prefix", *REASONING_KEYS}
# What SDKs write for nothing into every message: openai's annotations, LiteLLM's images.
_NOTHING: tuple[Any, ...] = ([], {}, "")


class DraftMessage:
    """One message on its way: ``number`` is its place in the body's list, -1 for a made-up one.

    ``calls`` are the ids of an assistant's calls as they were given (None: it has none), ``id``
    is that of a result. ``legacy``: a function call or result in the old form, which has no ids.
    """

    calls: list[str | None] | None = None
    id: str | None = None
    legacy = False

    def __init__(self, number: int, message: Json) -> None:
        self.number = number
        self.message = message


class MessageContext:
    """The messages of one request while they are translated."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.tally = RepeatedNotes(draft)
        self.names = draft.names

    def strip(self, message: Mapping[str, Any], role: str, number: int) -> Json:
        """The keys that Kimi knows for this role, without nulls."""
        allowed = KEYS[role]
        kept = {}
        for key, value in message.items():
            if value is None:
                continue
            if key in allowed:
                if key == "name" and value == "":
                    self._note_key(key, value, role, number, "an empty name says nothing")
                    continue
                kept[key] = value
            elif (key not in _READ or role != "assistant") and value not in _NOTHING:
                reason = f"Kimi knows no such key in a message of role {role}"
                self._note_key(key, value, role, number, reason)
        kept["role"] = role
        return kept

    def _note_key(self, key: str, value: Any, role: str, number: int, reason: str) -> None:
        where = f"{self.draft.message_path(number)}.{key}"
        self.tally.note(f"{role} {key}", where, value, None, reason)

    def content(self, message: Mapping[str, Any], number: int, role: str) -> Any:
        """The content of a message as Kimi takes it; None when it is empty."""
        return translate_content(self.draft, self.tally, message.get("content"), number, role)

    def note_empty(self, number: int, role: str, given: Any, sent: str | None) -> None:
        """Tell that an empty message was filled or left out."""
        self.tally.note(
            f"empty {role}",
            f"{self.draft.message_path(number)}.content",
            "" if given is None else given,
            sent,
            f"Kimi refuses an empty {role} message",
            "empty-assistant" if role == "assistant" else "openapi",
        )
