"""CONTRIBUTING.md and AGENTS.md name files, make targets and names of the code that are there."""

from __future__ import annotations

import re

import pytest

from llm_kimi.catalog import models
from scripts.environment import ROOT

PAGES = {
    name: (ROOT / name).read_text(encoding="utf-8") for name in ("CONTRIBUTING.md", "AGENTS.md")
}
every_page = pytest.mark.parametrize("name", PAGES)


def spoken(page: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", page, flags=re.DOTALL))


@every_page
def test_the_files_that_it_names_are_there(name: str) -> None:
    page = PAGES[name]
    named = [
        word for word in spoken(page) if re.fullmatch(r"[\w./*-]+(/|\.(py|md|sh|txt|yml))", word)
    ]
    linked = [link for link in re.findall(r"\]\(([^)#]+)", page) if "://" not in link]
    assert len(named) + len(linked) > 3
    for path in (*named, *linked):
        if path == ".venv/" or path.startswith("docs/*"):
            continue
        places = (ROOT, ROOT / "llm_kimi", ROOT / ".github" / "workflows")
        assert any(list(place.glob(path.rstrip("/"))) for place in places), path


@every_page
def test_make_knows_the_targets_that_it_names(name: str) -> None:
    targets = re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = re.findall(
        r"(?:^|`)make ([a-z][a-z -]*?)(?:`|\s\s|\s#|\n|$| PYTHON)", PAGES[name], re.M
    )
    assert named
    assert {target for words in named for target in words.split()} <= set(targets)


def test_the_example_of_a_new_model_is_a_row() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGES["CONTRIBUTING.md"], re.DOTALL)
    (row,) = eval(f"({code})", vars(models))
    assert isinstance(row, models.Model)
    assert row.id not in models.BY_ID


def test_the_names_of_the_code_that_it_names_are_there() -> None:
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("llm_kimi", "scripts", "tests")
        for path in (ROOT / folder).rglob("*.py")
    )
    for word in spoken(PAGES["CONTRIBUTING.md"]):
        if re.fullmatch(r"_?[a-zA-Z]+(_[a-z]+)+|[A-Z]{4,}", word):
            assert re.search(rf"\b{word}\b", source), word
