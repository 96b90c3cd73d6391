"""Tool calls in a stream: fragments in every form met in the wild, to one form.

In: the ``tool_calls`` of deltas: with or without ``index``, with ids once, always, late or never,
with names repeated or split, with arguments as text, object or null, several calls under one
index. Out: fragments with a true ``index``; the first one of each call has ``id`` and the whole
``name`` and no arguments, the others have arguments only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["CallFragments"]

Json = dict[str, Any]


class _Call:
    __slots__ = ("given_index", "id", "index", "name", "started")

    def __init__(self, index: int, given_index: Any) -> None:
        self.index = index
        self.given_index = given_index
        self.id: str | None = None
        self.name = ""
        self.started = False


class CallFragments:
    """The tool calls of one choice. ``fallback_id`` makes up ids where the server sends none."""

    __slots__ = ("_calls", "_fallback_id")

    def __init__(self, fallback_id: str = "call") -> None:
        self._calls: list[_Call] = []
        self._fallback_id = fallback_id

    def feed(self, fragments: Any) -> list[Json]:
        """The fragments of one delta, brought to the one form."""
        result: list[Json] = []
        if not isinstance(fragments, list):
            return result
        for fragment in fragments:
            if isinstance(fragment, Mapping):
                self._feed(fragment, result)
        return result

    def finish(self) -> list[Json]:
        """Calls that have a name and never got arguments."""
        result: list[Json] = []
        for call in self._calls:
            self._start(call, result)
        return result

    def _feed(self, fragment: Mapping[str, Any], result: list[Json]) -> None:
        function = fragment.get("function")
        function = function if isinstance(function, Mapping) else {}
        call = self._find(fragment, function)
        call_id = fragment.get("id")
        if isinstance(call_id, str) and call_id and call.id is None:
            call.id = call_id
        name = function.get("name")
        if isinstance(name, str) and name and not call.started and name != call.name:
            # Split names add up; a server that repeats the whole name so far replaces it.
            call.name = name if name.startswith(call.name) else call.name + name
        arguments = function.get("arguments")
        if isinstance(arguments, (Mapping, list)):
            arguments = json.dumps(arguments, ensure_ascii=False)
        if not isinstance(arguments, str) or not arguments:
            return
        self._start(call, result)
        result.append({"index": call.index, "function": {"arguments": arguments}})

    def _find(self, fragment: Mapping[str, Any], function: Mapping[str, Any]) -> _Call:
        index = fragment.get("index")
        call_id = fragment.get("id")
        has_id = isinstance(call_id, str) and bool(call_id)
        for call in reversed(self._calls):
            if has_id and call.id is not None:
                # Another id under the same index is another call.
                if call.id == call_id:
                    return call
            elif index is None or call.given_index == index:
                # Without id and index a fragment belongs to the newest call, unless it
                # begins with a name after arguments have come.
                if index is None and not has_id and call.started and function.get("name"):
                    break
                return call
        call = _Call(len(self._calls), index)
        self._calls.append(call)
        return call

    def _start(self, call: _Call, result: list[Json]) -> None:
        if call.started:
            return
        for earlier in self._calls[: call.index]:
            self._start(earlier, result)
        call.started = True
        if call.id is None:
            call.id = f"{self._fallback_id}_{call.index}"
        result.append(
            {
                "index": call.index,
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": ""},
            }
        )
