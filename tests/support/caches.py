"""A cache with a clock that goes when it is told to."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from llm_kimi.files.store.cache import Account, FileCache, account

KEY = "sk-a-secret-that-nobody-may-read"
HOST = "https://api.moonshot.ai/v1"
MINE = account(KEY, HOST)
SHA = hashlib.sha256(b"x").hexdigest()
HOUR, DAY = 3600.0, 86400.0


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def put(cache: FileCache, sha: str = SHA, whose: Account = MINE, **more: Any) -> None:
    values: dict[str, Any] = {"remote_id": "f1", "filename": "a.pdf", "size": 3, "text": None}
    cache.put(whose, sha, more.pop("purpose", "file-extract"), **{**values, **more})


def every_method(cache: FileCache, here: Path) -> list[Any]:
    """What each method gives, one after the other."""
    status = here.stat()
    return [
        cache.get(MINE, SHA, "image"),
        cache.put(MINE, SHA, "image", remote_id="f1", filename="a", size=1, text="t"),
        cache.forget_remote(MINE, "f1"),
        cache.entries(MINE),
        cache.remove(MINE, SHA, "image"),
        cache.begin(MINE, "image", "a", 1),
        cache.uploaded(7, "f1"),
        cache.done(7),
        cache.pending(MINE),
        cache.remember(str(here), status, SHA, read_at=status.st_mtime + 10),
        cache.known(str(here), status),
        cache.clear(MINE),
        cache.drop_old(1),
    ]


EMPTY = [None, None, None, [], None, None, None, None, [], None, None, None, None]


def told(cache: FileCache) -> str:
    """The problem: one line that says what it is about."""
    assert cache.problem is not None
    assert cache.problem.startswith("Uploads are not remembered: ")
    assert "\n" not in cache.problem
    return cache.problem
