"""Chunks to the whole message, in the shape of ``chat.completion``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .chunks import CallFragment, Chunk, FunctionPart, Usage

__all__ = ["Collector"]

Json = dict[str, Any]


class _Choice:
    __slots__ = (
        "annotations",
        "calls",
        "content",
        "finish_reason",
        "legacy",
        "logprobs",
        "reasoning",
        "role",
    )

    def __init__(self) -> None:
        self.role = "assistant"
        self.content: list[str] = []
        # None: no reasoning came. An empty list: the key came, with nothing in it.
        self.reasoning: list[str] | None = None
        # Index to the call and the pieces of its arguments (or input), joined at the end.
        self.calls: dict[int, tuple[Json, list[str]]] = {}
        self.legacy: Json | None = None
        self.finish_reason: str | None = None
        self.logprobs: Json | None = None
        self.annotations: list[Json] = []


class Collector:
    """Feed it the chunks of ``Reader``; ``completion`` gives the whole at any time."""

    def __init__(self) -> None:
        self._head: Json = {}
        self._choices: dict[int, _Choice] = {}

    def feed(self, chunk: Chunk) -> None:
        """Add one chunk. Tool calls must have the form that ``calls`` gives them."""
        head = self._head
        if not head:
            head.update({key: value for key, value in chunk.items() if key != "choices"})
        for choice in chunk["choices"]:
            state = self._choices.get(choice["index"])
            if state is None:
                state = self._choices[choice["index"]] = _Choice()
            delta = choice["delta"]
            if content := delta.get("content"):
                state.content.append(content)
            reasoning = delta.get("reasoning_content")
            if reasoning is not None:
                if state.reasoning is None:
                    state.reasoning = []
                state.reasoning.append(reasoning)
            if "tool_calls" in delta:
                self._calls(state, delta["tool_calls"])
            if noted := delta.get("annotations"):
                state.annotations += [each for each in noted if isinstance(each, dict)]
            if call := delta.get("function_call"):
                self._legacy(state, call)
            if (finish := choice.get("finish_reason")) is not None:
                state.finish_reason = finish
            logprobs = choice.get("logprobs")
            if logprobs and isinstance(logprobs, Mapping):
                self._logprobs(state, logprobs)

    @staticmethod
    def _calls(state: _Choice, fragments: Sequence[CallFragment]) -> None:
        for fragment in fragments or ():
            entry = state.calls.get(fragment["index"])
            if entry is None:
                call: Json = {key: value for key, value in fragment.items() if key != "index"}
                kind = "custom" if "custom" in call else "function"
                call[kind] = dict(call[kind])  # the chunk is the caller's by then
                entry = state.calls[fragment["index"]] = (call, [])
            part: Mapping[str, Any] = fragment.get("custom") or fragment["function"]
            entry[1].append(part.get("arguments") or part.get("input") or "")

    @staticmethod
    def _whole_call(call: Json, pieces: list[str]) -> Json:
        kind, field = ("custom", "input") if "custom" in call else ("function", "arguments")
        return {**call, kind: {**call[kind], field: "".join(pieces)}}

    @staticmethod
    def _legacy(state: _Choice, call: FunctionPart) -> None:
        if state.legacy is None:
            state.legacy = {"name": "", "arguments": ""}
        state.legacy["name"] += call.get("name") or ""
        state.legacy["arguments"] += call.get("arguments") or ""

    @staticmethod
    def _logprobs(state: _Choice, logprobs: Mapping[str, Any]) -> None:
        if state.logprobs is None:
            state.logprobs = {"content": []}
        state.logprobs["content"].extend(logprobs.get("content") or ())

    def completion(self, usage: Usage | None = None) -> Json:
        """The answer so far as a ``chat.completion`` object."""
        result: Json = {**self._head, "object": "chat.completion", "choices": []}
        for index in sorted(self._choices):
            state = self._choices[index]
            text = "".join(state.content)
            called = bool(state.calls) or state.legacy is not None
            message: Json = {"role": "assistant", "content": None if called and not text else text}
            if state.reasoning is not None:
                message["reasoning_content"] = "".join(state.reasoning)
            if state.calls:
                message["tool_calls"] = [
                    self._whole_call(*state.calls[key]) for key in sorted(state.calls)
                ]
            if state.annotations:
                message["annotations"] = state.annotations
            if state.legacy is not None:
                message["function_call"] = dict(state.legacy)
            choice = {"index": index, "message": message, "finish_reason": state.finish_reason}
            if state.logprobs is not None:
                choice["logprobs"] = state.logprobs
            result["choices"].append(choice)
        if usage is not None:
            result["usage"] = usage
        return result
