"""Which result answers which call, whatever became of the ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


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
    """What one message says. `made_up`: it stands for a call that a result alone tells of."""

    path: str
    message: Json
    role: str
    calls: list[Call] = field(default_factory=list)
    made_up: bool = False


@dataclass
class Dialogue:
    """The turns of a conversation, and the results that answer nothing."""

    turns: list[Turn] = field(default_factory=list)
    strays: list[tuple[str, Json]] = field(default_factory=list)


def read_dialogue(messages: list[Json]) -> Dialogue:
    """The turns with their results beside the calls."""
    dialogue = Dialogue()
    for number, message in enumerate(messages):
        path, role = f"messages[{number}]", message.get("role")
        if role == "tool":
            call = _answered(dialogue, message)
            if call is None:
                dialogue.strays.append((path, message))
            else:
                call.result = (path, message)
        elif role == "function":
            _legacy_result(dialogue, path, message)
        else:
            role = "system" if role == "developer" else str(role)
            turn = Turn(path, message, role, list(_calls(path, message)))
            dialogue.turns.append(turn)
    return dialogue


def id_of(value: Any) -> str:
    """An id as text; what is no id is the empty text."""
    return str(value).strip() if isinstance(value, (str, int, float)) else ""


def _calls(path: str, message: Json) -> Iterator[Call]:
    for index, call in enumerate(message.get("tool_calls") or ()):
        custom = call.get("type") == "custom"
        body = call.get("custom" if custom else "function") or {}
        yield Call(f"{path}.tool_calls[{index}]", call, body, custom)
    legacy = message.get("function_call")
    if legacy and not message.get("tool_calls"):
        yield Call(f"{path}.function_call", {}, legacy, legacy=True)


def _answered(dialogue: Dialogue, message: Json) -> Call | None:
    """The call that a result answers: by its id, else by name and order in the latest turn."""
    turns = [turn for turn in reversed(dialogue.turns) if turn.calls]
    wanted = id_of(message.get("tool_call_id"))
    known = False
    for turn in turns if wanted else ():
        for call in turn.calls:
            if call.id == wanted:
                known = True
                if call.result is None:
                    return call
    if known or not turns:
        return None
    waiting = [call for call in turns[0].calls if call.result is None]
    nameless = [call for call in waiting if not call.id]
    if wanted and not nameless:
        return None
    waiting = nameless or waiting
    named = [call for call in waiting if call.body.get("name") == message.get("name")]
    return next(iter(named or waiting), None)


def _legacy_result(dialogue: Dialogue, path: str, message: Json) -> None:
    for turn in dialogue.turns:
        for call in turn.calls:
            waits = call.legacy and call.result is None
            if waits and call.body.get("name") == message.get("name"):
                call.result = (path, message)
                return
    call = Call(path, {}, {"name": message.get("name")}, legacy=True, result=(path, message))
    dialogue.turns.append(Turn(path, message, "assistant", [call], made_up=True))
