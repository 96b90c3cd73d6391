"""What the benchmarks share: fresh processes, an offline Kimi in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from report import Report, show

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

from environment import environment as clean

__all__ = [
    "KEY",
    "environment",
    "folder",
    "fresh",
    "in_python",
    "main",
    "offline_kimi",
    "serving",
]

KEY = "sk-benchmark-0123456789"
PART = "--part"


@cache
def folder() -> Path:
    """A folder of this run, where llm keeps its own."""
    return Path(os.environ.get("BENCH_FOLDER") or tempfile.mkdtemp(prefix="llm-kimi-bench-"))


def environment(**more: str) -> dict[str, str]:
    """A clean environment, with an llm folder of its own and LiteLLM's own list of models."""
    own = {"BENCH_FOLDER": str(folder()), "LLM_USER_PATH": str(folder())}
    return clean(**own, LITELLM_LOCAL_MODEL_COST_MAP="True", **more)


def fresh(script: str, part: str, *arguments: str) -> Any:
    """What a part of ``script`` returns in a new Python."""
    return in_python(script, PART, part, *arguments)


def in_python(*arguments: str) -> Any:
    """What a new Python with these arguments prints last, which is JSON."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main(
    measure: Callable[[], Report | list[Report]],
    parts: Mapping[str, Callable[..., Any]] | None = None,
) -> None:
    """Of a script: print its report, or be the new Python that ``fresh`` or ``serving`` starts."""
    if sys.argv[1:2] == [PART]:
        assert parts is not None
        print(json.dumps(parts[sys.argv[2]](*sys.argv[3:])), flush=True)
        return
    found = measure()
    for report in [found] if isinstance(found, Report) else found:
        show(report)


@contextmanager
def serving(command: list[str]) -> Iterator[str]:
    """The first line that a process prints; it is stopped at the end."""
    process = subprocess.Popen(
        [sys.executable, *command], env=environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


@contextmanager
def offline_kimi(chunk_delay: float = 0.0) -> Iterator[str]:
    """The base URL of an offline Kimi that runs in another process; seconds between chunks."""
    code = (
        "import threading\n"
        "from llm_kimi.simulator import Simulator\n"
        f"with Simulator(chunk_delay={chunk_delay}) as kimi:\n"
        "    print(kimi.base_url, flush=True)\n"
        "    threading.Event().wait()\n"
    )
    with serving(["-c", code]) as url:
        yield url
