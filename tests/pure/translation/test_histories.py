"""Histories that others left: arguments, ids, and results that are never lost."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest

from llm_kimi import translate
from llm_kimi.catalog import Model
from llm_kimi.translation.messages.call_arguments import (
    INVALID_ARGUMENTS,
    argument_text,
    parse_arguments,
)
from llm_kimi.translation.messages.tool_results import NO_RESULT, UNKNOWN_FUNCTION
from tests.support.counted_lines import lines_run
from tests.support.families import every_family
from tests.support.histories import (
    K3,
    K26,
    USER,
    Json,
    call,
    calling,
    changed,
    pairs,
    params,
    refused,
    result,
    run,
    sent,
)


@pytest.mark.parametrize(
    "text",
    ["{}", '{"a":1}', '{ "a" : [1,2] }', '{"é": "\\u00e9\\ud83d"}', '{"a":1e999,"a":2}', "{\n}"],
)
def test_arguments_that_are_an_object_go_out_byte_for_byte(text: str) -> None:
    assert argument_text(text) == (text, "none")
    assert argument_text(text)[0] is text
    assert INVALID_ARGUMENTS not in parse_arguments(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", {}),
        (" \n", {}),
        (' {"a": 1}\n', {"a": 1}),
        ('{"m": "one\ntwo"}', {"m": "one\ntwo"}),
        ('{"m": "a\tb\x01"}', {"m": "a\tb\x01"}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        (json.dumps(json.dumps('{"a": 1}')), {"a": 1}),
        ('""', {}),
    ],
)
def test_arguments_that_plainly_are_an_object_are_repaired(text: str, meant: Json) -> None:
    """https://github.com/MoonshotAI/kimi-cli/issues/1378 (raw control characters)"""
    sent_text, change = argument_text(text)
    assert json.loads(sent_text) == parse_arguments(text) == meant
    assert change in ("empty", "repaired")
    assert argument_text(sent_text) == (sent_text, "none")


@pytest.mark.parametrize(
    "text",
    [
        '{"m": "cut',
        '{"a":',
        "null",
        "[]",
        '["a"]',
        "17",
        '"Paris"',
        "Paris",
        '{"a": 1}{"a": 2}',
        '{"a": 1} and so on',
        '{"a": 1,}',
        "{'a': 1}",
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"a": ' + "1" * 5_000 + "}",
        '{"m": "\\ud83d\n"}',
        "\ufeff{}",
    ],
    ids=lambda text: text[:20],
)
def test_what_is_not_an_object_is_wrapped(text: str) -> None:
    """https://github.com/MoonshotAI/kimi-cli/issues/1171 (cut off)"""
    sent_text, change = argument_text(text)
    assert change == "wrapped"
    assert json.loads(sent_text) == parse_arguments(text) == {INVALID_ARGUMENTS: text}
    assert argument_text(sent_text) == (sent_text, "none")


@every_family
@pytest.mark.parametrize(
    ("given", "meaning"),
    [
        ('{"m": "a\nb"}', False),
        ('{"m": "cut', True),
        ("null", True),
        (["a"], True),
        (3, True),
        (True, True),
        ({"x": "é"}, False),
        (None, False),
    ],
)
def test_arguments_of_a_history_are_always_an_object(
    model: Model, given: Any, meaning: bool
) -> None:
    translation = run(USER, calling(call(arguments=given)), result(), model=model)
    (made,) = sent(translation)[1]["tool_calls"]
    assert isinstance(json.loads(made["function"]["arguments"]), dict)
    where = "messages[1].tool_calls[0].function.arguments"
    assert where in params(translation)
    assert (where in changed(translation)) == meaning


def test_arguments_that_are_missing_are_an_empty_object() -> None:
    bare = {"id": "a", "type": "function", "function": {"name": "f"}}
    (made,) = sent(run(USER, calling(bare), result()))[1]["tool_calls"]
    assert made["function"]["arguments"] == "{}"


NO_IDS = ["", " ", None, ...]


@every_family
@pytest.mark.parametrize("call_id", NO_IDS, ids=str)
@pytest.mark.parametrize("result_id", NO_IDS, ids=str)
def test_without_ids_results_answer_calls_in_order(
    model: Model, call_id: Any, result_id: Any
) -> None:
    """https://github.com/nugget/thane-ai-agent/issues/1396, LM Studio's and llama.cpp's servers"""
    talk = [
        USER,
        calling(call(call_id, "f"), call(call_id, "g")),
        result(result_id, "1"),
        result(result_id, "2"),
        {"role": "assistant", "content": "So."},
        USER,
        calling(call(call_id, "h")),
        result(result_id, "3"),
    ]
    translation = run(*talk, model=model)
    assert pairs(translation) == [[("f", "1"), ("g", "2")], [("h", "3")]]
    assert not translation.changes_of_meaning
    assert {"messages[1].tool_calls[0].id", "messages[2].tool_call_id"} <= params(translation)


def test_without_ids_names_go_before_order() -> None:
    talk = [
        calling(call("", "f"), call("", "g"), call("", "f")),
        result("", "g1", name="g"),
        result("", "f1", name="f"),
        result("", "f2"),
    ]
    assert pairs(run(USER, *talk)) == [[("f", "f1"), ("g", "g1"), ("f", "f2")]]


def test_names_that_had_to_be_changed_still_pair() -> None:
    talk = [
        calling(call("", "1st tool"), call("", "2nd")),
        result("", "two", name="2nd"),
        result("", "one", name="1st tool"),
    ]
    assert pairs(run(USER, *talk)) == [[("fn_1st_tool", "one"), ("fn_2nd", "two")]]


def test_names_go_before_order_where_calls_have_the_same_id() -> None:
    talk = [
        calling(call("a", "f"), call("a", "g"), call("a", "f")),
        result("a", "g1", name="g"),
        result("a", "f1", name="f"),
        result("a", "f2", name="unknown"),
    ]
    assert pairs(run(USER, *talk)) == [[("f", "f1"), ("g", "g1"), ("f", "f2")]]


@pytest.mark.parametrize("key", ["tool_name", "toolName"])
def test_ollama_and_the_ai_sdk_name_the_tool_of_a_result_otherwise(key: str) -> None:
    """https://github.com/ollama/ollama/blob/main/docs/api.md: results have tool_name and no id."""
    talk = [
        calling(call(..., "f"), call(..., "g")),
        result(..., "2", **{key: "g"}),
        result(..., "1", **{key: "f"}),
    ]
    translation = run(USER, *talk)
    assert pairs(translation) == [[("f", "1"), ("g", "2")]]
    assert f"messages[2].{key}" in params(translation)
    assert not translation.changes_of_meaning


def test_a_uuid_is_an_id_by_its_text() -> None:
    own = uuid.UUID(int=1)
    for given in (own, str(own)):
        talk = [calling(call("x", "g"), call(own)), result(given, "1"), result("x", "2")]
        translation = run(USER, *talk)
        assert pairs(translation) == [[("g", "2"), ("f", "1")]]
        assert sent(translation)[1]["tool_calls"][1]["id"] == str(own)
        assert not translation.changes_of_meaning


def test_what_has_an_id_is_paired_first() -> None:
    talk = [calling(call("a", "f"), call("", "g")), result("", "g1"), result("a", "f1")]
    assert pairs(run(USER, *talk)) == [[("f", "f1"), ("g", "g1")]]
    talk = [calling(call("a", "f"), call("b", "g")), result(..., "f1"), result("b", "g1")]
    assert pairs(run(USER, *talk)) == [[("f", "f1"), ("g", "g1")]]


def test_results_without_ids_find_calls_that_stand_further_away() -> None:
    talk = [calling(call("", "f")), USER, calling(call("b", "g")), result("b", "g1"), result("")]
    translation = run(USER, *talk)
    assert pairs(translation) == [[("f", "ok")], [("g", "g1")]]
    assert "messages[5]" in params(translation)  # moved


@pytest.mark.parametrize(
    ("given", "other"),
    [(5, 5), (5, "5"), ("5", 5), (5.0, "5"), (True, True), (0, 0), (1.5, 1.5)],
)
def test_numbers_are_ids_too(given: Any, other: Any) -> None:
    translation = run(USER, calling(call("x", "g"), call(given)), result(other, "1"), result("x"))
    assert pairs(translation) == [[("g", "ok"), ("f", "1")]]
    assert not translation.changes_of_meaning
    assert type(sent(translation)[1]["tool_calls"][1]["id"]) is str


@pytest.mark.parametrize("given", [["a"], {"a": 1}], ids=str)
def test_an_id_that_is_none_at_all(given: Any) -> None:
    assert pairs(run(USER, calling(call(given)), result("", "1"))) == [[("f", "1")]]
    assert refused(USER, calling(call()), result(given)).param == "messages[2].tool_call_id"


@pytest.mark.parametrize(
    "own", ["web_search:0", "functions.web_search:12", "call_0-A", "$web_search:0", "x" * 64]
)
def test_kimis_own_ids_go_back_as_they_are(own: str) -> None:
    translation = run(USER, calling(call(own)), result(own), USER, calling(call(own)), result(own))
    assert [turn["tool_calls"][0]["id"] for turn in sent(translation)[1::3]] == [own, own]
    assert translation.adjustments == ()


@pytest.mark.parametrize("odd", ["a b", "call|fc_1", "é", "x" * 65, "x" * 500, "\u0000", "a/b+c="])
def test_odd_ids_are_written_otherwise(odd: str) -> None:
    """Moonshot's own client does so: https://github.com/MoonshotAI/kimi-code, kosong."""
    translation = run(USER, calling(call(odd)), result(odd))
    (made,) = sent(translation)[1]["tool_calls"]
    assert re.fullmatch(r"[A-Za-z0-9_.:$-]{1,64}", made["id"])
    assert pairs(translation) == [[("f", "ok")]]
    assert params(translation) == {"messages[1].tool_calls[0].id", "messages[2].tool_call_id"}
    assert not translation.changes_of_meaning


def test_ids_that_would_become_alike_stay_apart() -> None:
    long = "x" * 64
    given = [f"{long}1", f"{long}2", long, "a b", "a_b", "a|b"]
    talk = [calling(*map(call, given)), *(result(one, one) for one in reversed(given))]
    translation = run(USER, *talk)
    assert [content for _, content in pairs(translation)[0]] == given
    ids = [item["id"] for item in sent(translation)[1]["tool_calls"]]
    assert (ids[2], ids[4]) == (long, "a_b")  # what is legal stays


@pytest.mark.parametrize("results", [0, 1, 2])
def test_calls_of_a_turn_with_the_same_id(results: int) -> None:
    talk = [calling(call("a", "f"), call("a", "g")), *(result("a", str(n)) for n in range(results))]
    contents = [*map(str, range(results)), NO_RESULT, NO_RESULT][:2]
    assert pairs(run(USER, *talk)) == [list(zip("fg", contents, strict=True))]


def test_a_made_up_id_is_not_one_that_is_taken() -> None:
    talk = [calling(call("", "f"), call("call_1_0", "g")), result("call_1_0", "g1"), result("")]
    assert pairs(run(USER, *talk)) == [[("f", "ok"), ("g", "g1")]]


@pytest.mark.parametrize("key", ["call_id", "tool_use_id", "toolCallId"])
def test_ids_of_results_under_another_name(key: str) -> None:
    message = {"role": "tool", key: "b", "content": "g1"}
    talk = [calling(call("a", "f"), call("b", "g")), message, result("a")]
    assert pairs(run(USER, *talk)) == [[("f", "ok"), ("g", "g1")]]


@every_family
def test_a_second_result_of_a_call_is_sent_with_the_first(model: Model) -> None:
    """A retry stores both; the later one may be the right one."""
    talk = [USER, calling(call()), result(content="timeout"), result(content="18 degrees")]
    translation = run(*talk, model=model)
    assert sent(translation)[2]["content"] == "timeout\n\n18 degrees"
    (item,) = translation.changes_of_meaning
    assert (item.param, item.given) == ("messages[3]", "18 degrees")
    assert "already has a result" in item.reason


@pytest.mark.parametrize("call_id", ["a", ""])
def test_the_same_result_twice_is_sent_once(call_id: str) -> None:
    translation = run(USER, calling(call(call_id)), result(call_id), result(call_id))
    assert pairs(translation) == [[("f", "ok")]]
    assert not translation.changes_of_meaning
    assert any("already has a result" in item.reason for item in translation.adjustments)


def test_needs_find_their_place_in_results_that_were_joined() -> None:
    def shot(name: str) -> list[Json]:
        return [{"type": "image_url", "image_url": {"url": f"https://x.test/{name}.png"}}]

    talk = [USER, calling(call()), result(content="text"), result(content=shot("a"))]
    talk += [result(content=shot("b")), {"role": "user", "content": shot("c")}]
    translation = translate({"model": K26, "messages": talk})
    messages = sent(translation)
    assert [need.value[-5:] for need in translation.needs] == ["a.png", "b.png", "c.png"]
    for need in translation.needs:
        part = messages[need.message]["content"][need.part]
        assert part["image_url"]["url"] == need.value
    assert [need.param for need in translation.needs] == [
        f"messages[{number}].content[0]" for number in (3, 4, 5)
    ]


@every_family
@pytest.mark.parametrize("name", [None, "f"])
def test_a_call_is_made_up_for_a_result_without_one(model: Model, name: str | None) -> None:
    """Clients trim histories. Kimi refuses such a result (`tool_call_id  is not found`); as a
    message of the user its text would be an order."""
    lone = result("zz", "18 degrees", **({"name": name} if name else {}))
    translation = run(lone, USER, model=model)
    assert pairs(translation) == [[(name or UNKNOWN_FUNCTION, "18 degrees")]]
    assert changed(translation) == {"messages[0]"}


def test_a_call_that_is_made_up_has_a_name_that_kimi_takes() -> None:
    translation = run(result("zz", "18 degrees", name="1st tool"), USER)
    assert pairs(translation) == [[("fn_1st_tool", "18 degrees")]]


def test_a_result_in_front_of_its_call_moves_behind_it() -> None:
    translation = run(USER, result("a", "1"), calling(call("a")))
    assert pairs(translation) == [[("f", "1")]]
    assert params(translation) == {"messages[1]"}
    assert not translation.changes_of_meaning


@pytest.mark.parametrize(
    ("calls", "results", "wanted"),
    [
        ([("a", "f")], [("zz", None)], ["0"]),
        ([("a", "f"), ("b", "g")], [("b", None), ("zz", None)], ["1", "0"]),
        ([("a", "f"), ("b", "g")], [("y", None), ("z", None)], ["0", "1"]),
        ([("a", "f"), ("b", "g")], [("y", "g"), ("z", "f")], ["1", "0"]),
        ([("a", "f"), ("b", "g")], [("z", "g")], [NO_RESULT, "0"]),
    ],
)
def test_a_foreign_id_stands_for_the_call_that_is_left(
    calls: Any, results: Any, wanted: list[str]
) -> None:
    """Gateways write ids anew, on one side only."""
    talk = [calling(*(call(*one) for one in calls))]
    for number, (call_id, name) in enumerate(results):
        talk.append(result(call_id, str(number), **({"name": name} if name else {})))
    translation = run(USER, *talk)
    assert [content for _, content in pairs(translation)[0]] == wanted
    assert len(pairs(translation)) == 1
    assert any(param.endswith(".tool_call_id") for param in changed(translation))


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param([calling(call("a", "f"), call("b", "g")), result("z")], id="one of two"),
        pytest.param([calling(call("a", "f")), USER, result("z")], id="a user between"),
        pytest.param([calling(call("a", "f")), result("z", name="g")], id="another name"),
    ],
)
def test_where_a_foreign_id_could_be_anybodys_nothing_is_guessed(talk: list[Json]) -> None:
    translation = run(USER, *talk)
    contents = sorted(content for turn in pairs(translation) for _, content in turn)
    assert contents in ([NO_RESULT, "ok"], [NO_RESULT, NO_RESULT, "ok"])
    assert len(pairs(translation)) == 2


@pytest.mark.parametrize("name", ["", None, ...])
def test_a_function_message_without_a_name_answers_in_order(name: Any) -> None:
    old = {
        "role": "assistant",
        "content": None,
        "reasoning_content": "hm",
        "function_call": {"name": "f", "arguments": "{}"},
    }
    message = {"role": "function", "content": "18"}
    if name is not ...:
        message["name"] = name
    assert pairs(run(USER, old, message)) == [[("f", "18")]]
    assert pairs(run(USER, message)) == [[(UNKNOWN_FUNCTION, "18")]]


@pytest.mark.parametrize("shape", ["parallel", "no ids", "foreign", "twice", "orphans"])
def test_pairing_grows_with_the_history_not_with_its_square(shape: str) -> None:

    def work(size: int) -> int:
        calls = [call("" if shape == "no ids" else str(n), f"f{n % 3}") for n in range(size)]
        ids = {
            "parallel": [str(n) for n in range(size)],
            "no ids": [""] * size,
            "foreign": [f"z{n}" for n in range(size)],
            "twice": ["0"] * size,
            "orphans": [f"z{n}" for n in range(size)],
        }[shape]
        turns = [calling(*calls)] if shape != "orphans" else []
        talk = [USER, *turns, *(result(one) for one in ids)]
        return lines_run(lambda: translate({"model": K3, "messages": talk}))

    assert work(1_000) < work(100) * 15
