"""``llm --version`` with and without the plugin, in turn, in one run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from common import environment

ROUNDS = 15


def _once(plugins: str, *arguments: str) -> float:
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "llm", *arguments],
        env=environment(LLM_LOAD_PLUGINS=plugins),
        capture_output=True,
        check=True,
    )
    return (time.perf_counter() - start) * 1000


def main() -> dict[str, float]:
    """Print and return milliseconds; LLM_LOAD_PLUGINS chooses what llm loads."""
    times: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(ROUNDS):
        times["with"].append(_once("llm-kimi", "--version"))
        times["without"].append(_once("", "--version"))
    print(f"llm --version ({ROUNDS} runs each, in turn)")
    for name, values in times.items():
        print(f"  {name:8} min {min(values):6.1f} ms   median {statistics.median(values):6.1f} ms")
    ratio = min(times["with"]) / min(times["without"])
    print(f"  ratio of the minima {ratio:5.3f}")
    return {"with_ms": min(times["with"]), "without_ms": min(times["without"]), "ratio": ratio}


if __name__ == "__main__":
    main()
