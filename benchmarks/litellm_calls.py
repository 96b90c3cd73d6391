"""What LiteLLM adds to a call and to a stream of Kimi: `kimi/` beside its built-in `moonshot/`.

Both ask the same bare server; what they add is their time less that of raw httpx.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any

from bare_kimi import MODEL, TOGETHER, bare_kimi
from common import KEY, fresh, main
from report import Report, in_turn, row

ROUNDS = 7
CALLS = 20
"""Calls in one round, of which the median counts."""
CHUNKS = {"single": 200, "together": 600}
WORDS = {"single": "paced", "together": "in bursts"}
HOW = (
    "The ratios are of what each adds to raw httpx. Calls: wall time. Streams: CPU time of "
    "the client for a chunk; paced: each on its own, a millisecond apart; in bursts: "
    f"{TOGETHER} at once."
)
WAYS = {"httpx": "", "llm-kimi": f"kimi/{MODEL}", "moonshot/": f"moonshot/{MODEL}"}
ALONE = "LiteLLM alone"
"""A provider that answers without a request: what LiteLLM adds to any call, whoever provides."""


def _message(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


class _Sync:
    """Calls and streams, by way; ``call`` and ``stream`` return when the answer is there."""

    def __init__(self, url: str) -> None:
        import httpx
        import litellm

        self._litellm = litellm
        self._given = {"api_base": url, "api_key": KEY}
        self._target = f"{url}/chat/completions"
        self._raw = httpx.Client(headers={"Authorization": f"Bearer {KEY}"})

    def call(self, model: str) -> None:
        messages = _message("Say a few words.")
        if model:
            answer = self._litellm.completion(model=model, messages=messages, **self._given)
            assert answer.choices
            return
        body = {"model": MODEL, "messages": messages}
        assert self._raw.post(self._target, json=body).json()["choices"]

    def stream(self, model: str, text: str) -> int:
        messages = _message(text)
        if model:
            chunks = self._litellm.completion(
                model=model, messages=messages, stream=True, **self._given
            )
            return sum(len(chunk.choices[0].delta.content or "") for chunk in chunks)
        body = {"model": MODEL, "messages": messages, "stream": True}
        with self._raw.stream("POST", self._target, json=body) as response:
            return sum(len(line) for line in response.iter_lines())


class _Async:
    """The same, async."""

    def __init__(self, url: str) -> None:
        import httpx
        import litellm

        self._litellm = litellm
        self._given = {"api_base": url, "api_key": KEY}
        self._target = f"{url}/chat/completions"
        self._raw = httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"})

    async def call(self, model: str) -> None:
        messages = _message("Say a few words.")
        if model:
            answer = await self._litellm.acompletion(model=model, messages=messages, **self._given)
            assert answer.choices
            return
        body = {"model": MODEL, "messages": messages}
        assert (await self._raw.post(self._target, json=body)).json()["choices"]

    async def stream(self, model: str, text: str) -> int:
        messages = _message(text)
        if model:
            chunks = await self._litellm.acompletion(
                model=model, messages=messages, stream=True, **self._given
            )
            return sum([len(chunk.choices[0].delta.content or "") async for chunk in chunks])
        body = {"model": MODEL, "messages": messages, "stream": True}
        async with self._raw.stream("POST", self._target, json=body) as response:
            return sum([len(line) async for line in response.aiter_lines()])


def _register_nothing() -> dict[str, str]:
    """The ways of calls: ``WAYS`` and that of a provider that has its answer ready."""
    import litellm

    class Nothing(litellm.CustomLLM):  # type: ignore[misc]
        def completion(self, **given: Any) -> Any:
            answer = given["model_response"]
            answer.choices[0].message.content = "Hello"
            answer.usage = litellm.Usage(prompt_tokens=9, completion_tokens=2, total_tokens=11)
            return answer

        async def acompletion(self, **given: Any) -> Any:
            return self.completion(**given)

    litellm.custom_provider_map.append({"provider": "nothing", "custom_handler": Nothing()})
    litellm.utils.custom_llm_setup()
    return {**WAYS, ALONE: f"nothing/{MODEL}"}


def _figures(call: Callable[[str], None], stream: Callable[[str, str], int]) -> dict[str, Any]:
    """kind -> way -> a figure for each round."""

    def calls(model: str) -> float:
        taken = []
        for _ in range(CALLS):
            start = time.perf_counter()
            call(model)
            taken.append((time.perf_counter() - start) * 1e3)
        return statistics.median(taken)

    def chunks(model: str, how: str) -> float:
        text = f"{CHUNKS[how]} {how}"
        start = time.process_time()
        assert stream(model, text) > CHUNKS[how] * 5
        return (time.process_time() - start) / CHUNKS[how] * 1e6

    ways = {way: lambda m=model: calls(m) for way, model in _register_nothing().items()}
    in_turn(ways, 1)
    for model in WAYS.values():
        for how in CHUNKS:
            chunks(model, how)
    found = {"calls": in_turn(ways, ROUNDS)}
    for how in CHUNKS:
        ways = {way: lambda m=model, h=how: chunks(m, h) for way, model in WAYS.items()}
        found[how] = in_turn(ways, ROUNDS)
    return found


def _part(kind: str, url: str) -> dict[str, Any]:
    import llm_kimi.litellm  # noqa: F401

    if kind == "sync":
        sync = _Sync(url)
        return _figures(sync.call, sync.stream)
    doors = _Async(url)
    loop = asyncio.new_event_loop()
    return _figures(
        lambda model: loop.run_until_complete(doors.call(model)),
        lambda model, text: loop.run_until_complete(doors.stream(model, text)),
    )


def measure() -> Report:
    """Milliseconds a call, microseconds a chunk."""
    with bare_kimi() as url:
        found = {kind: fresh(__file__, kind, kind, url) for kind in ("sync", "async")}
    rows = [
        row(f"call, {kind}", "ms", found[kind]["calls"], "llm-kimi", over="httpx") for kind in found
    ]
    for line in rows:
        line.ratios.pop(ALONE)
    for how, words in WORDS.items():
        for kind, samples in found.items():
            what = f"stream, {kind}, {words}, a chunk"
            rows.append(row(what, "us", samples[how], "llm-kimi", over="httpx"))
    return Report("litellm", "LiteLLM", HOW, "llm-kimi", rows, floor="httpx")


if __name__ == "__main__":
    main(measure, {"sync": _part, "async": _part})
