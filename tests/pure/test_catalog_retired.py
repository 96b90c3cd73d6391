"""What retired models took, said a second time: relays still serve them, and nothing else pins it.

Sources: https://platform.kimi.ai/docs/models, https://platform.kimi.ai/docs/openapi.json
"""

from __future__ import annotations

from dataclasses import astuple, fields
from typing import Any

import pytest

from llm_kimi.catalog import BY_ID, Model, Pinned, Price, Range, Thinking

PENALTY = Range(-2, 2, 0)
FREE = {
    "temperature": Range(0, 1, 0),
    "top_p": Range(0, 1, 1),
    "n": Range(1, 5, 1),
    "presence_penalty": PENALTY,
    "frequency_penalty": PENALTY,
    "logprobs": None,
}
PINNED = {
    "top_p": Pinned(0.95),
    "n": Pinned(1),
    "presence_penalty": Pinned(0),
    "frequency_penalty": Pinned(0),
    "logprobs": Pinned(False),
}
ASK = frozenset({"auto", "none"})

K25 = {
    "family": "k2.5",
    "context": 262_144,
    "output_default": 32_768,
    "modalities": ("text", "image"),
    "thinking": Thinking("switchable", "thinking"),
    "sampling_on": {**PINNED, "temperature": Pinned(1.0)},
    "sampling_off": {**PINNED, "temperature": Pinned(0.6)},
    "tool_choice_on": ASK,
    "tool_choice_off": ASK | {"required", "named"},
    "price": Price(0.60, 3.00, cached=0.10),
}


def moonshot(context: int, price: Price | None, *more: str) -> dict[str, Any]:
    return {
        "family": "moonshot-v1",
        "context": context,
        "output_default": None,
        "modalities": ("text", *more),
        "thinking": Thinking("never"),
        "sampling_on": FREE,
        "sampling_off": FREE,
        "tool_choice_on": ASK,
        "tool_choice_off": ASK,
        "price": price,
    }


P8, P32, P128 = Price(0.2, 2.0), Price(1.0, 3.0), Price(2.0, 5.0)
RETIRED = {
    "kimi-k2.5": K25,
    "moonshot-v1-8k": moonshot(8_192, P8),
    "moonshot-v1-32k": moonshot(32_768, P32),
    "moonshot-v1-128k": moonshot(131_072, P128),
    "moonshot-v1-auto": moonshot(131_072, None),
    "moonshot-v1-8k-vision-preview": moonshot(8_192, P8, "image"),
    "moonshot-v1-32k-vision-preview": moonshot(32_768, P32, "image"),
    "moonshot-v1-128k-vision-preview": moonshot(131_072, P128, "image"),
}
OF_ALL = {
    "output_limit": None,
    "dynamic_tools": False,
    "status": "retired",
    "released": None,
    "retired_on": "2026-08-31",
    "notice": None,
    "replacement": "kimi-k3.1-pro",
    "responses": False,
}


def plain(value: Any) -> Any:
    """A field with the types of its values, so that 1 is not True."""
    if isinstance(value, (Pinned, Range, Price, Thinking)):
        return type(value).__name__, repr(astuple(value))
    if hasattr(value, "items"):
        return {key: plain(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize("name", RETIRED)
def test_what_a_retired_model_took(name: str) -> None:
    row = BY_ID[name]
    said = {"id": name, **OF_ALL, **RETIRED[name]}
    for field in fields(Model):
        if field.name != "sources":
            assert plain(getattr(row, field.name)) == plain(said[field.name]), field.name
