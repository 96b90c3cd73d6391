"""Tool-call deltas in every form met in the wild come to the one form."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from llm_kimi.reply import Collector
from llm_kimi.reply.tool_calls import CallFragments
from tests.support.replies import call_chunk, chunk, read, stream

Json = dict[str, Any]


def calls_of(*deltas: Any, fallback: str = "call") -> list[tuple[str, str, str]]:
    """(id, name, arguments) of the calls that deltas come to; a delta is a list of fragments.

    Checks on the way that what comes out has the one form.
    """
    fragments = CallFragments(fallback)
    fed = [fragments.feed(delta) for delta in deltas]
    # Callers that look at the first fragment of a delta alone must not lose text.
    for indexes in ([item["index"] for item in items] for items in fed):
        assert len(indexes) == len(set(indexes))
    out = [item for items in fed for item in items] + fragments.finish()
    assert fragments.finish() == []
    found: dict[int, list[str]] = {}
    for item in out:
        if item["index"] not in found:
            assert item["index"] == len(found)
            assert set(item) == {"index", "id", "type", "function"}
            assert item["type"] == "function"
            found[item["index"]] = [item["id"], *item["function"].values()]
        else:
            assert set(item) == {"index", "function"}
            assert set(item["function"]) == {"arguments"}
            assert item["function"]["arguments"]
            found[item["index"]][2] += item["function"]["arguments"]
    return [(call[0], call[1], call[2]) for call in found.values()]


def part(name: Any = ..., arguments: Any = ..., **fields: Any) -> Json:
    """One fragment."""
    given = {"name": name, "arguments": arguments}
    function = {key: value for key, value in given.items() if value is not ...}
    return {**fields, "function": function} if function else fields


DIALECTS = sorted((Path(__file__).parent / "dialects").glob("*.json"))


@pytest.mark.parametrize("path", DIALECTS, ids=lambda path: path.stem)
def test_every_dialect_comes_to_the_same_calls(path: Path) -> None:
    """Each file says what the form is and, if it is known, where it was met."""
    dialect = json.loads(path.read_text())
    assert dialect["says"]
    assert (dialect["met"] or "https://").startswith("https://")
    expected = [(call["id"], call["name"], call["arguments"]) for call in dialect["calls"]]
    fragments = dialect["fragments"]
    assert calls_of(*([fragment] for fragment in fragments)) == expected
    assert calls_of(fragments) == expected


@pytest.mark.parametrize("empty", [..., "", None, {}])
def test_a_call_without_arguments(empty: Any) -> None:
    expected = "{}" if empty == {} else ""
    assert calls_of([part("now", empty, index=0, id="a")]) == [("a", "now", expected)]


def test_a_call_that_never_gets_a_name_is_still_handed_on() -> None:
    assert calls_of([part(arguments='{"a": 1}', index=0, id="a")]) == [("a", "", '{"a": 1}')]


def test_nothing_but_an_index_is_no_call() -> None:
    assert calls_of([{"index": 0}], [{"index": 0, "id": "a", "function": {}}]) == []


def test_ids_that_are_made_up_begin_as_they_are_told_to() -> None:
    assert calls_of([part("f", "{}")], fallback="call_xyz") == [("call_xyz_0", "f", "{}")]


def test_an_id_that_comes_after_the_call_was_handed_on_does_not_split_it() -> None:
    late = [part("f", '{"a"', index=0), part(arguments=": 1}", index=0, id="late")]
    assert calls_of(*([fragment] for fragment in late)) == [("call_0", "f", '{"a": 1}')]
    without_index = [part("f", '{"a"'), part(arguments=": 1}", id="late"), part(arguments=" ")]
    assert calls_of(without_index) == [("call_0", "f", '{"a": 1} ')]


def test_delta_that_is_no_list() -> None:
    assert calls_of(None, {}, "x", [], [[]]) == []


def test_name_and_id_are_handed_on_as_soon_as_arguments_come() -> None:
    fragments = CallFragments()
    assert fragments.feed([part("f", "", index=0, id="a")]) == []
    (first,) = fragments.feed([part(arguments="{", index=0)])
    assert first["function"] == {"name": "f", "arguments": "{"}
    (more,) = fragments.feed([part(arguments="}", index=0)])
    assert more["function"] == {"arguments": "}"}


def test_made_up_ids_differ_from_reply_to_reply() -> None:
    ids = set()
    for _ in range(2):
        first = {**call_chunk(name="f", arguments="{}"), "id": None}
        answer = read(stream(first, chunk(finish="tool_calls")))
        ids.add(answer["choices"][0]["message"]["tool_calls"][0]["id"])
    assert len(ids) == 2


def test_long_arguments_in_many_fragments_take_linear_time() -> None:
    collector = Collector()
    fragments = CallFragments()
    (first,) = fragments.feed([part("f", "abcd", index=0, id="a")])
    (more,) = fragments.feed([part(arguments="abcd", index=0)])
    collector.feed(chunk({"tool_calls": [first]}))
    item = chunk({"tool_calls": [more]})
    start = time.process_time()
    for _ in range(250_000):
        collector.feed(item)
    (call,) = collector.completion()["choices"][0]["message"]["tool_calls"]
    assert call["function"]["arguments"] == "abcd" * 250_001
    assert time.process_time() - start < 10  # joining them anew each time takes minutes
