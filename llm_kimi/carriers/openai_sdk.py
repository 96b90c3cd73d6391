"""The ``openai`` SDK as HTTP client: auth, connections, timeouts; streams are read raw.

Works on openai 2 (httpx) and 3 (httpx2). Clients are kept: one per base URL and key, and per event
loop when async, so that a chain of tool calls uses one connection. Retries are the exchange's.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import APIConnectionError, InvalidRequestError
from ..exchange import Answer, Failed

if TYPE_CHECKING:
    import openai

__all__ = ["AsyncCarrier", "Carrier", "clear_clients"]

CONNECT_SECONDS = 10.0
READ_SECONDS = 600.0
"""Between two pieces of an answer. Thinking streams, so a longer silence is a dead connection."""

MAX_CLIENTS = 8
"""Kept sync clients (base URL and key pairs); the one unused for longest makes room."""

_Key: TypeAlias = tuple[str, str]
_clients: OrderedDict[_Key, openai.OpenAI] = OrderedDict()
_lock = threading.Lock()


class _LoopClients:
    """The async clients of one event loop, closed when the loop shuts its generators down."""

    def __init__(self) -> None:
        self.clients: dict[_Key, openai.AsyncOpenAI] = {}
        self.keeper: AsyncGenerator[None, None] | None = None


_loops: dict[int, tuple[weakref.ref[asyncio.AbstractEventLoop], _LoopClients]] = {}


def clear_clients() -> None:
    """Close the kept sync clients (for tests and long-lived programs)."""
    with _lock:
        clients = list(_clients.values())
        _clients.clear()
    for client in clients:
        client.close()


def _options(base_url: str, key: str) -> dict[str, Any]:
    import openai

    return {
        "base_url": base_url,
        "api_key": key,
        "max_retries": 0,
        "timeout": openai.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
    }


def _forget_openai(client: Any) -> None:
    """Take out what the SDK read from the environment for OpenAI: it is not for Kimi to see."""
    client.organization = None
    client.project = None
    client._custom_headers = {}


def _sync_client(base_url: str, key: str) -> openai.OpenAI:
    import openai

    slot = (base_url, key)
    dropped: list[openai.OpenAI] = []
    with _lock:
        client = _clients.get(slot)
        if client is None:
            client = _clients[slot] = openai.OpenAI(**_options(base_url, key))
            _forget_openai(client)
            while len(_clients) > MAX_CLIENTS:
                # Not closed: a stream may still be using it.
                dropped.append(_clients.popitem(last=False)[1])
        else:
            _clients.move_to_end(slot)
    return client


async def _async_client(base_url: str, key: str) -> openai.AsyncOpenAI:
    import openai

    loop = asyncio.get_running_loop()
    with _lock:
        entry = _loops.get(id(loop))
        if entry is None or entry[0]() is not loop:
            for number, (other, _) in list(_loops.items()):
                known = other()
                if known is None or known.is_closed():
                    del _loops[number]
            entry = _loops[id(loop)] = (weakref.ref(loop), _LoopClients())
        mine = entry[1]
        client = mine.clients.get((base_url, key))
        if client is None:
            client = mine.clients[(base_url, key)] = openai.AsyncOpenAI(**_options(base_url, key))
            _forget_openai(client)
        start_keeper = mine.keeper is None
        if start_keeper:
            mine.keeper = _keep(id(loop), mine)
    if start_keeper and mine.keeper is not None:
        await mine.keeper.__anext__()
    return client


async def _keep(number: int, mine: _LoopClients) -> AsyncGenerator[None, None]:
    """Wait for the end of the loop and close its clients then.

    ``asyncio.run`` closes suspended async generators before it closes the loop, which is the one
    moment at which kept connections can be closed properly.
    """
    try:
        yield
    finally:
        with _lock:
            entry = _loops.get(number)
            if entry is not None and entry[1] is mine:
                del _loops[number]
        for client in mine.clients.values():
            with suppress(Exception):
                await client.close()


def _network_errors() -> tuple[type[Exception], ...]:
    """The error classes of httpx and httpx2, whichever are loaded."""
    errors: list[type[Exception]] = [OSError]
    for name in ("httpx2", "httpx"):
        module = sys.modules.get(name)
        if module is not None:
            errors += [module.HTTPError, module.StreamError]
    return tuple(errors)


def _timeout_like(error: BaseException) -> bool:
    return "Timeout" in type(error).__name__


def _failed(error: BaseException, base_url: str, *, begun: bool) -> Failed:
    """An error of the network, in words; without the request, which holds the key.

    A read that times out is not tried again: the model may be at work, and billing.
    """
    cause = error.__cause__ or error
    timeout = _timeout_like(error)
    connecting = "Connect" in type(cause).__name__ or "Pool" in type(cause).__name__
    reason = str(cause).strip() or type(cause).__name__
    if timeout and not connecting:
        text = f"no answer from {base_url} in time; a longer time: option timeout"
    elif begun:
        text = f"the connection to {base_url} broke off in the middle of the answer ({reason})"
    else:
        text = f"no connection to {base_url} ({reason})"
    return Failed(APIConnectionError(text, timeout=timeout), retryable=connecting or not timeout)


class _Common:
    """What both carriers share: where to, how long to wait, the arguments of a call."""

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        timeout: float | None = None,
        client: Any = None,
    ) -> None:
        self.base_url = base_url
        self._key = key
        self._timeout = timeout
        self._client = client

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    def _arguments(self, body: dict[str, Any]) -> dict[str, Any]:
        import openai

        arguments: dict[str, Any] = {
            "model": body["model"],
            "messages": [],
            # The whole body goes here: it replaces the two above, and the SDK leaves it alone.
            "extra_body": body,
        }
        if self._timeout is not None:
            arguments["timeout"] = openai.Timeout(
                self._timeout, connect=min(self._timeout, CONNECT_SECONDS)
            )
        return arguments

    def _explain(self, error: Exception) -> Answer | Failed:
        """The result of a call that raised."""
        import openai

        if isinstance(error, openai.APIStatusError):
            return Answer(error.status_code, error.response.headers, body=error.response.content)
        if isinstance(error, (openai.APIConnectionError, *_network_errors())):
            return _failed(error, self.base_url, begun=False)
        if isinstance(error, (UnicodeEncodeError, TypeError)):
            raise InvalidRequestError(
                f"cannot be written as JSON ({error})", param="request"
            ) from None
        raise error


class Carrier(_Common):
    """The sync transport. ``client``: an ``openai.OpenAI`` of your own, used as it is."""

    def call(self, body: dict[str, Any]) -> Answer | Failed:
        """Post ``body``; see ``drive.SyncTransport``."""
        client = self._client or _sync_client(self.base_url, self._key)
        manager = client.chat.completions.with_streaming_response.create(**self._arguments(body))
        try:
            response = manager.__enter__()
        except Exception as error:
            return self._explain(error)
        pieces: Iterator[bytes] = response.iter_bytes()
        return Answer(response.status_code, response.headers, stream=(response, pieces))

    def read(self, answer: Answer) -> bytes | Failed:
        """The next bytes; see ``drive.SyncTransport``."""
        try:
            return next(answer.stream[1], b"")
        except _network_errors() as error:
            return _failed(error, self.base_url, begun=True)

    def close(self, answer: Answer) -> None:
        """Give the connection back."""
        if answer.stream is not None:
            with suppress(Exception):
                answer.stream[0].close()


class AsyncCarrier(_Common):
    """The async transport. ``client``: an ``openai.AsyncOpenAI`` of your own."""

    async def call(self, body: dict[str, Any]) -> Answer | Failed:
        """Post ``body``; see ``drive.AsyncTransport``."""
        client = self._client or await _async_client(self.base_url, self._key)
        manager = client.chat.completions.with_streaming_response.create(**self._arguments(body))
        try:
            response = await manager.__aenter__()
        except Exception as error:
            return self._explain(error)
        pieces = response.iter_bytes()
        return Answer(response.status_code, response.headers, stream=(response, pieces))

    async def read(self, answer: Answer) -> bytes | Failed:
        """The next bytes; see ``drive.AsyncTransport``."""
        try:
            return await anext(answer.stream[1], b"")
        except _network_errors() as error:
            return _failed(error, self.base_url, begun=True)

    async def close(self, answer: Answer) -> None:
        """Give the connection back."""
        if answer.stream is not None:
            with suppress(Exception):
                await answer.stream[0].close()
