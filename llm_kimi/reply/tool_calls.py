"""Tool calls in a stream: fragments in every form met in the wild, to one form.

In: the ``tool_calls`` of deltas: with or without ``index``, with ids once, always, late, never or
a new one each time, with names repeated, split or late, with arguments as text, object or null,
several calls under one index; each form with where it was met in ``tests/pure/reply/dialects``.
Out: fragments with a true ``index``, one of each call a delta, as OpenAI sends them: the first one
has ``id``, the whole ``name`` and the arguments so far, the others have arguments only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import StreamError
from .chunks import CallFragment
from .json_values import as_count, as_index, as_text, join_halves, mended, parse_json

__all__ = ["MAX_CALLS", "CallFragments"]

Json = dict[str, Any]

MAX_CALLS = 1024
"""Of one choice. Each fragment is compared with the calls before it."""


class _Call:
    __slots__ = ("arguments", "given_id", "given_index", "half", "index", "name", "started")

    def __init__(self, given_index: int | None) -> None:
        # Our own number, from the moment it is handed on.
        self.index = -1
        self.given_index = given_index
        self.given_id: str | None = None
        self.name = ""
        self.arguments: list[str] = []
        # Half of a surrogate pair at the end of the arguments so far.
        self.half = ""
        # Handed on: from here on id and name stay as they are.
        self.started = False

    def is_whole(self) -> bool:
        """Whether the arguments so far are a JSON object, so that nothing can follow."""
        if not self.arguments or not self.arguments[-1].rstrip().endswith("}"):
            return False
        return isinstance(parse_json("".join(self.arguments)), dict)


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

    def feed(self, fragments: Any) -> list[CallFragment]:
        """The fragments of one delta, brought to the one form.

        Raises:
            StreamError: there are more calls than anybody makes.
        """
        result: list[CallFragment] = []
        if isinstance(fragments, Mapping):
            fragments = [fragments]
        if not isinstance(fragments, list):
            return result
        for fragment in fragments:
            if isinstance(fragment, Mapping):
                self._feed(fragment, result)
        return _joined(result) if len(result) > 1 else result

    def finish(self) -> list[CallFragment]:
        """The calls that never got arguments, or never a name, and halves that stayed alone."""
        result: list[CallFragment] = []
        for call in self._calls:
            if call.half:
                self._add(call, "\ufffd", result)
                call.half = ""
            if call.name or call.arguments:
                self._start(call, result)
        return result

    def _feed(self, fragment: Mapping[str, Any], result: list[CallFragment]) -> None:
        function = fragment.get("function")
        if not isinstance(function, Mapping):
            function = fragment
        name = mended(name) if isinstance(name := function.get("name"), str) else ""
        arguments = _arguments(function.get("arguments"))
        call_id = _id(fragment.get("id"))
        call = self._find(as_index(fragment.get("index")), call_id, name, arguments)
        if call_id and call.given_id is None:
            call.given_id = call_id
        if name and not call.started and name != call.name:
            # Split names add up; a server that repeats the whole name so far replaces it.
            call.name = name if name.startswith(call.name) else call.name + name
        if arguments:
            arguments, call.half = join_halves(call.half + arguments)
        self._add(call, arguments, result)

    def _add(self, call: _Call, arguments: str, result: list[CallFragment]) -> None:
        if arguments:
            call.arguments.append(arguments)
        if call.started:
            if arguments:
                result.append({"index": call.index, "function": {"arguments": arguments}})
        elif call.name and call.arguments:
            self._start(call, result)

    def _find(self, index: int | None, call_id: str, name: str, arguments: str) -> _Call:
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
        if len(self._calls) >= MAX_CALLS:
            raise StreamError(f"the answer calls more than {MAX_CALLS:,} tools")
        call = _Call(index)
        self._calls.append(call)
        return call

    def _start(self, call: _Call, result: list[CallFragment]) -> None:
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


def _joined(fragments: list[CallFragment]) -> list[CallFragment]:
    """``fragments`` with one of each call: there are callers that look at the first one only."""
    by_index: dict[int, CallFragment] = {}
    for fragment in fragments:
        first = by_index.setdefault(fragment["index"], fragment)
        if first is not fragment:
            first["function"]["arguments"] += fragment["function"]["arguments"]
    return list(by_index.values())


def _arguments(value: Any) -> str:
    """Arguments as the text that they should be; some servers send the object itself."""
    if isinstance(value, (Mapping, list)):
        return json.dumps(value, ensure_ascii=False)
    return as_text(value)


def _id(value: Any) -> str:
    """The id of a call; servers of one's own write ids as numbers."""
    if isinstance(value, str):
        return str(mended(value)).strip()
    count = as_count(value)
    return "" if count is None else str(count)


# Whether a fragment that names a function, in the place of a call, begins another call: by its
# name beside the call's, by the arguments that the call has so far, and by its id beside the
# call's. WITH_ARGUMENTS: only if it brings some, since servers repeat the name to the end.
_NO, _WITH_ARGUMENTS, _YES = 0, 1, 2
_BEGINS: Mapping[tuple[str, str], tuple[int, int]] = {
    # name, arguments so far: (the same id or none, another id)
    ("same", "none"): (_NO, _YES),
    ("same", "open"): (_NO, _NO),  # a new id in every fragment
    ("same", "whole"): (_WITH_ARGUMENTS, _YES),  # every call under index 0
    ("other", "none"): (_NO, _YES),  # a name in pieces
    ("other", "open"): (_YES, _YES),  # and all the more when they are whole
}


def _begins(call: _Call, other_id: bool, name: str, arguments: str) -> bool:
    """Whether a fragment in the place of ``call`` begins another call.

    Without a name it never does: some servers make up a new id for each fragment.
    """
    if not name:
        return False
    named = "other" if call.name and name != call.name else "same"
    had = "open" if call.arguments else "none"
    if named == "same" and call.is_whole():
        had = "whole"
    answer = _BEGINS[named, had][other_id]
    return answer == _YES or (answer == _WITH_ARGUMENTS and bool(arguments))
