"""A chain of five tool calls (six requests) at a distance: its time and its connections.

A proxy stands between the client and the offline Kimi and holds every byte back for half a round
trip each way, and the first bytes of a connection for one round trip more, as the handshake of TCP
takes. That of TLS is left out: it would take one more, for each connection.
"""

from __future__ import annotations

import asyncio
import http.client
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from common import KEY, fresh, main, offline_kimi, serving
from report import Report, best, in_turn

ROUND_TRIP = 0.08
ROUNDS = 4
CALLS = 5
MODEL = "kimi-k2.6"
HOW = (
    f"Five calls of a tool, so six requests, with a round trip of {ROUND_TRIP * 1e3:.0f} ms "
    "and a model that answers at once; clients that have asked before. Six requests over one "
    f"open connection take {ROUND_TRIP * 6 * 1e3:.0f} ms."
)
SCRIPT = "\nthen\n".join(
    [*(f'call: add {{"a": 1, "b": {number}}}' for number in range(CALLS)), "say: done"]
)
# The other classes do not send reasoning back, which Kimi demands while it thinks.
NOT_THINKING = {"thinking": {"type": "disabled"}}


async def _held_back(reader: Any, writer: Any, first: float) -> None:
    """Hand on what comes, each piece half a round trip later."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def hand_on() -> None:
        while True:
            due, piece = await waiting.get()
            await asyncio.sleep(due - loop.time())
            if not piece:
                writer.close()
                return
            writer.write(piece)

    task = asyncio.create_task(hand_on())
    not_before = loop.time() + first
    piece = b"-"
    while piece:
        with suppress(ConnectionError):
            piece = await reader.read(1 << 16)
        await waiting.put((max(loop.time(), not_before) + ROUND_TRIP / 2, piece))
    await task


def _be_far(upstream: str) -> None:
    """The proxy: prints its base URL; a request for ``/connections`` says how many there were."""
    address = urlsplit(upstream)
    count = 0

    async def connection(reader: Any, writer: Any) -> None:
        nonlocal count
        head = await reader.readexactly(4)
        if head == b"GET ":
            body = str(count).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            writer.close()
            return
        count += 1
        far_reader, far_writer = await asyncio.open_connection(address.hostname, address.port)
        await asyncio.gather(
            _held_back(_Again(head, reader), far_writer, ROUND_TRIP),
            _held_back(far_reader, writer, 0.0),
        )

    async def serve() -> None:
        server = await asyncio.start_server(connection, "127.0.0.1", 0)
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{address.path}", flush=True)
        await server.serve_forever()

    asyncio.run(serve())


class _Again:
    """A reader whose first bytes have been looked at."""

    def __init__(self, head: bytes, reader: Any) -> None:
        self._head, self._reader = head, reader

    async def read(self, size: int) -> bytes:
        head, self._head = self._head, b""
        piece: bytes = head or await self._reader.read(size)
        return piece


def _connections(url: str) -> int:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    connection.request("GET", "/connections")
    return int(connection.getresponse().read())


def _add(a: int, b: int) -> int:
    """Add"""
    return a + b


def _kimi(url: str) -> Any:
    from llm_kimi import Kimi

    return Kimi(MODEL, base_url=url)


def _chat(url: str) -> Any:
    from llm.default_plugins.openai_models import Chat

    class NotThinking(Chat):  # type: ignore[misc]
        def build_kwargs(self, prompt: Any, stream: bool) -> dict[str, Any]:
            return {**super().build_kwargs(prompt, stream), "extra_body": NOT_THINKING}

    return NotThinking(MODEL, model_name=MODEL, api_base=url, supports_tools=True)


WAYS = {"llm-kimi": _kimi, "llm's own class": _chat}


def _part(way: str, url: str) -> list[float]:
    """Milliseconds, and the connections that the chain opened and used."""
    import llm

    model = WAYS[way](url)
    model.key = KEY
    model.prompt("say: warm", stream=True).text()
    tool = llm.Tool.function(_add, name="add")
    before = _connections(url)
    start = time.perf_counter()
    text = model.chain(SCRIPT, tools=[tool], key=KEY).text()
    taken = (time.perf_counter() - start) * 1e3
    assert "done" in text, text
    # One that was open already carries requests as well.
    return [taken, max(_connections(url) - before, 1)]


def measure() -> Report:
    """Milliseconds and connections."""
    with offline_kimi() as url, serving([__file__, "--part", "far", url]) as far:
        ways = {way: lambda way=way: fresh(__file__, "chain", way, far) for way in WAYS}
        found = in_turn(ways, ROUNDS)
    rows = [
        best(what, unit, {way: [f[number] for f in found[way]] for way in WAYS}, "llm-kimi")
        for number, (what, unit) in enumerate((("time", "ms"), ("connections", "")))
    ]
    title = "A tool chain at a distance"
    return Report("tool_chain", title, HOW, "llm-kimi", rows)


if __name__ == "__main__":
    main(measure, {"chain": _part, "far": _be_far})
