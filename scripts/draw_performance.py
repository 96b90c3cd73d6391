"""Draws ``docs/performance.svg``: each figure beside that of the nearest peer.

    python scripts/draw_performance.py           # write it
    python scripts/draw_performance.py --check   # fail when it is not what the figures give

In: ``benchmarks/figures.json``. A dot left of the line is less than the peer, on a scale of
powers of ten. No colour is a background, so the picture does on light pages and on dark ones.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

from pictures import ROOT, SANS, finish, text

sys.path.insert(0, str(ROOT))

from performance_tables import EVEN, read_reports

from benchmarks.report import Report, Row

WIDTH, MARGIN = 900, 14
LINE, HEAD = 19, 30
FIRST, LAST = 340.0, 600.0
"""Where the scale begins and ends."""
LOWEST, HIGHEST = 0.003, 3.0
INK, PALE = "#808890", "#80889055"
AHEAD, EQUAL, BACK = "#4c9a5b", "#4f7fb8", "#c8742c"
OUTCOMES = {
    "refused": "#c0504d",
    "weakened in silence": "#d9983a",
    "run, changes told": "#4f7fb8",
    "run as asked": "#4c9a5b",
}


def _at(ratio: float) -> float:
    """Where a ratio stands."""
    bounded = min(max(ratio, LOWEST), HIGHEST)
    part = math.log(bounded / LOWEST) / math.log(HIGHEST / LOWEST)
    return FIRST + part * (LAST - FIRST)


def _dot(row: Row, peer: str, ratio: float, y: float) -> str:
    colour = AHEAD if ratio < 1 - EVEN else EQUAL if ratio <= 1 + EVEN else BACK
    x, middle = _at(ratio), y + LINE / 2
    shown = f"{ratio:.2f}" if ratio >= 0.01 else f"{ratio:.3f}"
    return (
        f'<path d="M{x:.1f} {middle:g}H{_at(1):.1f}" stroke="{colour}" stroke-width="3"/>\n'
        f'<circle cx="{x:.1f}" cy="{middle:g}" r="4.5" fill="{colour}"/>\n'
        f'<text x="{FIRST - 12:g}" y="{middle + 4:g}" class="e">{text(row.what)}</text>\n'
        f'<text x="{LAST + 12:g}" y="{middle + 4:g}">{shown} of {text(peer)}</text>'
    )


def _ratios(reports: list[Report], y: float) -> Iterator[tuple[str, float]]:
    """Each drawn piece, and where the next one begins."""
    for report in reports:
        rows = [(row, report.peers(row)) for row in report.rows]
        rows = [(row, peers) for row, peers in rows if peers]
        if not rows:
            continue
        y += HEAD - LINE
        yield f'<text x="{MARGIN}" y="{y + 14:g}" class="t">{text(report.title)}</text>', y
        y += LINE
        for row, peers in rows:
            peer = max(peers, key=lambda way: peers[way])
            yield _dot(row, peer, peers[peer], y), y + LINE
            y += LINE


def _scale(top: float, bottom: float) -> str:
    parts = []
    for ratio, words in ((0.01, "1 %"), (0.1, "10 %"), (1.0, "as the nearest peer")):
        x = _at(ratio)
        parts.append(
            f'<path d="M{x:.1f} {top:g}V{bottom:g}" stroke="{INK if ratio == 1 else PALE}"/>\n'
            f'<text x="{x:.1f}" y="{top - 6:g}" class="m">{words}</text>'
        )
    return "\n".join(parts)


def _outcomes(report: Report, y: float) -> Iterator[tuple[str, float]]:
    """What becomes of requests: one bar for each way."""
    left, right = 220.0, WIDTH - MARGIN
    yield f'<text x="{MARGIN}" y="{y + 14:g}" class="t">{text(report.title)}</text>', y + HEAD
    y += HEAD
    ways = [*(way for way in report.ways if way != report.ours), report.ours]
    for way in ways:
        x = left
        parts = [f'<text x="{left - 12:g}" y="{y + 15:g}" class="e">{text(way)}</text>']
        for row in report.rows:
            share = row.figures[way]
            wide = share / 100 * (right - left)
            colour = OUTCOMES[row.what]
            parts.append(
                f'<rect x="{x:.1f}" y="{y:g}" width="{wide:.1f}" height="20" fill="{colour}"/>'
            )
            if share >= 6:
                parts.append(
                    f'<text x="{x + wide / 2:.1f}" y="{y + 15:g}" class="w">{share:.0f} %</text>'
                )
            x += wide
        y += 27
        yield "\n".join(parts), y
    x = left
    for words, colour in OUTCOMES.items():
        key = (
            f'<rect x="{x:g}" y="{y:g}" width="12" height="12" fill="{colour}"/>\n'
            f'<text x="{x + 18:g}" y="{y + 11:g}">{words}</text>'
        )
        x += 40 + 7 * len(words)
        yield key, y + 24


def draw() -> str:
    """The picture."""
    reports = read_reports()
    bars = list(_outcomes(reports["refusals"], float(MARGIN)))
    top = bars[-1][1] + 34
    rows = list(_ratios(list(reports.values()), top))
    parts = [piece for piece, _ in bars]
    parts += [_scale(top, rows[-1][1]), *(piece for piece, _ in rows)]
    height = rows[-1][1] + MARGIN
    drawn = "\n".join(parts)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img">
<title>The figures of llm-kimi beside those of its peers</title>
<style>
text {{ font: 12px {SANS}; fill: {INK} }}
.t {{ font-weight: 600; font-size: 14px }}
.e {{ text-anchor: end }}
.m {{ text-anchor: middle }}
.w {{ text-anchor: middle; fill: #ffffff }}
</style>
{drawn}
</svg>
"""


if __name__ == "__main__":
    sys.exit(finish("performance.svg", draw(), sys.argv[1:]))
