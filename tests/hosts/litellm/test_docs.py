"""The files and commands of the docs that need LiteLLM or its proxy, run as they stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from llm_kimi.config.settings import simulator_environment
from llm_kimi.simulator import Simulator
from scripts.environment import ROOT
from tests.hosts.litellm.test_redis import SERVER
from tests.hosts.litellm.test_redis import redis as redis
from tests.support.docs_pages import commands, pages, split
from tests.support.litellm_proxies import MASTER, running_proxies

EXAMPLES = ROOT / "docs" / "examples" / "proxy"
CURLS = [
    one
    for page in pages()
    for block in split(page)[0]
    if block.language == "bash"
    for one in commands(block)
    if one.startswith("curl ") and ":4141/" not in one  # that of the local server
]


# The key that the docs show: newer versions do not start with a well-known one.
(DOCUMENTED_KEY,) = {
    match[1]
    for page in pages()
    for match in re.finditer(r"LITELLM_MASTER_KEY=(sk-[\w-]+)", page.read_text())
}


def _copied(folder: Path, name: str) -> Path:
    for path in EXAMPLES.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    return folder / name


def test_the_config_of_the_docs(tmp_path: Path) -> None:
    assert CURLS
    with Simulator() as kimi:
        environment = {
            "KIMI_BASE_URL": kimi.base_url,
            "MOONSHOT_API_KEY": kimi.key,
            "LITELLM_MASTER_KEY": DOCUMENTED_KEY,
        }
        with running_proxies(_copied(tmp_path, "config.yaml"), **environment) as (proxy,):
            proxy.http.headers["Authorization"] = f"Bearer {DOCUMENTED_KEY}"
            named = proxy.chat("hi", thinking={"type": "enabled"})
            assert named.json()["choices"][0]["message"]["content"].endswith("You said: hi")
            assert proxy.chat("hi", "kimi/kimi-k3").status_code == 200
            for command in CURLS if shutil.which("curl") else ():
                answer = json.loads(_curl(command, proxy.url))
                assert answer["choices"][0]["message"]["content"].endswith("You said: Hi"), command
        models = [record["body"]["model"] for record in kimi.requests]
        assert models[:2] == ["kimi-k2.6", "kimi-k3"]


def _curl(command: str, url: str) -> str:
    """What a command of the docs gets from the proxy at ``url``: only its port is another."""
    assert "http://127.0.0.1:4000/" in command
    command = command.replace("http://127.0.0.1:4000/", f"{url}/")
    environment = {**os.environ, "LITELLM_MASTER_KEY": DOCUMENTED_KEY, "NO_PROXY": "127.0.0.1"}
    return subprocess.run(
        ["sh", "-c", command], env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_the_requests_of_the_docs_to_both_providers(tmp_path: Path) -> None:
    """docs/coming-from.md: ours answers all of them, LiteLLM's own refuses some."""
    with Simulator() as kimi:
        environment = {
            **os.environ,
            **simulator_environment(kimi.base_url, kimi.key),
        }
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(ROOT / "docs" / "examples" / "two_providers.py")],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    found = json.loads(done.stdout.splitlines()[-1])
    rows = found["rows"]
    assert found["version"] == version("litellm")
    assert {outcomes["kimi/kimi-k2.6"] for outcomes in rows.values()} == {"answers"}
    refused = {name for name, both in rows.items() if both["moonshot/kimi-k2.6"] != "answers"}
    assert {"`top_p=0.5`", "`thinking`, switched off", "`functions`"} <= refused
    assert "a tool call by the tool's name" in refused


@pytest.mark.skipif(SERVER is None, reason="no redis-server on this machine")
def test_the_shared_config_of_the_docs(tmp_path: Path, redis: int) -> None:
    with Simulator() as kimi:
        environment = {
            "KIMI_BASE_URL": kimi.base_url,
            "MOONSHOT_API_KEY": kimi.key,
            "LITELLM_MASTER_KEY": MASTER,
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(redis),
        }
        with running_proxies(_copied(tmp_path, "shared.yaml"), 2, **environment) as proxies:
            assert [proxy.chat("hi").status_code for proxy in proxies] == [200, 200]
