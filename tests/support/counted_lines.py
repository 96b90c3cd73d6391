"""How much work something is: a count that no busy machine changes."""

from __future__ import annotations

import sys
from typing import Any


def lines_run(action: Any) -> int:
    """How many lines and calls of Python ``action`` runs."""
    count = 0

    def trace(frame: Any, event: str, arg: Any) -> Any:
        nonlocal count
        count += 1
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(previous)
    return count
