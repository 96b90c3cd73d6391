"""What a plugin adds to the start of llm: ``llm --version`` and ``llm models``."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from common import environment, folder, main
from report import Report, best, in_turn

ROUNDS = 6
OURS, WITHOUT = "llm-kimi", "without a plugin"
WAYS = {WITHOUT: "", OURS: "llm-kimi", "llm-moonshot": "llm-moonshot"}
COMMANDS = ("--version", "models")
HOW = (
    "Wall time of the whole process; LLM_LOAD_PLUGINS chooses the plugin, all are installed. What "
    "ours adds is little beside what the machine adds and takes from one start to the next, so "
    "the ratio to none is of CPU time within one process: all of it, and all but the plugin's "
    "import and hooks. llm-moonshot has a key and its list of models on the disk, as in the hour "
    "after it was fetched; after that it fetches it anew at the next start."
)
_LIST = {"data": [{"id": f"kimi-k2.{number}"} for number in range(10)]}

# llm as it starts, with a clock around what is ours.
_SHARE = """
import functools, json, sys, time
from importlib.metadata import EntryPoint
spent = 0.0
def timed(function):
    @functools.wraps(function)
    def around(*args, **given):
        global spent
        start = time.process_time()
        try:
            return function(*args, **given)
        finally:
            spent += time.process_time() - start
    return around
load = EntryPoint.load
@timed
def load_ours(entry):
    module = load(entry)
    for name, value in list(vars(module).items()):
        if hasattr(value, "llm_impl"):
            setattr(module, name, timed(value))
    return module
EntryPoint.load = lambda entry: (load_ours if "llm_kimi" in entry.value else load)(entry)
sys.argv = ["llm", {command!r}]
try:
    from llm.cli import cli
    cli()
except SystemExit:
    pass
total = time.process_time()
assert spent
print(json.dumps(total / (total - spent)))
"""


def _run(plugin: str, *arguments: str) -> str:
    variables = environment(LLM_LOAD_PLUGINS=plugin, MOONSHOT_KEY="sk-benchmark")
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return done.stdout


def _starts(plugin: str, command: str) -> Callable[[], float]:
    def once() -> float:
        start = time.perf_counter()
        _run(plugin, "-m", "llm", command)
        return (time.perf_counter() - start) * 1e3

    return once


def _share(command: str) -> float:
    """What a start takes with the plugin, as a multiple of one without it."""
    printed = _run(WAYS[OURS], "-c", _SHARE.format(command=command))
    return float(json.loads(printed.splitlines()[-1]))


def measure() -> Report:
    """Milliseconds."""
    (folder() / "moonshot_models.json").write_text(json.dumps(_LIST))
    rows = []
    for command in COMMANDS:
        ways = {name: _starts(plugin, command) for name, plugin in WAYS.items()}
        for way in ways.values():
            way()  # writes bytecode, and fills the disk's cache
        line = best(f"llm {command}", "ms", in_turn(ways, ROUNDS), OURS)
        line.ratios[WITHOUT] = statistics.median(_share(command) for _ in range(ROUNDS))
        rows.append(line)
    return Report("startup", "Start-up of llm", HOW, OURS, rows, floor=WITHOUT)


if __name__ == "__main__":
    main(measure)
