"""Any JSON at any place of an answer comes to an answer or to an error of this package."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import llm
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llm.migrations import migrate

from llm_kimi.errors import KimiError
from llm_kimi.exchange import Answer, Exchange, FileCall
from llm_kimi.reply.json_values import is_deep_text
from llm_kimi.translation import translate
from tests.support.budgets import first_seed, tries
from tests.support.mutations import mutated
from tests.support.replies import Script, chunk, event

Json = dict[str, Any]

COUNT = tries(3000)
START = first_seed(0)
TOOLS: list[Json] = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("get_time", "get_rain")
]
REQUESTS: tuple[Json, ...] = (
    {},
    {"tools": TOOLS, "tool_choice": "required"},
    {"tools": TOOLS, "parallel_tool_calls": False},
    {"functions": [{"name": "get_time", "parameters": {"type": "object"}}]},
    {"tools": [{"type": "custom", "custom": {"name": "get_time"}}]},
    {"stop": ["noon", "a much longer stop sequence than Kimi takes, which is cut at here"]},
)


def request(seed: int, stream: bool) -> Json:
    return {
        "model": "kimi-k2.6",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": stream,
        **REQUESTS[seed % len(REQUESTS)],
    }


def check(value: Json) -> None:
    """A completion of the form that OpenAI's clients read."""
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    assert isinstance(value.get("id", ""), str)
    assert isinstance(value.get("model", ""), str)
    assert isinstance(value.get("created", 0), int)
    for choice in value["choices"]:
        message = choice["message"]
        assert type(choice["index"]) is int
        assert isinstance(choice["finish_reason"], str)
        assert message["content"] is None or isinstance(message["content"], str)
        assert isinstance(message.get("reasoning_content", ""), str)
        ids = [call["id"] for call in message.get("tool_calls", ())]
        assert len(set(ids)) == len(ids)
        assert all(isinstance(call_id, str) and call_id for call_id in ids)
    for name, count in value.get("usage", {}).items():
        assert isinstance(count, (int, dict)), name


def drive(seed: int) -> bool:
    """An exchange over a mutated answer; whether there was a right answer in it."""
    stream, pieces = mutated(seed)
    exchange = Exchange(translate(request(seed, stream)), max_retries=1, jitter=lambda: 0.0)
    script = Script(exchange, pieces, pieces, pieces, pieces)
    words = None
    try:
        script.run()
    except KimiError as error:
        words = str(error)
    if words is not None:
        assert words.isprintable(), words
        assert "sk-0123456789" not in words
        return False
    assert exchange.completion is not None
    check(exchange.completion)
    return True


def test_mutated_answers_come_to_an_answer_or_an_error_of_ours() -> None:
    answered = sum(drive(seed) for seed in range(START, START + COUNT))
    # Most of what is odd stands beside the answer, not in it.
    assert COUNT * 0.4 < answered < COUNT


@settings(max_examples=tries(80), deadline=None)
@given(st.integers(START + COUNT, 2**62))
def test_any_mutated_answer_does(seed: int) -> None:
    drive(seed)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
FIELDS = (
    *("id", "created", "choices", "index", "delta", "content", "tool_calls", "finish_reason"),
    *("function", "name", "arguments", "usage", "logprobs", "error", "role", "function_call"),
)
fields = st.sampled_from(FIELDS)
objects = st.dictionaries(fields, st.deferred(lambda: json_values | objects | st.lists(objects)))


@settings(
    max_examples=tries(25),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(st.lists(objects, max_size=5), st.booleans())
def test_any_objects_in_a_stream_do(values: list[Json], finished: bool) -> None:
    pieces = [event(json.dumps(value)) for value in values]
    if finished:
        pieces.append(event(chunk({"content": "a"}, finish="stop")) + b"data: [DONE]\n\n")
    exchange = Exchange(translate(request(0, True)), max_retries=0)
    try:
        Script(exchange, pieces).run()
    except KimiError:
        return
    assert exchange.completion is not None
    check(exchange.completion)


# -- llm --------------------------------------------------------------------------------------


class Canned:
    """A transport that answers each call with the next of ``bodies``."""

    silence = 10.0
    bodies: Iterator[list[bytes]]

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def call(self, body: Json) -> Answer:
        return Answer(200, {}, stream=iter(next(Canned.bodies)))

    def read(self, answer: Answer) -> bytes:
        return next(answer.stream, b"")

    def close(self, answer: Answer) -> None:
        pass

    def file_call(self, step: FileCall) -> Answer:
        raise AssertionError(step)


class ACanned(Canned):
    """The same for an event loop."""

    async def call(self, body: Json) -> Answer:  # type: ignore[override]
        return Canned.call(self, body)

    async def read(self, answer: Answer) -> bytes:  # type: ignore[override]
        return Canned.read(self, answer)

    async def close(self, answer: Answer) -> None:  # type: ignore[override]
        pass


def get_time(zone: str = "") -> str:
    """The time of day."""
    return "noon"


def repeated(seed: int, *, whole: bool | None = None) -> Iterator[list[bytes]]:
    pieces = mutated(seed, whole=whole)[1]
    while True:
        yield pieces


def test_llm_shows_and_logs_every_answer_that_it_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_kimi.transport.openai_sdk.OpenAITransport", Canned)
    monkeypatch.setattr("llm_kimi.transport.run.time.sleep", lambda seconds: None)
    import sqlite_utils

    database = sqlite_utils.Database(memory=True)
    migrate(database)
    model = llm.get_model("kimi-k2.6")
    answered = 0
    for seed in range(START, START + COUNT // 6):
        Canned.bodies = repeated(seed)
        try:
            response = model.prompt("hi", tools=[get_time], key="sk-simulator")
            for _ in response.stream_events():
                pass
        except llm.ModelError:
            continue
        response.log_to_db(database)
        response.execute_tool_calls()
        answered += 1
    assert answered > COUNT // 6 * 0.4


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("depth", [101, 50_000])
def test_llm_does_not_get_arguments_that_it_cannot_read(
    monkeypatch: pytest.MonkeyPatch, depth: int, closed: bool
) -> None:
    """It reads them again when it logs, where a RecursionError would end it."""
    monkeypatch.setattr("llm_kimi.transport.openai_sdk.OpenAITransport", Canned)
    text = '{"a":' * depth + ("1" + "}" * depth if closed else '"CET"}')
    call = {"index": 0, "id": "a:0", "function": {"name": "get_time", "arguments": text}}
    whole = event(chunk({"tool_calls": [call]}, finish="tool_calls")) + b"data: [DONE]\n\n"
    Canned.bodies = iter([[whole]])
    response = llm.get_model("kimi-k2.6").prompt("hi", tools=[get_time], key="sk-simulator")
    with pytest.raises(llm.ModelError, match="get_time are nested deeper than 100 levels"):
        response.text()


def test_brackets_in_strings_are_no_levels() -> None:
    assert not is_deep_text(json.dumps({"code": "{[" * 500, "list": [[]] * 500}))
    assert not is_deep_text('{"cut": "' + '{\\"' * 500)
    assert is_deep_text('{"a": "}"' + ', "b": [{' * 60)


def test_llm_does_so_async(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_kimi.transport.openai_sdk.AsyncOpenAITransport", ACanned)

    async def no_sleep(seconds: float) -> None:
        pass

    monkeypatch.setattr("llm_kimi.transport.run.asyncio.sleep", no_sleep)

    async def main() -> int:
        model = llm.get_async_model("kimi-k2.6")
        answered = 0
        for seed in range(START, START + COUNT // 12):
            Canned.bodies = repeated(seed)
            try:
                await model.prompt("hi", tools=[get_time], key="sk-simulator").text()
            except llm.ModelError:
                continue
            answered += 1
        return answered

    assert asyncio.run(main()) > COUNT // 12 * 0.4
