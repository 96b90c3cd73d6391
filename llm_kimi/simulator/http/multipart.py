"""Reads ``multipart/form-data`` piece by piece, so that a large file is never in memory as a whole.

In go the boundary and the pieces of a body as they come from the socket; out come, for each part,
its ``Head`` and then its data in pieces. Nothing here knows of sockets, files or Kimi.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from urllib.parse import unquote

__all__ = ["Head", "MultipartError", "boundary_of", "read_parts"]

_LONGEST_HEAD = 16 * 1024
_PARAMETER = re.compile(r';\s*([\w-]+\*?)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"\s]*))')


class MultipartError(ValueError):
    """The body is no proper multipart body."""


@dataclass(frozen=True)
class Head:
    """What stands above the data of a part; ``filename`` None: a field and no file."""

    name: str
    filename: str | None
    type: str


def boundary_of(content_type: str) -> bytes:
    """The boundary that a Content-Type header names.

    Raises:
        MultipartError: for another type, or without a boundary.
    """
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_boundary()
    if message.get_content_type() != "multipart/form-data" or not boundary:
        raise MultipartError("no multipart/form-data with a boundary")
    return boundary.encode("latin-1", "replace")


def read_parts(pieces: Iterable[bytes], boundary: bytes) -> Iterator[Head | bytes]:
    """Each part's head, followed by its data; reads the body to its end.

    Raises:
        MultipartError: when it ends too early, or a head makes no sense.
    """
    source = iter(pieces)
    mark = b"\r\n--" + boundary
    held = b"\r\n"  # the first boundary may stand at the very start
    inside = False
    while True:
        at = held.find(mark)
        if at < 0:
            safe = max(0, len(held) - len(mark) + 1)  # behind it a boundary may have begun
            if inside and safe:
                yield held[:safe]
            held = held[safe:] + _more(source)
            continue
        if inside and at:
            yield held[:at]
        held = held[at + len(mark) :]
        while len(held) < 2:
            held += _more(source)
        if held.startswith(b"--"):
            for _ in source:
                pass
            return
        if not held.startswith((b"\r\n", b" ", b"\t")):
            if inside:  # a longer word that only begins like the boundary
                yield mark
            continue
        while (end := held.find(b"\r\n\r\n")) < 0:
            if len(held) > _LONGEST_HEAD:
                raise MultipartError("the head of a part is too long")
            held += _more(source)
        yield _head(held[:end])
        held = held[end + 4 :]
        inside = True


def _more(source: Iterator[bytes]) -> bytes:
    for piece in source:
        return piece
    raise MultipartError("the body ends inside a part")


def _head(raw: bytes) -> Head:
    fields = {}
    for line in raw.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            fields[name.strip().lower()] = value.strip()
    disposition = fields.get("content-disposition", "")
    given = {
        name.lower(): _unescaped(quoted) if quoted else bare
        for name, quoted, bare in _PARAMETER.findall(disposition)
    }
    if not disposition.lower().startswith("form-data") or "name" not in given:
        raise MultipartError("a part has no name")
    filename = given.get("filename")
    if "filename*" in given:  # RFC 5987: charset'language'text
        filename = unquote(given["filename*"].rpartition("'")[2])
    kind = fields.get("content-type", "").partition(";")[0].strip().lower()
    return Head(given["name"], filename, kind)


def _unescaped(text: str) -> str:
    """What clients put for quotes and line ends: https://html.spec.whatwg.org/#multipart-form-data"""
    for written, meant in (('\\"', '"'), ("%22", '"'), ("%0D", "\r"), ("%0A", "\n")):
        text = text.replace(written, meant)
    return text
