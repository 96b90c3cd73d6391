"""Commands that ask the host: every way it can go wrong is one line, and no line holds a key."""

from __future__ import annotations

import shlex
import socket
import subprocess

import pytest

from llm_kimi import APIConnectionError
from llm_kimi.simulator import Simulator
from llm_kimi.transport.json_api import Endpoints
from tests.support.llm_runs import closed_clients, process, run
from tests.support.warm import warm

__all__ = ["closed_clients"]

COMMANDS = (("refresh",), ("balance",), ("count", "-m", "kimi-k2.6", "hi"))
KEY = "sk-wrong-0123456789abcdef"

every = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])


def refuse(*command: str) -> str:
    """The one line of a run that fails as commands fail."""
    result = run("kimi", *command)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert KEY not in line
    return line.removeprefix("Error: ")


@every
def test_no_key(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    text = refuse(*command)
    assert text.startswith("No key for Kimi")
    assert "llm keys set kimi" in text


@every
def test_a_wrong_key_names_its_place_and_the_other_host(
    command: tuple[str, ...], kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", KEY)
    text = refuse(*command)
    assert "401" in text
    assert "The key came from the environment variable MOONSHOT_API_KEY" in text
    assert "KIMI_BASE_URL=https://api.moonshot.cn/v1" in text


@every
def test_a_key_of_the_command_line(command: tuple[str, ...], kimi: Simulator) -> None:
    assert "The key came from the option --key" in refuse(*command, "--key", KEY)


@every
def test_a_key_that_cannot_be_one(
    command: tuple[str, ...], kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", f"{KEY} {KEY}")
    assert "copy the key again" in refuse(*command)


@every
def test_nobody_listens(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", KEY)
    monkeypatch.setenv("KIMI_BASE_URL", "http://127.0.0.1:9/v1")
    assert refuse(*command).startswith("no connection to http://127.0.0.1:9/v1 (")


@every
def test_a_base_url_that_is_none(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", KEY)
    monkeypatch.setenv("KIMI_BASE_URL", f"https://user:{KEY}@relay.example/v1")
    assert refuse(*command).startswith("KIMI_BASE_URL: must be a plain URL")


@every
def test_a_gateway_answers_with_a_page(command: tuple[str, ...], kimi: Simulator) -> None:
    kimi.fault(html=True)
    assert "504: a gateway answered with a page (504 Gateway Time-out)" in refuse(*command)
    kimi.fault(html=True, status=200)
    text = refuse(*command)
    assert "the answer is not a JSON object but a web page" in text
    assert "Its base URL ends in /v1" in text


@every
def test_an_answer_that_breaks_off(command: tuple[str, ...], kimi: Simulator) -> None:
    kimi.fault(cut_after=0)
    assert refuse(*command).startswith("no connection to ")
    kimi.fault(drop=True)
    assert refuse(*command).startswith("no connection to ")


@every
def test_the_api_is_in_trouble(command: tuple[str, ...], kimi: Simulator) -> None:
    kimi.fault(status=429, type="engine_overloaded_error")
    assert refuse(*command).startswith("429 engine_overloaded_error: The engine is currently")
    assert len(kimi.requests) == 1  # nothing is tried again
    kimi.fault(status=500, message=f"at {KEY}\n  line 2")
    assert "at sk-*** line 2" in refuse(*command)


@every
def test_a_base_url_without_v1(
    command: tuple[str, ...], kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", kimi.base_url.removesuffix("/v1"))
    assert "Kimi's ends in /v1" in refuse(*command)


def test_silence_has_an_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        base_url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        host = Endpoints(base_url, KEY, timeout=0.2)
        with pytest.raises(APIConnectionError) as caught:
            host.get("/models")
    assert str(caught.value) == f"timed out: no answer from {base_url} within 0.2 seconds"


def test_a_real_command_prints_no_traceback() -> None:
    for command in COMMANDS:
        done = process(
            "kimi", *command, MOONSHOT_API_KEY=KEY, KIMI_BASE_URL="http://127.0.0.1:9/v1"
        )
        assert done.returncode == 1
        assert done.stderr.startswith("Error: no connection to ")
        assert len(done.stderr.splitlines()) == 1
        assert KEY not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["models", "balance", "refresh"])
def test_a_reader_that_goes_away_is_no_traceback(command: str, kimi: Simulator) -> None:
    line = f"{shlex.join(warm())} llm kimi {command} | head -n 1"
    done = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, timeout=30, check=False
    )
    assert "Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("command", [*COMMANDS, ("files", "list")], ids=lambda command: command[0])
def test_a_base_url_in_the_clear_is_told(
    command: tuple[str, ...], kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def warning(base: str) -> str:
        seen.append(base)
        return "the base URL is plain http://"

    monkeypatch.setattr("llm_kimi.config.settings.cleartext_warning", warning)
    result = run("kimi", *command)
    assert result.exit_code == 0, result.output
    assert "kimi: the base URL is plain http://" in result.stderr
    assert seen[0] == kimi.base_url
