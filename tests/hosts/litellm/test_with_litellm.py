"""``llm kimi with-litellm``: programs that nobody can edit, in environments that nobody changes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import llm_kimi.commands.with_litellm  # noqa: F401
from llm_kimi.integrations.litellm.versions import unsupported
from llm_kimi.simulator import Simulator
from tests.support.llm_runs import process, run
from tests.support.warm import python

with_litellm = sys.modules["llm_kimi.commands.with_litellm"]

PROGRAM = """
import litellm
answer = litellm.completion(
    model="kimi/kimi-k3.1-pro", messages=[{"role": "user", "content": "say: hello"}]
)
print(answer.choices[0].message.content)
"""
LATE = f"""
import threading
def work():
    exec({PROGRAM!r})
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
NO_LITELLM = "kimi: Kimi is not available in LiteLLM here: "


def told(*command: str, **environment: str) -> str:
    done = process("kimi", "with-litellm", "--", *command, **environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def stand_in(tmp_path: Path) -> str:
    """PYTHONPATH with a litellm that is none, which is told where one is registered: importing
    the real one takes seconds."""
    (tmp_path / "litellm.py").write_text("x = 1")
    return f"{tmp_path}{os.pathsep}{os.environ['PYTHONPATH']}"


def test_a_program_that_does_not_know_of_it(kimi: Simulator) -> None:
    done = subprocess.run(python(PROGRAM), capture_output=True, text=True, check=False)
    assert "LLM Provider NOT provided" in done.stderr + done.stdout
    assert told(sys.executable, "-c", PROGRAM) == "hello\n"


def test_a_console_script(kimi: Simulator, tmp_path: Path) -> None:
    script = tmp_path / "aider"
    script.write_text(f"#!{sys.executable}\n{LATE}")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    assert told("aider", PATH=path) == "hello\n"


CHILD = "import subprocess, sys; subprocess.run([sys.executable, 'crew.py'], check=True)"


@pytest.mark.parametrize("way", [["crew.py"], ["-m", "crew"], ["-c", CHILD]])
def test_a_script_a_module_and_children_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: str, way: list[str]
) -> None:
    (tmp_path / "crew.py").write_text("import litellm; print(litellm.x)")
    monkeypatch.chdir(tmp_path)
    done = process("kimi", "with-litellm", "--", sys.executable, *way, PYTHONPATH=stand_in)
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert done.stderr.startswith(NO_LITELLM)


def test_nothing_else_of_this_environment_is_there(tmp_path: Path) -> None:
    """Only ``llm_kimi`` is found where it lies, and it is loaded when LiteLLM is."""
    code = (
        "import importlib.util, sys\n"
        "assert 'llm_kimi' not in sys.modules\n"
        "print(importlib.util.find_spec('llm_kimi').origin)\n"
        "print([n for n in ('llm', 'litellm', 'openai') if importlib.util.find_spec(n)])\n"
        "print(len(sys.path))\n"
    )
    plain = tmp_path / "plain"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(plain)], check=True)
    python = str(plain / "bin" / "python")
    bare = subprocess.run(
        [python, "-c", "import sys; print(len(sys.path))"],
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    origin, modules, length = told(python, "-c", code, PYTHONPATH="").splitlines()
    assert origin.endswith("llm_kimi/__init__.py")
    assert modules == "[]"
    assert int(length) == int(bare.stdout) + 1


def test_another_sitecustomize_still_runs(tmp_path: Path, stand_in: str) -> None:
    said = "import os\nif 'LLM_KIMI_PACKAGE' in os.environ: print('mine')"
    (tmp_path / "sitecustomize.py").write_text(said)
    command = ("kimi", "with-litellm", "--", sys.executable, "-c", "import litellm")
    done = process(*command, PYTHONPATH=stand_in)
    assert (done.returncode, done.stdout) == (0, "mine\n")
    assert done.stderr.startswith(NO_LITELLM)


def test_a_program_without_litellm_sees_no_difference() -> None:
    assert told(sys.executable, "-c", "print(1)") == "1\n"


@pytest.mark.parametrize("command", [(sys.executable, "-I", "-c", "print(1)"), ("echo", "1")])
def test_a_python_that_cannot_be_reached_is_said(command: tuple[str, ...]) -> None:
    """``-I`` and ``-E`` ignore PYTHONPATH (https://docs.python.org/3/using/cmdline.html)."""
    done = process("kimi", "with-litellm", "--", *command)
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert done.stderr.startswith(f"kimi: {command[0]} started no Python that reads PYTHONPATH")
    assert len(done.stderr.splitlines()) == 1


def test_a_package_in_a_path_with_a_colon_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(with_litellm, "STARTUP", Path("/a:b/llm_kimi/startup"))
    result = run("kimi", "with-litellm", "--", "true")
    assert result.exit_code == 1
    assert "install it elsewhere" in result.stderr


@pytest.mark.parametrize("code", [0, 3])
def test_it_ends_as_the_program_does(code: int) -> None:
    done = process("kimi", "with-litellm", "--", sys.executable, "-c", f"raise SystemExit({code})")
    assert (done.returncode, done.stderr) == (code, "")


def test_a_command_that_is_not_there() -> None:
    done = process("kimi", "with-litellm", "--", "no-such-program")
    assert (done.returncode, done.stderr) == (127, "Error: no such command: no-such-program\n")
    assert process("kimi", "with-litellm").returncode == 2


def test_what_goes_wrong_is_one_line(stand_in: str) -> None:
    """A LiteLLM that is none: the program goes on without Kimi, and says so."""
    code = "import litellm; print(litellm.x)"
    done = process("kimi", "with-litellm", "--", sys.executable, "-c", code, PYTHONPATH=stand_in)
    assert done.stdout == "1\n"
    assert done.stderr.startswith(NO_LITELLM)
    assert len(done.stderr.splitlines()) == 1


def test_a_litellm_that_is_too_old_is_called_so(tmp_path: Path, stand_in: str) -> None:
    """Also one from before custom providers, with which nothing can be registered."""
    about = tmp_path / "litellm-1.40.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: litellm\nVersion: 1.40.0\n")
    command = ("kimi", "with-litellm", "--", sys.executable, "-c", "import litellm")
    done = process(*command, PYTHONPATH=stand_in)
    assert done.stderr.startswith(f"{NO_LITELLM}LiteLLM 1.40.0 is older than 1.83.0")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("1.83.0", None),
        ("1.110.2", None),
        ("1.82.9", "older than 1.83.0"),
        ("1.81.10", "older than 1.83.0"),
        ("1.107.3", "compromised"),
    ],
)
def test_versions_that_are_told(version: str, said: str | None) -> None:
    found = unsupported(version)
    assert found is None if said is None else found is not None and said in found
