"""The models from Python: responses, threads, event loops, direct construction, notices."""

from __future__ import annotations

import asyncio
import copy
import gc
import ipaddress
import json
import logging
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click
import llm
import pytest
import sqlite_utils
from click.testing import CliRunner

from llm_kimi import AsyncKimi, Kimi
from llm_kimi.config import settings
from llm_kimi.integrations.llm.execute import KimiModelError
from llm_kimi.simulator import Simulator
from tests.support.llm_runs import ask, bodies, logged, messages
from tests.support.llm_runs import closed_clients as closed_clients

SCRIPT = "reason: let me think\nsay: forty-two"


def test_a_response_has_everything(kimi: Simulator) -> None:
    response = llm.get_model("kimi-k2.6").prompt(SCRIPT)
    done: list[Any] = []
    response.on_done(done.append)
    assert "".join(response) == response.text() == "forty-two"
    assert done == [response]
    usage = response.usage()
    record = kimi.requests[0]["usage"]
    assert (usage.input, usage.output) == (record["prompt_tokens"], record["completion_tokens"])
    assert response.resolved_model == "kimi-k2.6"
    assert response.tool_calls() == []
    assert response.duration_ms() >= 0


def shape(value: Any) -> Any:
    """Keys and types, without the values."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


@pytest.mark.parametrize("script", [SCRIPT, 'say: text\ncall: f {"a": 1}', "call: f"])
def test_json_has_one_shape_streamed_or_not_or_async(kimi: Simulator, script: str) -> None:
    tool = llm.Tool.function(lambda a=1: "x", name="f")
    model = llm.get_model("kimi-k2.6")

    def ask_sync(stream: bool) -> Any:
        response = model.prompt(script, tools=[tool], stream=stream)
        response.text()
        return response.json()

    async def ask_async() -> Any:
        response = llm.get_async_model("kimi-k2.6").prompt(script, tools=[tool])
        await response.text()
        return await response.json()

    streamed, whole, later = ask_sync(True), ask_sync(False), asyncio.run(ask_async())
    assert shape(streamed) == shape(whole) == shape(later)
    assert streamed["object"] == "chat.completion"
    assert streamed["usage"]["prompt_tokens"] > 0
    message = streamed["choices"][0]["message"]
    assert message["role"] == "assistant"
    assert "reasoning_content" in message
    assert message == whole["choices"][0]["message"]


def test_a_chain_with_callbacks(kimi: Simulator) -> None:
    seen: list[str] = []

    def version() -> str:
        return "1.0"

    chain = llm.get_model("kimi-k2.6").chain(
        "say: calling\ncall: version\nthen\nsay: done",
        tools=[version],
        before_call=lambda tool, call: seen.append(f"before {call.name}"),
        after_call=lambda tool, call, result: seen.append(f"after {result.output}"),
    )
    assert chain.text() == "calling done"
    assert seen == ["before version", "after 1.0"]
    types = [event.type for event in chain._responses[0].stream_events()]
    assert list(dict.fromkeys(types)) == ["reasoning", "text", "tool_call_name", "tool_call_args"]
    assert all(response.usage().input for response in chain._responses)


def test_events_of_a_chain_come_in_order(kimi: Simulator) -> None:
    def version() -> str:
        return "1.0"

    chain = llm.get_model("kimi-k2.6").chain("call: version", tools=[version])
    types = list(dict.fromkeys(event.type for event in chain.stream_events()))
    assert types == ["reasoning", "tool_call_name", "tool_call_args", "text"]


def test_a_response_can_be_logged(kimi: Simulator) -> None:
    database = sqlite_utils.Database(memory=True)
    from llm.migrations import migrate

    migrate(database)
    response = llm.get_model("kimi-k2.6").prompt(SCRIPT)
    response.text()
    response.log_to_db(database)
    tables = set(database.table_names())
    assert {"parts", "turns"} & tables or "responses" in tables
    database.conn.close()


def test_key_as_argument_or_attribute(kimi: Simulator) -> None:
    kimi.keys = frozenset({"sk-argument", "sk-attribute"})
    model = Kimi("kimi-k2.6")
    model.prompt("hi", key="sk-argument").text()
    model.key = "sk-attribute"
    model.prompt("hi", key="sk-wrong").text()


def test_direct_construction_with_a_base_url(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "http://127.0.0.1:9/v1")
    model = Kimi("kimi-k2.6", base_url=simulator.base_url)
    assert model.prompt("say: yes", key=simulator.key).text() == "yes"

    async def main() -> str:
        other = AsyncKimi("kimi-k2.6", base_url=simulator.base_url)
        return await other.prompt("say: yes", key=simulator.key).text()

    assert asyncio.run(main()) == "yes"


@pytest.mark.parametrize("place", ["variable", "stored"])
@pytest.mark.parametrize("kind", [Kimi, AsyncKimi])
def test_a_key_that_was_found_does_not_go_to_a_host_that_was_named(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, kind: type, place: str
) -> None:
    if place == "variable":
        monkeypatch.setenv("MOONSHOT_API_KEY", simulator.key)
    else:
        (llm.user_dir() / "keys.json").write_text(json.dumps({"kimi": simulator.key}))
    model = kind("kimi-k2.6", base_url=simulator.base_url)
    with pytest.raises(KimiModelError) as caught:
        model.get_key()
    assert simulator.key not in str(caught.value)
    for word in ("base_url: ", settings.host_name(simulator.base_url), "key=", "KIMI_BASE_URL"):
        assert word in str(caught.value)
    assert model.get_key(simulator.key) == simulator.key
    monkeypatch.setenv("KIMI_BASE_URL", simulator.base_url)
    assert model.get_key() == simulator.key
    assert not simulator.requests


def test_plain_http_is_told(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A name that is not loopback's, which the test leads to loopback all the same."""
    monkeypatch.setattr(settings, "_cleartext_told", set())
    monkeypatch.setattr(settings, "ip_address", lambda name: ipaddress.ip_address("10.0.0.7"))
    model = Kimi("kimi-k2.6", base_url=simulator.base_url)
    for _ in range(2):
        model.prompt("hi", key=simulator.key).text()
    told = [record.message for record in caplog.records if "plain http://" in record.message]
    assert len(told) == 1


def test_an_id_as_relays_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator(relay=True) as relay:
        model = Kimi("moonshotai/Kimi-K2.6", base_url=relay.base_url)
        assert model.prompt("say: yes", key=relay.key, temperature=0.2).text() == "yes"
        assert bodies(relay)[0]["model"] == "moonshotai/Kimi-K2.6"
        assert "temperature" not in bodies(relay)[0]


def test_many_threads_share_one_model(kimi: Simulator) -> None:
    model = llm.get_model("kimi-k2.6")

    def one(number: int) -> tuple[str, list[str]]:
        response = model.prompt(f"reason: r{number}\nsay: {number}", max_tokens=1000 + number)
        events = list(response.stream_events())
        return response.text(), [e.chunk for e in events if e.type == "reasoning"]

    with ThreadPoolExecutor(32) as pool:
        results = list(pool.map(one, range(96)))
    assert [text for text, _ in results] == [str(number) for number in range(96)]
    assert ["".join(reasoning) for _, reasoning in results] == [f"r{n}" for n in range(96)]
    limits = sorted(body["max_completion_tokens"] for body in bodies(kimi))
    assert limits == list(range(1000, 1096))


def test_threads_with_different_keys_and_chains(kimi: Simulator) -> None:
    def double(x: int) -> int:
        return 2 * x

    model = llm.get_model("kimi-k2.6")

    def one(number: int) -> str:
        chain = model.conversation().chain(
            f'call: double {{"x": {number}}}', tools=[double], key=f"sk-key-{number % 5}"
        )
        return chain.text()

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(one, range(32)))
    assert results == [f"[offline Kimi] The tool returned: {2 * n}" for n in range(32)]


def test_several_event_loops_one_after_another(
    kimi: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> list[str]:
        model = llm.get_async_model("kimi-k2.6")
        answers = [model.prompt(f"say: {number}") for number in range(4)]
        return list(await asyncio.gather(*(answer.text() for answer in answers)))

    for _ in range(3):
        assert asyncio.run(main()) == ["0", "1", "2", "3"]
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_event_loops_in_several_threads(kimi: Simulator) -> None:
    async def main() -> str:
        return await llm.get_async_model("kimi-k2.6").prompt("say: yes").text()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: asyncio.run(main()), range(16))) == ["yes"] * 16


def test_async_events_chains_and_replies(kimi: Simulator) -> None:
    async def version() -> str:
        return "1.0"

    async def main() -> None:
        model = llm.get_async_model("kimi-k2.6")
        chain = model.conversation().chain("call: version", tools=[version])
        types = [event.type async for event in chain.astream_events()]
        assert list(dict.fromkeys(types)) == [
            "reasoning",
            "tool_call_name",
            "tool_call_args",
            "text",
        ]
        response = model.prompt(SCRIPT)
        assert [chunk async for chunk in response]
        usage = await response.usage()
        assert usage.input
        reply = await response.reply("and?")
        await reply.text()
        assert messages(kimi)[1]["reasoning_content"] == "let me think"

    asyncio.run(main())


def test_stopping_early_stops_the_generation(kimi: Simulator) -> None:
    kimi.chunk_delay = 0.01
    response = iter(llm.get_model("kimi-k2.6").prompt("repeat: 2000 word"))
    assert next(response)
    del response
    gc.collect()
    deadline = threading.Event()
    for _ in range(200):
        if kimi.requests[0]["closed_early"]:
            break
        deadline.wait(0.02)
    assert kimi.requests[0]["closed_early"]


def test_outside_of_llm_adjustments_go_to_the_log(
    kimi: Simulator, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    model = llm.get_model("kimi-k2.6")
    with caplog.at_level(logging.INFO, "llm_kimi"):
        for _ in range(2):
            model.prompt("hi", temperature=0.2).text()
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert warnings == ["temperature 0.2 -> 1.0 (kimi-k2.6 fixes it while thinking)"] * 2
    assert capsys.readouterr().err == ""


def test_another_programs_command_line_is_not_llms(
    kimi: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    @click.command()
    def serve() -> None:
        for _ in range(2):
            click.echo(llm.get_model("kimi-k2.6").prompt("say: yes", temperature=0.2).text())

    result = CliRunner().invoke(serve)
    assert result.output == "yes\nyes\n"
    assert len(caplog.records) == 2


def test_an_async_response_is_logged_by_the_command(kimi: Simulator) -> None:
    ask("--async", "-T", "llm_version", "llm_version")
    assert [row["model"] for row in logged()] == ["kimi-k2.6"] * 2


def test_an_error_leaves_the_model_usable(kimi: Simulator) -> None:
    model = llm.get_model("kimi-k2.6")
    with pytest.raises(llm.ModelError):
        model.prompt("fault: 400 x").text()
    assert model.prompt("say: yes").text() == "yes"


def _pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


every_copy = pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, _pickled])


class Mine(Kimi):
    """A user's own class."""


@every_copy
@pytest.mark.parametrize(
    "make",
    [
        lambda: llm.get_model("kimi-k2.6"),
        lambda: llm.get_async_model("kimi-k3.1-pro"),
        lambda: Kimi("moonshot-v1-8k", base_url="http://127.0.0.1:9/v1"),
        lambda: AsyncKimi("kimi-k2.6"),
        lambda: Mine("kimi-k2.6"),
    ],
)
def test_models_can_be_copied(again: Callable[[Any], Any], make: Callable[[], Any]) -> None:
    model = make()
    model.key = "sk-mine"
    made = again(model)
    assert made is not model
    assert type(made) is type(model)
    assert vars(made) == vars(model)
    assert made.row is model.row
    options = model.Options(temperature=1, stop=["a"])
    assert again(options) == options
    assert type(again(options)) is type(options)


@every_copy
def test_a_conversation_can_be_copied(kimi: Simulator, again: Callable[[Any], Any]) -> None:
    conversation = llm.get_model("kimi-k2.6").conversation()
    conversation.prompt("one", system="S", max_tokens=50).text()
    assert again(conversation).prompt("two").text().endswith("two")
    assert [m["role"] for m in messages(kimi)] == ["system", "user", "assistant", "user"]
