"""A server in front of the offline Kimi, and one in front of any answer.

They are started once a module, which takes half a second, and the offline Kimi forgets what it has
seen before each test. A test that changes or stops its server starts one of its own (``served``).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llm_kimi.simulator import Simulator
from llm_kimi.simulator.files.store import FileStore
from llm_kimi.simulator.http.faults import FaultQueue
from tests.support.servers import Behind, Served, served, served_behind


@pytest.fixture(scope="module")
def kept_kimi() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture(scope="module")
def kept_server(kept_kimi: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    environment = {
        "LLM_USER_PATH": str(tmp_path_factory.mktemp("llm")),
        "KIMI_BASE_URL": kept_kimi.base_url,
        "MOONSHOT_API_KEY": kept_kimi.key,
    }
    with served(**environment) as running:
        yield running


@pytest.fixture
def simulator(kept_kimi: Simulator) -> Simulator:
    """The offline Kimi, of which nothing has been asked yet."""
    kept_kimi.requests.clear()
    kept_kimi.faults = FaultQueue()
    kept_kimi.store.close()
    kept_kimi.store = FileStore(kept_kimi.file_rules)
    return kept_kimi


@pytest.fixture
def server(kimi: Simulator, kept_server: Served) -> Served:
    """``llm kimi serve`` with a key from the environment."""
    return kept_server


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """A server in front of a Kimi whose answers each test says."""
    with served_behind(LLM_USER_PATH=str(tmp_path_factory.mktemp("llm"))) as running:
        yield running
