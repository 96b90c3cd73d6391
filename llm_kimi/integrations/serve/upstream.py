"""Kimi, as the server reaches it: one aiohttp session, whose connections all callers share.

With aiohttp a call through this server takes half the time that it takes with httpx.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from ... import __version__
from ...errors import InvalidRequestError
from ...exchange import Answer, Failed, FileCall, FormulaCall
from ...transport.client_pool import CONNECT_SECONDS, READ_SECONDS
from ...transport.limits import ACCEPT_ENCODING, BadAnswer, check_encoding, take
from ...transport.network_errors import network_failure
from ..openai_http import as_json

__all__ = [
    "NETWORK_ERRORS",
    "SizedFile",
    "Transport",
    "Upstream",
    "env_proxy",
    "give_back",
    "lower",
    "read_whole",
]

NETWORK_ERRORS = (aiohttp.ClientError, asyncio.TimeoutError, OSError, BadAnswer)
"""What a request and the reading of its answer may end in."""

_JSON = {"Content-Type": "application/json"}


def env_proxy(url: str) -> str | None:
    """The proxy that the environment names for ``url`` (``HTTPS_PROXY``, ``NO_PROXY``).

    Raises:
        InvalidRequestError: it is of a kind that cannot be used.
    """
    parts = urlsplit(url)
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    if urlsplit(found).scheme not in ("http", "https"):
        raise InvalidRequestError(
            "only http proxies are supported: set HTTPS_PROXY to one, or add "
            f"{parts.hostname} to NO_PROXY",
            param="proxy",
        )
    return found


def _tls() -> ssl.SSLContext:
    """Certificates as the SDK has them: SSL_CERT_FILE and SSL_CERT_DIR, else certifi's as well."""
    context = ssl.create_default_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        with suppress(ImportError):
            import certifi

            context.load_verify_locations(certifi.where())
    return context


class Upstream:
    """The API at ``base_url``. Made and closed inside the event loop that uses it.

    ``silence``: seconds without a byte of an answer after which it is given up.
    """

    def __init__(self, base_url: str, *, silence: float = READ_SECONDS) -> None:
        self.base_url = base_url
        self._proxy = env_proxy(base_url)
        tls = _tls() if base_url.lower().startswith("https:") else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=tls, ttl_dns_cache=60),
            # Of one caller's answers nothing may go along with another's request.
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_SECONDS, sock_read=silence
            ),
            headers={"User-Agent": f"llm-kimi/{__version__}", "Accept-Encoding": ACCEPT_ENCODING},
        )

    def send(self, method: str, path: str, key: str, *, query: str = "", **content: Any) -> Any:
        """Send a request to ``path`` below the base URL; awaited, the head of the answer."""
        headers = {"Authorization": f"Bearer {key}", **content.pop("headers", {})}
        return self._session.request(
            method,
            f"{self.base_url}{path}{'?' if query else ''}{query}",
            headers=headers,
            allow_redirects=False,
            proxy=self._proxy,
            **content,
        )

    async def ask(
        self, method: str, path: str, key: str, **content: Any
    ) -> Answer[aiohttp.ClientResponse] | Failed:
        """A request and its whole answer."""
        response = None
        try:
            response = await self.send(method, path, key, **content)
            check_encoding(response.headers)
            body = await read_whole(response)
        except NETWORK_ERRORS as error:
            begun = response is not None and response.status == 200
            failed = self.failed(error, key, begun=begun)
            failed.retryable = failed.retryable and not begun  # it may be billed already
            return failed
        finally:
            if response is not None:
                give_back(response)
        return Answer(response.status, lower(response.headers), body=body)

    def failed(self, error: BaseException, key: str, *, begun: bool) -> Failed:
        """``error`` in words."""
        if isinstance(error, aiohttp.ClientResponseError):
            packed = "content-encoding" in error.message
            text = "it has an unsupported Content-Encoding" if packed else "it is not HTTP"
            error = BadAnswer(text)
        elif isinstance(error, aiohttp.ClientPayloadError):
            error = aiohttp.ClientPayloadError("it is not whole")
        return network_failure(error, self.base_url, begun=begun, keys=(key,), longer="")

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


async def read_whole(response: Any) -> bytes:
    """The body of an answer, within bounds.

    Raises:
        BadAnswer: it is too large.
    """
    body = bytearray()
    while piece := await response.content.readany():
        if not take(body, piece, response.status):
            break
    return bytes(body)


def give_back(response: Any) -> None:
    """Give the connection back, or close it if the answer has not been read to its end."""
    if response.content.at_eof():
        response.release()
    else:
        response.close()


def lower(headers: Any) -> dict[str, str]:
    """Headers by their names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


class SizedFile(aiohttp.payload.IOBasePayload):
    """The content of a file whose size is known, so that the form has a Content-Length."""

    def __init__(self, file: Any, size: int, content_type: str) -> None:
        super().__init__(file, content_type=content_type)
        self._length = size

    @property
    def size(self) -> int:
        """In bytes."""
        return self._length


class Transport:
    """See ``llm_kimi.transport.protocols.AsyncTransport``: the calls of one key."""

    silence: float | None = READ_SECONDS

    def __init__(self, upstream: Upstream, key: str) -> None:
        self._upstream = upstream
        self._key = key

    async def call(self, body: dict[str, Any]) -> Answer[aiohttp.ClientResponse] | Failed:
        """Post ``body``; what is no stream comes whole."""
        upstream, path, headers = self._upstream, "/chat/completions", _JSON
        if not body.get("stream"):
            return await upstream.ask("POST", path, self._key, data=as_json(body), headers=headers)
        response, kept = None, False
        try:
            response = await upstream.send(
                "POST", path, self._key, data=as_json(body), headers=headers
            )
            check_encoding(response.headers)
            kept = response.status == 200
            if kept:
                return Answer(200, lower(response.headers), stream=response)
            text = await read_whole(response)
        except NETWORK_ERRORS as error:
            return upstream.failed(error, self._key, begun=False)
        finally:
            if response is not None and not kept:
                give_back(response)
        return Answer(response.status, lower(response.headers), body=text)

    async def read(self, answer: Answer[aiohttp.ClientResponse]) -> bytes | Failed:
        """The next bytes."""
        try:
            piece: bytes = await answer.opened.content.readany()
        except NETWORK_ERRORS as error:
            return self._upstream.failed(error, self._key, begun=True)
        return piece

    async def file_call(
        self, step: FileCall | FormulaCall
    ) -> Answer[aiohttp.ClientResponse] | Failed:
        """Call the files API or an official tool."""
        content: dict[str, Any] = {}
        upload = step.upload
        if upload is not None:
            form = aiohttp.FormData({"purpose": upload.purpose}, quote_fields=False)
            body = SizedFile(upload.open(upload), upload.size, upload.content_type)
            form.add_field("file", body, filename=upload.filename)
            content["data"] = form
        elif isinstance(step, FormulaCall) and step.body is not None:
            content = {"data": as_json(step.body), "headers": _JSON}
        return await self._upstream.ask(step.method, step.path, self._key, **content)

    async def close(self, answer: Answer[aiohttp.ClientResponse]) -> None:
        """Give the connection back."""
        if answer.stream is not None:
            give_back(answer.stream)
