"""Reasoning: shown, hidden, logged, replayed; never another provider's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import llm
import pytest
import sqlite_utils
from llm.parts import Message, ReasoningPart, TextPart

from llm_kimi.simulator import Simulator
from tests.support.llm_runs import ask, bodies, logged, messages, run
from tests.support.llm_runs import closed_clients as closed_clients

SCRIPT = "reason: let me think\nsay: forty-two"
TURN = {"role": "assistant", "content": "forty-two", "reasoning_content": "let me think"}


@pytest.mark.parametrize("extra", [(), ("-R",), ("--no-stream",), ("--async",), ("--async", "-R")])
def test_it_is_logged_and_sent_back_however_it_was_shown(
    kimi: Simulator, extra: tuple[str, ...]
) -> None:
    result = ask(*extra, SCRIPT)
    assert result.stdout == "forty-two\n"
    shown = not {"-R", "--no-stream"} & set(extra)
    assert result.stderr == ("let me think\n" if shown else "")
    assert logged()[0]["reasoning"] == "let me think"
    ask("-c", "and?", *extra)
    assert messages(kimi)[1] == TURN


def test_it_is_sent_back_by_conversation_id(kimi: Simulator) -> None:
    ask(SCRIPT)
    ask("another conversation")
    ask("--cid", logged()[0]["conversation_id"], "and?")
    assert messages(kimi)[1] == TURN


def test_it_is_sent_back_beside_tool_calls_of_an_earlier_command(kimi: Simulator) -> None:
    ask("-T", "llm_version", "reason: a tool\ncall: llm_version\nthen\nreason: done\nsay: there")
    ask("-c", "and?")
    turns = messages(kimi)
    assert [turn["role"] for turn in turns] == ["user", "assistant", "tool", "assistant", "user"]
    assert turns[1]["reasoning_content"] == "a tool"
    assert turns[3]["reasoning_content"] == "done"
    assert kimi.requests[-1]["status"] == 200


def test_reasoning_that_came_empty_can_be_sent_back(kimi: Simulator) -> None:
    """The API refuses the empty text beside tool calls, and takes a blank:
    https://github.com/theopenco/llmgateway/pull/2093"""
    model = llm.get_model("kimi-k2.6")
    tool = llm.Tool.function(lambda: "1.0", name="version")
    chain = model.conversation().chain("reason:\ncall: version", tools=[tool])
    chain.text()
    assert bodies(kimi)[1]["messages"][1]["reasoning_content"] == " "
    assert kimi.requests[1]["status"] == 200


@pytest.mark.parametrize(
    ("part", "replayed"),
    [
        (ReasoningPart(text="mine", provider_metadata={"kimi": {"model": "kimi-k3"}}), "mine"),
        (ReasoningPart(text="nobody's"), "nobody's"),
        (ReasoningPart(text="claude's", provider_metadata={"anthropic": {"signature": "x"}}), None),
        (ReasoningPart(text="", redacted=True), None),
    ],
)
def test_only_its_own_reasoning_is_sent(
    kimi: Simulator, part: ReasoningPart, replayed: str | None
) -> None:
    history = [
        llm.user("hi"),
        Message(role="assistant", parts=[part, TextPart(text="hello")]),
        llm.user("and?"),
    ]
    llm.get_model("kimi-k2.6").prompt(messages=history).text()
    assert messages(kimi)[1].get("reasoning_content") == replayed
    assert messages(kimi)[1]["content"] == "hello"


def test_another_providers_reasoning_beside_a_tool_call_becomes_the_filler(
    kimi: Simulator,
) -> None:
    from llm.parts import ToolCallPart, ToolResultPart

    call = ToolCallPart(name="f", arguments={}, tool_call_id="c1")
    foreign = ReasoningPart(text="secret", provider_metadata={"gemini": {"x": 1}})
    result = ToolResultPart(name="f", output="1", tool_call_id="c1")
    history = [
        llm.user("hi"),
        Message(role="assistant", parts=[foreign, call]),
        Message(role="tool", parts=[result]),
    ]
    llm.get_model("kimi-k2.6").prompt(messages=history).text()
    assert messages(kimi)[1]["reasoning_content"] == " "
    assert "secret" not in json.dumps(bodies(kimi))


def test_events_are_labelled_as_kimis(kimi: Simulator) -> None:
    response = llm.get_model("kimi-k2.6").prompt(SCRIPT)
    events = list(response.stream_events())
    assert "".join(e.chunk for e in events if e.type == "reasoning") == "let me think"
    (message,) = response.messages()
    reasoning, text = message.parts
    assert reasoning.provider_metadata == {"kimi": {"model": "kimi-k2.6"}}
    assert text.text == "forty-two"
    assert [e.type for e in response.stream_events()] == [e.type for e in events]


def test_hidden_reasoning_still_comes_as_events(kimi: Simulator) -> None:
    response = llm.get_model("kimi-k2.6").prompt(SCRIPT, hide_reasoning=True)
    assert [e.chunk for e in response.stream_events() if e.type == "reasoning"]


def test_old_rows_without_reasoning_do_not_fail(kimi: Simulator) -> None:
    ask("-o", "thinking", "0", "say: quick")
    ask("-c", "and?")
    assert messages(kimi)[1] == {"role": "assistant", "content": "quick"}


def test_think_tags_in_the_text_stay_text(kimi: Simulator) -> None:
    result = ask("reason: hm\nsay: yes\nthink-tag")
    assert result.stdout == "<think>hm</think>yes\n"


def test_the_log_database_is_consistent(kimi: Simulator, tmp_path: Path) -> None:
    from llm.logs import LogStore

    ask("-T", "llm_version", "reason: a\ncall: llm_version\nthen\nreason: b\nsay: c")
    ask("-c", SCRIPT)
    database = sqlite_utils.Database(tmp_path / "llm" / "logs.db")
    store: Any = LogStore(database)
    assert store.verify() == []
    database.conn.close()


def test_llm_logs_shows_it_in_its_own_section(kimi: Simulator) -> None:
    ask(SCRIPT)
    text = run("logs", "-n", "1").stdout
    assert text.index("## Reasoning") < text.index("let me think", text.index("## Reasoning"))
    assert "## Response" in text
