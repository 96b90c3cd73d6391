"""``data:`` URLs of any kind of file (https://www.rfc-editor.org/rfc/rfc2397).

In: an ``Attached`` whose URL is one. Out: the same with the bytes that the URL contains.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from urllib.parse import unquote_to_bytes

from ..errors import InvalidRequestError
from ..translation import Attached
from ..translation.messages.media import clean_base64

__all__ = ["is_data_url", "read_data_url"]

_WHAT = "the data: URL"


def is_data_url(url: str) -> bool:
    """Whether ``url`` contains the file itself."""
    return url[:5].lower() == "data:"


def read_data_url(attached: Attached, url: str) -> Attached:
    """``attached`` with its ``content``, and its type where the caller said none.

    Text in another encoding than UTF-8 becomes UTF-8: its bytes alone would not say so.

    Raises:
        InvalidRequestError: it is broken.
    """
    head, comma, payload = url[5:].partition(",")
    if not comma:
        raise InvalidRequestError(f"{_WHAT} has no comma: data:<type>;base64,<the file in base64>")
    mime, *parameters = (part.strip() for part in head.split(";"))
    words = [parameter.lower() for parameter in parameters]
    content = _from_base64(payload) if "base64" in words else _from_percent(payload)
    charset = next((word[8:].strip("\"'") for word in words if word.startswith("charset=")), "")
    if charset not in ("", "utf-8", "utf8", "us-ascii") and _is_text(mime.lower()):
        content = _recoded(content, charset)
    return replace(attached, content=content, url=None, mime=attached.mime or mime.lower() or None)


def _from_base64(payload: str) -> bytes:
    """Base64, in the alphabet for URLs as well, and with percent-encoded letters."""
    if "%" in payload:
        payload = _from_percent(payload).decode("latin-1")
    try:
        clean = clean_base64(payload.replace("-", "+").replace("_", "/"), _WHAT)
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{_WHAT} {error.message}") from None
    return base64.b64decode(clean)


def _from_percent(payload: str) -> bytes:
    try:
        return unquote_to_bytes(payload)
    except UnicodeEncodeError:
        raise InvalidRequestError(f"{_WHAT} contains half a character") from None


def _is_text(mime: str) -> bool:
    return mime in ("", "application/json", "application/xml") or mime.startswith("text/")


def _recoded(content: bytes, charset: str) -> bytes:
    try:
        return content.decode(charset).encode()
    except (LookupError, UnicodeError):
        raise InvalidRequestError(
            f"{_WHAT} names the charset {charset[:40]!r}, which its bytes are not in"
        ) from None
