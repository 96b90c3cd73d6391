"""Running ``llm``: in this process for the many small cases, as a real command for the others."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import llm.cli
import pytest
import sqlite_utils
from click.testing import CliRunner, Result
from llm.default_plugins import openai_models
from llm.migrations import migrate

from llm_kimi.simulator import Simulator
from llm_kimi.transport.client_pool import clear_clients
from tests.support.warm import warm

if not hasattr(openai_models.build_options_class, "cache_info"):
    # llm before 0.34 builds the option classes of all its models anew for every command.
    openai_models.build_options_class = cache(openai_models.build_options_class)

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
    b"\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99"
    b"=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"
)


@pytest.fixture(autouse=True)
def closed_clients() -> Iterator[None]:
    """Kept connections end with the test that made them (import it where requests are sent)."""
    yield
    clear_clients()


@cache
def _empty_database() -> bytes:
    """llm's log database, migrated; making it anew takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "logs.db"
        database = sqlite_utils.Database(path)
        database.conn.execute("pragma synchronous = off")
        migrate(database)
        database.conn.close()
        return path.read_bytes()


def _prepare() -> None:
    path = Path(os.environ["LLM_USER_PATH"]) / "logs.db"
    if not path.exists():
        path.write_bytes(_empty_database())


def run(*args: str, input: str | bytes | None = None) -> Result:
    """``llm ARGS`` in this process."""
    _prepare()
    return CliRunner().invoke(llm.cli.cli, args, input=input)


def ask(*args: str, input: str | bytes | None = None, model: str = "kimi-k2.6") -> Result:
    """``llm -m MODEL ARGS`` in this process; it has to succeed."""
    result = run("-m", model, *args, input=input)
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def fail(*args: str, input: str | bytes | None = None, model: str = "kimi-k2.6") -> str:
    """``llm -m MODEL ARGS`` has to fail as llm fails: exit status 1, one line that says why."""
    result = run("-m", model, *args, input=input)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    line: str = result.stderr.splitlines()[-1]
    assert line.startswith("Error: "), result.stderr
    assert result.stderr.count("Error: ") == 1
    return line.removeprefix("Error: ")


def process(*args: str, input: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """The real command, in a process of its own."""
    _prepare()
    return subprocess.run(
        [*warm(), "llm", *args],
        input=input,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **env},
    )


def start(
    *args: str, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    """The real command, to be watched while it runs; it has nothing to read."""
    _prepare()
    return subprocess.Popen(
        [*warm(), "llm", *args],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
    )


def bodies(simulator: Simulator) -> list[dict[str, Any]]:
    """What was sent."""
    return [record["body"] for record in simulator.requests]


def messages(simulator: Simulator) -> list[dict[str, Any]]:
    """The messages of the last request."""
    found: list[dict[str, Any]] = bodies(simulator)[-1]["messages"]
    return found


def roles(simulator: Simulator) -> list[str]:
    """The roles of the messages of the last request."""
    return [message["role"] for message in messages(simulator)]


def logged(*args: str) -> list[dict[str, Any]]:
    """The rows of ``llm logs --json``, newest last."""
    result = run("logs", "--json", "-n", "0", *args)
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def told(result: Result) -> list[str]:
    """The lines that we told on stderr."""
    return [line for line in result.stderr.splitlines() if line.startswith("kimi: ")]
