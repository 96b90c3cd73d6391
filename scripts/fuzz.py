"""``make fuzz``: the tests with random input for some minutes, each round with another seed.

    python scripts/fuzz.py [--minutes 5] [--seed N]

A failure ends it, and the command that shows the same failure again is printed. With ``--seed``
there is one round.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time

TESTS = (
    "tests/hosts/llm/test_mutated_streams.py",
    "tests/pure/simulator/test_rules.py::test_no_junk_breaks_the_checks_and_what_passes_them_is_answered",
    "tests/pure/reply/test_reader.py::test_any_split_of_any_reply_gives_the_same_message",
    "tests/pure/translation/test_any_object.py",
    "tests/pure/translation/test_values_anywhere.py::test_any_python_object_is_json_or_an_error",
    "tests/pure/translation/test_foreign.py::test_kinds_that_come_together_are_right_as_well",
    "tests/pure/translation/test_whole_requests.py",
    "tests/pure/translation/mfjs/test_recursion.py::test_any_recursive_schema_ends_for_kimi",
    "tests/pure/translation/mfjs/test_any_schema.py",
    "tests/pure/translation/mfjs/test_pydantic.py",
)
MEASURED = "not square"
"""Tests that count the work that something takes: no random input."""


def one_round(seed: int) -> int:
    """Run all tests with one seed; the exit status of pytest."""
    command = [sys.executable, "-m", "pytest", *TESTS, f"--hypothesis-seed={seed}", "-x"]
    command += ["-k", MEASURED]
    return subprocess.run(command, env={**os.environ, "LLM_KIMI_FUZZ": str(seed)}).returncode


def main() -> int:
    """The exit status: 0 if nothing failed."""
    parser = argparse.ArgumentParser(description="Tests with random input, for some minutes.")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, help="one round with this seed")
    given = parser.parse_args()
    end = time.monotonic() + 60 * given.minutes
    rounds = 0
    while given.seed is None or not rounds:
        rounds += 1
        seed = given.seed or random.randrange(1, 10**6)
        print(f"round {rounds}, seed {seed}", flush=True)
        status = one_round(seed)
        if status:
            print(f"To see it again: {sys.executable} scripts/fuzz.py --seed {seed}")
            return status
        if time.monotonic() > end:
            break
    print(f"{rounds} rounds, nothing failed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
