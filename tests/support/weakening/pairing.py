"""Which result answers which call, whatever became of the ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .forms import Heard

Json = dict[str, Any]

RESULT_IDS = ("tool_call_id", "call_id", "tool_use_id", "toolCallId")
"""Names of stacks for the id of the call that a result answers."""

RESULT_NAMES = ("name", "tool_name", "toolName")
"""Names of stacks for the function that a result comes from."""


@dataclass
class Call:
    """A call of an assistant turn, and its result once that is found."""

    path: str
    call: Json
    body: Json
    custom: bool = False
    legacy: bool = False
    result: tuple[str, Json] | None = None

    @property
    def id(self) -> str:
        return id_of(self.call.get("id"))


@dataclass
class Turn:
    """What one message says. `made_up`: it stands for a call that a result alone tells of.

    `joined`: the turn right before it calls as well; both wait for their results together.
    """

    path: str
    message: Json
    role: str
    calls: list[Call] = field(default_factory=list)
    made_up: bool = False
    joined: bool = False


@dataclass
class Dialogue:
    """The turns of a conversation, and the second results of calls."""

    turns: list[Turn] = field(default_factory=list)
    strays: list[tuple[str, Json]] = field(default_factory=list)


def read_dialogue(messages: list[Heard]) -> Dialogue:
    """The turns with their results beside the calls."""
    dialogue = Dialogue()
    called = False
    for heard in messages:
        path, message, role = heard.path, heard.message, heard.message.get("role")
        if role == "tool":
            _result(dialogue, path, message)
            called = False
        elif role == "function":
            _legacy_result(dialogue, path, message)
            called = False
        else:
            role = "system" if role == "developer" else str(role)
            turn = Turn(path, message, role, list(_calls(heard)), joined=called)
            called = bool(turn.calls)
            dialogue.turns.append(turn)
            for call in turn.calls:
                _ahead(dialogue, call)
    return dialogue


def id_of(value: Any) -> str:
    """An id as text; what is no id is the empty text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() if isinstance(value, (str, int, float)) else ""


def _wanted(message: Json) -> str:
    """The id of the call that a result answers."""
    return next(filter(None, (id_of(message.get(key)) for key in RESULT_IDS)), "")


def _calls(heard: Heard) -> Iterator[Call]:
    message, path = heard.message, heard.path
    for index, call in enumerate(message.get("tool_calls") or ()):
        custom = call.get("type") == "custom"
        body = call.get("custom" if custom else "function") or {}
        where = heard.calls[index] if heard.calls else f"{path}.tool_calls[{index}]"
        yield Call(where, call, body, custom)
    legacy = message.get("function_call")
    if legacy and not message.get("tool_calls"):
        yield Call(f"{path}.function_call", {}, legacy, legacy=True)


def _groups(dialogue: Dialogue) -> Iterator[list[Call]]:
    """The calls of turns that follow each other, the latest first."""
    group: list[Call] = []
    for turn in reversed(dialogue.turns):
        if turn.made_up:
            continue
        group = [*turn.calls, *group]
        if group and not turn.joined:
            yield group
            group = []


def _result(dialogue: Dialogue, path: str, message: Json) -> None:
    """The call that a result answers: by its id, else by name and order in the latest turns."""
    wanted, known = _wanted(message), False
    groups = list(_groups(dialogue))
    for group in groups if wanted else ():
        for call in group:
            known = known or call.id == wanted
    alike = [call for group in groups for call in group if wanted and call.id == wanted]
    waiting = _by_name([call for call in alike if call.result is None], message)
    if known and not waiting:
        dialogue.strays.append((path, message))
        return
    for group in [] if waiting else groups:
        waiting = [call for call in group if call.result is None]
        nameless = [call for call in waiting if not call.id]
        waiting = nameless if wanted else nameless or waiting
        waiting = _by_name(waiting, message)
        if waiting or wanted:
            break
    if waiting:
        waiting[0].result = (path, message)
    else:
        _make_up(dialogue, path, message, legacy=False)


def _by_name(waiting: list[Call], message: Json) -> list[Call]:
    """Those of the function that a result names, if there are any."""
    name = next((message[key] for key in RESULT_NAMES if message.get(key)), None)
    return [call for call in waiting if call.body.get("name") == name] or waiting


def _ahead(dialogue: Dialogue, call: Call) -> None:
    """A result that stood before its call."""
    for turn in dialogue.turns:
        found = turn.calls[0].result if turn.made_up else None
        if found is None or call.result is not None or turn.calls[0].legacy or not call.id:
            continue
        if _wanted(found[1]) == call.id:
            call.result = found
            dialogue.turns.remove(turn)
            return


def _legacy_result(dialogue: Dialogue, path: str, message: Json) -> None:
    for group in _groups(dialogue):
        for call in group:
            waits = call.legacy and call.result is None
            if waits and message.get("name") in (call.body.get("name"), None, ""):
                call.result = (path, message)
                return
    _make_up(dialogue, path, message, legacy=True)


def _make_up(dialogue: Dialogue, path: str, message: Json, *, legacy: bool) -> None:
    body = {"name": message.get("name")}
    call = Call(path, {}, body, legacy=legacy, result=(path, message))
    dialogue.turns.append(Turn(path, message, "assistant", [call], made_up=True))
