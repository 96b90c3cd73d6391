"""Make README and pyproject.toml those of a published package, where they lie.

    python scripts/publish_readme.py https://github.com/OWNER/llm-kimi v0.2.0

On the page of a package index a link has to say where the repository is. That is known when a tag
is published; in a clone the links stay relative, so that they lead to the files beside them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\n)*)\]\((?!https?:|#|mailto:)([^)\s]+)\)")
_HOST = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+")


def absolute(readme: str, repository: str, tag: str) -> str:
    """``readme`` with links that lead to ``repository`` as it was at ``tag``."""
    raw = repository.replace("https://github.com/", "https://raw.githubusercontent.com/", 1)

    def link(match: re.Match[str]) -> str:
        picture, text, target = match.groups()
        place = f"{raw}/{tag}" if picture else f"{repository}/blob/{tag}"
        return f"{picture}[{text}]({place}/{target})"

    return _LINK.sub(link, readme)


def with_urls(project: str, repository: str, tag: str) -> str:
    """``pyproject.toml`` with the addresses that the page of a package shows."""
    urls = {
        "Homepage": repository,
        "Documentation": f"{repository}/blob/{tag}/docs/index.md",
        "Changelog": f"{repository}/blob/{tag}/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }
    table = "".join(f'{name} = "{url}"\n' for name, url in urls.items())
    before, mark, rest = project.partition("[project.optional-dependencies]\n")
    if not mark or "[project.urls]" in project:
        raise ValueError("pyproject.toml is not as this script expects it")
    return f"{before}[project.urls]\n{table}\n{mark}{rest}"


def main(arguments: list[str]) -> int:
    """The exit code."""
    if len(arguments) != 2 or not _HOST.fullmatch(arguments[0]):
        print("usage: publish_readme.py https://github.com/OWNER/NAME TAG", file=sys.stderr)
        return 2
    for name, change in (("README.md", absolute), ("pyproject.toml", with_urls)):
        path = ROOT / name
        path.write_text(change(path.read_text(encoding="utf-8"), *arguments), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
