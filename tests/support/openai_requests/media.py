"""Parts of a user message that are not text: small valid pictures, sounds and files."""

from __future__ import annotations

import base64
import random
import struct
import zlib
from typing import Any

from .texts import chance, token

Json = dict[str, Any]

_GIF = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
_WEBP = "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"
_IMAGE_URLS = (
    "https://upload.wikimedia.org/wikipedia/commons/a/a7/Camponotus_flavomarginatus_ant.jpg",
    "https://example.com/photo.png?size=large&v=2",
    "https://example.com/%E5%9B%BE%E7%89%87.webp",
    "http://example.com/scan.gif",
)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _png(rng: random.Random) -> str:
    """A small valid grey PNG, base64."""
    width, height = rng.choice(((1, 1), (2, 2), (16, 9), (32, 32)))
    rows = b"".join(b"\0" + bytes(rng.randrange(256) for _ in range(width)) for _ in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return _base64(b"\x89PNG\r\n\x1a\n" + body)


def wav(rng: random.Random) -> str:
    """A short valid mono WAV, base64."""
    data = struct.pack("<80h", *(rng.randint(-3000, 3000) for _ in range(80)))
    header = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
    body = b"WAVE" + header + b"data" + struct.pack("<I", len(data)) + data
    return _base64(b"RIFF" + struct.pack("<I", len(body)) + body)


def image_part(rng: random.Random) -> Json:
    url = rng.choice(
        (
            rng.choice(_IMAGE_URLS),
            f"data:image/png;base64,{_png(rng)}",
            f"data:image/gif;base64,{_GIF}",
            f"data:image/webp;base64,{_WEBP}",
        )
    )
    image: Json = {"url": url}
    if chance(rng, 0.5):
        image["detail"] = rng.choice(("auto", "low", "high", "original"))
    return {"type": "image_url", "image_url": image}


def file_part(rng: random.Random) -> Json:
    if chance(rng, 0.4):
        return {"type": "file", "file": {"file_id": f"file-{token(rng, 22)}"}}
    pdf = _base64(b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")
    name = rng.choice(("report.pdf", "отчёт.pdf"))
    data = f"data:application/pdf;base64,{pdf}"
    return {"type": "file", "file": {"filename": name, "file_data": data}}
