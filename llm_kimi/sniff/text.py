"""Bytes as text: whether they are one, and which. Nothing here does I/O or raises."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from functools import partial

__all__ = ["decode_text", "is_text", "is_well_formed", "read_back", "reread"]

# UTF-32 first: its little-endian mark starts with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Not among them: tab, line ends, form feed, backspace (man pages), escape (colours in logs).
_CONTROL = re.compile("[\x01-\x07\x0e-\x1a\x1c-\x1f\x7f]")
_CONTROL_BYTES = re.compile(_CONTROL.pattern.encode())
_HIGH = re.compile(rb"[\x80-\xff]+")
_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")


def is_text(data: bytes) -> bool:
    """Whether ``data`` is text in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.

    ``data`` may be the start of a file: a character that is cut at its end does no harm.
    No bytes are a text as well.
    """
    return _unicode(data) is not None


def decode_text(data: bytes) -> str | None:
    """The text that ``data`` is, without byte order mark and with its own line ends; else None.

    UTF-8, UTF-16 or UTF-32 as for ``is_text``; what is none of them is read as Western (cp1252,
    which holds Latin-1's letters), unless it looks like a text in another script's encoding:
    letters that nobody wrote are worse than a refusal. A character cut at the end shows as U+FFFD.
    """
    decoded = _unicode(data)
    if decoded is None:
        return _western(data)
    text, cut, sure = decoded
    if not cut:
        return text
    shown = text + "\ufffd"
    if sure:
        return shown
    western = _western(data)
    return shown if western is None else western


def _unicode(data: bytes) -> tuple[str, bool, bool] | None:
    """The text, whether its last character is cut, and whether it surely is Unicode."""
    mark, encoding = next(
        ((mark, encoding) for mark, encoding in _MARKS if data.startswith(mark)), (b"", "utf-8")
    )
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(data[len(mark) :])
    except UnicodeDecodeError:
        return None
    # One control character in a hundred: more, and it is binary data in ASCII's range.
    if "\0" in text or len(_CONTROL.findall(text)) * 100 > len(text):
        return None
    return text, bool(decoder.getstate()[0]), bool(mark) or not text.isascii()


def _western(data: bytes) -> str | None:
    """``data`` as cp1252. In Western words letters beyond ASCII stand alone or in twos; in the
    encodings of Chinese, Russian or Greek they follow each other."""
    if b"\0" in data or _CONTROL_BYTES.search(data) or data.startswith(tuple(m for m, _ in _MARKS)):
        return None
    runs = [len(run) for run in _HIGH.findall(data)]
    if sum(length for length in runs if length > 3) * 2 > sum(runs):
        return None
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return None


def is_well_formed(text: str) -> bool:
    """Whether ``text`` can be written as UTF-8: it contains no half of a surrogate pair."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_back(text: str, encodings: Iterable[str] = ()) -> str | None:
    """``text``, whose bytes Python could not decode, read as the UTF-8 that they are; else None.

    In a locale without UTF-8 Python keeps such bytes of arguments and of stdin as lone surrogates
    (https://peps.python.org/pep-0383/). ``encodings`` are those that it may have used; between
    the surrogates stand letters then that were bytes of the same characters. Two halves of one
    character that stand together become it; what is well-formed comes back as it is.
    """
    if is_well_formed(text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        pass
    for encoding in ("utf-8", *encodings):
        read = reread(text, encoding)
        if is_well_formed(read):
            return read
    return None


def reread(text: str, encoding: str) -> str:
    """``text``, which was decoded as ``encoding``, with what is UTF-8 in it read as such.

    Letters that stand together and are the bytes of UTF-8 in another encoding are hardly ever
    meant as they stand there.
    """
    return _BEYOND_ASCII.sub(partial(_reread, encoding), text)


def _reread(encoding: str, run: re.Match[str]) -> str:
    """Letters beyond ASCII as UTF-8; as they are when they are not the bytes of such."""
    try:
        return run[0].encode(encoding, "surrogateescape").decode("utf-8")
    except (UnicodeError, LookupError):
        return run[0]
