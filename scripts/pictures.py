"""What the scripts that draw have in common: text for SVG, and writing or checking a file."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).parent.parent

# Whatever the reader has: nothing is fetched.
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SANS = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"


def text(words: str) -> str:
    """``words`` as text of an SVG."""
    return escape(words)


def finish(name: str, picture: str, arguments: list[str]) -> int:
    """Write ``docs/NAME``, or with ``--check`` say whether it is up to date; the exit code."""
    path = ROOT / "docs" / name
    if arguments == ["--check"]:
        if path.is_file() and path.read_text(encoding="utf-8") == picture:
            return 0
        print(f"docs/{name} is out of date: run `make pictures`", file=sys.stderr)
        return 1
    if arguments:
        print(f"usage: {Path(sys.argv[0]).name} [--check]", file=sys.stderr)
        return 2
    path.write_text(picture, encoding="utf-8")
    print(f"docs/{name} is written.")
    return 0
