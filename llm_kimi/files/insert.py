"""What files became, put where they stand in the messages of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..catalog import Model
from ..translation import Translation
from .document_text import quoted
from .parts import medium_url

if TYPE_CHECKING:
    from .request_file import RequestFile

__all__ = ["placed", "renamed"]

Json = dict[str, Any]


def placed(translation: Translation, items: list[RequestFile]) -> Json:
    """The body with every file in its place; messages that hold none are the same objects."""
    by_message: dict[int, list[RequestFile]] = {}
    for item in items:
        by_message.setdefault(item.need.message, []).append(item)
    messages: list[Any] = []
    for number, message in enumerate(translation.body["messages"]):
        if number in by_message:
            messages += _with_files(message, by_message[number], translation.model)
        else:
            messages.append(message)
    return {**translation.body, "messages": messages}


def _with_files(message: Json, items: list[RequestFile], model: Model) -> list[Json]:
    """A message and, before it, one system message per document. The results of tools follow
    their calls at once, so there the text stands in the result itself."""
    parts: list[Any] = list(message["content"])
    documents: list[Json] = []
    own_turn = message["role"] != "tool"
    for item in items:
        place = item.need.part
        if item.part is not None:
            parts[place] = item.part
        elif own_turn:
            documents.append({"role": "system", "content": item.text})
            parts[place] = None
        else:
            parts[place] = {"type": "text", "text": item.text}
    parts = [part for part in parts if part is not None]
    if not parts:
        names = ", ".join(quoted(item.loaded.name) for item in items if item.loaded is not None)
        parts = [{"type": "text", "text": f"(attached: {names})"}]
    content: Any = parts
    all_text = all(part["type"] == "text" for part in parts)
    lost = any(item.lost for item in items)
    if all_text and (documents or lost or len(parts) == 1 or model.modalities == ("text",)):
        content = _joined(parts)
    return [*documents, {**message, "content": content}]


def _joined(parts: list[Json]) -> str:
    return "\n".join(part["text"] for part in parts)


def renamed(body: Json, fresh: dict[str, Json]) -> Json | None:
    """``body`` with other parts for the media at some URLs; None when it has none of those."""
    found = False

    def part_of(part: Any) -> Any:
        nonlocal found
        if part["type"] == "text" or (new := fresh.get(medium_url(part))) is None:
            return part
        found = True
        return new

    def content_of(parts: list[Any]) -> Any:
        new = [part_of(part) for part in parts]
        # As in ``placed``: with a line in the place of its medium it is a text again.
        is_text = new != parts and all(part["type"] == "text" for part in new)
        return _joined(new) if is_text else new

    messages = [
        {**message, "content": content_of(message["content"])}
        if isinstance(message.get("content"), list)
        else message
        for message in body["messages"]
    ]
    return {**body, "messages": messages} if found else None
