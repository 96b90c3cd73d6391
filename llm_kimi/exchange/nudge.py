"""The text of a reply that must first be known to be needed: while a tool call is owed.

In: chunks as ``Reader`` makes them. Out: those that may be handed on already.
"""

from __future__ import annotations

from typing import Any

from ..reply.chunks import Choice, Chunk, Delta

__all__ = ["ROUND_BREAK", "Held"]

Json = dict[str, Any]

ROUND_BREAK = "\n\n"
"""Between what came before the nudge and what came after it."""


class Held:
    """Text that waits until it is known whether a tool was called.

    Reasoning flows. When a call begins, the text before it is handed on first. ``give_back`` are
    the chunks with text and ends that were held. ``first`` is the round before this one.
    """

    def __init__(self, first: Held | None = None) -> None:
        self.first = first
        # What the model thought in one round does not run into what it thinks in the next.
        self._break_due = first is not None and bool("".join(first._reasoning or ()))
        self.called = False
        self.give_back: list[Chunk] = []
        self._text: list[str] = []
        self._reasoning: list[str] | None = None

    @property
    def text(self) -> str:
        """The text of the answer so far."""
        return "".join(self._text)

    def filter(self, chunks: list[Chunk]) -> list[Chunk]:
        """The chunks that may be handed on now."""
        if self._break_due:
            self._part_thoughts(chunks)
        if self.called:
            return chunks
        passed: list[Chunk] = []
        for chunk in chunks:
            if self.called:
                passed.append(chunk)
                continue
            if any("tool_calls" in choice["delta"] for choice in chunk["choices"]):
                self.called = True
                passed += [*self.give_back, chunk]
                continue
            passed += self._part(chunk)
        return passed

    def _part(self, chunk: Chunk) -> list[Chunk]:
        """Keep the text of ``chunk`` back, let its reasoning through."""
        through = False
        for choice in chunk["choices"]:
            delta = choice["delta"]
            if text := delta.get("content"):
                self._text.append(text)
            reasoning = delta.get("reasoning_content")
            if reasoning is not None:
                if self._reasoning is None:
                    self._reasoning = []
                self._reasoning.append(reasoning)
                through = True
        if not through:
            self.give_back.append(chunk)
            return []
        rest: list[Choice] = [
            {**choice, "delta": _only_text(choice["delta"])}
            for choice in chunk["choices"]
            if choice["delta"].get("content") or choice.get("finish_reason") is not None
        ]
        if rest:
            self.give_back.append({**chunk, "choices": rest})
        return [
            {
                **chunk,
                "choices": [
                    {
                        **choice,
                        "finish_reason": None,
                        "delta": _without_text(choice["delta"]),
                    }
                    for choice in chunk["choices"]
                ],
            }
        ]

    def _part_thoughts(self, chunks: list[Chunk]) -> None:
        """Put a break before the first thought of this round."""
        for chunk in chunks:
            for choice in chunk["choices"]:
                thoughts = choice["delta"].get("reasoning_content")
                if thoughts and self._break_due:
                    self._break_due = False
                    choice["delta"]["reasoning_content"] = ROUND_BREAK + thoughts

    def with_first(self) -> list[Chunk]:
        """What both rounds said, with a break between them and the end of the second one.

        The second answers the nudge, so the answer to the question may be in the first.
        """
        first = self.first
        if first is None or not first.text or first.text == self.text:
            return self.give_back
        if not self.text:
            return first.give_back
        said: list[Chunk] = [
            {
                **chunk,
                "choices": [{**choice, "finish_reason": None} for choice in chunk["choices"]],
            }
            for chunk in first.give_back
        ]
        delta: Delta = {"content": ROUND_BREAK}
        between: Chunk = {
            **said[-1],
            "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
        }
        return [*said, between, *self.give_back]

    def turns(self, nudge: str) -> list[Json]:
        """The messages that ask once more: the reply as it came, and ``nudge``."""
        reply: Json = {"role": "assistant", "content": self.text or " "}
        if self._reasoning is not None:
            reply["reasoning_content"] = "".join(self._reasoning)
        return [reply, {"role": "user", "content": nudge}]


def _only_text(delta: Delta) -> Delta:
    return {"content": delta["content"]} if "content" in delta else {}


def _without_text(delta: Delta) -> Delta:
    rest = delta.copy()
    rest.pop("content", None)
    return rest
