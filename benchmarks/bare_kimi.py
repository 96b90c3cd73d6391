"""A Kimi that costs next to nothing: it answers every chat at once with the same words.

How a stream comes stands in the last message: ``4000 single`` for that many chunks one by one, a
millisecond apart; ``4000 together`` for 50 at a time; ``held`` for one chunk and then silence.

    python benchmarks/bare_kimi.py      # prints its base URL
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from common import serving

__all__ = ["MODEL", "TOGETHER", "bare_kimi"]

MODEL = "kimi-k2.6"
TOGETHER = 50
PACE = 0.001

_USAGE = '"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}'
_WHOLE = (
    f'{{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"{MODEL}","choices":'
    '[{"index":0,"message":{"role":"assistant","content":"Hello","reasoning_content":"Hm"},'
    f'"finish_reason":"stop"}}],{_USAGE}}}'
).encode()
_CHUNK = (
    f'data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"{MODEL}",'
    '"choices":[{"index":0,"delta":%s,"finish_reason":%s}]%s}\n\n'
)
# Each is another one: LiteLLM takes the same chunk over and over for a model that is stuck.
_WORDS = [(_CHUNK % (f'{{"content":" word{n}"}}', "null", "")).encode() for n in range(1_000)]
_BEGIN = (_CHUNK % ('{"role":"assistant","content":""}', "null", "")).encode()
_END = (_CHUNK % ("{}", '"stop"', f",{_USAGE}")).encode() + b"data: [DONE]\n\n"
_HOW = re.compile(rb"(\d+) (single|together)")


class _Kimi(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._data = b""
        self._task: asyncio.Task[None] | None = None

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            found = re.search(rb"content-length: *(\d+)", head)
            size = int(found[1]) if found else 0
            if len(self._data) < end + 4 + size:
                return
            body = self._data[end + 4 : end + 4 + size]
            self._data = self._data[end + 4 + size :]
            self._answer(body)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()

    def _answer(self, body: bytes) -> None:
        if b'"stream":true' not in body.replace(b" ", b""):
            head = (
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
            )
            self._transport.write(head % len(_WHOLE) + _WHOLE)
            return
        head = b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        self._transport.write(b"HTTP/1.1 200 OK\r\n" + head)
        self._task = asyncio.create_task(self._stream(body))

    async def _stream(self, body: bytes) -> None:
        if b"held" in body:
            self._piece(_WORDS[0])
            await asyncio.sleep(60)
        found = _HOW.search(body)
        count = int(found[1]) if found else 1
        step = TOGETHER if found and found[2] == b"together" else 1
        self._piece(_BEGIN)
        for start in range(0, count, step):
            words = (_WORDS[n % len(_WORDS)] for n in range(start, min(start + step, count)))
            self._piece(b"".join(words))
            await asyncio.sleep(PACE)
        self._piece(_END)
        self._transport.write(b"0\r\n\r\n")

    def _piece(self, data: bytes) -> None:
        self._transport.write(b"%x\r\n%s\r\n" % (len(data), data))


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Kimi, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


@contextmanager
def bare_kimi() -> Iterator[str]:
    """Its base URL; it runs in a process of its own."""
    with serving([__file__]) as url:
        yield url


if __name__ == "__main__":
    asyncio.run(_serve())
