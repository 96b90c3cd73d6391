"""The content of a message: text and parts.

In: a string or a list of OpenAI's (or Kimi's) content parts. Out: the same in a form that Kimi
takes, ``None`` when nothing is left; parts that need I/O are put on ``draft.needs``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidRequestError
from .draft import Draft, Tally, require, well_formed
from .media import AUDIO, MEDIA, translate_file, translate_medium

__all__ = ["text_of", "translate_content", "well_formed_text"]


def translate_content(
    draft: Draft, tally: Tally, content: Any, message: int, role: str
) -> str | list[Any] | None:
    """``content`` of message number ``message`` as Kimi takes it; None when it is empty."""
    path = f"messages[{message}].content"
    if content is None:
        return None
    if isinstance(content, str):
        return well_formed_text(tally, content, path) or None
    require(isinstance(content, list), "must be text or a list of parts", path)
    parts: list[Any] = []
    for index, part in enumerate(content):
        translated = _part(draft, tally, part, message, len(parts), f"{path}[{index}]", role)
        if translated is not None:
            parts.append(translated)
    if not parts:
        return None
    if draft.model.modalities == ("text",) and all(part["type"] == "text" for part in parts):
        tally.note(
            "flat",
            path,
            content,
            "text",
            f"{draft.name} takes text only, as one string",
            meaning=False,
        )
        return "\n".join(part["text"] for part in parts)
    return parts


def well_formed_text(tally: Tally, text: str, where: str) -> str:
    """``text`` as it can be sent; half characters are replaced and told."""
    sent = well_formed(text)
    if sent is not text and sent != text:
        reason = "half a character (a lone surrogate) cannot be sent"
        tally.note("surrogate", where, text, sent, reason, "Unicode, RFC 3629", meaning=True)
    return sent


def text_of(content: Any) -> str:
    """The text of a content that has been translated."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or ())


def _part(
    draft: Draft, tally: Tally, part: Any, message: int, place: int, where: str, role: str
) -> Any:
    require(isinstance(part, Mapping), "must be an object with a type", where)
    kind = part.get("type")
    require(isinstance(kind, str), "must be the type of the part", f"{where}.type")
    if kind == "text":
        return _text(tally, part, where)
    if kind == "refusal" and role == "assistant":
        text = part.get("refusal")
        require(isinstance(text, str), "must be text", f"{where}.refusal")
        tally.note("refusal", f"{where}.type", "refusal", "text", "Kimi has no refusal parts")
        said = {key: value for key, value in part.items() if key != "refusal"}
        return _text(tally, {**said, "type": "text", "text": text}, where)
    if kind in MEDIA:
        medium = translate_medium(draft, tally, part, message, place, where)
        return medium if medium["type"] == "file" else _only(tally, medium, where, ("type", kind))
    if kind == "file":
        return translate_file(draft, tally, part, message, place, where)
    if kind == "input_audio":
        raise InvalidRequestError(AUDIO, param=where)
    raise InvalidRequestError(
        f"Kimi has no content parts of type {kind!r}; it takes text, image_url and video_url",
        param=f"{where}.type",
    )


def _text(tally: Tally, part: Any, where: str) -> Any:
    text = part.get("text")
    require(isinstance(text, str), "must be text", f"{where}.text")
    if not text:
        tally.note("empty part", where, "", None, "Kimi refuses empty text parts", "empty-text")
        return None
    clean = well_formed_text(tally, text, f"{where}.text")
    if clean != text:
        part = {**part, "text": clean}
    return _only(tally, part, where, ("type", "text"))


def _only(tally: Tally, part: Any, where: str, keys: tuple[str, str]) -> Any:
    """``part`` without what other stacks left in it."""
    if len(part) == 2 and isinstance(part, dict):
        return part
    for key, value in part.items():
        if key not in keys and value is not None:
            tally.note(f"part {key}", f"{where}.{key}", value, None, "Kimi has no such key")
    return {key: part[key] for key in keys}
