"""Kinds of files: told by their bytes, with small files made here."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import struct
import tarfile
import wave
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_kimi.sniff import media
from llm_kimi.sniff.media import (
    EXTRACTABLE,
    HEAD,
    decode_text,
    document_type,
    image_type,
    is_text,
    other_type,
    video_type,
)
from llm_kimi.sniff.mime_types import suffix_for


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    body = (
        chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")
    )
    return b"\x89PNG\r\n\x1a\n" + body


def bmp() -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 58, 0, 0, 54) + info + b"\xff\0\0\0"


def riff(kind: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 36) + kind + b"fmt \x10\0\0\0\x01\0\x01\0" + bytes(16)


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    data = major + b"\0\0\x02\0" + b"".join(compatible)
    return (
        struct.pack(">I", len(data) + 8)
        + b"ftyp"
        + data
        + b"\0\0\0\x08free\0\0\0\x10mdat"
        + bytes(8)
    )


def ebml(doctype: bytes) -> bytes:
    inner = b"\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08"
    inner += (
        b"\x42\x82" + bytes([0x80 + len(doctype)]) + doctype + b"\x42\x87\x81\x04\x42\x85\x81\x02"
    )
    return (
        b"\x1aE\xdf\xa3" + bytes([0x80 + len(inner)]) + inner + b"\x18\x53\x80\x67\x01" + bytes(40)
    )


VIDEO_STREAM = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
AUDIO_STREAM = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")


def asf(*streams: bytes) -> bytes:
    objects = b"".join(bytes(24) + stream + bytes(20) for stream in streams)
    guid = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
    return guid + struct.pack("<QI", 30 + len(objects), 2) + b"\x01\x02" + objects + bytes(64)


def zipped(*names: str, mimetype: str = "", streamed: bool = False, method: int = 8) -> bytes:
    """A zip; when ``streamed``, with the sizes after the content."""
    buffer = io.BytesIO()
    target = _Stream(buffer) if streamed else buffer
    with zipfile.ZipFile(target, "w", method) as archive:  # type: ignore[arg-type]
        if mimetype:
            archive.writestr(zipfile.ZipInfo("mimetype"), mimetype)
        for name in names:
            archive.writestr(name, f"<?xml version='1.0'?><x>{name * 20}</x>")
    return buffer.getvalue()


class _Stream:
    """A file that cannot seek."""

    def __init__(self, buffer: io.BytesIO) -> None:
        self.write = buffer.write
        self.flush = buffer.flush


def wav() -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16))
    return buffer.getvalue()


def tar(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("inner.bin")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def ole2(*streams: str) -> bytes:
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    return head + b"".join(stream.encode("utf-16-le").ljust(128, b"\0") for stream in streams)


def transport_stream(timed: bool = False) -> bytes:
    return (bytes(4 if timed else 0) + b"G\x40\x11\x10" + b"\xff" * 184) * 6


PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type /Catalog>>\nendobj\n%%EOF\n"
WORD = ("[Content_Types].xml", "_rels/.rels", "word/document.xml")
EXCEL = ("[Content_Types].xml", "_rels/.rels", "docProps/app.xml", "xl/workbook.xml")
POINT = ("[Content_Types].xml", "_rels/.rels", "ppt/presentation.xml")
GIF = b"GIF89a\x01\0\x01\0\0\0\0;"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9"

IMAGES = {
    "jpeg": (JPEG, "image/jpeg"),
    "jpeg exif": (b"\xff\xd8\xff\xe1\0\x10Exif\0\0", "image/jpeg"),
    "png": (png(), "image/png"),
    "gif 87": (b"GIF87a\x01\0\x01\0\0\0\0;", "image/gif"),
    "gif 89": (GIF, "image/gif"),
    "webp": (riff(b"WEBP"), "image/webp"),
    "bmp": (bmp(), "image/bmp"),
    "bmp with an old header": (b"BM" + bytes(12) + struct.pack("<I", 12) + bytes(8), "image/bmp"),
    **{
        f"heic {brand.decode()}": (ftyp(brand, b"mif1"), "image/heic")
        for brand in (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis")
    },
    "heif": (ftyp(b"mif1", b"mif1", b"miaf"), "image/heif"),
    "heif of HEVC": (ftyp(b"mif1", b"mif1", b"heic"), "image/heic"),
    "heif sequence": (ftyp(b"msf1", b"iso8"), "image/heif"),
}
VIDEOS = {
    **{
        f"mp4 {brand.decode()}": (ftyp(brand, b"isom"), "video/mp4")
        for brand in (
            b"isom",
            b"iso2",
            b"iso6",
            b"mp41",
            b"mp42",
            b"avc1",
            b"dash",
            b"M4V ",
            b"XAVC",
        )
    },
    "quicktime": (ftyp(b"qt  ", b"qt  "), "video/quicktime"),
    "quicktime, moov": (b"\0\0\x01\x10moov\0\0\0\x6cmvhd" + bytes(40), "video/quicktime"),
    "quicktime, wide": (b"\0\0\0\x08wide\0\x10\0\0mdat" + bytes(40), "video/quicktime"),
    "quicktime, mdat": (b"\x01\x10\0\0mdat" + bytes(40), "video/quicktime"),
    "quicktime, free": (b"\0\0\0\x10free" + bytes(8) + b"\0\0\0\x10mdat", "video/quicktime"),
    "3gp": (ftyp(b"3gp5", b"isom"), "video/3gpp"),
    "3g2": (ftyp(b"3g2a", b"isom"), "video/3gpp"),
    "avi": (riff(b"AVI "), "video/x-msvideo"),
    "flv": (b"FLV\x01\x05\0\0\0\x09\0\0\0\0", "video/x-flv"),
    "webm": (ebml(b"webm"), "video/webm"),
    "webm, filled up": (ebml(b"webm\0\0"), "video/webm"),
    "wmv": (asf(AUDIO_STREAM, VIDEO_STREAM), "video/x-ms-wmv"),
    "wmv, header cut": (asf(AUDIO_STREAM, VIDEO_STREAM)[:80], "video/x-ms-wmv"),
    "mpeg program": (b"\0\0\x01\xba\x44\0\x04\0\x04\x01" + bytes(8), "video/mpeg"),
    "mpeg video": (b"\0\0\x01\xb3\x16\0\xf0\x14" + bytes(8), "video/mpeg"),
}
OTHERS = {
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG image"),
    "svg with all before it": (
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a\nb -->\n<!DOCTYPE svg PUBLIC "-//W3C//DTD" '
        b'"http://x" [<!ENTITY a "b">]>\n<svg:svg></svg:svg>',
        "an SVG image",
    ),
    "svg, utf-16": ("\ufeff<?xml version='1.0'?><svg></svg>".encode("utf-16-le"), "an SVG image"),
    "svgz": (gzip.compress(b"<svg/>"), "a gzip archive"),
    "html": (b"\n<!DOCTYPE html>\n<html><body><svg></svg></body></html>", "HTML"),
    "html without doctype": (b"<!-- x --><HTML lang=de></HTML>", "HTML"),
    "tiff": (b"II*\0\x08\0\0\0\0\0", "a TIFF image"),
    "tiff, big end first": (b"MM\0*\0\0\0\x08", "a TIFF image"),
    "avif": (ftyp(b"avif", b"mif1", b"miaf"), "an AVIF image"),
    "avif, called heif": (ftyp(b"mif1", b"avif", b"miaf"), "an AVIF image"),
    "cr3": (ftyp(b"crx ", b"isom"), "a camera RAW image"),
    "pdf": (PDF, "a PDF"),
    "zip": (zipped("a.txt", "word/b.txt"), "a ZIP archive"),
    "docx": (zipped(*WORD), "a Word document"),
    "epub": (zipped("META-INF/container.xml", mimetype=media.EPUB), "an EPUB book"),
    "odt": (
        zipped("content.xml", mimetype="application/vnd.oasis.opendocument.text"),
        "an OpenDocument file",
    ),
    "msi": (ole2("Root Entry"), "an old Office file"),
    "gzip": (gzip.compress(b"x"), "a gzip archive"),
    "tar": (tar(b"x"), "a TAR archive"),
    "tar of a pdf": (tar(PDF), "a TAR archive"),
    "zip of a pdf": (zipped("a.pdf", method=0).replace(b"<?xml ve", b"%PDF-1.4"), "a ZIP archive"),
    "mp3": (b"\xff\xfb\x90\x64" + bytes(60), "audio (MP3)"),
    "mp3, tagged": (b"ID3\x04\0\0\0\0\0\x23TSSE\0\0\0\x0f" + bytes(8), "audio (MP3)"),
    "aac": (b"\xff\xf1\x50\x80\x02\x1f\xfc", "audio (AAC)"),
    "wav": (wav(), "audio (WAV)"),
    "flac": (b"fLaC\0\0\0\x22", "audio (FLAC)"),
    "ogg": (b"OggS\0\x02" + bytes(22) + b"\x01vorbis", "audio (OGG)"),
    "ogv": (b"OggS\0\x02" + bytes(22) + b"\x80theora", "an OGG video"),
    "m4a": (ftyp(b"M4A ", b"mp42", b"isom"), "audio (M4A)"),
    "m4b": (ftyp(b"M4B ", b"mp42"), "audio (M4A)"),
    "wma": (asf(AUDIO_STREAM), "audio (WMA)"),
    "matroska": (ebml(b"matroska"), "a Matroska video"),
    "mpeg-ts": (transport_stream(), "an MPEG-TS video"),
    "m2ts": (transport_stream(timed=True), "an MPEG-TS video"),
    "rtf": (b"{\\rtf1\\ansi Hi}", "an RTF document"),
}
TEXTS = {
    "bmw": b"BMW makes cars, and has made them for more than a century.",
    "free": b"The free software movement",
    "wide": b"its wide open",
    "gif": b"GIF is a format",
    "mz": b"MZ is the signature of DOS programs",
    "id3": b"ID3 tags hold title and artist",
    "wof": b"wOFF is a font format",
    "pdf": b"PDF files start with %PDF-1.4, then comes a comment",
    "riff": b"RIFF is a container",
    "g": b"G" * 2000,
    "xml": b"<?xml version='1.0'?><note>svg</note>",
    "code": b"#!/usr/bin/env python3\nprint('<svg>')\n",
    "empty": b"",
}


@pytest.mark.parametrize(("head", "mime"), IMAGES.values(), ids=IMAGES)
def test_images_that_kimi_sees(head: bytes, mime: str) -> None:
    assert image_type(head) == mime
    assert video_type(head) is other_type(head) is document_type(head, "x.pdf") is None
    assert not is_text(head)


@pytest.mark.parametrize(("head", "mime"), VIDEOS.values(), ids=VIDEOS)
def test_videos_that_kimi_sees(head: bytes, mime: str) -> None:
    assert video_type(head) == mime
    assert image_type(head) is other_type(head) is document_type(head, "x.docx") is None
    assert not is_text(head)


@pytest.mark.parametrize(("head", "words"), OTHERS.values(), ids=OTHERS)
def test_what_kimi_does_not_see_has_a_name(head: bytes, words: str) -> None:
    assert other_type(head) == words
    assert image_type(head) is video_type(head) is None


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_is_nothing_else(text: bytes) -> None:
    assert is_text(text)
    assert decode_text(text) == text.decode()
    assert image_type(text) is video_type(text) is other_type(text) is None
    assert document_type(text, "x.pdf") is None


@pytest.mark.parametrize(
    "head",
    [b"\x7fELF\x02\x01\x01" + bytes(9), b"SQLite format 3\0" + bytes(84), bz2.compress(b"x")],
)
def test_what_hardly_anybody_attaches_has_no_name(head: bytes) -> None:
    assert other_type(head) is image_type(head) is video_type(head) is None
    assert document_type(head, "x") is None
    assert not is_text(head)


@pytest.mark.parametrize(
    ("data", "name", "mime"),
    [
        (PDF, "", media.PDF),
        (PDF, "a.docx", media.PDF),
        (b"HTTP/1.1 200 OK\r\n\r\n\0" + PDF, "a", media.PDF),
        (b"\0" * 1100 + PDF, "a.pdf", None),
        (zipped(*WORD), "", media.DOCX),
        (zipped(*WORD), "a.xlsx", media.DOCX),
        (zipped(*WORD, streamed=True), "", media.DOCX),
        (zipped("_rels/.rels", "docProps/app.xml", "word/document.xml"), "", media.DOCX),
        (zipped(*WORD, method=0), "", media.DOCX),
        (zipped(*EXCEL), "", media.XLSX),
        (zipped(*POINT), "", media.PPTX),
        (zipped(*EXCEL[:2]), "a.XLSX", media.XLSX),
        (zipped(*EXCEL[:2]), "a.zip", None),
        (zipped("META-INF/container.xml", mimetype=media.EPUB), "", media.EPUB),
        (zipped("META-INF/container.xml"), "a.epub", media.EPUB),
        (zipped("META-INF/container.xml"), "a.jar", None),
        (zipped("word/a.txt"), "a.docx", None),
        (ole2("Root Entry"), "a.doc", media.DOC),
        (ole2("Root Entry"), "a.DOT", media.DOC),
        (ole2("Root Entry"), "b.a.XLS", media.XLS),
        (ole2("Root Entry"), "a.ppt", media.PPT),
        (ole2("Root Entry"), "a.msi", None),
        (ole2("Root Entry", "WordDocument"), "a", media.DOC),
        (ole2("Root Entry", "PowerPoint Document"), "", media.PPT),
        (ole2("WordDocument", "Workbook"), "", None),
        (bytes(60) + b"BOOKMOBI" + bytes(8), "", media.MOBI),
        (b"plain", "a.pdf", None),
        (b"", "a.docx", None),
    ],
)
def test_documents(data: bytes, name: str, mime: str | None) -> None:
    assert document_type(data, name) == mime


def test_a_document_inside_an_archive_is_an_archive() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("letter.docx", zipped(*WORD))
    assert document_type(buffer.getvalue(), "letters.zip") is None


def test_the_start_of_a_large_document_is_enough() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in WORD:
            archive.writestr(name, "x" * (200 if name != WORD[2] else 500_000))
    assert document_type(buffer.getvalue()[:HEAD], "") == media.DOCX


@pytest.mark.parametrize(
    "data",
    [
        "héllo wörld €\n".encode(),
        "日本語".encode(),
        codecs.BOM_UTF8 + "é".encode(),
        "\ufeffé\r\n".encode("utf-16-le"),
        "\ufeffé".encode("utf-16-be"),
        "\ufeffé".encode("utf-32-le"),
        "\ufeffé".encode("utf-32-be"),
        b"\x1b[31mred\x1b[0m\t\x0c\r\n",
        b"N\x08NA\x08AM\x08ME\x08E",
        b"x" * 200 + b"\x01",
    ],
)
def test_text_is_text(data: bytes) -> None:
    assert is_text(data)


@pytest.mark.parametrize(
    "data",
    [
        b"a\0b",
        b"caf\xe9 au lait",
        b"ab\x01cd",
        "a\0b".encode("utf-16"),
        codecs.BOM_UTF16_LE + b"\x00\xd8\x41\x00",
        codecs.BOM_UTF8 + b"\xff",
        bytes(range(1, 128)),
    ],
)
def test_binary_is_no_text(data: bytes) -> None:
    assert not is_text(data)


def test_a_cut_character_at_the_end_is_no_harm() -> None:
    whole = "日本語".encode()
    for cut in (1, 2):
        assert is_text(whole[:-cut])
        assert decode_text(whole[:-cut]) == "日本\ufffd"
    assert is_text("\ufeffab".encode("utf-16-le")[:-1])
    assert decode_text("\ufeffab".encode("utf-16-le")[:-1]) == "a\ufffd"
    assert decode_text(b"caf\xe9") == "café"  # e9 starts a character of UTF-8, too
    assert is_text(b"\xe1\x8d")
    assert decode_text(b"\xe1\x8d") == "\ufffd"  # 8d is no character of cp1252


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (codecs.BOM_UTF8 + b"a\r\nb\n", "a\r\nb\n"),
        ("\ufeffaé\r\n".encode("utf-16-le"), "aé\r\n"),
        ("\ufeff日".encode("utf-16-be"), "日"),
        ("\ufeff😀".encode("utf-32-le"), "😀"),
        ("\ufeff😀".encode("utf-32-be"), "😀"),
        ("“Größe” für 5 €: naïve\r\n".encode("cp1252"), "“Größe” für 5 €: naïve\r\n"),
        ("Gr\u00f6\u00dfe".encode("latin-1"), "Größe"),
        ("今天天气很好。".encode("gb18030"), None),
        ("Привет, мир".encode("cp1251"), None),
        (b"caf\xe9\x01", None),
        (b"caf\xe9\0", None),
        (b"caf\xe9 \x81", None),
        (codecs.BOM_UTF16_LE + b"\x00\xd8\x41\x00", None),
        (png(), None),
    ],
)
def test_decoding(data: bytes, text: str | None) -> None:
    assert decode_text(data) == text


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff")))
def test_every_text_comes_back(text: str) -> None:
    assert decode_text(text.encode()) == text
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF32_BE, "utf-32-be")):
        assert decode_text(mark + text.encode(encoding)) == text


SAMPLES = [head for head, _ in (*IMAGES.values(), *VIDEOS.values(), *OTHERS.values())]


@given(st.one_of(st.binary(max_size=300), st.sampled_from(SAMPLES)), st.binary(max_size=40))
def test_no_bytes_are_a_reason_to_fail(head: bytes, more: bytes) -> None:
    for data in (head, head[: len(more)], head[: len(head) // 2] + more, head + more):
        image_type(data)
        video_type(data)
        other_type(data)
        document_type(data, "a.docx")
        assert not is_text(data) or decode_text(data) is not None


def test_every_type_has_a_suffix() -> None:
    for _, mime in (*IMAGES.values(), *VIDEOS.values()):
        assert suffix_for(mime).startswith(".")
    for mime in (media.PDF, media.DOCX, media.XLSX, media.PPTX, media.DOC, media.XLS, media.PPT):
        assert suffix_for(mime) in EXTRACTABLE
    assert suffix_for("image/jpeg") == suffix_for("IMAGE/JPG; q=1") == ".jpg"
    assert suffix_for("video/mov") == ".mov"
    assert suffix_for("text/plain; charset=utf-8") == ".txt"
    assert suffix_for("application/x-unknown") == suffix_for("") == ""


def test_the_extractable_suffixes() -> None:
    assert {".pdf", ".docx", ".md", ".py", ".tsx", ".epub", ".conf"} <= EXTRACTABLE
    assert not {".svg", ".zip", ".mp4", ".heic", ".png", ".jpg"} & EXTRACTABLE
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in EXTRACTABLE)
