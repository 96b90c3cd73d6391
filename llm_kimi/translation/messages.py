"""Messages: roles, empty turns, tool exchanges, reasoning, Partial Mode.

In: messages as OpenAI takes them and as other stacks leave them. Out: messages that Kimi takes:
every call followed by its result, nothing empty, reasoning where it is demanded.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import InvalidRequestError
from .content import text_of, translate_content, well_formed_text
from .draft import Draft, Json, Tally, require, well_formed
from .names import Names
from .tools import CUSTOM_INPUT, normalise_tools

__all__ = ["FILLER", "NO_RESULT", "apply"]

FILLER = " "
"""What the API accepts where something must stand and nothing is known."""

NO_RESULT = "(no result: the call was not answered)"

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_KEYS = {
    "system": {"role", "content", "name", "tools"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "tool_calls", "reasoning_content", "partial"},
    "tool": {"role", "content", "name", "tool_call_id"},
}
# Those of an assistant's message that have a way to Kimi under another name.
_READ = {"function_call", "refusal", "thinking_blocks", "reasoning", "audio"}
_CALL_KEYS = {"id", "type", "function", "custom"}
_CALL_BODY_KEYS = {"name", "arguments", "input"}


class _Turn:
    """One message on its way: ``number`` is its place in the caller's list."""

    __slots__ = ("message", "number")

    def __init__(self, number: int, message: Json) -> None:
        self.number = number
        self.message = message


def apply(draft: Draft) -> None:
    """Bring ``messages`` to what Kimi takes."""
    messages = draft.body.get("messages")
    require(isinstance(messages, list), "must be a list of messages", "messages")
    assert isinstance(messages, list)
    require(bool(messages), "must not be empty", "messages")
    translator = _Messages(draft)
    turns = translator.normalise(messages)
    turns = translator.pair(turns)
    require(bool(turns), "nothing is left: these are tool results without their calls", "messages")
    translator.finish(turns)
    translator.tally.flush()
    draft.body["messages"] = [turn.message for turn in turns]
    _renumber_needs(draft, turns)


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


def _renumber_needs(draft: Draft, turns: list[_Turn]) -> None:
    """Needs were noted by the caller's numbering; the body has its own."""
    if not draft.needs:
        return
    place = {turn.number: index for index, turn in enumerate(turns)}
    draft.needs = [
        replace(need, message=place[need.message]) for need in draft.needs if need.message in place
    ]


class _Messages:
    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.tally = Tally(draft)
        self.names: Names = draft.restoring["_names"]
        # Calls in the old form have no ids: name -> ids that wait for their result, latest last.
        self.legacy: dict[str, list[str]] = {}

    # -- one message at a time ---------------------------------------------------------------

    def normalise(self, messages: list[Any]) -> list[_Turn]:
        turns: list[_Turn] = []
        for number, message in enumerate(messages):
            where = f"messages[{number}]"
            require(isinstance(message, Mapping), "must be an object", where)
            role = message.get("role")
            require(
                isinstance(role, str) and role in _ROLES,
                f"unknown role {role!r}; use {', '.join(_ROLES[:-1])}",
                f"{where}.role",
            )
            name = message.get("name")
            require(name is None or isinstance(name, str), "must be text", f"{where}.name")
            if role == "assistant":
                self._assistant(turns, number, message)
            elif role == "tool":
                self._tool(turns, number, message)
            elif role == "function":
                self._function(turns, number, message)
            elif role == "user":
                self._user(turns, number, message)
            else:
                self._system(turns, number, message)
        if not turns:
            self.tally.note(
                "blank", "messages", "only empty messages", FILLER, "Kimi wants some content"
            )
            turns.append(_Turn(0, {"role": "user", "content": FILLER}))
        return turns

    def _strip(self, message: Mapping[str, Any], role: str, number: int) -> Json:
        """The keys that Kimi knows for this role, without nulls."""
        allowed = _KEYS[role]
        kept = {}
        for key, value in message.items():
            if value is None:
                continue
            if key in allowed:
                kept[key] = value
            elif key not in _READ or role != "assistant":
                self.tally.note(
                    f"{role} {key}",
                    f"messages[{number}].{key}",
                    value,
                    None,
                    f"Kimi knows no such key in a message of role {role}",
                )
        kept["role"] = role
        return kept

    def _content(self, message: Mapping[str, Any], number: int, role: str) -> Any:
        return translate_content(self.draft, self.tally, message.get("content"), number, role)

    def _system(self, turns: list[_Turn], number: int, message: Mapping[str, Any]) -> None:
        if message["role"] == "developer":
            self.tally.note(
                "developer",
                f"messages[{number}].role",
                "developer",
                "system",
                "Kimi refuses the role developer",
                "developer-role",
            )
        kept = self._strip(message, "system", number)
        tools = kept.pop("tools", None)
        content = self._content(message, number, "system")
        if tools is not None:
            self._dynamic_tools(turns, number, tools, message)
        if content is None:
            if tools is None:
                require(
                    message.get("content") is not None,
                    "must have content",
                    f"messages[{number}].content",
                )
                self._note_empty(number, "system", message["content"], None)
            return
        kept["content"] = content
        turns.append(_Turn(number, kept))

    def _dynamic_tools(
        self, turns: list[_Turn], number: int, tools: Any, message: Mapping[str, Any]
    ) -> None:
        """Kimi's tools that are declared in the middle of a conversation (K3 family).

        For other models ``tools.hoist`` has moved them to the request's ``tools`` by now.
        """
        where = f"messages[{number}].tools"
        require(isinstance(tools, list), "must be a list of tools", where)
        if not self.draft.model.dynamic_tools:
            return
        require(bool(tools), "must hold a tool", where)
        paths = [f"{where}[{index}]" for index in range(len(tools))]
        converted = normalise_tools(self.draft, tools, paths, self.names)
        only = self.draft.only_tools
        if only is not None:
            converted = [tool for tool in converted if tool["function"]["name"] in only]
        if len(converted) < len(tools):
            kept = [tool["function"]["name"] for tool in converted]
            reason = "what tool_choice leaves of them"
            self.tally.note("tools", where, f"{len(tools)} tools", kept, reason, "tool-choice")
        if message.get("content") is not None or message.get("name") is not None:
            self.tally.note(
                "tools alone",
                where,
                f"{len(tools)} tools",
                "a message of its own",
                "Kimi wants tools in a system message without content",
                "dynamic-tools",
            )
        if converted:
            turns.append(_Turn(number, {"role": "system", "tools": converted}))

    def _user(self, turns: list[_Turn], number: int, message: Mapping[str, Any]) -> None:
        require(
            message.get("content") is not None,
            "must have content",
            f"messages[{number}].content",
        )
        content = self._content(message, number, "user")
        if content is None:
            content = FILLER
            self._note_empty(number, "user", message["content"], FILLER)
        elif content is message["content"] and message.keys() <= _KEYS["user"]:
            turns.append(_Turn(number, message if isinstance(message, dict) else dict(message)))
            return
        kept = self._strip(message, "user", number)
        kept["content"] = content
        turns.append(_Turn(number, kept))

    def _note_empty(self, number: int, role: str, given: Any, sent: str | None) -> None:
        self.tally.note(
            f"empty {role}",
            f"messages[{number}].content",
            "" if given is None else given,
            sent,
            f"Kimi refuses an empty {role} message",
            "empty-assistant" if role == "assistant" else "openapi",
        )

    def _tool(self, turns: list[_Turn], number: int, message: Mapping[str, Any]) -> None:
        where = f"messages[{number}]"
        require(
            isinstance(message.get("tool_call_id"), str),
            "must be the id of a tool call",
            f"{where}.tool_call_id",
        )
        kept = self._strip(message, "tool", number)
        kept["content"] = self._tool_content(message, number)
        if "name" in kept:
            kept["name"] = self.names.sent(kept["name"])
        turns.append(_Turn(number, kept))

    def _tool_content(self, message: Mapping[str, Any], number: int) -> Any:
        content = self._content(message, number, "tool")
        if content is None:
            content = FILLER
            self._note_empty(number, "tool", message.get("content"), FILLER)
        return content

    def _function(self, turns: list[_Turn], number: int, message: Mapping[str, Any]) -> None:
        """A result in the old form; a call is made up for one that has none before it."""
        name = message.get("name")
        where = f"messages[{number}]"
        require(isinstance(name, str), "must be the function's name", f"{where}.name")
        assert isinstance(name, str)
        self.tally.note(
            "role function",
            f"{where}.role",
            "function",
            "tool",
            "Kimi knows tools, not functions",
            "migration",
        )
        sent = self.names.sent(name)
        waiting = self.legacy.get(name)
        if waiting:
            call_id = waiting.pop()
        else:
            call_id = f"call_{number}"
            call = {
                "id": call_id,
                "type": "function",
                "function": {"name": sent, "arguments": "{}"},
            }
            turns.append(_Turn(-1, {"role": "assistant", "tool_calls": [call]}))
            self.tally.note(
                "lone function",
                where,
                "a result without a call",
                "a call before it",
                "Kimi refuses a result without its call",
            )
        kept = self._strip(message, "tool", number)
        content = self._tool_content(message, number)
        turns.append(
            _Turn(number, {**kept, "tool_call_id": call_id, "name": sent, "content": content})
        )

    def _assistant(self, turns: list[_Turn], number: int, message: Mapping[str, Any]) -> None:
        kept = self._strip(message, "assistant", number)
        content = self._content(message, number, "assistant")
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
            self.tally.note(
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
                self._note_empty(number, "assistant", message.get("content"), FILLER)
            else:
                self._note_empty(number, "assistant", message.get("content"), None)
                return
        turn: Json = {"role": "assistant"}
        if content is not None:
            turn["content"] = content
        for key in ("name", "reasoning_content", "partial"):
            if key in kept:
                turn[key] = kept[key]
        if calls:
            turn["tool_calls"] = calls
        turns.append(_Turn(number, turn))

    def _refusal(self, message: Mapping[str, Any], number: int, content: Any) -> Any:
        """``content``, or the text of a refusal where there is none."""
        refusal = message.get("refusal")
        where = f"messages[{number}].refusal"
        require(refusal is None or isinstance(refusal, str), "must be text", where)
        if not refusal:
            return content
        reason = "Kimi has no refusal field"
        if content is None:
            content = well_formed_text(self.tally, str(refusal), where)
            self.tally.note("refusal field", where, refusal, {"content": content}, reason)
        else:
            self.tally.note("refusal beside content", where, refusal, None, reason, meaning=True)
        return content

    def _audio(self, message: Mapping[str, Any], number: int) -> None:
        if message.get("audio") is not None:
            self.tally.note(
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
                self.tally.note(
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
            self.tally.note(
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
                self.tally, kept["reasoning_content"], where
            )
        if self.draft.model.thinking.mode == "never" and "reasoning_content" in kept:
            self.tally.note(
                "no reasoning",
                f"messages[{number}].reasoning_content",
                kept.pop("reasoning_content"),
                None,
                f"{self.draft.name} does not think",
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
            self.tally.note(
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
            self.legacy.setdefault(str(legacy["name"]), []).append(call["id"])
            result.append(call)
            self.tally.note(
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
            self.tally.note(
                "custom call", f"{where}.type", "custom", "function", "Kimi has functions only"
            )
        else:
            arguments = self._arguments(body.get("arguments"), f"{inner}.arguments")
        call_id = None if legacy is not None else call.get("id")
        if not isinstance(call_id, str) or not call_id:
            given, call_id = call_id, f"call_{number}_{index}"
            if legacy is None:
                reason = "Kimi wants an id for every call"
                self.tally.note("call id", f"{where}.id", given, call_id, reason)
        if legacy is None:
            self._note_extra(call, where, _CALL_KEYS)
        self._note_extra(body, inner, _CALL_BODY_KEYS)
        return {
            "id": call_id,
            "type": "builtin_function" if kind == "builtin_function" else "function",
            "function": {"name": self.names.sent(body["name"]), "arguments": arguments},
        }

    def _arguments(self, given: Any, where: str) -> str:
        """The arguments of a call as JSON text."""
        if given is None or given == "":
            self.tally.note("no arguments", where, given, "{}", "Kimi wants JSON as text")
            return "{}"
        if isinstance(given, str):
            return well_formed_text(self.tally, given, where)
        require(isinstance(given, Mapping), "must be JSON as text", where)
        try:
            text = json.dumps(dict(given), ensure_ascii=False)
        except (RecursionError, TypeError, ValueError):
            raise InvalidRequestError("must be JSON as text", param=where) from None
        self.tally.note("arguments", where, given, text, "Kimi wants JSON as text")
        return well_formed(text)

    def _note_extra(self, given: Mapping[str, Any], where: str, known: set[str]) -> None:
        for key, value in given.items():
            if key not in known and value is not None:
                reason = "Kimi knows no such key in a tool call"
                self.tally.note(f"call {key}", f"{where}.{key}", value, None, reason)

    # -- calls and their results --------------------------------------------------------------

    def pair(self, turns: list[_Turn]) -> list[_Turn]:
        """Put every result right behind its call; each message is looked at once.

        Ids may come again in later turns (Kimi's own are like ``search:0``), so a result belongs
        to the latest call before it that has its id and still waits.
        """
        waiting: dict[str, list[int]] = {}
        results: dict[int, list[_Turn]] = {}
        latest = -1
        for place, turn in enumerate(turns):
            if turn.message["role"] != "tool":
                latest = place
                for call in turn.message.get("tool_calls") or ():
                    waiting.setdefault(call["id"], []).append(place)
                continue
            owners = waiting.get(turn.message["tool_call_id"])
            if not owners:
                self._orphan(turn)
                continue
            owner = owners.pop()
            results.setdefault(owner, []).append(turn)
            if owner != latest:
                self.tally.note(
                    "moved",
                    f"messages[{turn.number}]",
                    "later",
                    "right behind its call",
                    "Kimi wants results right behind their calls",
                )
        paired: list[_Turn] = []
        for place, turn in enumerate(turns):
            if turn.message["role"] != "tool":
                found = results.get(place, [])
                paired += [turn, *found, *self._missing(turn, found)]
        return paired

    def _missing(self, turn: _Turn, found: list[_Turn]) -> list[_Turn]:
        """Made-up results for the calls of ``turn`` that have none."""
        answered = Counter(result.message["tool_call_id"] for result in found)
        missing = []
        for call in turn.message.get("tool_calls") or ():
            if answered[call["id"]]:
                answered[call["id"]] -= 1
                continue
            self.tally.note(
                "no result",
                f"messages[{turn.number}].tool_calls",
                call["id"],
                NO_RESULT,
                "Kimi refuses a call without its result",
                "kimi-code",
                meaning=True,
            )
            result = {"role": "tool", "tool_call_id": call["id"], "content": NO_RESULT}
            missing.append(_Turn(-1, result))
        return missing

    def _orphan(self, turn: _Turn) -> None:
        self.tally.note(
            "orphan",
            f"messages[{turn.number}]",
            turn.message.get("content"),
            None,
            "its call is not in the conversation, and Kimi refuses a result without its call",
            "kimi-code",
            meaning=True,
        )

    # -- what depends on the whole list --------------------------------------------------------

    def finish(self, turns: list[_Turn]) -> None:
        draft = self.draft
        last = len(turns) - 1
        for index, turn in enumerate(turns):
            message = turn.message
            if message["role"] != "assistant":
                continue
            if draft.thinking and "tool_calls" in message and "reasoning_content" not in message:
                turn.message = message = {**message, "reasoning_content": FILLER}
                self.tally.note(
                    "filler",
                    f"messages[{max(turn.number, 0)}].reasoning_content",
                    None,
                    FILLER,
                    "Kimi demands it beside tool calls while thinking, and the real one is lost",
                    "reasoning-missing",
                )
            if message.get("partial") and index != last:
                turn.message = {key: message[key] for key in message if key != "partial"}
                self.tally.note(
                    "partial",
                    f"messages[{turn.number}].partial",
                    True,
                    None,
                    "only the last message can be continued",
                    "partial",
                )
        if turns and turns[last].message.get("partial"):
            self._partial(turns[last])

    def _partial(self, turn: _Turn) -> None:
        form = self.draft.body.get("response_format")
        if isinstance(form, Mapping) and form.get("type") == "json_object":
            raise InvalidRequestError(
                "Partial Mode and JSON mode do not go together; leave one of them out, or use "
                "response_format json_schema",
                param=f"messages[{turn.number}].partial",
            )
        self.draft.restoring["prefix"] = text_of(turn.message.get("content", ""))
