"""How much of an answer is taken: a server must not fill the memory, nor lead a client elsewhere.

In: responses of httpx or httpx2, heads only. Out: the same with a bounded body, or ``BadAnswer``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

__all__ = [
    "ACCEPT_ENCODING",
    "BadAnswer",
    "check_encoding",
    "client_settings",
    "take",
]

ACCEPT_ENCODING = "gzip, deflate"
"""Unpacked a network piece at a time, these grow a thousandfold at most; Brotli and Zstandard make
gigabytes of a few bytes, in one step."""

MAX_ERROR = 1 << 20
"""Bytes of an error answer; what is beyond them is not read."""

MAX_SMALL = 16 << 20
"""Bytes of a list of models, a balance, a count of tokens."""

MAX_PACKED = 1 << 16
"""Of such bodies when they are compressed."""

MAX_FILE = 256 << 20
"""Bytes of a file's text or an answer that is read whole: a document may have 100 MB."""

_STREAMED = ("/chat/completions", "/files")


class BadAnswer(Exception):
    """An answer that is not read (on), and why."""


def check_encoding(headers: Mapping[str, str]) -> bool:
    """Whether a body is compressed.

    Raises:
        BadAnswer: in a way that was not asked for.
    """
    encoding = (headers.get("content-encoding") or "").strip().lower()
    if encoding in ("", "identity"):
        return False
    if encoding not in ("gzip", "deflate"):
        raise BadAnswer("it has an unsupported Content-Encoding")
    return True


def take(content: bytearray, piece: bytes, status: int = 200) -> bool:
    """Add ``piece`` to a body that is read whole; False when there is no need to read on.

    Raises:
        BadAnswer: the body is too large.
    """
    content += piece
    if status != 200:
        return len(content) <= MAX_ERROR
    if len(content) > MAX_FILE:
        raise BadAnswer(f"it is larger than {MAX_FILE >> 20} MB")
    return True


def client_settings(*, asynchronous: bool) -> dict[str, Any]:
    """Arguments of an httpx client that follows no redirect and keeps to the bounds."""
    return {
        "follow_redirects": False,
        "headers": {"Accept-Encoding": ACCEPT_ENCODING},
        "event_hooks": {"response": [_abound if asynchronous else _bound]},
    }


def _limit(response: Any) -> int | None:
    """How many bytes of a body to take at once; None for one that its reader bounds."""
    if not _leads_somewhere(response.headers.get("location") or ""):
        # httpx looks where a redirect leads even if it does not follow, and stumbles over these.
        del response.headers["location"]
    packed = check_encoding(response.headers)
    if response.status_code == 200:
        path = response.request.url.path
        if path.endswith(_STREAMED[0]) or _STREAMED[1] in path:
            return None
        return MAX_PACKED if packed else MAX_SMALL
    return MAX_PACKED if packed else MAX_ERROR


def _leads_somewhere(location: str) -> bool:
    try:
        parts = urlsplit(location)
        return bool(parts.hostname) if parts.scheme else True
    except ValueError:
        return False


def _bound(response: Any) -> None:
    """Take the beginning of a body, for a reader that would take all of it."""
    limit = _limit(response)
    if limit is None:
        return
    content = bytearray()
    stream = response.stream
    try:
        for piece in stream:
            content += piece
            if len(content) > limit:
                break
    finally:
        stream.close()
    _replace(response, bytes(content[:limit]))


async def _abound(response: Any) -> None:
    limit = _limit(response)
    if limit is None:
        return
    content = bytearray()
    stream = response.stream
    try:
        async for piece in stream:
            content += piece
            if len(content) > limit:
                break
    finally:
        await stream.aclose()
    _replace(response, bytes(content[:limit]))


def _replace(response: Any, content: bytes) -> None:
    http = sys.modules[type(response).__module__.partition(".")[0]]  # httpx or httpx2
    response.stream = http.ByteStream(content)
