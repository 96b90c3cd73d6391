"""The environment of the processes that tests, scripts and benchmarks start.

What is set on the machine must not decide what they see: ``PYTHONUNBUFFERED`` changes the status
with which a broken pipe ends, a key or a base URL leads to the real API, a proxy comes between.
How packages are installed (``PIP_*``, ``UV_*``, certificates) stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["environment", "is_of_the_machine"]

ROOT = Path(__file__).parent.parent

_PREFIXES = ("PYTHON", "KIMI_", "MOONSHOT_", "OPENAI_", "LITELLM_", "LLM_")
_NAMES = frozenset(
    {
        *("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"),
        *("DATABASE_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_URL"),
        *("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"),
    }
)
# PYTHON is make's, and how many requests the tests make up is said to the tests themselves.
_KEPT = frozenset({"PYTHON", "LLM_KIMI_REQUESTS"})


def is_of_the_machine(name: str) -> bool:
    """Whether a variable is left out."""
    if name in _KEPT:
        return False
    return name.startswith(_PREFIXES) or name in _NAMES or name.lower().endswith("_proxy")


def environment(given: Mapping[str, str] | None = None, **more: str) -> dict[str, str]:
    """``given`` (this process's) without what belongs to the machine, and ``more``.

    Python finds the package where this file lies, whatever is installed.
    """
    given = os.environ if given is None else given
    kept = {name: value for name, value in given.items() if not is_of_the_machine(name)}
    return {**kept, "PYTHONPATH": str(ROOT), **more}
