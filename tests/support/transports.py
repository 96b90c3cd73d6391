"""Asking through the transports: a simulator over loopback, or a mock transport."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import openai

from llm_kimi.errors import KimiError
from llm_kimi.exchange import Chunks, Exchange, Target
from llm_kimi.simulator import Simulator
from llm_kimi.translation import translate
from llm_kimi.transport.openai_sdk import AsyncOpenAITransport, OpenAITransport
from llm_kimi.transport.run import arun, run

try:
    import httpx2 as hx
except ImportError:
    import httpx as hx  # type: ignore[no-redef]


Json = dict[str, Any]
KEY = "relay-key-0123456789"
BASE = "http://kimi.test/v1"


def exchange(
    text: str = "hi", *, max_retries: int = 0, target: Target | None = None, **request: Any
) -> Exchange:
    """An exchange; ``jitter`` 0 and no retries unless asked for."""
    request = {
        "model": "kimi-k2.6",
        "messages": [{"role": "user", "content": text}],
        "stream": True,
        **request,
    }
    return Exchange(translate(request), target, max_retries=max_retries, jitter=lambda: 0.0)


def texts(outputs: Any) -> str:
    """The text of outputs."""
    return "".join(
        choice["delta"].get("content") or ""
        for output in outputs
        if isinstance(output, Chunks)
        for item in output.chunks
        for choice in item["choices"]
    )


def ask(transport: OpenAITransport, text: str = "hi", **more: Any) -> str:
    """The text of a whole answer."""
    return texts(run(exchange(text, **more), transport))


async def aask(transport: AsyncOpenAITransport, text: str = "hi", **more: Any) -> str:
    """``ask`` for an event loop."""
    async with aclosing(arun(exchange(text, **more), transport)) as outputs:
        return texts([output async for output in outputs])


def transport_of(simulator: Simulator, **more: Any) -> OpenAITransport:
    return OpenAITransport(simulator.base_url, simulator.key, **more)


def atransport_of(simulator: Simulator, **more: Any) -> AsyncOpenAITransport:
    return AsyncOpenAITransport(simulator.base_url, simulator.key, **more)


def closed_early(simulator: Simulator, number: int = -1) -> bool:
    return bool(simulator.requests) and simulator.requests[number]["closed_early"]


LONG = "repeat: 3000 word"


Handle = Callable[[Any], Any]


@contextmanager
def mocked(handle: Handle, key: str = KEY) -> Iterator[OpenAITransport]:
    """A transport over a transport that calls ``handle`` with each request."""
    with openai.OpenAI(
        http_client=hx.Client(transport=hx.MockTransport(handle)),
        base_url=BASE,
        api_key=key,
        max_retries=0,
    ) as client:
        yield OpenAITransport(BASE, key, client=client)


def amocked(handle: Handle, body: Callable[[AsyncOpenAITransport], Any], key: str = KEY) -> Any:
    """Runs ``body`` with an async transport over a transport that calls ``handle``."""

    async def main() -> Any:
        async with openai.AsyncOpenAI(
            http_client=hx.AsyncClient(transport=hx.MockTransport(handle)),
            base_url=BASE,
            api_key=key,
            max_retries=0,
        ) as client:
            return await body(AsyncOpenAITransport(BASE, key, client=client))

    return asyncio.run(main())


class Pieces(hx.SyncByteStream, hx.AsyncByteStream):
    """A body in pieces; an exception among them is raised. ``closed`` counts."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = pieces
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece if isinstance(piece, bytes) else self._raise(piece)

    def _raise(self, error: Exception) -> bytes:
        raise error

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


def both_ways(handle: Handle, **more: Any) -> list[Any]:
    """What a sync and an async transport make of it: text, or the error."""
    found: list[Any] = []
    with mocked(handle) as transport:
        try:
            found.append(ask(transport, **more))
        except KimiError as error:
            found.append(error)

    async def body(transport: AsyncOpenAITransport) -> Any:
        try:
            return await aask(transport, **more)
        except KimiError as error:
            return error

    found.append(amocked(handle, body))
    return found


def chain_of(error: BaseException) -> list[BaseException]:
    """What is chained to an error. Ours have nothing: the HTTP client's hold the request."""
    assert KEY not in "".join(traceback.format_exception(error))
    return [item for item in (error.__cause__, error.__context__) if item is not None]
