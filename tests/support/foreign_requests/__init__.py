"""Seeded requests as other clients, gateways and tool servers write them.

`openai_requests` makes what OpenAI's API accepts; this makes what is sent to Kimi all the same:
histories of other models, ids that are empty or repeated, schemas of tool servers nobody tests,
the words of other APIs, values that JSON has no word for. Every request is of one named kind, some
of a second one as well; a kind knows what is right (see `kinds`).

    for request in foreign_requests(2_000, seed=7):
        translate(request.body)

`KINDS` has them all, by topic in a module of their own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from llm_kimi.catalog import MODELS

from . import histories, ids, schemas, tools, values, words
from .kinds import KINDS, Json, Kind, Right, plain_request

__all__ = [
    "KINDS",
    "Foreign",
    "Json",
    "Kind",
    "Right",
    "foreign_requests",
    "histories",
    "ids",
    "make",
    "schemas",
    "tools",
    "values",
    "words",
]

# Kinds that take the conversation apart go alone, so that each finds what it changes.
_ALONE = frozenset({"ids", "objects", "items", "number", "cycle", "partial"})


@dataclass(frozen=True)
class Foreign:
    """A request, the kinds it is of, and what is right."""

    body: Json
    kinds: tuple[Kind, ...]

    @property
    def name(self) -> str:
        return " + ".join(kind.name for kind in self.kinds)

    @property
    def right(self) -> Right:
        rights = {kind.right for kind in self.kinds}
        return "refused" if "refused" in rights else "open" if "open" in rights else "runs"


def make(kinds: tuple[Kind, ...], seed: Any, model: str | None = None) -> Foreign:
    """A request of these kinds; the same for the same seed."""
    rng = random.Random(str(seed))
    body = plain_request(rng, model or rng.choice(MODELS).id)
    for kind in kinds:
        kind.change(rng, body)
    return Foreign(body, kinds)


def foreign_requests(count: int, seed: int = 0) -> Iterator[Foreign]:
    """`count` requests; every kind comes in its turn, a third with another one beside it."""
    for index in range(count):
        rng = random.Random(f"{seed}:{index}")
        first = KINDS[index % len(KINDS)]
        chosen: tuple[Kind, ...] = (first,)
        second = rng.choice(KINDS)
        topics = {first.topic, second.topic}
        if rng.random() < 0.33 and len(topics) == 2 and not topics & _ALONE:
            chosen = (first, second)
        yield make(chosen, f"{seed}/{index}")
