"""Tool calls in a stream: fragments in every form met in the wild, to one form.

In: the ``tool_calls`` of deltas: with or without ``index``, with ids once, always, late, never or
a new one each time, with names repeated, split or late, with arguments as text, object or null,
several calls under one index. Out: fragments with a true ``index``, one of each call a delta, as
OpenAI sends them: the first one has ``id``, the whole ``name`` and the arguments so far, the others
have arguments only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["CallFragments"]

Json = dict[str, Any]


class _Call:
    __slots__ = ("arguments", "given_id", "given_index", "index", "name", "started")

    def __init__(self, given_index: Any) -> None:
        # Our own number, from the moment it is handed on.
        self.index = -1
        self.given_index = given_index
        self.given_id: str | None = None
        self.name = ""
        self.arguments: list[str] = []
        # Handed on: from here on id and name stay as they are.
        self.started = False

    def is_whole(self) -> bool:
        """Whether the arguments so far are a JSON object, so that nothing can follow."""
        if not self.arguments or not self.arguments[-1].rstrip().endswith("}"):
            return False
        try:
            return isinstance(json.loads("".join(self.arguments)), dict)
        except (ValueError, RecursionError):
            return False


class CallFragments:
    """The tool calls of one choice; ``started`` is how many have been handed on.

    ``fallback_id`` makes up ids where the server sends none.
    """

    __slots__ = ("_calls", "_fallback_id", "_ids", "started")

    def __init__(self, fallback_id: str = "call") -> None:
        self.started = 0
        self._calls: list[_Call] = []
        self._fallback_id = fallback_id
        self._ids: set[str] = set()

    def feed(self, fragments: Any) -> list[Json]:
        """The fragments of one delta, brought to the one form."""
        result: list[Json] = []
        if not isinstance(fragments, list):
            return result
        for fragment in fragments:
            if isinstance(fragment, Mapping):
                self._feed(fragment, result)
        return _joined(result) if len(result) > 1 else result

    def finish(self) -> list[Json]:
        """The calls that never got arguments, or never a name."""
        result: list[Json] = []
        for call in self._calls:
            if call.name or call.arguments:
                self._start(call, result)
        return result

    def _feed(self, fragment: Mapping[str, Any], result: list[Json]) -> None:
        function = fragment.get("function")
        if not isinstance(function, Mapping):
            function = fragment
        name = function.get("name")
        name = name if isinstance(name, str) else ""
        arguments = function.get("arguments")
        if isinstance(arguments, (Mapping, list)):
            arguments = json.dumps(arguments, ensure_ascii=False)
        elif not isinstance(arguments, str):
            arguments = ""
        call_id = fragment.get("id")
        call_id = call_id if isinstance(call_id, str) else ""
        call = self._find(fragment.get("index"), call_id, name, arguments)
        if call_id and call.given_id is None:
            call.given_id = call_id
        if name and not call.started and name != call.name:
            # Split names add up; a server that repeats the whole name so far replaces it.
            call.name = name if name.startswith(call.name) else call.name + name
        if arguments:
            call.arguments.append(arguments)
        if call.started:
            if arguments:
                result.append({"index": call.index, "function": {"arguments": arguments}})
        elif call.name and call.arguments:
            self._start(call, result)

    def _find(self, index: Any, call_id: str, name: str, arguments: str) -> _Call:
        """The call that a fragment goes on with, or a new one."""
        if call_id:
            for call in reversed(self._calls):
                if call.given_id == call_id:
                    here = index is None or call.given_index == index
                    # The same id under two indexes is two calls, if both are named.
                    if here or not name or not call.name:
                        return call
        for call in reversed(self._calls):
            if index is None or call.given_index == index:
                other_id = bool(call_id) and call.given_id is not None
                if _begins(call, other_id, name, arguments):
                    break
                return call
        call = _Call(index)
        self._calls.append(call)
        return call

    def _start(self, call: _Call, result: list[Json]) -> None:
        """Hand on what is known of ``call``, after the calls before it."""
        if call.started:
            return
        for earlier in self._calls:
            if earlier is call:
                break
            if earlier.name:
                self._start(earlier, result)
        call.started = True
        call.index = self.started
        self.started += 1
        call_id = call.given_id
        if call_id is None or call_id in self._ids:
            # Results find their call by its id, so no two may have the same.
            call_id = f"{call_id or self._fallback_id}_{call.index}"
        self._ids.add(call_id)
        result.append(
            {
                "index": call.index,
                "id": call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": "".join(call.arguments)},
            }
        )


def _joined(fragments: list[Json]) -> list[Json]:
    """``fragments`` with one of each call: there are callers that look at the first one only."""
    by_index: dict[int, Json] = {}
    for fragment in fragments:
        first = by_index.setdefault(fragment["index"], fragment)
        if first is not fragment:
            first["function"]["arguments"] += fragment["function"]["arguments"]
    return list(by_index.values())


def _begins(call: _Call, other_id: bool, name: str, arguments: str) -> bool:
    """Whether a fragment in the place of ``call`` begins another call.

    Some servers leave every call under index 0 (https://github.com/InternLM/lmdeploy/issues/3412),
    others make up a new id for each fragment (https://github.com/vllm-project/vllm/pull/23522):
    so a name is needed, and a call before it that is whole.
    """
    if not name:
        return False
    if not call.arguments:
        return other_id
    if name != call.name and call.name:
        return True
    return (other_id or bool(arguments)) and call.is_whole()
