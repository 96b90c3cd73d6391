"""What a benchmark returns: figures of several ways to do the same, taken in turn, as data.

The ways take turns round by round, so that what else the machine does falls on all of them. A
figure is the median of the rounds; a ratio is the median of the ratios within the rounds, which
is steadier than a ratio of medians on a machine that is busy now and idle then. Where a process
starts anew for each figure there are few rounds, and the best of them counts: what else the
machine does only adds. Less is better everywhere.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

__all__ = ["Report", "Row", "best", "exponent", "in_turn", "row", "show"]

T = TypeVar("T")
Samples = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure for each way. ``ratios``: ours as a part of each other way's."""

    what: str
    unit: str
    figures: dict[str, float]
    ratios: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark. ``floor`` is what no package can be faster than, so it is no peer."""

    name: str
    title: str
    how: str
    ours: str
    rows: list[Row]
    floor: str | None = None
    exponents: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, given: dict[str, Any]) -> Report:
        """A report from its JSON."""
        return cls(**{**given, "rows": [Row(**line) for line in given["rows"]]})

    @property
    def ways(self) -> list[str]:
        """All ways, in the order in which the rows name them."""
        return list(dict.fromkeys(way for line in self.rows for way in line.figures))

    def peers(self, line: Row) -> dict[str, float]:
        """The ratios of ``line`` to those that do the same as ours."""
        return {way: ratio for way, ratio in line.ratios.items() if way != self.floor}


def in_turn(ways: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """What each way returns, ``rounds`` times; each round begins with another one."""
    found: dict[str, list[T]] = {name: [] for name in ways}
    names = list(ways)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            found[name].append(ways[name]())
    return found


def row(what: str, unit: str, samples: Samples, ours: str, *, over: str | None = None) -> Row:
    """A row of ``samples``. ``over``: the way that is taken off both sides of a ratio, which is
    then one of what is added."""
    base = samples[over] if over is not None else [0.0] * len(samples[ours])
    ratios = {}
    for way, values in samples.items():
        if way in (ours, over):
            continue
        trios = zip(samples[ours], values, base, strict=True)
        found = [(mine - low) / (other - low) for mine, other, low in trios if other > low]
        if found:
            ratios[way] = statistics.median(found)
    medians = {way: statistics.median(values) for way, values in samples.items()}
    return Row(what, unit, medians, ratios)


def best(what: str, unit: str, samples: Samples, ours: str) -> Row:
    """A row of the best of each way."""
    least = {way: min(values) for way, values in samples.items()}
    ratios = {way: least[ours] / value for way, value in least.items() if way != ours}
    return Row(what, unit, least, ratios)


def exponent(points: Mapping[float, float]) -> float:
    """The power of the size with which a time grows: the slope in logarithms."""
    xs = [math.log(size) for size in points]
    ys = [math.log(taken) for taken in points.values()]
    return statistics.linear_regression(xs, ys).slope


def show(report: Report) -> None:
    """Print ``report`` as a table."""
    wide = max(len(line.what) for line in report.rows) + 2
    print(f"{report.title}\n  {report.how}")
    ways = report.ways
    print(f"  {'':{wide}}" + "".join(f"{way:>24}" for way in ways))
    for line in report.rows:
        cells = []
        for way in ways:
            if way not in line.figures:
                cells.append("")
                continue
            ratio = f" ({line.ratios[way]:.3f})" if way in line.ratios else ""
            cells.append(f"{line.figures[way]:,.2f} {line.unit}{ratio}")
        print(f"  {line.what:{wide}}" + "".join(f"{cell:>24}" for cell in cells))
    for what, power in report.exponents.items():
        print(f"  exponent of {what}: {power:.3f}")
    print(flush=True)
