"""Schemas: sent with a name, kept through tool rounds, answered as JSON."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import llm
import pytest
from pydantic import BaseModel

from llm_kimi.simulator import Simulator
from tests.support.llm_runs import ask, bodies, logged, run
from tests.support.llm_runs import closed_clients as closed_clients

DSL = "name, age int: in years"


class Dog(BaseModel):
    """A dog."""

    name: str
    age: int
    tags: list[str] | None = None


def formats(simulator: Simulator) -> list[Any]:
    """The name of the schema in each request."""
    return [
        (body.get("response_format") or {}).get("json_schema", {}).get("name")
        for body in bodies(simulator)
    ]


@pytest.mark.parametrize("extra", [(), ("--no-stream",), ("--async",)])
def test_a_schema_is_sent_and_the_answer_fits(kimi: Simulator, extra: tuple[str, ...]) -> None:
    answer = json.loads(ask("--schema", DSL, "someone of 7", *extra).stdout)
    assert answer == {"name": "someone of 7", "age": 7}
    form = bodies(kimi)[0]["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["name"] == "answer"
    assert form["json_schema"]["strict"] is True
    assert form["json_schema"]["schema"]["required"] == ["name", "age"]


def test_several_items(kimi: Simulator) -> None:
    answer = json.loads(ask("--schema-multi", DSL, "someone of 7").stdout)
    assert [set(item) for item in answer["items"]] == [{"name", "age"}]


def test_a_pydantic_model(kimi: Simulator) -> None:
    response = llm.get_model("kimi-k2.6").prompt("Rex, 7", schema=Dog)
    assert Dog.model_validate_json(response.text()).age == 7
    assert kimi.requests[0]["status"] == 200


def test_it_stays_through_the_rounds_of_a_chain(kimi: Simulator) -> None:
    script = "call: llm_version\nthen\ncall: llm_version\nthen\nsomeone of 7"
    result = ask("--schema", DSL, "-T", "llm_version", script)
    assert formats(kimi) == ["answer"] * 3
    assert set(json.loads(result.stdout)) == {"name", "age"}


def test_it_stays_through_the_rounds_of_an_async_chain(kimi: Simulator) -> None:
    def version() -> str:
        return "1.0"

    async def main() -> str:
        model = llm.get_async_model("kimi-k2.6")
        chain = model.conversation().chain(
            "call: version\nthen\ncall: version\nthen\nsay: {}", tools=[version], schema=Dog
        )
        return await chain.text()

    asyncio.run(main())
    assert formats(kimi) == ["answer"] * 3


def test_it_stays_in_a_chain_without_conversation(kimi: Simulator) -> None:
    def version() -> str:
        return "1.0"

    llm.get_model("kimi-k2.6").chain("call: version", tools=[version], schema=Dog).text()
    assert formats(kimi) == ["answer"] * 2


def test_it_ends_with_its_turn(kimi: Simulator) -> None:
    def version() -> str:
        return "1.0"

    conversation = llm.get_model("kimi-k2.6").conversation()
    conversation.chain("call: version\nthen\nsay: {}", tools=[version], schema=Dog).text()
    conversation.chain("call: version\nthen\nsay: plain", tools=[version]).text()
    assert formats(kimi) == ["answer", "answer", None, None]


def test_it_is_kept_when_a_reply_brings_the_results(kimi: Simulator) -> None:
    def version() -> str:
        return "1.0"

    first = llm.get_model("kimi-k2.6").prompt("call: version", tools=[version], schema=Dog)
    first.text()
    first.reply(schema=Dog).text()
    assert formats(kimi) == ["answer"] * 2


def test_it_is_logged(kimi: Simulator) -> None:
    ask("--schema", DSL, "someone of 7")
    assert run("schemas", "list").exit_code == 0
    assert json.loads(logged()[0]["response"])["age"] == 7


def test_a_schema_wins_over_json_object(kimi: Simulator) -> None:
    ask("--schema", DSL, "someone of 7", "-o", "json_object", "1")
    assert formats(kimi) == ["answer"]


def test_a_schema_and_a_prefix(kimi: Simulator) -> None:
    answer = ask("--schema", DSL, "someone of 7", "-o", "prefill", "{").stdout
    assert kimi.requests[0]["status"] == 200
    assert answer.startswith("{")
