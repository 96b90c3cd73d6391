"""Blocks of the docs: tables, files, and consoles, which are real runs against the offline Kimi."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from llm_kimi.config.settings import simulator_environment
from llm_kimi.simulator import Simulator

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

from scripts.environment import environment  # noqa: E402 - of the repository
from tests.support import warm  # noqa: E402


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def out(text: str) -> None:
    """Write one generated block, where cog is running this."""
    import cog

    cog.outl(text)


LLM_FOLDER = "~/.config/io.datasette.llm"

# What differs from one run or machine to the next: (pattern, what the docs show).
MASKS = (
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-11-21T10:00:00Z"),
    (r"\b\d+ ms\b", "85 ms"),
    (r" in \d+\.\d\ds$", " in 0.85s"),
    (
        r"^versions  .*?(?=\nkey )",
        "versions  python 3.12.3, llm-kimi 0.1.0, llm 0.36, openai 3.54.0, Linux x86_64",
    ),
    (r"\nfolder    .*?(?=\nonline|\n\n)", f"\nfolder    {LLM_FOLDER} (writable)"),
)

_folder: tempfile.TemporaryDirectory[str] | None = None
_copies: list[tempfile.TemporaryDirectory[str]] = []


def _environment() -> dict[str, str]:
    global _folder
    if _folder is None:
        _folder = tempfile.TemporaryDirectory(prefix="llm-kimi-docs-")
    folders = (warm.warm_path("llm"), str(Path(sys.executable).parent), os.environ.get("PATH", ""))
    return environment(
        PATH=os.pathsep.join(folders),
        LLM_USER_PATH=_folder.name,
        COLUMNS="90",
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )


def run(command: str, folder: Path = ROOT) -> str:
    """What ``command`` writes on both channels, run against the offline Kimi."""
    variables = _environment()
    with Simulator() as kimi:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env={**variables, **simulator_environment(kimi.base_url, kimi.key)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    text = done.stdout.replace(variables["LLM_USER_PATH"], LLM_FOLDER)
    for pattern, said in MASKS:
        text = re.sub(pattern, said, text, flags=re.DOTALL)
    return text.rstrip("\n")


def example(name: str) -> None:
    """A file of docs/examples as a block."""
    source = (ROOT / "docs" / "examples" / name).read_text("utf-8").strip()
    out(f"```python\n{source}\n```")


def console(*commands: str, folder: Path = ROOT) -> None:
    """A console block: each command and what it wrote."""
    lines = ["```console"]
    for command in commands:
        lines += [f"$ {command}", run(command, folder)]
    lines.append("```")
    out("\n".join(lines))


def session(*commands: str, folder: Path = ROOT) -> None:
    """A console block of commands that share one offline Kimi."""
    script = [f"printf '%s\\n' {shlex.quote('$ ' + each)}\n{each}" for each in commands]
    text = run("\n".join(script), folder)
    out(f"```console\n{text}\n```")


def copied(name: str) -> Path:
    """A copy of a folder of docs/examples, for commands that would leave something there."""
    _copies.append(tempfile.TemporaryDirectory(prefix="llm-kimi-docs-"))
    folder = Path(_copies[-1].name)
    shutil.copytree(ROOT / "docs" / "examples" / name, folder, dirs_exist_ok=True)
    return folder


def python(code: str) -> None:
    """A Python block, and what it prints when it is run against the offline Kimi."""
    code = code.strip("\n")
    plain = [sys.executable, "-c", code]
    command = shlex.join(warm.python(code) if "litellm" in code else plain)
    out(f"```python\n{code}\n```\n\n```text\n{run(f'PYTHONWARNINGS=ignore {command}')}\n```")


def file(name: str, language: str) -> None:
    """A file of this repository as a code block."""
    out(f"`{Path(name).name}`:\n\n```{language}\n{(ROOT / name).read_text().rstrip()}\n```\n")
