"""What has to be fetched or uploaded before a body can be sent: one class for each kind of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NoReturn, TypeAlias

from .attached import Attached

__all__ = [
    "AttachedFile",
    "FilePart",
    "ImageData",
    "ImageUrl",
    "Need",
    "RequiredNeed",
    "VideoData",
    "VideoUrl",
    "assert_never",
    "medium_of",
    "way_in",
    "way_out",
]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where it stands: ``param`` is its path in the caller's request, ``message`` and ``part`` its
    place in ``body["messages"]``. ``kind`` of each need is its name in JSON, ``required`` whether
    the body cannot be sent as it is, ``value`` what the caller wrote."""

    param: str
    message: int
    part: int


@dataclass(frozen=True, slots=True)
class ImageUrl(_Place):
    """An image at an http(s) URL."""

    kind: ClassVar[str] = "image_url"
    required: ClassVar[Literal[True]] = True

    value: str


@dataclass(frozen=True, slots=True)
class VideoUrl(_Place):
    """A video at an http(s) URL."""

    kind: ClassVar[str] = "video_url"
    required: ClassVar[Literal[True]] = True

    value: str


@dataclass(frozen=True, slots=True)
class ImageData(_Place):
    """An image in a ``data:`` URL so large that it is better uploaded."""

    kind: ClassVar[str] = "image_data"
    required: ClassVar[Literal[False]] = False

    value: str


@dataclass(frozen=True, slots=True)
class VideoData(_Place):
    """A video in a ``data:`` URL, which is better uploaded."""

    kind: ClassVar[str] = "video_data"
    required: ClassVar[Literal[False]] = False

    value: str


@dataclass(frozen=True, slots=True)
class FilePart(_Place):
    """What the caller wrote as OpenAI's ``file``: an object with ``file_data`` or ``file_id``."""

    kind: ClassVar[str] = "file"
    required: ClassVar[Literal[True]] = True

    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AttachedFile(_Place):
    """A file that a door hands over."""

    kind: ClassVar[str] = "file"
    required: ClassVar[Literal[True]] = True

    value: Attached


RequiredNeed: TypeAlias = ImageUrl | VideoUrl | FilePart | AttachedFile
Need: TypeAlias = RequiredNeed | ImageData | VideoData


def assert_never(value: NoReturn) -> NoReturn:
    """For the end of a ``match``: mypy proves that nothing gets there. ``typing`` has it from
    Python 3.11 on."""
    raise AssertionError(f"unexpected: {value!r}")


def way_out(need: RequiredNeed) -> str:
    """What the caller of ``translate`` can do about a need, where nothing meets it."""
    match need:
        case ImageUrl():
            return "Kimi fetches no URLs: send the image itself as a data: URL"
        case VideoUrl():
            return "Kimi fetches no URLs: send the video itself as a data: URL"
        case FilePart() | AttachedFile():
            return "Kimi takes no files in messages: put the text of the document into the message"
        case _:
            assert_never(need)


def way_in(need: Need) -> str:
    """How the doors meet a need."""
    match need:
        case ImageUrl():
            return "fetched when it is sent, and put inline"
        case VideoUrl():
            return "fetched when it is sent, and uploaded"
        case ImageData():
            return "large: uploaded once, and named from then on"
        case VideoData():
            return "uploaded once, and named from then on"
        case FilePart() | AttachedFile():
            return "read when it is sent: of a document the text goes in"
        case _:
            assert_never(need)


def medium_of(need: Need) -> Literal["image", "video"] | None:
    """What a need has to be; None where its bytes say what it is."""
    match need:
        case ImageUrl() | ImageData():
            return "image"
        case VideoUrl() | VideoData():
            return "video"
        case FilePart() | AttachedFile():
            return None
        case _:
            assert_never(need)
