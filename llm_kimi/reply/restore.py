"""The reply in the form that the caller expects: the way back of a translation.

In: chunks as ``Reader`` makes them. Out: chunks with the caller's own tool names, custom tool
calls, the legacy ``function_call``, the prefix of Partial Mode, cut at stop sequences that Kimi
does not take. A fresh ``Restorer`` for every reply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .chunks import CallFragment, Choice, Chunk, CustomPart, Delta, FunctionPart
from .json_values import parse_json

if TYPE_CHECKING:
    from ..translation import Restore

__all__ = ["Restorer"]

Json = dict[str, Any]


class _State:
    """What is remembered of one choice."""

    __slots__ = ("custom", "cut", "held", "prefixed")

    def __init__(self) -> None:
        self.prefixed = False
        self.held = ""
        self.cut = False
        # Custom tool calls whose JSON is still coming: index -> first fragment, arguments.
        self.custom: dict[int, tuple[CallFragment, list[str]]] = {}


class Restorer:
    """See the module's docstring."""

    def __init__(self, restore: Restore) -> None:
        self._restore = restore
        self._plain = restore.is_plain
        self._states: dict[int, _State] = {}

    def chunk(self, chunk: Chunk) -> Chunk:
        """``chunk`` as the caller expects it. The chunk is ours, so it is changed in place."""
        if self._plain:
            return chunk
        for choice in chunk["choices"]:
            state = self._states.get(choice["index"])
            if state is None:
                state = self._states[choice["index"]] = _State()
            self._choice(choice, state)
        return chunk

    def _choice(self, choice: Choice, state: _State) -> None:
        restore = self._restore
        delta = choice["delta"]
        finish = choice.get("finish_reason")
        if restore.stops:
            self._cut(delta, state, last=finish is not None)
            if state.cut:
                delta.pop("tool_calls", None)
                if finish is not None:
                    choice["finish_reason"] = finish = "stop"
        if restore.prefix and not state.prefixed and (delta.get("content") or finish is not None):
            state.prefixed = True
            delta["content"] = restore.prefix + (delta.get("content") or "")
        if "tool_calls" in delta or (finish is not None and state.custom):
            self._tool_calls(delta, state, last=finish is not None)
        if restore.legacy_functions and finish == "tool_calls":
            choice["finish_reason"] = "function_call"

    def _cut(self, delta: Delta, state: _State, *, last: bool) -> None:
        """Hold back what may begin a stop sequence; cut at the first that is whole."""
        text = delta.get("content")
        if state.cut:
            if text:
                delta["content"] = ""
            return
        if not text and not (last and state.held):
            return
        text = state.held + (text or "")
        ends = [at for at in (text.find(stop) for stop in self._restore.stops) if at >= 0]
        if ends:
            state.cut, state.held = True, ""
            delta["content"] = text[: min(ends)]
            return
        keep = 0 if last else self._may_begin(text)
        state.held = text[len(text) - keep :]
        delta["content"] = text[: len(text) - keep]

    def _may_begin(self, text: str) -> int:
        """How many characters at the end of ``text`` may be the start of a stop sequence."""
        longest = max(len(stop) for stop in self._restore.stops) - 1
        for length in range(min(longest, len(text)), 0, -1):
            end = text[-length:]
            if any(stop.startswith(end) for stop in self._restore.stops):
                return length
        return 0

    def _tool_calls(self, delta: Delta, state: _State, *, last: bool) -> None:
        restore = self._restore
        fragments: list[CallFragment] = []
        for fragment in delta.get("tool_calls") or ():
            if restore.single_tool_call and fragment["index"] > 0:
                continue
            function = fragment["function"]
            name = function.get("name")
            if name in restore.custom_tools:
                state.custom[fragment["index"]] = (fragment, [function.get("arguments") or ""])
                continue
            if fragment["index"] in state.custom:
                state.custom[fragment["index"]][1].append(function.get("arguments") or "")
                continue
            if name is not None and name in restore.tool_names:
                function["name"] = restore.tool_names[name]
            fragments.append(fragment)
        if last:
            fragments += [
                self._custom(first, "".join(pieces)) for first, pieces in state.custom.values()
            ]
            state.custom = {}
        delta.pop("tool_calls", None)
        if not fragments:
            return
        if restore.legacy_functions:
            call: FunctionPart = {}
            for fragment in fragments:
                custom = fragment.get("custom")
                body = fragment["function"] if custom is None else _as_function(custom)
                for key, value in body.items():
                    call[key] = call.get(key, "") + value  # type: ignore[literal-required,operator]
            delta["function_call"] = call
        else:
            delta["tool_calls"] = fragments

    def _custom(self, fragment: CallFragment, arguments: str) -> CallFragment:
        """A call of a stand-in function as the custom tool call it stands for."""
        name = fragment["function"]["name"]
        parsed = parse_json(arguments)
        text = parsed.get(self._restore.custom_input) if isinstance(parsed, dict) else None
        return {
            "index": fragment["index"],
            "id": fragment["id"],
            "type": "custom",
            "custom": {
                "name": self._restore.tool_names.get(name, name),
                "input": text if isinstance(text, str) else arguments,
            },
        }


def _as_function(custom: CustomPart) -> FunctionPart:
    """A custom call for a caller that knows the legacy form only."""
    return {"name": custom["name"], "arguments": custom["input"]}
