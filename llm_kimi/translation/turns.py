"""What the steps for messages share: a message on its way, and the keys that Kimi knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .content import translate_content
from .draft import Draft, Json, Tally
from .names import Names

__all__ = ["FILLER", "KEYS", "Turn", "Work"]

FILLER = " "
"""What the API accepts where something must stand and nothing is known."""

KEYS = {
    "system": {"role", "content", "name", "tools"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "tool_calls", "reasoning_content", "partial"},
    "tool": {"role", "content", "name", "tool_call_id"},
}
# Those of an assistant's message that have a way to Kimi under another name.
_READ = {"function_call", "refusal", "thinking_blocks", "reasoning", "audio"}


class Turn:
    """One message on its way: ``number`` is its place in the caller's list."""

    __slots__ = ("message", "number")

    def __init__(self, number: int, message: Json) -> None:
        self.number = number
        self.message = message


class Work:
    """The messages of one request while they are translated.

    ``legacy``: calls in the old form have no ids, so it holds name -> ids that wait for their
    result, latest last.
    """

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.tally = Tally(draft)
        self.names: Names = draft.restoring["_names"]
        self.legacy: dict[str, list[str]] = {}

    def strip(self, message: Mapping[str, Any], role: str, number: int) -> Json:
        """The keys that Kimi knows for this role, without nulls."""
        allowed = KEYS[role]
        kept = {}
        for key, value in message.items():
            if value is None:
                continue
            if key in allowed:
                kept[key] = value
            elif key not in _READ or role != "assistant":
                self.tally.note(
                    f"{role} {key}",
                    f"messages[{number}].{key}",
                    value,
                    None,
                    f"Kimi knows no such key in a message of role {role}",
                )
        kept["role"] = role
        return kept

    def content(self, message: Mapping[str, Any], number: int, role: str) -> Any:
        """The content of a message as Kimi takes it; None when it is empty."""
        return translate_content(self.draft, self.tally, message.get("content"), number, role)

    def note_empty(self, number: int, role: str, given: Any, sent: str | None) -> None:
        """Tell that an empty message was filled or left out."""
        self.tally.note(
            f"empty {role}",
            f"messages[{number}].content",
            "" if given is None else given,
            sent,
            f"Kimi refuses an empty {role} message",
            "empty-assistant" if role == "assistant" else "openapi",
        )
