"""Time that LiteLLM adds to a call of Kimi: `kimi/` beside its built-in `moonshot/`, in one run.

Both talk to the same canned server on loopback, in a process of its own; what they add is their
time less that of raw httpx. Run it with a Python that has `llm-kimi[litellm]`.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from common import environment

CALLS = 400
STREAMS = 30
BATCH = 20
CHUNKS = 200
KEY = "sk-benchmark"
MESSAGES = [{"role": "user", "content": "Say a few words."}]

_HEAD = {"id": "chatcmpl-1", "created": 1, "model": "kimi-k2.6"}
_USAGE = {"prompt_tokens": 9, "completion_tokens": CHUNKS, "total_tokens": CHUNKS + 9}


def _canned() -> tuple[bytes, bytes]:
    """A whole answer and a stream, as HTTP responses."""
    message = {"role": "assistant", "content": "A few words.", "reasoning_content": "Hm."}
    whole = json.dumps(
        {
            **_HEAD,
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": _USAGE,
        }
    ).encode()
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": f"word {number} "} for number in range(CHUNKS)]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    chunks: list[dict[str, Any]] = [{"choices": [choice]} for choice in choices]
    chunks.append({"choices": [], "usage": _USAGE})
    events = [json.dumps({**_HEAD, "object": "chat.completion.chunk", **chunk}) for chunk in chunks]
    stream = "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"]).encode()

    def response(kind: str, body: bytes) -> bytes:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    return response("application/json", whole), response("text/event-stream", stream)


async def _serve() -> None:
    whole, stream = _canned()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
                body = json.loads(await reader.readexactly(size))
                writer.write(stream if body.get("stream") else whole)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def canned_server() -> Iterator[str]:
    """The base URL of the canned server."""
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve"], env=environment(), stdout=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
    finally:
        server.terminate()
        server.wait()


Times = dict[str, float]


def _medians(ways: dict[str, Callable[[], None]], calls: int, batch: int) -> Times:
    """Median microseconds a call; the ways take turns, batch by batch."""
    for way in ways.values():
        for _ in range(max(batch // 4, 3)):
            way()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(calls // batch):
        for name, way in ways.items():
            for _ in range(batch):
                start = time.perf_counter()
                way()
                taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) * 1e6 for name, times in taken.items()}


async def _amedians(
    ways: dict[str, Callable[[], Awaitable[None]]], calls: int, batch: int
) -> Times:
    for way in ways.values():
        for _ in range(max(batch // 4, 3)):
            await way()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(calls // batch):
        for name, way in ways.items():
            for _ in range(batch):
                start = time.perf_counter()
                await way()
                taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) * 1e6 for name, times in taken.items()}


def measure(url: str) -> dict[str, Times]:
    """Microseconds a call for raw httpx, ``kimi/`` and ``moonshot/``, by kind of call."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import httpx
    import litellm

    import llm_kimi.litellm  # noqa: F401

    common: dict[str, Any] = {"messages": MESSAGES, "api_base": url, "api_key": KEY}
    body = {"model": "kimi-k2.6", "messages": MESSAGES}
    headers = {"Authorization": f"Bearer {KEY}"}
    target = f"{url}/chat/completions"
    raw = httpx.Client(headers=headers)

    def raw_call() -> None:
        assert raw.post(target, json=body).json()["choices"]

    def raw_stream() -> None:
        with raw.stream("POST", target, json={**body, "stream": True}) as response:
            assert sum(1 for line in response.iter_lines() if line) > CHUNKS

    def call(model: str) -> Callable[[], None]:
        def way() -> None:
            assert litellm.completion(model=model, **common).choices

        return way

    def stream(model: str) -> Callable[[], None]:
        def way() -> None:
            chunks = litellm.completion(model=model, stream=True, **common)
            assert sum(1 for _ in chunks) >= CHUNKS

        return way

    async def asynchronous() -> tuple[Times, Times]:
        araw = httpx.AsyncClient(headers=headers)

        async def araw_call() -> None:
            assert (await araw.post(target, json=body)).json()["choices"]

        async def araw_stream() -> None:
            async with araw.stream("POST", target, json={**body, "stream": True}) as response:
                assert len([line async for line in response.aiter_lines() if line]) > CHUNKS

        def acall(model: str) -> Callable[[], Awaitable[None]]:
            async def way() -> None:
                assert (await litellm.acompletion(model=model, **common)).choices

            return way

        def astream(model: str) -> Callable[[], Awaitable[None]]:
            async def way() -> None:
                chunks = await litellm.acompletion(model=model, stream=True, **common)
                assert len([chunk async for chunk in chunks]) >= CHUNKS

            return way

        calls = await _amedians(
            {"raw": araw_call, "kimi": acall("kimi/kimi-k2.6"), "built-in": acall(BUILT_IN)},
            CALLS,
            BATCH,
        )
        streams = await _amedians(
            {"raw": araw_stream, "kimi": astream("kimi/kimi-k2.6"), "built-in": astream(BUILT_IN)},
            STREAMS,
            3,
        )
        await araw.aclose()
        return calls, streams

    results = {
        "sync": _medians(
            {"raw": raw_call, "kimi": call("kimi/kimi-k2.6"), "built-in": call(BUILT_IN)},
            CALLS,
            BATCH,
        ),
    }
    calls, streams = asyncio.run(asynchronous())
    results["async"] = calls
    results["sync stream"] = _medians(
        {"raw": raw_stream, "kimi": stream("kimi/kimi-k2.6"), "built-in": stream(BUILT_IN)},
        STREAMS,
        3,
    )
    results["async stream"] = streams
    raw.close()
    return results


BUILT_IN = "moonshot/kimi-k2.6"


def main() -> dict[str, float]:
    """Print and return what ``kimi/`` adds to a call as a part of what the built-in adds."""
    from importlib.metadata import version

    with canned_server() as url:
        results = measure(url)
    print(f"litellm {version('litellm')}: median us a call, and us added over raw httpx")
    print(f"  {'':13}{'raw':>9}{'kimi/':>9}{'moonshot/':>11}{'added':>9}{'added':>9}{'ratio':>8}")
    ratios = {}
    for kind, times in results.items():
        ours, theirs = times["kimi"] - times["raw"], times["built-in"] - times["raw"]
        ratios[kind] = ours / theirs
        print(
            f"  {kind:13}{times['raw']:9.0f}{times['kimi']:9.0f}{times['built-in']:11.0f}"
            f"{ours:9.0f}{theirs:9.0f}{ratios[kind]:8.2f}"
        )
    return ratios


if __name__ == "__main__":
    if "--serve" in sys.argv:
        asyncio.run(_serve())
    else:
        main()
