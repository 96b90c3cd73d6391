"""Tool-call deltas in every form met in the wild come to the one form."""

from __future__ import annotations

import time
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


WEATHER = [("a", "weather", '{"city": "Oslo"}')]


@pytest.mark.parametrize(
    "fragments",
    [
        pytest.param(
            [
                part("weather", "", index=0, id="a", type="function"),
                part(arguments='{"city":', index=0),
                part(arguments=' "Oslo"}', index=0),
            ],
            id="as documented",
        ),
        pytest.param(
            [part("weather", '{"city": "Oslo"}', index=0, id="a", type="function")],
            id="whole in one fragment",
        ),
        pytest.param(
            [
                part("weather", "", id="a"),
                part(arguments='{"city":'),
                part(arguments=' "Oslo"}'),
            ],
            id="no index",
        ),
        pytest.param(
            [
                part("weather", '{"city":', index=0, id="a"),
                part("weather", ' "Oslo"}', index=0, id="a"),
            ],
            id="id and name in every fragment",
        ),
        pytest.param(
            [part("weather", '{"city":', id="a"), part("weather", ' "Oslo"}', id="a")],
            id="id and name in every fragment, no index",
        ),
        pytest.param(
            [
                part("wea", index=0, id="a"),
                part("ther", index=0),
                part(arguments='{"city": "Oslo"}', index=0),
            ],
            id="split name",
        ),
        pytest.param(
            [
                part("wea", "", index=0, id="a"),
                part("weather", "", index=0, id="a"),
                part(arguments='{"city": "Oslo"}', index=0),
            ],
            id="name so far repeated",
        ),
        pytest.param(
            [
                part("weather", "", index=0, id="a"),
                part("", '{"city":', index=0, id=""),
                part(None, ' "Oslo"}', index=0, id=None, type=None),
            ],
            id="empty and null fields",
        ),
        pytest.param(
            [
                part("weather", None, index=0),
                part(index=0, id="a"),
                part(arguments='{"city": "Oslo"}', index=0),
            ],
            id="id late, before the arguments",
        ),
        pytest.param(
            [
                part(arguments='{"city":', index=0, id="a"),
                part("weather", ' "Oslo"}', index=0),
            ],
            id="name late",
        ),
        pytest.param(
            [
                part("weather", "", index=0, id="a"),
                part(arguments='{"city": "Oslo"}', index=0),
                part("weather", "", index=0, id="a"),
                part(arguments="", index=0),
                part(arguments=None, index=0),
            ],
            id="empty fragments at the end",
        ),
        pytest.param(
            [part("weather", {"city": "Oslo"}, index=0, id="a")],
            id="arguments as an object",
        ),
        pytest.param(
            [
                part("weather", '{"city":', index=0, id="a"),
                part("weather", ' "Oslo"', index=0, id="b"),
                part("weather", "}", index=0, id="c"),
            ],
            id="another id in every fragment",
        ),
        pytest.param(
            [
                part("weather", '{"city":', index=0, id="a"),
                part(arguments=' "Oslo"}', index=0, id="b"),
            ],
            id="another id, no name",
        ),
        pytest.param(
            [
                part("weather", "", index=0, id="a"),
                part(arguments='{"city":', index=1, id="a"),
                part(arguments=' "Oslo"}', index=2, id="a"),
            ],
            id="an index that counts fragments",
        ),
        pytest.param(
            [{"index": 0, "id": "a", "name": "weather", "arguments": '{"city": "Oslo"}'}],
            id="no function around it",
        ),
        pytest.param(
            [None, "x", {}, {"index": 3}, part("weather", '{"city": "Oslo"}', index=0, id="a")],
            id="rubbish before it",
        ),
    ],
)
def test_one_call_in_every_form(fragments: list[Any]) -> None:
    assert calls_of(*([fragment] for fragment in fragments)) == WEATHER
    assert calls_of(fragments) == WEATHER


@pytest.mark.parametrize("empty", [..., "", None, {}])
def test_a_call_without_arguments(empty: Any) -> None:
    expected = "{}" if empty == {} else ""
    assert calls_of([part("now", empty, index=0, id="a")]) == [("a", "now", expected)]


def test_a_call_that_never_gets_a_name_is_still_handed_on() -> None:
    assert calls_of([part(arguments='{"a": 1}', index=0, id="a")]) == [("a", "", '{"a": 1}')]


def test_nothing_but_an_index_is_no_call() -> None:
    assert calls_of([{"index": 0}], [{"index": 0, "id": "a", "function": {}}]) == []


def test_ids_are_made_up_where_none_come() -> None:
    fragments = [part("f", "{}", index=0), part("g", "{}", index=1)]
    assert calls_of(fragments, fallback="call_xyz") == [
        ("call_xyz_0", "f", "{}"),
        ("call_xyz_1", "g", "{}"),
    ]


def test_an_id_that_comes_after_the_call_was_handed_on_does_not_split_it() -> None:
    late = [part("f", '{"a"', index=0), part(arguments=": 1}", index=0, id="late")]
    assert calls_of(*([fragment] for fragment in late)) == [("call_0", "f", '{"a": 1}')]
    without_index = [part("f", '{"a"'), part(arguments=": 1}", id="late"), part(arguments=" ")]
    assert calls_of(without_index) == [("call_0", "f", '{"a": 1} ')]


TWO = [("a", "f", '{"x": 1}'), ("b", "g", '{"y": 2}')]
SAME = [("a", "f", '{"x": 1}'), ("b", "f", '{"x": 2}')]


@pytest.mark.parametrize(
    ("fragments", "expected"),
    [
        pytest.param(
            [
                part("f", "", index=0, id="a"),
                part("g", "", index=1, id="b"),
                part(arguments='{"x":', index=0),
                part(arguments='{"y":', index=1),
                part(arguments=" 1}", index=0),
                part(arguments=" 2}", index=1),
            ],
            TWO,
            id="interleaved",
        ),
        pytest.param(
            [
                part("f", '{"x":', id="a"),
                part("g", '{"y":', id="b"),
                part(arguments=" 1}", id="a"),
                part(arguments=" 2}", id="b"),
            ],
            TWO,
            id="interleaved by id",
        ),
        pytest.param(
            [
                part("f", "", index=0, id="a"),
                part(arguments='{"x": 1}', index=0, id=""),
                part("g", "", index=0, id="b"),
                part(arguments='{"y": 2}', index=0, id=""),
            ],
            TWO,
            id="both under one index",
        ),
        pytest.param(
            [
                part("f", "", index=0, id="a"),
                part(arguments='{"x": 1}', index=0),
                part("f", "", index=0, id="b"),
                part(arguments='{"x": 2}', index=0),
            ],
            SAME,
            id="both under one index, one function",
        ),
        pytest.param(
            [part("f", '{"x": 1}', index=0, id="a"), part("f", '{"x": 2}', index=0, id="b")],
            SAME,
            id="both under one index, whole",
        ),
        pytest.param(
            [
                part("f", "", id="a"),
                part(arguments='{"x": 1}'),
                part("g", "", id="b"),
                part(arguments='{"y": 2}'),
            ],
            TWO,
            id="no index",
        ),
        pytest.param(
            [part("f", {"x": 1}, id="a"), part("f", {"x": 2}, id="b")],
            SAME,
            id="objects without index",
        ),
        pytest.param(
            [part("f", '{"x": 1}', id="a"), part("g", '{"y": 2}', index=1, id="b")],
            TWO,
            id="index 0 left out",
        ),
        pytest.param(
            [part("f", '{"x": 1}', index=3, id="a"), part("g", '{"y": 2}', index=7, id="b")],
            TWO,
            id="indexes with gaps",
        ),
        pytest.param(
            [
                part("f", "", index=0, id="a"),
                part("g", '{"y": 2}', index=1, id="b"),
                part(arguments='{"x": 1}', index=0),
            ],
            TWO,
            id="the second first",
        ),
    ],
)
def test_two_calls_in_every_form(fragments: list[Any], expected: Any) -> None:
    assert calls_of(*([fragment] for fragment in fragments)) == expected
    assert calls_of(fragments) == expected


@pytest.mark.parametrize("index", [{}, {"index": 0}])
def test_two_calls_without_ids_and_without_own_indexes(index: Json) -> None:
    fragments = [
        part("f", '{"x":', **index),
        part(arguments=" 1}", **index),
        part("f", '{"x": 2}', **index),
        part("g", '{"y":', **index),
        part("g", " 2}", **index),
    ]
    assert calls_of(*([fragment] for fragment in fragments)) == [
        ("call_0", "f", '{"x": 1}'),
        ("call_1", "f", '{"x": 2}'),
        ("call_2", "g", '{"y": 2}'),
    ]


def test_a_call_without_arguments_before_one_with() -> None:
    fragments = [part("now", "", index=0, id="a"), part("f", '{"x": 1}', index=1, id="b")]
    assert calls_of(fragments) == [("a", "now", ""), ("b", "f", '{"x": 1}')]


def test_two_calls_never_share_an_id() -> None:
    twice = [part("f", '{"x": 1}', index=0, id="a"), part("f", '{"x": 2}', index=1, id="a")]
    assert calls_of(twice) == [("a", "f", '{"x": 1}'), ("a_1", "f", '{"x": 2}')]


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
