"""The matrix of faults at LiteLLM's door: sync and async, streamed and not."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import litellm
import openai
import pytest
from litellm.exceptions import MidStreamFallbackError

from tests.support.faults.cells import Cell, cells_for
from tests.support.faults.doors import KEY, Open, Outcome, Said, gather, in_threads, judge_all
from tests.support.faults.server import FaultServer, marker

KEPT = 0
MODEL = "kimi/kimi-k3.1-pro"
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
CELLS = {
    True: cells_for("litellm, streamed"),
    False: cells_for("litellm, whole"),
}
"""By whether a stream is asked for."""


def _given(cell: Cell, url: str) -> dict[str, Any]:
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": f"the weather, please ({marker(cell)})"}],
        "tools": [TOOL],
        "api_base": url,
        "api_key": KEY,
        "timeout": cell.timeout,
    }


def _classify(error: BaseException) -> tuple[str, int | None]:
    """Our ends by LiteLLM's classes."""
    if isinstance(error, MidStreamFallbackError):
        # LiteLLM's own, around an error that may be tried with another model of a router.
        return _classify(error.original_exception)
    if not isinstance(error, openai.APIError) or not type(error).__module__.startswith("litellm"):
        return "foreign", None
    if isinstance(error, litellm.Timeout):
        # A 504 is one as well, and has the status 408 there.
        told = re.search(r"Timeout: (\d{3})\b", str(error))
        return ("api", int(told[1])) if told else ("timeout", None)
    if isinstance(error, litellm.APIConnectionError):
        return "connection", None
    return "api", error.status_code


def _said(message: Any) -> Said:
    calls = [
        (call.function.name, json.loads(call.function.arguments))
        for call in message.tool_calls or ()
    ]
    return Said(getattr(message, "reasoning_content", None) or "", message.content or "", calls)


def _joined(chunks: list[Any]) -> Said:
    """What a caller adds up from the pieces; ``stream_chunk_builder`` has views of its own."""
    reasoning = text = ""
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        for choice in chunk.choices:
            reasoning += getattr(choice.delta, "reasoning_content", None) or ""
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or ():
                entry = calls.setdefault(call.index, ["", ""])
                entry[0] += call.function.name or ""
                entry[1] += call.function.arguments or ""
    return Said(reasoning, text, [(name, json.loads(args)) for name, args in calls.values()])


def _ask(streamed: bool) -> Any:
    def ask(cell: Cell, url: str) -> Said:
        if streamed:
            return _joined(list(litellm.completion(stream=True, **_given(cell, url))))
        return _said(litellm.completion(**_given(cell, url)).choices[0].message)

    return ask


def _ask_async(streamed: bool) -> Any:
    async def ask(cell: Cell, url: str) -> Said:
        answer = await litellm.acompletion(stream=streamed, **_given(cell, url))
        if streamed:
            return _joined([chunk async for chunk in answer])
        return _said(answer.choices[0].message)

    return ask


def _forget_clients() -> None:
    """LiteLLM keeps a client for each host and loop."""
    litellm.in_memory_llm_clients_cache.flush_cache()


def _settled(cell: Cell, outcome: Outcome) -> Outcome:
    """A stream that cannot be read is LiteLLM's APIConnectionError, too."""
    reads_so = "stream" in cell.ends and outcome.end == "connection"
    return replace(outcome, end="stream") if reads_so else outcome


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("streamed", [True, False], ids=["stream", "whole"])
def test_every_fault(streamed: bool, asynchronous: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """All cells at the same time, since most of them wait; nothing is left open after them."""
    monkeypatch.setattr(litellm, "suppress_debug_info", True)
    cells = CELLS[streamed]
    tasks = ""
    before = Open.now()
    with FaultServer(cells) as server:
        if asynchronous:
            outcomes, tasks = gather(cells, server, _ask_async(streamed), _classify)
        else:
            outcomes = in_threads(cells, server, _ask(streamed), _classify)
        busy = server.wait_until_idle()
    _forget_clients()
    judge_all(cells, {cell.name: _settled(cell, outcomes[cell.name]) for cell in cells})
    assert (busy, tasks, before.left(KEPT)) == ("", "", "")
