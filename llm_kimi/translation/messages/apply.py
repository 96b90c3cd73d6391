"""Messages: roles, empty turns, tool exchanges, reasoning, Partial Mode.

In: messages in the form of chat completions, as OpenAI takes them and as other stacks leave them.
Out: messages that Kimi takes: every call followed by its result, nothing empty, reasoning where it
is demanded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import NoneType
from typing import Any

from ...errors import InvalidRequestError
from ..adjustments import shorten
from ..checks import require
from ..draft import Draft
from ..objects import Foreign
from ..tools.definitions import normalise_tools
from .assistant import Assistant
from .call_ids import usable
from .content import text_of
from .context import FILLER, KEYS, DraftMessage, MessageContext
from .roles import role_of
from .tool_results import Pairing, Relocated

__all__ = ["apply"]
_EMPTY_REASONING = "https://github.com/theopenco/llmgateway/pull/2093 (probed, 2026-04-26)"
_RESULT_NAMES = ("tool_name", "toolName")  # Ollama, the AI SDK
_RESULT_IDS = ("tool_call_id", "call_id", "tool_use_id", "toolCallId")


def apply(draft: Draft) -> None:
    """Bring ``messages`` to what Kimi takes."""
    messages = draft.body.get("messages")
    require(isinstance(messages, list), "must be a list of messages", "messages")
    assert isinstance(messages, list)
    require(bool(messages), "must not be empty", "messages")
    translator = _Messages(draft)
    turns = translator.normalise(messages)
    pairing = Pairing(draft, translator.context.tally)
    turns = pairing.pair(turns)
    translator.finish(turns)
    translator.context.tally.flush()
    draft.body["messages"] = [turn.message for turn in turns]
    if draft.needs:
        _renumber_needs(draft, turns, pairing.relocated)


def _renumber_needs(draft: Draft, turns: list[DraftMessage], relocated: Relocated) -> None:
    """Needs were noted by the numbers of the turns; the body that is sent has its own."""
    place = {turn.number: index for index, turn in enumerate(turns)}
    needs = []
    for need in draft.needs:
        number, before = relocated.get(need.message, (need.message, 0))
        if number in place:
            needs.append(replace(need, message=place[number], part=need.part + before))
    draft.needs = needs


class _Messages:
    def __init__(self, draft: Draft) -> None:
        self.context = MessageContext(draft)
        self.assistant = Assistant(self.context)

    def normalise(self, messages: list[Any]) -> list[DraftMessage]:
        turns: list[DraftMessage] = []
        for number, message in enumerate(messages):
            where = self.context.draft.message_path(number)
            if not isinstance(message, dict):
                raise InvalidRequestError(_not_a_message(message), param=where)
            role = role_of(message, where)
            if not isinstance(message.get("name", ""), (str, NoneType)):
                raise InvalidRequestError("must be text", param=f"{where}.name")
            if role == "assistant":
                turn = self.assistant.turn(number, message)
                if turn is not None:
                    turns.append(turn)
            elif role == "tool":
                self._tool(turns, number, message)
            elif role == "function":
                self._function(turns, number, message)
            elif role == "user":
                self._user(turns, number, message)
            else:
                self._system(turns, number, message)
        if not turns:
            self.context.tally.note(
                "blank", "messages", "only empty messages", FILLER, "Kimi wants some content"
            )
            turns.append(DraftMessage(0, {"role": "user", "content": FILLER}))
        return turns

    def _system(self, turns: list[DraftMessage], number: int, message: Mapping[str, Any]) -> None:
        where = self.context.draft.message_path(number)
        if message["role"] == "developer":
            self.context.tally.note(
                "developer",
                f"{where}.role",
                "developer",
                "system",
                "Kimi refuses the role developer",
                "developer-role",
            )
        kept = self.context.strip(message, "system", number)
        tools = kept.pop("tools", None)
        content = self.context.content(message, number, "system")
        if tools is not None:
            self._dynamic_tools(turns, number, tools, message)
        if content is None:
            if tools is None:
                require(
                    message.get("content") is not None,
                    "must have content",
                    f"{where}.content",
                )
                self.context.note_empty(number, "system", message["content"], None)
            return
        kept["content"] = content
        turns.append(DraftMessage(number, kept))

    def _dynamic_tools(
        self, turns: list[DraftMessage], number: int, tools: Any, message: Mapping[str, Any]
    ) -> None:
        """Kimi's tools that are declared in the middle of a conversation (K3 family).

        For other models ``tools.hoist`` has moved them to the request's ``tools`` by now.
        """
        where = f"{self.context.draft.message_path(number)}.tools"
        require(isinstance(tools, list), "must be a list of tools", where)
        if not self.context.draft.model.dynamic_tools:
            return
        require(bool(tools), "must contain a tool", where)
        paths = [f"{where}[{index}]" for index in range(len(tools))]
        converted = normalise_tools(self.context.draft, tools, paths, self.context.names)
        only, declared = self.context.draft.only_tools, len(converted)
        if only is not None:
            converted = [tool for tool in converted if tool["function"]["name"] in only]
        if len(converted) < declared:
            kept = [tool["function"]["name"] for tool in converted]
            reason = "what tool_choice leaves of them"
            self.context.tally.note(
                "tools", where, f"{len(tools)} tools", kept, reason, "tool-choice"
            )
        if message.get("content") is not None or message.get("name") is not None:
            self.context.tally.note(
                "tools alone",
                where,
                f"{len(tools)} tools",
                "a message of its own",
                "Kimi wants tools in a system message without content",
                "dynamic-tools",
            )
        if converted:
            turns.append(DraftMessage(number, {"role": "system", "tools": converted}))

    def _user(self, turns: list[DraftMessage], number: int, message: Mapping[str, Any]) -> None:
        if message.get("content") is None:
            where = f"{self.context.draft.message_path(number)}.content"
            raise InvalidRequestError("must have content", param=where)
        content = self.context.content(message, number, "user")
        if content is None:
            content = FILLER
            self.context.note_empty(number, "user", message["content"], FILLER)
        elif (
            content is message["content"]
            and message.keys() <= KEYS["user"]
            and message.get("name", FILLER)
        ):
            turns.append(DraftMessage(number, dict(message)))
            return
        kept = self.context.strip(message, "user", number)
        kept["content"] = content
        turns.append(DraftMessage(number, kept))

    def _tool(self, turns: list[DraftMessage], number: int, message: Mapping[str, Any]) -> None:
        where = self.context.draft.message_path(number)
        key = "tool_call_id"
        if message.get(key) is None:
            key = next((other for other in _RESULT_IDS if message.get(other) is not None), key)
        given = message.get(key)
        found = usable(given)
        if found is None and not isinstance(given, (str, NoneType)):
            raise InvalidRequestError("must be the id of a tool call", param=f"{where}.{key}")
        if found is not None and found is not given:
            reason = "Kimi wants the ids of calls as text"
            self.context.tally.note("result id as text", f"{where}.{key}", given, found, reason)
        kept = self.context.strip(self._named(message, where), "tool", number)
        kept["content"] = self._tool_content(message, number)
        if "name" in kept:
            kept["name"] = self.context.names.sent(kept["name"])
        turn = DraftMessage(number, kept)
        turn.id = found
        turns.append(turn)

    def _named(self, message: Mapping[str, Any], where: str) -> Mapping[str, Any]:
        """The result of a tool with the function's name where Kimi has it."""
        key = next((key for key in _RESULT_NAMES if isinstance(message.get(key), str)), None)
        if key is None or message.get("name") or not message[key]:
            return message
        reason = "Kimi calls it name"
        self.context.tally.note("tool name", f"{where}.{key}", message[key], "name", reason)
        rest = {other: value for other, value in message.items() if other != key}
        return {**rest, "name": message[key]}

    def _tool_content(self, message: Mapping[str, Any], number: int) -> Any:
        content = self.context.content(message, number, "tool")
        if content is None:
            content = FILLER
            self.context.note_empty(number, "tool", message.get("content"), FILLER)
        return content

    def _function(self, turns: list[DraftMessage], number: int, message: Mapping[str, Any]) -> None:
        """A result in the old form: its function's name is all that pairs it."""
        self.context.tally.note(
            "role function",
            f"{self.context.draft.message_path(number)}.role",
            "function",
            "tool",
            "Kimi knows tools, not functions",
            "migration",
        )
        kept = self.context.strip(message, "tool", number)
        kept["content"] = self._tool_content(message, number)
        if "name" in kept:
            kept["name"] = self.context.names.sent(kept["name"])
        turn = DraftMessage(number, kept)
        turn.legacy = True
        turns.append(turn)

    def finish(self, turns: list[DraftMessage]) -> None:
        thinking = self.context.draft.thinking
        last = len(turns) - 1
        for index, turn in enumerate(turns):
            message = turn.message
            if message["role"] != "assistant":
                continue
            if thinking and "tool_calls" in message and not message.get("reasoning_content"):
                self._fill_reasoning(turn)
            if message.get("partial") and index != last:
                turn.message = {k: v for k, v in turn.message.items() if k != "partial"}
                self.context.tally.note(
                    "partial",
                    f"{self.context.draft.message_path(turn.number)}.partial",
                    True,
                    None,
                    "only the last message can be continued",
                    "partial",
                )
        if turns and turns[last].message.get("partial"):
            self._partial(turns[last])

    def _fill_reasoning(self, turn: DraftMessage) -> None:
        """Kimi refuses a turn with calls whose reasoning is missing, or is an empty text."""
        given = turn.message.get("reasoning_content")
        turn.message = {**turn.message, "reasoning_content": FILLER}
        if turn.number < 0:
            return  # a call that was made up: told by the pairing
        where = f"{self.context.draft.message_path(turn.number)}.reasoning_content"
        if given is None:
            reason = "Kimi demands it beside tool calls while thinking, and the real one is lost"
            self.context.tally.note("filler", where, None, FILLER, reason, "reasoning-missing")
        else:
            reason = "Kimi refuses an empty one beside tool calls while thinking"
            self.context.tally.note(
                "empty reasoning", where, given, FILLER, reason, _EMPTY_REASONING
            )

    def _partial(self, turn: DraftMessage) -> None:
        form = self.context.draft.body.get("response_format")
        if isinstance(form, Mapping) and form.get("type") == "json_object":
            raise InvalidRequestError(
                "Partial Mode and JSON mode do not go together; leave one of them out, or use "
                "response_format json_schema",
                param=f"{self.context.draft.message_path(turn.number)}.partial",
            )
        self.context.draft.restore.prefix = text_of(turn.message.get("content", ""))


def _not_a_message(value: Any) -> str:
    if isinstance(value, Foreign):
        return f"{value.why}: {value.way_out}"
    return f"must be an object with role and content, not {shorten(value)}"
