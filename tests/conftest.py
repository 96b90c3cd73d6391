"""What every test gets: an own llm folder, no keys, no way out but loopback."""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llm_kimi.catalog import lookup
from llm_kimi.config import discovered_models, settings
from llm_kimi.simulator import Simulator
from scripts.environment import environment

_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex


# Before any test: whatever it starts begins with this, and with what the test sets itself.
_clean = environment()
for _name in set(os.environ) - set(_clean):
    del os.environ[_name]
os.environ.update(_clean)
# No authority: nobody outside is to be reached, and reading a hundred takes 20 ms a client.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)
for _name in ("COLUMNS", "LINES"):
    os.unsetenv(_name)  # readline, which pytest loads, sets them behind Python's back

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs so, and commands under test would ignore Ctrl-C as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _only_loopback(address: Any) -> None:
    host = address[0] if isinstance(address, tuple) else ""
    if host and not host.startswith("127.") and host not in ("::1", "localhost"):
        raise RuntimeError(f"a test tried to reach {host}")


def pytest_collection_finish() -> None:
    """What is imported by now stays: no collection of garbage has to go through it."""
    gc.collect()
    gc.freeze()


def _guarded_connect(self: socket.socket, address: Any) -> Any:
    _only_loopback(address)
    return _connect(self, address)


def _guarded_connect_ex(self: socket.socket, address: Any) -> Any:
    _only_loopback(address)
    return _connect_ex(self, address)


socket.socket.connect = _guarded_connect  # type: ignore[method-assign]
socket.socket.connect_ex = _guarded_connect_ex  # type: ignore[method-assign]
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

_OURS = (
    *settings.KEY_VARIABLES,
    *settings.BASE_URL_VARIABLES,
    settings.STRICT_VARIABLE,
    settings.PRIVATE_URLS_VARIABLE,
    "LLM_MODEL",
)


@pytest.fixture(autouse=True)
def _nothing_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog as it is written. ``tests/pure`` gets no more than this."""
    for name in ("_learned", "_learned_rows"):
        monkeypatch.setattr(lookup, name, {})


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file outside ``tmp_path``, no key or base URL of another test."""
    user = tmp_path / "llm"
    user.mkdir()
    monkeypatch.setenv("LLM_USER_PATH", str(user))
    monkeypatch.setattr(discovered_models, "_trouble", None)
    for variable in _OURS:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A running offline Kimi."""
    with Simulator() as running:
        yield running


@pytest.fixture
def kimi(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The offline Kimi, with key and base URL set as a user would set them."""
    monkeypatch.setenv("KIMI_BASE_URL", simulator.base_url)
    monkeypatch.setenv("MOONSHOT_API_KEY", simulator.key)
    return simulator
