"""A site on loopback; a name server and connections in place of the machine's."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from llm_kimi.download import connect
from tests.support.sites import Names, Site, Wire

try:
    import httpcore2 as core
except ImportError:
    import httpcore as core  # type: ignore[no-redef]


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    found = Names()
    monkeypatch.setattr(socket, "getaddrinfo", found.getaddrinfo)
    return found


@pytest.fixture
def loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is checked as ever, but 127.0.0.1 counts as a public address."""
    monkeypatch.setattr(connect, "is_public", lambda address: address == "127.0.0.1")


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """A client without sockets."""
    found = Wire()
    monkeypatch.setattr(core, "SyncBackend", lambda: found)
    return found
