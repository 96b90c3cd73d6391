"""What the benchmarks share: fresh processes, an offline Kimi in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

from environment import environment as clean

__all__ = ["environment", "in_fresh_process", "offline_kimi"]


def environment(**more: str) -> dict[str, str]:
    """A clean environment, with an llm folder of its own."""
    folder = os.environ.get("BENCH_USER_PATH") or tempfile.mkdtemp(prefix="llm-kimi-bench-")
    os.environ["BENCH_USER_PATH"] = folder
    return clean(LLM_USER_PATH=folder, **more)


def in_fresh_process(code: str, **more: str) -> Any:
    """Run ``code`` in a new Python; it prints one JSON value, which is returned."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


@contextmanager
def offline_kimi() -> Iterator[str]:
    """The base URL of an offline Kimi that runs in another process."""
    code = (
        "import sys\n"
        "from llm_kimi.simulator import Simulator\n"
        "with Simulator() as kimi:\n"
        "    print(kimi.base_url, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        assert server.stdin is not None
        server.stdin.close()
        server.wait()
