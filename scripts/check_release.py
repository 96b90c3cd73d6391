"""Whether a tag can be published: the version is the tag's, and the changelog has its section.

    python scripts/check_release.py v0.2.0

Reads files only, so it runs before anything is installed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def problems(tag: str, version: str, changelog: str) -> list[str]:
    """What stands against publishing ``tag``, in words; nothing where all is well."""
    found = []
    if not re.fullmatch(r"v\d+\.\d+\.\d+((a|b|rc)\d+)?", tag):
        found.append(f"the tag {tag} is not of the form v1.2.3")
    if tag.removeprefix("v") != version:
        found.append(f"the tag is {tag}, llm_kimi.__version__ is {version}")
    section = re.search(
        rf"^## \[{re.escape(version)}\] - (\S+)$(.*?)(?=^## |\Z)", changelog, re.M | re.S
    )
    if section is None:
        found.append(f"CHANGELOG.md has no section '## [{version}] - YYYY-MM-DD'")
    elif not re.fullmatch(r"\d{4}-\d\d-\d\d", section[1]):
        found.append(f"CHANGELOG.md dates {version} {section[1]}: write YYYY-MM-DD")
    elif "- " not in section[2]:
        found.append(f"CHANGELOG.md says nothing about {version}")
    return found


def main(arguments: list[str]) -> int:
    """The exit code."""
    if len(arguments) != 1:
        print("usage: check_release.py TAG", file=sys.stderr)
        return 2
    front = (ROOT / "llm_kimi" / "__init__.py").read_text(encoding="utf-8")
    version = re.search(r'^__version__ = "(.*)"$', front, re.M)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = problems(arguments[0], version[1] if version else "not there", changelog)
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
