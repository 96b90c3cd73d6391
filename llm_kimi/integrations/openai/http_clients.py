"""HTTP clients whose chats go to Kimi: the transport put into a client of httpx or httpx2."""

from __future__ import annotations

import copy
from typing import Any

from ...config import settings
from ...config.known_hosts import maker_of_host
from ...transport.deadline import watch
from ...transport.limits import client_settings
from .transport import Options, transport_class
from .wire import library

__all__ = ["http_client", "install", "is_installed", "wrapped"]


def is_installed(client: Any) -> bool:
    """Whether the chats of ``client`` are translated already."""
    return isinstance(client._transport, _classes(client))


def _classes(client: Any) -> tuple[type, ...]:
    http = library(client)
    return tuple(transport_class(http, asynchronous=kind) for kind in (False, True))


def install(client: Any, options: Options, *, guarded: bool = False) -> None:
    """Put the transport around every transport of ``client``: its own and those of its mounts.

    ``client`` is changed; it must be nobody else's.
    """
    http = library(client)
    asynchronous = isinstance(client, http.AsyncClient)
    if not asynchronous:
        watch(client)
    cls = transport_class(http, asynchronous=asynchronous)
    client._transport = cls(client._transport, options)
    client._mounts = {
        pattern: None if inner is None else cls(inner, options)
        for pattern, inner in client._mounts.items()
    }
    # The key and the conversation belong to the host that was named.
    client.follow_redirects = False
    bounds = client_settings(asynchronous=asynchronous)
    hooks = client.event_hooks
    client.event_hooks = {
        "request": [*hooks["request"], *([_guard(asynchronous)] if guarded else [])],
        "response": [*bounds["event_hooks"]["response"], *hooks["response"]],
    }


def wrapped(client: Any, options: Options) -> Any:
    """A client like ``client`` whose chats are translated, over the same connections.

    The caller's own stays as it is.
    """
    if is_installed(client):
        return client
    clone = copy.copy(client)
    clone._mounts = dict(client._mounts)
    clone._event_hooks = {name: [*hooks] for name, hooks in client._event_hooks.items()}
    install(clone, options)
    return clone


def http_client(*, asynchronous: bool, options: Options, **arguments: Any) -> Any:
    """An HTTP client with the defaults of the SDK, for whoever takes an ``http_client=``.

    It refuses to send anything to the hosts of other makers.
    """
    import openai

    make = openai.DefaultAsyncHttpxClient if asynchronous else openai.DefaultHttpxClient
    client = make(**arguments)
    install(client, options, guarded=True)
    return client


def _check_host(request: Any) -> None:
    maker = maker_of_host(request.url.host, request.url.port)
    if maker is None or maker.relay:
        return
    import openai

    raise openai.OpenAIError(
        f"base_url leads to {maker.name} ({request.url.host}), and this client is for Kimi: "
        f"nothing was sent. Set base_url={settings.DEFAULT_BASE_URL!r} beside http_client="
    )


def _guard(asynchronous: bool) -> Any:
    if not asynchronous:
        return _check_host

    async def check(request: Any) -> None:
        _check_host(request)

    return check
