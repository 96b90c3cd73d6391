"""Which LiteLLM this provider is tested with, and what to say of another one."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version

__all__ = ["OLDEST", "hands_out_chunks", "unsupported"]

OLDEST = (1, 83, 0)
WITHDRAWN = (1, 107)
HANDS_OUT_CHUNKS = (1, 90)


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


@cache
def hands_out_chunks() -> bool:
    """Whether LiteLLM hands out a custom provider's ``ModelResponseStream`` as it is."""
    return tuple(map(int, re.findall(r"\d+", version("litellm"))[:2])) >= HANDS_OUT_CHUNKS
