"""What each Kimi model allows: one typed table, with the source of every fact.

Everything else is derived from it: the rules of the translation, the checks of the simulator,
the option classes of the ``llm`` door and the tables in the docs. A new model is a new row in
``MODELS``. Nothing here does I/O; what a host says of models that have no row is handed in with
``learn``.

Units: context and output are tokens, prices are US dollars per million tokens on the
international platform, dates are ISO dates.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, TypeAlias

from .ids import is_named, platform_name
from .sources import SOURCES, Source

__all__ = [
    "BY_ID",
    "FLAGSHIP",
    "GONE",
    "MODELS",
    "SOURCES",
    "Model",
    "Pinned",
    "Price",
    "Range",
    "Source",
    "Thinking",
    "UnknownModelError",
    "learn",
    "live_models",
    "resolve",
    "rules",
]

Effort: TypeAlias = Literal["low", "high", "max"]
ToolChoiceForm: TypeAlias = Literal["auto", "none", "required", "named"]
CacheTtl: TypeAlias = Literal["5m", "1h"]


class UnknownModelError(ValueError):
    """The id belongs to no Kimi model: another maker's, or another product of Moonshot AI."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A parameter that the model fixes: any other value is refused."""

    value: float | int | bool


@dataclass(frozen=True, slots=True)
class Range:
    """A parameter that the caller may choose between ``low`` and ``high``, both allowed."""

    low: float
    high: float
    default: float


SamplingRule: TypeAlias = Pinned | Range | None
"""None: the API takes the parameter as OpenAI's does (``logprobs`` on moonshot-v1)."""


@dataclass(frozen=True, slots=True)
class Thinking:
    """How a model thinks and how it is told to.

    ``mode``: ``always``, ``switchable`` or ``never``. ``field``: the request field that steers
    it. ``efforts``: the levels accepted, in rising order. ``keep``: whether ``thinking.keep``
    may be sent. ``replays``: the model reads the reasoning of earlier turns without being asked.
    """

    mode: Literal["always", "switchable", "never"]
    field: Literal["reasoning_effort", "thinking"] | None = None
    efforts: tuple[Effort, ...] = ()
    default_effort: Effort | None = None
    keep: bool = False
    replays: bool = False

    @property
    def default_on(self) -> bool:
        """Whether the model thinks when the request says nothing."""
        return self.mode != "never"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens. ``cached`` None: no price for cached input is published.

    ``cache_write`` and ``cache_write_1h`` are what it costs to write a prompt into the cache for
    five minutes and for an hour. None: writing is not billed, and the time cannot be chosen.
    """

    input: float
    output: float
    cached: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None

    @property
    def cache_writes(self) -> dict[CacheTtl, float]:
        """How long the cache can be asked to keep a prompt, the shortest first, and the price."""
        prices: dict[CacheTtl, float | None] = {"5m": self.cache_write, "1h": self.cache_write_1h}
        return {ttl: price for ttl, price in prices.items() if price is not None}


@dataclass(frozen=True, slots=True)
class Model:
    """One row: what a model takes. ``on`` and ``off`` mean with and without thinking.

    ``output_limit`` None: the context window minus the prompt. ``sources`` maps the name of a
    field of this row to keys of ``SOURCES``.
    """

    id: str
    family: str
    context: int
    output_default: int | None
    output_limit: int | None
    modalities: tuple[Literal["text", "image", "video"], ...]
    thinking: Thinking
    sampling_on: Mapping[str, SamplingRule]
    sampling_off: Mapping[str, SamplingRule]
    tool_choice_on: frozenset[ToolChoiceForm]
    tool_choice_off: frozenset[ToolChoiceForm]
    dynamic_tools: bool
    price: Price | None
    status: Literal["live", "retired"]
    released: str | None = None
    retired_on: str | None = None
    notice: str | None = None
    replacement: str | None = None
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def cache_ttls(self) -> tuple[CacheTtl, ...]:
        """The values of ``prompt_cache_options.ttl``, the shortest first; none where it is free.

        A model has a choice where it has a price for each
        (https://forum.moonshot.ai/t/context-caching-upgrade-5-min-1-hour-ttl-options/613).
        """
        return () if self.price is None else tuple(self.price.cache_writes)

    def sampling(self, thinking: bool) -> Mapping[str, SamplingRule]:
        """The sampling rules with thinking on or off."""
        return self.sampling_on if thinking else self.sampling_off

    def tool_choice(self, thinking: bool) -> frozenset[ToolChoiceForm]:
        """The forms of ``tool_choice`` that the API accepts with thinking on or off."""
        return self.tool_choice_on if thinking else self.tool_choice_off

    def source(self, fact: str) -> str:
        """The first source of one fact of this row, as text for an adjustment or a table."""
        keys = self.sources.get(fact) or ("openapi",)
        return str(SOURCES[keys[0]])


def _pins(temperature: float) -> Mapping[str, SamplingRule]:
    return MappingProxyType(
        {
            "temperature": Pinned(temperature),
            "top_p": Pinned(0.95),
            "n": Pinned(1),
            "presence_penalty": Pinned(0),
            "frequency_penalty": Pinned(0),
            "logprobs": Pinned(False),
        }
    )


_PINS_ON = _pins(1.0)
_PINS_OFF = _pins(0.6)
_FREE: Mapping[str, SamplingRule] = MappingProxyType(
    {
        "temperature": Range(0, 1, 0),
        "top_p": Range(0, 1, 1),
        "n": Range(1, 5, 1),
        "presence_penalty": Range(-2, 2, 0),
        "frequency_penalty": Range(-2, 2, 0),
        "logprobs": None,
    }
)

_ASK: frozenset[ToolChoiceForm] = frozenset({"auto", "none"})
_ASK_OR_REQUIRE: frozenset[ToolChoiceForm] = _ASK | {"required"}
_EVERY: frozenset[ToolChoiceForm] = _ASK_OR_REQUIRE | {"named"}

_K3_THINKING = Thinking(
    "always",
    "reasoning_effort",
    efforts=("low", "high", "max"),
    default_effort="max",
    replays=True,
)
_MEDIA: tuple[Literal["text", "image", "video"], ...] = ("text", "image", "video")

_K31 = Model(
    id="kimi-k3.1-pro",
    family="k3.1",
    context=1_048_576,
    output_default=None,  # published for K3 only
    output_limit=1_048_576,
    modalities=_MEDIA,
    thinking=_K3_THINKING,
    sampling_on=_PINS_ON,
    sampling_off=_PINS_ON,
    tool_choice_on=_ASK_OR_REQUIRE,
    tool_choice_off=_ASK_OR_REQUIRE,
    dynamic_tools=True,
    price=Price(2.00, 10.00, cached=0.20, cache_write=2.00, cache_write_1h=4.00),
    status="live",
    released="2026-10-23",
    sources={
        "context": ("k3.1-vercel", "k3.1-quickstart"),
        "output": ("k3.1-vercel", "k3.1-migration"),
        "modalities": ("k3.1-novita",),
        "thinking": ("k3.1-synaps", "k3.1-migration"),
        "sampling": ("k3.1-migration",),
        "tool_choice": ("k3.1-migration",),
        "dynamic_tools": ("dynamic-tools",),
        "price": ("k3.1-prices", "k3.1-vercel", "cache-prices"),
        "status": ("k3.1-vercel",),
    },
)
_K3 = replace(
    _K31,
    id="kimi-k3",
    family="k3",
    output_default=131_072,
    price=Price(3.00, 15.00, cached=0.30, cache_write=3.00, cache_write_1h=6.00),
    released="2026-07-16",
    sources={
        "context": ("models", "openapi"),
        "output": ("openapi", "k3-quickstart"),
        "modalities": ("vision",),
        "thinking": ("effort", "openapi"),
        "sampling": ("parameters", "openapi"),
        "tool_choice": ("tool-choice", "k3-required"),
        "dynamic_tools": ("dynamic-tools",),
        "price": ("pricing", "cache-prices"),
        "status": ("models",),
    },
)
_K2_NOTICE = (
    "closed to newly registered users since 2026-10-31; retirement planned by the end of "
    "December 2026"
)
_K27 = Model(
    id="kimi-k2.7-code",
    family="k2.7",
    context=262_144,
    output_default=None,  # the page speaks of K2.6 and K2.5
    output_limit=None,
    modalities=_MEDIA,
    thinking=Thinking("always", "thinking", keep=True, replays=True),
    sampling_on=_PINS_ON,
    sampling_off=_PINS_ON,
    tool_choice_on=_ASK,
    tool_choice_off=_ASK,
    dynamic_tools=False,
    price=Price(0.95, 4.00, cached=0.19),
    status="live",
    notice=_K2_NOTICE,
    replacement="kimi-k3.1-pro",
    sources={
        "context": ("parameters",),
        "output": ("k2.6-quickstart", "troubleshooting"),
        "modalities": ("vision",),
        "thinking": ("openapi", "thinking"),
        "sampling": ("parameters", "openapi"),
        "tool_choice": ("parameters", "forcing"),
        "price": ("pricing",),
        "status": ("k3.1-migration",),
    },
)
_K26 = replace(
    _K27,
    id="kimi-k2.6",
    family="k2.6",
    output_default=32_768,
    thinking=Thinking("switchable", "thinking", keep=True),
    sampling_off=_PINS_OFF,
    tool_choice_off=_EVERY,
    price=Price(0.95, 4.00, cached=0.16),
    sources={
        "context": ("models",),
        "output": ("k2.6-quickstart", "troubleshooting"),
        "modalities": ("vision",),
        "thinking": ("openapi", "thinking"),
        "sampling": ("parameters", "off-pins"),
        "tool_choice": ("k2.6-quickstart", "forcing", "off-forcing"),
        "price": ("pricing",),
        "status": ("k3.1-migration",),
    },
)
_K25 = replace(
    _K26,
    id="kimi-k2.5",
    family="k2.5",
    modalities=("text", "image"),
    thinking=Thinking("switchable", "thinking"),
    price=Price(0.60, 3.00, cached=0.10),
    status="retired",
    retired_on="2026-08-31",
    notice=None,
    replacement="kimi-k2.6",
    sources={**_K26.sources, "status": ("models",)},
)


def _moonshot(suffix: str, context: int, price: Price | None, *, image: bool = False) -> Model:
    return Model(
        id=f"moonshot-v1-{suffix}",
        family="moonshot-v1",
        context=context,
        output_default=None,
        output_limit=None,
        modalities=("text", "image") if image else ("text",),
        thinking=Thinking("never"),
        sampling_on=_FREE,
        sampling_off=_FREE,
        tool_choice_on=_ASK,
        tool_choice_off=_ASK,
        dynamic_tools=False,
        price=price,
        status="retired",
        retired_on="2026-08-31",
        replacement="kimi-k2.6",
        sources={
            "context": ("models", "troubleshooting"),
            "output": ("troubleshooting",),
            "modalities": ("models",),
            "thinking": ("openapi",),
            "sampling": ("openapi", "migration"),
            "tool_choice": ("migration",),
            "price": ("pricing",),
            "status": ("models",),
        },
    )


_P8, _P32, _P128 = Price(0.20, 2.00), Price(1.00, 3.00), Price(2.00, 5.00)

MODELS: tuple[Model, ...] = (
    _K31,
    replace(
        _K31,
        id="kimi-k3.1-pro-highspeed",
        price=Price(4.00, 20.00, cached=0.20, cache_write=4.00, cache_write_1h=8.00),
    ),
    _K3,
    _K27,
    replace(_K27, id="kimi-k2.7-code-highspeed", price=Price(1.90, 8.00, cached=0.38)),
    _K26,
    _K25,
    _moonshot("8k", 8_192, _P8),
    _moonshot("32k", 32_768, _P32),
    _moonshot("128k", 131_072, _P128),
    _moonshot("auto", 131_072, None),
    _moonshot("8k-vision-preview", 8_192, _P8, image=True),
    _moonshot("32k-vision-preview", 32_768, _P32, image=True),
    _moonshot("128k-vision-preview", 131_072, _P128, image=True),
)
"""Every model whose rules are known, newest first; retired ones are still met on relays."""

BY_ID: Mapping[str, Model] = MappingProxyType({model.id: model for model in MODELS})
FLAGSHIP = _K31.id

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

GONE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "kimi-k2-0711-preview": ("2026-05-25", "kimi-k2.6"),
        "kimi-k2-0905-preview": ("2026-05-25", "kimi-k2.6"),
        "kimi-k2-turbo-preview": ("2026-05-25", "kimi-k2.6"),
        "kimi-k2-thinking": ("2026-05-25", "kimi-k2.6"),
        "kimi-k2-thinking-turbo": ("2026-05-25", "kimi-k2.6"),
        "kimi-latest": ("2026-01-28", FLAGSHIP),
        "kimi-thinking-preview": ("2025-11-11", FLAGSHIP),
        **{m.id: (m.retired_on, m.replacement) for m in MODELS if m.retired_on and m.replacement},
    }
)
"""Ids that the platform answers with 404, as id -> (date it was retired, what to use instead)."""


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
