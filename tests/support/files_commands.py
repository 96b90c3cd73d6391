"""``llm kimi files`` as its tests run it, and what it finds at Kimi."""

from __future__ import annotations

import json
from typing import Any

import httpx
from click.testing import Result

from llm_kimi.simulator import Simulator
from tests.support.llm_runs import run

COMMANDS = {
    "list": (),
    "upload": ("a.png",),
    "show": ("file_1",),
    "content": ("file_1",),
    "delete": ("file_1",),
    "prune": ("--yes",),
}
MINUTE = 60.0


def files(*args: str, input: str | None = None) -> Result:
    """``llm kimi files ARGS``, which has to succeed without a word on stderr of trouble."""
    result = run("kimi", "files", *args, input=input)
    assert result.exit_code == 0, (result.output, result.exception)
    assert "Error" not in result.stderr
    return result


def refuse(*args: str, code: int = 1) -> str:
    """The only error of a run that fails."""
    result = run("kimi", "files", *args)
    assert result.exit_code == code, (result.output, result.exception)
    assert isinstance(result.exception, SystemExit), result.exception
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, result.stderr
    assert "Traceback" not in result.output
    return str(errors[0]).removeprefix("Error: ")


def data(*args: str) -> Any:
    """What a command gives to programs."""
    return json.loads(files(*args, "--json").stdout)


def listed() -> list[dict[str, Any]]:
    """The files that ``list`` tells."""
    found: list[dict[str, Any]] = data("list")["files"]
    return found


def uploads(kimi: Simulator) -> int:
    """How many uploads were tried."""
    return sum(record["method"] == "POST" for record in kimi.requests)


def foreign(kimi: Simulator, name: str = "theirs.txt", content: bytes = b"theirs") -> str:
    """A file that another program uploads."""
    answer = httpx.post(
        f"{kimi.base_url}/files",
        headers={"Authorization": f"Bearer {kimi.key}"},
        data={"purpose": "file-extract"},
        files={"file": (name, content)},
    )
    return str(answer.json()["id"])


def ids(kimi: Simulator) -> set[str]:
    """The files that are there."""
    return {row["id"] for row in kimi.files}
