"""The content of a message: text and parts.

In: a string or a list of OpenAI's (or Kimi's) content parts, or parts as other APIs write them.
Out: the same in a form that Kimi takes, ``None`` when nothing is left; parts that need I/O are put
on ``draft.needs``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...errors import InvalidRequestError
from ..checks import require
from ..draft import Draft, RepeatedNotes
from ..objects import Foreign
from .foreign_parts import PARTS, RESULT_PART, USE_PART, as_openai
from .media import AUDIO, MEDIA, translate_file, translate_medium
from .reasoning import is_thinking

__all__ = ["text_of", "translate_content"]


def translate_content(
    draft: Draft, tally: RepeatedNotes, content: Any, message: int, role: str
) -> str | list[Any] | None:
    """``content`` of message number ``message`` as Kimi takes it; None when it is empty."""
    if content is None:
        return None
    if isinstance(content, str):
        return content or None
    path = f"{draft.message_path(message)}.content"
    if isinstance(content, dict) and isinstance(content.get("type"), str):
        reason = "Kimi takes a list of parts, not one alone"
        tally.note("one part", path, "a part", "a list of one", reason)
        content = [content]
    if role == "tool" and _is_data(content):
        text = _json_text(content, path)
        tally.note("data", path, content, text, "Kimi takes the result of a tool as text")
        return text
    if not isinstance(content, list):
        raise InvalidRequestError(
            f"must be text or a list of parts, not {_kind(content)}", param=path
        )
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


def text_of(content: Any) -> str:
    """The text of a content that has been translated."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or ())


def _kind(value: Any) -> str:
    """What a value is called in JSON, for errors."""
    if isinstance(value, Foreign):
        return value.why.removeprefix("is ")
    if value is None:
        return "null"
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return kinds.get(type(value), "a number")


def _is_data(content: Any) -> bool:
    """Whether the result of a tool is JSON data rather than parts: programs return objects."""
    if isinstance(content, list):
        return bool(content) and not any(
            isinstance(part, dict) and isinstance(part.get("type"), str) for part in content
        )
    return isinstance(content, (dict, bool, int, float))


def _json_text(content: Any, path: str) -> str:
    def printed(foreign: Foreign) -> str:
        if foreign.text is None:
            raise foreign.error()
        return foreign.text

    try:
        return json.dumps(content, ensure_ascii=False, default=printed)
    except RecursionError:
        raise InvalidRequestError("is nested too deeply", param=path) from None


def _part(
    draft: Draft, tally: RepeatedNotes, part: Any, message: int, place: int, where: str, role: str
) -> Any:
    if isinstance(part, str):
        tally.note("bare text", where, part, "a text part", "Kimi takes objects with a type")
        part = {"type": "text", "text": part}
    if not isinstance(part, dict):
        raise InvalidRequestError(f"must be an object with a type, not {_kind(part)}", param=where)
    kind = part.get("type")
    if kind == "text" and isinstance(part.get("text"), str):
        return _text(tally, part, where)
    if kind is None and isinstance(part.get("text"), str):
        tally.note("no type", f"{where}.type", None, "text", "Kimi wants the type of a part")
        return _text(tally, {"type": "text", **part}, where)
    require(isinstance(kind, str), "must be the type of the part", f"{where}.type")
    if kind in PARTS:
        part = as_openai(tally, part, where)
        kind = part["type"]
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
    return _no_part(tally, part, where, role)


def _no_part(tally: RepeatedNotes, part: Mapping[str, Any], where: str, role: str) -> None:
    """Parts that do not belong into a content, or not into this one."""
    kind = part["type"]
    if (kind, role) in ((USE_PART, "assistant"), (RESULT_PART, "user")):
        return  # a call and a result by now, see histories
    if is_thinking(part):
        if role == "assistant":  # found by reasoning.find
            reason = "a thought is not part of the answer: Kimi has reasoning_content for it"
            tally.note("thinking", where, kind, "reasoning_content", reason, "thinking")
        else:
            reason = f"a message of role {role} has no reasoning"
            tally.note(f"thinking {role}", where, part, None, reason, meaning=True)
        return
    if kind in ("input_audio", "audio", "audio_url"):
        raise InvalidRequestError(AUDIO, param=where)
    raise InvalidRequestError(
        f"Kimi has no content parts of type {kind!r}; it takes text, image_url and video_url",
        param=f"{where}.type",
    )


def _text(tally: RepeatedNotes, part: Any, where: str) -> Any:
    text = part.get("text")
    if isinstance(text, Mapping) and isinstance(text.get("value"), str):
        tally.note("text value", f"{where}.text", text, text["value"], "Kimi takes the text alone")
        text = text["value"]  # the Assistants API
        part = {**part, "text": text}
    require(isinstance(text, str), "must be text", f"{where}.text")
    if not text:
        tally.note("empty part", where, "", None, "Kimi refuses empty text parts", "empty-text")
        return None
    return _only(tally, part, where, ("type", "text"))


def _only(tally: RepeatedNotes, part: Any, where: str, keys: tuple[str, str]) -> Any:
    """``part`` without what other stacks left in it."""
    if len(part) == 2 and isinstance(part, dict):
        return part
    for key, value in part.items():
        if key not in keys and value is not None:
            tally.note(f"part {key}", f"{where}.{key}", value, None, "Kimi has no such key")
    return {key: part[key] for key in keys}
