"""Reads the text of a document, piece by piece.

Text, HTML and Word documents are really read, with the standard library alone. For all else a
stand-in says what the file is.
"""

from __future__ import annotations

import codecs
import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from mimetypes import guess_type
from typing import IO
from xml.etree import ElementTree

__all__ = ["ERROR_MARK", "PICTURES", "READABLE", "ExtractError", "suffix_of", "text_of"]

ERROR_MARK = "[[simulator: extract-error]]"
"""A document that holds this cannot be read."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# https://platform.kimi.ai/docs/api/files-upload, copies before and after 31 August 2026.
_TEXTS = _words(
    "txt csv md json log go h c cpp cxx cc cs java js css jsp php py py3 asp yaml yml ini conf ts "
    "tsx"
)
# The page goes on with "and more"; these are a guess.
_MORE_TEXTS = _words(
    "markdown rst tex toml xml tsv jsonl sql sh rb rs kt swift scala lua pl r jsx vue"
)
_PAGES = _words("html htm")
_OTHERS = _words("pdf docx xlsx pptx doc dot xls ppt epub mobi")
PICTURES = _words("jpeg jpg png bmp gif webp ico xbm dib pjp pjpeg tif tiff avif apng jfif")
"""Suffixes that were read by OCR until 31 August 2026."""
READABLE = _TEXTS | _MORE_TEXTS | _PAGES | _OTHERS
"""Suffixes of documents."""

_PIECE = 64 * 1024
_MOST = 100 * 1024 * 1024  # characters that a document may unfold to


class ExtractError(Exception):
    """The document cannot be read; its text says why. All such texts are made up."""


def suffix_of(name: str) -> str:
    """The suffix of a file name, small and without its dot."""
    return os.path.splitext(name)[1][1:].lower()


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    """A file from its start, in pieces."""
    file.seek(0)
    while piece := file.read(_PIECE):
        yield piece


def text_of(file: IO[bytes], name: str, size: int) -> Iterator[str]:
    """The text of a document, by the suffix of its name.

    Raises:
        ExtractError: when it cannot be read.
    """
    suffix = suffix_of(name)
    if holds(_pieces(file), ERROR_MARK.encode()):
        raise ExtractError("the file asks for an error")
    if suffix in _TEXTS or suffix in _MORE_TEXTS:
        return _decoded(file)
    if suffix in _PAGES:
        return _stripped(_decoded(file))
    if suffix == "docx":
        return _paragraphs(file)
    if suffix == "pdf":
        _check_pdf(file)
    kind = guess_type(name)[0] or "application/octet-stream"
    return iter([f"[offline Kimi] Stand-in for the text of {name} ({kind}, {size} bytes)"])


def holds(pieces: Iterable[bytes], wanted: bytes) -> bool:
    """Whether bytes that come in pieces hold others."""
    tail = b""
    for piece in pieces:
        tail += piece
        if wanted in tail:
            return True
        tail = tail[-len(wanted) :]
    return False


def _check_pdf(file: IO[bytes]) -> None:
    file.seek(0)
    if file.read(4) != b"%PDF":
        raise ExtractError("the file is no PDF")
    if holds(_pieces(file), b"/Encrypt"):
        raise ExtractError("the PDF is encrypted")


def _decoded(file: IO[bytes]) -> Iterator[str]:
    file.seek(0)
    wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8-sig")("replace")
    for piece in _pieces(file):
        yield decoder.decode(piece)
    yield decoder.decode(b"", True)


class _Stripper(HTMLParser):
    """Collects what a page shows, a line for each block."""

    _hidden = ("script", "style", "template", "title")
    _blocks = re.compile(r"p|div|br|li|tr|h[1-6]|section|article|pre|table|ul|ol|blockquote")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._depth += tag in self._hidden
        if self._blocks.fullmatch(tag):
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            self._depth = max(0, self._depth - 1)
        elif self._blocks.fullmatch(tag):
            self.found.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._depth:
            self.found.append(re.sub(r"\s+", " ", data))


def _stripped(pieces: Iterable[str]) -> Iterator[str]:
    """A page without its tags; runs of empty lines become one line end."""
    parser, begun = _Stripper(), False
    for piece in pieces:
        parser.feed(piece)
        text = re.sub(r"\s*\n\s*", "\n", "".join(parser.found))
        parser.found.clear()
        yield text if begun else text.lstrip()
        begun = begun or bool(text.strip())
    parser.close()
    yield "".join(parser.found)


def _paragraphs(file: IO[bytes]) -> Iterator[str]:
    """The text of a Word document: a line for each paragraph."""
    left = _MOST
    words: list[str] = []
    try:
        with zipfile.ZipFile(file) as archive, archive.open("word/document.xml") as source:
            for _, element in ElementTree.iterparse(source):
                tag = str(element.tag).rpartition("}")[2]
                if tag in ("t", "tab", "br"):
                    words.append({"tab": "\t", "br": "\n"}.get(tag, element.text or ""))
                elif tag == "p":
                    line = "".join(words).strip("\t") + "\n"
                    words.clear()
                    element.clear()
                    left -= len(line)
                    if left < 0:
                        raise ExtractError("the document is too large")
                    yield line
    except ExtractError:
        raise
    except RuntimeError:  # a password, or an unknown packing
        raise ExtractError("the document is encrypted") from None
    except Exception as error:  # whatever a broken archive leads to
        raise ExtractError(f"the document is broken: {error}") from None
