"""Reading the files that a request names: from disk, from memory, from a URL, from base64.

In: an ``Attached`` or what the caller wrote in a content part. Out: a ``Loaded``, whose kind was
found from its bytes. Everything here may block; an exchange does it as ``Work``.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..config.settings import private_urls_allowed
from ..errors import InvalidRequestError
from ..sniff.media import (
    EXTRACTABLE,
    HEAD,
    decode_text,
    document_type,
    image_type,
    is_text,
    other_type,
    video_type,
)
from ..sniff.mime_types import suffix_for
from ..translation import (
    Attached,
    AttachedFile,
    FilePart,
    ImageData,
    ImageUrl,
    Need,
    VideoData,
    VideoUrl,
)
from ..translation.messages.media import clean_base64, wrong_type
from ..translation.needs import assert_never
from .data_urls import is_data_url, read_data_url

__all__ = [
    "IN_MEMORY",
    "MAX_BYTES",
    "GoneError",
    "Kind",
    "Loaded",
    "attached_of",
    "load",
    "url_of",
]

Kind: TypeAlias = Literal["image", "video", "text", "document"]

MAX_BYTES = 100 * 1024 * 1024
"""Of one file (https://platform.kimi.ai/docs/api/files-upload)."""

IN_MEMORY = 16 * 1024 * 1024
"""Larger files stay on disk and are read once, while they are uploaded."""

PIECE = 1024 * 1024
"""Bytes of a large file that are hashed at a time."""

FETCH_SECONDS = 60.0

_TOLD_BY_BYTES = frozenset(
    {".pdf", ".docx", ".xlsx", ".pptx", ".doc", ".xls", ".ppt", ".epub", ".mobi"}
)
"""What has such a name and not the bytes is something else."""

Stopped: TypeAlias = Callable[[], bool]


@dataclass(slots=True)
class Loaded:
    """A file and what it is.

    ``data`` is None for a large one, which is still to be read from ``path``; its ``sha256`` is
    then known only if the cache knew the unchanged file. ``text`` is there for texts. Without any
    of them it is a file that was uploaded before and is not here any more.
    """

    name: str
    kind: Kind
    mime: str
    size: int
    data: bytes | None = field(default=None, repr=False)
    text: str | None = field(default=None, repr=False)
    path: str | None = None
    status: os.stat_result | None = None
    sha256: str | None = None


class GoneError(InvalidRequestError):
    """A file cannot be had: it is gone, or something else is in its place."""


def url_of(need: Need) -> str | None:
    """The URL that a need names (http, https or ms), if it names one."""
    match need:
        case ImageUrl() | VideoUrl():
            return need.value
        case ImageData() | VideoData():
            return None
        case AttachedFile(value=attached):
            url = attached.url
            return None if url is not None and is_data_url(url) else url
        case FilePart(value=file):
            data, file_id = file.get("file_data"), file.get("file_id") or ""
            if (data or file_id)[:8].lower().startswith(("http://", "https://")):
                return str(data or file_id)
            if data:
                return None
            return file_id if file_id.startswith("ms://") else f"ms://{file_id}"
        case _:
            return assert_never(need)


def attached_of(need: Need) -> Attached:
    """What a need names, as an ``Attached``; base64 is decoded, which takes its time.

    Raises:
        InvalidRequestError: it is none.
    """
    match need:
        case AttachedFile():
            return need.value
        case ImageUrl() | VideoUrl():
            return Attached(url=need.value)
        case ImageData() | VideoData():
            return Attached(content=_decoded(need.value, need.param))
        case FilePart():
            name, url = need.value.get("filename") or "", url_of(need)
            if url is not None:
                return Attached(name=name, url=url)
            return Attached(name=name, content=_decoded(need.value["file_data"], need.param))
        case _:
            return assert_never(need)


def _decoded(data: str, where: str) -> bytes:
    payload = data.partition(",")[2] if data[:5].lower() == "data:" else data
    return base64.b64decode(clean_base64(payload, where))


def load(
    attached: Attached,
    expected: Literal["image", "video"] | None,
    *,
    known: Callable[[str, os.stat_result], str | None],
    stopped: Stopped,
    on_bytes: Callable[[int], None] | None = None,
) -> Loaded:
    """Read ``attached`` and find out what it is; ``expected`` is what it has to be.

    ``known`` tells the hash of an unchanged file.

    Raises:
        InvalidRequestError: it cannot be read, or it is nothing that Kimi takes. The text begins
            with its name.
        GoneError: it is not there, or something else than an earlier turn had is in its place.
    """
    if attached.url is not None and is_data_url(attached.url):
        attached = read_data_url(attached, attached.url)
    if attached.path is not None:
        loaded = _from_path(attached, attached.path, known)
    elif attached.url is not None:
        loaded = _from_url(attached, attached.url, stopped, on_bytes)
    else:
        data = attached.content or b""
        loaded = Loaded(attached.name, "document", "", len(data), data)
    _check_same(loaded, attached, stopped)
    shown = loaded.name or "the file"
    if not loaded.size:
        raise InvalidRequestError(f"{shown} is empty")
    if loaded.size > MAX_BYTES:
        size = f"{loaded.size / 1024 / 1024:.1f}" if loaded.data is None else "more than 100"
        raise InvalidRequestError(f"{shown} has {size} MB; Kimi takes files of up to 100 MB")
    if attached.mime == "image/svg+xml":
        raise InvalidRequestError(
            f"Kimi takes no SVG: send its XML as text (--at {loaded.name or 'FILE'} text/plain), "
            "or a PNG"
        )
    _find_kind(loaded, expected, shown, fetched=attached.url is not None)
    loaded.name = loaded.name or f"attachment{suffix_for(loaded.mime)}"
    return loaded


def _check_same(loaded: Loaded, attached: Attached, stopped: Stopped) -> None:
    """Hash what is here; of an earlier turn it has to be what the conversation has seen."""
    data = loaded.data
    if data is not None and len(data) == loaded.size:
        loaded.sha256 = hashlib.sha256(data).hexdigest()
    if attached.turn is None or attached.sha256 is None or attached.path is None:
        return
    if loaded.size > MAX_BYTES:
        return  # which is said of it
    if loaded.sha256 is None:
        loaded.sha256 = _hash_of(attached.path, stopped)
    if loaded.sha256 != attached.sha256:
        raise GoneError(f"{attached.path} has changed since it was attached")


def _hash_of(path: str, stopped: Stopped) -> str | None:
    """The hash of a large file; None when it cannot be read or nobody waits for it."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while not stopped() and (piece := file.read(PIECE)):
                digest.update(piece)
    except OSError:
        return None
    return digest.hexdigest()


def _from_path(
    attached: Attached, path: str, known: Callable[[str, os.stat_result], str | None]
) -> Loaded:
    name = attached.name or os.path.basename(path)
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            regular = stat.S_ISREG(status.st_mode)
            if regular and status.st_size > MAX_BYTES:
                return Loaded(name, "document", "", status.st_size)
            if regular and status.st_size > IN_MEMORY:
                loaded = Loaded(name, "document", "", status.st_size, path=path, status=status)
                loaded.data = file.read(HEAD)  # until it is known what it is
                loaded.sha256 = known(path, status)
                return loaded
            data = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        problem = "is a directory: name the files in it"
    except (FileNotFoundError, NotADirectoryError):
        problem = "is not there"
    except (OSError, ValueError) as error:
        problem = f"cannot be read ({getattr(error, 'strerror', None) or error})"
    else:
        return Loaded(name, "document", "", len(data), data, path=path, status=status)
    raise GoneError(f"{path} {problem}")


def _from_url(
    attached: Attached, url: str, stopped: Stopped, on_bytes: Callable[[int], None] | None
) -> Loaded:
    from ..download.fetch import fetch

    so_far = 0

    def count(total: int) -> None:
        nonlocal so_far
        if on_bytes is not None:
            on_bytes(total - so_far)
        so_far = total

    try:
        fetched = fetch(
            url,
            max_bytes=MAX_BYTES,
            seconds=FETCH_SECONDS,
            allow_private=private_urls_allowed(),
            stopped=stopped,
            on_bytes=count,
        )
    except InvalidRequestError as error:
        raise GoneError(error.message) from None
    name = attached.name or fetched.name or "download"
    return Loaded(name, "document", "", len(fetched.content), fetched.content)


def _find_kind(
    loaded: Loaded, expected: Literal["image", "video"] | None, shown: str, *, fetched: bool
) -> None:
    """Set ``kind``, ``mime`` and ``text``."""
    data = loaded.data or b""
    head = data[:HEAD]
    image, video = image_type(head), video_type(head)
    found = image or video
    what = found or other_type(head)
    if fetched and expected == "image" and found is None and document_type(head, loaded.name):
        expected = None  # so LiteLLM hands on the documents of Anthropic's Messages API
    if expected is not None:
        mime = image if expected == "image" else video
        if mime is None:
            problem = _web_page(what) if fetched else None
            raise InvalidRequestError(f"{shown} {problem or wrong_type(what, expected)}")
        loaded.kind, loaded.mime = expected, mime
    elif found is not None:
        loaded.kind, loaded.mime = ("image" if image else "video"), found
    elif (mime := document_type(head, loaded.name)) is not None:
        loaded.kind, loaded.mime = "document", mime
    elif fetched and (problem := _web_page(what)):
        raise InvalidRequestError(f"{shown} {problem}")
    elif is_text(head) or decode_text(head) is not None:
        _read_text(loaded, shown)
    elif os.path.splitext(loaded.name)[1].lower() in EXTRACTABLE - _TOLD_BY_BYTES:
        loaded.kind, loaded.mime = "document", "application/octet-stream"
    else:
        raise InvalidRequestError(
            f"{shown} is {what or 'of a type unknown here'}, which Kimi reads neither as an image "
            "or video nor as a document; it reads PDF, Office, EPUB, HTML and text"
        )
    if loaded.path is not None and loaded.size > len(data):
        loaded.data = None


def _web_page(what: str | None) -> str | None:
    """A URL of a page is not what people mean by a URL of a file."""
    if what != "HTML":
        return None
    return "is a web page, no file: give the URL of the file itself, or save the page first"


def _read_text(loaded: Loaded, shown: str) -> None:
    """The whole text; of a large file the rest is read now."""
    data = loaded.data or b""
    if loaded.path is not None and loaded.size > len(data):
        try:
            with open(loaded.path, "rb") as file:
                data = file.read(MAX_BYTES)
        except OSError as error:
            raise InvalidRequestError(f"{shown} cannot be read ({error.strerror})") from None
    loaded.text = decode_text(data)
    if loaded.text is None:
        raise InvalidRequestError(f"{shown} starts as text but contains binary data")
    if not loaded.text.strip():
        raise InvalidRequestError(f"{shown} contains only whitespace")
    loaded.kind, loaded.mime, loaded.data = "text", "text/plain", None
