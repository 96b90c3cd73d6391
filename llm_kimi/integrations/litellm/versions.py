"""Which LiteLLM this provider is tested with, and what to say of another one."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version

__all__ = ["OLDEST", "unsupported"]

OLDEST = (1, 83, 0)
WITHDRAWN = (1, 107)


def unsupported(found: str | None = None) -> str | None:
    """What to say of LiteLLM ``found`` (None: the installed one); None where nothing is wrong."""
    try:
        text = found or version("litellm")
    except PackageNotFoundError:
        return None
    parts = tuple(int(part) for part in re.findall(r"\d+", text)[:3])
    if parts[:2] == WITHDRAWN:
        return f"LiteLLM {text} is a compromised release: install another one at once"
    if parts < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return f"LiteLLM {text} is older than {oldest}, the oldest that llm-kimi is tested with"
    return None
