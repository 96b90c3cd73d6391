"""Answers that are ordered in advance: a queue, whatever the prompts are."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from llm_kimi.simulator import Simulator

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def ask(kimi: Simulator, content: str = "{{say: not this}}", **more: Any) -> Any:
    body = {
        "model": "kimi-k3.1-pro",
        "messages": [{"role": "user", "content": content}],
        **more,
    }
    reply = httpx.post(
        f"{kimi.base_url}/chat/completions",
        json=body,
        headers={"Authorization": f"Bearer {kimi.key}"},
        trust_env=False,
    )
    return reply.json()["choices"][0] if reply.status_code == 200 else reply.status_code


def test_they_come_in_their_order_and_then_no_more(simulator: Simulator) -> None:
    simulator.answer("one", reasoning="why")
    simulator.answer("two", finish="length")
    first, second, third = (ask(simulator) for _ in range(3))
    assert (first["message"]["content"], first["finish_reason"]) == ("one", "stop")
    assert first["message"]["reasoning_content"] == "why"
    assert (second["message"]["content"], second["finish_reason"]) == ("two", "length")
    assert second["message"]["reasoning_content"]
    assert third["message"]["content"] == "not this"


def test_calls_of_tools(simulator: Simulator) -> None:
    simulator.call("weather", {"place": "Paris"})
    simulator.answer("both", calls=[("weather", {}), ("weather", {"a": [1]})])
    simulator.answer("none")
    one, two, three = (ask(simulator, "the weather", tools=[TOOL]) for _ in range(3))
    assert one["finish_reason"] == "tool_calls"
    assert one["message"]["content"] == ""
    (call,) = one["message"]["tool_calls"]
    assert call["function"] == {"name": "weather", "arguments": '{"place": "Paris"}'}
    arguments = [call["function"]["arguments"] for call in two["message"]["tool_calls"]]
    assert (two["message"]["content"], arguments) == ("both", ["{}", '{"a": [1]}'])
    assert three["message"].get("tool_calls") is None  # though the prompt mentions the tool


def test_a_fault_waits_for_the_answers_before_it(simulator: Simulator) -> None:
    simulator.fault(status=503)
    simulator.answer("one")
    simulator.answer("two")
    simulator.fault(status=429)
    simulator.answer("three")
    found = [ask(simulator) for _ in range(5)]
    told = [one if isinstance(one, int) else one["message"]["content"] for one in found]
    assert told == [503, "one", "two", 429, "three"]


def test_a_refused_request_takes_none(simulator: Simulator) -> None:
    simulator.answer("one")
    assert ask(simulator, temperature=0.2) == 400
    assert ask(simulator)["message"]["content"] == "one"


def test_what_is_no_answer_is_an_error_at_once(simulator: Simulator) -> None:
    with pytest.raises(TypeError, match="must be a str"):
        simulator.answer(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a dict of its arguments"):
        simulator.call("weather", "Paris")  # type: ignore[arg-type]
    assert ask(simulator, "hi")["message"]["content"].endswith("You said: hi")


def test_documents_are_named(simulator: Simulator) -> None:
    introduced = 'The file "report.pdf" is attached. Its text stands between the next two lines'
    choice = httpx.post(
        f"{simulator.base_url}/chat/completions",
        json={
            "model": "kimi-k3.1-pro",
            "messages": [
                {"role": "system", "content": introduced.replace("report", "earlier")},
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b"},
                {"role": "system", "content": introduced},
                {"role": "user", "content": "And now?"},
            ],
        },
        headers={"Authorization": f"Bearer {simulator.key}"},
        trust_env=False,
    ).json()["choices"][0]
    assert choice["message"]["content"].endswith(
        "You said: And now? (and I got 1 attached: report.pdf)"
    )
