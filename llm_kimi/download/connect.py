"""Connections to hosts on the public internet only, all of them under one clock.

A host is looked up once, its addresses are checked, and the connection goes to one of those that
were checked: a name server that answers twice in different ways gains nothing. TLS is the client's
and goes by the host's name. This stands on httpcore (httpcore2), the lower half of httpx (httpx2),
because that is where a connection can be made in a way of one's own (its "network backend").
"""

from __future__ import annotations

import queue
import socket
import threading
import time
import zlib
from importlib import import_module
from typing import Any

from ..config import settings
from .clock import Clock, Problem
from .public_addresses import is_public

__all__ = ["errors", "libraries", "pool", "words"]

MAX_ADDRESSES = 8
"""Of one host that are tried; all of them are checked."""

CONNECT_SECONDS = 10.0
"""For all addresses of a host together, and for the TLS handshake."""

TICK_SECONDS = 0.25
"""How long a wait lasts until ``stopped`` is asked again."""


def libraries() -> tuple[Any, Any]:
    """The HTTP client that openai brings, and its lower half: openai 3 has httpx2, 2 has httpx."""
    try:
        return import_module("httpx2"), import_module("httpcore2")
    except ImportError:
        return import_module("httpx"), import_module("httpcore")


def errors(core: Any) -> tuple[type[Exception], ...]:
    """Everything the client raises for what goes wrong on the way."""
    return (
        core.NetworkError,
        core.TimeoutException,
        core.ProtocolError,
        core.ProxyError,
        zlib.error,
    )


def pool(http: Any, core: Any, url: Any, clock: Clock, checked: bool) -> Any:
    """Connections for one request. Not ``checked``: any address, and the environment's proxies."""
    try:
        tls = http.create_ssl_context() if url.scheme == "https" else None
    except OSError:
        way = "check SSL_CERT_FILE and SSL_CERT_DIR"
        raise Problem("no CA certificates found", way) from None
    more = {} if checked else _proxy(http, core, url)
    backend = _Backend(core, clock, checked)
    return core.ConnectionPool(ssl_context=tls, network_backend=backend, **more)


def _proxy(http: Any, core: Any, url: Any) -> dict[str, Any]:
    """The proxy that the environment names for ``url``, for the pool."""
    from importlib.util import find_spec
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named or proxy_bypass(url.netloc.decode()):
        return {}
    try:
        proxy = http.Proxy(named if "://" in named else f"http://{named}")
    except (http.InvalidURL, ValueError):
        proxy = None
    if proxy is None or (proxy.url.scheme.startswith("socks") and not find_spec("socksio")):
        raise Problem("the proxy of the environment cannot be used", "check HTTP_PROXY and others")
    return {"proxy": core.Proxy(str(proxy.url), auth=proxy.raw_auth)}


def words(error: Exception) -> str:
    """An error of the client in words. What the server sent is not repeated."""
    import ssl

    cause = error.__cause__ or error.__context__ or error  # the pool drops __cause__
    name = type(error).__name__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate of its server is not valid ({cause.verify_message})"
    if isinstance(cause, ssl.SSLError):
        return f"no TLS connection to its server ({cause.reason or 'it broke off'})"
    if "Timeout" in name:
        return "its server timed out"
    if name == "ConnectError":
        return f"no connection to its server ({getattr(cause, 'strerror', None) or cause})"
    if name == "ProxyError":
        return "the proxy of the environment refuses"
    return "its server broke off, or what it sent is damaged"


class _Backend:
    """Connects for the client's pool: looks a host up once, checks it, uses what was checked."""

    def __init__(self, core: Any, clock: Clock, checked: bool) -> None:
        self._core = core
        self._clock = clock
        self._checked = checked

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> _Stream:
        addresses = self._resolve(host, port)
        if self._checked and not all(map(is_public, addresses)):
            raise Problem(
                "its host is not on the public internet",
                "send the file itself, or, if requests may reach into your own network, "
                f"{settings.private_urls_way}",
            )
        client = self._core.SyncBackend()
        end = time.monotonic() + CONNECT_SECONDS
        reason = ""
        tried = addresses[:MAX_ADDRESSES]
        for position, address in enumerate(tried):
            share = (end - time.monotonic()) / (len(tried) - position)
            seconds = self._clock.left(max(share, 0.1))
            try:
                return _Stream(client.connect_tcp(address, port, seconds), self._core, self._clock)
            except (self._core.ConnectError, self._core.ConnectTimeout) as error:
                reason = words(error)
        raise Problem(reason)

    def _resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host, in a thread of its own: a look-up cannot be interrupted."""
        found: queue.SimpleQueue[list[str] | None] = queue.SimpleQueue()

        def look_up() -> None:
            try:
                entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                found.put(list(dict.fromkeys(str(entry[4][0]) for entry in entries)))
            except (OSError, ValueError):  # ValueError: a label that is empty or too long
                found.put(None)

        threading.Thread(target=look_up, daemon=True).start()
        while True:
            wait = self._clock.left(TICK_SECONDS)
            try:
                addresses = found.get(timeout=wait)
            except queue.Empty:
                continue
            if not addresses:
                raise Problem("its host was not found")
            return addresses


class _Stream:
    """A connection of the client with our clock in place of its timeouts."""

    def __init__(self, inner: Any, core: Any, clock: Clock) -> None:
        self._inner = inner
        self._core = core
        self._clock = clock
        self.close = inner.close
        self.get_extra_info = inner.get_extra_info

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            wait = self._clock.left(TICK_SECONDS)
            try:
                data: bytes = self._inner.read(max_bytes, wait)
            except self._core.ReadTimeout:
                continue
            return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._clock.left(CONNECT_SECONDS))

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream:
        try:
            wait = self._clock.left(CONNECT_SECONDS)
        except BaseException:
            self.close()
            raise
        inner = self._inner.start_tls(ssl_context, server_hostname, wait)
        return _Stream(inner, self._core, self._clock)
