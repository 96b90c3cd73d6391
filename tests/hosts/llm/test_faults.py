"""The matrix of faults at llm's door, sync and async."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import llm
import pytest

from llm_kimi.integrations.llm.models import AsyncKimi, Kimi
from llm_kimi.transport.client_pool import clear_clients
from tests.support.faults.cells import Cell, cells_for
from tests.support.faults.doors import (
    KEY,
    PDF,
    Open,
    Said,
    end_of,
    gather,
    in_threads,
    judge_all,
)
from tests.support.faults.server import FaultServer, marker

CELLS = cells_for("llm")
# Under asyncio httpcore leaves a TLS handshake that is cancelled to the garbage collector. That it
# is closed then is asserted below.
pytestmark = pytest.mark.filterwarnings("ignore:.*unclosed", "ignore:.*_SelectorTransport")
MODEL = "kimi-k3.1-pro"


def weather(city: str) -> str:
    """The weather in a city."""
    return city


def _prompt(cell: Cell, folder: Path) -> dict[str, Any]:
    given: dict[str, Any] = {
        "prompt": f"the weather, please ({marker(cell)})",
        "key": KEY,
        "tools": [weather],
        "timeout": cell.timeout,
    }
    if cell.where in ("upload", "extraction"):
        document = folder / f"{marker(cell)}.pdf"
        # Equal files are uploaded once, so each cell has its own.
        document.write_bytes(PDF + f"% {marker(cell)}".encode())
        given["attachments"] = [llm.Attachment(path=str(document))]
    return given


def _classify(error: BaseException) -> tuple[str, int | None]:
    """llm shows our errors as its own; ours is the cause."""
    return end_of(
        error.__cause__ if isinstance(error, llm.ModelError) and error.__cause__ else error
    )


def _said(reasoning: Any, text: str, calls: Any) -> Said:
    return Said(str(reasoning), text, [(call.name, call.arguments) for call in calls])


def _reasoning(response: Any) -> str:
    return "".join(event.chunk for event in response._stream_events if event.type == "reasoning")


def test_sync(tmp_path: Path) -> None:
    """All cells at the same time, since most of them wait; nothing is left open after them."""

    def ask(cell: Cell, url: str) -> Said:
        response = Kimi(MODEL, base_url=url).prompt(**_prompt(cell, tmp_path), stream=True)
        text = response.text()
        return _said(_reasoning(response), text, response.tool_calls())

    before = Open.now()
    with FaultServer(CELLS) as server:
        outcomes = in_threads(CELLS, server, ask, _classify)
        busy = server.wait_until_idle()
    clear_clients()
    judge_all(CELLS, outcomes)
    assert (busy, before.left()) == ("", "")


def test_async(tmp_path: Path) -> None:
    """The same, in one event loop."""

    async def ask(cell: Cell, url: str) -> Said:
        model = AsyncKimi(MODEL, base_url=url)
        response = model.prompt(**_prompt(cell, tmp_path), stream=True)
        text = await response.text()
        return _said(_reasoning(response), text, await response.tool_calls())

    before = Open.now()
    with FaultServer(CELLS) as server:
        outcomes, tasks = gather(CELLS, server, ask, _classify)
        gc.collect()
        busy = server.wait_until_idle()
    clear_clients()
    judge_all(CELLS, outcomes)
    assert (busy, before.left(), tasks) == ("", "", "")
