"""``llm kimi simulate``: alone until Ctrl-C, or around a command whose status it takes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from llm_kimi.config import settings
from tests.support.llm_runs import process, run, start

PYTHON = sys.executable
ASK = (
    "import os, urllib.request, json\n"
    "body = json.dumps({'model': 'kimi-k2.6', 'messages': [{'role': 'user', 'content': 'hi'}]})\n"
    "request = urllib.request.Request(os.environ['KIMI_BASE_URL'] + '/chat/completions', "
    "data=body.encode(), headers={'Authorization': 'Bearer ' + os.environ['MOONSHOT_API_KEY'], "
    "'Content-Type': 'application/json'})\n"
    "answer = json.load(urllib.request.urlopen(request))\n"
    "print(answer['choices'][0]['message']['reasoning_content'])"
)


def test_a_command_gets_base_url_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "https://elsewhere.example/v1")
    monkeypatch.setenv("KIMI_API_KEY", "sk-real")
    code = "import os, json; print(json.dumps(dict(os.environ)))"
    done = process("kimi", "simulate", "--", PYTHON, "-c", code)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len({found[name] for name in settings.BASE_URL_VARIABLES}) == 1
    assert found["KIMI_BASE_URL"].startswith("http://127.0.0.1:")
    assert {found[name] for name in settings.KEY_VARIABLES} == {"sk-simulator"}
    assert "sk-real" not in done.stdout


def test_openais_own_variables_lead_here_when_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.example/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    code = "import os, json; print(json.dumps(dict(os.environ)))"
    plain, led = (
        json.loads(process("kimi", "simulate", *flags, "--", PYTHON, "-c", code).stdout)
        for flags in ((), ("--openai",))
    )
    assert plain["OPENAI_API_KEY"] == "sk-of-openai"
    assert led["OPENAI_BASE_URL"] == led["OPENAI_API_BASE"] == led["KIMI_BASE_URL"]
    assert led["OPENAI_API_KEY"] == "sk-simulator"


def test_the_example_of_the_help(tmp_path: Path) -> None:
    done = process("kimi", "simulate", "--", PYTHON, "-m", "llm", "-m", "kimi-k2.6", "hi")
    assert done.stdout == "[offline Kimi] You said: hi\n"
    assert done.returncode == 0


def test_a_stored_key_does_not_keep_the_command_from_working() -> None:
    assert run("keys", "set", "kimi", "--value", "sk-stored").exit_code == 0
    done = process("kimi", "simulate", "--", PYTHON, "-m", "llm", "-m", "kimi-k2.6", "hi")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_it_ends_with_the_status_of_the_command(code: int) -> None:
    result = run("kimi", "simulate", "--", PYTHON, "-c", f"raise SystemExit({code})")
    assert result.exit_code == code


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGINT"])
def test_a_command_that_a_signal_ended(name: str) -> None:
    number = int(getattr(signal, name))
    code = (
        f"import os, signal; signal.signal({number}, signal.SIG_DFL)"
        if name != "SIGKILL"
        else ("import os")
    )
    code += f"; os.kill(os.getpid(), {number})"
    assert run("kimi", "simulate", "--", PYTHON, "-c", code).exit_code == 128 + number


def test_no_such_command() -> None:
    result = run("kimi", "simulate", "--", "no-such-command-here")
    assert result.exit_code == 127
    assert result.stderr == "Error: no such command: no-such-command-here\n"


@pytest.mark.skipif(os.name == "nt", reason="modes")
def test_a_command_that_cannot_be_run(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"\x7fELFnonsense")
    bad.chmod(0o755)
    result = run("kimi", "simulate", "--", str(bad))
    assert result.exit_code == 126
    assert result.stderr.startswith(f"Error: cannot run {bad}: ")


@pytest.mark.skipif(os.name == "nt", reason="modes")
def test_a_file_that_is_no_program(tmp_path: Path) -> None:
    """As shells end: 126."""
    (tmp_path / "text").write_text("x")
    for path, what in ((tmp_path / "text", "is not executable"), (tmp_path, "is a folder")):
        result = run("kimi", "simulate", "--", str(path))
        assert result.exit_code == 126
        assert result.stderr == f"Error: cannot run {path}: it {what}\n"


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("name", ["SIGHUP", "SIGUSR1"])
def test_other_signals_are_passed_on_too(tmp_path: Path, name: str) -> None:
    """And the command is not left behind."""
    number = int(getattr(signal, name))
    code = (
        f"import signal, sys, time; signal.signal({number}, lambda *_: sys.exit(7)); "
        "print('ready', flush=True); time.sleep(60)"
    )
    with start("kimi", "simulate", "--", PYTHON, "-c", code) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        running.send_signal(number)
        assert running.wait(20) == 7


def test_programs_beside_the_python_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    if not (Path(PYTHON).parent / "llm").exists():
        pytest.skip("llm is not installed beside this Python")
    monkeypatch.setenv("PATH", os.defpath)
    if shutil.which("llm"):
        pytest.skip("another llm is on the PATH")
    assert run("kimi", "simulate", "--", "llm", "--version").exit_code == 0


def test_stdin_and_stdout_pass_through() -> None:
    code = "import sys; print(sys.stdin.read().upper()); print('oops', file=sys.stderr)"
    done = process("kimi", "simulate", "--", PYTHON, "-c", code, input="abc")
    assert (done.stdout, done.stderr) == ("ABC\n", "oops\n")


def test_options_behind_the_command_are_the_commands() -> None:
    code = "import sys; print(sys.argv[1:])"
    for dashes in (("--",), ()):
        done = process("kimi", "simulate", *dashes, PYTHON, "-c", code, "--port", "x", "--help")
        assert done.stdout == "['--port', 'x', '--help']\n"


def test_a_mistyped_option_is_no_command() -> None:
    result = run("kimi", "simulate", "--prot", "8")
    assert result.exit_code == 2
    assert "--prot" in result.stderr


def test_the_log_has_the_request_and_no_key(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    assert run("kimi", "simulate", "--log", str(log), "--", PYTHON, "-c", ASK).exit_code == 0
    text = log.read_text()
    record = json.loads(text)
    assert record["body"]["messages"] == [{"role": "user", "content": "hi"}]
    assert (record["status"], record["rule"]) == (200, None)
    assert "sk-simulator" not in text


def test_the_log_cannot_be_written(tmp_path: Path) -> None:
    result = run("kimi", "simulate", "--log", str(tmp_path / "no" / "x"), "--", PYTHON, "-c", "")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "no/x" in result.stderr


def test_the_seed_decides_the_answers() -> None:
    def thoughts(seed: int) -> str:
        return process("kimi", "simulate", "--seed", str(seed), "--", PYTHON, "-c", ASK).stdout

    assert thoughts(1) == thoughts(1) != thoughts(2)


def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("kimi", "simulate", "--port", str(port), "--", PYTHON, "-c", "")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: cannot start on port {port}: ")


def test_a_port_that_is_none() -> None:
    assert run("kimi", "simulate", "--port", "70000").exit_code == 2


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_alone_it_says_how_to_use_it_and_runs_until_ctrl_c() -> None:
    with start("kimi", "simulate") as running:
        assert running.stdout is not None
        lines = [running.stdout.readline().decode() for _ in range(5)]
        url = lines[2].partition("KIMI_BASE_URL=")[2].strip()
        key = lines[3].partition("MOONSHOT_API_KEY=")[2].strip()
        request = urllib.request.Request(
            f"{url}/models", headers={"Authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(request) as answer:
            assert "kimi-k2.6" in answer.read().decode()
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=60)
    assert running.returncode == 0
    assert stderr.strip() == (
        b"Stopped. In the other terminal: unset KIMI_BASE_URL MOONSHOT_API_KEY"
    )


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_is_the_commands_to_handle() -> None:
    code = (
        # Nothing is printed by the handler: the signal may come while "ready" is.
        "import signal, sys, time\nstopped = []\n"
        "signal.signal(signal.SIGINT, lambda *args: stopped.append(1))\n"
        "print('ready', flush=True)\n"
        "while not stopped: time.sleep(0.01)\n"
        "print('stopped', flush=True)\nsys.exit(5)"
    )
    running = _in_a_group("kimi", "simulate", "--", PYTHON, "-c", code)
    with running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        os.killpg(running.pid, signal.SIGINT)
        output, stderr = running.communicate(timeout=60)
    assert (output, stderr, running.returncode) == (b"stopped\n", b"", 5)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_python_commands_get_their_keyboard_interrupt() -> None:
    code = "import time; print('ready', flush=True); time.sleep(120)"
    with _in_a_group("kimi", "simulate", "--", PYTHON, "-c", code) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        os.killpg(running.pid, signal.SIGINT)
        _, stderr = running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGINT
    assert b"KeyboardInterrupt" in stderr


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_request_to_end_is_passed_on() -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(120)"
    with start("kimi", "simulate", "--", PYTHON, "-c", code) as running:
        assert running.stdout is not None
        child = int(running.stdout.readline())
        running.terminate()
        running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def _in_a_group(*args: str) -> subprocess.Popen[bytes]:
    """The command at the head of a group of its own, as a shell starts it."""
    return subprocess.Popen(
        [PYTHON, "-m", "llm", *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def test_help_shows_examples() -> None:
    text = run("kimi", "simulate", "--help").stdout
    assert "llm kimi simulate -- llm -m kimi hi" in text


def test_a_proxy_of_this_machine_does_not_come_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator is on loopback, where no proxy is of use."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    done = process("kimi", "simulate", "--", sys.executable, "-m", "llm", "-m", "kimi-k2.6", "hi")
    assert done.returncode == 0, done.stderr
    assert "You said: hi" in done.stdout
