"""``llm kimi serve`` beside LiteLLM's proxy (with this package's provider), in one run.

Both stand in front of the same bare server, which answers at once, and are asked by the same bare
client: what is measured is what they add. Memory is that of the whole process.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from common import environment

CALLS, STREAMS, CHUNKS = 1_500, 200, 4_000
MODEL = "kimi-k3.1-pro"
KEY = "sk-benchmark-0123456789"
_USAGE = '"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}'
_WHOLE = (
    '{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"kimi-k3.1-pro","choices":'
    '[{"index":0,"message":{"role":"assistant","content":"Hello","reasoning_content":"Hm"},'
    f'"finish_reason":"stop"}}],{_USAGE}}}'
).encode()
_CHUNK = (
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"kimi-k3.1-pro",'
    '"choices":[{"index":0,"delta":%s,"finish_reason":%s}]%s}\n\n'
)
# Two of them in turn: the proxy takes the same chunk over and over for a model that is stuck.
_EVENT, _OTHER = (
    (_CHUNK % (f'{{"content":" {w}"}}', "null", "")).encode() for w in ("word", "two")
)
_END = (_CHUNK % ("{}", '"stop"', f",{_USAGE}")).encode() + b"data: [DONE]\n\n"


class _Kimi(asyncio.Protocol):
    """Answers a chat at once; how a stream comes stands in the last message."""

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
            self._piece(_EVENT)
            await asyncio.sleep(60)
        elif b"together" in body:
            for _ in range(CHUNKS // 50):
                self._piece((_EVENT + _OTHER) * 25)
                await asyncio.sleep(0.001)
        else:
            for number in range(CHUNKS):
                self._piece(_OTHER if number % 2 else _EVENT)
                await asyncio.sleep(0.001)
        self._piece(_END)
        self._transport.write(b"0\r\n\r\n")

    def _piece(self, data: bytes) -> None:
        self._transport.write(b"%x\r\n%s\r\n" % (len(data), data))


async def _be_kimi() -> None:
    server = await asyncio.get_running_loop().create_server(_Kimi, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def _kimi() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, __file__, "kimi"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _request(port: int, text: str = "hi", *, stream: bool = False) -> bytes:
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": text},
    ]
    body: dict[str, Any] = {"model": MODEL, "messages": messages}
    if stream:
        body["stream"] = True
    content = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def _whole(reader: Any, writer: Any, request: bytes) -> float:
    begun = time.perf_counter()
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b" 200 " not in head[:20]:
        raise SystemExit(head.decode() + (await reader.read(2000)).decode())
    size = re.search(rb"content-length: *(\d+)", head)
    if size:
        await reader.readexactly(int(size[1]))
    else:
        await reader.readuntil(b"0\r\n\r\n")
    return time.perf_counter() - begun


async def _calls(port: int, total: int, side_by_side: int) -> tuple[list[float], float]:
    """Seconds of each call, and calls a second."""
    took: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        request = _request(port)
        took.extend([await _whole(reader, writer, request) for _ in range(total // side_by_side)])
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*[one() for _ in range(side_by_side)])
    return sorted(took), len(took) / (time.perf_counter() - begun)


async def _streams(port: int, text: str, count: int) -> None:
    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_request(port, text, stream=True))
        end = b""
        while b"[DONE]" not in end:
            piece = await reader.read(1 << 16)
            if not piece:
                raise SystemExit(f"a stream broke off: {end!r}")
            end = end[-300:] + piece
        writer.close()

    await asyncio.gather(*[one() for _ in range(count)])


async def _held(port: int, pid: int) -> int:
    """Bytes of memory while many streams stand open."""
    writers = []
    for _ in range(STREAMS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_request(port, "held", stream=True))
        await reader.readuntil(b"word")
        writers.append(writer)
    held = _memory(pid)
    for writer in writers:
        writer.close()
    return held


def _memory(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("no VmRSS")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _first_answer(port: int, begun: float) -> float:
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            asyncio.run(_calls(port, 1, 1))
            return time.perf_counter() - begun
        if time.perf_counter() - begun > 120:
            raise SystemExit("the server does not start")
        time.sleep(0.01)


def _measure(command: list[str], port: int, calls: int, **variables: str) -> dict[str, float]:
    begun = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=environment(**variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        found = {"first answer after its start, s": _first_answer(port, begun)}
        pid = process.pid
        asyncio.run(_calls(port, 50, 1))
        found["memory, MB"] = _memory(pid) / 1e6
        took, _ = asyncio.run(_calls(port, calls // 3, 1))
        found["call, median, ms"] = took[len(took) // 2] * 1e3
        found["call, p99, ms"] = took[int(len(took) * 0.99)] * 1e3
        found["calls a second, 16 at a time"] = asyncio.run(_calls(port, calls, 16))[1]
        for text, how in (("together", "50 at once"), ("single", "one by one")):
            asyncio.run(_streams(port, text, 1))
            before = _cpu(pid)
            asyncio.run(_streams(port, text, 4))
            found[f"CPU a chunk, {how}, us"] = (_cpu(pid) - before) / (4 * CHUNKS) * 1e6
        found["memory with 200 streams, MB"] = asyncio.run(_held(port, pid)) / 1e6
        return found
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> dict[str, tuple[float, float | None]]:
    """Print and return each figure, of the server and of the proxy (None: it is not installed)."""
    with _kimi() as upstream, tempfile.TemporaryDirectory() as folder:
        direct = asyncio.run(_calls(int(upstream.rpartition(":")[2][:-3]), 300, 1))[0]
        keyed = {"KIMI_BASE_URL": upstream, "MOONSHOT_API_KEY": "sk-upstream"}
        port = _free_port()
        command = [sys.executable, "-m", "llm_kimi.serve", "--port", str(port), "--pass-through"]
        ours = _measure(command, port, CALLS, **keyed)
        port = _free_port()
        llm = [sys.executable, "-m", "llm", "kimi", "serve", "--port", str(port), "--pass-through"]
        ours["first answer after its start by llm, s"] = _measure(llm, port, 60, **keyed)[
            "first answer after its start, s"
        ]
        proxy: dict[str, float] = {}
        program = shutil.which("litellm", path=str(Path(sys.executable).parent))
        if program is not None:
            config = Path(folder) / "config.yaml"
            (Path(folder) / "kimi_provider.py").write_text("from llm_kimi.litellm import handler\n")
            config.write_text(
                f"model_list:\n- model_name: {MODEL}\n  litellm_params:\n    model: kimi/{MODEL}\n"
                "litellm_settings:\n  custom_provider_map:\n"
                "  - {provider: kimi, custom_handler: kimi_provider.handler}\n"
                f"general_settings:\n  master_key: {KEY}\n"
            )
            port = _free_port()
            command = [program, "--config", str(config), "--port", str(port), "--host", "127.0.0.1"]
            keyed["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
            proxy = _measure(command, port, CALLS // 10, **keyed)
    print(f"{'a call without either, median, ms':<42}{direct[len(direct) // 2] * 1e3:9.2f}")
    print(f"{'':<42}{'serve':>9}{'proxy':>10}{'ratio':>8}")
    rows: dict[str, tuple[float, float | None]] = {}
    for name, value in ours.items():
        other = proxy.get(name)
        rows[name] = value, other
        beside = "" if other is None else f"{other:10.2f}{value / other:8.3f}"
        print(f"{name:<42}{value:9.2f}{beside}")
    return rows


if __name__ == "__main__":
    if sys.argv[1:] == ["kimi"]:
        asyncio.run(_be_kimi())
    main()
