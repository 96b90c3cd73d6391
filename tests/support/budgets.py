"""How much the tests with random input try: little and always the same, or what fuzzing wants.

``LLM_KIMI_FUZZ=SEED`` takes other input for each seed, and ten times as much of it. The same seed
gives the same input (hypothesis gets it by ``--hypothesis-seed``): see ``scripts/fuzz.py``.
"""

from __future__ import annotations

import os

__all__ = ["FUZZ", "first_seed", "tries"]

FUZZ = int(os.environ.get("LLM_KIMI_FUZZ", "0"))
"""The seed; 0 in ``make test``."""

_TIMES = 10


def tries(usual: int) -> int:
    """How many tries, where ``usual`` are made in ``make test``."""
    return usual * _TIMES if FUZZ else usual


def first_seed(usual: int) -> int:
    """Where a generator of random input starts."""
    return usual + FUZZ * 1_000_003
