"""Small real files of every kind, made here: nothing is downloaded and nothing lies about."""

from __future__ import annotations

import base64
import io
import struct
import zipfile
import zlib


def png(colour: tuple[int, int, int] = (200, 30, 30), side: int = 2) -> bytes:
    """A square of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = (b"\x00" + bytes(colour) * side) * side
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEAYABgAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8Q"
    "EBEQCgwSExIQEw8QEBD/yQALCAABAAEBAREA/8wABgAQEAX/2gAIAQEAAD8A0s8g/9k="
)
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
WEBP = base64.b64decode("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
BMP = (
    b"BM"
    + struct.pack("<IHHI", 58, 0, 0, 54)
    + struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 24, 0, 4, 2835, 2835, 0, 0)
    + b"\x00\x00\xff\x00"
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><circle r="1"/></svg>'


def box(kind: bytes, data: bytes) -> bytes:
    """A box of an ISO base media file."""
    return struct.pack(">I", len(data) + 8) + kind + data


def _ftyp(brand: bytes, *others: bytes) -> bytes:
    return box(b"ftyp", brand + struct.pack(">I", 512) + b"".join(others or (brand,)))


HEIC = _ftyp(b"heic", b"mif1", b"heic") + box(b"meta", b"\x00" * 4)
HEIF = _ftyp(b"mif1", b"mif1") + box(b"meta", b"\x00" * 4)
AVIF = _ftyp(b"avif", b"mif1", b"avif") + box(b"meta", b"\x00" * 4)
_MVHD = box(b"mvhd", b"\x00" * 12 + struct.pack(">II", 1000, 1000) + b"\x00" * 80)
MP4 = _ftyp(b"isom", b"isom", b"iso2", b"mp41") + box(b"moov", _MVHD) + box(b"mdat", b"\x00" * 16)
MOV = _ftyp(b"qt  ") + box(b"moov", _MVHD)
THREE_GP = _ftyp(b"3gp4") + box(b"moov", _MVHD)
AVI = b"RIFF" + struct.pack("<I", 4) + b"AVI "
FLV = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"
WEBM = b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm"
WMV = (
    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
    + struct.pack("<QI", 54, 1)
    + b"\x01\x02"
    + bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
    + struct.pack("<Q", 24)
    + bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
)
MPEG = b"\x00\x00\x01\xba" + b"\x44" + b"\x00" * 16

IMAGES = {
    "image/jpeg": JPEG,
    "image/png": png(),
    "image/gif": GIF,
    "image/webp": WEBP,
    "image/bmp": BMP,
    "image/heic": HEIC,
    "image/heif": HEIF,
}
VIDEOS = {
    "video/mp4": MP4,
    "video/quicktime": MOV,
    "video/3gpp": THREE_GP,
    "video/x-msvideo": AVI,
    "video/x-flv": FLV,
    "video/webm": WEBM,
    "video/x-ms-wmv": WMV,
    "video/mpeg": MPEG,
}


def data_url(mime: str, content: bytes) -> str:
    """``content`` as a ``data:`` URL."""
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def pdf(text: str = "Hello from a PDF") -> bytes:
    """One page with one line."""
    drawing = f"BT /F1 24 Tf 72 720 Td ({text}) Tj ET".encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (size, table, size, len(out))
    )


def _zip(entries: dict[str, str], *, stored: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            kind = zipfile.ZIP_STORED if name == stored else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=kind)
    return buffer.getvalue()


_OPEN = "http://schemas.openxmlformats.org"
_OFFICE = "application/vnd.openxmlformats-officedocument"


def _office(part: str, mime: str, body: str, more: dict[str, str] | None = None) -> bytes:
    types = (
        f'<Types xmlns="{_OPEN}/package/2006/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/{part}" ContentType="{_OFFICE}.{mime}.main+xml"/></Types>'
    )
    relations = (
        f'<Relationships xmlns="{_OPEN}/package/2006/relationships"><Relationship Id="rId1" '
        f'Type="{_OPEN}/officeDocument/2006/relationships/officeDocument" Target="{part}"/>'
        "</Relationships>"
    )
    return _zip(
        {"[Content_Types].xml": types, "_rels/.rels": relations, part: body, **(more or {})}
    )


def docx(text: str = "Hello from a DOCX") -> bytes:
    """One paragraph."""
    body = (
        f'<w:document xmlns:w="{_OPEN}/wordprocessingml/2006/main"><w:body><w:p><w:r>'
        f"<w:t>{text}</w:t></w:r></w:p></w:body></w:document>"
    )
    return _office("word/document.xml", "wordprocessingml.document", body)


def xlsx(text: str = "Hello from an XLSX") -> bytes:
    """One cell."""
    main = f"{_OPEN}/spreadsheetml/2006/main"
    related = f"{_OPEN}/officeDocument/2006/relationships"
    book = (
        f'<workbook xmlns="{main}" xmlns:r="{related}"><sheets>'
        '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>'
    )
    sheet = (
        f'<worksheet xmlns="{main}"><sheetData><row r="1"><c r="A1" t="inlineStr">'
        f"<is><t>{text}</t></is></c></row></sheetData></worksheet>"
    )
    relations = (
        f'<Relationships xmlns="{_OPEN}/package/2006/relationships"><Relationship Id="rId1" '
        f'Type="{related}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
    )
    more = {"xl/worksheets/sheet1.xml": sheet, "xl/_rels/workbook.xml.rels": relations}
    return _office("xl/workbook.xml", "spreadsheetml.sheet", book, more)


def epub(text: str = "Hello from an EPUB") -> bytes:
    """One chapter."""
    container = (
        '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<rootfiles><rootfile full-path="book.opf" '
        'media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><manifest>'
        '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>'
    )
    chapter = f'<html xmlns="http://www.w3.org/1999/xhtml"><body><p>{text}</p></body></html>'
    return _zip(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "book.opf": package,
            "a.xhtml": chapter,
        },
        stored="mimetype",
    )


DOCUMENTS = {"a.pdf": pdf(), "a.docx": docx(), "a.xlsx": xlsx(), "a.epub": epub()}
TEXTS = {
    "a.csv": b"name,size\nfirst,1\n",
    "a.py": b"def f():\n    return 1\n",
    "a.md": b"# Title\n",
}
