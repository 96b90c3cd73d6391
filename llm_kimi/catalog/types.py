"""What the rows of the catalog are made of: models, thinking, sampling rules, prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .sources import SOURCES

__all__ = ["Model", "Pinned", "Price", "Range", "Thinking", "UnknownModelError"]

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

    ``output_limit`` None: the context window minus the prompt. ``responses``: the platform
    serves it through ``/v1/responses`` too. ``sources`` maps the name of a field of this row to
    keys of ``SOURCES``.
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
    responses: bool = False
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
