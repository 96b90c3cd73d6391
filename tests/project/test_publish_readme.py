"""The page of the published package: every link and picture says where the repository is."""

from __future__ import annotations

import re
import sys

from scripts.environment import ROOT
from scripts.publish_readme import absolute, main, with_urls

if sys.version_info >= (3, 11):
    import tomllib

REPOSITORY = "https://github.com/someone/llm-kimi"


def test_no_link_of_the_readme_is_left_relative() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = absolute(readme, REPOSITORY, "v1.2.3")
    targets = re.findall(r"\]\(([^)\s]+)\)", page)
    assert targets
    assert [one for one in targets if not one.startswith(("https://", "#"))] == []
    ours = [one for one in targets if "someone" in one]
    assert len(ours) > 20
    for one in ours:
        path = re.sub(r"^https://[^/]+/someone/llm-kimi/(blob/)?v1\.2\.3/", "", one)
        assert (ROOT / path.partition("#")[0]).is_file(), one
    (picture,) = [one for one in ours if one.endswith(".svg")]
    assert picture.startswith("https://raw.githubusercontent.com/someone/llm-kimi/v1.2.3/docs/")


def test_the_project_has_its_addresses() -> None:
    project = with_urls((ROOT / "pyproject.toml").read_text("utf-8"), REPOSITORY, "v1.2.3")
    if sys.version_info >= (3, 11):
        table = tomllib.loads(project)["project"]
        assert table["urls"]["Homepage"] == REPOSITORY
        assert "test" in table["optional-dependencies"]
    assert project.count("[project.urls]") == 1


def test_what_is_no_repository_changes_nothing() -> None:
    before = (ROOT / "README.md").read_bytes()
    for arguments in ([], [REPOSITORY], ["https://example.com/a/b", "v1"], ["a", "b", "c"]):
        assert main(arguments) == 2
    assert (ROOT / "README.md").read_bytes() == before


def test_the_workflow_that_publishes_does_it_before_it_builds() -> None:
    workflow = (ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8")
    assert 0 < workflow.index("scripts/publish_readme.py") < workflow.index("python -m build")
