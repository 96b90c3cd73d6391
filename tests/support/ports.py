"""Ports of loopback that no other test gets in the meantime."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_port() -> Iterator[int]:
    """A port where nobody listens, and where a server can be told to.

    It stays bound here, without listening: so the system gives it to nobody who asks for any free
    one, and still lets whoever names it listen there (``SO_REUSEADDR``, as servers have it).
    """
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        yield int(keeper.getsockname()[1])
