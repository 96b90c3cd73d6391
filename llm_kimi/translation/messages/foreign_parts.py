"""Content parts of other APIs in OpenAI's form: the Responses API, Anthropic, MCP, Qwen.

In: one part of a type in ``PARTS``. Out: the text, image_url, video_url or file part that means
the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from ...errors import InvalidRequestError
from ..checks import require
from ..draft import Json, RepeatedNotes

__all__ = ["PARTS", "RESULT_PART", "USE_PART", "as_openai"]

PARTS = (
    *("input_text", "output_text", "input_image", "input_file", "image", "video", "document"),
    *("resource", "resource_link"),
)


USE_PART = "tool_use"
RESULT_PART = "tool_result"
"""Anthropic's parts for a call and its result; they become messages of their own, see histories."""


def as_openai(tally: RepeatedNotes, part: Mapping[str, Any], where: str) -> Json:
    """``part`` in OpenAI's form; the change is told.

    Raises:
        InvalidRequestError: it names a file that is stored elsewhere, or is malformed.
    """
    kind = part["type"]
    if kind in ("input_text", "output_text"):
        own = {"type", "text", "annotations", "logprobs"}
        found: Json = {"type": "text", "text": part.get("text")}
    elif kind == "input_image":
        own = {"type", "image_url", "detail"}
        found = _input_image(part, where)
    elif kind == "input_file":
        own = {"type", "file_id", "file_data", "file_url", "filename"}
        found = _input_file(part, where)
    elif kind in ("image", "video"):
        own = {"type", "source", "data", "mimeType", kind}
        found = _medium(kind, part, where)
    elif kind == "resource":
        own = {"type", "resource"}
        found = _resource(part, where)
    elif kind == "resource_link":
        own = {"type", "uri", "name", "title", "description", "mimeType", "size"}
        found = _link(part, where)
    else:
        own = {"type", "source", "title"}
        found = _document(part, where)
    reason = "what chat completions call it"
    tally.note(f"part {kind}", f"{where}.type", kind, found["type"], reason)
    extra = {key: value for key, value in part.items() if key not in own}
    return {**extra, **found}


def _input_image(part: Mapping[str, Any], where: str) -> Json:
    url = part.get("image_url")
    if url is None and part.get("file_id") is not None:
        _stored(where, "file_id")
    if isinstance(url, Mapping):  # written half in one form, half in the other
        return {"type": "image_url", "image_url": url}
    detail = {"detail": part["detail"]} if part.get("detail") is not None else {}
    return {"type": "image_url", "image_url": {"url": url, **detail}}


def _input_file(part: Mapping[str, Any], where: str) -> Json:
    names = ("file_data", "file_id", "filename")
    file = {name: part[name] for name in names if part.get(name) is not None}
    if "file_data" not in file and part.get("file_url") is not None:
        file["file_data"] = part["file_url"]
    return {"type": "file", "file": file}


def _medium(kind: str, part: Mapping[str, Any], where: str) -> Json:
    """An image of Anthropic's (``source``), of MCP's (``data``) or of Qwen's (``image``)."""
    name = f"{kind}_url"
    source = part.get("source")
    if isinstance(source, Mapping):
        return {"type": name, name: {"url": _source_url(source, f"{where}.source")}}
    if isinstance(part.get("data"), str):
        mime = part.get("mimeType")
        url = f"data:{mime if isinstance(mime, str) else ''};base64,{part['data']}"
        return {"type": name, name: {"url": url}}
    return {"type": name, name: {"url": part.get(kind)}}


def _source_url(source: Mapping[str, Any], where: str) -> str:
    kind, url = source.get("type"), source.get("url")
    if kind == "url" and isinstance(url, str):
        return url
    data, mime = source.get("data"), source.get("media_type")
    if kind == "base64" and isinstance(data, str):
        return f"data:{mime if isinstance(mime, str) else ''};base64,{data}"
    if kind == "file":
        _stored(where, "file_id")
    raise InvalidRequestError("must be a source of type base64 or url", param=where)


def _document(part: Mapping[str, Any], where: str) -> Json:
    """A document of Anthropic's: a file, or text in itself."""
    source = part.get("source")
    require(isinstance(source, Mapping), "must be an object", f"{where}.source")
    assert isinstance(source, Mapping)
    title = part.get("title")
    if source.get("type") == "text":
        text = source.get("data")
        require(isinstance(text, str), "must be text", f"{where}.source.data")
        return {"type": "text", "text": f"{title}\n\n{text}" if isinstance(title, str) else text}
    file = {"file_data": _source_url(source, f"{where}.source")}
    if isinstance(title, str) and title:
        file["filename"] = title
    return {"type": "file", "file": file}


def _resource(part: Mapping[str, Any], where: str) -> Json:
    """A resource that an MCP server put into a result: text, an image, a video or another file."""
    where = f"{where}.resource"
    inner = part.get("resource")
    require(isinstance(inner, Mapping), "must be an object", where)
    assert isinstance(inner, Mapping)
    uri, text, blob = inner.get("uri"), inner.get("text"), inner.get("blob")
    if isinstance(text, str):
        return {"type": "text", "text": f"{uri}\n\n{text}" if isinstance(uri, str) else text}
    require(isinstance(blob, str), "must have text or blob", where)
    mime = inner.get("mimeType")
    mime = mime if isinstance(mime, str) else ""
    url = f"data:{mime};base64,{blob}"
    for kind in ("image", "video"):
        if mime.startswith(f"{kind}/"):
            return {"type": f"{kind}_url", f"{kind}_url": {"url": url}}
    name = uri.rpartition("/")[2] if isinstance(uri, str) else ""
    return {"type": "file", "file": {"file_data": url, **({"filename": name} if name else {})}}


def _link(part: Mapping[str, Any], where: str) -> Json:
    """A resource that an MCP server only names: what it says of it is all there is to read."""
    require(isinstance(part.get("uri"), str), "must be text", f"{where}.uri")
    said = (part.get("title") or part.get("name"), part["uri"], part.get("description"))
    return {"type": "text", "text": "\n".join(text for text in said if isinstance(text, str))}


def _stored(where: str, key: str) -> NoReturn:
    raise InvalidRequestError(
        "names a file that is stored at another provider, where Kimi cannot read it: send the "
        "image itself as a data: URL",
        param=f"{where}.{key}",
    )
