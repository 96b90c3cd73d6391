"""Records ``make demo`` as ``docs/demo.svg``: a real run against the offline Kimi, in a terminal.

    python scripts/record_demo.py           # run the demo and write the picture
    python scripts/record_demo.py --check   # run it, and fail when the picture is out of date

The picture scrolls like the terminal did, by CSS alone; where nothing moves, it shows the first
screen. When a line appears is decided here, not measured, and the port is masked, so that two runs
give the same picture. It needs a Unix terminal, and ``llm`` beside the Python that runs this.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from environment import environment
from pictures import MONO, ROOT, SANS, finish, text

COLUMNS, SCREEN = 80, 27
CHARACTER, LINE = 7.8, 18
SIDE, BAR = 16, 34

BACK, FRAME, FRONT, STRONG, FAINT = "#12161d", "#3a424e", "#cfd6df", "#ffffff", "#8b95a3"
COLOURS = {31: "#ff7b72", 32: "#56d364", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea"}

# Seconds: before a chapter, before a command, before its output, from line to line, at the end.
CHAPTER, COMMAND, ANSWER, STEP, END = 2.2, 0.9, 0.7, 0.16, 7.0


@dataclass(frozen=True)
class Style:
    """How a character looks."""

    bold: bool = False
    faint: bool = False
    colour: int | None = None

    def after(self, code: int) -> Style:
        """The style after ``ESC [ code m``."""
        if code == 0:
            return Style()
        if code in (1, 2, 22):
            return replace(self, bold=code == 1 or (self.bold and code == 2), faint=code == 2)
        if code == 39 or code in COLOURS:
            return replace(self, colour=None if code == 39 else code)
        raise SystemExit(f"scripts/record_demo.py: draws no text in the style ESC[{code}m yet")


Row = list[tuple[str, Style]]
"""One line of the screen: characters, each with its style."""


def record() -> str:
    """What the demo writes to a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", SCREEN, COLUMNS, 0, 0))
    with tempfile.TemporaryDirectory(prefix="llm-kimi-demo-") as folder:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        demo = subprocess.Popen(
            ["llm", "kimi", "simulate", "--", "sh", str(ROOT / "scripts" / "demo_inside.sh")],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=ROOT,
            env=environment(PATH=path, LLM_USER_PATH=folder, TERM="xterm-256color"),
            start_new_session=True,
        )
        os.close(theirs)
        written = b"".join(_read(ours))
        if demo.wait():
            raise SystemExit(f"the demo failed:\n{written.decode(errors='replace')}")
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", written.decode())


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError as error:  # how Linux says that the other side is closed
            if error.errno != errno.EIO:
                raise
            data = b""
        if not data:
            os.close(terminal)
            return
        yield data


def rows(written: str) -> list[Row]:
    """The lines that a terminal shows: styles applied, long lines wrapped."""
    style, row = Style(), Row()
    found = [row]
    for index, piece in enumerate(re.split(r"\x1b\[([\d;]*)m", written.replace("\r\n", "\n"))):
        if index % 2:  # what stood between ESC [ and m
            for code in piece.split(";"):
                style = style.after(int(code or 0))
            continue
        for character in piece:
            if character == "\n":
                row = Row()
                found.append(row)
                continue
            if not character.isprintable():
                raise SystemExit(f"scripts/record_demo.py: cannot draw {character!r} yet")
            if len(row) == COLUMNS:
                row = Row()
                found.append(row)
            row.append((character, style))
    while found and not found[-1]:
        found.pop()
    while found and not found[0]:
        found.pop(0)
    return found


def moments(lines: list[str]) -> list[float]:
    """When each line appears, in seconds: the first chapter at once, so that it never is empty."""
    clock, found = 0.0, []
    before = ""
    begins = next((n for n, line in enumerate(lines) if line.startswith("2. ")), 0)
    for number, line in enumerate(lines):
        if number < begins:
            pass
        elif re.match(r"\d\. |With a key", line):
            clock += CHAPTER
        elif line.startswith("$ "):
            clock += COMMAND
        elif line and before.endswith('"') and not line.startswith(" "):
            clock += ANSWER
        elif line:
            clock += STEP
        found.append(clock)
        before = line
    return found


def _runs(row: Row) -> Iterator[tuple[int, str, Style]]:
    """Stretches of one style: (column, text, style); blanks at the ends are left out."""
    start = 0
    while start < len(row):
        end = start
        while end < len(row) and (row[end][1] == row[start][1] or row[end][0] == " "):
            end += 1
        words = "".join(character for character, _ in row[start:end])
        if words.strip():
            yield start + len(words) - len(words.lstrip()), words.strip(), row[start][1]
        start = end


def _line(number: int, row: Row) -> str:
    drawn = []
    for column, words, style in _runs(row):
        look = " ".join(["b"] * style.bold + ["f"] * style.faint)
        drawn.append(
            f'<text x="{SIDE + column * CHARACTER:g}" y="{(number + 1) * LINE - 5}" '
            f'textLength="{len(words) * CHARACTER:g}"'
            + (f' class="{look}"' if look else "")
            + (f' style="fill:{COLOURS[style.colour]}"' if style.colour else "")
            + f">{text(words)}</text>"
        )
    return "".join(drawn)


def _frames(times: list[float], length: float) -> tuple[str, str]:
    """Keyframes for the text, which scrolls, and for what hides the lines to come."""
    scrolled, hidden = [], []
    for number in range(len(times)):
        if number + 1 < len(times) and times[number + 1] == times[number]:
            continue
        at = f"{100 * times[number] / length:.2f}%"
        scrolled.append(f"{at}{{transform:translateY({-max(0, number + 1 - SCREEN) * LINE}px)}}")
        hidden.append(f"{at}{{transform:translateY({min(number + 1, SCREEN) * LINE}px)}}")
    return "".join(_changes(scrolled)), "".join(_changes(hidden))


def _changes(frames: list[str]) -> Iterator[str]:
    """Without the frames that are as the one before."""
    before = ""
    for frame in frames:
        what = frame.partition("%")[2]
        if what != before:
            yield frame
        before = what


def draw(written: str) -> str:
    """The picture of what was written."""
    lines = rows(written)
    times = moments(["".join(character for character, _ in row) for row in lines])
    length = times[-1] + END
    scrolled, hidden = _frames(times, length)
    width, height = COLUMNS * CHARACTER + 2 * SIDE, SCREEN * LINE
    body = "\n".join(_line(number, row) for number, row in enumerate(lines) if row)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {BAR + height + SIDE}" role="img">
<title>make demo: llm-kimi against the offline Kimi</title>
<style>
text {{ font: 13px {MONO}; fill: {FRONT}; white-space: pre }}
.b {{ font-weight: 700; fill: {STRONG} }}
.f {{ fill: {FAINT} }}
.t {{ font: 12px {SANS}; fill: {FAINT}; text-anchor: middle }}
.c {{ visibility: hidden }}
@media (prefers-reduced-motion: no-preference) {{
.s {{ animation: s {length:g}s step-end infinite }}
.c {{ animation: c {length:g}s step-end infinite; visibility: visible }}
}}
@keyframes s {{ {scrolled} }}
@keyframes c {{ {hidden} }}
</style>
<clipPath id="w"><rect width="{width:g}" height="{height}"/></clipPath>
<rect x=".5" y=".5" width="{width - 1:g}" height="{BAR + height + SIDE - 1}" rx="8" \
fill="{BACK}" stroke="{FRAME}"/>
<text x="{width / 2:g}" y="20" class="t">make demo</text>
<g transform="translate(0 {BAR})" clip-path="url(#w)">
<g class="s">
{body}
</g>
<rect class="c" x="1" width="{width - 2:g}" height="{height}" fill="{BACK}"/>
</g>
</svg>
"""


if __name__ == "__main__":
    sys.exit(finish("demo.svg", draw(record()), sys.argv[1:]))
