"""Real commands that start in a few milliseconds: forked from a process that has imported them.

``llm`` spends about a second on imports, LiteLLM's proxy nine, which is most of what the tests
would wait for. ``warm()`` stands in for ``sys.executable -m``: a small client (``client.py``)
passes its arguments, its environment, its folder and its files 0, 1 and 2 to a server
(``server.py``), which forks a child that runs the module as ``python -m`` does. The client hands on
signals and ends as the child ended. What a new interpreter would see and a fork would not, such as
variables of Python's own, makes the client start one.

Where there is no ``fork``, ``warm()`` is ``sys.executable -m``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zlib
from functools import cache
from pathlib import Path
from typing import Literal

from scripts.environment import environment
from tests.support.warm.client import kept

__all__ = ["Kind", "python", "warm", "warm_path"]

Kind = Literal["llm", "litellm"]
"""What the server has imported: ``llm`` and this package, or LiteLLM with its proxy as well."""

_HERE = Path(__file__).parent
ROOT = _HERE.parent.parent.parent
# What only matters at an import, or when Python starts, as it is set for what is forked.
_AS_IMPORTED: dict[Kind, dict[str, str]] = {
    "llm": {"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    "litellm": {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONWARNINGS": "ignore"},
}


def _owner() -> int:
    """The process that the servers end with: workers of pytest-xdist share theirs, and so do
    processes that are told by ``LLM_KIMI_WARM_OWNER``."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return os.getppid()
    return int(os.environ.get("LLM_KIMI_WARM_OWNER", os.getpid()))


@cache
def _folder() -> Path:
    """Where the servers of this run listen; the last of them removes it."""
    folder = Path(tempfile.gettempdir()) / f"llm-kimi-warm-{_owner()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@cache
def _socket(kind: Kind, more: frozenset[tuple[str, str]]) -> str:
    """The socket of a server, which is started if nobody has."""
    import fcntl

    started = environment(**_AS_IMPORTED[kind], **dict(more))
    name = f"{kind}-{zlib.crc32(repr(sorted(kept(started).items())).encode()):08x}"
    socket = _folder() / name
    with (_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not socket.exists():
            server = subprocess.Popen(
                [sys.executable, "-m", "tests.support.warm.server", kind, socket, str(_owner())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                env=started,
            )
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            server.stdout.close()
            server.returncode = 0  # it outlives this process, perhaps: nobody waits for it
    return str(socket)


def warm(kind: Kind = "llm", **started: str) -> list[str]:
    """What stands before the name of a module, or the path of a console script:
    ``[*warm(), "llm", "models"]``. ``started``: what a server for it is started with, if what it
    says about Python or the locale has to be there from the start."""
    if not hasattr(os, "fork"):
        return [sys.executable, "-m"]
    return [
        sys.executable,
        "-I",
        "-S",
        str(_HERE / "client.py"),
        _socket(kind, frozenset(started.items())),
    ]


def python(code: str, *arguments: str) -> list[str]:
    """``python -W ignore -c CODE`` where LiteLLM is imported already."""
    if not hasattr(os, "fork"):
        return [sys.executable, "-W", "ignore", "-c", code, *arguments]
    return [*warm("litellm"), "-c", code, *arguments]


@cache
def warm_path(*kinds: Kind) -> str:
    """A folder for the front of ``PATH``: its commands ``kinds`` are warm ones."""
    commands = _folder() / "-".join(("bin", *kinds))
    if hasattr(os, "fork"):
        commands.mkdir(exist_ok=True)
        for kind in kinds:
            _write(commands / kind, [*warm(kind), str(Path(sys.executable).with_name(kind))])
    return str(commands)


def _write(path: Path, command: list[str]) -> None:
    made = path.with_suffix(f".{os.getpid()}")
    made.write_text(f'#!/bin/sh\nexec {" ".join(command)} "$@"\n')
    made.chmod(0o755)
    made.replace(path)
