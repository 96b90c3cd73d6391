"""A difference between what was asked and what is sent, and whether an adjustment tells it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from llm_kimi.translation import Adjustment

from .reading import whole

_NUMBER = re.compile(r"\[\d+\]")
_MORE = re.compile(r"the same in (\d+) more place")


@dataclass(frozen=True)
class Difference:
    """`path` as in the caller's request; `meaning`: the reply will not be quite the same.

    An adjustment tells it at the path itself or above. `near`: also below the path. `also`: other
    paths at which it may be told as well. A path that ends in "(never)" nothing can tell.
    """

    path: str
    what: str
    meaning: bool = False
    near: bool = False
    also: tuple[str, ...] = ()


def untold(found: Iterable[Difference], adjustments: Iterable[Adjustment]) -> list[str]:
    """The differences that no adjustment tells, or that none admits to change the meaning.

    Where many messages are changed alike, one adjustment tells the first place and how many more
    there are; so paths are compared without their numbers, and counted.
    """
    told: Counter[str] = Counter()
    admitted: set[str] = set()
    for item in adjustments:
        more = _MORE.search(item.reason)
        told[shape(str(item.param))] += 1 + (int(more[1]) if more else 0)
        if item.changes_meaning:
            admitted.add(shape(str(item.param)))
    wanted: dict[str, list[Difference]] = defaultdict(list)
    for difference in dict.fromkeys(found):
        wanted[shape(difference.path)].append(difference)
    result = []
    for own, items in wanted.items():
        # A path without numbers speaks of the others of its shape.
        places = {item.path for item in items} - {own} or {own}
        tellers = set(_tellers(items, told))
        count = sum(told[one] for one in tellers)
        if count < len(places):
            result += [f"{item.path}: {item.what} ({count} told)" for item in items]
        elif any(item.meaning for item in items) and not (
            tellers & admitted or _under(admitted, items[0])
        ):
            result += [f"{item.path}: {item.what} (told as harmless)" for item in items]
    return result


def shape(path: str) -> str:
    """The path without its numbers; half a surrogate pair is as good as U+FFFD."""
    return _NUMBER.sub("[]", whole(path))


def _tellers(items: list[Difference], told: Iterable[str]) -> Iterator[str]:
    """The shapes at which these differences can be told."""
    for item in items:
        for path in (item.path, *item.also):
            own = shape(path)
            yield own
            yield from _ancestors(own)
            if item.near:
                yield from (one for one in told if one.startswith((f"{own}.", f"{own}[")))


def _ancestors(shape: str) -> Iterator[str]:
    while "." in shape or shape.endswith("[]"):
        shape = shape[:-2] if shape.endswith("[]") else shape.rpartition(".")[0]
        if shape not in ("messages", "tools"):
            yield shape


def _under(admitted: set[str], item: Difference) -> bool:
    """A lost rule of a schema is told at its place inside the schema."""
    own = shape(item.path)
    if not item.near and not own.endswith((".parameters", ".schema")):
        return False
    return any(one.startswith((f"{own}.", f"{own}[")) for one in admitted)
