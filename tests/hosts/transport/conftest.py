"""No test finds the clients of another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llm_kimi.transport import client_pool
from llm_kimi.transport.client_pool import clear_clients


@pytest.fixture(autouse=True)
def _no_client_left() -> Iterator[None]:
    clear_clients()
    yield
    clear_clients()
    client_pool._loops.clear()
