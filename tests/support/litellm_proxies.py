"""A real LiteLLM proxy on loopback, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.ports import kept_port
from tests.support.warm import warm

MASTER = "sk-master"

if find_spec("apscheduler") is None or find_spec("fastapi") is None:
    pytest.skip("the proxy needs litellm[proxy]", allow_module_level=True)


def write_config(
    folder: Path, models: list[dict[str, Any]], handler: str | None, **more: Any
) -> Path:
    """``config.yaml`` (JSON is YAML), and the shim file where ``handler`` names it."""
    settings = dict(more.pop("litellm_settings", {}))
    if handler is not None:
        settings["custom_provider_map"] = [{"provider": "kimi", "custom_handler": handler}]
    if handler == "kimi_handler.handler":
        (folder / "kimi_handler.py").write_text("from llm_kimi.litellm import handler\n")
    config = {
        "model_list": models,
        "litellm_settings": settings,
        "general_settings": {"master_key": MASTER},
        **more,
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(config))
    return path


class Proxy:
    """A running proxy; ``post`` and ``get`` with the master key."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self.log = log
        self.http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {MASTER}"},
            timeout=60,
            trust_env=False,
            # uvicorn drops a connection after five idle seconds, maybe as it is used again.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.http.post(path, json=body, headers=headers)

    def chat(self, content: str, model: str = "kimi", **more: Any) -> httpx.Response:
        messages = [{"role": "user", "content": content}]
        return self.post("/v1/chat/completions", {"model": model, "messages": messages, **more})


@contextmanager
def running_proxies(config: Path, count: int = 1, **environment: str) -> Iterator[list[Proxy]]:
    """``litellm --config`` on free ports, ``count`` of them, ready to answer."""
    with ExitStack() as stack:
        begun = []
        for number in range(count):
            port = stack.enter_context(kept_port())
            command = [*warm("litellm"), "litellm.proxy.proxy_cli", "--config", str(config)]
            command += ["--host", "127.0.0.1", "--port", str(port)]
            folder, log = config.parent, config.parent / f"proxy-{number}.log"
            begun.append(stack.enter_context(_process(command, port, folder, log, **environment)))
        for process, proxy in begun:
            _wait(process, proxy)
        yield [proxy for _, proxy in begun]


@contextmanager
def started(command: list[str], port: int, folder: Path, **environment: str) -> Iterator[Proxy]:
    """``command``, which starts a proxy on ``port``, ready to answer; it runs in ``folder``."""
    with _process(command, port, folder, folder / "proxy.log", **environment) as (process, proxy):
        _wait(process, proxy)
        yield proxy


@contextmanager
def _process(
    command: list[str], port: int, folder: Path, log: Path, **environment: str
) -> Iterator[tuple[subprocess.Popen[bytes], Proxy]]:
    env = {
        **os.environ,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "PYTHONWARNINGS": "ignore",
        "LLM_USER_PATH": str(folder / "llm"),
        **environment,
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a shell may stand before it
        )
    proxy = Proxy(f"http://127.0.0.1:{port}", log)
    try:
        yield process, proxy
    finally:
        proxy.http.close()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: subprocess.Popen[bytes], proxy: Proxy) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            if proxy.http.get("/health/liveliness").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"the proxy did not start:\n{proxy.log.read_text()[-3000:]}")
