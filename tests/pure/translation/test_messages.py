"""messages: roles, empty turns, calls and their results, reasoning, Partial Mode."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi import InvalidRequestError, Translation, translate
from llm_kimi.catalog import Model
from tests.support.families import every_family
from tests.support.judging import judged

Json = dict[str, Any]
both_modes = pytest.mark.parametrize("thinking", [True, False])
USER = {"role": "user", "content": "Hi"}
NO_RESULT = "(no result: the call was not answered)"


def call(call_id: Any, name: str = "f", arguments: Any = "{}", **more: Any) -> Json:
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function, **more}


def calling(*calls: Json, **more: Any) -> Json:
    return {"role": "assistant", "tool_calls": list(calls), **more}


def result(call_id: str, content: Any = "ok") -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def run(
    model: Model | str, *talk: Json, thinking: bool = True, checked: bool = True, **more: Any
) -> Translation:
    request = {
        "model": model if isinstance(model, str) else model.id,
        "messages": list(talk),
        **({} if thinking else {"thinking": False}),
        **more,
    }
    return judged(request, checked=checked)


def sent(translation: Translation) -> list[Json]:
    messages: list[Json] = translation.body["messages"]
    return messages


def params(translation: Translation) -> set[str]:
    return {item.param for item in translation.adjustments}


def lost(translation: Translation) -> list[str]:
    return [item.param for item in translation.changes_of_meaning if "messages" in item.param]


# -- roles and empty turns -------------------------------------------------------------------------


@every_family
def test_developer_becomes_system(model: Model) -> None:
    """`role 'developer' is not allowed`: https://github.com/openclaw/openclaw/issues/8579"""
    translation = run(model, {"role": "developer", "content": "Brief."}, USER)
    assert sent(translation)[0] == {"role": "system", "content": "Brief."}
    assert params(translation) == {"messages[0].role"}


@every_family
@pytest.mark.parametrize("content", ["", None, [], [{"type": "text", "text": ""}]], ids=str)
def test_an_empty_assistant_turn_is_left_out(model: Model, content: Any) -> None:
    """`must not be empty`: https://github.com/AstrBotDevs/AstrBot/issues/7200"""
    translation = run(model, USER, {"role": "assistant", "content": content}, USER)
    assert sent(translation) == [USER, USER]
    assert "messages[1].content" in params(translation)


@every_family
def test_an_empty_turn_that_was_reasoned_is_kept(model: Model) -> None:
    turn = {"role": "assistant", "content": "", "reasoning_content": "hm"}
    translation = run(model, USER, turn, USER)
    if model.thinking.mode == "never":
        assert sent(translation) == [USER, USER]
    else:
        assert sent(translation)[1] == {**turn, "content": " "}


@every_family
@pytest.mark.parametrize("content", ["", [], [{"type": "text", "text": ""}]], ids=str)
def test_an_empty_user_message_is_filled_and_an_empty_system_message_left_out(
    model: Model, content: Any
) -> None:
    talk = ({"role": "system", "content": content}, {"role": "user", "content": content})
    translation = run(model, *talk)
    assert sent(translation) == [{"role": "user", "content": " "}]
    assert {"messages[0].content", "messages[1].content"} <= params(translation)


@every_family
def test_only_empty_messages_still_are_a_request(model: Model) -> None:
    translation = run(
        model, {"role": "assistant", "content": ""}, {"role": "system", "content": ""}
    )
    assert sent(translation) == [{"role": "user", "content": " "}]
    assert "messages" in params(translation)


@every_family
@pytest.mark.parametrize("content", ["", None, ..., [{"type": "text", "text": ""}]], ids=str)
def test_nothing_beside_calls_is_left_out(model: Model, content: Any) -> None:
    """`text content is empty`: https://github.com/BerriAI/litellm/issues/42186"""
    turn = calling(
        call("a"), reasoning_content="hm", **({} if content is ... else {"content": content})
    )
    translation = run(model, USER, turn, result("a"))
    assert "content" not in sent(translation)[1]


@every_family
def test_a_refusal_is_said_in_words(model: Model) -> None:
    translation = run(model, USER, {"role": "assistant", "content": None, "refusal": "No."}, USER)
    assert sent(translation)[1] == {"role": "assistant", "content": "No."}
    assert params(translation) == {"messages[1].refusal"}


def test_a_refusal_beside_content_is_told() -> None:
    turn = {"role": "assistant", "content": "Well.", "refusal": "No."}
    translation = run("kimi-k3", USER, turn, USER)
    assert sent(translation)[1] == {"role": "assistant", "content": "Well."}
    assert lost(translation) == ["messages[1].refusal"]


@every_family
def test_what_other_stacks_leave_in_a_message_is_told(model: Model) -> None:
    turn = {
        "role": "assistant",
        "content": "Hm.",
        "annotations": [],
        "audio": {"id": "a"},
        "cache_control": {"type": "ephemeral"},
        "parsed": {"x": 1},
        "refusal": None,
        "tool_calls": None,
        "function_call": None,
    }
    translation = run(model, {**USER, "cache_control": {}}, turn, {**USER, "name": "eva"})
    assert sent(translation) == [
        USER,
        {"role": "assistant", "content": "Hm."},
        {**USER, "name": "eva"},
    ]
    # What is empty asks for nothing: openai writes annotations into every message.
    assert params(translation) == {
        f"messages[1].{key}" for key in ("audio", "cache_control", "parsed")
    }
    assert lost(translation) == ["messages[1].audio"]


# -- reasoning -------------------------------------------------------------------------------------


@every_family
@both_modes
def test_lost_reasoning_is_filled_where_kimi_demands_it(model: Model, thinking: bool) -> None:
    """`thinking is enabled but reasoning_content is missing`:
    https://github.com/continuedev/continue/issues/11600; a filler is accepted:
    https://github.com/farion1231/cc-switch/issues/2365"""
    translation = run(model, USER, calling(call("a")), result("a"), thinking=thinking)
    filled = sent(translation)[1].get("reasoning_content")
    assert filled == (" " if translation.thinking else None)
    assert ("messages[1].reasoning_content" in params(translation)) == translation.thinking


@every_family
@pytest.mark.parametrize("reasoning", ["hm", " "])
def test_known_reasoning_goes_back_unchanged(model: Model, reasoning: str) -> None:
    """https://platform.kimi.ai/docs/guide/use-thinking-models"""
    turn = calling(call("a"), reasoning_content=reasoning)
    translation = run(model, USER, turn, result("a"))
    if model.thinking.mode == "never":
        assert "reasoning_content" not in sent(translation)[1]
        assert "messages[1].reasoning_content" in params(translation)
    else:
        assert sent(translation)[1] == turn
        assert translation.adjustments == ()


@pytest.mark.parametrize(
    "left",
    [
        {"reasoning": "hm"},
        {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "x"}]},
        {"provider_specific_fields": {"reasoning_content": "hm"}},
    ],
    ids=lambda left: next(iter(left)),
)
@every_family
def test_reasoning_under_another_name_is_found(model: Model, left: Json) -> None:
    translation = run(model, USER, {"role": "assistant", "content": "So.", **left}, USER)
    wanted = None if model.thinking.mode == "never" else "hm"
    assert sent(translation)[1].get("reasoning_content") == wanted
    assert f"messages[1].{next(iter(left))}" in params(translation)


@pytest.mark.parametrize(
    "left",
    [
        {"reasoning": {"text": "hm"}},
        {"thinking_blocks": [{"type": "redacted_thinking", "data": "x"}]},
        {"reasoning": "hm", "thinking_blocks": [{"thinking": "hm"}]},
        {"reasoning_details": [{"text": "hm"}]},
    ],
    ids=str,
)
def test_reasoning_that_cannot_be_read_is_told(left: Json) -> None:
    turn = {"role": "assistant", "content": "So.", **left}
    translation = run("kimi-k3", USER, turn, USER, checked=False)
    assert {f"messages[1].{key}" for key in left} <= params(translation)


# -- calls and results -----------------------------------------------------------------------------


@every_family
@both_modes
def test_a_call_without_a_result_gets_one_and_it_is_told(model: Model, thinking: bool) -> None:
    """https://github.com/MoonshotAI/kimi-code: every call needs its result right behind it."""
    turn = calling(call("a"), call("b"), reasoning_content="hm")
    translation = run(model, USER, turn, result("a"), USER, thinking=thinking)
    assert sent(translation)[2:] == [result("a"), result("b", NO_RESULT), USER]
    assert lost(translation) == ["messages[1].tool_calls"]


def _reasoned(*calls: Json) -> Json:
    return calling(*calls, reasoning_content="hm")


A, B = call("a"), call("b")


@every_family
@pytest.mark.parametrize(
    ("talk", "order"),
    [
        pytest.param([_reasoned(A, B), result("b"), result("a")], "C b a", id="out of order"),
        pytest.param([_reasoned(A), USER, result("a")], "C a u", id="behind a user"),
        pytest.param([_reasoned(A), _reasoned(B), result("a"), result("b")], "C a C b", id="woven"),
        pytest.param(
            [_reasoned(A), USER, _reasoned(B), USER, result("b"), USER, result("a")],
            "C a u C b u u",
            id="far away",
        ),
        pytest.param([result("a"), _reasoned(A)], "C a", id="before its call"),
        pytest.param(
            [_reasoned(A), result("a"), _reasoned(A), result("a")], "C a C a", id="same id again"
        ),
        pytest.param([_reasoned(A), USER, _reasoned(A), result("a")], "C a! u C a", id="latest"),
    ],
)
def test_results_find_their_calls(model: Model, talk: list[Json], order: str) -> None:
    translation = run(model, USER, *talk)
    found = []
    for message in sent(translation)[1:]:
        if message["role"] == "tool":
            made_up = message["content"] == NO_RESULT
            found.append(message["tool_call_id"] + "!" * made_up)
        else:
            found.append("C" if "tool_calls" in message else "u")
    assert " ".join(found) == order
    results = sum(message["role"] == "tool" for message in talk)
    kept = sum(message["role"] == "tool" for message in sent(translation)) - order.count("!")
    assert bool(lost(translation)) == ("!" in order or kept < results)


@every_family
@pytest.mark.parametrize("given", [None, "", ...], ids=str)
def test_a_call_without_an_id_gets_one(model: Model, given: Any) -> None:
    turn = calling(call(given), reasoning_content="hm")
    if given is ...:
        del turn["tool_calls"][0]["id"]
    translation = run(model, USER, turn)
    (made,) = sent(translation)[1]["tool_calls"]
    assert made["id"]
    assert "messages[1].tool_calls[0].id" in params(translation)


@every_family
@pytest.mark.parametrize(
    ("given", "wanted"), [("", "{}"), (None, "{}"), ({"x": "é"}, '{"x": "é"}')]
)
def test_arguments_are_text(model: Model, given: Any, wanted: str) -> None:
    turn = calling(call("a", arguments=given), reasoning_content="hm")
    translation = run(model, USER, turn, result("a"), checked=not isinstance(given, dict))
    assert sent(translation)[1]["tool_calls"][0]["function"]["arguments"] == wanted
    assert ("messages[1].tool_calls[0].function.arguments" in params(translation)) == (
        given != wanted
    )


@every_family
def test_a_custom_call_in_the_history_becomes_a_function_call(model: Model) -> None:
    custom = {"id": "a", "type": "custom", "custom": {"name": "run it", "input": 'say "é"'}}
    translation = run(model, USER, calling(custom, reasoning_content="hm"), result("a"))
    (made,) = sent(translation)[1]["tool_calls"]
    assert made["function"] == {"name": "run_it", "arguments": '{"input": "say \\"é\\""}'}
    assert translation.restore.tool_names == {"run_it": "run it"}


@every_family
def test_a_built_in_call_stays_one(model: Model) -> None:
    """https://platform.kimi.ai/docs/guide/use-web-search"""
    search = {**call("a", "$web_search"), "type": "builtin_function"}
    turn = calling(search, reasoning_content="hm")
    translation = run(model, USER, turn, {**result("a"), "name": "$web_search"})
    assert sent(translation)[1]["tool_calls"] == [search]


def test_keys_left_in_a_call_are_told() -> None:
    made = call("a", index=0, provider_specific_fields={"x": 1})
    made["function"]["parsed_arguments"] = {}
    translation = run("kimi-k3", USER, _reasoned(made), result("a"))
    assert sent(translation)[1]["tool_calls"] == [call("a")]
    where = "messages[1].tool_calls[0]"
    assert params(translation) == {
        f"{where}.index",
        f"{where}.provider_specific_fields",
        f"{where}.function.parsed_arguments",
    }


@every_family
def test_an_empty_result_is_filled(model: Model) -> None:
    translation = run(model, USER, _reasoned(A), result("a", ""))
    assert sent(translation)[2]["content"] == " "
    assert "messages[2].content" in params(translation)


# -- the old form ----------------------------------------------------------------------------------


def old_call(name: str = "f") -> Json:
    return {
        "role": "assistant",
        "content": None,
        "function_call": {"name": name, "arguments": "{}"},
        "reasoning_content": "hm",
    }


def old_result(name: str = "f", content: Any = "ok") -> Json:
    return {"role": "function", "name": name, "content": content}


@every_family
def test_function_calls_and_results_become_a_tool_exchange(model: Model) -> None:
    """https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi"""
    translation = run(model, USER, old_call("1st"), old_result("1st"), USER)
    assistant, answer = sent(translation)[1:3]
    (made,) = assistant["tool_calls"]
    assert made["function"] == {"name": "fn_1st", "arguments": "{}"}
    assert (answer["role"], answer["tool_call_id"]) == ("tool", made["id"])
    assert answer["name"] == "fn_1st"
    assert lost(translation) == []


@every_family
@pytest.mark.parametrize(
    ("talk", "calls", "made_up"),
    [
        pytest.param([old_result()], 1, 0, id="result alone"),
        pytest.param([old_call()], 1, 1, id="call alone"),
        pytest.param([old_call(), USER, old_result()], 1, 0, id="with a user between"),
        pytest.param([old_call(), USER, old_call(), old_result()], 2, 1, id="first one unanswered"),
        pytest.param([old_call(), old_result(), old_call(), old_result()], 2, 0, id="twice"),
        pytest.param([old_call(), old_result(), old_result()], 2, 0, id="two results"),
        pytest.param([old_call("f"), old_result("g")], 2, 1, id="another function's"),
        pytest.param(
            [old_call("f"), old_call("g"), old_result("f"), old_result("g")], 2, 0, id="woven"
        ),
    ],
)
def test_function_messages_in_odd_orders(
    model: Model, talk: list[Json], calls: int, made_up: int
) -> None:
    translation = run(model, USER, *talk)
    messages = sent(translation)
    assert sum(len(message.get("tool_calls", ())) for message in messages) == calls
    assert [message.get("content") for message in messages].count(NO_RESULT) == made_up
    assert len(lost(translation)) == bool(made_up)


def test_a_function_call_beside_tool_calls_is_told() -> None:
    turn = {**_reasoned(A), "function_call": {"name": "f", "arguments": "{}"}}
    translation = run("kimi-k3", USER, turn, result("a"))
    assert "messages[1].function_call" in params(translation)


def test_the_latest_of_two_old_calls_gets_the_result() -> None:
    first, second = old_call(), old_call()
    first["content"] = "first"
    second["content"] = "second"
    messages = sent(run("kimi-k3", USER, first, USER, second, old_result(content="42")))
    assert [message["content"] for message in messages] == [
        "Hi",
        "first",
        NO_RESULT,
        "Hi",
        "second",
        "42",
    ]


# -- Partial Mode ----------------------------------------------------------------------------------


@every_family
@both_modes
def test_a_prefix_is_sent_and_remembered(model: Model, thinking: bool) -> None:
    """The answer does not repeat it: https://platform.kimi.ai/docs/guide/use-partial-mode"""
    prefix = {"role": "assistant", "content": "Once", "partial": True}
    translation = run(model, USER, prefix, thinking=thinking)
    assert sent(translation)[-1] == prefix
    assert translation.restore.prefix == "Once"
    assert not translation.restore.is_plain


@every_family
def test_a_name_alone_is_a_prefix_too(model: Model) -> None:
    prefix = {"role": "assistant", "content": "", "name": "Holmes", "partial": True}
    translation = run(model, USER, prefix)
    assert sent(translation)[-1] == prefix
    assert translation.restore.prefix == ""


@every_family
def test_only_the_last_message_is_continued(model: Model) -> None:
    early = {"role": "assistant", "content": "Once", "partial": True}
    translation = run(model, USER, early, USER)
    assert "partial" not in sent(translation)[1]
    assert translation.restore.prefix == ""
    assert "messages[1].partial" in params(translation)


def test_partial_on_another_role_is_told() -> None:
    translation = run("kimi-k3", {**USER, "partial": True})
    assert sent(translation) == [USER]
    assert params(translation) == {"messages[0].partial"}


@every_family
def test_a_prefix_and_json_mode_do_not_go_together(model: Model) -> None:
    """https://platform.kimi.ai/docs/guide/use-partial-mode"""
    prefix = {"role": "assistant", "content": "{", "partial": True}
    with pytest.raises(InvalidRequestError) as caught:
        run(model, USER, prefix, response_format={"type": "json_object"})
    assert caught.value.param == "messages[1].partial"
    assert "json_schema" in caught.value.message


# -- malformed -------------------------------------------------------------------------------------


@every_family
@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (None, "messages"),
        ([], "messages"),
        ({}, "messages"),
        ("Hi", "messages"),
        (5, "messages"),
        ((), "messages"),
        (["Hi"], "messages[0]"),
        ([USER, None], "messages[1]"),
        ([{}], "messages[0].role"),
        ([{"role": "robot", "content": "x"}], "messages[0].role"),
        ([{"role": ["user"], "content": "x"}], "messages[0].role"),
        ([{"role": None, "content": "x"}], "messages[0].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": None}], "messages[0].content"),
        ([{"role": "user", "content": 5}], "messages[0].content"),
        ([{"role": "user", "content": {"type": "text"}}], "messages[0].content[0].text"),
        ([{"role": "user", "content": {"text": "x"}}], "messages[0].content"),
        ([{"role": "user", "content": True}], "messages[0].content"),
        ([{"role": "system"}], "messages[0].content"),
        ([{"role": "user", "content": "x", "name": 5}], "messages[0].name"),
        ([USER, calling(5)], "messages[1].tool_calls[0]"),  # type: ignore[arg-type]
        ([USER, calling({})], "messages[1].tool_calls[0].function.name"),
        ([USER, calling(call("a", name=5))], "messages[1].tool_calls[0].function.name"),  # type: ignore[arg-type]
        (
            [USER, calling(call("a", arguments={"x": object()}))],
            "messages[1].tool_calls[0].function.arguments",
        ),
        ([USER, calling({**A, "type": "mcp"})], "messages[1].tool_calls[0].type"),
        (
            [USER, calling({"id": "a", "type": "custom", "custom": {"name": "x", "input": 5}})],
            "messages[1].tool_calls[0].custom.input",
        ),
        ([USER, {"role": "assistant", "tool_calls": 5}], "messages[1].tool_calls"),
        ([USER, {"role": "assistant", "tool_calls": {}}], "messages[1].tool_calls"),
        ([USER, {"role": "assistant", "function_call": 5}], "messages[1].function_call"),
        ([USER, {"role": "assistant", "function_call": {}}], "messages[1].function_call.name"),
        (
            [USER, {"role": "assistant", "content": "x", "reasoning_content": 5}],
            "messages[1].reasoning_content",
        ),
        ([USER, {"role": "assistant", "content": "x", "refusal": 5}], "messages[1].refusal"),
        ([USER, {"role": "assistant", "content": "x", "partial": "yes"}], "messages[1].partial"),
        ([{"role": "tool", "content": "x", "tool_call_id": ["a"]}], "messages[0].tool_call_id"),
        ([{"role": "function", "content": "x", "name": 5}], "messages[0].name"),
    ],
)  # fmt: skip
def test_malformed_messages_are_errors(model: Model, messages: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate({"model": model.id, "messages": messages})
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({}, "model"),
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"model": ["kimi-k3"]}, "model"),
        ({"model": "gpt-4o"}, "model"),
        ({"model": "k3"}, "model"),
        ({"model": "kimi-k3"}, "messages"),
        ([], "request"),
        (None, "request"),
        ("kimi-k3", "request"),
    ],
    ids=str,
)
def test_a_request_without_a_model_or_messages_is_an_error(request_: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate(request_)
    assert caught.value.param == param
    assert isinstance(caught.value, ValueError)
