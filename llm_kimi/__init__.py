"""Kimi (Moonshot AI) for Python: one translation, several doors.

    from llm_kimi import translate

    translation = translate({"model": "kimi-k3.1-pro", "messages": [...], "temperature": 0.2})
    translation.body         # what Kimi gets
    translation.adjustments  # what was changed, why, and where the rule is written

``llm`` loads this package at every start, so the names below are imported when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import (
        APIConnectionError,
        APIError,
        InvalidRequestError,
        KimiError,
        StreamError,
        StrictError,
    )
    from .integrations.llm.models import AsyncKimi, Kimi
    from .integrations.llm.official_tools import KimiTools, KimiWebSearch
    from .translation import Adjustment, Translation, translate

__version__ = "0.1.0"

__all__ = [
    "APIConnectionError",
    "APIError",
    "Adjustment",
    "AsyncKimi",
    "InvalidRequestError",
    "Kimi",
    "KimiError",
    "KimiTools",
    "KimiWebSearch",
    "StreamError",
    "StrictError",
    "Translation",
    "__version__",
    "translate",
]

_HOMES = {
    "translate": ".translation",
    "Translation": ".translation",
    "Adjustment": ".translation",
    "Kimi": ".integrations.llm.models",
    "AsyncKimi": ".integrations.llm.models",
    "KimiTools": ".integrations.llm.official_tools",
    "KimiWebSearch": ".integrations.llm.official_tools",
    "KimiError": ".errors",
    "InvalidRequestError": ".errors",
    "StrictError": ".errors",
    "APIError": ".errors",
    "APIConnectionError": ".errors",
    "StreamError": ".errors",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(home, __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
