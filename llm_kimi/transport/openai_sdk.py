"""The ``openai`` SDK as HTTP client: auth, connections, timeouts; streams are read raw.

Works on openai 2 (httpx) and 3 (httpx2). Clients are kept: one per base URL and key, and per event
loop when async, so that a chain of tool calls uses one connection. Retries are the exchange's.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from typing import Any, Generic, TypeAlias, TypeVar

from ..config.settings import check_key, no_key_message
from ..errors import InvalidRequestError
from ..exchange import Answer, Failed, FileCall, FormulaCall
from ..reply.api_errors import scrub
from .client_pool import (
    CONNECT_SECONDS,
    READ_SECONDS,
    PooledClient,
    clients,
    give_back,
    loop_pool,
    make_async_client,
    make_client,
)
from .limits import BadAnswer, take
from .network_errors import network_failure

__all__ = ["AsyncOpenAITransport", "OpenAITransport"]


Pieces = TypeVar("Pieces")


class _Stream(Generic[Pieces]):
    """An answer that is being read."""

    __slots__ = ("kept", "pieces", "response")

    def __init__(self, response: Any, pieces: Pieces, kept: PooledClient | None) -> None:
        self.response = response
        self.pieces = pieces
        self.kept = kept


_SyncStream: TypeAlias = _Stream[Iterator[bytes]]
_AsyncStream: TypeAlias = _Stream[AsyncGenerator[bytes, None]]


def _http_classes(*names: str) -> tuple[type[Exception], ...]:
    """The error classes of these names of httpx and httpx2, whichever are loaded."""
    modules = [sys.modules[name] for name in ("httpx2", "httpx") if name in sys.modules]
    return tuple(getattr(module, name) for module in modules for name in names)


def _network_errors() -> tuple[type[Exception], ...]:
    return (OSError, *_http_classes("HTTPError", "StreamError"))


class _Common:
    """What both transports share: where to, how long to wait, the arguments of a call."""

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

    def _formula(self, client: Any, step: Any) -> Any:
        """The SDK's own call for a step of the official tools; it gives the body."""
        options = self._time_limit()
        if step.body is None:
            return client.get(step.path, cast_to=bytes, options=options)
        return client.post(step.path, cast_to=bytes, body=step.body, options=options)

    def _file_arguments(self, step: FileCall) -> tuple[str, dict[str, Any]]:
        """The SDK's method for a call of the files API, and its arguments."""
        upload, arguments = step.upload, self._time_limit()
        if upload is not None:
            file = (upload.filename, upload.open(upload), upload.content_type)
            return "create", {"file": file, "purpose": upload.purpose, **arguments}
        if step.action != "list":
            arguments["file_id"] = step.file_id
        return step.action, arguments

    def _explain(self, error: Exception) -> Answer[Any] | Failed | InvalidRequestError:
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
    def _told(result: Answer[Any] | Failed | InvalidRequestError) -> Answer[Any] | Failed:
        if isinstance(result, InvalidRequestError):
            raise result
        return result

    def _failed(self, error: BaseException, *, begun: bool) -> Failed:
        keys = (self._key, getattr(self._client, "api_key", None))
        return network_failure(
            error, self.base_url, begun=begun, keys=keys, longer="the option timeout"
        )


class OpenAITransport(_Common):
    """The sync transport. ``client``: an ``openai.OpenAI`` of your own, used as it is."""

    def call(self, body: dict[str, Any]) -> Answer[_SyncStream] | Failed:
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

    def read(self, answer: Answer[_SyncStream]) -> bytes | Failed:
        """The next bytes; see ``drive.SyncTransport``."""
        try:
            return next(answer.opened.pieces, b"")
        except _network_errors() as error:
            return self._failed(error, begun=True)

    def file_call(self, step: FileCall | FormulaCall) -> Answer[_SyncStream] | Failed:
        """Call the files API or an official tool; see ``drive.SyncTransport``.

        Raises:
            InvalidRequestError: key or base URL cannot be used.
        """
        self._check_key()
        client, kept = self._client, None
        # What cannot be opened is said in its own words, not in those of a call that failed.
        file = None if isinstance(step, FormulaCall) else self._file_arguments(step)
        result: Answer[Any] | Failed | InvalidRequestError
        try:
            if client is None:
                kept = self._take()
                client = kept.client
            if file is None:
                return Answer(200, {}, body=self._formula(client, step))
            method, arguments = file
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

    def close(self, answer: Answer[_SyncStream]) -> None:
        """Give the connection back."""
        stream = answer.stream
        if stream is not None:
            with suppress(Exception):
                stream.response.close()
            kept, stream.kept = stream.kept, None
            self._give_back(kept)

    def _take(self) -> PooledClient:
        kept, surplus = clients.take(make_client, self.base_url, self._key)
        for client in surplus:
            client.close()
        return kept

    def _give_back(self, kept: PooledClient | None) -> None:
        for client in give_back(kept):
            client.close()


class AsyncOpenAITransport(_Common):
    """The async transport. ``client``: an ``openai.AsyncOpenAI`` of your own."""

    async def call(self, body: dict[str, Any]) -> Answer[_AsyncStream] | Failed:
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

    async def read(self, answer: Answer[_AsyncStream]) -> bytes | Failed:
        """The next bytes; see ``drive.AsyncTransport``."""
        try:
            return await anext(answer.opened.pieces, b"")
        except _network_errors() as error:
            return self._failed(error, begun=True)

    async def file_call(self, step: FileCall | FormulaCall) -> Answer[_AsyncStream] | Failed:
        """Call the files API or an official tool; see ``drive.AsyncTransport``.

        Raises:
            InvalidRequestError: key or base URL cannot be used.
        """
        self._check_key()
        client, kept = self._client, None
        # What cannot be opened is said in its own words, not in those of a call that failed.
        file = None if isinstance(step, FormulaCall) else self._file_arguments(step)
        result: Answer[Any] | Failed | InvalidRequestError
        try:
            if client is None:
                kept = await self._take()
                client = kept.client
            if file is None:
                return Answer(200, {}, body=await self._formula(client, step))
            method, arguments = file
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

    async def close(self, answer: Answer[_AsyncStream]) -> None:
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

    async def _take(self) -> PooledClient:
        pool = await loop_pool()
        kept, surplus = pool.take(make_async_client, self.base_url, self._key)
        for client in surplus:
            await client.close()
        return kept

    async def _give_back(self, kept: PooledClient | None) -> None:
        for client in give_back(kept):
            await client.close()
