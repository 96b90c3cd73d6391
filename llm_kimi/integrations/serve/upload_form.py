"""The form of an upload, as it comes; a large file lies in a temporary one without a name."""

from __future__ import annotations

import re
import tempfile
from contextlib import suppress
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Any
from urllib.parse import unquote

import aiohttp
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ...errors import InvalidRequestError
from ...reply.safe_text import one_line
from ..openai_http.purposes import kimi_purpose
from .access import refused
from .call import Refused
from .upstream import SizedFile

__all__ = ["UploadForm"]

MAX_PARTS = 20
MAX_PART_HEAD = 8 << 10
"""Bytes of the headers of a part, with ``HEADER`` for each."""
HEADER = 32
MAX_FIELD = 64 << 10
"""Bytes of a part that is no file."""
IN_MEMORY = 1 << 20
"""Bytes of a file; a larger one goes to the disk."""
MAX_BOUNDARY = 256

_EXTENDED = re.compile(r";\s*filename\*\s*=\s*\"?([\w-]*)'[\w-]*'([^\s;\"]*)", re.ASCII)
_ENCODED_WORD = re.compile(r"=\?[\w-]+\?[bBqQ]\?\S*\?=", re.ASCII)
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}", re.ASCII)


class UploadForm:
    """A form with a purpose and a file; other fields are read and left out (``left_out``).

    Raises:
        Refused: ``content_type`` names no boundary; from ``write``, it is no form, or too large.
    """

    def __init__(self, content_type: str) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if not 0 < len(boundary) <= MAX_BOUNDARY:
            raise _bad_form("its Content-Type has no boundary")
        self._fields: dict[str, bytearray] = {}
        self._files = 0
        self._file: Any = None
        self._size = 0
        self._filename = "file"
        self._type = "application/octet-stream"
        self._parts = 0
        self._ended = False
        # Of the part that is being read:
        self._headers: dict[bytes, bytes] = {}
        self._name, self._value = bytearray(), bytearray()
        self._head = 0
        self._to: Any = None
        # Its other parser would write forms to named files, and their bytes to the log.
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part,
                "on_header_field": self._on_header_name,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_end": self._on_end,
            },
        )

    def write(self, piece: bytes) -> None:
        """Take a piece of the form."""
        try:
            self._parser.write(piece)
        except FormParserError:
            raise _bad_form() from None
        except OSError as error:  # of the temporary file
            text = f"the server cannot store the upload: {error.strerror or error}"
            raise Refused(refused(507, text, code="no_space")) from None

    def for_kimi(self) -> aiohttp.FormData:
        """The form that Kimi takes.

        Raises:
            Refused: it is not whole.
            InvalidRequestError: it lacks something.
        """
        if not self._ended:
            raise _bad_form("it is not whole")
        if self._files != 1:
            raise InvalidRequestError("the form needs one file", param="file")
        purpose = self._fields.get("purpose", b"").decode("utf-8", "replace")
        if not purpose:
            raise InvalidRequestError("the form needs a purpose", param="purpose")
        form = aiohttp.FormData(
            {"purpose": kimi_purpose(purpose, self._filename)}, quote_fields=False
        )
        self._file.seek(0)
        body = SizedFile(self._file, self._size, self._type)
        form.add_field("file", body, filename=self._filename)
        return form

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names of the fields that Kimi has no place for, such as ``expires_after[anchor]``."""
        names = (one_line(name)[:100] for name in self._fields if name != "purpose")
        return tuple(dict.fromkeys(name.partition("[")[0] for name in names))

    def close(self) -> None:
        """Remove what was kept."""
        if self._file is not None:
            # On a full disk what is still buffered cannot be written; closed it is.
            with suppress(OSError):
                self._file.close()

    # -- what the parser finds ----------------------------------------------------------------

    def _on_part(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise _bad_form(f"it has more than {MAX_PARTS} parts", 413)
        self._headers, self._head, self._to = {}, 0, None

    def _on_header_name(self, data: bytes, start: int, end: int) -> None:
        self._add_to_head(self._name, data[start:end])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._add_to_head(self._value, data[start:end])

    def _add_to_head(self, to: bytearray, piece: bytes) -> None:
        self._head += len(piece)
        to += piece
        self._check_head()

    def _check_head(self) -> None:
        if self._head > MAX_PART_HEAD:
            raise _bad_form("the headers of a part are too long", 413)

    def _on_header_end(self) -> None:
        self._head += HEADER
        self._check_head()
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name, self._value = bytearray(), bytearray()

    def _on_headers(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"")
        _, options = parse_options_header(disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        filename = _filename(disposition, options.get(b"filename"))
        if filename is None:
            self._to = self._fields[name] = bytearray()
        elif name == "file":
            self._files += 1
            if self._files == 1:
                self._begin_file(filename)

    def _begin_file(self, filename: str) -> None:
        self._file = self._to = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        self._filename = one_line(filename)[:1000] or "file"
        kind = self._headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip()
        if _TYPE.fullmatch(kind):
            self._type = kind

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        to = self._to
        if to is None:
            return
        if to is self._file:
            self._size += to.write(data[start:end])
            return
        if len(to) + end - start > MAX_FIELD:
            raise _bad_form("a field is too long", 413)
        to += data[start:end]

    def _on_end(self) -> None:
        self._ended = True


def _filename(disposition: bytes, plain: bytes | None) -> str | None:
    """The name of a file; None for a part that is none.

    Forms have it as UTF-8 (RFC 7578, 4.2). .NET and older releases of Python's urllib3 write names
    that are not ASCII in the ways of mail: ``filename*`` (RFC 2231), an encoded word (RFC 2047).
    """
    match = _EXTENDED.search(disposition.decode("latin-1"))
    if match is not None:
        with suppress(LookupError):
            return unquote(match[2], encoding=match[1] or "utf-8", errors="replace")
    if plain is None:
        return None
    name = plain.decode("utf-8", "replace")
    if _ENCODED_WORD.fullmatch(name):
        with suppress(HeaderParseError, LookupError, UnicodeError):
            return str(make_header(decode_header(name)))
    return name


def _bad_form(what: str = "", status: int = 400) -> Refused:
    text = "the body is not a valid form" + (f": {what}" if what else "")
    return Refused(refused(status, text, code="invalid_form"))
