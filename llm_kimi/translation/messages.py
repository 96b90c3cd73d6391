"""Messages: roles, empty turns, tool exchanges, reasoning, Partial Mode.

In: messages as OpenAI takes them and as other stacks leave them. Out: messages that Kimi takes:
every call followed by its result, nothing empty, reasoning where it is demanded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import InvalidRequestError
from .assistant import Assistant
from .content import text_of
from .draft import Draft, require
from .pairing import pair
from .tools import normalise_tools
from .turns import FILLER, KEYS, Turn, Work

__all__ = ["apply"]

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_NAMED_ROLES = ", ".join(_ROLES[:-1])


def apply(draft: Draft) -> None:
    """Bring ``messages`` to what Kimi takes."""
    messages = draft.body.get("messages")
    require(isinstance(messages, list), "must be a list of messages", "messages")
    assert isinstance(messages, list)
    require(bool(messages), "must not be empty", "messages")
    translator = _Messages(draft)
    turns = translator.normalise(messages)
    turns = pair(turns, translator.work.tally)
    require(bool(turns), "nothing is left: these are tool results without their calls", "messages")
    translator.finish(turns)
    translator.work.tally.flush()
    draft.body["messages"] = [turn.message for turn in turns]
    _renumber_needs(draft, turns)


def _renumber_needs(draft: Draft, turns: list[Turn]) -> None:
    """Needs were noted by the caller's numbering; the body has its own."""
    if not draft.needs:
        return
    place = {turn.number: index for index, turn in enumerate(turns)}
    draft.needs = [
        replace(need, message=place[need.message]) for need in draft.needs if need.message in place
    ]


class _Messages:
    def __init__(self, draft: Draft) -> None:
        self.work = Work(draft)
        self.assistant = Assistant(self.work)

    def normalise(self, messages: list[Any]) -> list[Turn]:
        turns: list[Turn] = []
        for number, message in enumerate(messages):
            where = f"messages[{number}]"
            require(isinstance(message, Mapping), "must be an object", where)
            role = message.get("role")
            require(
                isinstance(role, str) and role in _ROLES,
                f"unknown role {role!r}; use {_NAMED_ROLES}",
                f"{where}.role",
            )
            name = message.get("name")
            require(name is None or isinstance(name, str), "must be text", f"{where}.name")
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
            self.work.tally.note(
                "blank", "messages", "only empty messages", FILLER, "Kimi wants some content"
            )
            turns.append(Turn(0, {"role": "user", "content": FILLER}))
        return turns

    def _system(self, turns: list[Turn], number: int, message: Mapping[str, Any]) -> None:
        if message["role"] == "developer":
            self.work.tally.note(
                "developer",
                f"messages[{number}].role",
                "developer",
                "system",
                "Kimi refuses the role developer",
                "developer-role",
            )
        kept = self.work.strip(message, "system", number)
        tools = kept.pop("tools", None)
        content = self.work.content(message, number, "system")
        if tools is not None:
            self._dynamic_tools(turns, number, tools, message)
        if content is None:
            if tools is None:
                require(
                    message.get("content") is not None,
                    "must have content",
                    f"messages[{number}].content",
                )
                self.work.note_empty(number, "system", message["content"], None)
            return
        kept["content"] = content
        turns.append(Turn(number, kept))

    def _dynamic_tools(
        self, turns: list[Turn], number: int, tools: Any, message: Mapping[str, Any]
    ) -> None:
        """Kimi's tools that are declared in the middle of a conversation (K3 family).

        For other models ``tools.hoist`` has moved them to the request's ``tools`` by now.
        """
        where = f"messages[{number}].tools"
        require(isinstance(tools, list), "must be a list of tools", where)
        if not self.work.draft.model.dynamic_tools:
            return
        require(bool(tools), "must hold a tool", where)
        paths = [f"{where}[{index}]" for index in range(len(tools))]
        converted = normalise_tools(self.work.draft, tools, paths, self.work.names)
        only, declared = self.work.draft.only_tools, len(converted)
        if only is not None:
            converted = [tool for tool in converted if tool["function"]["name"] in only]
        if len(converted) < declared:
            kept = [tool["function"]["name"] for tool in converted]
            reason = "what tool_choice leaves of them"
            self.work.tally.note("tools", where, f"{len(tools)} tools", kept, reason, "tool-choice")
        if message.get("content") is not None or message.get("name") is not None:
            self.work.tally.note(
                "tools alone",
                where,
                f"{len(tools)} tools",
                "a message of its own",
                "Kimi wants tools in a system message without content",
                "dynamic-tools",
            )
        if converted:
            turns.append(Turn(number, {"role": "system", "tools": converted}))

    def _user(self, turns: list[Turn], number: int, message: Mapping[str, Any]) -> None:
        require(
            message.get("content") is not None,
            "must have content",
            f"messages[{number}].content",
        )
        content = self.work.content(message, number, "user")
        if content is None:
            content = FILLER
            self.work.note_empty(number, "user", message["content"], FILLER)
        elif content is message["content"] and message.keys() <= KEYS["user"]:
            turns.append(Turn(number, message if isinstance(message, dict) else dict(message)))
            return
        kept = self.work.strip(message, "user", number)
        kept["content"] = content
        turns.append(Turn(number, kept))

    def _tool(self, turns: list[Turn], number: int, message: Mapping[str, Any]) -> None:
        where = f"messages[{number}]"
        require(
            isinstance(message.get("tool_call_id"), str),
            "must be the id of a tool call",
            f"{where}.tool_call_id",
        )
        kept = self.work.strip(message, "tool", number)
        kept["content"] = self._tool_content(message, number)
        if "name" in kept:
            kept["name"] = self.work.names.sent(kept["name"])
        turns.append(Turn(number, kept))

    def _tool_content(self, message: Mapping[str, Any], number: int) -> Any:
        content = self.work.content(message, number, "tool")
        if content is None:
            content = FILLER
            self.work.note_empty(number, "tool", message.get("content"), FILLER)
        return content

    def _function(self, turns: list[Turn], number: int, message: Mapping[str, Any]) -> None:
        """A result in the old form; a call is made up for one that has none before it."""
        name = message.get("name")
        where = f"messages[{number}]"
        require(isinstance(name, str), "must be the function's name", f"{where}.name")
        assert isinstance(name, str)
        self.work.tally.note(
            "role function",
            f"{where}.role",
            "function",
            "tool",
            "Kimi knows tools, not functions",
            "migration",
        )
        sent = self.work.names.sent(name)
        waiting = self.work.legacy.get(name)
        if waiting:
            call_id = waiting.pop()
        else:
            call_id = f"call_{number}"
            call = {
                "id": call_id,
                "type": "function",
                "function": {"name": sent, "arguments": "{}"},
            }
            turns.append(Turn(-1, {"role": "assistant", "tool_calls": [call]}))
            self.work.tally.note(
                "lone function",
                where,
                "a result without a call",
                "a call before it",
                "Kimi refuses a result without its call",
            )
        kept = self.work.strip(message, "tool", number)
        content = self._tool_content(message, number)
        turns.append(
            Turn(number, {**kept, "tool_call_id": call_id, "name": sent, "content": content})
        )

    def finish(self, turns: list[Turn]) -> None:
        draft = self.work.draft
        last = len(turns) - 1
        for index, turn in enumerate(turns):
            message = turn.message
            if message["role"] != "assistant":
                continue
            if draft.thinking and "tool_calls" in message and "reasoning_content" not in message:
                turn.message = message = {**message, "reasoning_content": FILLER}
                self.work.tally.note(
                    "filler",
                    f"messages[{max(turn.number, 0)}].reasoning_content",
                    None,
                    FILLER,
                    "Kimi demands it beside tool calls while thinking, and the real one is lost",
                    "reasoning-missing",
                )
            if message.get("partial") and index != last:
                turn.message = {key: message[key] for key in message if key != "partial"}
                self.work.tally.note(
                    "partial",
                    f"messages[{turn.number}].partial",
                    True,
                    None,
                    "only the last message can be continued",
                    "partial",
                )
        if turns and turns[last].message.get("partial"):
            self._partial(turns[last])

    def _partial(self, turn: Turn) -> None:
        form = self.work.draft.body.get("response_format")
        if isinstance(form, Mapping) and form.get("type") == "json_object":
            raise InvalidRequestError(
                "Partial Mode and JSON mode do not go together; leave one of them out, or use "
                "response_format json_schema",
                param=f"messages[{turn.number}].partial",
            )
        self.work.draft.restoring["prefix"] = text_of(turn.message.get("content", ""))
