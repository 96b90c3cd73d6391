"""Any JSON at any place of an answer comes out of LiteLLM as an answer or as its own exception."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import litellm
import openai
import pytest

from tests.hosts.llm.test_mutated_streams import TOOLS, ACanned, Canned, repeated

COUNT = 100
FOREIGN = ("validation error", "TypeError", "KeyError", "AttributeError", "Traceback")

Answered = Callable[[dict[str, Any]], str]


@pytest.fixture(autouse=True)
def _canned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-simulator")
    monkeypatch.setattr("llm_kimi.integrations.litellm.handler.Transport", Canned)
    monkeypatch.setattr("llm_kimi.integrations.litellm.handler.AsyncTransport", ACanned)
    monkeypatch.setattr("llm_kimi.exchange.retry.retry_delay", lambda *_: 0.0)


def whole(given: dict[str, Any]) -> Any:
    return litellm.completion(**given)


def awhole(given: dict[str, Any]) -> Any:
    return asyncio.run(litellm.acompletion(**given))


def streamed(given: dict[str, Any]) -> Any:
    chunks = list(litellm.completion(**given, stream=True))
    return litellm.stream_chunk_builder(chunks, messages=given["messages"])


def astreamed(given: dict[str, Any]) -> Any:
    async def read() -> list[Any]:
        return [chunk async for chunk in await litellm.acompletion(**given, stream=True)]

    return litellm.stream_chunk_builder(asyncio.run(read()), messages=given["messages"])


def tries(count: int, *, whole: bool) -> Iterator[tuple[int, dict[str, Any]]]:
    messages = [{"role": "user", "content": "hi"}]
    for seed in range(count):
        Canned.bodies = repeated(seed, whole=whole)
        tools = {"tools": TOOLS} if seed % 2 else {}
        yield seed, {"model": "kimi/kimi-k2.6", "messages": messages, "max_retries": 1, **tools}


@pytest.mark.parametrize("way", [whole, awhole, streamed, astreamed])
def test_litellm_gives_an_answer_or_its_own_exception(way: Answered) -> None:
    answered = 0
    for seed, given in tries(COUNT, whole=way in (whole, awhole)):
        response: Any = None
        failure: Any = None
        try:
            response = way(given)
        except openai.APIError as error:
            failure = error
        if failure is not None:
            assert type(failure).__module__.startswith("litellm"), (seed, type(failure))
            for foreign in FOREIGN:
                assert foreign not in str(failure), (seed, str(failure))
            continue
        answered += 1
        json.dumps(response.model_dump(), ensure_ascii=False, allow_nan=False).encode()
        for choice in response.choices:
            assert choice.message.content is None or isinstance(choice.message.content, str)
            for call in choice.message.tool_calls or ():
                assert isinstance(call.function.arguments, str)
    assert answered > COUNT * 0.3
