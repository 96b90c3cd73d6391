"""What an assistant thought, wherever a stack puts it.

In: an assistant message. Out: the text of its reasoning and where it was found. Kimi itself wants
it in ``reasoning_content``.

The places, in the order in which the first that is not empty wins: ``reasoning_content`` (Kimi,
DeepSeek), ``reasoning`` (vLLM, OpenRouter, Groq), ``reasoning_details`` (OpenRouter),
``thinking_blocks`` (LiteLLM, after Anthropic), ``thinking`` (Ollama), ``reasoning_text`` (GitHub
Copilot), parts of ``content`` (Anthropic, LangChain, Mistral), ``provider_specific_fields``
(LiteLLM), ``additional_kwargs`` (LangChain, LlamaIndex).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["BAGS", "REASONING_KEYS", "Thought", "find", "is_thinking"]

REASONING_KEYS = (
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "thinking_blocks",
    "thinking",
    "reasoning_text",
    "content",
    "provider_specific_fields",
    "additional_kwargs",
)

BAGS = ("provider_specific_fields", "additional_kwargs")
"""Those that contain other things as well: the reasoning in them has a name of its own."""

_PLAIN = tuple(key for key in REASONING_KEYS if key not in ("content", *BAGS))

THINKING_PARTS = (
    "thinking",
    "reasoning",
    "reasoning_content",
    "reasoning_text",
    "redacted_thinking",
    "thought",
    "reasoning.text",
    "reasoning.summary",
    "reasoning.encrypted",
)
"""Types of content parts that are thoughts, not part of the answer."""

_TEXTS = ("text", "thinking", "reasoning", "reasoning_content", "reasoning_text", "content")
_LOCKED = ("data", "encrypted_content", "redactedContent")
_DEPTH = 5


@dataclass(slots=True)
class Thought:
    """``key`` is the place of the reasoning (empty: there is none), ``text`` the reasoning.

    ``hidden`` are places with reasoning that is encrypted, ``unread`` those that say something
    besides, ``unknown`` those of a form that is not known, ``empty`` those that say nothing.
    """

    key: str = ""
    text: str | None = None
    hidden: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)


def find(message: Mapping[str, Any]) -> Thought:
    """The reasoning of an assistant message. Blanks count where nothing else is there: they are
    what some clients, this package among them, write for a reasoning that was lost."""
    found: dict[str, str] = {}
    thought = Thought()
    for key in REASONING_KEYS:
        value = message.get(key)
        if not value or (key == "content" and isinstance(value, str)):
            continue
        value = _within(key, value)
        if value is None:
            continue
        read = _Read()
        read.value(value, _DEPTH)
        if text := read.said():
            found[key] = text
        elif read.locked:
            thought.hidden.append(key)
        else:
            (thought.empty if read.empty else thought.unknown).append(key)
    if not found:
        return thought
    thought.key = next((key for key, text in found.items() if text.strip()), next(iter(found)))
    thought.text = found[thought.key]
    thought.unread = [key for key in found if key != thought.key]
    return thought


def _within(key: str, value: Any) -> Any:
    """The reasoning inside a field that contains other things as well."""
    if key == "content":
        parts = value if isinstance(value, list) else [value]
        return [part for part in parts if is_thinking(part)] or None
    if key in BAGS and isinstance(value, Mapping):
        return next((value[name] for name in _PLAIN if value.get(name)), None)
    return value


def is_thinking(part: Any) -> bool:
    """Whether a content part is a thought."""
    return isinstance(part, Mapping) and part.get("type") in THINKING_PARTS


class _Read:
    """Texts and summaries out of blocks of any stack."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.summaries: list[str] = []
        self.locked = False
        self.empty = True
        self._index: Any = None

    def said(self) -> str:
        """The text; a summary only where that is all there is."""
        return "\n".join(self.texts or self.summaries)

    def value(self, value: Any, depth: int) -> None:
        """Read one text, block or list of blocks."""
        if value is None:
            return
        if not depth:
            self.empty = False
        elif isinstance(value, str):
            self._add(self.texts, value, None)
        elif isinstance(value, list):
            for item in value:
                self.value(item, depth - 1)
        elif isinstance(value, Mapping):
            self._block(value, depth)
        else:
            self.empty = False

    def _block(self, block: Mapping[str, Any], depth: int) -> None:
        for key in _TEXTS:
            inner = block.get(key)
            if inner and isinstance(inner, str):
                self._add(self.texts, inner, block.get("index"))
                return
            if inner:
                self.value(inner, depth - 1)
                return
        summary = block.get("summary")
        if summary and isinstance(summary, str):
            self._add(self.summaries, summary, block.get("index"))
        elif summary:
            inner = _Read()
            inner.value(summary, depth - 1)
            self.summaries += inner.texts
        elif any(block.get(key) for key in _LOCKED):
            self.locked = True
        elif block.keys().isdisjoint((*_TEXTS, "summary")):
            self.empty = False

    def _add(self, texts: list[str], text: str, index: Any) -> None:
        """Fragments of one block, as a stream delivered them, have the same ``index``."""
        if not text:
            return
        if texts and index is not None and index == self._index:
            texts[-1] += text
        else:
            texts.append(text)
        self._index = index
