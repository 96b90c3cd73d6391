"""Fetches what a request names by URL: Kimi takes none, so images and files go along as bytes.

A URL comes from whoever wrote the request, so it must not become a way into the network that this
program runs in: every connection is made by ``dial``, which checks the address. Redirects are
followed here, each checked like the first URL, and size and time are bounded while reading.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from .. import __version__
from ..errors import InvalidRequestError
from .clock import Clock, Problem, Stopped
from .connect import errors, libraries, pool, words

__all__ = ["Fetched", "Stopped", "fetch"]

MAX_REDIRECTS = 3
PIECE_BYTES = 1 << 18
SHOWN_CHARACTERS = 100

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_STATUSES = {
    401: "it needs a login",
    403: "its server requires a login",
    404: "it is not there",
    410: "it no longer exists",
    429: "its server asks to try again later",
}
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._:")
_PORTS = range(1, 65_536)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was behind a URL.

    ``url`` is the final one, with its query; ``name`` a bare file name or ``""``;
    ``content_type`` the header without parameters, in lower case, or None.
    """

    url: str
    name: str
    content_type: str | None
    content: bytes


def fetch(
    url: str,
    *,
    max_bytes: int,
    seconds: float = 60.0,
    allow_private: bool = False,
    stopped: Callable[[], bool] | None = None,
    on_bytes: Callable[[int], None] | None = None,
) -> Fetched:
    """Fetch ``url``; at most ``max_bytes`` after decoding, in at most ``seconds`` in all.

    ``allow_private``: addresses are not checked and the proxies of the environment are used.
    ``stopped`` is asked while waiting and reading, ``on_bytes`` told how many bytes there are so
    far. Both are called in this thread. Nothing is kept between calls, so any thread may call.

    Raises:
        InvalidRequestError: it cannot be had. The text holds neither query nor password.
        Stopped: ``stopped`` returned true.
    """
    visit = _Visit(url, max_bytes, Clock(seconds, stopped), not allow_private, on_bytes)
    try:
        return visit.follow()
    except Problem as problem:
        text = f"cannot fetch {visit.shown()}: {problem}"
    raise InvalidRequestError(text)  # not in the block above: no error of the client in tow


class _Visit:
    """One call of ``fetch``: the URL, where it redirects to, and the bounds."""

    def __init__(
        self,
        url: str,
        max_bytes: int,
        clock: Clock,
        checked: bool,
        on_bytes: Callable[[int], None] | None,
    ) -> None:
        self.given = url
        self.trail: list[Any] = []
        self.max_bytes = max_bytes
        self.clock = clock
        self.checked = checked
        self.on_bytes = on_bytes
        self.http, self.core = libraries()

    def shown(self) -> str:
        """The URL, and the one it led to, for an error text."""
        if not self.trail:
            return _shown_malformed(self.given.strip())
        first, last = _shown(self.trail[0]), _shown(self.trail[-1])
        return first if len(self.trail) == 1 else f"{first} (redirected to {last})"

    def follow(self) -> Fetched:
        """Fetch, through redirects."""
        result: Fetched | str = self.given.strip()
        while not isinstance(result, Fetched):
            self.go_to(result)
            result = self.get(self.trail[-1])
        return result

    def go_to(self, text: str) -> None:
        """Put the URL at the end of the trail, if it may be fetched."""
        before = self.trail[-1] if self.trail else None
        whose = "the URL that it redirects to" if before else "it"
        try:
            url = before.join(text) if before else self.http.URL(text)
            usable = _HOST.issuperset(url.raw_host.decode()) and (
                url.port is None or url.port in _PORTS
            )
        except (self.http.InvalidURL, ValueError):
            usable = False
        if not usable:
            raise Problem(f"{whose} is malformed")
        self.trail.append(url.copy_with(fragment=None))
        if url.scheme not in ("http", "https") or not url.host:
            raise Problem(f"{whose} is not an http(s) URL")
        if url.userinfo:
            raise Problem(f"{whose} contains a user name or password")
        if before and (before.scheme, url.scheme) == ("https", "http"):
            raise Problem("it redirects from https to http, which is not safe")
        if len(self.trail) > MAX_REDIRECTS + 1:
            raise Problem(f"it redirects more than {MAX_REDIRECTS} times")

    def get(self, url: Any) -> Fetched | str:
        """One request: what is there, or where it redirects to."""
        headers = [
            ("Host", url.netloc),
            ("User-Agent", f"llm-kimi/{__version__}"),
            ("Accept", "*/*"),
            ("Accept-Encoding", "gzip"),
            ("Connection", "close"),
        ]
        target = self.core.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        connections = pool(self.http, self.core, url, self.clock, self.checked)
        try:
            with connections, connections.stream("GET", target, headers=headers) as response:
                return self.answer(url, response)
        except errors(self.core) as error:
            what = words(error)
        raise Problem(what)

    def answer(self, url: Any, response: Any) -> Fetched | str:
        """The body, or the Location of a redirect."""
        headers: dict[str, str] = {}
        for name, value in response.headers:
            headers.setdefault(name.decode("latin-1").lower(), _decoded(value))
        if response.status in _REDIRECTS:
            if not headers.get("location"):
                raise Problem("it redirects without saying where to")
            return headers["location"]
        if response.status != 200:
            what = _STATUSES.get(response.status, "its server does not send it")
            raise Problem(f"{what} (status {response.status})")
        content = self.body(response, headers)
        if not content:
            raise Problem("it is empty")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        name = _disposition(headers.get("content-disposition", "")) or _bare(unquote(url.path))
        return Fetched(str(url), name, kind or None, content)

    def body(self, response: Any, headers: dict[str, str]) -> bytes:
        """The decoded body."""
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise Problem("its server sent an unsupported Content-Encoding")
        too_large = Problem(
            f"it is larger than {self.max_bytes:,} bytes", "send a smaller one, or a part of it"
        )
        length = headers.get("content-length", "0")
        if len(length) > 15 or int(length) > self.max_bytes:
            raise too_large
        content = bytearray()
        pieces: Any = response.iter_stream()
        if encoding.endswith("gzip"):
            pieces = _unzipped(pieces)
        with closing(pieces) as decoded:
            for piece in decoded:
                content += piece
                if len(content) > self.max_bytes:
                    raise too_large
                if self.on_bytes is not None:
                    self.on_bytes(len(content))
                self.clock.check()
        return bytes(content)


def _unzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A gzip body in pieces of bounded size, however small what it was packed into."""
    decoder: Any = None
    for data in pieces:
        more = True
        while data or more:
            decoder = decoder or zlib.decompressobj(wbits=31)
            piece = decoder.decompress(data, PIECE_BYTES)
            more = len(piece) == PIECE_BYTES and not decoder.eof
            data = decoder.unconsumed_tail
            if decoder.eof:  # what follows is the next member
                data, decoder = decoder.unused_data, None
            if piece:
                yield piece
    if decoder is not None:
        raise zlib.error("incomplete")


def _decoded(value: bytes) -> str:
    """A header's value: UTF-8 as most servers send, Latin-1 as it once was."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _shown(url: Any) -> str:
    """A URL for an error text: no user, password, query or fragment, and no more than a line."""
    path = url.raw_path.decode("ascii").partition("?")[0]
    host = url.netloc.decode("ascii")
    text = f"//{host}{path}" if host else path
    return _shortened(f"{url.scheme}:{text}" if url.scheme else text)


def _shown_malformed(text: str) -> str:
    """The same for what is no URL: everything before an @ may be a password."""
    text = text.partition("?")[0].partition("#")[0] if "@" not in text else "the URL"
    return _shortened("".join(letter if letter.isprintable() else "?" for letter in text))


def _shortened(text: str) -> str:
    half = SHOWN_CHARACTERS // 2
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:half]}...{text[-half:]}"


def _disposition(value: str) -> str:
    """The file name in a Content-Disposition; the encoded form ``filename*`` goes first."""
    from email.message import Message
    from email.utils import collapse_rfc2231_value

    message = Message()
    message["content-disposition"] = value
    names = [
        collapse_rfc2231_value(name)
        for key, name in message.get_params([], "content-disposition")
        if key.lower() == "filename"
    ]
    return _bare(names[-1]) if names else ""


def _bare(path: str) -> str:
    """The last part of a path, without what could hide or mislead in a file name."""
    name = path.replace("\\", "/").rpartition("/")[2]
    name = "".join(letter for letter in name if letter.isprintable()).strip()
    return "" if name in (".", "..") else name[-200:]
