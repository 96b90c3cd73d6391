"""Chunks of an exchange as LiteLLM's custom streams lose nothing of.

LiteLLM's ``GenericStreamingChunk`` has no place for reasoning, ids or several choices; a dict of
that form with the whole chunk under ``original_chunk`` does, in every version from 1.83. What
finishes an answer is held back and sent once, at the end, since usage after a finish is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from litellm.types.utils import ModelResponseStream

from ...exchange import Chunks, Notice
from ...reply.chunks import CallFragment, Choice, Chunk, Delta
from .plain_text import Direct, together
from .requests import ADJUSTMENTS
from .response_fields import known_chunk

__all__ = ["Fold"]

Json = dict[str, Any]


class _Chunk(dict[str, Any]):
    """A chunk whose id LiteLLM (1.90 and newer) can read as an attribute."""

    __slots__ = ("id",)
    id: str | None


class Fold:
    """One stream. ``feed`` for what the exchange has, ``end`` once at its end.

    ``adjustments`` go out once, with the first chunk that says something, where LiteLLM lets them
    through: ``chunk.provider_specific_fields["kimi_adjustments"]``.
    """

    def __init__(self, adjustments: list[Json] | None = None, direct: Direct | None = None) -> None:
        self._adjustments = adjustments
        self._direct = direct
        self._finish: dict[int, str] = {}
        self._head: Chunk | None = None

    def feed(self, output: Chunks | Notice) -> Iterator[_Chunk | ModelResponseStream]:
        """The chunks for LiteLLM."""
        if isinstance(output, Notice):
            return
        for chunk in together(output.chunks):
            whole = self._direct.chunk(chunk) if self._direct is not None else None
            if whole is not None:
                yield whole
                continue
            if self._head is None:
                self._head = {**chunk, "choices": []}
            speaks = False
            for choice in chunk["choices"]:
                finish = choice.get("finish_reason")
                if finish is not None:
                    self._finish[choice["index"]] = finish
                    choice["finish_reason"] = None
                delta = choice["delta"]
                speaks = speaks or any(value for key, value in delta.items() if key != "role")
                speaks = speaks or "role" in delta or "reasoning_content" in delta
            if speaks:
                for part in _parted(chunk):
                    yield from self._sent(part)

    def _sent(self, chunk: Chunk) -> Iterator[_Chunk]:
        wrapped = self._wrap(chunk)
        if self._direct is None:
            yield wrapped
            return
        self._direct.begins()
        yield wrapped
        self._direct.has_begun(_says_something(chunk))

    def end(self, usage: Mapping[str, Any] | None) -> _Chunk:
        """The last chunk: finish reason and usage."""
        ending = [_empty_choice(0)]
        head: Chunk = self._head or {"choices": []}
        last = self._wrap({**head, "choices": ending}, last=True)
        last.update(
            is_finished=True,
            finish_reason=self._finish.get(0, "stop"),
            usage=usage,
        )
        return last

    def _wrap(self, chunk: Chunk, *, last: bool = False) -> _Chunk:
        choices = chunk["choices"]
        delta = choices[0]["delta"]
        calls = delta.get("tool_calls")
        whole = ModelResponseStream(**known_chunk(chunk))
        if self._adjustments and (last or _says_something(chunk)):
            whole.provider_specific_fields = {ADJUSTMENTS: self._adjustments}
            self._adjustments = None
        wrapped = _Chunk(
            text=delta.get("content") or "",
            is_finished=False,
            finish_reason="",
            usage=None,
            index=choices[0]["index"],
            tool_use=calls[0] if calls else None,
            original_chunk=whole,
        )
        wrapped.id = chunk.get("id")
        return wrapped


def _parted(chunk: Chunk) -> list[Chunk]:
    """``chunk`` as several with one fragment of a tool call each, which is all that some callers
    look at; the first one has everything else."""
    parts = [chunk]
    for choice in chunk["choices"]:
        fragments = choice["delta"].get("tool_calls") or ()
        if len(fragments) > 1:
            choice["delta"] = {**choice["delta"], "tool_calls": fragments[:1]}
            parts += [
                {**chunk, "choices": [_empty_choice(choice["index"], fragment)]}
                for fragment in fragments[1:]
            ]
    return parts


def _empty_choice(index: int, *fragments: CallFragment) -> Choice:
    delta: Delta = {"tool_calls": [*fragments]} if fragments else {}
    return {"index": index, "delta": delta, "finish_reason": None}


def _says_something(chunk: Chunk) -> bool:
    """LiteLLM swallows chunks that hold a role and nothing else."""
    return any(
        value
        for choice in chunk["choices"]
        for key, value in choice["delta"].items()
        if key != "role"
    )
