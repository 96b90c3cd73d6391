"""Tool calls and their results: every call followed by its result, no result without a call.

Histories of other clients have ids that are empty, repeated, cut or missing. A result that is
there is kept:

1. It answers the call before it that has its id and still waits, the latest first; of several
   calls of a turn with that id the one that it names, else the next.
2. Without an id it answers the call that waits in the latest turn with calls, by ``name`` where it
   has one, else in order. Turns with calls that follow each other count as one.
3. A second result of one call is sent with the first.
4. A result right before its call moves behind it.
5. A foreign id among the results of a turn stands for a call that is left over there.
6. For any other result a call is made up: Kimi refuses a result without one, and as a message of
   the user its text would say something else.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, TypeAlias

from ..draft import Draft, Json, RepeatedNotes
from ..tools.names import LEGAL, Names
from .call_ids import Ids, is_legal
from .context import DraftMessage

__all__ = ["NO_RESULT", "UNKNOWN_FUNCTION", "Pairing", "Relocated"]

Relocated: TypeAlias = "dict[int, tuple[int, int]]"

NO_RESULT = "(no result: the call was not answered)"
UNKNOWN_FUNCTION = "unknown_function"
"""The name of a call that is made up for a result that does not name its function."""


class _Call:
    """One call of a turn; ``result`` is the turn that answers it."""

    __slots__ = ("call", "id", "index", "place", "result")

    def __init__(self, call: Json, given: str | None, place: int, index: int) -> None:
        self.call = call
        self.id = given
        self.place = place
        self.index = index
        self.result: DraftMessage | None = None

    @property
    def name(self) -> str:
        return str(self.call["function"]["name"])


class Pairing:
    """Pairs the turns of one conversation. Each turn is looked at a few times, whatever its place.

    ``relocated``: results that were put into an earlier one, as number -> (number of that one,
    how many parts stand before).
    """

    def __init__(self, draft: Draft, tally: RepeatedNotes) -> None:
        self._draft = draft
        self._tally = tally
        self._turns: list[DraftMessage] = []
        # The calls of a turn by its place; its results in the order in which they are sent.
        self._calls: dict[int, list[_Call]] = {}
        self._results: defaultdict[int, list[DraftMessage]] = defaultdict(list)
        # Results that come after a call that is made up for them, by their place.
        self._made_up: dict[int, _Call] = {}
        self.relocated: Relocated = {}

    def pair(self, turns: list[DraftMessage]) -> list[DraftMessage]:
        """The turns with every result right behind its call."""
        if not any(turn.calls or turn.message["role"] == "tool" for turn in turns):
            return turns
        self._turns = turns
        left = self._by_id()
        if left:
            self._by_place(left)
        self._name()
        return self._woven()

    # -- who answers whom --------------------------------------------------------------------------

    def _by_id(self) -> list[int]:
        """Pair what has the same id; the places of the results that are left."""
        waiting: defaultdict[str, list[list[_Call]]] = defaultdict(list)
        left = []
        latest = -1
        for place, turn in enumerate(self._turns):
            if turn.message["role"] != "tool":
                latest = place
                if turn.calls:
                    for call_id, alike in self._read(place, turn).items():
                        waiting[call_id].append(alike)
                continue
            group = waiting.get(turn.id) if turn.id is not None else None
            if not group:
                left.append(place)
                continue
            call = _meant(group[-1], turn.message.get("name"))
            if not group[-1]:
                group.pop()
            self._answer(call, turn)
            if call.place != latest:
                self._moved(turn)
        return left

    def _read(self, place: int, turn: DraftMessage) -> dict[str, list[_Call]]:
        """The calls of one turn by their ids; of several with one id the first stands last."""
        given = zip(turn.message["tool_calls"], turn.calls or (), strict=True)
        self._calls[place] = calls = [
            _Call(call, call_id, place, index) for index, (call, call_id) in enumerate(given)
        ]
        by_id: dict[str, list[_Call]] = {}
        for call in reversed(calls):
            if call.id is not None:
                by_id.setdefault(call.id, []).append(call)
        return by_id

    def _answer(self, call: _Call, turn: DraftMessage) -> None:
        call.result = turn
        self._results[call.place].append(turn)

    def _by_place(self, left: list[int]) -> None:
        """Pair the results that no id pairs, in the order in which they stand."""
        following = self._following()
        waiting = _Waiting()
        remaining = set(left)
        calls: list[_Call] = []
        for place, turn in enumerate(self._turns):
            if place in self._calls:  # turns with calls that follow each other count as one
                calls += self._calls[place]
                if place + 1 not in self._calls:
                    waiting.add(calls, self._foreign_ids(place, remaining))
                    calls = []
            elif turn.message["role"] != "tool":
                waiting.adjacent = False
            elif place in remaining:
                self._place_result(place, turn, waiting, following[place])

    def _following(self) -> list[list[_Call]]:
        """For every place the calls of the next turn that has any."""
        following: list[list[_Call]] = []
        calls: list[_Call] = []
        for place in range(len(self._turns) - 1, -1, -1):
            calls = self._calls.get(place, calls)
            following.append(calls)
        return following[::-1]

    def _foreign_ids(self, place: int, remaining: set[int]) -> int:
        """How many results right behind the turn at ``place`` have ids that no call has."""
        count = 0
        for after in range(place + 1, len(self._turns)):
            if self._turns[after].message["role"] != "tool":
                break
            count += after in remaining and self._turns[after].id is not None
        return count

    def _place_result(
        self, place: int, turn: DraftMessage, waiting: _Waiting, following: list[_Call]
    ) -> None:
        name = turn.message.get("name")
        if turn.id is None:
            call = waiting.without_id(name, by_name=turn.legacy)
            if call is not None:
                self._answer(call, turn)
                waiting.done(call)
                if not turn.legacy:
                    self._guessed(turn, "it has no id: paired with its call by name or order")
                if not waiting.is_right_before(call):
                    self._moved(turn)
                return
            second = None if turn.legacy else waiting.only_call()
        else:
            second = waiting.answered.get(turn.id)
        if second is not None and second.result is not None:
            self._second(second, turn)
            return
        ahead = next((c for c in following if c.result is None and c.id == turn.id), None)
        if ahead is not None and turn.id is not None:
            self._answer(ahead, turn)
            waiting.answered[turn.id] = ahead
            self._moved(turn, "earlier")
            return
        call = waiting.with_foreign_id(name) if turn.id is not None else None
        if call is not None:
            self._answer(call, turn)
            waiting.done(call)
            reason = "no call has this id; one call right before it was not answered"
            self._guessed(turn, reason, meaning=True)
            return
        self._make_up(place, turn)

    def _second(self, call: _Call, turn: DraftMessage) -> None:
        """Another result of a call that has one: the later one may be the right one."""
        first = call.result
        assert first is not None
        before, after = first.message["content"], turn.message["content"]
        where = self._draft.message_path(turn.number)
        if before == after:
            reason = "the call already has a result, and it is the same"
            self._tally.note("second alike", where, after, None, reason, "kimi-code")
            return
        if isinstance(before, str) and isinstance(after, str):
            joined: Any = f"{before}\n\n{after}"
        else:
            parts = _parts(before)
            self.relocated[turn.number] = (first.number, len(parts))
            joined = parts + _parts(after)
        first.message = {**first.message, "content": joined}
        self._tally.note(
            "second result",
            where,
            after,
            "with the first",
            "the call already has a result: Kimi takes one, so both are sent in it",
            "kimi-code",
            meaning=True,
        )

    def _make_up(self, place: int, turn: DraftMessage) -> None:
        name = turn.message.get("name") or UNKNOWN_FUNCTION
        if not LEGAL.match(name):  # the names of results alone are not among those of the request
            name = Names([name]).sent(name)
        call = {"id": "", "type": "function", "function": {"name": name, "arguments": "{}"}}
        self._made_up[place] = made = _Call(call, turn.id, place, 0)
        made.result = turn
        self._tally.note(
            "lone function" if turn.legacy else "orphan",
            self._draft.message_path(turn.number),
            "a result without a call",
            "a call before it",
            "its call is not in the conversation, and Kimi refuses a result without its call",
            "kimi-code",
            meaning=not turn.legacy,
        )

    def _moved(self, turn: DraftMessage, was: str = "later") -> None:
        self._tally.note(
            "moved",
            self._draft.message_path(turn.number),
            was,
            "right behind its call",
            "Kimi wants results right behind their calls",
        )

    def _guessed(self, turn: DraftMessage, reason: str, *, meaning: bool = False) -> None:
        where = f"{self._draft.message_path(turn.number)}.tool_call_id"
        self._tally.note(
            reason, where, turn.id or "", "the id of its call", reason, meaning=meaning
        )

    # -- what is sent ------------------------------------------------------------------------------

    def _name(self) -> None:
        """Give every call, and its result, the id with which they are sent."""
        everything = [*self._calls.values(), *([made] for made in self._made_up.values())]
        ids: Ids | None = None
        for calls in everything:
            used: set[str] = set()
            for call in calls:
                sent = call.id
                if sent is None or sent in used or not is_legal(sent):
                    ids = ids or Ids(call.id for calls in everything for call in calls)
                    turn = self._turns[call.place]
                    sent = ids.sent(call.id, f"call_{turn.number}_{call.index}")
                    if not turn.legacy and call.place in self._calls:
                        self._renamed(turn, call, sent)
                used.add(sent)
                call.call["id"] = sent
                if call.result is not None:
                    call.result.message["tool_call_id"] = sent

    def _renamed(self, turn: DraftMessage, call: _Call, sent: str) -> None:
        if call.id is None:
            key, reason = "no id", "Kimi wants an id for every call"
        elif is_legal(call.id):
            key, reason = "same id", "two calls of one turn have the same id"
        else:
            key, reason = "odd id", "Kimi's ids have at most 64 letters, digits and _ - . : $"
        where = f"{self._draft.message_path(turn.number)}.tool_calls[{call.index}].id"
        self._tally.note(key, where, call.id, sent, reason, "kimi-code")
        if call.result is not None and call.result.id is not None:
            where = f"{self._draft.message_path(call.result.number)}.tool_call_id"
            self._tally.note(f"{key} of a result", where, call.result.id, sent, reason, "kimi-code")

    def _woven(self) -> list[DraftMessage]:
        woven: list[DraftMessage] = []
        for place, turn in enumerate(self._turns):
            made = self._made_up.get(place)
            if made is not None:
                woven += [DraftMessage(-1, {"role": "assistant", "tool_calls": [made.call]}), turn]
            elif turn.message["role"] != "tool":
                woven.append(turn)
                if place in self._calls:
                    woven += self._results[place]
                    woven += self._missing(turn, self._calls[place])
        return woven

    def _missing(self, turn: DraftMessage, calls: list[_Call]) -> list[DraftMessage]:
        """Made-up results for the calls that have none."""
        missing = []
        for call in calls:
            if call.result is not None:
                continue
            call_id = call.call["id"]
            self._tally.note(
                "no result",
                f"{self._draft.message_path(turn.number)}.tool_calls",
                call_id,
                NO_RESULT,
                "Kimi refuses a call without its result",
                "kimi-code",
                meaning=True,
            )
            result = {"role": "tool", "tool_call_id": call_id, "content": NO_RESULT}
            missing.append(DraftMessage(-1, result))
        return missing


def _meant(alike: list[_Call], name: str | None) -> _Call:
    """Take the call that a result answers out of those of a turn that have its id: the one that
    it names, else the next. The next stands last."""
    if name and len(alike) > 1:
        for place in range(len(alike) - 1, -1, -1):
            if alike[place].name == name:
                return alike.pop(place)
    return alike.pop()


def _parts(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


class _Waiting:
    """The calls before a place that wait for a result.

    ``answered``: the latest call by its id. ``adjacent``: only results stand between the latest
    turn with calls and this place. ``foreign``: how many of them have ids that no call has.
    """

    def __init__(self) -> None:
        self.answered: dict[str, _Call] = {}
        self.adjacent = False
        self.foreign = 0
        self._latest: list[_Call] = []
        # How many calls of the latest turn wait; all that wait, by turn and by name, the next last.
        self._count = 0
        self._open: list[list[_Call]] = []
        self._named: defaultdict[str, list[_Call]] = defaultdict(list)

    def add(self, calls: list[_Call], foreign: int) -> None:
        """The turn at this place has ``calls``; ``foreign`` results behind it are of no call."""
        self.adjacent, self.foreign, self._latest = True, foreign, calls
        for call in calls:
            if call.id is not None:
                self.answered[call.id] = call
        waiting = [call for call in reversed(calls) if call.result is None]
        self._count = len(waiting)
        if waiting:
            self._open.append(waiting)
            for call in waiting:
                self._named[call.name].append(call)

    def done(self, call: _Call) -> None:
        """``call`` has its result now."""
        self._count -= self._is_latest(call)

    def is_right_before(self, call: _Call) -> bool:
        """Whether only results stand between the turn of ``call`` and this place."""
        return self.adjacent and call.place == self._latest[-1].place

    def _is_latest(self, call: _Call) -> bool:
        return bool(self._latest) and call.place >= self._latest[0].place

    def only_call(self) -> _Call | None:
        """The call right before this place, where its turn has no other."""
        return self._latest[0] if self.adjacent and len(self._latest) == 1 else None

    def without_id(self, name: str | None, *, by_name: bool) -> _Call | None:
        """The call that a result without an id answers."""
        if name:
            named = _next(self._named[name])
            if named is not None or by_name:
                return named
        while self._open:
            group = self._open[-1]
            first = _next(group)
            if first is not None:
                waiting = (call for call in reversed(group) if call.result is None)
                return next((call for call in waiting if call.id is None), first)
            self._open.pop()
        return None

    def with_foreign_id(self, name: str | None) -> _Call | None:
        """The call for a result whose id no call has: only where there is no doubt which."""
        waiting, count, foreign = self._count if self.adjacent else 0, self._count, self.foreign
        self.foreign -= 1
        if not waiting:
            return None
        sure = waiting == 1 or count == foreign
        if not name:
            return _next(self._open[-1]) if sure else None
        alike = self._named[name]
        call = _next(alike)
        if call is None or not self._is_latest(call):
            return None
        return call if sure or len(alike) == 1 or not self._is_latest(alike[-2]) else None


def _next(calls: list[_Call]) -> _Call | None:
    """The last of ``calls`` that waits; those that do no more are taken off."""
    while calls and calls[-1].result is not None:
        calls.pop()
    return calls[-1] if calls else None
