"""Conversations: history, system prompts on later turns, cache keys, replies, saved responses."""

from __future__ import annotations

import asyncio
from typing import Any

import llm
import pytest

from llm_kimi.simulator import Simulator
from tests.support.llm_runs import ask, bodies, logged, messages, roles, run
from tests.support.llm_runs import closed_clients as closed_clients


def system(text: str) -> dict[str, str]:
    """A system message as it is sent."""
    return {"role": "system", "content": text}


def test_the_system_prompt_stays_on_later_turns(kimi: Simulator) -> None:
    ask("-s", "Be brief", "hi")
    ask("-c", "and?")
    ask("-c", "-s", "Be brief", "and then?")
    for body in bodies(kimi):
        assert body["messages"][0] == system("Be brief")
        assert [m["role"] for m in body["messages"]].count("system") == 1


def test_a_new_system_prompt_stands_before_the_newest_question(kimi: Simulator) -> None:
    ask("-s", "Be brief", "hi")
    ask("-c", "-s", "Be long", "and?")
    assert roles(kimi) == ["system", "user", "assistant", "system", "user"]
    assert messages(kimi)[3] == system("Be long")


def systems(simulator: Simulator) -> list[str]:
    """The system messages of the last request."""
    return [m["content"] for m in messages(simulator) if m["role"] == "system"]


def test_the_newest_system_prompt_stays(kimi: Simulator) -> None:
    ask("-s", "old", "one")
    ask("-c", "-s", "new", "two")
    ask("-c", "three")
    assert roles(kimi) == ["system", "user", "assistant", "system", "user", "assistant", "user"]
    assert systems(kimi) == ["old", "new"]
    ask("-c", "-s", "new", "four")
    assert systems(kimi) == ["old", "new"]
    ask("-c", "-s", "old", "five")
    ask("-c", "six", "--async")
    assert systems(kimi) == ["old", "new", "old"]
    assert messages(kimi)[-4] == system("old")
    assert len(logged()) == 6


def test_a_system_prompt_that_came_later_stays(kimi: Simulator) -> None:
    ask("one")
    ask("-c", "-s", "new", "--sf", "-", "two", input="")
    ask("-c", "-T", "llm_version", "llm_version")
    assert systems(kimi) == ["new"]
    assert roles(kimi)[2:4] == ["system", "user"]


def test_in_a_chat_the_newest_system_prompt_stays(kimi: Simulator) -> None:
    ask("-s", "old", "one")
    assert run("chat", "-c", "-s", "new", input="two\nthree\nexit\n").exit_code == 0
    assert systems(kimi) == ["old", "new"]
    ask("-c", "four")
    assert systems(kimi) == ["old", "new"]


@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_in_python_the_newest_system_prompt_stays(kimi: Simulator, flavour: str) -> None:
    get: Any = llm.get_model if flavour == "sync" else llm.get_async_model
    conversation = get("kimi-k2.6").conversation()

    def say(text: str, **more: Any) -> Any:
        response = conversation.prompt(text, **more)
        if flavour == "sync":
            response.text()
        else:
            asyncio.run(response.text())
        return response

    say("one", system="old")
    say("two", system="new")
    last = say("three")
    assert systems(kimi) == ["old", "new"]
    # What the model was sent is what llm hands on and logs.
    assert [m.role for m in last.prompt.messages] == [m["role"] for m in messages(kimi)]


def test_a_system_prompt_beside_messages(kimi: Simulator) -> None:
    model = llm.get_model("kimi-k2.6")
    model.prompt("now", messages=[llm.user("hi"), llm.assistant("yes")], system="S").text()
    assert [(m["role"], m["content"]) for m in messages(kimi)] == [
        ("user", "hi"),
        ("assistant", "yes"),
        ("system", "S"),
        ("user", "now"),
    ]


def test_a_system_message_among_the_messages_is_sent_once(kimi: Simulator) -> None:
    model = llm.get_model("kimi-k2.6")
    model.prompt(messages=[llm.system("S"), llm.user("hi")], system="S").text()
    assert roles(kimi) == ["system", "user"]


def test_only_a_system_prompt(kimi: Simulator) -> None:
    llm.get_model("kimi-k2.6").prompt(system="Say hello").text()
    assert roles(kimi)[0] == "system"
    assert kimi.requests[0]["status"] == 200


def test_no_prompt_at_all(kimi: Simulator) -> None:
    ask(input="")
    assert kimi.requests[0]["status"] == 200


def test_the_conversation_id_is_the_cache_key_of_every_turn(kimi: Simulator) -> None:
    ask("hi")
    ask("-c", "and?")
    ask("-c", "-T", "llm_version", "llm_version")
    expected = logged()[0]["conversation_id"]
    assert [body["prompt_cache_key"] for body in bodies(kimi)] == [expected] * 4
    ask("another")
    assert bodies(kimi)[-1]["prompt_cache_key"] != expected


def test_a_second_turn_hits_the_cache(kimi: Simulator) -> None:
    ask("tell me " * 300)
    ask("-c", "and?")
    first, second = (record["usage"] for record in kimi.requests)
    assert first["cached_tokens"] == 0
    assert second["cached_tokens"] > 256


def test_a_conversation_in_python(kimi: Simulator) -> None:
    conversation = llm.get_model("kimi-k2.6").conversation()
    conversation.prompt("one").text()
    conversation.prompt("two").text()
    conversation.prompt("three", system="Now").text()
    assert roles(kimi) == ["user", "assistant", "user", "assistant", "system", "user"]
    assert len({body["prompt_cache_key"] for body in bodies(kimi)}) == 1


def test_a_conversation_goes_on_with_another_model(kimi: Simulator) -> None:
    ask("reason: hm\nsay: yes", model="kimi-k2.6")
    ask("-c", "and?", model="kimi-k3")
    assert bodies(kimi)[1]["model"] == "kimi-k3"
    assert messages(kimi)[1]["reasoning_content"] == "hm"


def test_reply_goes_on(kimi: Simulator) -> None:
    first = llm.get_model("kimi-k2.6").prompt("reason: hm\nsay: yes", system="S")
    first.text()
    first.reply("and?").text()
    assert [m["content"] for m in messages(kimi)] == ["S", "reason: hm\nsay: yes", "yes", "and?"]
    assert messages(kimi)[2]["reasoning_content"] == "hm"


def test_reply_runs_the_tools(kimi: Simulator) -> None:
    def version() -> str:
        return "1.0"

    first = llm.get_model("kimi-k2.6").prompt("call: version", tools=[version])
    first.text()
    assert "1.0" in first.reply().text()
    assert roles(kimi) == ["user", "assistant", "tool"]


def test_a_response_survives_being_saved(kimi: Simulator) -> None:
    def version() -> str:
        return "1.0"

    model = llm.get_model("kimi-k2.6")
    first = model.prompt("reason: hm\ncall: version { }", tools=[version])
    first.text()
    saved: Any = first.to_dict()
    again = llm.Response.from_dict(saved)
    history = [*again.prompt.messages, *again.messages()]
    result = llm.ToolResult(
        name="version", output="1.0", tool_call_id=first.tool_calls()[0].tool_call_id
    )
    model.prompt(messages=history, tool_results=[result], tools=[version]).text()
    turn = messages(kimi)[1]
    assert turn["reasoning_content"] == "hm"
    assert turn["tool_calls"][0]["function"]["arguments"] == "{ }"


def test_a_saved_answer_can_be_replied_to(kimi: Simulator) -> None:
    first = llm.get_model("kimi-k2.6").prompt("reason: hm\nsay: yes")
    first.text()
    llm.Response.from_dict(first.to_dict()).reply("and?").text()
    assert messages(kimi)[1]["reasoning_content"] == "hm"


@pytest.mark.parametrize("hide", [(), ("-R",)])
def test_chat_continues_a_conversation(kimi: Simulator, hide: tuple[str, ...]) -> None:
    ask("reason: hm\nsay: yes")
    result = run("chat", "-c", *hide, input="and?\nexit\n")
    assert result.exit_code == 0, result.output
    assert messages(kimi)[1]["reasoning_content"] == "hm"
