"""Assistant messages: content beside calls, refusals, reasoning, calls in every form.

In: an assistant message as OpenAI takes it or another stack leaves it. Out: one that Kimi takes,
or nothing where nothing is left of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidRequestError
from .content import well_formed_text
from .draft import CUSTOM_INPUT, Json, require, well_formed
from .turns import FILLER, Turn, Work

__all__ = ["Assistant"]

_CALL_KEYS = {"id", "type", "function", "custom"}
_CALL_BODY_KEYS = {"name", "arguments", "input"}


def _foreign_reasoning(message: Mapping[str, Any]) -> tuple[str, str | None]:
    """Reasoning under the names of other stacks: the key it was found under, and the text.

    Anthropic's form (``thinking_blocks``), vLLM's and OpenRouter's (``reasoning``), LiteLLM's
    (``provider_specific_fields``).
    """
    reasoning = message.get("reasoning")
    if isinstance(reasoning, str):
        return "reasoning", reasoning
    blocks = message.get("thinking_blocks")
    if isinstance(blocks, list):
        texts = [block.get("thinking") for block in blocks if isinstance(block, Mapping)]
        found = [text for text in texts if isinstance(text, str)]
        if found:
            return "thinking_blocks", "\n".join(found)
    fields = message.get("provider_specific_fields")
    if isinstance(fields, Mapping) and isinstance(fields.get("reasoning_content"), str):
        return "provider_specific_fields", fields["reasoning_content"]
    return "", None


class Assistant:
    """Translates the assistant messages of one request."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def turn(self, number: int, message: Mapping[str, Any]) -> Turn | None:
        """The message as Kimi takes it; None when nothing is left of it."""
        kept = self.work.strip(message, "assistant", number)
        content = self.work.content(message, number, "assistant")
        content = self._refusal(message, number, content)
        self._audio(message, number)
        kept.pop("content", None)
        self._reasoning(kept, message, number)
        calls = self._calls(message, number)
        kept.pop("tool_calls", None)
        partial = kept.get("partial")
        require(
            partial is None or isinstance(partial, bool),
            "must be true or false",
            f"messages[{number}].partial",
        )
        if content is None and calls and message.get("content") is not None:
            self.work.tally.note(
                "empty content",
                f"messages[{number}].content",
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
                self.work.note_empty(number, "assistant", message.get("content"), FILLER)
            else:
                self.work.note_empty(number, "assistant", message.get("content"), None)
                return None
        turn: Json = {"role": "assistant"}
        if content is not None:
            turn["content"] = content
        for key in ("name", "reasoning_content", "partial"):
            if key in kept:
                turn[key] = kept[key]
        if calls:
            turn["tool_calls"] = calls
        return Turn(number, turn)

    def _refusal(self, message: Mapping[str, Any], number: int, content: Any) -> Any:
        """``content``, or the text of a refusal where there is none."""
        refusal = message.get("refusal")
        where = f"messages[{number}].refusal"
        require(refusal is None or isinstance(refusal, str), "must be text", where)
        if not refusal:
            return content
        reason = "Kimi has no refusal field"
        if content is None:
            content = well_formed_text(self.work.tally, str(refusal), where)
            self.work.tally.note("refusal field", where, refusal, {"content": content}, reason)
        else:
            self.work.tally.note(
                "refusal beside content", where, refusal, None, reason, meaning=True
            )
        return content

    def _audio(self, message: Mapping[str, Any], number: int) -> None:
        if message.get("audio") is not None:
            self.work.tally.note(
                "audio",
                f"messages[{number}].audio",
                message["audio"],
                None,
                "Kimi has no audio; it cannot know what was said in it",
                meaning=True,
            )

    def _reasoning(self, kept: Json, message: Mapping[str, Any], number: int) -> None:
        """``reasoning_content``, or what other stacks call it."""
        given = kept.get("reasoning_content")
        require(
            given is None or isinstance(given, str),
            "must be text",
            f"messages[{number}].reasoning_content",
        )
        key, found = _foreign_reasoning(message)
        for other in ("reasoning", "thinking_blocks"):
            if other != key and message.get(other):
                self.work.tally.note(
                    f"unread {other}",
                    f"messages[{number}].{other}",
                    message[other],
                    None,
                    "it is another provider's, or said elsewhere in the message",
                    "thinking",
                )
        if found is not None:
            if given is None:
                kept["reasoning_content"] = found
            self.work.tally.note(
                f"reasoning {key}",
                f"messages[{number}].{key}",
                message[key],
                {"reasoning_content": found} if given is None else None,
                "Kimi calls it reasoning_content",
                "thinking",
            )
        if kept.get("reasoning_content"):
            where = f"messages[{number}].reasoning_content"
            kept["reasoning_content"] = well_formed_text(
                self.work.tally, kept["reasoning_content"], where
            )
        if self.work.draft.model.thinking.mode == "never" and "reasoning_content" in kept:
            self.work.tally.note(
                "no reasoning",
                f"messages[{number}].reasoning_content",
                kept.pop("reasoning_content"),
                None,
                f"{self.work.draft.name} does not think",
            )

    def _calls(self, message: Mapping[str, Any], number: int) -> list[Json]:
        where = f"messages[{number}]"
        calls = message.get("tool_calls")
        calls = [] if calls is None else calls
        require(isinstance(calls, list), "must be a list of tool calls", f"{where}.tool_calls")
        result = [
            self._call(call, number, f"{where}.tool_calls[{index}]", index)
            for index, call in enumerate(calls)
        ]
        legacy = message.get("function_call")
        if legacy is not None and calls:
            self.work.tally.note(
                "function_call beside",
                f"{where}.function_call",
                legacy,
                None,
                "tool_calls says it",
                "migration",
            )
        elif legacy is not None:
            require(isinstance(legacy, Mapping), "must be an object", f"{where}.function_call")
            call = self._call(None, number, f"{where}.function_call", 0, legacy)
            self.work.legacy.setdefault(str(legacy["name"]), []).append(call["id"])
            result.append(call)
            self.work.tally.note(
                "function_call",
                f"{where}.function_call",
                dict(legacy),
                {"tool_calls": [call]},
                "Kimi knows tool calls, not function calls",
                "migration",
            )
        return result

    def _call(self, call: Any, number: int, where: str, index: int, legacy: Any = None) -> Json:
        """One call at the path ``where``; ``legacy`` is a ``function_call``, which has no id."""
        require(legacy is not None or isinstance(call, Mapping), "must be an object", where)
        kind = "function" if legacy is not None else call.get("type") or "function"
        require(
            kind in ("function", "custom", "builtin_function"),
            f"Kimi has no calls of type {kind!r}",
            f"{where}.type",
        )
        key = "custom" if kind == "custom" else "function"
        body = call.get(key) if legacy is None else legacy
        inner = where if legacy is not None else f"{where}.{key}"
        require(
            isinstance(body, Mapping) and isinstance(body.get("name"), str),
            "must name a function",
            f"{inner}.name",
        )
        if kind == "custom":
            given = body.get("input", "")
            require(isinstance(given, str), "must be text", f"{inner}.input")
            arguments = json.dumps({CUSTOM_INPUT: well_formed(given)}, ensure_ascii=False)
            self.work.tally.note(
                "custom call", f"{where}.type", "custom", "function", "Kimi has functions only"
            )
        else:
            arguments = self._arguments(body.get("arguments"), f"{inner}.arguments")
        call_id = None if legacy is not None else call.get("id")
        if not isinstance(call_id, str) or not call_id:
            given, call_id = call_id, f"call_{number}_{index}"
            if legacy is None:
                reason = "Kimi wants an id for every call"
                self.work.tally.note("call id", f"{where}.id", given, call_id, reason)
        if legacy is None:
            self._note_extra(call, where, _CALL_KEYS)
        self._note_extra(body, inner, _CALL_BODY_KEYS)
        return {
            "id": call_id,
            "type": "builtin_function" if kind == "builtin_function" else "function",
            "function": {"name": self.work.names.sent(body["name"]), "arguments": arguments},
        }

    def _arguments(self, given: Any, where: str) -> str:
        """The arguments of a call as JSON text."""
        if given is None or given == "":
            self.work.tally.note("no arguments", where, given, "{}", "Kimi wants JSON as text")
            return "{}"
        if isinstance(given, str):
            return well_formed_text(self.work.tally, given, where)
        require(isinstance(given, Mapping), "must be JSON as text", where)
        try:
            text = json.dumps(dict(given), ensure_ascii=False)
        except (RecursionError, TypeError, ValueError):
            raise InvalidRequestError("must be JSON as text", param=where) from None
        self.work.tally.note("arguments", where, given, text, "Kimi wants JSON as text")
        return well_formed(text)

    def _note_extra(self, given: Mapping[str, Any], where: str, known: set[str]) -> None:
        for key, value in given.items():
            if key not in known and value is not None:
                reason = "Kimi knows no such key in a tool call"
                self.work.tally.note(f"call {key}", f"{where}.{key}", value, None, reason)
