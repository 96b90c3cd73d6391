"""The forks that stand in for commands end, read and write as the commands themselves would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.warm import warm

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


def forked(code: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*warm(), "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def said(code: str, given: str = "", **environment: str) -> tuple[int, str, str]:
    with forked(code, **environment) as running:
        out, err = running.communicate(given, timeout=60)
    return running.returncode, out, err


def test_it_is_a_fork_of_what_has_imported_llm() -> None:
    assert said("import sys; print('llm.cli' in sys.modules)") == (0, "True\n", "")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("pass", 0),
        ("import sys; sys.exit(3)", 3),
        ("raise ValueError('x')", 1),
        ("import os; os.kill(os.getpid(), 15)", -signal.SIGTERM),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
    ],
)
def test_its_end_is_the_programs(code: str, status: int) -> None:
    assert said(code)[0] == status


def test_files_folder_and_environment_are_those_of_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = (
        "import os, sys; print(sys.stdin.read(), os.getcwd(), os.environ['MINE'], sys.argv);"
        "print('wrong', file=sys.stderr)"
    )
    assert said(code, "größe", MINE="1") == (0, f"größe {tmp_path} 1 ['-c']\n", "wrong\n")
    assert "MINE" not in os.environ


def test_signals_are_handed_on() -> None:
    code = (
        "import time\n"
        "try: print('up', flush=True); time.sleep(60)\n"
        "except KeyboardInterrupt: print('stopped')"
    )
    with forked(code) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "up\n"
        running.send_signal(signal.SIGINT)
        assert running.communicate(timeout=30)[0] == "stopped\n"
    assert running.returncode == 0


def test_it_does_not_outlive_its_caller() -> None:
    with forked("import os, time; print(os.getpid(), flush=True); time.sleep(60)") as running:
        assert running.stdout is not None
        child = int(running.stdout.readline())
        assert child != running.pid
        running.kill()
        assert running.communicate(timeout=30) == ("", "")  # its ends of the pipes are closed


@pytest.mark.parametrize("moment", ["before its request", "in its request", "before the answer"])
def test_a_client_that_is_killed_early_takes_nobody_with_it(moment: str) -> None:
    asked = repr({"argv": [b"-c", b"pass"], "env": dict(os.environb), "cwd": os.getcwdb()})
    asked = asked[:-1] + f", 'group': {os.getpgrp()}, 'ignored': []}}"
    size = len(asked).to_bytes(4, "big")
    with socket.socket(socket.AF_UNIX) as gone, Path(os.devnull).open("r+b") as nothing:
        gone.connect(warm()[-1])
        if moment != "before its request":
            socket.send_fds(gone, [size], [nothing.fileno()] * 3)
            gone.sendall(asked.encode()[: 10 if moment == "in its request" else None])
    assert said("import sys; print('llm.cli' in sys.modules)") == (0, "True\n", "")


@pytest.mark.parametrize("name", ["PYTHONHASHSEED", "LC_ALL", "LLM_LOAD_PLUGINS"])
def test_what_only_a_new_python_sees_gets_one(name: str) -> None:
    value = {"PYTHONHASHSEED": "1", "LC_ALL": "C", "LLM_LOAD_PLUGINS": ""}[name]
    code = "import sys; print('llm.cli' in sys.modules)"
    assert said(code, **{name: value}) == (0, "False\n", "")
