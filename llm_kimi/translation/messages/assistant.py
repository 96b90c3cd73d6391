"""Assistant messages: content beside calls, refusals, reasoning, calls in every form.

In: an assistant message as OpenAI takes it or another stack leaves it. Out: one that Kimi takes,
or nothing where nothing is left of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...errors import InvalidRequestError
from ..checks import require
from ..draft import Json
from ..objects import Foreign
from ..results import CUSTOM_INPUT
from . import reasoning
from .call_arguments import argument_text
from .call_ids import usable
from .context import FILLER, DraftMessage, MessageContext

__all__ = ["Assistant"]

_CALL_KEYS = {"id", "type", "function", "custom"}
_CALL_BODY_KEYS = {"name", "arguments", "input"}


class Assistant:
    """Translates the assistant messages of one request."""

    def __init__(self, context: MessageContext) -> None:
        self.context = context

    def turn(self, number: int, message: Mapping[str, Any]) -> DraftMessage | None:
        """The message as Kimi takes it; None when nothing is left of it."""
        where = self.context.draft.message_path(number)
        kept = self.context.strip(message, "assistant", number)
        content = self.context.content(message, number, "assistant")
        content = self._refusal(message, where, content)
        self._audio(message, where)
        kept.pop("content", None)
        self._reasoning(kept, message, where)
        calls, ids = self._calls(message, where)
        kept.pop("tool_calls", None)
        partial = self._partial(kept, message, where)
        if content is None and calls and _is_empty(message.get("content")):
            self.context.tally.note(
                "empty content",
                f"{where}.content",
                message["content"],
                None,
                "Kimi refuses an empty text beside tool calls",
                "empty-text",
            )
        if content is None and not calls:
            if partial and kept.get("name"):
                content = ""
            elif kept.get("reasoning_content"):
                content = FILLER
                self.context.note_empty(number, "assistant", message.get("content"), FILLER)
            else:
                self.context.note_empty(number, "assistant", message.get("content"), None)
                return None
        turn: Json = {"role": "assistant"}
        if content is not None:
            turn["content"] = content
        for key in ("name", "reasoning_content", "partial"):
            if key in kept:
                turn[key] = kept[key]
        result = DraftMessage(number, turn)
        if calls:
            turn["tool_calls"] = calls
            result.calls = ids
            result.legacy = not message.get("tool_calls")
        return result

    def _partial(self, kept: Json, message: Mapping[str, Any], where: str) -> bool:
        """``partial``; DeepSeek and Mistral call it ``prefix``."""
        if "partial" not in kept and "prefix" not in message:
            return False
        partial, prefix = kept.get("partial"), message.get("prefix")
        for key, value in (("partial", partial), ("prefix", prefix)):
            require(
                value is None or isinstance(value, bool),
                "must be true or false",
                f"{where}.{key}",
            )
        if prefix is not None:
            sent = {"partial": True} if prefix and partial is None else None
            reason = "Kimi calls it partial (Partial Mode)"
            self.context.tally.note("prefix", f"{where}.prefix", prefix, sent, reason, "partial")
            if sent:
                kept["partial"] = True
        return bool(kept.get("partial"))

    def _refusal(self, message: Mapping[str, Any], where: str, content: Any) -> Any:
        """``content``, or the text of a refusal where there is none."""
        refusal = message.get("refusal")
        if refusal is None:
            return content
        where = f"{where}.refusal"
        require(isinstance(refusal, str), "must be text", where)
        if not refusal:
            return content
        reason = "Kimi has no refusal field"
        if content is None:
            content = refusal
            self.context.tally.note("refusal field", where, refusal, {"content": content}, reason)
        else:
            self.context.tally.note(
                "refusal beside content", where, refusal, None, reason, meaning=True
            )
        return content

    def _audio(self, message: Mapping[str, Any], where: str) -> None:
        if message.get("audio") is not None:
            self.context.tally.note(
                "audio",
                f"{where}.audio",
                message["audio"],
                None,
                "Kimi has no audio; it cannot know what was said in it",
                meaning=True,
            )

    def _reasoning(self, kept: Json, message: Mapping[str, Any], where: str) -> None:
        """``reasoning_content``, or what other stacks call it."""
        given = kept.get("reasoning_content")
        if not isinstance(message.get("content"), list):
            places = _THOUGHTS & message.keys()
            if not places:
                return
            if len(places) == 1 and type(given) is str and given:  # as Kimi has it
                self._unless_it_never_thinks(kept, where)
                return
        require(
            given is None or isinstance(given, (str, list, dict)),
            "must be text",
            f"{where}.reasoning_content",
        )
        thought = reasoning.find(message)
        require(
            "reasoning_content" not in thought.unknown, "must be text", f"{where}.reasoning_content"
        )
        if thought.text is not None:
            kept["reasoning_content"] = thought.text
        elif not isinstance(given, str):
            kept.pop("reasoning_content", None)
        if given == "" and thought.text is not None:
            reason = "an empty one counts as missing"
            where_ = f"{where}.reasoning_content"
            self.context.tally.note("empty first", where_, given, thought.text, reason, "thinking")
        # A part of the content is told at its place, by the content.
        if thought.key not in ("", "content") and not (
            thought.key == "reasoning_content" and isinstance(given, str)
        ):
            self.context.tally.note(
                f"reasoning {thought.key}",
                f"{where}.{thought.key}",
                message[thought.key],
                {"reasoning_content": thought.text},
                "Kimi calls it reasoning_content, and takes it as text",
                "thinking",
            )
        self._note_unread(message, thought, where)
        self._unless_it_never_thinks(kept, where)

    def _unless_it_never_thinks(self, kept: Json, where: str) -> None:
        if self.context.draft.model.thinking.mode == "never" and "reasoning_content" in kept:
            self.context.tally.note(
                "no reasoning",
                f"{where}.reasoning_content",
                kept.pop("reasoning_content"),
                None,
                f"{self.context.draft.name} does not think",
            )

    def _note_unread(
        self, message: Mapping[str, Any], thought: reasoning.Thought, where: str
    ) -> None:
        for keys, reason in (
            (thought.unread, f"the reasoning is already set by {thought.key}"),
            (thought.hidden, "it is encrypted: Kimi cannot read it"),
            (thought.unknown, "its form is not known, or it belongs to another provider"),
            (thought.empty, "it says nothing"),
        ):
            for key in keys:
                where_ = f"{where}.{key}"
                self.context.tally.note(
                    f"unread {key} {reason}", where_, message[key], None, reason, "thinking"
                )
        told = (thought.key, *thought.unread, *thought.hidden, *thought.unknown, *thought.empty)
        for key in reasoning.BAGS:
            if message.get(key) and key not in told:
                reason = "Kimi knows no such key in a message of role assistant"
                where_ = f"{where}.{key}"
                self.context.tally.note(f"assistant {key}", where_, message[key], None, reason)

    def _calls(self, message: Mapping[str, Any], where: str) -> tuple[list[Json], list[str | None]]:
        """The calls of the message, and the ids by which their results find them."""
        calls = message.get("tool_calls")
        legacy = message.get("function_call")
        if legacy is None and (calls is None or calls == []):
            return [], []
        calls = [] if calls is None else calls
        require(isinstance(calls, list), "must be a list of tool calls", f"{where}.tool_calls")
        result: list[Json] = []
        ids: list[str | None] = []
        for index, call in enumerate(calls):
            place = f"{where}.tool_calls[{index}]"
            result.append(self._call(call, place))
            ids.append(self._id(call, place))
        if legacy is not None and calls:
            self.context.tally.note(
                "function_call beside",
                f"{where}.function_call",
                legacy,
                None,
                "tool_calls is already set and takes precedence",
                "migration",
            )
        elif legacy is not None:
            require(isinstance(legacy, dict), "must be an object", f"{where}.function_call")
            call = self._call(None, f"{where}.function_call", legacy)
            result.append(call)
            ids.append(None)
            self.context.tally.note(
                "function_call",
                f"{where}.function_call",
                legacy,
                {"tool_calls": [call]},
                "Kimi knows tool calls, not function calls",
                "migration",
            )
        return result, ids

    def _id(self, call: Mapping[str, Any], where: str) -> str | None:
        """The id of a call as text; the pairing gives one to calls without."""
        given = call.get("id")
        found = usable(given)
        if found is not None and not isinstance(given, str):
            reason = "Kimi wants the ids of calls as text"
            self.context.tally.note("id as text", f"{where}.id", given, found, reason)
        return found

    def _call(self, call: Any, where: str, legacy: Any = None) -> Json:
        """One call at the path ``where``; ``legacy`` is a ``function_call``, which has no id.

        Its id is empty until its result has been found.
        """
        if legacy is None and not isinstance(call, dict):
            raise InvalidRequestError("must be an object", param=where)
        kind = "function" if legacy is not None else call.get("type") or "function"
        if kind not in ("function", "custom", "builtin_function"):
            raise InvalidRequestError(f"Kimi has no calls of type {kind!r}", param=f"{where}.type")
        key = "custom" if kind == "custom" else "function"
        body = call.get(key) if legacy is None else legacy
        inner = where if legacy is not None else f"{where}.{key}"
        if not isinstance(body, dict) or not isinstance(body.get("name"), str):
            raise InvalidRequestError("must name a function", param=f"{inner}.name")
        if kind == "custom":
            given = body.get("input", "")
            require(isinstance(given, str), "must be text", f"{inner}.input")
            arguments = json.dumps({CUSTOM_INPUT: given}, ensure_ascii=False)
            self.context.tally.note(
                "custom call", f"{where}.type", "custom", "function", "Kimi has functions only"
            )
        else:
            arguments = self._arguments(body.get("arguments"), f"{inner}.arguments")
        if legacy is None:
            self._note_extra(call, where, _CALL_KEYS)
        self._note_extra(body, inner, _CALL_BODY_KEYS)
        return {
            "id": "",
            "type": "builtin_function" if kind == "builtin_function" else "function",
            "function": {"name": self.context.names.sent(body["name"]), "arguments": arguments},
        }

    def _arguments(self, given: Any, where: str) -> str:
        """The arguments of a call as the text of a JSON object."""
        if given is None or isinstance(given, str):
            text = given or ""
        else:
            text = self._dumped(given, where)
        sent, change = argument_text(text)
        if change == "wrapped":
            reason = "Kimi wants a JSON object: what is not one is sent as text inside one"
            self.context.tally.note(
                "wrapped arguments", where, given, sent, reason, _BROKEN, meaning=True
            )
        elif isinstance(given, dict):
            self.context.tally.note("arguments", where, given, sent, "Kimi wants JSON as text")
        elif change == "empty":
            self.context.tally.note("no arguments", where, given, sent, "Kimi wants JSON as text")
        elif change == "repaired":
            reason = "Kimi wants a JSON object as text; it was one but for its spelling"
            self.context.tally.note("repaired arguments", where, given, sent, reason, _BROKEN)
        return sent

    def _dumped(self, given: Any, where: str) -> str:
        """Arguments that were parsed already. Dates and NaN are sent as their text."""

        def printed(value: Any) -> str:
            if not isinstance(value, Foreign) or value.text is None:
                raise TypeError
            reason = f"{value.why}: sent as its text"
            self.context.tally.note("printed", value.path, value, value.text, reason, meaning=True)
            return value.text

        try:
            return json.dumps(given, ensure_ascii=False, default=printed)
        except (RecursionError, TypeError, ValueError):
            raise InvalidRequestError(
                "must be a JSON object, as text; this one cannot be written as JSON", param=where
            ) from None

    def _note_extra(self, given: Mapping[str, Any], where: str, known: set[str]) -> None:
        if given.keys() <= known:
            return
        for key, value in given.items():
            if key not in known and value is not None:
                reason = "Kimi knows no such key in a tool call"
                self.context.tally.note(f"call {key}", f"{where}.{key}", value, None, reason)


_THOUGHTS = frozenset(reasoning.REASONING_KEYS) - {"content"}
_BROKEN = "https://github.com/MoonshotAI/kimi-cli/issues/1378 (probed, 2026-02)"


def _is_empty(content: Any) -> bool:
    """Whether a content says nothing; thoughts and calls among its parts say something."""
    if isinstance(content, list):
        return all(isinstance(part, dict) and part.get("type") == "text" for part in content)
    return content is not None
