"""A server in front of the offline Kimi, one for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llm_kimi.simulator import Simulator
from tests.support.servers import Served, served


@pytest.fixture
def server(kimi: Simulator) -> Iterator[Served]:
    """``llm kimi serve`` with a key from the environment."""
    with served() as running:
        yield running
