"""The files and commands of the docs that need LiteLLM or its proxy, run as they stand."""

from __future__ import annotations

import json
import os
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
from tests.support.docs_pages import commands, pages, shown, split
from tests.support.litellm_proxies import MASTER, running_proxies, started
from tests.support.ports import kept_port
from tests.support.warm import Kind, python, warm_path

BIN = str(Path(sys.executable).parent)
EXAMPLES = ROOT / "docs" / "examples" / "proxy"
STARTS = "--config config.yaml"
ASKS = "curl http://127.0.0.1:4000/"


def _scripts(page: Path) -> tuple[str, list[str]]:
    """Of a page, the block that starts the proxy as it stands, and the commands that ask it.

    Of the first, only what asks the package index is left out.
    """
    blocks = [commands(block) for block in split(page)[0] if block.language == "bash"]
    starts = [block for block in blocks if block[-1].endswith(STARTS)]
    asks = [one for block in blocks for one in block if one.startswith(ASKS)]
    lines = [one for one in starts[0] if not one.startswith("pip install ")] if starts else []
    return "\n".join(lines), asks


PAGES = [page for page in pages() if _scripts(page)[0]]


def _copied(folder: Path, name: str) -> Path:
    for path in EXAMPLES.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    return folder / name


def test_every_command_that_asks_a_proxy_is_run() -> None:
    assert {page.name for page in PAGES} == {"getting-started.md", "proxy.md"}
    assert all(bool(_scripts(page)[1]) == (page in PAGES) for page in pages())


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_the_commands_of_the_docs(page: Path, tmp_path: Path) -> None:
    """Not a letter of them is changed: LiteLLM reads its port, and curl where to connect, here."""
    start, asks = _scripts(page)
    # One proxy of all tests starts as it does for a user.
    warmed: tuple[Kind, ...] = ("llm",) if page.stem == "getting-started" else ("llm", "litellm")
    _copied(tmp_path, "config.yaml")
    with Simulator() as kimi, kept_port() as port:
        (tmp_path / ".curlrc").write_text(
            f"silent\nshow-error\nfail-with-body\nconnect-to = 127.0.0.1:4000:127.0.0.1:{port}\n"
        )
        environment = {
            **os.environ,
            "PATH": os.pathsep.join((warm_path(*warmed), BIN, os.environ["PATH"])),
            "PORT": str(port),
            "HOST": "127.0.0.1",
            "CURL_HOME": str(tmp_path),
            "NO_PROXY": "127.0.0.1",
            "PYTHONWARNINGS": "ignore",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LLM_USER_PATH": str(tmp_path / "llm"),
        }
        # For the page that speaks to Moonshot; the other brings an offline Kimi of its own.
        shell = {**environment, "KIMI_BASE_URL": kimi.base_url}
        with started(["sh", "-eu", "-c", start], port, tmp_path, **shell) as proxy:
            for command in asks:
                done = subprocess.run(
                    ["sh", "-eu", "-c", command],
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=60,
                    check=False,
                )
                assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
                message = json.loads(done.stdout)["choices"][0]["message"]
                assert message["content"].endswith("You said: Hi"), command
            models = [record["body"]["model"] for record in kimi.requests]
            if (tmp_path / "master.key").exists():
                key = (tmp_path / "master.key").read_text().strip()
                bearer = {"Authorization": f"Bearer {key}"}
                health = proxy.http.get("/health", headers=bearer).json()
                assert (health["healthy_count"], health["unhealthy_count"]) == (2, 0), health
    assert models == ([] if "simulate" in start else ["kimi-k3.1-pro"] * len(asks))


def test_the_requests_of_the_docs_to_both_providers(tmp_path: Path) -> None:
    """docs/coming-from.md: ours answers all of them, LiteLLM's own refuses some."""
    with Simulator() as kimi:
        environment = {
            **os.environ,
            **simulator_environment(kimi.base_url, kimi.key),
            "PYTHONWARNINGS": "ignore",
        }
        program = ROOT / "docs" / "examples" / "two_providers.py"
        done = subprocess.run(
            python(program.read_text("utf-8")),
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    found = json.loads(done.stdout.splitlines()[-1])
    rows = found["rows"]
    assert found["version"] == version("litellm")
    assert {outcomes["kimi/kimi-k3"] for outcomes in rows.values()} == {"answers"}
    refused = {name for name, both in rows.items() if both["moonshot/kimi-k3"] != "answers"}
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
        with running_proxies(_copied(tmp_path, "shared.yaml"), 1, **environment) as (proxy,):
            assert proxy.chat("hi").status_code == 200
