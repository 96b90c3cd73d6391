"""Every benchmark in one run, and the page with its figures: ``make bench``.

Writes ``benchmarks/figures.json``, and from it docs/performance.md and docs/performance.svg.
"""

from __future__ import annotations

import compileall
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import chunks
import files
import first_chunk
import litellm_calls
import openai_sdk
import refusals
import reply
import serve
import startup
import tool_chain
import translation
from common import clean
from report import show

ROOT = Path(__file__).parent.parent
FIGURES = Path(__file__).parent / "figures.json"
BENCHMARKS: tuple[ModuleType, ...] = (
    refusals,
    startup,
    first_chunk,
    chunks,
    tool_chain,
    openai_sdk,
    litellm_calls,
    serve,
    translation,
    reply,
    files,
)
PACKAGES = ("llm", "llm-moonshot", "litellm", "openai")


def machine() -> str:
    """What the figures were measured on: nothing that names this machine."""
    model = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(":")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        system = platform.system()
    parts = (f"{os.cpu_count()} CPUs", model.strip(), system, f"Python {platform.python_version()}")
    return ", ".join(part for part in parts if part)


def main() -> None:
    """Measure and write."""
    compileall.compile_dir(str(ROOT / "llm_kimi"), quiet=1)
    begun = time.perf_counter()
    reports = []
    for benchmark in BENCHMARKS:
        started = time.perf_counter()
        reports.append(benchmark.measure())
        show(reports[-1])
        print(f"  ({time.perf_counter() - started:.0f} s)\n", flush=True)
    figures = {
        "date": date.today().isoformat(),
        "machine": machine(),
        "versions": {name: version(name) for name in PACKAGES},
        "minutes": round((time.perf_counter() - begun) / 60, 1),
        "reports": [_rounded(asdict(report)) for report in reports],
    }
    FIGURES.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{FIGURES.relative_to(ROOT)} is written, after {figures['minutes']} minutes.")
    page = [sys.executable, "-m", "cogapp", "-r", "docs/performance.md"]
    picture = [sys.executable, "scripts/draw_performance.py"]
    for command in (page, picture):
        subprocess.run(command, cwd=ROOT, env=clean(), check=True)


def _rounded(value: Any) -> Any:
    """Four digits say all that is known."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
