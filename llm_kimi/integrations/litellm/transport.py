"""LiteLLM's HTTP handlers as transports of an exchange."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, TypeAlias

import httpx
from litellm.llms.custom_httpx.http_handler import (
    AsyncHTTPHandler,
    HTTPHandler,
    _get_httpx_client,
    get_async_httpx_client,
)
from litellm.types.utils import LlmProviders

from ...exchange import Answer, Failed, FileCall, FormulaCall
from ...translation.checks import require
from ...transport.deadline import watch
from ...transport.limits import ACCEPT_ENCODING, BadAnswer, check_encoding, take
from ...transport.network_errors import network_failure
from .headers import merge_headers

__all__ = ["AsyncTransport", "Endpoint", "Transport"]

_Body: TypeAlias = tuple[httpx.Response, Iterator[bytes]]
_AsyncBody: TypeAlias = tuple[httpx.Response, AsyncIterator[bytes]]
"""A response, and the pieces of its body."""

CONNECT_SECONDS = 10.0
NETWORK_ERRORS = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, BadAnswer)


class Endpoint:
    """Where calls go: URL, headers and timeout of one LiteLLM call. Its repr holds no key."""

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        headers: Any,
        timeout: Any,
        client: Any,
        ssl_verify: Any,
    ) -> None:
        self.base_url = base_url
        self._key = key
        self.url = f"{base_url}/chat/completions"
        self.headers = merge_headers(key, headers)
        self.timeout = _timeout(timeout)
        self.silence: float | None = self.timeout.read
        self.client = client
        self.ssl_verify = ssl_verify

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"

    def request(
        self, client: httpx.Client | httpx.AsyncClient, body: dict[str, Any]
    ) -> httpx.Request:
        """``body`` as ``client`` posts it."""
        headers = {"Accept-Encoding": ACCEPT_ENCODING, **self.headers}
        return client.build_request(
            "POST", _parsed(self.url), json=body, headers=headers, timeout=self.timeout
        )

    def file_request(self, client: Any, step: FileCall | FormulaCall) -> httpx.Request:
        """A call of the files API or of an official tool."""
        parts: dict[str, Any] = {}
        upload = step.upload
        if upload is not None:
            file = (upload.filename, upload.open(upload), upload.content_type)
            parts = {"data": {"purpose": upload.purpose}, "files": {"file": file}}
        elif isinstance(step, FormulaCall) and step.body is not None:
            parts = {"json": step.body}
        request: httpx.Request = client.build_request(
            step.method,
            self.base_url + step.path,
            headers={
                "Accept-Encoding": ACCEPT_ENCODING,
                **{k: v for k, v in self.headers.items() if k.lower() != "content-type"},
            },
            timeout=self.timeout,
            **parts,
        )
        return request

    def failed(self, error: Exception, *, begun: bool) -> Failed:
        """An error of the network, in words."""
        if isinstance(error, httpx.InvalidURL):
            # httpx looks where a redirect leads even if it does not follow.
            error = BadAnswer("it redirects to what is not a URL")
        return network_failure(error, self.base_url, begun=begun, keys=(self._key,))

    def broken(self, error: Exception, head: httpx.Response | None, content: bytearray) -> Failed:
        """``failed`` for an answer that was read whole; what came in part is not asked again."""
        begun = head is not None and head.status_code == 200
        failed = self.failed(error, begun=begun)
        if begun and content:
            failed.retryable = False
        return failed

    @property
    def client_params(self) -> dict[str, Any] | None:
        """What LiteLLM keeps its clients apart by."""
        return None if self.ssl_verify is None else {"ssl_verify": self.ssl_verify}


@lru_cache(maxsize=64)
def _parsed(url: str) -> httpx.URL:
    """Parsing takes longer than the rest of a request; a URL never changes."""
    return httpx.URL(url)


def _timeout(timeout: Any) -> httpx.Timeout:
    if isinstance(timeout, httpx.Timeout):
        return timeout
    try:
        seconds = 600.0 if timeout is None else float(timeout)
    except (TypeError, ValueError):
        seconds = 0.0
    require(seconds > 0, "must be a number of seconds above 0", "timeout")
    return httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))


class Transport:
    """See ``llm_kimi.transport.run.SyncTransport``."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.silence = endpoint.silence
        given = endpoint.client
        if isinstance(given, httpx.Client):
            self._client = given
            watch(given)
            return
        # Kept: LiteLLM's handlers close their client when nothing refers to them any more, and
        # its cache forgets them after an hour, or when two threads fill it at the same time.
        self._handler = given
        if not isinstance(given, HTTPHandler):
            self._handler = _get_httpx_client(params=endpoint.client_params)
        self._client = self._handler.client
        watch(self._client)

    def call(self, body: dict[str, Any]) -> Answer[_Body] | Failed:
        """Post ``body``; what is no stream comes whole."""
        return self._send(self._endpoint.request(self._client, body), bool(body.get("stream")))

    def _send(self, request: httpx.Request, stream: bool = False) -> Answer[_Body] | Failed:
        head: httpx.Response | None = None
        content = bytearray()
        try:
            head = self._client.send(request, stream=True, follow_redirects=False)
            stream = stream and head.status_code == 200
            try:
                check_encoding(head.headers)
                if stream:
                    return Answer(200, head.headers, stream=(head, head.iter_bytes()))
                for piece in head.iter_bytes():
                    if not take(content, piece, head.status_code):
                        break
            except BadAnswer:
                stream = False
                raise
            finally:
                if not stream:
                    head.close()
        except NETWORK_ERRORS as error:
            return self._endpoint.broken(error, head, content)
        return Answer(head.status_code, head.headers, body=bytes(content))

    def read(self, answer: Answer[_Body]) -> bytes | Failed:
        """The next bytes."""
        try:
            return next(answer.opened[1], b"")
        except NETWORK_ERRORS as error:
            return self._endpoint.failed(error, begun=True)

    def file_call(self, step: FileCall | FormulaCall) -> Answer[_Body] | Failed:
        """Call the files API or an official tool."""
        return self._send(self._endpoint.file_request(self._client, step))

    def close(self, answer: Answer[_Body]) -> None:
        """Give the connection back."""
        if answer.stream is not None:
            with suppress(Exception):
                answer.stream[0].close()


class AsyncTransport:
    """See ``llm_kimi.transport.run.AsyncTransport``."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.silence = endpoint.silence
        given = endpoint.client
        if isinstance(given, httpx.AsyncClient):
            self._client = given
            return
        self._handler = given  # see Transport
        if not isinstance(given, AsyncHTTPHandler):
            self._handler = get_async_httpx_client(
                llm_provider=LlmProviders.CUSTOM, params=endpoint.client_params
            )
        self._client = self._handler.client

    async def call(self, body: dict[str, Any]) -> Answer[_AsyncBody] | Failed:
        """Post ``body``; what is no stream comes whole."""
        request = self._endpoint.request(self._client, body)
        return await self._send(request, bool(body.get("stream")))

    async def _send(
        self, request: httpx.Request, stream: bool = False
    ) -> Answer[_AsyncBody] | Failed:
        head: httpx.Response | None = None
        content = bytearray()
        try:
            head = await self._client.send(request, stream=True, follow_redirects=False)
            stream = stream and head.status_code == 200
            try:
                check_encoding(head.headers)
                if stream:
                    return Answer(200, head.headers, stream=(head, head.aiter_bytes()))
                async for piece in head.aiter_bytes():
                    if not take(content, piece, head.status_code):
                        break
            except BadAnswer:
                stream = False
                raise
            finally:
                if not stream:
                    await head.aclose()
        except Exception as error:  # what aiohttp raises is not always mapped
            return self._endpoint.broken(error, head, content)
        return Answer(head.status_code, head.headers, body=bytes(content))

    async def read(self, answer: Answer[_AsyncBody]) -> bytes | Failed:
        """The next bytes."""
        try:
            return await anext(answer.opened[1], b"")
        except Exception as error:  # what aiohttp raises is not always mapped
            return self._endpoint.failed(error, begun=True)

    async def file_call(self, step: FileCall | FormulaCall) -> Answer[_AsyncBody] | Failed:
        """Call the files API or an official tool."""
        return await self._send(self._endpoint.file_request(self._client, step))

    async def close(self, answer: Answer[_AsyncBody]) -> None:
        """Give the connection back."""
        if answer.stream is not None:
            with suppress(Exception):
                await answer.stream[0].aclose()
            # Closed here and now: left to the garbage collector, it may outlive the loop.
            pieces = answer.stream[1]
            with suppress(Exception):
                if isinstance(pieces, AsyncGenerator):
                    await pieces.aclose()
