"""What docs/performance.md and its picture say, from the figures of ``make bench``.

In: ``benchmarks/figures.json``. Out: tables and sentences. Nothing is measured here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from docs_tools import ROOT, table

from benchmarks.report import Report, Row

__all__ = [
    "FIGURES",
    "TARGETS",
    "Target",
    "behind",
    "behind_list",
    "measured_on",
    "read_reports",
    "sections",
    "targets_table",
]

FIGURES = ROOT / "benchmarks" / "figures.json"

EVEN = 0.03
"""Two figures that are that close are called even: the machine moves them by as much."""

UNITS = {"us": "µs"}
NOT_MET = "**not met**"


@dataclass(frozen=True, slots=True)
class Target:
    """A ratio to ``way`` (or an exponent) that is at most ``limit`` in each of ``rows``."""

    what: str
    report: str
    limit: float
    rows: tuple[str, ...] = ()
    way: str = ""
    why: str = ""
    """What is in the way, for as long as it is not met."""

    def figure(self, report: Report) -> float:
        """The worst of its rows."""
        if not self.way:
            return max(report.exponents[row] for row in self.rows)
        found = {row.what: row.ratios[self.way] for row in report.rows if row.what in self.rows}
        return max(found[row] for row in self.rows)


_ALONE = (
    "LiteLLM spends most of it around a call, whoever provides (`LiteLLM alone` in its table); "
    "what this package adds to that, the request itself apart, is less than half of what "
    "`moonshot/` adds to it"
)
_LOGGED = (
    "in a sync stream LiteLLM logs each chunk in a thread, with an event loop for each, "
    "whoever provides; chunks that come one by one cannot be fewer"
)
_EDGE = (
    "on a machine that is not idle these move by more than what is missing: four runs on "
    "2026-11-27 found 0.14 to 0.17 of llm's own class and 1.60 to 2.47 of `http.client`"
)
_IMPORTS = "the plugin adds imports and models, and more of them than the target leaves room for"


def _stream(kind: str, how: str, why: str = "") -> Target:
    what = f"what is added to a stream in LiteLLM ({kind}, {how}), of that of `moonshot/`"
    return Target(what, "litellm", 0.6, (f"stream, {kind}, {how}, a chunk",), "moonshot/", why)


def _call(kind: str) -> Target:
    what = f"what is added to a call in LiteLLM ({kind}), of that of `moonshot/`"
    return Target(what, "litellm", 0.6, (f"call, {kind}",), "moonshot/", _ALONE)


TARGETS = (
    Target(
        "start-up of `llm` with the plugin, of that without",
        "startup",
        1.02,
        ("llm --version", "llm models"),
        "without a plugin",
        _IMPORTS,
    ),
    Target(
        "CPU a chunk in `llm`, of that of its own class",
        "chunks",
        0.16,
        ("CPU a chunk",),
        "llm's own class",
        _EDGE,
    ),
    Target(
        "CPU a chunk in `llm`, of that of `http.client`",
        "chunks",
        2.2,
        ("CPU a chunk",),
        "http.client",
        _EDGE,
    ),
    _call("sync"),
    _call("async"),
    _stream("sync", "in bursts"),
    _stream("async", "in bursts"),
    _stream("sync", "paced", _LOGGED),
    _stream("async", "paced"),
    Target("`translate`: power of the messages", "translation", 1.1, ("messages",)),
    Target("`translate`: power of the bytes", "translation", 1.1, ("bytes",)),
    Target("`translate`: power of the properties", "translation", 1.1, ("properties",)),
)


def read_reports() -> dict[str, Report]:
    """The reports of the last run, by name."""
    found = json.loads(FIGURES.read_text(encoding="utf-8"))["reports"]
    return {given["name"]: Report.read(given) for given in found}


def measured_on() -> str:
    """When, on what and with which versions."""
    found = json.loads(FIGURES.read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return (
        f"Measured on {found['date']} in one run of {found['minutes']:g} minutes: "
        f"{found['machine']}; {versions}."
    )


def targets_table() -> str:
    """Every target, its figure (the worst of several), and whether it is met; and why it is not."""
    reports = read_reports()
    rows, whys = [], {}
    for target in TARGETS:
        figure = target.figure(reports[target.report])
        met = figure <= target.limit
        rows.append((target.what, f"{target.limit:g}", f"{figure:.2f}", "met" if met else NOT_MET))
        if not met:
            whys.setdefault(target.why or "not known yet", []).append(target.what)
    parts = [table(("Target", "At most", "Found", ""), rows)]
    parts += [f"Not met, {'; '.join(whats)}: {why}." for why, whats in whys.items()]
    return "\n\n".join(parts)


def behind(report: Report) -> Iterator[tuple[Row, str, float]]:
    """The rows in which a peer needs less, the peer and the ratio."""
    for row in report.rows:
        peers = report.peers(row)
        for peer, ratio in peers.items():
            if ratio > 1 + EVEN:
                yield row, peer, ratio


def behind_list() -> str:
    """Where this package is not first, in words."""
    lines = [
        f"- {report.title}, {row.what}: {ratio:.2f} times as much as {_code(peer)} "
        f"({_figure(row, report.ours)} against {_figure(row, peer)})."
        for report in read_reports().values()
        for row, peer, ratio in behind(report)
    ]
    if not lines:
        return f"In no row does a peer need less by more than {EVEN:.0%}."
    return "\n".join(lines)


def sections() -> str:
    """Every report with its heading, in the order of the run."""
    return "\n\n".join(
        f"## {found.title}\n\n{_section(found)}" for found in read_reports().values()
    )


def _section(report: Report) -> str:
    """One report: how it was measured, and its figures; ours first."""
    ways = [report.ours, *(way for way in report.ways if way != report.ours)]
    rows = []
    for row in report.rows:
        cells = [row.what]
        for way in ways:
            ratio = f" ({row.ratios[way]:.2f})" if way in row.ratios else ""
            cells.append(_figure(row, way) + ratio if way in row.figures else "-")
        rows.append(cells)
    parts = [report.how, table(("", *(f"{_code(way)}" for way in ways)), rows)]
    if report.exponents:
        grown = ", ".join(f"{power:.2f} of the {what}" for what, power in report.exponents.items())
        parts.append(f"The time grows with the power {grown}.")
    return "\n\n".join(parts)


def _figure(row: Row, way: str) -> str:
    value = row.figures[way]
    unit = UNITS.get(row.unit, row.unit)
    return f"{_digits(value)} {unit}".strip()


def _digits(value: float) -> str:
    """Three digits that say something, and no more."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _code(way: str) -> str:
    """Names of programs as code; words stay words."""
    return way if " " in way else f"`{way}`"
