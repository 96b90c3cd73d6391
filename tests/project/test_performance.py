"""docs/performance.md and its picture say what the figures of the last run give; how fast anything
is, no test asserts."""

from __future__ import annotations

import json
import platform
import re
from dataclasses import asdict
from typing import Any

import pytest

from benchmarks.report import Report, Row, best, exponent, in_turn, row
from scripts.environment import ROOT

FIGURES = json.loads((ROOT / "benchmarks" / "figures.json").read_text(encoding="utf-8"))


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    import performance_tables

    return performance_tables


def report(**more: Any) -> Report:
    given: dict[str, Any] = {"name": "x", "title": "A thing", "how": "So.", "ours": "llm-kimi"}
    return Report(**{**given, "rows": [], **more})


def test_the_page_is_what_the_figures_give(tables: Any) -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    for name in ("measured_on", "targets_table", "behind_list", "sections"):
        assert f"out({name}())" in page
        assert f"\n{getattr(tables, name)()}\n" in page, "run `make cog`"


def test_the_picture_is_what_the_figures_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    import draw_performance

    picture = (ROOT / "docs" / "performance.svg").read_text(encoding="utf-8")
    assert picture == draw_performance.draw(), "run `make pictures`"


def test_the_figures_name_no_machine_and_no_place() -> None:
    text = json.dumps(FIGURES, ensure_ascii=False)
    assert not re.search(r"/(home|root|work|tmp|Users|opt)\b|\\\\|\d+\.\d+\.\d+\.\d+|sk-\w", text)
    assert platform.node() not in text or len(platform.node()) < 4


def test_every_report_is_there_with_figures_for_ours() -> None:
    reports = [Report.read(given) for given in FIGURES["reports"]]
    assert len({found.name for found in reports}) == len(reports) == 11
    for found in reports:
        assert asdict(found) in FIGURES["reports"]
        assert found.rows
        for line in found.rows:
            assert found.ours in line.figures
            assert set(line.ratios) < set(line.figures)


def test_every_target_has_its_rows(tables: Any) -> None:
    found = {given["name"]: Report.read(given) for given in FIGURES["reports"]}
    for target in tables.TARGETS:
        assert target.figure(found[target.report]) > 0


@pytest.mark.parametrize(
    ("ratio", "end"), [(0.6, "| met |"), (0.601, "| **not met** |\n\nNot met, a thing: so it is.")]
)
def test_a_target_that_is_missed_says_so(
    tables: Any, monkeypatch: pytest.MonkeyPatch, ratio: float, end: str
) -> None:
    rows = [Row("a", "ms", {}, {"peer": 0.1}), Row("b", "ms", {}, {"peer": ratio})]
    target = tables.Target("a thing", "x", 0.6, ("a", "b"), "peer", "so it is")
    monkeypatch.setattr(tables, "TARGETS", (target,))
    monkeypatch.setattr(tables, "read_reports", lambda: {"x": report(rows=rows)})
    assert tables.targets_table().endswith(end)


def test_who_needs_less_is_named_and_the_floor_is_no_peer(
    tables: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = {"llm-kimi": 3.0, "peer": 2.0, "floor": 1.0}
    rows = [Row("a call", "ms", figures, {"peer": 1.5, "floor": 3.0})]
    found = report(rows=rows, floor="floor")
    monkeypatch.setattr(tables, "read_reports", lambda: {"x": found})
    line = "- A thing, a call: 1.50 times as much as `peer` (3 ms against 2 ms)."
    assert tables.behind_list() == line
    even = report(rows=[Row("a call", "ms", figures, {"peer": 1.02, "floor": 3.0})], floor="floor")
    monkeypatch.setattr(tables, "read_reports", lambda: {"x": even})
    assert tables.behind_list().startswith("In no row")


def test_ways_take_turns_and_each_begins_once() -> None:
    order: list[str] = []

    def way(name: str) -> Any:
        return lambda: order.append(name) or len(order)

    found = in_turn({name: way(name) for name in "abc"}, 3)
    assert order == [*"abc", *"bca", *"cab"]
    assert found == {"a": [1, 6, 8], "b": [2, 4, 9], "c": [3, 5, 7]}


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    samples = {"us": [2.0, 30.0, 3.0], "them": [4.0, 40.0, 12.0], "none": [1.0, 10.0, 1.0]}
    line = row("a", "ms", samples, "us")
    assert line.figures == {"us": 3.0, "them": 12.0, "none": 1.0}
    assert line.ratios == {"them": 0.5, "none": 3.0}
    added = row("a", "ms", samples, "us", over="none")
    assert added.ratios == {"them": pytest.approx(1 / 3)}


def test_the_best_counts_where_processes_start_anew() -> None:
    line = best("a", "ms", {"us": [3.0, 2.0], "them": [4.0, 9.0]}, "us")
    assert line.figures == {"us": 2.0, "them": 4.0}
    assert line.ratios == {"them": 0.5}


def test_the_exponent_is_the_power_of_the_size() -> None:
    assert exponent({size: 3 * size**1.5 for size in (1.0, 10.0, 1000.0)}) == pytest.approx(1.5)
