"""Which kind of file some bytes are, found from the bytes: a name or a header may be wrong.

In: the first bytes of a file (``HEAD`` of them are enough; fewer, and rarer forms are missed).
Out: the MIME type that Kimi knows the file by, or None. Nothing here does I/O or raises.

Kimi's images and videos: https://platform.kimi.ai/docs/guide/use-kimi-vision-model
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType

from .mime_types import DOC, DOCX, EPUB, MOBI, PDF, PPT, PPTX, XLS, XLSX
from .text import decode_text, is_text

__all__ = [
    "EXTRACTABLE",
    "HEAD",
    "decode_text",
    "document_type",
    "image_type",
    "is_text",
    "other_type",
    "video_type",
]

HEAD = 64 * 1024
"""Bytes from the start of a file that are enough for every function here."""

EXTRACTABLE: frozenset[str] = frozenset(
    (
        # https://platform.kimi.ai/docs/api/files-upload, "and more". Images were on that list until
        # 31 August 2026.
        *(".pdf", ".txt", ".csv", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".md"),
        *(".epub", ".mobi", ".html", ".json", ".log", ".yaml", ".yml", ".ini", ".conf"),
        *(".go", ".h", ".c", ".cpp", ".cxx", ".cc", ".cs", ".java", ".js", ".css", ".jsp"),
        *(".php", ".py", ".py3", ".asp", ".ts", ".tsx", ".dot"),
    )
)
"""Suffixes (lower case, with the dot) of what Kimi extracts text from."""

# Brands of ISO base media files: https://mp4ra.org/registered-types/brands
_HEIC = frozenset((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"))
_HEIF = frozenset((b"mif1", b"mif2", b"msf1"))
_AVIF = frozenset((b"avif", b"avis"))
_CAMERA = frozenset((b"crx ",))
_AUDIO = frozenset((b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ", b"aax ", b"aaxc"))
_NO_VIDEO = _HEIC | _HEIF | _AVIF | _CAMERA | _AUDIO

_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_VIDEO = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
_ASF_AUDIO = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")
_EBML = b"\x1aE\xdf\xa3"
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def image_type(head: bytes) -> str | None:
    """The type of an image that Kimi sees, None for everything else (SVG, TIFF, AVIF, ...)."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if _riff(head) == b"WEBP":
        return "image/webp"
    if head.startswith(b"BM") and _number(head, 14, 4) in (12, 16, 40, 52, 56, 64, 108, 124):
        return "image/bmp"  # "BM" and the size of a known header: text may start with BM, too
    brands = _brands(head)
    if not brands:
        return None
    if brands[0] in _HEIC:
        return "image/heic"
    if brands[0] in _HEIF and _AVIF.isdisjoint(brands):
        return "image/heif" if _HEIC.isdisjoint(brands) else "image/heic"
    return None


def video_type(head: bytes) -> str | None:
    """The type of a video that Kimi sees, None for everything else (Matroska, MPEG-TS, ...)."""
    brands = _brands(head)
    if brands:
        return _video_of_brand(brands[0])
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free") and head[0] < 9:
        # QuickTime before there was ftyp. A first byte below 9 is a box of at most 150 MB, more
        # than Kimi takes, and never a letter: "The free ..." is a text.
        return "video/quicktime"
    if _riff(head) == b"AVI ":
        return "video/x-msvideo"
    if head.startswith(b"FLV\x01"):
        return "video/x-flv"
    if _doctype(head) == b"webm":
        return "video/webm"
    if head.startswith(_ASF) and not _is_wma(head):
        return "video/x-ms-wmv"
    if head.startswith((b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")):
        return "video/mpeg"
    return None


def document_type(head: bytes, name: str) -> str | None:
    """The type of a document (PDF, Office, e-book) that Kimi extracts, None for everything else.

    ``name`` only tells apart what shares a container: the old Office formats, and new ones whose
    parts do not show within ``head``.
    """
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    if head.startswith(b"%PDF-"):
        return PDF
    if head.startswith(b"PK\x03\x04"):
        return _zip_type(head, suffix)
    if head.startswith(_OLE2):
        return _ole2_type(head, suffix)
    if head[60:68] == b"BOOKMOBI":
        return MOBI
    return PDF if _is_late_pdf(head) else None


def other_type(head: bytes) -> str | None:
    """What a file is that Kimi takes neither as image nor as video, in words with their article.

    "an SVG image", "a PDF", "audio (MP3)"; None when it is an image or a video that Kimi takes,
    or nothing that is known here.
    """
    if image_type(head) or video_type(head):
        return None
    return _media_name(head) or _container_name(head) or _signature_name(head) or _markup_name(head)


# Containers


def _number(head: bytes, start: int, size: int) -> int:
    """A little-endian number; -1 when the head ends before it does."""
    raw = head[start : start + size]
    return int.from_bytes(raw, "little") if len(raw) == size else -1


def _riff(head: bytes) -> bytes:
    return head[8:12] if head.startswith(b"RIFF") else b""


def _brands(head: bytes) -> tuple[bytes, ...]:
    """Major and compatible brands of an ISO base media file (MP4, HEIC, ...); () for others."""
    if head[4:8] != b"ftyp" or not head.startswith(b"\x00\x00") or len(head) < 12:
        return ()
    end = int.from_bytes(head[:4], "big")
    others = range(16, min(end, len(head)) - 3, 4)
    return (head[8:12], *(head[start : start + 4] for start in others))


def _video_of_brand(brand: bytes) -> str | None:
    if brand in _NO_VIDEO:
        return None
    if brand == b"qt  ":
        return "video/quicktime"
    return "video/3gpp" if brand.startswith((b"3g", b"kddi")) else "video/mp4"


def _doctype(head: bytes) -> bytes:
    """DocType of an EBML file (webm, matroska): https://www.rfc-editor.org/rfc/rfc8794; b"" else.

    Its header holds a few short elements; this one is 42 82, a length of one byte, the word.
    """
    if not head.startswith(_EBML):
        return b""
    found = re.search(rb"\x42\x82([\x81-\x9f])", head[4:128])
    if found is None:
        return b""
    start = 4 + found.end()
    return head[start : start + found[1][0] - 0x80].rstrip(b"\x00")


def _is_wma(head: bytes) -> bool:
    """An ASF file whose header is all here and names sound, and no pictures."""
    size = _number(head, 16, 8)
    return 0 <= size <= len(head) and _ASF_AUDIO in head[:size] and _ASF_VIDEO not in head[:size]


def _is_late_pdf(head: bytes) -> bool:
    """Readers of PDF skip up to 1 KB before its header. A text that speaks of PDF is none, nor is
    what is known as something else and holds one, such as a TAR archive."""
    if re.search(rb"%PDF-\d\.\d", head[:1024]) is None or is_text(head) or _is_tar(head):
        return False
    return not (image_type(head) or video_type(head) or _media_name(head) or _signature_name(head))


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def _zip_entries(head: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and start of the content of the entries that lie within ``head``, in order.

    Walks from header to header, so that a document inside an archive is not taken for it.
    """
    at = 0
    while head.startswith(b"PK\x03\x04", at) and at + 30 <= len(head):
        flags, packed = _number(head, at + 6, 2), _number(head, at + 18, 4)
        body = at + 30 + _number(head, at + 26, 2)
        name = head[at + 30 : body].decode("utf-8", "replace")
        body += _number(head, at + 28, 2)
        yield name, head[body : body + 80]
        # Bit 3: more may follow the content, its size among it, so the next header is looked for.
        at = head.find(b"PK\x03\x04", body + packed) if flags & 8 else body + packed
        if at < 0:
            return


_PARTS = MappingProxyType({"word": DOCX, "xl": XLSX, "ppt": PPTX})


def _zip_type(head: bytes, suffix: str) -> str | None:
    """Office packages (ECMA-376 part 2) hold ``[Content_Types].xml`` and ``_rels/.rels``."""
    package, part, book = False, None, False
    for name, content in _zip_entries(head):
        if name == "mimetype" and content.startswith(EPUB.encode()):
            return EPUB
        book = book or name == "META-INF/container.xml"
        package = package or name == "[Content_Types].xml" or name.startswith("_rels/")
        part = part or _PARTS.get(name.partition("/")[0] if "/" in name else "")
        if package and part:
            return part
    if package:
        return {".docx": DOCX, ".xlsx": XLSX, ".pptx": PPTX}.get(suffix)
    return EPUB if book and suffix == ".epub" else None


def _ole2_type(head: bytes, suffix: str) -> str | None:
    """By the suffix; without one, by the names of the streams, if they show and are of one kind."""
    named = {".doc": DOC, ".dot": DOC, ".xls": XLS, ".ppt": PPT}.get(suffix)
    if named:
        return named
    streams = {"WordDocument": DOC, "Workbook": XLS, "PowerPoint Document": PPT}
    found = {kind for name, kind in streams.items() if name.encode("utf-16-le") in head}
    return found.pop() if len(found) == 1 else None


# Names of what Kimi does not see


def _media_name(head: bytes) -> str | None:
    """Images, videos and audio that are told by more than their first bytes."""
    brands = _brands(head)
    if brands:
        if brands[0] in _AUDIO:
            return "audio (M4A)"
        return "a camera RAW image" if brands[0] in _CAMERA else "an AVIF image"
    if _riff(head) == b"WAVE":
        return "audio (WAV)"
    if head.startswith(b"OggS"):
        return "an OGG video" if b"theora" in head[:512] else "audio (OGG)"
    if head.startswith(_EBML):
        return "a Matroska video"
    if head.startswith(_ASF):
        return "audio (WMA)"
    if head[:1] == b"\xff" and len(head) > 2:
        return _frame_name(head)
    for start in (0, 4):  # the second as written by cameras (M2TS)
        packets = head[start :: 188 + start][:4]
        if len(packets) > 2 and set(packets) == {0x47} and not is_text(head[:800]):
            return "an MPEG-TS video"
    return None


def _frame_name(head: bytes) -> str | None:
    """A bare frame of MP3 or AAC; UTF-16's mark FF FE is none."""
    if head[1] in (0xF1, 0xF9):
        return "audio (AAC)"
    if head[1] & 0xE6 == 0xE2 and head[2] >> 4 != 15 and head[2] & 12 != 12:
        return "audio (MP3)"
    return None


_DOCUMENTS = MappingProxyType(
    {
        PDF: "a PDF",
        DOCX: "a Word document",
        DOC: "a Word document",
        XLSX: "an Excel workbook",
        XLS: "an Excel workbook",
        PPTX: "a PowerPoint presentation",
        PPT: "a PowerPoint presentation",
        EPUB: "an EPUB book",
        MOBI: "a MOBI book",
    }
)


def _container_name(head: bytes) -> str | None:
    """Documents, and the containers that they share with other things."""
    document = document_type(head, "")
    if document:
        return _DOCUMENTS[document]
    if head.startswith(b"PK\x03\x04"):
        first = next(_zip_entries(head), ("", b""))
        office = first[0] == "mimetype" and first[1].startswith(b"application/vnd.oasis.opendoc")
        return "an OpenDocument file" if office else "a ZIP archive"
    if head.startswith(_OLE2):
        return "an old Office file"
    return "a TAR archive" if _is_tar(head) else None


_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"8BPS\x00", "a Photoshop image"),
    (b"{\\rtf", "an RTF document"),
    (b"ID3", "audio (MP3)"),
    (b"fLaC", "audio (FLAC)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
)


def _signature_name(head: bytes) -> str | None:
    for signature, name in _SIGNATURES:
        # A text may start with these letters as well.
        if head.startswith(signature) and not (signature == b"ID3" and is_text(head)):
            return name
    return None


_BEFORE_ROOT = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE\s+svg[^>\[]*(?:\[.*?\])?\s*>", re.S)
_HTML = re.compile(r"<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]", re.I)
_SVG = re.compile(r"<(?:\w+:)?svg[\s>/]")


def _markup_name(head: bytes) -> str | None:
    text = (
        decode_text(head[:8192]) if head.lstrip()[:1] in (b"<", b"\xef", b"\xff", b"\xfe") else ""
    )
    if not text:
        return None
    at = 0
    while before := _BEFORE_ROOT.match(text, at):
        at = before.end()
    if _SVG.match(text, at):
        return "an SVG image"
    return "HTML" if _HTML.match(text, at) else None
