"""The ``openai`` SDK as HTTP client: auth, connections, timeouts; streams are read raw.

Works on openai 2 (httpx) and 3 (httpx2). Clients are kept: one per base URL and key, and per event
loop when async, so that a chain of tool calls uses one connection. Retries are the exchange's.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any, TypeAlias

from ..config.settings import check_key, no_key_message
from ..errors import InvalidRequestError
from ..exchange import Answer, Failed, FileCall
from ..reply.api_errors import scrub
from .deadline import watch
from .limits import BadAnswer, client_settings, take
from .network_errors import network_failure

__all__ = ["AsyncCarrier", "Carrier", "clear_clients"]

CONNECT_SECONDS = 10.0
READ_SECONDS = 600.0
"""Between two pieces of an answer. Thinking streams, so a longer silence is a dead connection."""

MAX_CLIENTS = 8
"""Kept clients (pairs of base URL and key), in all or per event loop; the oldest make room."""

_Slot: TypeAlias = tuple[int, str, str]
"""Process id, base URL and key: a process that was forked must not use its parent's sockets."""

_lock = threading.RLock()
"""Reentrant: the garbage collector may close a forgotten stream while this thread holds it."""


class _Kept:
    """A client, the shelf it is from, and how many answers are being read through it."""

    __slots__ = ("client", "shelf", "users")

    def __init__(self, client: Any, shelf: _Shelf) -> None:
        self.client = client
        self.shelf = shelf
        self.users = 0


class _Shelf:
    """Kept clients. Those that are ``surplus`` are the caller's to close."""

    def __init__(self) -> None:
        self.kept: OrderedDict[_Slot, _Kept] = OrderedDict()

    def take(
        self, make: Callable[[str, str], Any], base_url: str, key: str
    ) -> tuple[_Kept, list[Any]]:
        """The client for a base URL and a key, made by ``make`` if there is none."""
        slot = (os.getpid(), base_url, key)
        with _lock:
            kept = self.kept.get(slot)
            if kept is None:
                kept = self.kept[slot] = _Kept(make(base_url, key), self)
            self.kept.move_to_end(slot)
            kept.users += 1
            return kept, self.surplus()

    def clear(self) -> list[Any]:
        """Forget all of them."""
        with _lock:
            clients = [kept.client for kept in self.kept.values()]
            self.kept.clear()
        return clients

    def surplus(self) -> list[Any]:
        """Those too many, without any that is in use."""
        surplus = []
        for slot, kept in list(self.kept.items())[: max(len(self.kept) - MAX_CLIENTS, 0)]:
            if not kept.users:
                self.kept.pop(slot, None)
                surplus.append(kept.client)
        return surplus


def _give_back(kept: _Kept | None) -> list[Any]:
    """Tell that an answer has been read, if it was through a kept client."""
    if kept is None:
        return []
    with _lock:
        kept.users -= 1
        return kept.shelf.surplus()


class _Stream:
    """An answer that is being read."""

    __slots__ = ("kept", "pieces", "response")

    def __init__(self, response: Any, pieces: Any, kept: _Kept | None) -> None:
        self.response = response
        self.pieces = pieces
        self.kept = kept


class _LoopShelf(_Shelf):
    """The async clients of one event loop, closed when the loop shuts its generators down."""

    def __init__(self) -> None:
        super().__init__()
        self.keeper: AsyncGenerator[None, None] | None = None


_clients = _Shelf()
_loops: dict[int, tuple[weakref.ref[asyncio.AbstractEventLoop], _LoopShelf]] = {}


def clear_clients() -> None:
    """Close the kept sync clients (for tests and long-lived programs)."""
    for client in _clients.clear():
        client.close()


def _client(base_url: str, key: str) -> Any:
    import openai

    http = openai.DefaultHttpxClient(**client_settings(asynchronous=False))
    watch(http)
    client = openai.OpenAI(http_client=http, **_options(base_url, key))
    _forget_openai(client)
    return client


def _async_client(base_url: str, key: str) -> Any:
    import openai

    http = openai.DefaultAsyncHttpxClient(**client_settings(asynchronous=True))
    client = openai.AsyncOpenAI(http_client=http, **_options(base_url, key))
    _forget_openai(client)
    return client


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
    client.admin_api_key = None
    client._custom_headers = {}


async def _loop_shelf() -> _LoopShelf:
    """The clients of the running loop."""
    loop = asyncio.get_running_loop()
    with _lock:
        entry = _loops.get(id(loop))
        if entry is None or entry[0]() is not loop:
            for number, (other, _) in list(_loops.items()):
                known = other()
                if known is None or known.is_closed():
                    del _loops[number]
            entry = _loops[id(loop)] = (weakref.ref(loop), _LoopShelf())
        shelf = entry[1]
        start_keeper = shelf.keeper is None
        if start_keeper:
            shelf.keeper = _keep(id(loop), shelf)
    if start_keeper and shelf.keeper is not None:
        await anext(shelf.keeper)
    return shelf


async def _keep(number: int, shelf: _LoopShelf) -> AsyncGenerator[None, None]:
    """Wait for the end of the loop and close its clients then.

    ``asyncio.run`` closes suspended async generators before it closes the loop, which is the one
    moment at which kept connections can be closed properly.
    """
    try:
        yield
    finally:
        with _lock:
            entry = _loops.get(number)
            if entry is not None and entry[1] is shelf:
                del _loops[number]
        for client in shelf.clear():
            with suppress(Exception):
                await client.close()


def _http_classes(*names: str) -> tuple[type[Exception], ...]:
    """The error classes of these names of httpx and httpx2, whichever are loaded."""
    modules = [sys.modules[name] for name in ("httpx2", "httpx") if name in sys.modules]
    return tuple(getattr(module, name) for module in modules for name in names)


def _network_errors() -> tuple[type[Exception], ...]:
    return (OSError, *_http_classes("HTTPError", "StreamError"))


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
        self.silence: float | None = READ_SECONDS if timeout is None else timeout
        self._timeout = timeout
        self._client = client

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    def _check_key(self) -> None:
        """Before the HTTP client says it in words that show the key."""
        if self._client is not None:
            return
        if not self._key:
            raise InvalidRequestError(no_key_message(), param="key")
        check_key(self._key)

    def _arguments(self, body: dict[str, Any]) -> dict[str, Any]:

        arguments = {
            "model": body["model"],
            "messages": [],
            # The whole body goes here: it replaces the two above, and the SDK leaves it alone.
            "extra_body": body,
        }
        return {**arguments, **self._time_limit()}

    def _time_limit(self) -> dict[str, Any]:
        if self._timeout is None:
            return {}
        import openai

        connect = min(self._timeout, CONNECT_SECONDS)
        return {"timeout": openai.Timeout(self._timeout, connect=connect)}

    def _file_arguments(self, step: FileCall) -> tuple[str, dict[str, Any]]:
        """The SDK's method for a call of the files API, and its arguments."""
        upload, arguments = step.upload, self._time_limit()
        if upload is not None:
            file = (upload.filename, upload.open(upload), upload.content_type)
            return "create", {"file": file, "purpose": upload.purpose, **arguments}
        if step.action != "list":
            arguments["file_id"] = step.file_id
        return step.action, arguments

    def _explain(self, error: Exception) -> Answer | Failed | InvalidRequestError:
        """What a call that raised comes to. Not raised here: no error of ours shall carry one of
        the HTTP client's in its context, with the request and the key in it."""
        import openai

        if isinstance(error, openai.APIStatusError):
            return Answer(error.status_code, error.response.headers, body=error.response.content)
        if isinstance(error, (openai.APIConnectionError, BadAnswer, *_network_errors())):
            return self._failed(error, begun=False)
        if isinstance(error, _http_classes("InvalidURL")):
            return InvalidRequestError(f"is no URL that can be used ({error})", param="base_url")
        if isinstance(error, (TypeError, ValueError, RecursionError)):
            return InvalidRequestError(
                f"cannot be written as JSON ({scrub(str(error), self._key)})", param="request"
            )
        raise error

    @staticmethod
    def _told(result: Answer | Failed | InvalidRequestError) -> Answer | Failed:
        if isinstance(result, InvalidRequestError):
            raise result
        return result

    def _failed(self, error: BaseException, *, begun: bool) -> Failed:
        keys = (self._key, getattr(self._client, "api_key", None))
        return network_failure(
            error, self.base_url, begun=begun, keys=keys, longer="the option timeout"
        )


class Carrier(_Common):
    """The sync transport. ``client``: an ``openai.OpenAI`` of your own, used as it is."""

    def call(self, body: dict[str, Any]) -> Answer | Failed:
        """Post ``body``; see ``drive.SyncTransport``.

        Raises:
            InvalidRequestError: key, base URL or body cannot be sent.
        """
        self._check_key()
        client, kept = self._client, None
        try:
            if client is None:
                kept = self._take()
                client = kept.client
            completions = client.chat.completions.with_streaming_response
            response = completions.create(**self._arguments(body)).__enter__()
        except Exception as error:
            result = self._explain(error)
        except BaseException:
            self._give_back(kept)
            raise
        else:
            stream = _Stream(response, response.iter_bytes(), kept)
            return Answer(response.status_code, response.headers, stream=stream)
        self._give_back(kept)
        return self._told(result)

    def read(self, answer: Answer) -> bytes | Failed:
        """The next bytes; see ``drive.SyncTransport``."""
        try:
            return next(answer.stream.pieces, b"")
        except _network_errors() as error:
            return self._failed(error, begun=True)

    def file_call(self, step: FileCall) -> Answer | Failed:
        """Call the files API; see ``drive.SyncTransport``.

        Raises:
            InvalidRequestError: key or base URL cannot be used.
        """
        self._check_key()
        client, kept = self._client, None
        method, arguments = self._file_arguments(step)
        result: Answer | Failed | InvalidRequestError
        try:
            if client is None:
                kept = self._take()
                client = kept.client
            with getattr(client.files.with_streaming_response, method)(**arguments) as response:
                content = bytearray()
                for piece in response.iter_bytes():
                    take(content, piece)
            result = Answer(response.status_code, response.headers, body=bytes(content))
        except Exception as error:
            result = self._explain(error)
        finally:
            self._give_back(kept)
        return self._told(result)

    def close(self, answer: Answer) -> None:
        """Give the connection back."""
        stream = answer.stream
        if stream is not None:
            with suppress(Exception):
                stream.response.close()
            kept, stream.kept = stream.kept, None
            self._give_back(kept)

    def _take(self) -> _Kept:
        kept, surplus = _clients.take(_client, self.base_url, self._key)
        for client in surplus:
            client.close()
        return kept

    def _give_back(self, kept: _Kept | None) -> None:
        for client in _give_back(kept):
            client.close()


class AsyncCarrier(_Common):
    """The async transport. ``client``: an ``openai.AsyncOpenAI`` of your own."""

    async def call(self, body: dict[str, Any]) -> Answer | Failed:
        """Post ``body``; see ``drive.AsyncTransport``.

        Raises:
            InvalidRequestError: key, base URL or body cannot be sent.
        """
        self._check_key()
        client, kept = self._client, None
        try:
            if client is None:
                kept = await self._take()
                client = kept.client
            completions = client.chat.completions.with_streaming_response
            response = await completions.create(**self._arguments(body)).__aenter__()
        except Exception as error:
            result = self._explain(error)
        except BaseException:
            await self._give_back(kept)
            raise
        else:
            stream = _Stream(response, response.iter_bytes(), kept)
            return Answer(response.status_code, response.headers, stream=stream)
        await self._give_back(kept)
        return self._told(result)

    async def read(self, answer: Answer) -> bytes | Failed:
        """The next bytes; see ``drive.AsyncTransport``."""
        try:
            return await anext(answer.stream.pieces, b"")
        except _network_errors() as error:
            return self._failed(error, begun=True)

    async def file_call(self, step: FileCall) -> Answer | Failed:
        """Call the files API; see ``drive.AsyncTransport``.

        Raises:
            InvalidRequestError: key or base URL cannot be used.
        """
        self._check_key()
        client, kept = self._client, None
        method, arguments = self._file_arguments(step)
        result: Answer | Failed | InvalidRequestError
        try:
            if client is None:
                kept = await self._take()
                client = kept.client
            files = client.files.with_streaming_response
            async with getattr(files, method)(**arguments) as response:
                content = bytearray()
                async for piece in response.iter_bytes():
                    take(content, piece)
            result = Answer(response.status_code, response.headers, body=bytes(content))
        except Exception as error:
            result = self._explain(error)
        finally:
            await self._give_back(kept)
        return self._told(result)

    async def close(self, answer: Answer) -> None:
        """Give the connection back."""
        stream = answer.stream
        if stream is not None:
            with suppress(Exception):
                await stream.response.close()
            # Closed here and now: left to the garbage collector, it may outlive the loop.
            with suppress(Exception):
                await stream.pieces.aclose()
            kept, stream.kept = stream.kept, None
            await self._give_back(kept)

    async def _take(self) -> _Kept:
        shelf = await _loop_shelf()
        kept, surplus = shelf.take(_async_client, self.base_url, self._key)
        for client in surplus:
            await client.close()
        return kept

    async def _give_back(self, kept: _Kept | None) -> None:
        for client in _give_back(kept):
            await client.close()
