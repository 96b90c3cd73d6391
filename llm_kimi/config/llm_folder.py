"""llm's user folder, which need not exist: its keys, and small files of ours beside them.

``llm.user_dir()`` and ``llm.load_keys()`` would import llm, which takes as long as all of a small
program; a client of the OpenAI SDK or a server has no other use for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

__all__ = ["folder", "stored_keys", "write_whole"]


def folder() -> Path:
    """The folder, by llm's own rule."""
    named = os.environ.get("LLM_USER_PATH")
    if named:
        return Path(named)
    import click  # only for this: a client of the OpenAI SDK has no other use for it

    return Path(click.get_app_dir("io.datasette.llm"))


def stored_keys() -> Mapping[str, str]:
    """The keys of ``llm keys``, by alias; empty when there are none or they cannot be read."""
    try:
        keys = json.loads((folder() / "keys.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(keys, dict):
        return {}
    return {alias: key for alias, key in keys.items() if isinstance(key, str)}


def write_whole(path: Path, text: str) -> None:
    """Write a file that only its owner reads, in place of what was there: all of it or nothing.

    Raises:
        OSError: the folder cannot be written.
    """
    import tempfile

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
