"""The workflows on GitHub: they say what Makefile and pyproject.toml say, and may do little."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from scripts.check_release import main, problems
from scripts.environment import ROOT

WORKFLOWS = {
    path.name: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][\w-]*):", MAKEFILE, re.MULTILINE))
every_workflow = pytest.mark.parametrize("name", WORKFLOWS)


def matrix() -> dict[str, Any]:
    found: dict[str, Any] = WORKFLOWS["test.yml"]["jobs"]["unit"]["strategy"]["matrix"]
    return found


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in WORKFLOWS[name]["jobs"].values() for step in job.get("steps", ())]


def commands(name: str) -> str:
    return "\n".join(step["run"] for step in steps(name) if "run" in step)


def test_every_claimed_python_is_tested_and_no_other_has_to_pass() -> None:
    claimed = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PYPROJECT)
    assert matrix()["python"] == claimed
    assert f'requires-python = ">={claimed[0]}"' in PYPROJECT
    for extra in matrix()["include"]:
        assert extra["python"] not in claimed
        assert extra["may-fail"] is True


def test_every_set_of_hosts_of_make_test_is_tested() -> None:
    wanted = {"unit-newest", "unit-oldest", "litellm"}
    assert wanted <= TARGETS
    assert set(matrix()["target"]) == wanted
    assert {extra["target"] for extra in matrix()["include"]} <= wanted


def test_everything_that_make_test_runs_is_run() -> None:
    (line,) = re.findall(r"^CHECKS := (.*)$", MAKEFILE, re.MULTILINE)
    run = {*matrix()["target"]}
    for name in ("test.yml", "docs.yml"):
        run |= set(re.findall(r"^make ([a-z-]+)", commands(name), re.MULTILINE))
    if {"unit-newest", "unit-oldest"} <= run:
        run.add("unit")
    assert set(line.split()) <= run
    assert re.search(r"^test: .*\n\t@\$\(MAKE\) .* \$\(CHECKS\)$", MAKEFILE, re.MULTILINE)


@every_workflow
def test_make_knows_what_a_workflow_asks_for(name: str) -> None:
    asked = set(re.findall(r"^make ([a-z-]+)", commands(name), re.MULTILINE))
    assert asked <= TARGETS


@every_workflow
def test_a_workflow_may_read_and_nothing_else(name: str) -> None:
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"]
    for job in workflow["jobs"].values():
        assert "uses" in job or job["timeout-minutes"] <= 30
        assert job.get("permissions", {}) in ({}, {"id-token": "write"})
    for step in steps(name):
        if "uses" in step:
            assert re.search(r"@(v\d+|release/v\d+)$", step["uses"]), step
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
    # What others can write (titles, branches) must not become part of a script.
    assert "${{ github" not in commands(name)
    assert "secrets." not in (ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8")


def test_only_a_tag_publishes_and_only_after_all_tests() -> None:
    workflow = WORKFLOWS["publish.yml"]
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML reads `on` as true
    jobs = workflow["jobs"]
    assert set(jobs["publish"]["needs"]) == {"test", "build"}
    assert jobs["test"] == {"uses": "./.github/workflows/test.yml"}
    assert "workflow_call" in WORKFLOWS["test.yml"][True]
    assert [name for name, job in jobs.items() if "permissions" in job] == ["publish"]
    # The job that may publish runs nothing of ours.
    assert not any("run" in step for step in jobs["publish"]["steps"])


LOG = "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n### Added\n\n- A thing.\n"


def test_a_release_needs_tag_version_and_changelog_to_agree() -> None:
    assert problems("v0.2.0", "0.2.0", LOG) == []
    assert problems("v0.2.0", "0.2.1", LOG) == [
        "the tag is v0.2.0, llm_kimi.__version__ is 0.2.1",
        "CHANGELOG.md has no section '## [0.2.1] - YYYY-MM-DD'",
    ]
    assert problems("0.2", "0.2", "") == [
        "the tag 0.2 is not of the form v1.2.3",
        "CHANGELOG.md has no section '## [0.2] - YYYY-MM-DD'",
    ]
    assert problems("v0.2.0", "0.2.0", LOG.replace("- A thing.", "")) == [
        "CHANGELOG.md says nothing about 0.2.0"
    ]
    (dated,) = problems("v0.2.0", "0.2.0", LOG.replace("2026-12-01", "soon"))
    assert "write YYYY-MM-DD" in dated


def test_the_check_reads_this_repository(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["v99.0.0"]) == 1
    assert "the tag is v99.0.0, llm_kimi.__version__ is" in capsys.readouterr().err
    assert main([]) == 2
