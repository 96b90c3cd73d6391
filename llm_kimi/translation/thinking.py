"""Thinking: what the caller wishes (``thinking_words``), as the model can be told.

Out: the one field that the model reads, or none; ``draft.thinking`` is set. A switch says more
than a level, a level more than a budget of tokens. The server checks little of this itself
(unknown efforts are swallowed), so it is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidRequestError
from .draft import Draft
from .thinking_words import EFFORTS, WORDS, Said, Wishes, read

__all__ = ["EFFORTS", "apply", "switch_off"]

# Nearest level where a model has only low, high and max.
NEAREST = {"minimal": "low", "low": "low", "medium": "high", "high": "high", "xhigh": "max"}

# Budgets of tokens, as levels: up to this many tokens, this level; above, the highest.
BUDGETS = ((4_096, "low"), (16_384, "high"))

_SPELLING = "Kimi's field for it"


def apply(draft: Draft) -> None:
    """Replace the caller's wishes about thinking by what the model reads."""
    if WORDS.keys().isdisjoint(draft.body):
        return
    before = len(draft.adjustments)
    wishes = read(draft)
    field = draft.model.thinking.field
    if field == "reasoning_effort":
        _by_effort(draft, wishes)
    elif field == "thinking":
        _by_object(draft, wishes)
    else:
        _never(draft, wishes)
    for said in wishes.rest:
        meaning = said.meaning and (said.kind != "shown" or draft.thinking)
        _tell(draft, said, None, said.reason, "thinking", meaning=meaning)
    _tell_the_rest(draft, wishes, before)


def _tell(
    draft: Draft, said: Said, sent: Any, reason: str, source: str = "", *, meaning: bool = True
) -> None:
    draft.adjust(
        said.path,
        said.given,
        sent,
        reason,
        source or draft.model.source("thinking"),
        meaning=meaning,
    )


def _tell_the_rest(draft: Draft, wishes: Wishes, before: int) -> None:
    """Wishes that are met in another form than they have, and fields that wish for nothing."""
    told = {item.param for item in draft.adjustments[before:]}
    fields = ("thinking", "reasoning_effort")
    sent = {key: draft.body[key] for key in fields if key in draft.body}
    asis = {field for field, given in wishes.fields.items() if _same(sent.get(field), given)}
    for said in wishes.chosen:
        if said.path.partition(".")[0] not in asis and draft.path(said.path) not in told:
            told.add(draft.path(said.path))
            _tell(draft, said, _shown(said.path, sent), _SPELLING, meaning=False)
    for field, given in wishes.fields.items():
        path = draft.path(field)
        if field not in asis and not any(f"{param}.".startswith(f"{path}.") for param in told):
            reason = _SPELLING if field in sent else "asks for the model's own default"
            draft.adjust(field, given, sent.get(field), reason, "thinking", meaning=False)


def _shown(path: str, sent: Mapping[str, Any]) -> Any:
    """What is sent for ``path``: its value where the field keeps its name, else the fields."""
    return sent.get(path) or dict(sent) or None


def _same(sent: Any, given: Any) -> bool:
    return bool(sent == given) and type(sent) is type(given)


def _by_effort(draft: Draft, wishes: Wishes) -> None:
    """K3 and K3.1: always thinking, three levels, no ``thinking`` field."""
    model = draft.model.thinking
    level = None
    if wishes.effort is not None:
        level = _nearest_level(draft, wishes.effort)
    if wishes.off and wishes.switch is not None:
        level = level or model.efforts[0]
        reason = f"{draft.name} always thinks; reasoning_effort is all that can be set"
        _tell(draft, wishes.switch, {"reasoning_effort": level}, reason)
    if wishes.budget is not None:
        if level is None:
            most = wishes.budget.value
            level = next((name for limit, name in BUDGETS if most <= limit), model.efforts[-1])
        sent = {"reasoning_effort": level}
        counts = wishes.budget_counts
        _tell(draft, wishes.budget, sent, "Kimi has levels, not budgets", meaning=counts)
    for said in (wishes.switch, wishes.keep):
        if said is not None and said.value != "disabled":
            reason = f"{draft.name} always thinks and keeps it"
            _tell(draft, said, None, reason, meaning=False)
    if level is not None:
        draft.body["reasoning_effort"] = level


def _nearest_level(draft: Draft, effort: Said) -> str:
    model = draft.model.thinking
    if effort.value == "none":
        level: str = model.efforts[0]
        reason = f"{draft.name} always thinks; {level} is least"
    else:
        level = effort.value if effort.value in model.efforts else NEAREST[effort.value]
        reason = f"{draft.name} knows {', '.join(model.efforts)}"
    if level != effort.value:
        renamed = level if effort.path == "reasoning_effort" else {"reasoning_effort": level}
        _tell(draft, effort, renamed, reason)
    return level


# K2.x thinks or does not: what is sent as ``thinking.type``, and whether that changes the meaning
# of the level that was said. By switch (on, off) and level (none, or any that thinks) as the caller
# said them; None: nothing was said, or nothing is sent. His switch wins over his level.
_SWITCHABLE: Mapping[tuple[str | None, str | None], tuple[str | None, bool]] = {
    (None, None): (None, False),
    (None, "any"): ("enabled", True),
    (None, "none"): ("disabled", False),
    ("on", None): ("enabled", False),
    ("on", "any"): ("enabled", True),
    ("on", "none"): ("enabled", True),
    ("off", None): ("disabled", False),
    ("off", "any"): ("disabled", True),
    ("off", "none"): ("disabled", False),
}
# The same of those that always think; that they cannot be switched off is told as well.
_ALWAYS_ON: Mapping[tuple[str | None, str | None], tuple[str | None, bool]] = {
    (None, None): (None, False),
    (None, "any"): (None, True),
    (None, "none"): (None, True),
    ("on", None): ("enabled", False),
    ("on", "any"): ("enabled", True),
    ("on", "none"): ("enabled", True),
    ("off", None): (None, False),
    ("off", "any"): (None, True),
    ("off", "none"): (None, True),
}


def _by_object(draft: Draft, wishes: Wishes) -> None:
    """K2.x: a ``thinking`` object; only K2.6 and K2.5 can be switched off."""
    model = draft.model.thinking
    switchable = model.mode == "switchable"
    switch = None if wishes.switch is None else "off" if wishes.off else "on"
    level = None if wishes.effort is None else "none" if wishes.effort.value == "none" else "any"
    kind, changed = (_SWITCHABLE if switchable else _ALWAYS_ON)[switch, level]
    if wishes.effort is not None:
        _tell_level(draft, wishes.effort, kind if switchable else None, meaning=changed)
    if switch == "off" and wishes.switch is not None and not switchable:
        _tell(draft, wishes.switch, None, f"{draft.name} always thinks")
    sent: dict[str, Any] = {}
    keep = wishes.keep if model.keep else None
    if kind is not None or keep is not None:
        sent["type"] = kind or "enabled"
    if keep is not None:
        sent["keep"] = keep.value
    if wishes.keep is not None and wishes.keep.value and not model.keep:
        _tell(draft, wishes.keep, None, f"{draft.name} keeps no thinking")
    if wishes.budget is not None:
        reason = "Kimi has no thinking budget"
        meaning = wishes.budget_counts and (kind != "disabled" or wishes.off)
        _tell(draft, wishes.budget, None, reason, meaning=meaning)
    if wishes.switch is not None and wishes.switch.value == "adaptive":
        _tell(draft, wishes.switch, sent, "Kimi has two modes")
    if sent:
        draft.body["thinking"] = sent
    if switchable:
        draft.thinking = kind != "disabled"


def _tell_level(draft: Draft, effort: Said, kind: str | None, *, meaning: bool) -> None:
    """What becomes of a level; ``kind`` None: the model can only think."""
    if kind is None:
        sent, reason = None, f"{draft.name} always thinks, without levels"
    else:
        sent = {"thinking": {"type": kind}}
        reason = f"{draft.name} has no levels: thinking is on or off"
    _tell(draft, effort, sent, reason, "effort-k2", meaning=meaning)


def _never(draft: Draft, wishes: Wishes) -> None:
    """Models that do not think: nothing to send."""
    draft.thinking = False
    for said in wishes.chosen:
        asked = said.value not in ("none", "disabled", None)
        asked = asked and not (wishes.off and said.kind in ("budget", "keep"))
        _tell(draft, said, None, f"{draft.name} does not think", meaning=asked)


def switch_off(draft: Draft, param: str, given: Any, reason: str) -> None:
    """Turn thinking off for this request, because the caller allowed it for ``param``."""
    if draft.model.thinking.mode != "switchable":
        raise InvalidRequestError(f"{draft.name} always thinks", param=param)
    before = draft.body.get("thinking")
    draft.body["thinking"] = {"type": "disabled"}
    draft.thinking = False
    draft.adjust(
        "thinking",
        before,
        {"type": "disabled"},
        f"{reason} ({param} was {given})" if isinstance(given, str) else reason,
        draft.model.source("tool_choice"),
    )
