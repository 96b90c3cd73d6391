"""200 streams at a time for a minute, through three doors: ``make load``.

Each door runs in a process of its own against the offline Kimi in another: errors, memory over the
run, CPU a chunk beside that of a single stream, and what is left open at the end. The results go
into ``benchmarks/load.json``, from which docs/reliability.md is generated.

    python benchmarks/load.py [--seconds 60] [--streams 200] [--doors llm litellm proxy]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from common import environment, offline_kimi
from processes import cpu, free_port, memory

HERE = Path(__file__).parent
RESULTS = HERE / "load.json"
DELAYS = {"llm": 0.1, "litellm": 0.3, "proxy": 1.0}
"""Seconds between two chunks. LiteLLM spends so much on each that one core would be the bottleneck
at the pace of the others, and its queue would be measured."""
CHUNKS = {"llm": 100, "litellm": 50, "proxy": 30}
"""Of one answer, which takes 10 to 30 seconds so."""
MASTER = "sk-load-master-0123456789"
KIND = {"llm": "async llm model", "litellm": "litellm.acompletion", "proxy": "LiteLLM's proxy"}


def connections(pid: int) -> int:
    """Sockets that a process has open."""
    folder = Path(f"/proc/{pid}/fd")
    found = 0
    for link in folder.iterdir():
        with contextlib.suppress(OSError):
            found += os.readlink(link).startswith("socket:")
    return found


class Door:
    """One way to ask; ``pid`` is the process that is measured."""

    pid = os.getpid()
    chunks = 100
    """Of one answer."""

    @property
    def prompt(self) -> str:
        """What the offline Kimi answers with so many chunks."""
        return f"{{{{reason: Short.}}}} {{{{repeat: {self.chunks} word}}}}"

    async def stream(self) -> AsyncIterator[str]:
        """The pieces of one answer."""
        raise NotImplementedError
        yield ""

    async def close(self) -> None:
        """Nothing to close."""


class Llm(Door):
    """The async model of the plugin."""

    def __init__(self, url: str) -> None:
        from llm_kimi.integrations.llm.models import AsyncKimi

        self._model = AsyncKimi("kimi-k3.1-pro", base_url=url)

    async def stream(self) -> AsyncIterator[str]:
        response = self._model.prompt(self.prompt, key="sk-load-0123456789", stream=True)
        async for piece in response:
            yield piece


class LiteLlm(Door):
    """``litellm.acompletion``."""

    def __init__(self, url: str) -> None:
        import litellm

        import llm_kimi.litellm  # noqa: F401

        self._litellm, self._url = litellm, url

    async def stream(self) -> AsyncIterator[str]:
        answer = await self._litellm.acompletion(
            model="kimi/kimi-k3.1-pro",
            messages=[{"role": "user", "content": self.prompt}],
            api_base=self._url,
            api_key="sk-load-0123456789",
            stream=True,
        )
        async for chunk in answer:
            yield chunk.choices[0].delta.content or ""


class ProxyDoor(Door):
    """A client of LiteLLM's proxy; the proxy is measured."""

    def __init__(self, url: str, port: int, pid: int) -> None:
        import httpx

        self.pid = pid
        self._client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {MASTER}"},
            timeout=120,
            # Let go of idle connections before the proxy does: uvicorn ends them after 5 s, and a
            # request that meets that moment is reset.
            limits=httpx.Limits(max_connections=400, keepalive_expiry=2.0),
            trust_env=False,
        )

    async def stream(self) -> AsyncIterator[str]:
        body = {
            "model": "kimi",
            "messages": [{"role": "user", "content": self.prompt}],
            "stream": True,
        }
        async with self._client.stream("POST", "/v1/chat/completions", json=body) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    parsed = json.loads(line[6:])
                    if "error" in parsed:
                        raise RuntimeError(str(parsed["error"])[:200])
                    if parsed["choices"]:
                        yield parsed["choices"][0]["delta"].get("content") or ""

    async def close(self) -> None:
        await self._client.aclose()


@contextlib.contextmanager
def proxy(url: str) -> Iterator[tuple[int, int]]:
    """LiteLLM's proxy with our provider: its port and its process."""
    with tempfile.TemporaryDirectory() as folder:
        config = {
            "model_list": [
                {
                    "model_name": "kimi",
                    "litellm_params": {
                        "model": "kimi/kimi-k3.1-pro",
                        "api_base": url,
                        "api_key": "sk-load-0123456789",
                    },
                }
            ],
            "litellm_settings": {
                "custom_provider_map": [
                    {"provider": "kimi", "custom_handler": "kimi_handler.handler"}
                ]
            },
            "general_settings": {"master_key": MASTER},
        }
        Path(folder, "config.yaml").write_text(json.dumps(config))
        Path(folder, "kimi_handler.py").write_text("from llm_kimi.litellm import handler\n")
        port = free_port()
        command = [str(Path(sys.executable).with_name("litellm")), "--config", "config.yaml"]
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(port, process)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    import httpx

    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/health/liveliness").status_code == 200:
                return
        time.sleep(0.2)
    raise RuntimeError("the proxy did not start")


async def measure(door: Door, streams: int, seconds: float) -> dict[str, Any]:
    """A single stream for a while, then ``streams`` of them for ``seconds``."""
    wrong: list[str] = []

    async def one() -> int:
        pieces = 0
        try:
            text = ""
            async for piece in door.stream():
                pieces += 1
                text += piece
            if text.split() != ["word"] * door.chunks:
                wrong.append(f"a wrong answer of {len(text)} characters")
        except Exception as error:
            wrong.append(f"{type(error).__name__}: {error}"[:200])
        return pieces

    async def until(end: float) -> tuple[int, int]:
        pieces = answers = 0
        while time.monotonic() < end:
            pieces += await one()
            answers += 1
        return pieces, answers

    await asyncio.gather(*(one() for _ in range(streams)))  # connections and imports
    wrong.clear()
    await asyncio.sleep(1)
    begun = cpu(door.pid)
    alone, _ = await until(time.monotonic() + max(10.0, seconds / 4))
    single = (cpu(door.pid) - begun) / max(alone, 1)
    before = {"tasks": len(asyncio.all_tasks()), "connections": connections(door.pid)}

    begun, start = cpu(door.pid), time.monotonic()
    runs = [asyncio.create_task(until(start + seconds)) for _ in range(streams)]
    samples = []
    for _ in range(6):
        await asyncio.sleep(seconds / 6)
        samples.append(memory(door.pid))
    totals = await asyncio.gather(*runs)
    used, took = cpu(door.pid) - begun, time.monotonic() - start
    pieces = sum(count for count, _ in totals)
    # Clients close what was idle for some seconds when they are used again.
    await asyncio.sleep(6)
    await one()
    await asyncio.sleep(1)
    after = {"tasks": len(asyncio.all_tasks()), "connections": connections(door.pid)}
    await door.close()
    return {
        "streams": streams,
        "seconds": round(took, 1),
        "answers": sum(count for _, count in totals),
        "chunks": pieces,
        "errors": len(wrong),
        "first_errors": wrong[:3],
        "cpu_single": round(single * 1e6, 1),
        "cpu_many": round(used / max(pieces, 1) * 1e6, 1),
        "memory": [round(value, 1) for value in samples],
        "before": before,
        "after": after,
    }


def run_door(name: str, streams: int, seconds: float) -> dict[str, Any]:
    """One door, in this process."""
    with contextlib.ExitStack() as running:
        url = running.enter_context(offline_kimi(DELAYS[name]))
        door: Door
        if name == "proxy":
            door = ProxyDoor(url, *running.enter_context(proxy(url)))
        else:
            door = {"llm": Llm, "litellm": LiteLlm}[name](url)
        door.chunks = CHUNKS[name]
        return asyncio.run(measure(door, streams, seconds))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--doors", nargs="*", default=list(DELAYS), choices=list(DELAYS))
    parser.add_argument("--door", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.door:
        print(json.dumps(run_door(given.door, given.streams, given.seconds)))
        return
    kept = json.loads(RESULTS.read_text())["doors"] if RESULTS.exists() else {}
    results: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "versions": {name: _version(name) for name in ("llm", "openai", "litellm")},
        "doors": kept,
    }
    for name in given.doors:
        command = [sys.executable, "-W", "ignore", __file__, "--door", name]
        command += ["--seconds", str(given.seconds), "--streams", str(given.streams)]
        env = environment()
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True)
        row = json.loads(done.stdout.splitlines()[-1])
        results["doors"][name] = row
        print(
            f"{KIND[name]}: {row['answers']} answers, {row['chunks']} chunks, "
            f"{row['errors']} errors, CPU a chunk {row['cpu_many']} us ({row['cpu_single']} us "
            f"alone), memory {row['memory'][0]} to {row['memory'][-1]} MB, "
            f"tasks {row['before']['tasks']} -> {row['after']['tasks']}, "
            f"sockets {row['before']['connections']} -> {row['after']['connections']}",
            flush=True,
        )
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    if any(row["errors"] for row in results["doors"].values()):
        sys.exit("there were errors")


if __name__ == "__main__":
    main()
