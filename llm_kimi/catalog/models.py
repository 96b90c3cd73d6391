"""The rows: what each Kimi model takes. A new model is a new row here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Literal

from .types import Model, Pinned, Price, Range, SamplingRule, Thinking, ToolChoiceForm

__all__ = ["BY_ID", "FLAGSHIP", "GONE", "MODELS"]


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

_FLAGSHIP = "kimi-k3.1-pro"
_K31 = Model(
    id=_FLAGSHIP,
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
    responses=True,
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
        "responses": ("overview",),
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
        "responses": ("overview",),
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
    replacement=_FLAGSHIP,
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
    replacement=_FLAGSHIP,
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
        replacement=_FLAGSHIP,
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
FLAGSHIP = _FLAGSHIP
"""The id that ``kimi`` is short for, and that advice names."""

GONE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "kimi-k2-0711-preview": ("2026-05-25", FLAGSHIP),
        "kimi-k2-0905-preview": ("2026-05-25", FLAGSHIP),
        "kimi-k2-turbo-preview": ("2026-05-25", FLAGSHIP),
        "kimi-k2-thinking": ("2026-05-25", FLAGSHIP),
        "kimi-k2-thinking-turbo": ("2026-05-25", FLAGSHIP),
        "kimi-latest": ("2026-01-28", FLAGSHIP),
        "kimi-thinking-preview": ("2025-11-11", FLAGSHIP),
        **{m.id: (m.retired_on, m.replacement) for m in MODELS if m.retired_on and m.replacement},
    }
)
"""Ids that the platform answers with 404, as id -> (date it was retired, what to use instead)."""
