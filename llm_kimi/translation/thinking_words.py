"""What a request says about thinking, in whatever words its stack has for it.

In: the top-level fields of ``WORDS``. Out: ``Wishes``: a switch, a level, a token budget and
whether earlier reasoning is kept, each with the place where it was said. What a model can do with
them is decided in ``thinking``.

Where several fields speak of the same thing, the first in the order of ``WORDS`` counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from .checks import is_number, require
from .draft import Draft

__all__ = ["EFFORTS", "KEYS", "WORDS", "Said", "Wishes", "read"]

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""The levels of OpenAI's and Kimi's ``reasoning_effort``, in rising order."""

_LEVELS: Mapping[str, str] = {
    **{level: level for level in EFFORTS},
    **dict.fromkeys(("off", "disabled", "disable", "false", "no"), "none"),
    **dict.fromkeys(("min", "minimum"), "minimal"),
    **dict.fromkeys(("mid", "med", "moderate"), "medium"),
    **dict.fromkeys(("x_high", "extra_high", "extrahigh", "very_high"), "xhigh"),
    "maximum": "max",
}
_SWITCHES: Mapping[str, str] = {
    **dict.fromkeys(("enabled", "enable", "on", "true", "yes"), "enabled"),
    **dict.fromkeys(("disabled", "disable", "off", "false", "no", "none"), "disabled"),
    **dict.fromkeys(("adaptive", "auto", "dynamic"), "adaptive"),
}
# Levels that leave it to the model.
_UNSAID = ("", "auto", "default", "dynamic", "adaptive")

_ALWAYS_SHOWN = "Kimi always shows its reasoning"
_LEVEL_NAMES = ", ".join(EFFORTS)
_SWITCH_NAMES = "enabled, disabled, true, false"

Kind = Literal["switch", "effort", "budget", "keep", "shown", "nothing"]


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that the request says.

    ``value``: ``enabled``, ``disabled`` or ``adaptive`` for a switch, one of ``EFFORTS`` for an
    effort, tokens for a budget, ``all`` or None for keep. ``path`` and ``given`` are for the
    adjustment; ``native``: it is written as Kimi's own API takes it. ``shown`` (whether reasoning
    is part of the reply) and ``nothing`` are left out, for a ``reason``; ``meaning`` tells whether
    the reply differs without them.
    """

    kind: Kind
    value: Any
    path: str
    given: Any
    native: bool = False
    reason: str = ""
    meaning: bool = False


@dataclass(frozen=True, slots=True)
class Wishes:
    """What counts of all that was said, the top-level fields that said something, and the rest."""

    fields: Mapping[str, Any]
    rest: tuple[Said, ...] = ()
    switch: Said | None = None
    effort: Said | None = None
    budget: Said | None = None
    keep: Said | None = None

    @property
    def chosen(self) -> tuple[Said, ...]:
        """All that counts."""
        every = (self.effort, self.switch, self.budget, self.keep)
        return tuple(said for said in every if said is not None)

    @property
    def off(self) -> bool:
        """Whether thinking is to be switched off by a switch."""
        return self.switch is not None and self.switch.value == "disabled"

    @property
    def budget_counts(self) -> bool:
        """Whether the budget asks for thinking; one beside the switch that is off does not."""
        if not self.off or self.switch is None or self.budget is None:
            return True
        field = self.budget.path.partition(".")[0]
        return field in _ENABLING and field != self.switch.path.partition(".")[0]


# Objects in which a budget switches thinking on: OpenRouter's, Anthropic's.
_ENABLING = ("reasoning", "thinking")

Reader = Callable[[Any, str], Iterator[Said]]


# -- readers: a value and its path in, what it says out ------------------------------------------


def _flag(value: Any, path: str) -> Iterator[Said]:
    """True and false, also as text."""
    word = value.strip().lower() if isinstance(value, str) else value
    if isinstance(word, bool):
        switch: str | None = "enabled" if word else "disabled"
    else:
        switch = _SWITCHES.get(word) if isinstance(word, str) else None
    require(switch is not None, "must be true or false", path)
    yield Said("switch", switch, path, value)


def _inverse(value: Any, path: str) -> Iterator[Said]:
    for said in _flag(value, path):
        yield replace(said, value="disabled" if said.value == "enabled" else "enabled")


def _switch(value: Any, path: str) -> Iterator[Said]:
    if isinstance(value, bool):
        yield from _flag(value, path)
        return
    word = _SWITCHES.get(value.strip().lower()) if isinstance(value, str) else None
    require(word is not None, "must be enabled or disabled", path)
    yield Said("switch", word, path, value, native=value in ("enabled", "disabled"))


def _effort(value: Any, path: str) -> Iterator[Said]:
    if isinstance(value, Mapping):  # {"effort": "high"}: a 400 as it stands
        yield from _object(value, path)
    else:
        yield from _level(value, path)


def _level(value: Any, path: str) -> Iterator[Said]:
    word = re.sub(r"[\s-]+", "_", value.strip().lower()) if isinstance(value, str) else None
    if word in _UNSAID:
        reason = "asks for the model's own default"
        yield Said("nothing", None, path, value, reason=reason)
        return
    level = _LEVELS.get(word or "?")
    require(level is not None, f"must be one of {_LEVEL_NAMES}", path)
    yield Said("effort", level, path, value, native=value == level)


def _budget(value: Any, path: str) -> Iterator[Said]:
    whole = is_number(value) and (isinstance(value, int) or value.is_integer())
    require(whole and value >= -1, "must be a whole number of tokens", path)
    if value == -1:  # no limit at llama.cpp, Gemini and Qwen
        yield Said("nothing", None, path, value, reason="Kimi has no limit for thinking")
        return
    yield Said("budget", int(value), path, value)


def _keep(value: Any, path: str) -> Iterator[Said]:
    require(value in (None, "all"), 'must be "all" or null', path)
    yield Said("keep", value, path, value, native=True)


def _keep_flag(value: Any, path: str) -> Iterator[Said]:
    for said in _flag(value, path):
        yield Said("keep", "all" if said.value == "enabled" else None, path, value)


def _forget_flag(value: Any, path: str) -> Iterator[Said]:
    for said in _inverse(value, path):
        yield Said("keep", "all" if said.value == "enabled" else None, path, value)


def _shown(value: Any, path: str) -> Iterator[Said]:
    for said in _flag(value, path):
        hidden = said.value == "disabled"
        yield Said("shown", not hidden, path, value, reason=_ALWAYS_SHOWN, meaning=hidden)


def _hidden(value: Any, path: str) -> Iterator[Said]:
    for said in _flag(value, path):
        hidden = said.value == "enabled"
        yield Said("shown", not hidden, path, value, reason=_ALWAYS_SHOWN, meaning=hidden)


def _summary(value: Any, path: str) -> Iterator[Said]:
    reason = "Kimi gives its reasoning as it is, without a summary"
    yield Said("nothing", None, path, value, reason=reason, meaning=True)


def _display(value: Any, path: str) -> Iterator[Said]:
    yield Said("nothing", None, path, value, reason="not supported by Kimi")


def _unknown(value: Any, path: str) -> Iterator[Said]:
    yield Said("nothing", None, path, value, reason="not supported by Kimi", meaning=True)


def _any_form(value: Any, path: str) -> Iterator[Said]:
    """A switch as true, false or text, a level as text, or an object of ``KEYS``."""
    if isinstance(value, Mapping):
        yield from _object(value, path)
        return
    text = value.strip().lower() if isinstance(value, str) else ""
    if isinstance(value, bool) or text in _SWITCHES:
        yield from _flag(value, path)
        return
    known = isinstance(value, str) and (text == "" or text in _LEVELS)
    require(
        known,
        f'must be {{"type": "enabled"}} or {{"type": "disabled"}}, or one of {_SWITCH_NAMES}, '
        f"{_LEVEL_NAMES}",
        path,
    )
    yield from _level(value, path)


def _object(value: Mapping[str, Any], path: str) -> Iterator[Said]:
    """What the keys of an object say; a single one is told as the whole object."""
    given = {key: item for key, item in value.items() if item is not None or key == "keep"}
    alone = len(given) == 1
    order = {key: place for place, key in enumerate(KEYS)}
    for key in sorted(given, key=lambda name: order.get(_snake(name), len(order))):
        reader = KEYS.get(_snake(key), _unknown)
        for said in reader(given[key], f"{path}.{key}"):
            if alone or reader in (_switch, _flag):
                said = replace(said, path=path, given=dict(value))
            yield said


def _template(value: Any, path: str) -> Iterator[Said]:
    """``chat_template_kwargs`` of vLLM and SGLang: the words again, one level down."""
    require(isinstance(value, Mapping), "must be an object", path)
    for key in sorted(value, key=lambda name: _PLACES.get(name, len(_PLACES))):
        if value[key] is not None:
            reader = WORDS.get(key, _unknown)
            yield from (_unknown if reader is _template else reader)(value[key], f"{path}.{key}")


def _snake(key: object) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(key)).lower()


KEYS: Mapping[str, Reader] = {
    "type": _switch,  # Kimi, Anthropic, Z.ai
    "enabled": _flag,  # OpenRouter
    "effort": _level,  # OpenRouter, the Responses API, Kimi Code
    "level": _level,
    "thinking_level": _level,  # Gemini
    "keep": _keep,  # Kimi
    "budget_tokens": _budget,  # Anthropic
    "max_tokens": _budget,  # OpenRouter
    "budget": _budget,
    "thinking_budget": _budget,  # Gemini
    "exclude": _hidden,  # OpenRouter
    "include_thoughts": _shown,  # Gemini
    "summary": _summary,  # the Responses API
    "generate_summary": _summary,
    "display": _display,  # Anthropic
}
"""The keys of ``thinking``, ``reasoning`` and the like, those that say most first."""

WORDS: Mapping[str, Reader] = {
    "thinking": _any_form,  # Kimi, Anthropic, Z.ai, DeepSeek
    "reasoning_effort": _effort,  # OpenAI
    "reasoning": _any_form,  # OpenRouter, the Responses API
    "effort": _effort,  # Anthropic, in its output_config
    "thinking_level": _effort,  # Gemini
    "thinking_effort": _effort,
    "reasoning_level": _effort,
    "enable_thinking": _flag,  # Qwen, SGLang, llama.cpp
    "enable_reasoning": _flag,
    "disable_reasoning": _inverse,
    "think": _any_form,  # Ollama
    "thinking_config": _any_form,  # Gemini
    "thinking_budget": _budget,  # Qwen, SiliconFlow
    "thinking_token_budget": _budget,  # vLLM
    "thinking_budget_tokens": _budget,  # llama.cpp
    "think_budget": _budget,
    "reasoning_budget": _budget,  # llama.cpp, NVIDIA
    "reasoning_max_tokens": _budget,
    "max_thinking_tokens": _budget,  # the Claude Agent SDK
    "preserve_thinking": _keep_flag,  # Kimi's chat template
    "clear_thinking": _forget_flag,  # Z.ai
    "include_reasoning": _shown,  # OpenRouter, vLLM
    "chat_template_kwargs": _template,
}
"""The fields that are read, in their order of precedence."""

_PLACES = {word: place for place, word in enumerate(WORDS)}


def read(draft: Draft) -> Wishes:
    """Take the words out of ``draft.body``."""
    fields = {word: draft.body.pop(word) for word in WORDS if word in draft.body}
    chosen: dict[str, Said] = {}
    rest: list[Said] = []
    for word, value in fields.items():
        for said in WORDS[word](value, word):
            first = said if said.reason else chosen.setdefault(said.kind, said)
            if first is not said:
                reason = f"{draft.path(first.path)} is already set and takes precedence"
                said = replace(said, reason=reason, meaning=said.value != first.value)
            if said.reason:
                rest.append(said)
    budget = chosen.get("budget")
    if budget is not None and budget.value == 0 and not chosen.keys() & {"switch", "effort"}:
        # No tokens for thinking means off at Gemini, Qwen and llama.cpp.
        chosen["switch"] = replace(chosen.pop("budget"), kind="switch", value="disabled")
    return Wishes(fields, tuple(rest), **chosen)
