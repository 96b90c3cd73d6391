"""Run the examples of docs/frameworks.md, each against an offline Kimi: ``make frameworks``.

The frameworks are large and change often, so they have an environment of their own.
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
    "instructor_example.py": ("name='Invent a pelican' age=1",),
    "langchain_example.py": ("sunny in Paris", "name='Invent a pelican'", "Hello from a stream"),
    "llamaindex_example.py": ("Hello", "Hello from a stream"),
    "openai_agents_example.py": ("sunny in Paris", "name='Invent a", "Hello from a stream"),
    "pydantic_ai_example.py": ("sunny in Paris", "name='Invent a pelican'", "Hello from a stream"),
    "smolagents_example.py": ("Hello from a stream", "It is sunny."),
}


def main() -> int:
    """Run all of them; the number of those that failed."""
    failed = 0
    folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    for path in sorted(EXAMPLES.glob("*.py")):
        done = subprocess.run(
            ["llm", "kimi", "simulate", "--", sys.executable, str(path)],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        lacks = [words for words in SAID[path.name] if words not in done.stdout]
        fine = done.returncode == 0 and not lacks
        print(f"{path.name:<28}{'runs' if fine else 'fails'}", flush=True)
        if not fine:
            failed += 1
            print(f"lacks {lacks}\n{done.stdout}{done.stderr[-2000:]}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
