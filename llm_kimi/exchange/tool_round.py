"""One round of an exchange in which Moonshot's own tools may be called.

In: chunks as ``Reader`` makes them. Out: those for the caller. The calls of official tools stay
here, and so does the end of a round that goes on with their results.
"""

from __future__ import annotations

from typing import Any, Literal

from ..reply import Collector
from ..reply.chunks import CallFragment, Choice, Chunk
from .nudge import ROUND_BREAK

__all__ = ["ToolRound", "citations"]

Json = dict[str, Any]
_TEXTS: tuple[Literal["content", "reasoning_content"], ...] = ("content", "reasoning_content")


class ToolRound:
    """``names``: the functions that Moonshot runs. ``before`` is the round before this one.

    ``ends`` are the last chunks of the choice, for the caller when the answer is complete.
    """

    def __init__(self, names: frozenset[str], before: ToolRound | None = None) -> None:
        self._names = names
        self._whole = Collector()
        # Each call's place among all of the model's -> its place among the caller's; None: ours.
        self._places: dict[int, int | None] = {}
        self.ends: list[Chunk] = []
        # What was said in one round does not run into what is said in the next.
        self._said: set[str] = set() if before is None else before._said
        self._breaks = set(self._said)

    def filter(self, chunks: list[Chunk]) -> list[Chunk]:
        """The chunks that the caller gets now."""
        passed: list[Chunk] = []
        for chunk in chunks:
            self._whole.feed(chunk)
            choices = [left for choice in chunk["choices"] if (left := self._part(chunk, choice))]
            if choices:
                passed.append({**chunk, "choices": choices})
        return passed

    def _part(self, chunk: Chunk, choice: Choice) -> Choice | None:
        """What the caller gets of a choice now; its end waits in ``ends``."""
        delta = choice["delta"].copy()
        for name in _TEXTS:
            if text := delta.get(name):
                self._said.add(name)
                if name in self._breaks:
                    self._breaks.discard(name)
                    delta[name] = ROUND_BREAK + text
        if "tool_calls" in delta:
            fragments = [own for item in delta.pop("tool_calls") if (own := self._own(item))]
            if fragments:
                delta["tool_calls"] = fragments
        if choice.get("finish_reason") is None:
            return {**choice, "delta": delta} if delta else None
        self.ends.append({**chunk, "choices": [{**choice, "delta": {}}]})
        rest: Choice = {"index": choice["index"], "delta": delta, "finish_reason": None}
        if "logprobs" in choice:
            rest["logprobs"] = choice["logprobs"]
        return rest if delta else None

    def _own(self, fragment: CallFragment) -> CallFragment | None:
        """A fragment of a call that is the caller's, counted among these."""
        index = fragment["index"]
        if index not in self._places:
            ours = (fragment.get("function") or {}).get("name") in self._names
            own = sum(place is not None for place in self._places.values())
            self._places[index] = None if ours else own
        place = self._places[index]
        return None if place is None else {**fragment, "index": place}

    @property
    def message(self) -> Json:
        """The whole message of the model, as it is sent back."""
        choices = self._whole.completion()["choices"]
        found = choices[0]["message"] if choices else {"role": "assistant", "content": ""}
        return {key: value for key, value in found.items() if value is not None}

    @property
    def calls(self) -> list[Json]:
        """The calls of official tools."""
        calls = self.message.get("tool_calls") or []
        return [call for call in calls if call["function"]["name"] in self._names]

    @property
    def asks_caller(self) -> bool:
        """Whether the caller has calls to answer, too."""
        return any(place is not None for place in self._places.values())


def citations(sources: list[Json], end: int) -> list[Json]:
    """``sources`` as OpenAI writes them beside an answer of ``end`` characters.

    Which words stand on which source is not known: each is given for all of them.
    """
    return [
        {"type": "url_citation", "url_citation": {"start_index": 0, "end_index": end, **source}}
        for source in sources
    ]
