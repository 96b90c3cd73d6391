"""Fixtures for tests of programs that talk to Kimi; loaded on request only.

``kimi_simulator``, and ``kimi_simulator_as_openai`` for programs that use OpenAI's own client.

    pytest -p llm_kimi.pytest_plugin
    pytest_plugins = ["llm_kimi.pytest_plugin"]  # in the conftest.py at the root

Needs pytest, which nothing else in this package does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from .config.settings import simulator_environment
from .simulator import Simulator

__all__ = ["kimi_simulator", "kimi_simulator_as_openai"]


@pytest.fixture
def kimi_simulator(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Simulator]:
    """A running offline Kimi, new for each test.

    The environment leads ``llm``, LiteLLM and every program that is started to it: base URL, keys
    and ``NO_PROXY``. Stored keys are not used. Logs and remembered files go to a temporary folder,
    unless ``LLM_USER_PATH`` names one already.
    """
    with Simulator() as simulator:
        for name, value in simulator_environment(simulator.base_url, simulator.key).items():
            monkeypatch.setenv(name, value)
        if not os.environ.get("LLM_USER_PATH"):
            monkeypatch.setenv("LLM_USER_PATH", str(tmp_path_factory.mktemp("llm")))
        yield simulator
        _close_connections()


@pytest.fixture
def kimi_simulator_as_openai(
    kimi_simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> Simulator:
    """``kimi_simulator``, to which the environment leads OpenAI's own clients as well.

    For programs that read ``OPENAI_BASE_URL`` and ``OPENAI_API_KEY``.
    """
    base_url, key = kimi_simulator.base_url, kimi_simulator.key
    for name, value in simulator_environment(base_url, key, openai=True).items():
        monkeypatch.setenv(name, value)
    return kimi_simulator


def _close_connections() -> None:
    """Those that ``llm``'s models have kept, so that none outlives the test."""
    clients = sys.modules.get("llm_kimi.transport.client_pool")
    if clients is not None:
        clients.clear_clients()
