"""Histories that other APIs wrote, as the messages of chat completions.

In: ``messages`` with items of the Responses API (``function_call``, ``function_call_output``,
``reasoning``), with Anthropic's ``tool_use`` and ``tool_result`` parts, with calls that have no
wrapping; other words for Partial Mode. Out: messages of the roles that chat completions know, and
in ``draft.message_paths`` where each of them came from. Parts that were taken stay where they are:
the translation of contents passes over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import InvalidRequestError
from ..checks import require
from ..draft import Draft, Json, RepeatedNotes
from .foreign_parts import RESULT_PART, USE_PART
from .reasoning import find

__all__ = ["apply"]

_RESPONSES = "an item of the Responses API; chat completions write it so"
_ANTHROPIC = "Anthropic's form; chat completions write it so"


def apply(draft: Draft) -> None:
    """Bring ``messages`` into the form of chat completions; usually there is nothing to do."""
    messages = draft.body.get("messages")
    if not isinstance(messages, list):
        return
    _continue_last(draft, messages)
    messages = draft.body["messages"]
    if _are_foreign(messages):
        _History(draft).read(messages)


def _continue_last(draft: Draft, messages: list[Any]) -> None:
    """Partial Mode as a field of the request: vLLM's ``continue_final_message``."""
    for field in ("continue_final_message", "partial"):
        if field not in draft.body:
            continue
        wish = draft.check_type(field, bool, "true or false")
        last = messages[-1] if messages else None
        fits = isinstance(last, dict) and last.get("role") == "assistant"
        if not wish:
            draft.drop(field, "it asks for nothing", "partial", meaning=False)
        elif fits and last is not None:
            del draft.body[field]
            draft.body["messages"] = [*messages[:-1], {**last, "partial": True}]
            sent = {"partial": True}
            reason = "Kimi has it on the last message (Partial Mode)"
            draft.adjust(field, True, sent, reason, "partial", meaning=False)
            _drop_template(draft)
        else:
            draft.drop(field, "the last message is not one of the assistant's", "partial")


def _drop_template(draft: Draft) -> None:
    """vLLM wants this one as well to continue a message."""
    if draft.body.get("add_generation_prompt") is False:
        reason = "the last message is continued, as it asks for"
        draft.drop("add_generation_prompt", reason, "partial", meaning=False)


def _are_foreign(messages: list[Any]) -> bool:
    """Whether one of the messages needs this step. A single loop: it is run for every request."""
    for message in messages:
        if type(message) is not dict:
            continue
        if "role" not in message:
            return True
        if "tool_calls" in message:
            calls = message["tool_calls"]
            if type(calls) is list and any(map(_is_flat, calls)):
                return True
        if type(message.get("content")) is list:
            for part in message["content"]:
                if type(part) is dict and part.get("type") in (USE_PART, RESULT_PART):
                    return True
    return False


def _is_flat(call: Any) -> bool:
    """A call without the wrapping: LangChain's, or one of the Responses API."""
    return (
        isinstance(call, dict)
        and "name" in call
        and isinstance(call["name"], str)
        and not isinstance(call.get("function"), dict)
        and not isinstance(call.get("custom"), dict)
    )


def _wrapped(call: Json) -> Json:
    """A flat call in the form of chat completions; its arguments are checked later."""
    kind = "custom" if call.get("type") in ("custom", "custom_tool_call") else "function"
    given = next((call[key] for key in ("arguments", "args", "input") if key in call), None)
    body = {"name": call["name"], "input" if kind == "custom" else "arguments": given}
    call_id = call.get("call_id") if call.get("call_id") is not None else call.get("id")
    return {"id": call_id, "type": kind, kind: body}


class _History:
    """The messages of one request while they are brought into the form."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._tally = RepeatedNotes(draft)
        self._messages: list[Any] = []
        self._paths: list[str] = []
        # A reasoning item belongs to what the assistant says next: its text and path.
        self._thought: tuple[str, str] | None = None

    def read(self, messages: list[Any]) -> None:
        for number, message in enumerate(messages):
            path = f"messages[{number}]"
            if not isinstance(message, dict):
                self._add(message, path)
            elif "role" not in message and isinstance(message.get("type"), str):
                self._item(message, path)
            else:
                self._message(message, path)
        self._forget()
        self._tally.flush()
        self._draft.body["messages"] = self._messages
        self._draft.message_paths = self._paths

    def _add(self, message: Any, path: str) -> None:
        if self._thought is not None:
            if isinstance(message, dict) and message.get("role") == "assistant":
                text, _ = self._thought
                self._thought = None
                if not find(message).text:
                    message = {**message, "reasoning_content": text}
            else:
                self._forget()
        self._messages.append(message)
        self._paths.append(path)

    def _forget(self) -> None:
        """A reasoning item that nothing of the assistant's follows."""
        if self._thought is not None:
            text, path = self._thought
            self._thought = None
            reason = "no message of the assistant's follows it"
            self._tally.note("lone reasoning", path, text, None, reason)

    # -- messages with parts of Anthropic's --------------------------------------------------------

    def _message(self, message: Json, path: str) -> None:
        content = message.get("content")
        parts = content if isinstance(content, list) else []
        role = message.get("role")
        if role == "assistant":
            self._add(self._with_calls(message, parts, path), path)
            return
        results = [
            (index, part)
            for index, part in enumerate(parts)
            if role == "user" and isinstance(part, dict) and part.get("type") == RESULT_PART
        ]
        for index, part in results:
            self._result_part(part, f"{path}.content[{index}]")
        if not results or len(results) < len(parts):
            self._add(message, path)

    def _with_calls(self, message: Json, parts: list[Any], path: str) -> Json:
        calls = message.get("tool_calls")
        calls = list(calls) if isinstance(calls, list) else []
        changed = False
        for index, call in enumerate(calls):
            if _is_flat(call):
                calls[index], changed = _wrapped(call), True
                where = f"{path}.tool_calls[{index}]"
                reason = "chat completions wrap it into function"
                self._tally.note("flat call", where, call, calls[index], reason)
        for index, part in enumerate(parts):
            if not isinstance(part, dict) or part.get("type") != USE_PART:
                continue
            where = f"{path}.content[{index}]"
            require(isinstance(part.get("name"), str), "must name a function", f"{where}.name")
            calls.append(_wrapped(part))
            changed = True
            self._tally.note("tool_use", where, USE_PART, "a tool call", _ANTHROPIC)
        return {**message, "tool_calls": calls} if changed else message

    def _result_part(self, part: Json, where: str) -> None:
        message = {
            "role": "tool",
            "tool_call_id": part.get("tool_use_id"),
            "content": part.get("content"),
        }
        self._tally.note("tool_result", where, RESULT_PART, "a message of role tool", _ANTHROPIC)
        if part.get("is_error"):
            reason = "Kimi has no such flag; what went wrong is in the text"
            self._tally.note("is_error", f"{where}.is_error", True, None, reason, meaning=True)
        self._add(message, where)

    # -- items of the Responses API ----------------------------------------------------------------

    def _item(self, item: Json, path: str) -> None:
        kind = item["type"]
        if kind == "reasoning":
            self._reasoning(item, path)
        elif kind in ("function_call", "custom_tool_call"):
            self._call(item, path)
        elif kind in ("function_call_output", "custom_tool_call_output"):
            self._output(item, path)
        elif kind == "item_reference":
            raise InvalidRequestError(
                "is an item_reference of the Responses API: it names an item that is stored at "
                "OpenAI, where Kimi cannot read it; put the item itself in its place",
                param=path,
            )
        elif kind in ("human", "ai", "AIMessageChunk", "tool", "system"):
            raise InvalidRequestError(
                f"is a message of LangChain (type {kind!r}) without a role; convert it with "
                "langchain_core.messages.convert_to_openai_messages",
                param=f"{path}.role",
            )
        elif kind == "message":
            self._add(item, path)
        else:
            raise InvalidRequestError(
                f"is not a message but an item of type {kind!r}, as in the Responses API. Kimi "
                "takes messages with a role; of such items function_call, function_call_output, "
                "custom_tool_call, custom_tool_call_output and reasoning are understood",
                param=path,
            )

    def _reasoning(self, item: Json, path: str) -> None:
        self._forget()
        thought = find({"reasoning": item})
        if thought.text:
            self._thought = (thought.text, path)
            self._tally.note("reasoning", path, "reasoning", "reasoning_content", _RESPONSES)
        else:
            reason = "it is encrypted or empty: there is nothing that Kimi can read"
            self._tally.note("hidden reasoning", path, "reasoning", None, reason)

    def _call(self, item: Json, path: str) -> None:
        """One call; those that follow each other belong to one turn."""
        require(isinstance(item.get("name"), str), "must name a function", f"{path}.name")
        self._tally.note("function_call", path, item["type"], "a tool call", _RESPONSES)
        call = _wrapped(item)
        last = self._messages[-1] if self._messages else None
        if self._thought is None and isinstance(last, dict) and last.get("role") == "assistant":
            calls = last.get("tool_calls")
            calls = calls if isinstance(calls, list) else []
            self._messages[-1] = {**last, "tool_calls": [*calls, call]}
        else:
            self._add({"role": "assistant", "tool_calls": [call]}, path)

    def _output(self, item: Json, path: str) -> None:
        self._tally.note("output", path, item["type"], "a message of role tool", _RESPONSES)
        call_id, output = item.get("call_id"), item.get("output")
        if isinstance(output, Mapping) and isinstance(output.get("content"), (str, list)):
            output = output["content"]
        self._add({"role": "tool", "tool_call_id": call_id, "content": output}, path)
