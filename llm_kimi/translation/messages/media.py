"""Images, videos and files among the parts of a message.

In: a part that holds one, as OpenAI or LiteLLM writes it. Out: the part as Kimi takes it. What has
to be fetched or uploaded first goes on ``draft.needs``; nothing is read or sent here.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Mapping
from typing import Any, Literal

from ...catalog import FLAGSHIP
from ...errors import InvalidRequestError
from ...sniff.media import document_type, image_type, is_text, other_type, video_type
from ..attached import Attached
from ..checks import require
from ..draft import Draft, RepeatedNotes
from ..needs import AttachedFile, FilePart, ImageData, ImageUrl, VideoData, VideoUrl

__all__ = [
    "AUDIO",
    "INLINE_TOTAL",
    "LARGE_IMAGE",
    "MEDIA",
    "check_modality",
    "clean_base64",
    "translate_file",
    "translate_medium",
    "wrong_type",
]

MEDIA: dict[str, Literal["image", "video"]] = {"image_url": "image", "video_url": "video"}

LARGE_IMAGE = 4 * 1024 * 1024
"""Bytes. Larger images are uploaded once and named, rather than sent again in every turn."""

INLINE_TOTAL = 32 * 1024 * 1024
"""Bytes of images that go inline in one request; the API takes bodies of up to 100 MB."""

AUDIO = (
    "Kimi takes no audio: transcribe it first and send the text (Moonshot has no transcription "
    "either)"
)
_HEAD = 8192
"""Characters of base64 in which the type of a file shows."""

_BASE64 = (string.ascii_letters + string.digits + "+/").encode()


def translate_medium(
    draft: Draft, tally: RepeatedNotes, part: Any, message: int, place: int, where: str
) -> Any:
    """An ``image_url`` or ``video_url`` part, with the URL in an object or alone."""
    kind = part["type"]
    medium = MEDIA[kind]
    value = part.get(kind)
    url: Any = value.get("url") if isinstance(value, Mapping) else value
    require(isinstance(url, str) and url != "", "must hold a url", f"{where}.{kind}")
    check_modality(draft, medium, where)
    sent = url
    if url[:8].lower().startswith(("http://", "https://")):
        at_url = ImageUrl if medium == "image" else VideoUrl
        draft.needs.append(at_url(where, message, place, url))
    elif url[:5].lower() == "data:":
        found = _data_url(tally, url, medium, f"{where}.{kind}")
        if found is None:
            # So LiteLLM hands on the documents of Anthropic's Messages API.
            file = {"type": "file", "file": {"file_data": url}}
            tally.note(f"{kind} file", where, kind, "file", "its type says that it is none")
            return translate_file(draft, tally, file, message, place, where)
        sent = found
        draft.inline += len(sent)
        if medium == "video":
            draft.needs.append(VideoData(where, message, place, sent))
        elif max(len(sent) / LARGE_IMAGE, draft.inline / INLINE_TOTAL) > 4 / 3:
            draft.needs.append(ImageData(where, message, place, sent))
    else:
        require(
            url.startswith("ms://") and url != "ms://",
            f"must be a data: URL, an http(s) URL or ms://<file id>, not {url[:40]!r}",
            f"{where}.{kind}",
        )
    if isinstance(value, Mapping):
        _note_extras(tally, value, f"{where}.{kind}")
        if len(value) > 1 or not isinstance(value, dict) or sent is not url:
            part = {**part, kind: {"url": sent}}
    elif sent is not url:
        part = {**part, kind: sent}
    return part


def _note_extras(tally: RepeatedNotes, value: Mapping[str, Any], where: str) -> None:
    """Tell what stands beside a URL and has no way to Kimi."""
    for key, extra in value.items():
        if key not in ("url", "detail", "format") and extra is not None:
            tally.note(f"medium {key}", f"{where}.{key}", extra, None, "Kimi has no such key")
    if value.get("format") is not None:
        reason = "the type is found from the bytes"
        tally.note("format", f"{where}.format", value["format"], None, reason, meaning=False)
    detail = value.get("detail")
    if detail is not None:
        reason = "Kimi has no levels of detail"
        meaning = detail != "auto"
        tally.note(
            f"detail {detail}", f"{where}.detail", detail, None, reason, "vision", meaning=meaning
        )


def check_modality(draft_or_model: Any, medium: str, where: str) -> None:
    """Raise ``InvalidRequestError`` where a model takes no images, or no videos."""
    model = getattr(draft_or_model, "model", draft_or_model)
    name = getattr(draft_or_model, "name", None) or model.id
    if medium not in model.modalities:
        raise InvalidRequestError(
            f"{name} takes {' and '.join(model.modalities)}, no {medium}s; use {FLAGSHIP}",
            param=where,
        )


def _data_url(tally: RepeatedNotes, url: str, medium: str, where: str) -> str | None:
    """A ``data:`` URL whose type is that of its bytes, and whose base64 is in order; None for
    another kind of file that says so."""
    head, comma, payload = url.partition(",")
    parts = head[5:].split(";")
    declared = parts[0].strip().lower()
    if declared.startswith("image/svg"):
        raise InvalidRequestError(wrong_type("an SVG image", medium), param=where)
    require(
        bool(comma) and parts[-1].strip().lower() == "base64",
        f"must be data:{medium}/<format>;base64,...",
        where,
    )
    clean = clean_base64(payload, where)
    try:
        found = _type_of(clean, medium, where)
    except InvalidRequestError:
        if declared.startswith(f"{medium}/") or not _is_known(clean):
            raise
        return None
    if clean is payload and declared == found:
        return url
    if declared != found:
        tally.note(
            "type", where, declared or None, found, "its bytes say so", "vision", meaning=False
        )
    return f"data:{found};base64,{clean}"


def clean_base64(payload: str, where: str) -> str:
    """``payload`` as strict base64: without blanks, with its padding.

    Raises:
        InvalidRequestError: it is none.
    """
    try:
        raw = payload.encode("ascii")
    except UnicodeEncodeError:
        raise InvalidRequestError("is not valid base64", param=where) from None
    rest = raw.translate(None, _BASE64)
    if rest.strip(b"="):
        if rest.strip(b"= \t\r\n"):
            odd = chr(rest.strip(b"= \t\r\n")[0])
            raise InvalidRequestError(f"is not valid base64: it contains {odd!r}", param=where)
        payload = "".join(payload.split())
    body = payload.rstrip("=")
    require(
        body != "" and "=" not in body and len(body) % 4 != 1,
        "is not valid base64: empty or truncated",
        where,
    )
    padded = body + "=" * (-len(body) % 4)
    return payload if padded == payload else padded


def _type_of(payload: str, medium: str, where: str) -> str:
    """The MIME type of the bytes."""
    head = base64.b64decode(payload[:_HEAD])
    found = image_type(head) if medium == "image" else video_type(head)
    if found is None:
        what = image_type(head) or video_type(head) or other_type(head)
        raise InvalidRequestError(wrong_type(what, medium), param=where)
    return found


def _is_known(payload: str) -> bool:
    """Whether it is a file of a kind that Kimi takes in some way."""
    head = base64.b64decode(payload[:_HEAD])
    found = image_type(head) or video_type(head) or document_type(head, "")
    return found is not None or is_text(head)


def wrong_type(what: str | None, medium: str) -> str:
    """What to say of something that is no image, or no video, that Kimi reads."""
    if what == "an SVG image":
        return "Kimi takes no SVG: send its XML as text, or a PNG"
    formats = {
        "image": "JPEG, PNG, GIF, WebP, BMP, HEIC and HEIF",
        "video": "MP4, MPEG, MOV, AVI, FLV, WebM, WMV and 3GP",
    }[medium]
    return f"is {what or 'of a type unknown here'}, no {medium} that Kimi sees ({formats})"


def translate_file(
    draft: Draft, tally: RepeatedNotes, part: Any, message: int, place: int, where: str
) -> Any:
    """OpenAI's ``file`` part, or an ``Attached``: always a need."""
    value = part.get("file")
    if isinstance(value, Attached):
        draft.needs.append(AttachedFile(where, message, place, value))
    else:
        _check_file(tally, value, f"{where}.file")
        draft.needs.append(FilePart(where, message, place, value))
    return part


def _check_file(tally: RepeatedNotes, value: Any, where: str) -> None:
    require(isinstance(value, Mapping), "must be an object with file_data or file_id", where)
    for key in ("file_data", "file_id", "filename", "format"):
        given = value.get(key)
        require(given is None or isinstance(given, str), "must be text", f"{where}.{key}")
    data, file_id = value.get("file_data"), value.get("file_id")
    require(bool(data) != bool(file_id), "must hold file_data or file_id, one of them", where)
    if not data or data[:8].lower().startswith(("http://", "https://")):
        return
    head, comma, payload = data.partition(",")
    if head[:5].lower() == "data:":
        require(
            bool(comma) and head.lower().endswith(";base64"),
            "must be data:<type>;base64,...",
            f"{where}.file_data",
        )
    else:
        payload = data
    clean_base64(payload, f"{where}.file_data")
    if payload.startswith("JVBERi"):  # %PDF-
        tally.note(
            "pdf",
            where,
            value.get("filename") or "a PDF",
            "its text",
            "Kimi reads the text of a document: pictures in it are not seen",
            "files",
            meaning=True,
        )
