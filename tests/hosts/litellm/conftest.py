"""What the LiteLLM tests share: LiteLLM without network, and as it is after an import."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.support.litellm_asking import WAYS

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

HAS_LITELLM = find_spec("litellm") is not None
if not HAS_LITELLM:
    collect_ignore_glob = ["test_*.py"]
else:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import litellm

        import llm_kimi.litellm  # noqa: F401

_LITELLMS_OWN = (
    "ignore:There is no current event loop:DeprecationWarning",
    "ignore::DeprecationWarning:litellm",
    # The newest has other names for the settings of its Router, which the oldest do not know.
    "ignore:Router[.].* is deprecated:DeprecationWarning",
    "ignore:.*[Pp]ydantic.*",
    # What it still had to log when an event loop ends.
    "ignore:coroutine 'Logging.async_success_handler' was never awaited:RuntimeWarning",
    "ignore:coroutine 'router_cooldown_event_callback' was never awaited:RuntimeWarning",
    # It keeps one client for each event loop, also of loops that have ended.
    "ignore:unclosed:ResourceWarning",
    "ignore:open_text is deprecated:DeprecationWarning",
)
# What Python says about them when they are collected late.
_LEFT_BEHIND = (
    "Exception ignored in. <coroutine object Logging:pytest.PytestUnraisableExceptionWarning",
    "Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning",
    "Exception ignored in. <function _SelectorTransport:pytest.PytestUnraisableExceptionWarning",
)


def pytest_report_header() -> str:
    """Say why there is nothing to see."""
    if not HAS_LITELLM:
        return "litellm: not installed, tests/hosts/litellm are left out"
    from importlib.metadata import version

    return f"litellm: {version('litellm')}"


def pytest_configure(config: pytest.Config) -> None:
    """LiteLLM's own warnings are no failures of ours, also not those at the very end."""
    if HAS_LITELLM:
        for text in (*_LITELLMS_OWN, *(f"ignore:.*{word}" for word in _LEFT_BEHIND)):
            config.addinivalue_line("filterwarnings", text)


@pytest.fixture(autouse=True, scope="session")
def _collect_what_is_left() -> Iterator[None]:
    """Connections of event loops that have ended, while the filters above still hold."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """LiteLLM's globals as they are after an import."""
    yield
    if HAS_LITELLM:
        litellm.callbacks = []
        litellm.success_callback = []
        litellm.failure_callback = []
        litellm._async_success_callback = []
        litellm._async_failure_callback = []
        litellm.input_callback = []
        litellm.drop_params = False
        litellm.api_key = None
        litellm.cache = None
        _forget_pending_logs()


def _forget_pending_logs() -> None:
    """Close what LiteLLM still had to log when the event loop of a test ended."""
    from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER as worker

    pending = list(getattr(worker, "_dequeued_tasks", {}).values())
    while worker._queue is not None and not worker._queue.empty():
        pending.append(worker._queue.get_nowait())
    for task in pending:
        task["coroutine"].close()


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another try comes at once; how long it is waited for, tests/pure/reply checks."""
    monkeypatch.setattr("llm_kimi.exchange.retry.retry_delay", lambda *_: 0.0)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """Each of the four ways to call."""
    return str(request.param)
