"""Clients of Node.js in front of the server, as their makers publish them: ``make node``.

The programs stand in ``node/`` and are written as for OpenAI; nothing in them is Kimi's but the
id of a model.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.raw_servers import HEAD, Connection, chunked, raw_server
from tests.support.servers import Served, served

ROOT = Path(__file__).parents[3]
SOURCES = Path(__file__).parent / "node"
EXAMPLES = ROOT / "docs" / "examples" / "node"
MODULES = ROOT / ".venv" / "node" / "node_modules"
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="there is no node here"),
    pytest.mark.skipif(not MODULES.is_dir(), reason="no clients of Node.js: make node"),
]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The programs, where their packages are found."""
    folder = tmp_path / "node"
    shutil.copytree(SOURCES, folder)
    (folder / "node_modules").symlink_to(MODULES)
    return folder


def _start(programs: Path, name: str, server: Served, *args: str) -> subprocess.Popen[str]:
    assert NODE is not None
    return subprocess.Popen(
        [NODE, str(programs / name), *args],
        env={
            **os.environ,
            "OPENAI_BASE_URL": server.base_url,
            "OPENAI_API_KEY": str(server.key),
            "AI_SDK_LOG_WARNINGS": "false",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def found(programs: Path, name: str, server: Served) -> dict[str, Any]:
    """What a program printed."""
    process = _start(programs, name, server)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    result: dict[str, Any] = json.loads(out)
    return result


def test_openais_client_unmigrated(programs: Path, server: Served) -> None:
    """The two examples of the guide, a chat and a stream, and what it says breaks
    (https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi)."""
    said = found(programs, "openai_client.mjs", server)
    assert said["chat"] == ["1 + 1 is 2"] * 2
    assert {"temperature", "n"} <= set(said["adjustments"])
    assert said["requestId"]
    assert said["stream"] == "1 + 1 is 2"
    assert said["usage"] == said["choiceUsage"] > 0
    assert said["forced"] == "get_weather"
    assert said["legacy"] == ["get_weather", "function_call"]
    assert said["parsed"] == {"name": "Ada", "age": 36}
    assert "sunny" in said["tools"]
    assert said["asked"] == [["city"]]
    assert said["error"] == ["NotFoundError", 404, "model", "invalid_request_error"]
    assert said["missing"] == ["NotFoundError", 404]
    assert "kimi-k3.1-pro" in said["models"]
    assert said["file"] == ["note.txt", 1]


def test_an_agent_of_the_ai_sdk(programs: Path, server: Served) -> None:
    said = found(programs, "ai_sdk.mjs", server)
    assert "sunny" in said["agent"]
    assert said["asked"] == [["city"]]
    assert said["steps"] == 2
    assert said["reasoning"]
    assert said["stream"] == "hello"
    assert said["usage"] > 0
    assert said["object"] == {"name": "Ada", "age": 36}


def test_langchain(programs: Path, server: Served) -> None:
    said = found(programs, "langchain.mjs", server)
    assert said["calls"] == ["get_weather"]
    assert "sunny" in said["agent"]
    assert said["stream"] == "hello"
    assert said["object"] == {"name": "Ada", "age": 36}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("openai.mjs", "You said: Ten names for a pet pelican"),
        ("ai_sdk.mjs", "sunny"),
        ("langchain.mjs", "Two lines about pelicans"),
    ],
)
def test_the_examples_of_the_docs(programs: Path, server: Served, name: str, said: str) -> None:
    shutil.copy(EXAMPLES / name, programs / "example.mjs")
    process = _start(programs, "example.mjs", server)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert said in out


@pytest.mark.parametrize("way", ["break", "abort", "whole"])
def test_who_stops_to_listen_ends_the_call(
    programs: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    def answer(connection: Connection) -> None:
        if way != "whole":
            event = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
            connection.send(HEAD + chunked(event))
        connection.wait(60)

    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-of-the-server")
    with raw_server(answer) as kimi, served(KIMI_BASE_URL=kimi.base_url) as server:
        process = _start(programs, "leaving.mjs", server, way)
        assert process.stdout is not None
        assert process.stdout.readline() == "left\n"
        end = time.monotonic() + 10
        while kimi.open:
            assert time.monotonic() < end
            time.sleep(0.01)
        assert len(kimi.requests) == 1
        process.communicate("go\n", timeout=60)
