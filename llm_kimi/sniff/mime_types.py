"""The MIME types of the files that Kimi takes, each with the suffix of a file's name.

One list for all: what llm may attach, the names of uploads, and what ``media`` finds in the bytes.

Images and videos: https://platform.kimi.ai/docs/guide/use-kimi-vision-model
Documents: https://platform.kimi.ai/docs/api/files-upload
"""

from __future__ import annotations

from types import MappingProxyType

__all__ = [
    "DOC",
    "DOCUMENT_TYPES",
    "DOCX",
    "EPUB",
    "IMAGE_TYPES",
    "MOBI",
    "PDF",
    "PPT",
    "PPTX",
    "VIDEO_TYPES",
    "XLS",
    "XLSX",
    "suffix_for",
]

_OFFICE = "application/vnd.openxmlformats-officedocument"
DOCX = f"{_OFFICE}.wordprocessingml.document"
XLSX = f"{_OFFICE}.spreadsheetml.sheet"
PPTX = f"{_OFFICE}.presentationml.presentation"
EPUB = "application/epub+zip"
MOBI = "application/x-mobipocket-ebook"
DOC = "application/msword"
XLS = "application/vnd.ms-excel"
PPT = "application/vnd.ms-powerpoint"
PDF = "application/pdf"

_IMAGES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "image/heic": ".heic",
    "image/heif": ".heif",
}
_VIDEOS = {
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/3gpp": ".3gp",
    "video/x-msvideo": ".avi",
    "video/x-flv": ".flv",
    "video/webm": ".webm",
    "video/x-ms-wmv": ".wmv",
    "video/mpeg": ".mpg",
}
_DOCUMENTS = {
    PDF: ".pdf",
    DOCX: ".docx",
    XLSX: ".xlsx",
    PPTX: ".pptx",
    DOC: ".doc",
    XLS: ".xls",
    PPT: ".ppt",
    EPUB: ".epub",
    MOBI: ".mobi",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/xml": ".xml",
    "text/css": ".css",
    "text/javascript": ".js",
    "text/x-python": ".py",
    "text/x-csrc": ".c",
    "application/json": ".json",
    "application/xml": ".xml",
    "application/x-yaml": ".yaml",
}
IMAGE_TYPES = frozenset(_IMAGES)
VIDEO_TYPES = frozenset(_VIDEOS)
DOCUMENT_TYPES = frozenset(_DOCUMENTS)
"""Documents go to every model as text; any other text file is taken as well."""

_SUFFIXES = MappingProxyType({**_IMAGES, **_VIDEOS, **_DOCUMENTS})
# The names that browsers and Python's mimetypes give to the same.
_ALIASES = MappingProxyType(
    {
        "image/jpg": "image/jpeg",
        "image/x-ms-bmp": "image/bmp",
        "video/mov": "video/quicktime",
        "video/avi": "video/x-msvideo",
        "video/mpg": "video/mpeg",
        "video/wmv": "video/x-ms-wmv",
        "video/flv": "video/x-flv",
    }
)


def suffix_for(mime: str) -> str:
    """A file name's suffix for one of the types above (".jpg"); "" when the type is not known."""
    plain = mime.partition(";")[0].strip().lower()
    return _SUFFIXES.get(_ALIASES.get(plain, plain), "")
