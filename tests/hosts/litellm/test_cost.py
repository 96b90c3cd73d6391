"""Usage, cost, headers, callbacks and LiteLLM's metadata functions."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger

from llm_kimi.catalog import live_models, resolve
from llm_kimi.simulator import Simulator
from tests.support.litellm_asking import ask

LONG = "Remember this. " * 300


def cost_of(model: str, usage: dict[str, Any]) -> float:
    """What the platform asks for ``usage``."""
    price = resolve(model).price
    assert price is not None
    cached = usage.get("cached_tokens") or 0
    fresh = usage["prompt_tokens"] - cached
    per_million = (
        fresh * price.input
        + cached * (price.input if price.cached is None else price.cached)
        + usage["completion_tokens"] * price.output
    )
    return per_million / 1e6


@pytest.mark.parametrize("place", ["", "{{usage: choice}}"])
@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}])
def test_usage_is_exact(kimi: Simulator, way: str, place: str, options: dict[str, Any]) -> None:
    given = options if "stream" in way else {}
    for turn in range(2):
        result = ask(way, f"{LONG} {place} {{{{reason: a b}}}} {{{{say: c d e}}}}", **given)
        usage = dict(kimi.requests[turn]["usage"])
        if place and "stream" in way:
            usage["cached_tokens"] = 0  # there Kimi tells the plain numbers only
        got = result.response.usage
        assert got.prompt_tokens == usage["prompt_tokens"]
        assert got.completion_tokens == usage["completion_tokens"]
        cached = getattr(got.prompt_tokens_details, "cached_tokens", None) or 0
        assert cached == usage["cached_tokens"]
        assert litellm.completion_cost(result.response, model="kimi/kimi-k2.6") == pytest.approx(
            cost_of("kimi-k2.6", usage)
        )
    assert kimi.requests[1]["usage"]["cached_tokens"] > 0
    if "stream" in way:
        shown = [chunk for chunk in result.chunks if getattr(chunk, "usage", None)]
        assert len(shown) == (1 if options else 0)


def test_headers_and_cost_are_on_the_answer(kimi: Simulator) -> None:
    for way in ("call", "acall"):
        response = ask(way).response
        hidden = response._hidden_params
        record = kimi.requests[-1]
        assert hidden["additional_headers"]["llm_provider-x-trace-id"] == record["trace_id"]
        assert hidden["response_cost"] == pytest.approx(cost_of("kimi-k2.6", record["usage"]))
        assert litellm.completion_cost(response) == hidden["response_cost"]
        assert hidden["custom_llm_provider"] == "kimi"
        assert response.model == "kimi/kimi-k2.6"


class Log(CustomLogger):
    """Keeps what LiteLLM tells its callbacks about calls that say ``content``."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.content = content
        self.events: list[tuple[str, Any]] = []

    def _keep(self, kind: str, kwargs: Any) -> None:
        # LiteLLM carries events of earlier calls over to the next event loop.
        if self.content in str(kwargs["messages"]):
            self.events.append((kind, kwargs.get("response_cost")))

    async def settle(self) -> None:
        """Until the end is told, and a moment for one too many."""
        end = time.monotonic() + 30
        while not self._ended() and time.monotonic() < end:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)

    def _ended(self) -> bool:
        return not {"success", "failure"}.isdisjoint(dict(self.events))

    def log_pre_api_call(self, model: Any, messages: Any, kwargs: Any) -> None:
        self._keep("pre", kwargs)

    def log_success_event(self, kwargs: Any, *args: Any, **given: Any) -> None:
        self._keep("success", kwargs)

    async def async_log_success_event(self, kwargs: Any, *args: Any, **given: Any) -> None:
        self._keep("success", kwargs)

    def log_failure_event(self, kwargs: Any, *args: Any, **given: Any) -> None:
        self._keep("failure", kwargs)

    async def async_log_failure_event(self, kwargs: Any, *args: Any, **given: Any) -> None:
        self._keep("failure", kwargs)


def settled(way: str, log: Log, **given: Any) -> None:
    """A call, and the time that LiteLLM's logging takes."""
    given = {
        "model": "kimi/kimi-k2.6",
        "messages": [{"role": "user", "content": log.content}],
        "stream": "stream" in way,
        **given,
    }

    async def main() -> None:
        try:
            if way.startswith("a"):
                answer = await litellm.acompletion(**given)
                if "stream" in way:
                    assert [chunk async for chunk in answer]
            else:
                await asyncio.to_thread(call)
        finally:
            await log.settle()

    def call() -> None:
        answer = litellm.completion(**given)
        if "stream" in way:
            assert list(answer)

    asyncio.run(main())


@pytest.mark.parametrize("choices", [1, 3])
def test_a_call_is_logged_and_costed_once(kimi: Simulator, way: str, choices: int) -> None:
    content = f"{{{{say: once {way} {choices}}}}}"
    log = Log(content)
    litellm.callbacks = [log]
    settled(way, log, **({"n": choices} if choices > 1 else {}))
    kinds = [kind for kind, _ in log.events]
    assert kinds.count("success") == 1, log.events
    assert kinds.count("pre") == 1
    assert kinds.count("failure") == 0
    cost = sum(cost_of("kimi-k2.6", record["usage"]) for record in kimi.requests)
    assert dict(log.events)["success"] == pytest.approx(cost)


def test_a_failure_is_logged_once(kimi: Simulator, way: str) -> None:
    content = f"it fails {way}"
    log = Log(content)
    litellm.callbacks = [log]
    kimi.fault(status=400, times=9)
    with pytest.raises(litellm.BadRequestError):
        settled(way, log)
    kinds = [kind for kind, _ in log.events]
    assert kinds.count("success") == 0
    assert kinds.count("failure") == 1, log.events


@pytest.mark.parametrize("model", [model.id for model in live_models()])
def test_metadata(model: str) -> None:
    row = resolve(model)
    name = f"kimi/{model}"
    info = litellm.get_model_info(name)
    assert info["max_input_tokens"] == row.context
    assert info["litellm_provider"] == "kimi"
    assert litellm.get_max_tokens(name) == (row.output_limit or row.context)
    assert litellm.supports_function_calling(name)
    assert litellm.supports_response_schema(name)
    assert litellm.supports_system_messages(name, None)
    assert litellm.utils.supports_prompt_caching(name)
    assert litellm.supports_vision(name) is ("image" in row.modalities)
    assert litellm.supports_reasoning(name) is (row.thinking.mode != "never")
    assert litellm.get_llm_provider(name)[:2] == (model, "kimi")
    if row.price is not None:
        prompt, answer = litellm.cost_per_token(
            model=name, prompt_tokens=1_000_000, completion_tokens=1_000_000
        )
        assert (prompt, answer) == pytest.approx((row.price.input, row.price.output))


def test_token_counter() -> None:
    assert litellm.token_counter("kimi/kimi-k2.6", text="Hello there") > 0


def test_the_rebuilt_stream_has_all(kimi: Simulator) -> None:
    for way in ("stream", "astream"):
        result = ask(way, "{{reason: one two}} {{say: three four}}")
        record = kimi.requests[-1]
        assert {chunk.id for chunk in result.chunks} == {f"chatcmpl-{record['trace_id']}"}
        assert result.message.reasoning_content == "one two"
        assert result.text == "three four"
        assert result.response.choices[0].finish_reason == "stop"
        finishes = [
            choice.finish_reason
            for chunk in result.chunks
            for choice in chunk.choices
            if choice.finish_reason
        ]
        assert finishes == ["stop"]
        result = ask(way, "{{finish: length}} {{say: three}}")
        assert result.response.choices[0].finish_reason == "length"


def test_responses_and_messages_in_the_sdk(kimi: Simulator) -> None:
    answer = litellm.responses(
        model="kimi/kimi-k2.6", input="{{reason: Hm.}} {{say: Hi}}", reasoning={"effort": "high"}
    )
    kinds = [item["type"] if isinstance(item, dict) else item.type for item in answer.output]
    assert kinds == ["reasoning", "message"]
    message = asyncio.run(
        litellm.anthropic.messages.acreate(
            model="kimi/kimi-k2.6",
            max_tokens=500,
            thinking={"type": "enabled", "budget_tokens": 1024},
            messages=[{"role": "user", "content": "{{reason: Hm.}} {{say: Hi}}"}],
        )
    )
    parts = message["content"] if isinstance(message, dict) else message.content
    kinds = [part["type"] if isinstance(part, dict) else part.type for part in parts]
    assert kinds == ["thinking", "text"]
    assert all(record["rule"] is None and not record["ignored"] for record in kimi.requests)


@pytest.mark.parametrize(
    ("asked", "price"),
    [
        ({}, 3.0),
        ({"prompt_cache_options": {"ttl": "5m"}}, 3.0),
        ({"prompt_cache_options": {"ttl": "1h"}}, 6.0),
        ({"prompt_cache_options": {"ttl": "30m"}}, 6.0),
        ({"prompt_cache_retention": "24h"}, 6.0),
    ],
    ids=str,
)
def test_writing_to_the_cache_is_part_of_the_cost(
    kimi: Simulator, way: str, asked: dict[str, Any], price: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`prompt_tokens_details.cache_write_tokens`, at the price of the time that was asked for."""
    from llm_kimi.simulator.http import chat_handler

    plain = chat_handler.usage_of

    def usage_of(*args: Any) -> dict[str, Any]:
        usage = plain(*args)
        written = usage["prompt_tokens"] - usage.get("cached_tokens", 0)
        return {**usage, "prompt_tokens_details": {"cache_write_tokens": written}}

    monkeypatch.setattr(chat_handler, "usage_of", usage_of)
    talk = [{"role": "user", "content": LONG}]
    for _ in range(2):
        response = ask(way, messages=talk, model="kimi/kimi-k3", **asked).response
        talk += [{"role": "assistant", "content": "yes"}, {"role": "user", "content": LONG}]
    usage = kimi.requests[-1]["usage"]
    written = usage["prompt_tokens_details"]["cache_write_tokens"]
    assert usage["cached_tokens"] > 0
    assert written > 0
    details = response.usage.prompt_tokens_details
    assert details.cached_tokens == usage["cached_tokens"]
    assert details.cache_creation_tokens == written
    cost = (
        written * price + usage["cached_tokens"] * 0.30 + usage["completion_tokens"] * 15.0
    ) / 1e6
    assert litellm.completion_cost(response, model="kimi/kimi-k3") == pytest.approx(cost)
    sent = kimi.requests[-1]["body"].get("prompt_cache_options")
    assert sent == (None if not asked else {"ttl": "5m" if price == 3.0 else "1h"})
