"""Thinking: ``reasoning_effort`` in OpenAI's and Kimi's words, ``thinking`` in Kimi's and
Anthropic's, or as a plain bool.

In: any of them. Out: the one field that the model reads, or none; ``draft.thinking`` is set.
The server checks little of this itself (unknown efforts are swallowed), so it is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidRequestError
from .draft import Draft, require

__all__ = ["EFFORTS", "apply"]

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

# Nearest level where a model has only low, high and max.
NEAREST = {"minimal": "low", "low": "low", "medium": "high", "high": "high", "xhigh": "max"}

# Anthropic's token budgets, as levels: up to this many tokens, this level; above, the highest.
BUDGETS = ((4_096, "low"), (16_384, "high"))


_FIELDS = frozenset({"thinking", "reasoning", "reasoning_effort"})


@dataclass(frozen=True, slots=True)
class _Wish:
    """``thinking`` as the caller wrote it: ``on`` None when it says nothing about on or off."""

    on: bool | None = None
    keep: str | None = None
    keep_given: bool = False
    budget: int | None = None
    extra: tuple[str, ...] = ()


def apply(draft: Draft) -> None:
    """Replace the caller's wishes about thinking by what the model reads."""
    if _FIELDS.isdisjoint(draft.body):
        return
    _flatten_reasoning(draft)
    effort = _effort(draft)
    raw: Any = draft.body.get("thinking")
    wish = _wish(raw)
    for key in wish.extra:
        draft.adjust(
            f"thinking.{key}", raw[key], None, "Kimi takes no such key", meaning=key != "display"
        )
    mode = draft.model.thinking
    if mode.field == "reasoning_effort":
        _by_effort(draft, effort, wish, raw)
    elif mode.field == "thinking":
        _by_object(draft, effort, wish, raw)
    else:
        _never(draft, effort, wish, raw)


def _flatten_reasoning(draft: Draft) -> None:
    """``reasoning: {"effort": ...}``, as OpenRouter and the Responses API write it."""
    reasoning = draft.body.get("reasoning")
    if not isinstance(reasoning, Mapping) or not isinstance(reasoning.get("effort"), str):
        return
    del draft.body["reasoning"]
    effort = draft.body.setdefault("reasoning_effort", reasoning["effort"])
    draft.adjust(
        "reasoning",
        dict(reasoning),
        {"reasoning_effort": effort},
        "chat completions call it reasoning_effort",
        meaning=any(value is not None for value in {**reasoning, "effort": None}.values())
        or effort != reasoning["effort"],
    )


def _effort(draft: Draft) -> str | None:
    effort = draft.body.get("reasoning_effort")
    if isinstance(effort, Mapping):  # {"effort": "high"}: refused by the API as it stands
        given, effort = effort, effort.get("effort")
        draft.adjust(
            "reasoning_effort",
            dict(given),
            effort if isinstance(effort, str) else None,
            "Kimi takes the level alone",
            meaning=any(value is not None for value in {**given, "effort": None}.values()),
        )
    if effort is None:
        draft.body.pop("reasoning_effort", None)
        return None
    require(
        isinstance(effort, str) and effort in EFFORTS,
        f"must be one of {', '.join(EFFORTS)}",
        "reasoning_effort",
    )
    return str(effort)


def _wish(raw: Any) -> _Wish:
    if raw is None:
        return _Wish()
    if isinstance(raw, bool):
        return _Wish(on=raw)
    require(
        isinstance(raw, Mapping),
        'must be {"type": "enabled"}, {"type": "disabled"}, true or false',
        "thinking",
    )
    kind = raw.get("type")
    require(
        kind in (None, "enabled", "disabled", "adaptive"),
        "must be enabled or disabled",
        "thinking.type",
    )
    keep = raw.get("keep")
    require(keep in (None, "all"), 'must be "all" or null', "thinking.keep")
    budget = raw.get("budget_tokens")
    require(
        budget is None
        or (isinstance(budget, int) and not isinstance(budget, bool) and budget >= 0),
        "must be a whole number of tokens",
        "thinking.budget_tokens",
    )
    known = {"type", "keep", "budget_tokens"}
    return _Wish(
        on=None if kind is None else kind != "disabled",
        keep=keep,
        keep_given="keep" in raw,
        budget=budget,
        extra=tuple(key for key, value in raw.items() if key not in known and value is not None),
    )


def _by_effort(draft: Draft, effort: str | None, wish: _Wish, raw: Any) -> None:
    """K3 and K3.1: always thinking, three levels, no ``thinking`` field."""
    model = draft.model.thinking
    source = draft.model.source("thinking")
    draft.body.pop("thinking", None)
    level: str | None
    if effort is None:
        level = None
    elif effort == "none":
        level = model.efforts[0]
        draft.adjust(
            "reasoning_effort",
            effort,
            level,
            f"{draft.name} always thinks; {level} is least",
            source,
        )
    else:
        level = effort if effort in model.efforts else NEAREST[effort]
        if level != effort:
            draft.adjust(
                "reasoning_effort",
                effort,
                level,
                f"{draft.name} knows {', '.join(model.efforts)}",
                source,
            )
    if wish.on is False:
        level = level or model.efforts[0]
        draft.adjust(
            "thinking",
            raw,
            {"reasoning_effort": level},
            f"{draft.name} always thinks; reasoning_effort is all that can be set",
            source,
        )
    elif wish.budget is not None:
        if level is None:
            level = next((name for most, name in BUDGETS if wish.budget <= most), model.efforts[-1])
        draft.adjust(
            "thinking.budget_tokens",
            wish.budget,
            {"reasoning_effort": level},
            "Kimi has levels, not budgets",
            source,
        )
    elif raw is not None:
        draft.adjust(
            "thinking", raw, None, f"{draft.name} always thinks and keeps it", source, meaning=False
        )
    if level is not None:
        draft.body["reasoning_effort"] = level


def _by_object(draft: Draft, effort: str | None, wish: _Wish, raw: Any) -> None:
    """K2.x: a ``thinking`` object; only K2.6 and K2.5 can be switched off."""
    model = draft.model.thinking
    source = draft.model.source("thinking")
    switchable = model.mode == "switchable"
    on = wish.on
    if effort is not None:
        del draft.body["reasoning_effort"]
        on = _effort_as_switch(draft, effort, on, switchable)
    if on is False and not switchable:
        if wish.on is False:
            draft.adjust("thinking", raw, None, f"{draft.name} always thinks", source)
        on = None
    sent: dict[str, Any] = {}
    if on is not None or (wish.keep_given and model.keep):
        sent["type"] = "disabled" if on is False else "enabled"
        if wish.keep_given and model.keep:
            sent["keep"] = wish.keep
    if wish.keep and not model.keep:
        draft.adjust("thinking.keep", wish.keep, None, f"{draft.name} keeps no thinking", source)
    if wish.budget is not None:
        draft.adjust(
            "thinking.budget_tokens",
            wish.budget,
            None,
            "Kimi has no thinking budget",
            source,
            meaning=on is not False,
        )
    if isinstance(raw, bool) and sent:
        draft.adjust("thinking", raw, sent, "Kimi takes an object", source, meaning=False)
    elif isinstance(raw, Mapping) and raw.get("type") is None and wish.on is None:
        draft.adjust(
            "thinking", dict(raw), sent or None, "Kimi wants its type", source, meaning=False
        )
    elif isinstance(raw, Mapping) and raw.get("type") == "adaptive":
        draft.adjust("thinking.type", "adaptive", sent.get("type"), "Kimi has two modes", source)
    if sent:
        draft.body["thinking"] = sent
    else:
        draft.body.pop("thinking", None)
    if switchable:
        draft.thinking = on is not False


def _effort_as_switch(draft: Draft, effort: str, on: bool | None, switchable: bool) -> bool | None:
    """What a level means for a model that can only think or not; the caller's switch wins."""
    wanted = effort != "none"
    if on is None and switchable:
        on = wanted
    if not switchable:
        reason = f"{draft.name} always thinks, without levels"
        sent: Any = None
    else:
        sent = {"thinking": {"type": "enabled" if on else "disabled"}}
        reason = f"{draft.name} has no levels: thinking is on or off"
    draft.adjust(
        "reasoning_effort",
        effort,
        sent,
        reason,
        "effort-k2",
        meaning=wanted or not switchable or on is not False,
    )
    return on


def _never(draft: Draft, effort: str | None, wish: _Wish, raw: Any) -> None:
    """Models that do not think: nothing to send."""
    source = draft.model.source("thinking")
    reason = f"{draft.name} does not think"
    draft.thinking = False
    if effort is not None:
        draft.drop("reasoning_effort", reason, source, meaning=effort != "none")
    if raw is not None:
        draft.drop("thinking", reason, source, meaning=wish.on is not False)


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
