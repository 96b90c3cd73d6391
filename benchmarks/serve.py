"""``llm kimi serve`` beside LiteLLM's proxy, with its own provider and with this package's.

All stand in front of the same bare server and are asked by the same bare client, so what is
measured is what they add. Memory is that of the whole process.
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bare_kimi import MODEL, bare_kimi
from common import KEY, environment, main
from processes import cpu, free_port, memory
from report import Report, Row

STREAMS = 200
HOW = (
    "In front of a server that answers at once; a bare client asks. Memory and CPU are those "
    f"of the whole process; {STREAMS} streams are open at a time for the last figure. "
    "LiteLLM's proxy runs with one worker."
)
OURS, BUILT_IN, WITH_KIMI = "llm kimi serve", "proxy, moonshot/", "proxy, kimi/"
# How much each is asked; the proxies take long.
AMOUNTS = {OURS: (600, 3_000), BUILT_IN: (60, 600), WITH_KIMI: (60, 600)}
SIDE_BY_SIDE = 16


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
    """Seconds of each call, in order of size, and seconds that all took together."""
    took: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        request = _request(port)
        took.extend([await _whole(reader, writer, request) for _ in range(total // side_by_side)])
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*[one() for _ in range(side_by_side)])
    return sorted(took), time.perf_counter() - begun


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


async def _held(port: int, pid: int) -> float:
    """Megabytes of memory while many streams stand open."""
    writers = []
    for _ in range(STREAMS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_request(port, "held", stream=True))
        await reader.readuntil(b"word")
        writers.append(writer)
    held = memory(pid)
    for writer in writers:
        writer.close()
    return held


def _first_answer(port: int, begun: float) -> float:
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            asyncio.run(_calls(port, 1, 1))
            return time.perf_counter() - begun
        if time.perf_counter() - begun > 120:
            raise SystemExit("the server does not start")
        time.sleep(0.01)


@contextmanager
def _running(command: list[str], **variables: str) -> Iterator[int]:
    process = subprocess.Popen(
        command,
        env=environment(**variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _measure(way: str, command: list[str], port: int, **variables: str) -> dict[str, float]:
    calls, chunks = AMOUNTS[way]
    begun = time.perf_counter()
    with _running(command, **variables) as pid:
        found = {"first answer after the start, s": _first_answer(port, begun)}
        asyncio.run(_calls(port, 20, 1))
        found["memory, MB"] = memory(pid)
        took, _ = asyncio.run(_calls(port, calls, 1))
        found["a call, median, ms"] = statistics.median(took) * 1e3
        found["a call, 95th percentile, ms"] = took[int(len(took) * 0.95)] * 1e3
        took, seconds = asyncio.run(
            _calls(port, calls // SIDE_BY_SIDE * SIDE_BY_SIDE, SIDE_BY_SIDE)
        )
        found[f"a call, {SIDE_BY_SIDE} at a time, of the whole time, ms"] = (
            seconds / len(took) * 1e3
        )
        for how, words in (("together", "50 at once"), ("single", "one by one")):
            asyncio.run(_streams(port, f"50 {how}", 1))
            before = cpu(pid)
            asyncio.run(_streams(port, f"{chunks} {how}", 4))
            found[f"CPU a chunk, {words}, us"] = (cpu(pid) - before) / (4 * chunks) * 1e6
        found[f"memory with {STREAMS} streams, MB"] = asyncio.run(_held(port, pid))
        return found


def _proxy(way: str, provider: str, folder: Path, **keyed: str) -> dict[str, float]:
    """LiteLLM's proxy with one model."""
    base = {"api_base": keyed["KIMI_BASE_URL"], "api_key": KEY}
    handlers = [{"provider": "kimi", "custom_handler": "kimi_provider.handler"}]
    config: dict[str, Any] = {
        "model_list": [
            {"model_name": MODEL, "litellm_params": {"model": f"{provider}/{MODEL}", **base}}
        ],
        "general_settings": {"master_key": KEY},
    }
    if provider == "kimi":
        config["litellm_settings"] = {"custom_provider_map": handlers}
    path = folder / f"{provider}.yaml"
    path.write_text(json.dumps(config))  # JSON is YAML
    port = free_port()
    program = str(Path(sys.executable).parent / "litellm")
    command = [program, "--config", str(path), "--port", str(port), "--host", "127.0.0.1"]
    return _measure(way, command, port, **keyed)


def measure() -> Report:
    """Seconds, milliseconds, microseconds and megabytes."""
    found: dict[str, dict[str, float]] = {}
    with bare_kimi() as upstream, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kimi_provider.py").write_text("from llm_kimi.litellm import handler\n")
        keyed = {"KIMI_BASE_URL": upstream, "MOONSHOT_API_KEY": KEY}
        direct, _ = asyncio.run(_calls(int(upstream.rpartition(":")[2][:-3]), 300, 1))
        port = free_port()
        command = [sys.executable, "-m", "llm_kimi.serve", "--port", str(port), "--pass-through"]
        found[OURS] = _measure(OURS, command, port, **keyed)
        found[BUILT_IN] = _proxy(BUILT_IN, "moonshot", folder, **keyed)
        found[WITH_KIMI] = _proxy(WITH_KIMI, "kimi", folder, **keyed)
    rows = []
    for key, mine in found[OURS].items():
        what, _, unit = key.rpartition(", ")
        medians = {way: figures[key] for way, figures in found.items()}
        ratios = {way: mine / value for way, value in medians.items() if way != OURS}
        rows.append(Row(what, unit, medians, ratios))
    without = f" A call without either takes {statistics.median(direct) * 1e3:.2f} ms."
    return Report("serve", "A local server", HOW + without, OURS, rows)


if __name__ == "__main__":
    main(measure)
