"""Tool calls and their results: every call followed by its result, no result without a call."""

from __future__ import annotations

from collections import Counter

from .draft import Tally
from .turns import Turn

__all__ = ["NO_RESULT", "pair"]

NO_RESULT = "(no result: the call was not answered)"


def pair(turns: list[Turn], tally: Tally) -> list[Turn]:
    """Put every result right behind its call; each message is looked at once.

    Ids may come again in later turns (Kimi's own are like ``search:0``), so a result belongs
    to the latest call before it that has its id and still waits.
    """
    waiting: dict[str, list[int]] = {}
    results: dict[int, list[Turn]] = {}
    latest = -1
    for place, turn in enumerate(turns):
        if turn.message["role"] != "tool":
            latest = place
            for call in turn.message.get("tool_calls") or ():
                waiting.setdefault(call["id"], []).append(place)
            continue
        owners = waiting.get(turn.message["tool_call_id"])
        if not owners:
            _orphan(turn, tally)
            continue
        owner = owners.pop()
        results.setdefault(owner, []).append(turn)
        if owner != latest:
            tally.note(
                "moved",
                f"messages[{turn.number}]",
                "later",
                "right behind its call",
                "Kimi wants results right behind their calls",
            )
    paired: list[Turn] = []
    for place, turn in enumerate(turns):
        if turn.message["role"] != "tool":
            found = results.get(place, [])
            paired += [turn, *found, *_missing(turn, found, tally)]
    return paired


def _missing(turn: Turn, found: list[Turn], tally: Tally) -> list[Turn]:
    """Made-up results for the calls of ``turn`` that have none."""
    calls = turn.message.get("tool_calls")
    if not calls:
        return []
    answered = Counter(result.message["tool_call_id"] for result in found)
    missing = []
    for call in calls:
        if answered[call["id"]]:
            answered[call["id"]] -= 1
            continue
        tally.note(
            "no result",
            f"messages[{turn.number}].tool_calls",
            call["id"],
            NO_RESULT,
            "Kimi refuses a call without its result",
            "kimi-code",
            meaning=True,
        )
        result = {"role": "tool", "tool_call_id": call["id"], "content": NO_RESULT}
        missing.append(Turn(-1, result))
    return missing


def _orphan(turn: Turn, tally: Tally) -> None:
    tally.note(
        "orphan",
        f"messages[{turn.number}]",
        turn.message.get("content"),
        None,
        "its call is not in the conversation, and Kimi refuses a result without its call",
        "kimi-code",
        meaning=True,
    )
