"""The tables of docs/reliability.md: the matrix of faults as data, the load run as measured."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from docs_tools import ROOT, table

from tests.support.faults.cells import CELLS, DOORS, RETRY_STATUSES, Cell

__all__ = ["counts_table", "dialects_table", "faults_table", "load_machine", "load_table"]

PLACES = {
    "connect": "while connecting",
    "tls": "in the TLS handshake",
    "head": "status and headers",
    "first": "before the first event",
    "reasoning": "in the reasoning",
    "text": "in the text",
    "arguments": "in the arguments of a call",
    "usage": "after the finish reason, before usage",
    "done": "after usage, before `[DONE]`",
    "after-done": "after `[DONE]`",
    "whole": "in an answer that is no stream",
    "upload": "in an upload",
    "extraction": "in the extraction of a text",
    "models": "`llm kimi refresh`",
    "balance": "`llm kimi balance`",
}

ENDS = {
    "answer": "answer",
    "empty": "empty answer",
    "connection": "`APIConnectionError`",
    "timeout": "timeout",
    "stream": "`StreamError`",
    "api": "`APIError`",
}

_STATUS = re.compile(r"(\d{3})-(.+)")


def _what(cell: Cell) -> str:
    """What goes wrong, with statuses and forms of ``Retry-After`` taken together."""
    found = _STATUS.fullmatch(cell.what)
    if not found:
        return cell.what.replace("-", " ")
    status, form = int(found[1]), found[2]
    if form == "after-long":
        return "`Retry-After` of an hour"
    if form.startswith("after-"):
        return "`Retry-After` in any form"
    if form == "elsewhere":
        return "redirect"
    kind = "a status that may pass" if status in RETRY_STATUSES else "a status that stays"
    return f"{kind}, " + ("with Kimi's error" if form == "object" else "with anything else")


def _end(cells: list[Cell]) -> str:
    """How these cells end; those that pass and those that stay are told apart."""

    def words(some: Iterable[Cell]) -> str:
        ends = {end for cell in some for end in cell.ends}
        return " or ".join(text for end, text in ENDS.items() if end in ends)

    once = [cell for cell in cells if cell.times == 1 and "answer" in cell.ends]
    if not once:
        return words(cells)
    return f"once: {words(once)}; always: {words(cell for cell in cells if cell not in once)}"


def _rows_of(where: str) -> tuple[tuple[str, str], ...]:
    """What can go wrong there, and how that ends."""
    whats: dict[str, list[Cell]] = {}
    for cell in CELLS:
        if cell.where == where:
            whats.setdefault(_what(cell), []).append(cell)
    by_end: dict[str, list[str]] = {}
    for what, cells in whats.items():
        by_end.setdefault(_end(cells), []).append(what)
    return tuple(("; ".join(some), end) for end, some in by_end.items())


def faults_table() -> str:
    """Where, what, and how it ends; places where the same goes wrong are taken together."""
    places: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for where, name in PLACES.items():
        places.setdefault(_rows_of(where), []).append(name)
    rows = [("; ".join(names), *row) for found, names in places.items() for row in found]
    return table(("Where", "What", "End"), rows)


def counts_table() -> str:
    """How many cells each door is tried with; sync and async are two."""
    rows = []
    totals = dict.fromkeys(DOORS, 0)
    for where, name in PLACES.items():
        found = sum(cell.where == where for cell in CELLS)
        counts = {
            door: found * (1 if door == "commands" else 2) if where in places else 0
            for door, places in DOORS.items()
        }
        for door, number in counts.items():
            totals[door] += number
        rows.append((name, *(str(number or "-") for number in counts.values())))
    rows.append(("**all**", *(f"**{number:,}**" for number in totals.values())))
    heads = ("`llm`", "LiteLLM, streamed", "LiteLLM, whole", "commands")
    return table(("Where", *heads), rows)


_DIALECTS = ROOT / "tests" / "pure" / "reply" / "dialects"


def dialects_table() -> str:
    """The forms of streamed tool calls that are read, from the fixtures of the tests."""
    found = [json.loads(path.read_text()) for path in _DIALECTS.glob("*.json")]
    known = sorted(found, key=lambda dialect: (len(dialect["calls"]), dialect["says"]))
    rows = [(each["says"], _link(each["met"])) for each in known]
    return table(("Form", "Met"), rows)


def _link(url: str | None) -> str:
    """A page by the name that readers of GitHub know."""
    if url is None:
        return "-"
    name = url.removeprefix("https://github.com/").replace("/issues/", "#").replace("/pull/", "#")
    return f"[{'Kimi' if name == url else name}]({url})"


LOAD = ROOT / "benchmarks" / "load.json"
_DOORS = {
    "llm": "async model of `llm`",
    "litellm": "`litellm.acompletion`",
    "proxy": "LiteLLM's proxy",
}


def load_machine() -> str:
    """When and on what the load was measured."""
    found = json.loads(LOAD.read_text())
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return f"Measured on {found['date']}: {found['machine']}, {versions}."


def load_table() -> str:
    """Errors, CPU, memory and what is left open, by door."""
    rows = []
    for door, row in json.loads(LOAD.read_text())["doors"].items():
        memory, before, after = row["memory"], row["before"], row["after"]
        rows.append(
            (
                _DOORS[door],
                f"{row['streams']} for {row['seconds']:.0f} s",
                f"{row['answers']:,}",
                str(row["errors"]),
                f"{row['cpu_many']:.0f} µs ({row['cpu_single']:.0f} µs)",
                f"{memory[0]:.0f} → {memory[-1]:.0f} MB",
                f"{before['connections']} → {after['connections']}",
                f"{before['tasks']} → {after['tasks']}",
            )
        )
    head = ("Door", "Streams", "Answers", "Errors", "CPU a chunk (one stream)", "Memory")
    return table((*head, "Sockets", "Tasks"), rows)
