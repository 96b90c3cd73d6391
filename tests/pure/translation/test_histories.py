"""Histories that other clients, models and APIs left: reasoning, arguments, ids, other forms."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest

from llm_kimi import InvalidRequestError, Translation, translate
from llm_kimi.catalog import Model
from llm_kimi.translation.messages.call_arguments import (
    INVALID_ARGUMENTS,
    argument_text,
    parse_arguments,
)
from llm_kimi.translation.messages.tool_results import NO_RESULT, UNKNOWN_FUNCTION
from tests.support.families import every_family
from tests.support.judging import judged

Json = dict[str, Any]
USER = {"role": "user", "content": "Hi"}
K3, K26 = "kimi-k3.1-pro", "kimi-k2.6"


def call(call_id: Any = "a", name: str = "f", arguments: Any = "{}") -> Json:
    function = {"name": name, "arguments": arguments}
    made = {"id": call_id, "type": "function", "function": function}
    return made if call_id is not ... else {k: v for k, v in made.items() if k != "id"}


def calling(*calls: Any, **more: Any) -> Json:
    return {"role": "assistant", "tool_calls": list(calls), "reasoning_content": "hm", **more}


def result(call_id: Any = "a", content: Any = "ok", **more: Any) -> Json:
    made = {"role": "tool", "tool_call_id": call_id, "content": content, **more}
    return made if call_id is not ... else {k: v for k, v in made.items() if k != "tool_call_id"}


def run(*talk: Any, model: Model | str = K3, **more: Any) -> Translation:
    """What is sent, which Kimi takes, can be written, and stays as it is."""
    name = model if isinstance(model, str) else model.id
    return judged({"model": name, "messages": list(talk), **more})


def sent(translation: Translation) -> list[Json]:
    messages: list[Json] = translation.body["messages"]
    return messages


def params(translation: Translation) -> set[str]:
    return {item.param for item in translation.adjustments}


def changed(translation: Translation) -> set[str]:
    return {item.param for item in translation.changes_of_meaning}


def refused(*talk: Any, **more: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        translate({"model": K3, "messages": list(talk), **more})
    return caught.value


# -- reasoning -------------------------------------------------------------------------------------

BLOCK = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
REDACTED = {"type": "redacted_thinking", "data": "ZW5j"}
DETAIL = {"type": "reasoning.text", "text": "hm", "format": "unknown", "index": 0}
ENCRYPTED = {"type": "reasoning.encrypted", "data": "ZW5j", "id": "rs_1"}
SUMMARY = {"type": "reasoning.summary", "summary": "hm"}


@pytest.mark.parametrize(
    "left",
    [
        {"reasoning": "hm"},
        {"reasoning": {"text": "hm"}},
        {"reasoning": [{"type": "text", "text": "hm"}]},
        {"reasoning": {"summary": [{"type": "summary_text", "text": "hm"}]}},
        {"reasoning_content": [{"text": "hm"}]},
        {"reasoning_details": [DETAIL]},
        {"reasoning_details": [SUMMARY]},
        {"reasoning_details": [ENCRYPTED, DETAIL]},
        {"reasoning_details": [{**SUMMARY, "summary": "in short"}, DETAIL]},
        {"reasoning_details": [{**DETAIL, "text": "h"}, {**DETAIL, "text": "m"}]},
        {"thinking_blocks": [BLOCK]},
        {"thinking_blocks": [REDACTED, BLOCK]},
        {"thinking": "hm"},
        {"content": [BLOCK, {"type": "text", "text": "So."}]},
        {"content": [BLOCK]},
        {"content": [REDACTED, BLOCK]},
        {"content": [{"type": "reasoning", "text": "hm"}]},
        {"content": [{"type": "reasoning", "reasoning": "hm"}]},
        {"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}]},
        {"content": [{"type": "reasoning_content", "reasoning_content": {"text": "hm"}}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
        {"provider_specific_fields": {"reasoning_content": "hm"}},
        {"provider_specific_fields": {"reasoning": "hm", "x": 1}},
        {"provider_specific_fields": {"thinking_blocks": [BLOCK]}},
        {"provider_specific_fields": {"reasoning_details": [DETAIL]}},
        {"reasoning_text": "hm"},  # GitHub Copilot
        {"additional_kwargs": {"reasoning_content": "hm"}},  # LangChain's ChatDeepSeek
        {"additional_kwargs": {"reasoning": {"summary": [{"text": "hm"}]}, "tool_calls": []}},
    ],
    ids=str,
)
@pytest.mark.parametrize("calls", [[call()], None], ids=["calls", "answer"])
def test_reasoning_is_taken_from_wherever_a_stack_puts_it(left: Json, calls: Any) -> None:
    """OpenRouter: https://github.com/Kilo-Org/kilocode/issues/5597; parts of Claude:
    https://github.com/Gitlawb/openclaude/issues/828"""
    turn = {"role": "assistant", **left, **({"tool_calls": calls} if calls else {})}
    talk = [USER, turn, *([result()] if calls else []), USER]
    translation = run(*talk)
    assert sent(translation)[1]["reasoning_content"] == "hm"
    assert not translation.changes_of_meaning
    (key,) = left
    assert any(param.startswith(f"messages[1].{key}") for param in params(translation))


def test_the_first_that_is_not_empty_wins() -> None:
    places: list[Json] = [
        {"reasoning_content": "1"},
        {"reasoning": "2"},
        {"reasoning_details": [{**DETAIL, "text": "3"}]},
        {"thinking_blocks": [{**BLOCK, "thinking": "4"}]},
        {"thinking": "5"},
        {"content": [{**BLOCK, "thinking": "6"}, {"type": "text", "text": "So."}]},
        {"provider_specific_fields": {"reasoning": "7"}},
    ]
    turn: Json = {"role": "assistant", "content": "So."}
    for place in places:
        turn |= place
    for number, place in enumerate(places, start=1):
        assert sent(run(USER, turn))[1]["reasoning_content"] == str(number)
        (key,) = place
        turn = {**turn, key: "So." if key == "content" else ""}
    assert "reasoning_content" not in sent(run(USER, {**turn, "reasoning_content": None}))[1]


EMPTY: list[Json] = [
    {"reasoning_content": ""},
    {"reasoning": ""},
    {"reasoning_details": []},
    {"reasoning_details": [{**DETAIL, "text": ""}]},
    {"thinking_blocks": [{**BLOCK, "thinking": ""}]},
    {"content": [{**BLOCK, "thinking": ""}]},
    {"provider_specific_fields": {"reasoning_content": ""}},
    {"reasoning_details": [ENCRYPTED]},
    {"thinking_blocks": [REDACTED]},
    {"content": [REDACTED]},
]


@pytest.mark.parametrize("left", EMPTY, ids=str)
@every_family
def test_empty_reasoning_beside_calls_counts_as_missing(model: Model, left: Json) -> None:
    """`""` is refused beside calls, a blank is taken:
    https://github.com/theopenco/llmgateway/pull/2093"""
    turn = {"role": "assistant", "tool_calls": [call()], **left}
    translation = run(USER, turn, result(), model=model)
    if translation.thinking:
        assert sent(translation)[1]["reasoning_content"] == " "
        assert "messages[1].reasoning_content" in params(translation)
    elif model.thinking.mode == "never":
        assert "reasoning_content" not in sent(translation)[1]
    assert not translation.changes_of_meaning


def test_without_thinking_empty_reasoning_goes_back_as_it_came() -> None:
    turn = {**calling(call()), "reasoning_content": ""}
    translation = run(USER, turn, result(), model=K26, thinking={"type": "disabled"})
    assert sent(translation)[1]["reasoning_content"] == ""


def test_an_answer_without_calls_keeps_its_empty_reasoning() -> None:
    """`reasoned, but empty` must come back: https://github.com/MoonshotAI/kimi-code"""
    turn = {"role": "assistant", "content": "So.", "reasoning_content": ""}
    translation = run(USER, turn)
    assert sent(translation)[1] == turn
    assert translation.adjustments == ()


@pytest.mark.parametrize("key", ["thinking_blocks", "reasoning_details"])
def test_encrypted_reasoning_is_left_out_and_reported(key: str) -> None:
    block = REDACTED if key == "thinking_blocks" else ENCRYPTED
    translation = run(USER, {"role": "assistant", "content": "So.", key: [block]})
    (item,) = translation.adjustments
    assert (item.param, item.sent) == (f"messages[1].{key}", None)
    assert "encrypted" in item.reason


@pytest.mark.parametrize("role", ["user", "system", "tool"])
def test_a_thought_in_another_role_is_left_out_and_reported(role: str) -> None:
    content = [BLOCK, {"type": "text", "text": "x"}]
    message = {"role": role, "content": content}
    before = [USER, calling(call())] if role == "tool" else []
    if role == "tool":
        message["tool_call_id"] = "a"
    translation = run(*before, message, USER)
    assert f"messages[{len(before)}].content[0]" in changed(translation)


def test_reasoning_of_an_unknown_form_is_reported() -> None:
    translation = run(USER, {"role": "assistant", "content": "So.", "reasoning": {"x": 1}})
    assert params(translation) == {"messages[1].reasoning"}
    error = refused(USER, {"role": "assistant", "content": "So.", "reasoning_content": {"x": 1}})
    assert error.param == "messages[1].reasoning_content"


# -- arguments -------------------------------------------------------------------------------------


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


# -- ids -------------------------------------------------------------------------------------------


def pairs(translation: Translation) -> list[list[tuple[str, Any]]]:
    """For each turn with calls: the functions' names and the results right behind them."""
    messages = sent(translation)
    found = []
    for place, message in enumerate(messages):
        calls = message.get("tool_calls")
        if not calls:
            continue
        ids = [item["id"] for item in calls]
        assert len(set(ids)) == len(ids)
        behind = {}
        for other in messages[place + 1 : place + 1 + len(calls)]:
            assert other["role"] == "tool"
            behind[other["tool_call_id"]] = other["content"]
        assert behind.keys() == set(ids)
        found.append([(item["function"]["name"], behind[item["id"]]) for item in calls])
    return found


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


# -- a result is never lost ------------------------------------------------------------------------


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
    from tests.pure.translation.test_whole_requests import _lines_run

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
        return _lines_run(lambda: translate({"model": K3, "messages": talk}))

    assert work(1_000) < work(100) * 15


# -- roles and contents ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"role": "User", "content": "x"}, "'user'"),
        ({"role": "model", "content": "x"}, "'assistant'"),
        ({"role": "human", "content": "x"}, "'user'"),
        ({"role": "ai", "content": "x"}, "'assistant'"),
        ({"role": "bot", "content": "x"}, "'assistant'"),
        ({"role": "ipython", "content": "x"}, "'tool'"),
        ({"role": "narrator", "content": "x"}, "use system, developer, user"),
        ({"content": "x"}, "no role was found"),
        ({"finish_reason": "stop", "index": 0, "message": USER}, "append its message"),
        ({"id": "c", "choices": [{"message": USER}]}, "choices[0].message"),
        ({"type": "ai", "content": "x"}, "convert_to_openai_messages"),
    ],
)
def test_an_unknown_role_is_an_error_that_names_what_was_found(message: Json, words: str) -> None:
    error = refused(USER, message)
    assert error.param == "messages[1].role"
    assert words in error.message


@pytest.mark.parametrize("message", ["hello", None, 5, ["user", "hi"]])
def test_what_is_no_message_is_an_error_that_says_what_one_is(message: Any) -> None:
    error = refused(message)
    assert error.param == "messages[0]"
    assert "role and content" in error.message


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ({"type": "text", "text": "x"}, [{"type": "text", "text": "x"}]),
        (["x", "y"], [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]),
        ([{"text": "x"}], [{"type": "text", "text": "x"}]),
        ([{"type": "input_text", "text": "x"}], [{"type": "text", "text": "x"}]),
        (
            [{"type": "text", "text": {"value": "x", "annotations": []}}],
            [{"type": "text", "text": "x"}],
        ),
    ],
)
def test_contents_of_other_forms_are_understood(content: Any, wanted: Any) -> None:
    translation = run({"role": "user", "content": content})
    assert sent(translation)[0]["content"] == wanted
    assert translation.adjustments
    assert not translation.changes_of_meaning


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"temp": 18}, '{"temp": 18}'),
        ([1, 2], "[1, 2]"),
        ([{"id": 1}], '[{"id": 1}]'),
        (["a"], '["a"]'),
        (18, "18"),
        (True, "true"),
    ],
)
def test_results_that_are_data_are_sent_as_json(content: Any, text: str) -> None:
    """The guide serialises them:
    https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi"""
    translation = run(USER, calling(call()), result(content=content))
    assert sent(translation)[2]["content"] == text
    assert params(translation) == {"messages[2].content"}


@pytest.mark.parametrize(
    ("content", "found"),
    [(5, "a number"), (True, "true or false"), (float("nan"), "NaN"), (b"x", "bytes")],
)
def test_a_content_that_is_none_names_what_was_found(content: Any, found: str) -> None:
    error = refused({"role": "user", "content": content})
    assert error.param == "messages[0].content"
    assert found in error.message


def test_an_empty_name_is_left_out() -> None:
    for message in ({**USER, "name": ""}, {"role": "system", "content": "x", "name": ""}):
        assert "name" not in sent(run(message, USER))[0]


PNG = "iVBORw0KGgo="
URL = f"data:image/png;base64,{PNG}"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_image", "image_url": URL},
        {"type": "input_image", "image_url": {"url": URL}},
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": PNG},
        },
        {"type": "image", "data": PNG, "mimeType": "image/png"},
        {"type": "image", "image": URL},
    ],
    ids=str,
)
def test_images_of_other_apis_are_images(part: Json) -> None:
    translation = run({"role": "user", "content": [part]}, model=K26)
    assert sent(translation)[0]["content"] == [{"type": "image_url", "image_url": {"url": URL}}]
    assert not translation.changes_of_meaning


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        (
            {"type": "resource", "resource": {"uri": "file:///a.md", "text": "# A"}},
            {"type": "text", "text": "file:///a.md\n\n# A"},
        ),
        (
            {"type": "resource", "resource": {"mimeType": "image/png", "blob": PNG}},
            {"type": "image_url", "image_url": {"url": URL}},
        ),
        (
            {"type": "resource_link", "uri": "file:///a.md", "name": "a", "mimeType": "text/plain"},
            {"type": "text", "text": "a\nfile:///a.md"},
        ),
    ],
    ids=["text", "image", "link"],
)
def test_resources_of_mcp_servers_are_read(part: Json, wanted: Json) -> None:
    """https://modelcontextprotocol.io/specification/2025-06-18/server/tools"""
    messages = [USER, calling(call()), result(content=[part])]
    translation = translate({"model": K26, "messages": messages})
    assert sent(translation)[2]["content"] == [wanted]
    assert not translation.changes_of_meaning


def test_another_resource_of_an_mcp_server_is_a_file() -> None:
    inner = {"uri": "file:///x/a.pdf", "mimeType": "application/pdf", "blob": PNG}
    part = {"type": "resource", "resource": inner}
    (need,) = translate({"model": K26, "messages": [{"role": "user", "content": [part]}]}).needs
    data = f"data:application/pdf;base64,{PNG}"
    assert (need.kind, need.value) == ("file", {"file_data": data, "filename": "a.pdf"})


def test_documents_of_other_apis_are_files() -> None:
    data = f"data:application/pdf;base64,{PNG}"
    source = {"type": "base64", "media_type": "application/pdf", "data": PNG}
    for part in (
        {"type": "input_file", "file_data": data, "filename": "a.pdf"},
        {"type": "document", "source": source, "title": "a.pdf"},
    ):
        request = {"model": K26, "messages": [{"role": "user", "content": [part]}]}
        (need,) = translate(request).needs
        assert (need.kind, need.value) == ("file", {"file_data": data, "filename": "a.pdf"})
    text = {"type": "document", "source": {"type": "text", "data": "x"}, "title": "T"}
    assert sent(run({"role": "user", "content": [text]}))[0]["content"][0]["text"] == "T\n\nx"


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "input_image", "file_id": "file-1"}, "stored at another provider"),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, "stored at another"),
        ({"type": "image", "source": {"type": "blob"}}, "base64 or url"),
        ({"type": "document"}, "must be an object"),
        ({"type": "resource", "resource": {"uri": "a"}}, "must have text or blob"),
        ({"type": "resource_link", "name": "a"}, "must be text"),
        ({"type": "audio", "audio": {}}, "transcribe"),
        ({"type": "tool_result", "tool_use_id": "a"}, "no content parts of type"),
        ({"type": "server_tool_use"}, "no content parts of type"),
    ],
)
def test_parts_that_cannot_be_read_here_are_errors(part: Json, words: str) -> None:
    error = refused({"role": "system", "content": [part]}, USER)
    assert (error.param or "").startswith("messages[0].content[0]")
    assert words in error.message


# -- Partial Mode ----------------------------------------------------------------------------------

BEGUN = {"role": "assistant", "content": "Once"}


@every_family
@pytest.mark.parametrize(
    ("last", "more"),
    [
        ({**BEGUN, "prefix": True}, {}),
        ({**BEGUN, "prefix": True, "partial": True}, {}),
        (BEGUN, {"continue_final_message": True}),
        (BEGUN, {"continue_final_message": True, "add_generation_prompt": False}),
        (BEGUN, {"partial": True}),
    ],
    ids=str,
)
def test_other_words_for_partial_mode(model: Model, last: Json, more: Json) -> None:
    """DeepSeek's and Mistral's `prefix`, vLLM's `continue_final_message`."""
    translation = run(USER, last, model=model, **more)
    assert sent(translation)[-1] == {**BEGUN, "partial": True}
    assert translation.restore.prefix == "Once"
    assert translation.adjustments
    assert not translation.changes_of_meaning


def test_words_for_partial_mode_that_ask_for_nothing_or_cannot_be_met() -> None:
    translation = run(USER, {**BEGUN, "prefix": False}, continue_final_message=False)
    assert sent(translation)[-1] == BEGUN
    assert not translation.changes_of_meaning
    assert changed(run(USER, continue_final_message=True)) == {"continue_final_message"}
    early = run({**BEGUN, "prefix": True}, USER)
    assert (sent(early)[0], early.restore.prefix) == (BEGUN, "")
    assert refused(USER, {**BEGUN, "prefix": "yes"}).param == "messages[1].prefix"
    assert refused(USER, BEGUN, continue_final_message="yes").param == "continue_final_message"


def test_a_last_message_of_the_assistants_is_not_a_prefix_by_itself() -> None:
    translation = run(USER, BEGUN)
    assert sent(translation)[-1] == BEGUN
    assert translation.restore.prefix == ""


# -- items of the Responses API --------------------------------------------------------------------


def test_items_of_the_responses_api_are_understood() -> None:
    items = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]},
        {
            "type": "message",
            "role": "assistant",
            "id": "msg",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Looking.", "annotations": []}],
        },
        {"type": "function_call", "id": "fc", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "b", "name": "g", "input": "x"},
        {"type": "function_call_output", "call_id": "b", "output": "2"},
        {
            "type": "custom_tool_call_output",
            "call_id": "a",
            "output": [{"type": "input_text", "text": "1"}],
        },
        {"type": "reasoning", "summary": [], "encrypted_content": "x"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "3"},
    ]
    translation = run(*items, instructions="Be brief.")
    messages = sent(translation)
    assert [message["role"] for message in messages] == [
        *("system", "user", "assistant", "tool", "tool", "assistant", "tool")
    ]
    assert messages[0]["content"] == "Be brief."
    assert messages[2]["reasoning_content"] == "hm"
    assert messages[2]["content"] == [{"type": "text", "text": "Looking."}]
    one = [{"type": "text", "text": "1"}]
    assert pairs(translation) == [[("f", one), ("g", "2")], [("f", "3")]]
    assert not translation.changes_of_meaning
    assert {"instructions", "messages[1]", "messages[3]", "messages[7]"} <= params(translation)


def test_calls_without_a_message_are_a_turn_of_their_own() -> None:
    call_item = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
    talk = [USER, call_item, {**call_item, "call_id": "b"}, result("a", "1"), result("b", "2")]
    assert pairs(run(*talk)) == [[("f", "1"), ("f", "2")]]


@pytest.mark.parametrize(
    ("item", "param", "words"),
    [
        ({"type": "item_reference", "id": "x"}, "messages[1]", "put the item itself"),
        ({"type": "web_search_call", "id": "x"}, "messages[1]", "web_search_call"),
        ({"type": "function_call", "call_id": "a"}, "messages[1].name", "name a function"),
    ],
)
def test_items_that_mean_nothing_here_are_errors(item: Json, param: str, words: str) -> None:
    error = refused(USER, item)
    assert error.param == param
    assert words in error.message


def test_a_request_of_the_responses_api_is_an_error_that_says_so() -> None:
    with pytest.raises(InvalidRequestError, match="Responses API") as caught:
        translate({"model": K3, "input": "Hi"})
    assert caught.value.param == "messages"


def test_reasoning_that_nothing_follows_is_reported() -> None:
    item = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
    translation = run(USER, item, USER)
    assert sent(translation) == [USER, USER]
    assert "messages[1]" in params(translation)


# -- Anthropic's messages --------------------------------------------------------------------------


def test_anthropics_turns_are_understood() -> None:
    talk = [
        USER,
        {
            "role": "assistant",
            "content": [
                BLOCK,
                {"type": "text", "text": "Looking."},
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"q": "é"}},
                {"type": "tool_use", "id": "toolu_2", "name": "1st", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": "2"},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": "1"}],
                },
                {"type": "text", "text": "And?"},
            ],
        },
    ]
    translation = run(*talk, system=[{"type": "text", "text": "Be brief."}])
    messages = sent(translation)
    assert [message["role"] for message in messages] == [
        *("system", "user", "assistant", "tool", "tool", "user")
    ]
    assert messages[2]["reasoning_content"] == "hm"
    assert messages[2]["content"] == [{"type": "text", "text": "Looking."}]
    arguments = [item["function"]["arguments"] for item in messages[2]["tool_calls"]]
    assert arguments == ['{"q": "é"}', "{}"]
    assert pairs(translation) == [[("f", [{"type": "text", "text": "1"}]), ("fn_1st", "2")]]
    assert messages[5]["content"] == [{"type": "text", "text": "And?"}]
    assert not translation.changes_of_meaning
    assert {"messages[1].content[2]", "messages[2].content[0]"} <= params(translation)


def test_images_in_anthropics_results_are_needed_at_their_place() -> None:
    def image(name: str) -> Json:
        return {"type": "image", "source": {"type": "url", "url": f"https://x.test/{name}"}}

    talk = [
        calling(call("a"), call("b")),
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": [image("a")]},
                {"type": "tool_result", "tool_use_id": "b", "content": [image("b")]},
                image("c"),
            ],
        },
    ]
    translation = translate({"model": K26, "messages": talk})
    for need in translation.needs:
        part = sent(translation)[need.message]["content"][need.part]
        assert part["image_url"]["url"] == need.value
    assert [need.param for need in translation.needs] == [
        "messages[1].content[0].content[0]",
        "messages[1].content[1].content[0]",
        "messages[1].content[2]",
    ]


def test_an_error_flag_of_a_result_is_reported() -> None:
    part = {"type": "tool_result", "tool_use_id": "a", "content": "no", "is_error": True}
    translation = run(USER, calling(call()), {"role": "user", "content": [part]})
    assert changed(translation) == {"messages[2].content[0].is_error"}


@pytest.mark.parametrize(
    "flat",
    [
        {"id": "a", "name": "f", "args": {"q": 1}, "type": "tool_call"},
        {"call_id": "a", "id": "fc", "type": "function_call", "name": "f", "arguments": '{"q": 1}'},
        {"id": "a", "type": "tool_use", "name": "f", "input": {"q": 1}},
        {"id": "a", "type": "function", "name": "f", "arguments": '{"q": 1}'},
    ],
    ids=lambda flat: flat["type"],
)
def test_calls_without_the_wrapping_are_understood(flat: Json) -> None:
    translation = run(USER, calling(flat), result("a"))
    (made,) = sent(translation)[1]["tool_calls"]
    assert made == call("a", arguments='{"q": 1}')
    assert not translation.changes_of_meaning


def test_turns_with_calls_that_follow_each_other_wait_together() -> None:
    """Clients that write one message for each of several calls at once, without ids."""
    turns = [calling(call("", "f")), calling(call("", "f"))]
    translation = run(USER, *turns, result(""), result("", "second"), USER)
    assert pairs(translation) == [[("f", "ok")], [("f", "second")]]
    old = [
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "hm",
            "function_call": {"name": "f", "arguments": arguments},
        }
        for arguments in ("{}", '{"b": 1}')
    ]
    results = [{"role": "function", "name": "f", "content": text} for text in ("1", "2")]
    assert pairs(run(USER, *old, *results)) == [[("f", "1")], [("f", "2")]]
