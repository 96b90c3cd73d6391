"""The matrix of faults at ``llm kimi refresh`` and ``llm kimi balance``: one line, status 1."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import partial

import pytest

from llm_kimi.commands import connect
from llm_kimi.transport.client_pool import clear_clients
from llm_kimi.transport.json_api import SECONDS, Endpoints
from tests.support.faults.cells import Cell, cells_for
from tests.support.faults.doors import KEY, Open, Outcome, judge
from tests.support.faults.server import FaultServer
from tests.support.llm_runs import run

CELLS = cells_for("commands")
COMMAND = {"models": "refresh", "balance": "balance"}


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    """One for all cells; nothing is left open when they are over."""
    before = Open.now()
    with FaultServer(CELLS) as running:
        yield running
        assert running.wait_until_idle() == ""
    clear_clients()
    assert before.left() == ""


def _end(line: str) -> tuple[str, int | None]:
    """What an error line counts as."""
    status = re.match(r"(\d{3})\b", line)
    if status:
        return "api", int(status[1])
    return ("timeout" if line.startswith("timed out") else "connection"), None


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_a_fault(cell: Cell, server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        connect, "Endpoints", partial(Endpoints, timeout=min(cell.timeout, SECONDS))
    )
    monkeypatch.setenv("KIMI_BASE_URL", server.url(cell))
    monkeypatch.setenv("MOONSHOT_API_KEY", KEY)
    begun = time.monotonic()
    result = run("kimi", COMMAND[cell.where])
    seconds = time.monotonic() - begun

    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("Error: ")
    line = result.stderr.removeprefix("Error: ").removesuffix("\n")
    end, status = _end(line)
    judge(cell, Outcome(end, line, status, seconds))
