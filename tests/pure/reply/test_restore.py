"""The reply in the form that the caller expects: streamed in any pieces, and whole."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_kimi.reply import Collector, Reader, Restorer
from llm_kimi.translation import Restore
from tests.support.replies import call_chunk, chunk, said, stream

Json = dict[str, Any]


def restored(restore: Restore, *chunks: Json, whole: bool = False) -> tuple[list[Json], Json]:
    """(chunks, first choice) of a reply after restoring; ``whole``: as one chunk."""
    body = stream(*chunks)
    if whole:
        collector = Collector()
        reader = Reader(stream=True)
        for item in reader.feed(body) + reader.finish():
            collector.feed(item)
        body = json.dumps(collector.completion()).encode()
    reader, restorer, collector = Reader(stream=not whole), Restorer(restore), Collector()
    out = [restorer.chunk(item) for item in reader.feed(body) + reader.finish()]
    for item in out:
        collector.feed(item)
    choice: Json = collector.completion()["choices"][0]
    return out, choice


def called(name: str, *pieces: str, index: int = 0, call_id: str = "a") -> list[Json]:
    """The chunks of one tool call."""
    first = call_chunk(index=index, id=call_id, type="function", name=name, arguments="")
    return [first, *(call_chunk(index=index, arguments=piece) for piece in pieces)]


END = chunk(finish="tool_calls")
both = pytest.mark.parametrize("whole", [False, True])


def test_nothing_to_restore_changes_nothing() -> None:
    item = chunk({"content": "a"})
    assert Restorer(Restore()).chunk(item) is item


@both
def test_renamed_tools(whole: bool) -> None:
    restore = Restore(tool_names={"get_time": "get.time", "other": "o"})
    chunks = [*called("get_time", "{", "}"), *called("plain", "{}", index=1, call_id="b"), END]
    _, choice = restored(restore, *chunks, whole=whole)
    assert [call["function"] for call in choice["message"]["tool_calls"]] == [
        {"name": "get.time", "arguments": "{}"},
        {"name": "plain", "arguments": "{}"},
    ]
    assert choice["finish_reason"] == "tool_calls"


@both
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"input": "print(\\"hi\\")"}', 'print("hi")'),
        ('{"input": ""}', ""),
        ('{"input": 7}', '{"input": 7}'),
        ('{"other": "x"}', '{"other": "x"}'),
        ('["x"]', '["x"]'),
        ('{"input": "cut', '{"input": "cut'),
        ("", ""),
    ],
)
def test_custom_tools(whole: bool, arguments: str, text: str) -> None:
    restore = Restore(custom_tools=frozenset({"run_py"}), tool_names={"run_py": "run.py"})
    chunks = [*called("run_py", *arguments), *called("f", "{}", index=1, call_id="b"), END]
    out, choice = restored(restore, *chunks, whole=whole)
    custom, function = sorted(choice["message"]["tool_calls"], key=lambda call: str(call["id"]))
    assert custom == {"id": "a", "type": "custom", "custom": {"name": "run.py", "input": text}}
    assert function["function"] == {"name": "f", "arguments": "{}"}
    assert not any("run_py" in json.dumps(item) for item in out)


def test_a_custom_call_without_a_finish_reason_is_not_lost() -> None:
    restore = Restore(custom_tools=frozenset({"run"}))
    _, choice = restored(restore, *called("run", '{"input": "x"}'))
    assert choice["message"]["tool_calls"][0]["custom"]["input"] == "x"


@both
def test_the_legacy_function_call(whole: bool) -> None:
    restore = Restore(legacy_functions=True, single_tool_call=True, tool_names={"f_": "f."})
    chunks = [
        *called("f_", '{"x":', " 1}"),
        *called("g", "{}", index=1, call_id="b"),
        END,
    ]
    out, choice = restored(restore, *chunks, whole=whole)
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "function_call": {"name": "f.", "arguments": '{"x": 1}'},
    }
    assert choice["finish_reason"] == "function_call"
    assert not any("tool_calls" in item["choices"][0]["delta"] for item in out)


@both
def test_a_custom_tool_for_a_legacy_caller(whole: bool) -> None:
    restore = Restore(legacy_functions=True, single_tool_call=True, custom_tools=frozenset({"run"}))
    _, choice = restored(restore, *called("run", '{"input": "x"}'), END, whole=whole)
    assert choice["message"]["function_call"] == {"name": "run", "arguments": "x"}


@both
def test_a_legacy_caller_without_a_call_gets_the_text(whole: bool) -> None:
    _, choice = restored(Restore(legacy_functions=True), *said("a"), whole=whole)
    assert choice["message"] == {"role": "assistant", "content": "a"}
    assert choice["finish_reason"] == "stop"


@both
def test_a_single_call_where_no_more_are_wanted(whole: bool) -> None:
    chunks = [*called("f", "{", "}"), *called("g", "{}", index=1, call_id="b"), END]
    _, choice = restored(Restore(single_tool_call=True), *chunks, whole=whole)
    assert [call["function"]["name"] for call in choice["message"]["tool_calls"]] == ["f"]


@both
def test_the_prefix_comes_before_the_answer_and_once(whole: bool) -> None:
    chunks = [chunk({"reasoning_content": "hm"}), *said("the", " end")]
    out, choice = restored(Restore(prefix="This is "), *chunks, whole=whole)
    assert choice["message"]["content"] == "This is the end"
    assert choice["message"]["reasoning_content"] == "hm"
    if not whole:
        texts = [item["choices"][0]["delta"].get("content") for item in out]
        assert texts == [None, "", "This is the", " end", None]


@both
@pytest.mark.parametrize("chunks", [[chunk(finish="stop")], [*called("f", "{}"), END]])
def test_the_prefix_comes_even_if_nothing_follows(whole: bool, chunks: list[Json]) -> None:
    _, choice = restored(Restore(prefix="This is "), *chunks, whole=whole)
    assert choice["message"]["content"] == "This is "


# -- stop sequences ---------------------------------------------------------------------------


def cut(stops: tuple[str, ...], *texts: str, finish: str = "stop") -> tuple[str, list[str]]:
    """(the whole text, the pieces) after stops were applied."""
    out, choice = restored(Restore(stops=stops), *said(*texts, finish=finish))
    pieces = [item["choices"][0]["delta"].get("content") or "" for item in out]
    assert choice["finish_reason"] == (
        "stop" if choice["message"]["content"] != "".join(texts) else finish
    )
    return choice["message"]["content"], pieces


def test_a_stop_sequence_split_over_chunks() -> None:
    assert cut(("END",), "one E", "N", "D two")[0] == "one "
    assert cut(("END",), "one E", "N", "o two")[0] == "one ENo two"
    assert cut(("END",), "EEN", "D")[0] == "E"
    assert cut(("a", "bc"), "x", "b", "c", "a")[0] == "x"
    assert cut(("END",), "one", "END", "two", "END")[0] == "one"
    assert cut(("月之",), "上月", "之")[0] == "上"


def test_what_may_begin_a_stop_sequence_comes_at_the_end() -> None:
    text, pieces = cut(("END",), "one E", "N")
    assert text == "one EN"
    assert pieces[-1] == "EN"


def test_text_is_held_no_longer_than_needed() -> None:
    _, pieces = cut(("END",), "one", " two E", "x")
    assert pieces == ["", "one", " two ", "Ex", ""]


def test_the_held_text_is_not_lost_without_a_finish_reason() -> None:
    _, choice = restored(Restore(stops=("END",)), chunk({"content": "one EN"}))
    assert choice["message"]["content"] == "one EN"


def test_after_the_cut_nothing_comes() -> None:
    chunks = [*said("a END b", "c")[:-1], *called("f", "{}"), END]
    out, choice = restored(Restore(stops=("END",)), *chunks)
    assert choice["message"] == {"role": "assistant", "content": "a "}
    assert choice["finish_reason"] == "stop"
    assert not any("tool_calls" in item["choices"][0]["delta"] for item in out)


def test_choices_are_cut_each_for_itself() -> None:
    chunks = [
        chunk({"content": "a E"}, index=0),
        chunk({"content": "ND b"}, index=1),
        chunk({"content": "x"}, index=0),
        chunk({"content": " END"}, index=1),
        chunk(finish="stop", index=0),
        chunk(finish="length", index=1),
    ]
    restorer, collector, reader = (
        Restorer(Restore(stops=("END",))),
        Collector(),
        Reader(stream=True),
    )
    for item in reader.feed(stream(*chunks)) + reader.finish():
        collector.feed(restorer.chunk(item))
    choices = collector.completion()["choices"]
    assert [choice["message"]["content"] for choice in choices] == ["a Ex", "ND b "]
    assert [choice["finish_reason"] for choice in choices] == ["stop", "stop"]


def test_the_prefix_and_a_stop_sequence_together() -> None:
    restore = Restore(prefix="> ", stops=("END",))
    _, choice = restored(restore, *said("E", "N", "x END y"))
    assert choice["message"]["content"] == "> ENx "
    _, choice = restored(restore, *said("END"))
    assert choice["message"]["content"] == "> "


@settings(deadline=None)
@given(
    st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=3),
    st.text("abc", max_size=30),
    st.lists(st.integers(0, 30), max_size=8),
)
def test_any_split_is_cut_at_a_stop_sequence(stops: list[str], text: str, cuts: list[int]) -> None:
    ends = sorted({0, len(text), *(at for at in cuts if at < len(text))})
    texts = [text[start:end] for start, end in pairwise(ends)]
    _, choice = restored(Restore(stops=tuple(stops)), *said(*texts))
    got = choice["message"]["content"]
    assert text.startswith(got)
    assert not any(stop in got for stop in stops)
    if got != text:
        assert any(text.startswith(stop, len(got)) for stop in stops)
    else:
        assert not any(stop in text for stop in stops)
