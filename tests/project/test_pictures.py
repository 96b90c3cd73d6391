"""The pictures of README and docs: complete in themselves, and drawn from what was written."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from scripts.environment import ROOT

SVG = "{http://www.w3.org/2000/svg}"
every_picture = pytest.mark.parametrize(
    "path", sorted((ROOT / "docs").glob("*.svg")), ids=lambda path: path.name
)


def shown(path: Path) -> str:
    """The words of a picture."""
    return "\n".join("".join(item.itertext()) for item in ET.parse(path).iter(f"{SVG}text"))


@every_picture
def test_a_picture_fetches_nothing_and_runs_nothing(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"@import|@font-face|href|<script|<image|<foreignObject|\bon\w+=", source)
    assert set(re.findall(r"url\(([^)]*)\)", source)) <= {"#a", "#w"}
    for element in ET.parse(path).iter():
        for value in element.attrib.values():
            assert "://" not in value


@every_picture
def test_a_picture_is_shown_and_says_what_it_is(path: Path) -> None:
    assert ET.parse(path).getroot().find(f"{SVG}title") is not None
    assert path.stat().st_size < 50_000


def test_readme_shows_the_demo_on_its_first_screen() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    start, picture, _ = readme.partition("](docs/demo.svg)")
    assert picture
    assert "make demo" in start
    assert start.count("\n") < 30


def test_the_demo_says_that_its_answers_are_made_up_and_holds_no_key() -> None:
    words = shown(ROOT / "docs" / "demo.svg")
    assert "made up by it, not by Moonshot AI" in words
    assert "127.0.0.1:PORT" in words
    assert "Error" not in words
    assert not re.search(r"\bsk-\w", words)


def test_the_demo_shows_every_command_of_its_script() -> None:
    words = shown(ROOT / "docs" / "demo.svg")
    script = (ROOT / "scripts" / "demo_inside.sh").read_text(encoding="utf-8")
    assert words.count("$ ") == len(re.findall(r"^show ", script, re.MULTILINE))


def test_colours_bold_and_long_lines_are_drawn_as_a_terminal_shows_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("pty")
    monkeypatch.syspath_prepend(ROOT / "scripts")
    from scripts.record_demo import COLUMNS, Style, draw, rows

    long = "x" * (COLUMNS + 2)
    drawn = rows(f"\x1b[1mbold\x1b[0m \x1b[33m\x1b[2mpale\x1b[0m\r\n\r\n{long}\r\n")
    assert [len(row) for row in drawn] == [9, 0, COLUMNS, 2]
    assert drawn[0][0] == ("b", Style(bold=True))
    assert drawn[0][-1] == ("e", Style(faint=True, colour=33))
    assert "a &lt; b &amp; c" in draw("$ a < b & c\r\n")
    for unknown in ("\x1b[5mblink", "\rback", "\x1b[2Aup"):
        with pytest.raises(SystemExit):
            rows(unknown)
