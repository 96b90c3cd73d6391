"""An offline Kimi, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from llm_kimi.simulator import Simulator
from tests.support.bare_client import connect


@pytest.fixture
def kimi() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def client(kimi: Simulator) -> Iterator[httpx.Client]:
    with connect(kimi) as connected:
        yield connected
