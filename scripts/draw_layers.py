"""Draws ``docs/architecture.svg``: the layers of ``layers.py`` and what they really import.

    python scripts/draw_layers.py           # write it
    python scripts/draw_layers.py --check   # fail when it is out of date

An import that follows from others is not drawn: who imports ``files`` may well import ``errors``
too. No colour is a background, so the picture does on light pages and on dark ones.
"""

from __future__ import annotations

import sys

from layers import FRONT, LAYERS, ROOT, Layer, imports
from pictures import MONO, SANS, finish, text

# (column, row) of each layer, from the top left.
PLACES: dict[str, tuple[float, float]] = {
    "plugin": (1.25, 0),
    FRONT.name: (2.25, 1),
    "litellm": (3.25, 1),
    "integrations.litellm.startup": (3.1, 0),
    "openai": (4.3, 1),
    "serve": (0.25, 0),
    "integrations.openai": (4.3, 2),
    "integrations.serve": (2.25, 2),
    "integrations.openai_chat": (4.3, 3),
    "integrations.openai_http": (4.3, 4.75),
    "commands": (1.25, 1),
    "pytest_plugin": (0.25, 1),
    "simulator": (0, 2),
    "integrations.llm": (1.25, 2),
    "integrations.litellm": (3.25, 2),
    "terminal": (1.25, 3.75),
    "files": (2.75, 3.75),
    "official_tools": (1.75, 4.1),
    "transport": (2.25, 4.75),
    "download": (3.3, 4.75),
    "exchange": (2.85, 5.75),
    "config": (1.25, 6.75),
    "reply": (2.25, 6.75),
    "translation": (3.25, 6.75),
    "sniff": (3.4, 7.75),
    "catalog": (0, 8.75),
    "errors": (2.25, 8.75),
}
COLUMN, ROW = 212, 78
WIDTH, HEIGHT = 188, 46
MARGIN = 14
PURE, OTHER = ("#d9efdc", "#4c9a5b"), ("#dbe7f6", "#4f7fb8")
INK, ARROW = "#1b2430", "#808890"


def _edges() -> dict[tuple[str, str], bool]:
    """(importer, imported) -> whether it is loaded with the importer, without what follows."""
    found: dict[tuple[str, str], bool] = {}
    for item in imports():
        importer, imported = item.layers
        # The front's are written for type checkers, and loaded when a name is used.
        if not item.ours or importer == imported or imported == FRONT.name:
            continue
        if item.when == "types" and importer != FRONT.name:
            continue
        found[importer, imported] = found.get((importer, imported), False) or item.when == "loaded"
    return {edge: loaded for edge, loaded in found.items() if not _follows(edge, set(found))}


def _follows(edge: tuple[str, str], edges: set[tuple[str, str]]) -> bool:
    """Whether there is a longer way from one layer to the other."""
    start, end = edge
    reached = {there for here, there in edges if here == start and there != end}
    while True:
        more = {there for here, there in edges if here in reached} - reached
        if not more:
            return end in reached
        reached |= more


def _place(name: str) -> tuple[float, float]:
    if name not in PLACES:
        raise SystemExit(f"scripts/draw_layers.py: PLACES has no place for the layer {name!r}")
    column, row = PLACES[name]
    return MARGIN + column * COLUMN, MARGIN + row * ROW


def _box(layer: Layer) -> str:
    x, y = _place(layer.name)
    fill, edge = PURE if layer.pure else OTHER
    folder = layer is not FRONT and (ROOT / FRONT.name / layer.name).is_dir()
    middle = x + WIDTH / 2
    size = min(14, (WIDTH - 10) / len(layer.name) / 0.61)  # a letter is that wide
    name = text(layer.name) + "/" * folder
    small = f' style="font-size:{size:.1f}px"' if size < 14 else ""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="5" fill="{fill}" '
        f'stroke="{edge}" stroke-width="1.5"/>\n'
        f'<text x="{middle:g}" y="{y + 19:g}" class="n"{small}>{name}</text>\n'
        f'<text x="{middle:g}" y="{y + 36:g}" class="d">{text(layer.does)}</text>'
    )


def _arrow(edge: tuple[str, str], loaded: bool) -> str:
    (x1, y1), (x2, y2) = _place(edge[0]), _place(edge[1])
    # Lines leave and arrive on the side on which the other layer stands.
    aside = max(-0.36, min(0.36, (x2 - x1) / COLUMN * 0.4)) * WIDTH
    x1, x2 = x1 + WIDTH / 2 + aside, x2 + WIDTH / 2 - aside / 2
    y1, y2 = y1 + HEIGHT, y2 - 2
    if y2 <= y1:
        raise SystemExit(f"scripts/draw_layers.py: {edge[0]} has to stand above {edge[1]}")
    bend = (y2 - y1) * 0.4
    dashes = "" if loaded else ' stroke-dasharray="5 4"'
    curve = f"M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"
    return f'<path d="{curve}"{dashes} marker-end="url(#a)"/>'


def _legend(y: float) -> str:
    keys = []
    for x, (fill, edge), words in ((MARGIN, PURE, "no I/O"), (MARGIN + 90, OTHER, "may do I/O")):
        keys.append(
            f'<rect x="{x}" y="{y:g}" width="14" height="14" rx="3" fill="{fill}" '
            f'stroke="{edge}" stroke-width="1.5"/>\n'
            f'<text x="{x + 21}" y="{y + 12:g}" class="l">{words}</text>'
        )
    for x, dashes, words in (
        (MARGIN + 208, "", "imports"),
        (MARGIN + 318, ' stroke-dasharray="5 4"', "imports when used (what follows is not drawn)"),
    ):
        keys.append(
            f'<path d="M{x} {y + 7:g}h34" fill="none" stroke="{ARROW}" stroke-width="1.5"'
            f'{dashes} marker-end="url(#a)"/>\n'
            f'<text x="{x + 43}" y="{y + 12:g}" class="l">{words}</text>'
        )
    return "\n".join(keys)


def draw() -> str:
    """The picture."""
    bottom = max(row for _, row in PLACES.values()) * ROW + MARGIN + HEIGHT
    width = max(column for column, _ in PLACES.values()) * COLUMN + WIDTH + 2 * MARGIN
    height = bottom + 20 + 14 + MARGIN
    layers = (FRONT, *reversed(LAYERS))
    arrows = "\n".join(_arrow(edge, loaded) for edge, loaded in sorted(_edges().items()))
    boxes = "\n".join(_box(layer) for layer in layers)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">
<title>The layers of llm-kimi and what they import</title>
<style>
.n {{ font: 600 14px {MONO}; text-anchor: middle; fill: {INK} }}
.d {{ font: 12px {SANS}; text-anchor: middle; fill: {INK} }}
.l {{ font: 12px {SANS}; fill: {ARROW} }}
</style>
<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" \
orient="auto" markerUnits="userSpaceOnUse"><path d="M0 0L8 4L0 8z" fill="{ARROW}"/></marker></defs>
<g fill="none" stroke="{ARROW}" stroke-width="1.5">
{arrows}
</g>
{boxes}
{_legend(bottom + 20)}
</svg>
"""


if __name__ == "__main__":
    sys.exit(finish("architecture.svg", draw(), sys.argv[1:]))
