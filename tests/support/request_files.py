"""Requests with files, sent through an exchange; what Kimi saw of them."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from pathlib import Path
from typing import Any

from llm_kimi import translate
from llm_kimi.exchange import Exchange, Notice, Target
from llm_kimi.files.request_files import RequestFiles
from llm_kimi.files.store.cache import account, default_cache
from llm_kimi.simulator import Simulator
from llm_kimi.translation import Attached
from llm_kimi.transport.openai_sdk import AsyncOpenAITransport, OpenAITransport
from llm_kimi.transport.run import arun, run

Json = dict[str, Any]
WAYS = ("sync", "async")


def attach(*files: Attached | bytes | Path) -> Json:
    """A request with a question and files."""
    parts: list[Json] = [{"type": "text", "text": "look"}]
    for file in files:
        if isinstance(file, Path):
            file = Attached(name=file.name, path=str(file))
        elif isinstance(file, bytes):
            file = Attached(content=file)
        parts.append({"type": "file", "file": file})
    return {"model": "kimi-k2.6", "messages": [{"role": "user", "content": parts}], "stream": True}


def exchange_of(kimi: Simulator, request: Json, **options: Any) -> Exchange:
    target = Target(base_url=kimi.base_url, key=kimi.key)
    room = RequestFiles(target, jitter=lambda: 0.0, **options)
    return Exchange(translate(request), target, files=room, jitter=lambda: 0.0)


def send(kimi: Simulator, request: Json, way: str = "sync", **options: Any) -> list[str]:
    """Run it to its end; the notices."""
    exchange = exchange_of(kimi, request, **options)
    if way == "sync":
        outputs: list[Any] = list(run(exchange, OpenAITransport(kimi.base_url, kimi.key)))
    else:

        async def collect() -> list[Any]:
            transport = AsyncOpenAITransport(kimi.base_url, kimi.key)
            return [output async for output in arun(exchange, transport)]

        outputs = asyncio.run(collect())
    return [output.text for output in outputs if isinstance(output, Notice)]


def chats(kimi: Simulator) -> list[Json]:
    return [r["body"] for r in kimi.requests if r["path"] == "/v1/chat/completions"]


def paths(kimi: Simulator) -> list[str]:
    """What was called, with ids left out."""
    return [
        f"{r['method']} {re.sub(r'/files/[^/]+', '/files/ID', r['path']).removeprefix('/v1')}"
        for r in kimi.requests
    ]


def client_of(kimi: Simulator) -> Any:
    import openai

    return openai.OpenAI(base_url=kimi.base_url, api_key=kimi.key)


def owed_files(kimi: Simulator) -> list[Any]:
    return default_cache().pending(account(kimi.key, kimi.base_url))


async def drain(exchange: Exchange, transport: AsyncOpenAITransport) -> None:
    async with aclosing(arun(exchange, transport)) as outputs:
        async for _ in outputs:
            pass
