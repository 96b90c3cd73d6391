"""``llm kimi env``: the variables for a program, in the words of a shell."""

from __future__ import annotations

import json
import subprocess

import pytest

from llm_kimi.config import server_key
from llm_kimi.simulator import Simulator
from tests.support.llm_runs import run
from tests.support.servers import served


def test_a_shell_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/bash")
    result = run("kimi", "env")
    assert result.exit_code == 0
    script = f"{result.stdout}\necho $OPENAI_BASE_URL $OPENAI_API_KEY"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    key = server_key.path().read_text().strip()
    assert done.stdout == f"http://127.0.0.1:4141/v1 {key}\n"
    assert run("kimi", "env").stdout == result.stdout


def test_that_nothing_serves_there_is_said_beside_them() -> None:
    result = run("kimi", "env", "--port", "1")
    assert result.stderr == (
        "kimi: nothing serves on port 1 yet: start it with llm kimi serve --port 1\n"
    )
    assert ":1/v1" in result.stdout


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("sh", 'export OPENAI_BASE_URL="http://127.0.0.1:4141/v1"'),
        ("fish", 'set -gx OPENAI_BASE_URL "http://127.0.0.1:4141/v1"'),
        ("powershell", '$env:OPENAI_BASE_URL = "http://127.0.0.1:4141/v1"'),
    ],
)
def test_words_of_other_shells(shell: str, line: str) -> None:
    assert run("kimi", "env", "--shell", shell).stdout.splitlines()[0] == line


def test_the_login_shell_is_not_what_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """fish reads ``export A="b"`` as well, and may start another shell."""
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert run("kimi", "env").stdout.startswith("export ")


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:1"}, None),
        ({"HTTP_PROXY": "http://proxy:1"}, {"NO_PROXY": "127.0.0.1,localhost"}),
        ({"all_proxy": "http://proxy:1"}, {"NO_PROXY": "127.0.0.1,localhost"}),
        (
            {"http_proxy": "http://proxy:1", "no_proxy": "a.b"},
            {"no_proxy": "a.b,127.0.0.1,localhost"},
        ),
        ({"HTTP_PROXY": "http://proxy:1", "NO_PROXY": "127.0.0.1"}, None),
        ({"HTTP_PROXY": "http://proxy:1", "NO_PROXY": "*"}, None),
    ],
)
def test_a_proxy_of_the_environment_does_not_get_the_key(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: dict[str, str] | None
) -> None:
    """Clients send requests to this machine there too, unless NO_PROXY names it."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = json.loads(run("kimi", "env", "--json").stdout)
    assert {name: value for name, value in found.items() if not name.startswith("OPENAI")} == (
        told or {}
    )


def test_another_address() -> None:
    result = run("kimi", "env", "--host", "::1", "--port", "1")
    assert 'OPENAI_BASE_URL="http://[::1]:1/v1"' in result.stdout
    assert result.stderr.endswith("llm kimi serve --host ::1 --port 1\n")


def test_as_json_and_for_a_server_that_runs(kimi: Simulator) -> None:
    with served() as server:
        result = run("kimi", "env", "--json", "--port", str(server.port))
    assert result.stderr == ""
    assert json.loads(result.stdout) == {
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": server.key,
    }


def test_a_folder_that_cannot_be_written_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object, *more: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(server_key.os, "open", refuse)
    result = run("kimi", "env")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: the server's key cannot be read: ")


def test_the_key_under_a_running_server_is_left_alone(kimi: Simulator) -> None:
    """A program that asks for variables must not change what the server takes."""
    with served() as server:
        server_key.path().chmod(0o644)
        result = run("kimi", "env", "--port", str(server.port))
        assert result.exit_code == 1
        assert "can be read by other users, so its key is not taken" in result.stderr
        assert "start the server again" in result.stderr
        assert server_key.path().read_text().strip() == server.key
        assert server.ask().status == 200
