"""README and docs as data: pages, the code blocks that were written by hand, links, headings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.environment import ROOT

DOCS = ROOT / "docs"

_FENCE = re.compile(r"(`{3,}|~{3,})(.*)")
_CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_REFERENCE = re.compile(r"^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_HTML = re.compile(r"<(?:a|img)\b[^>]*?(?:href|src)=\"([^\"]+)\"")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language, its text."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{shown(self.page)}:{self.line}"


def shown(page: Path) -> str:
    """The page as people call it."""
    return page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name


def pages() -> list[Path]:
    """README and all pages of the docs."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def split(page: Path) -> tuple[list[Block], str]:
    """The blocks outside of what cog generates, and the rest of the page without any block.

    ``cog --check`` compares what cog generates with what commands print, so it is left to that.
    """
    blocks: list[Block] = []
    prose: list[str] = []
    fence, start, language, lines = "", 0, "", list[str]()
    generated = instructions = False
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        if fence:
            if line.strip() == fence:
                if not generated:
                    blocks.append(Block(page, start, language, "\n".join(lines)))
                fence = ""
            else:
                lines.append(line)
            continue
        if "[[[cog" in line:
            generated = instructions = True
        if not instructions:
            opening = _FENCE.fullmatch(line.strip())
            if opening:
                fence, language = opening[1], opening[2].strip()
                start, lines = number, []
                continue
            prose.append("" if "[[[end]]]" in line else line)
        else:
            prose.append("")
        if "]]]" in line:
            instructions = False
            generated = generated and "[[[end]]]" not in line
    if fence or generated:
        raise ValueError(f"{shown(page)}: a block has no end")
    return blocks, "\n".join(prose)


def commands(block: Block) -> list[str]:
    """The commands of a shell block, each with its continuation lines; comments left out."""
    text = block.text
    if block.language == "console":
        text = "\n".join(line[2:] for line in text.splitlines() if line.startswith("$ "))
    found: list[str] = []
    for line in text.splitlines():
        if found and (found[-1].endswith("\\") or found[-1].count("'") % 2):
            found[-1] += f"\n{line}"
        elif line.strip() and not line.startswith("#"):
            found.append(line)
    return [re.sub(r"\s+#\s.*$", "", command) for command in found]


def links(prose: str) -> Iterator[str]:
    """The targets of all links and images."""
    plain = _CODE.sub("``", prose)
    for pattern in (_LINK, _REFERENCE, _HTML):
        yield from pattern.findall(plain)


def inline_code(prose: str) -> Iterator[str]:
    """The texts between backticks."""
    for found in _CODE.finditer(prose):
        yield " ".join(found[2].split())


def headings(prose: str) -> list[str]:
    """The headings of a page, as they read."""
    found = re.findall(r"^#{1,6}\s+(.+?)\s*#*$", prose, re.MULTILINE)
    return [re.sub(r"`|\*\*|(?<=\])\([^)]*\)|[\[\]]", "", heading) for heading in found]


def github_anchors(prose: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    found: dict[str, int] = {}
    anchors = set()
    for heading in headings(prose):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = found.get(slug, 0)
        found[slug] = count + 1
        anchors.add(f"{slug}-{count}" if count else slug)
    return anchors


def site_anchors(prose: str) -> set[str]:
    """The anchors that mkdocs (Python-Markdown's toc) gives to them."""
    anchors: set[str] = set()
    for heading in headings(prose):
        text = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
        slug = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower())
        name, count = slug, 0
        while name in anchors:
            count += 1
            name = f"{slug}_{count}"
        anchors.add(name)
    return anchors
