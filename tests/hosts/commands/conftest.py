"""Files in the current folder, and whose they are at Kimi."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from llm_kimi.files.store.cache import Account, account
from llm_kimi.simulator import Simulator
from tests.support.llm_runs import closed_clients as closed_clients


@pytest.fixture
def owner(kimi: Simulator) -> Account:
    """Whose files the cache holds."""
    return account(kimi.key, kimi.base_url)


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Write a file into the current folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def put(name: str, content: bytes) -> str:
        (folder / name).write_bytes(content)
        return name

    return put
