"""Is there such a model? ``standing`` says it of an id, for the host that is configured.

The translation has rules for every ``kimi-*`` id and for ids as relays write them, so that what is
newer than this package runs. Whether the host serves the id is another question: Moonshot's own
serves the live models of the catalog, and what ``llm kimi refresh`` heard from it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import get_close_matches
from urllib.parse import urlsplit

from ..catalog import BY_ID, FLAGSHIP, GONE, UnknownModelError, live_models, resolve
from ..config import discovered_models, settings
from ..config.known_hosts import MOONSHOT, is_loopback
from ..errors import KimiError

__all__ = ["Standing", "did_you_mean", "standing"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is to be said of a model id: ``refusal``, a reason why the host does not serve it, or
    ``note``, what one should know although it may."""

    refusal: str | None = None
    note: str | None = None


def standing(model_id: str, found: discovered_models.Learned) -> Standing:
    """Whether the configured host serves ``model_id``; ``found`` is its last refresh.

    Ids of other makers are for the translation to refuse: nothing is said of them.
    """
    ours = _is_moonshot(found.base_url)
    try:
        row = resolve(model_id)
    except UnknownModelError:
        if not ours:
            return Standing()
        if model_id == "kimi":
            return Standing(refusal=f"'kimi' is an alias in llm: the id is {FLAGSHIP}")
        return Standing(refusal=_unknown(model_id, ours=ours) if _same_letters(model_id) else None)
    if any(seen["id"] == model_id for seen in found.rows):
        return Standing()
    if model_id in BY_ID and row.status == "live":
        absent = found.when is not None
        return Standing(note=f"{model_id} was not served at the last refresh" if absent else None)
    name = _name(model_id)
    gone = name if name in GONE else row.id if row.id in GONE else None
    if gone is not None:
        text: str | None = _retired(model_id, gone, ours=ours)
    elif row.id in BY_ID:
        # A live model in another spelling; relays have their own.
        here = f"{model_id!r} is not an id of Moonshot's platform: did you mean {row.id}?"
        text = here if ours else None
    else:
        text = _unknown(model_id, ours=ours)
    return Standing(refusal=text) if ours else Standing(note=text)


def _retired(model_id: str, gone: str, *, ours: bool) -> str:
    date, replacement = GONE[gone]
    if not ours:
        return f"Moonshot retired {gone} on {date}; some relays still serve it"
    which = "" if model_id == gone else f"{model_id!r}: "
    return f"{which}{gone} was retired on {date}; use {replacement}"


def _unknown(model_id: str, *, ours: bool) -> str:
    text = f"{model_id!r} is not a known model{did_you_mean(model_id)}"
    if ours:
        return f"{text} If it is new, 'llm kimi refresh' learns it"
    return f"{text} If your host serves it, its rules are a guess ('llm kimi refresh' learns them)"


def did_you_mean(model_id: str) -> str:
    """``: did you mean kimi-k2.6?``, or a full stop where nothing is near."""
    near = _same_letters(model_id) or _longer(model_id) or _near(model_id)
    return f": did you mean {' or '.join(near)}?" if near else "."


def _longer(model_id: str) -> list[str]:
    """Live models that are called so and something more: ``kimi-k3.1-pro`` for ``kimi-k3.1``."""
    name = _name(model_id)
    longer = [each for each in _live() if each.startswith((f"{name}-", f"{name}."))]
    return [each for each in longer if not each.endswith("-highspeed")][:2]


def _near(model_id: str) -> list[str]:
    return get_close_matches(_name(model_id), _live(), n=1, cutoff=0.75)


def _same_letters(model_id: str) -> list[str]:
    """Live models whose ids differ in nothing but punctuation."""
    return [each for each in _live() if _letters(each) == _letters(_name(model_id))]


def _live() -> list[str]:
    return [model.id for model in live_models()]


def _name(model_id: str) -> str:
    """Without the maker, as relays write it."""
    return model_id.lower().rsplit("/", 1)[-1]


def _letters(model_id: str) -> str:
    return "".join(filter(str.isalnum, model_id.lower()))


def _is_moonshot(base_url: str) -> bool:
    """Moonshot's own host, or the offline Kimi that stands in for it."""
    try:
        name = urlsplit(base_url or settings.base_url()).hostname or ""
    except KimiError:
        return False
    if os.environ.get(settings.SIMULATOR_KEY_VARIABLE) and is_loopback(name):
        return True
    return name in MOONSHOT
