"""Sampling: temperature, top_p, n, penalties, logprobs.

In: the caller's values, checked against OpenAI's ranges. Out: nothing where the model pins the
parameter (an adjustment where the value differs), a clamped value where it has a narrower range.
"""

from __future__ import annotations

from typing import Any

from ..catalog import Pinned, Range
from .checks import is_number, require
from .draft import Draft

__all__ = ["NEAR_ZERO", "apply"]

OPENAI_RANGES = {
    "temperature": (0.0, 2.0),
    "top_p": (0.0, 1.0),
    "presence_penalty": (-2.0, 2.0),
    "frequency_penalty": (-2.0, 2.0),
}
MAX_CHOICES = 128
_FIELDS = frozenset({*OPENAI_RANGES, "logprobs", "top_logprobs", "n"})

# The guide says "close to 0" and gives 0.001 as an example, no limit; 0.3 is the figure of an
# older wording. Below it, several choices are asked for one by one, which is never refused.
NEAR_ZERO = 0.3


def apply(draft: Draft) -> None:
    """Bring the sampling parameters to what the model takes."""
    if _FIELDS.isdisjoint(draft.body):
        return
    rules = draft.model.sampling(draft.thinking)
    for param, (low, high) in OPENAI_RANGES.items():
        value = draft.body.get(param)
        if value is None:
            continue
        require(
            is_number(value) and low <= value <= high,
            f"must be a number from {low:g} to {high:g}",
            param,
        )
        rule = rules[param]
        if isinstance(rule, Pinned):
            _drop_pinned(draft, param, value, rule)
        elif isinstance(rule, Range) and not rule.low <= value <= rule.high:
            clamped = min(max(value, rule.low), rule.high)
            draft.body[param] = clamped
            reason = f"{draft.name} takes {rule.low:g} to {rule.high:g}"
            draft.adjust(param, value, clamped, reason, draft.model.source("sampling"))
    _logprobs(draft, rules["logprobs"])
    _choices(draft, rules["n"])


def _drop_pinned(draft: Draft, param: str, value: Any, rule: Pinned) -> None:
    del draft.body[param]
    if value == rule.value:
        return
    when = ""
    if draft.model.thinking.mode == "switchable":
        when = " while thinking" if draft.thinking else " with thinking off"
    draft.adjust(
        param,
        value,
        rule.value,
        f"{draft.name} fixes it{when}",
        draft.model.source("sampling"),
    )


def _logprobs(draft: Draft, rule: object) -> None:
    wanted = draft.check_type("logprobs", bool, "true or false")
    top = draft.body.get("top_logprobs")
    if top is not None:
        require(
            isinstance(top, int) and not isinstance(top, bool) and 0 <= top <= 20,
            "must be a whole number from 0 to 20",
            "top_logprobs",
        )
    if isinstance(rule, Pinned):
        reason = f"{draft.name} gives no log probabilities"
        source = draft.model.source("sampling")
        if wanted is not None:
            del draft.body["logprobs"]
            if wanted:
                draft.adjust("logprobs", wanted, rule.value, reason, source)
        if top is not None:
            draft.drop("top_logprobs", reason, source, meaning=bool(wanted))
    elif top is not None and not wanted:
        draft.drop("top_logprobs", "it needs logprobs", meaning=False)


def _choices(draft: Draft, rule: object) -> None:
    """``n``: sent where the model takes it, planned as several requests where it does not."""
    wanted = draft.body.get("n")
    if wanted is None:
        return
    require(
        isinstance(wanted, int) and not isinstance(wanted, bool) and 1 <= wanted <= MAX_CHOICES,
        f"must be a whole number from 1 to {MAX_CHOICES}",
        "n",
    )
    if wanted == 1:
        if isinstance(rule, Pinned):
            del draft.body["n"]
        return
    reason = ""
    if isinstance(rule, Pinned):
        reason = f"{draft.name} gives one choice a request"
    elif isinstance(rule, Range) and wanted > rule.high:
        reason = f"{draft.name} gives at most {rule.high:g} choices a request"
    elif isinstance(rule, Range):
        temperature = draft.body.get("temperature")
        default = draft.model.sampling(draft.thinking)["temperature"]
        if temperature is None and isinstance(default, Range):
            temperature = default.default
        if temperature is not None and temperature < NEAR_ZERO:
            reason = f"{draft.name} gives one choice a request at a temperature near 0"
    if not reason:
        return
    del draft.body["n"]
    draft.choices = wanted
    draft.adjust(
        "n",
        wanted,
        1,
        f"{reason}: asked {wanted} times and merged; usage is the sum",
        draft.model.source("sampling"),
        meaning=False,
    )
