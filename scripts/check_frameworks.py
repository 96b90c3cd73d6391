"""Run examples of docs/frameworks.md, each against an offline Kimi: ``make frameworks``.

The arguments are names of frameworks. They are large and change often, so they have environments of
their own: one with openai 3, and one with openai 2 for the newest LlamaIndex, which wants that.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "examples" / "frameworks"

# What each prints: a result of a tool, a structured answer, a stream.
SAID = {
    "instructor": (
        "name='Invent a pelican' age=1\n",
        "name='Invent a gull' age=1\n",
        "name='Ada' age=3\nname='Bob' age=5\n",
        "sunny in Paris.\nIt is sunny in Rome.\n",
    ),
    "langchain": ("sunny in Paris", "name='Invent a pelican'", "Hello from a stream"),
    "llamaindex": ("Hello\n", "sunny in Paris", "name='Invent a pelican'", "Hello from a stream"),
    "openai_agents": ("sunny in Paris", "name='Invent a", "Hello from a stream"),
    "pydantic_ai": ("sunny in Paris", "name='Invent a pelican'", "Hello from a stream"),
    "smolagents": ("Hello from a stream", "sunny in Paris. Take a hat.", "It is sunny in Rome."),
}


def main() -> int:
    """Run them; the number of those that failed."""
    examples = {path.stem.removesuffix("_example") for path in EXAMPLES.glob("*.py")}
    if examples != SAID.keys():
        sys.exit(f"not checked: {sorted(examples ^ SAID.keys())}")
    failed = 0
    folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    for name in sys.argv[1:] or SAID:
        path = EXAMPLES / f"{name}_example.py"
        done = subprocess.run(
            ["llm", "kimi", "simulate", "--", sys.executable, str(path)],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        lacks = [words for words in SAID[name] if words not in done.stdout]
        fine = done.returncode == 0 and not lacks
        print(f"{path.name:<28}{'runs' if fine else 'fails'}", flush=True)
        if not fine:
            failed += 1
            print(f"lacks {lacks}\n{done.stdout}{done.stderr[-2000:]}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
