"""A cache in a new file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_kimi.files.store import cache as module
from llm_kimi.files.store.cache import FileCache
from tests.support.caches import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module.time, "time", made)
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kimi-files.db"


@pytest.fixture
def cache(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileCache]:
    """A cache in a new file; at the end of the test it has had no problem."""
    monkeypatch.setattr(FileCache, "_chores_are_due", lambda self: False)
    made = FileCache(file)
    yield made
    assert made.problem is None
