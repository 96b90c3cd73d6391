"""Which row holds for an id, and what hosts have said of models that have none."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from .ids import is_named, platform_name
from .models import _K27, _K31, BY_ID, MODELS
from .types import Model, UnknownModelError

__all__ = ["learn", "live_models", "resolve", "rules"]

_UNKNOWN = replace(
    _K31, id="kimi-*", price=None, released=None, sources={**_K31.sources, "price": ()}
)
# Of an unknown K2 (kimi-k2-thinking, kimi-k2.8-preview) it is not known whether thinking can be
# switched off. K2.7's rules ask for the least, so nothing that they let through is refused.
_UNKNOWN_K2 = replace(
    _K27,
    id="kimi-k2*",
    price=None,
    notice=None,
    replacement=None,
    sources={**_K27.sources, "price": ()},
)


def live_models() -> tuple[Model, ...]:
    """The models that the open platform serves today, newest first."""
    return tuple(model for model in MODELS if model.status == "live")


_learned: dict[str, dict[str, Model]] = {}
_learned_rows: Mapping[str, Model] = MappingProxyType({})
_learning = threading.Lock()


def learn(models: Iterable[Model], *, host: str) -> None:
    """Take rows for ids that have none here, as the host at the base URL ``host`` states them.

    They replace what was learned of that host before. Where several hosts name the same id, the
    one heard last is believed.
    """
    global _learned_rows
    rows = {model.id: model for model in models}
    with _learning:
        _learned.pop(host, None)
        if rows:
            _learned[host] = rows
        _learned_rows = MappingProxyType(
            {k: v for each in _learned.values() for k, v in each.items()}
        )


def resolve(model_id: str) -> Model:
    """The row whose rules hold for ``model_id``: its own, one that was learned, or ``rules``.

    Raises:
        UnknownModelError: for an id that names no Kimi model.
    """
    exact = BY_ID.get(model_id) or _learned_rows.get(model_id)
    return exact or rules(model_id)


def rules(model_id: str) -> Model:
    """The row of the model that ``model_id`` names, going by the id alone.

    An id as relays and self-hosted servers write it (``moonshotai/Kimi-K2.6``,
    ``us.moonshotai.kimi-k3.1``, ``kimi-k3p1-pro:free``) gets the rules of the model it names. An
    unknown ``kimi-k2*`` id gets K2 rules, any other unknown ``kimi-*`` id those of the newest
    always-thinking family.

    Raises:
        UnknownModelError: for an id that names no Kimi model.
    """
    exact = BY_ID.get(model_id)
    if exact is not None:
        return exact
    name = platform_name(model_id)
    known = BY_ID.get(name) or _longest(name)
    if known is not None:
        return known
    if name.startswith("moonshot-v1"):
        return BY_ID["moonshot-v1-auto"]
    if name.startswith("kimi-k2"):
        return _UNKNOWN_K2
    if name.startswith("kimi-"):
        return _UNKNOWN
    if name.startswith(("k2.", "k3")):
        hint = (
            f"ids without 'kimi-' belong to Kimi Code, another product; "
            f"on the open platform it is 'kimi-{name}'"
        )
    else:
        hint = "known ids: " + ", ".join(model.id for model in live_models())
    raise UnknownModelError(f"{model_id!r} is not a Kimi model ({hint})")


def _longest(name: str) -> Model | None:
    """The row with the longest id or family that ``name`` begins with; the newest of several.

    A relay's suffix (``kimi-k2.6-tee``) names the same weights, and some relays leave the end of
    an id out (``moonshotai.kimi-k3.1`` on Bedrock is K3.1 Pro).
    """
    stems = [
        (len(stem), -place, model)
        for place, model in enumerate(MODELS)
        for stem in (model.id, f"kimi-{model.family}")
        if is_named(name, stem)
    ]
    return max(stems, key=lambda found: found[:2])[2] if stems else None
