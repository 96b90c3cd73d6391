"""Finds what a translation changed and did not tell.

A checker of its own: it reads the caller's request and the body that would be sent, and knows
nothing of how the one became the other. `differences` lists every difference in meaning that it
can see, `silent` those that no adjustment tells.

    assert silent(request, translate(request)) == []
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llm_kimi.translation import Translation

from .difference import Difference, untold
from .parameters import caching, delivery, parameters, partial, thinking
from .reading import halves, plain
from .schemas import response_format
from .talk import Talk
from .tools import tool_choice, tools
from .words import Words

__all__ = ["Difference", "differences", "silent"]


def silent(request: Mapping[str, Any], translation: Translation) -> list[str]:
    """The differences that no adjustment tells, or that none admits to change the meaning."""
    return untold(differences(request, translation), translation.adjustments)


def differences(request: Mapping[str, Any], translation: Translation) -> Iterator[Difference]:
    """Every difference in meaning between the request and what is sent for it."""
    words = Words({key: value for key, value in plain(request).items() if value is not None})
    yield from _halves(request)
    yield from words.as_written(_differences(words.given, translation))


def _differences(given: dict[str, Any], translation: Translation) -> Iterator[Difference]:
    yield from parameters(given, translation)
    yield from delivery(given, translation)
    yield from thinking(given, translation)
    yield from caching(given, translation)
    yield from tools(given, translation)
    yield from tool_choice(given, translation)
    yield from response_format(given, translation.body)
    yield from partial(given, translation)
    yield from Talk(given, translation).differences()


def _halves(request: Mapping[str, Any]) -> Iterator[Difference]:
    """Halves of surrogate pairs: one adjustment names one place, and how many more there are."""
    found = list(halves(request))
    if found:
        paths, chosen = zip(*found, strict=True)
        what = f"half a surrogate pair in {len(paths)} places"
        yield Difference(paths[0], what, any(chosen), near=True, also=paths[1:])
