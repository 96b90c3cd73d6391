"""A conversation as other APIs write it, as the messages of chat completions.

Items of the Responses API, parts of Claude's for calls and results, calls without a wrapping,
system prompts beside the messages. A reading of its own: what each means, and where it stood.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .difference import Difference
from .reading import thought_of, thoughts

Json = dict[str, Any]

SYSTEM_FIELDS = ("system", "instructions", "system_prompt", "system_instruction")
_CALLS = ("function_call", "custom_tool_call")
_OUTPUTS = ("function_call_output", "custom_tool_call_output")


@dataclass
class Heard:
    """One message of chat completions, where it stood, and where its calls stood."""

    path: str
    message: Json
    calls: list[str] = field(default_factory=list)


@dataclass
class Heards:
    """The conversation, and what was said in another form."""

    messages: list[Heard] = field(default_factory=list)
    found: list[Difference] = field(default_factory=list)


def as_sent(messages: list[Json]) -> list[Heard]:
    """Messages that are in the form already."""
    return [Heard(f"messages[{n}]", message) for n, message in enumerate(messages)]


def hear(given: Json) -> Heards:
    """The conversation of a request."""
    heards = Heards()
    first = given["messages"][0] if given["messages"] else None
    for name in SYSTEM_FIELDS:
        if given.get(name) is not None:
            heards.found.append(Difference(name, "a message now"))
            text = _system_text(given[name])
            if not (isinstance(first, Mapping) and first.get("content") == text):
                heards.messages.append(Heard(name, {"role": "system", "content": text}))
    thought: tuple[str, str] | None = None
    for number, message in enumerate(given["messages"]):
        path = f"messages[{number}]"
        kind = message.get("type")
        if "role" in message or kind == "message":
            said = list(_message(heards, path, message))
        elif kind == "reasoning":
            text = thought_of(message)
            heards.found.append(Difference(path, "a thought is no item"))
            thought = (path, text) if text else thought
            continue
        elif kind in _CALLS:
            last = heards.messages[-1] if heards.messages else None
            heards.found.append(Difference(path, "a call is no item"))
            if thought is None and last is not None and last.message.get("role") == "assistant":
                calls = [*(last.message.get("tool_calls") or ()), _call(message)]
                last.calls = [*(last.calls or _paths(last)), path]
                last.message = {**last.message, "tool_calls": calls}
                continue
            said = [Heard(path, {"role": "assistant", "tool_calls": [_call(message)]}, [path])]
        elif kind in _OUTPUTS:
            heards.found.append(Difference(path, "a result is no item"))
            said = [Heard(path, _result(message.get("call_id"), message.get("output")))]
        else:
            said = [Heard(path, message)]
        if thought is not None and said[0].message.get("role") == "assistant":
            if not thoughts(said[0].message):
                said[0].message = {**said[0].message, "reasoning_content": thought[1]}
            thought = None
        heards.messages += said
    return heards


def _system_text(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("text", value.get("parts", value.get("content")))
    if isinstance(value, list):
        return "\n\n".join(part if isinstance(part, str) else part["text"] for part in value)
    return str(value)


def _paths(heard: Heard) -> list[str]:
    calls = heard.message.get("tool_calls") or ()
    return [f"{heard.path}.tool_calls[{index}]" for index in range(len(calls))]


def _call(given: Json) -> Json:
    """A call without a wrapping."""
    custom = given.get("type") in ("custom", "custom_tool_call")
    values = (given[key] for key in ("arguments", "args", "input") if key in given)
    kind, key = ("custom", "input") if custom else ("function", "arguments")
    call_id = given.get("call_id", given.get("id"))
    body = {"name": given["name"], key: next(values, None)}
    return {"id": call_id, "type": kind, kind: body}


def _result(call_id: Any, content: Any) -> Json:
    if isinstance(content, Mapping) and isinstance(content.get("content"), (str, list)):
        content = content["content"]
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def _message(heards: Heards, path: str, message: Json) -> Iterator[Heard]:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    kinds = [part.get("type") if isinstance(part, Mapping) else None for part in parts]
    heard = Heard(path, message)
    for index, (part, kind) in enumerate(zip(parts, kinds, strict=True)):
        place = f"{path}.content[{index}]"
        if kind == "tool_result" and message.get("role") == "user":
            heards.found.append(Difference(place, "a result is no part"))
            if part.get("is_error"):
                heards.found.append(Difference(f"{place}.is_error", "lost", True))
            yield Heard(place, _result(part.get("tool_use_id"), part.get("content")))
    if parts and all(kind == "tool_result" for kind in kinds):
        return
    if message.get("role") == "assistant":
        _take_calls(heards, heard, parts)
    yield heard


def _take_calls(heards: Heards, heard: Heard, parts: list[Any]) -> None:
    given = heard.message.get("tool_calls") or []
    calls, paths = [], _paths(heard)
    for call, path in zip(given, paths, strict=True):
        flat = isinstance(call.get("name"), str) and "function" not in call
        if flat and "custom" not in call:
            heards.found.append(Difference(path, "another API's call"))
            call = _call(call)
        calls.append(call)
    for index, part in enumerate(parts):
        if isinstance(part, Mapping) and part.get("type") == "tool_use":
            place = f"{heard.path}.content[{index}]"
            heards.found.append(Difference(place, "a call is no part"))
            calls.append(_call(dict(part)))
            paths.append(place)
    if calls:
        heard.message, heard.calls = {**heard.message, "tool_calls": calls}, paths


PARTS = ("tool_use", "tool_result")
"""Parts that are messages or calls of their own."""


def part(given: Any) -> Any:
    """A content part in OpenAI's form; those that are in it as they are."""
    if isinstance(given, str):
        return {"type": "text", "text": given}
    kind = given.get("type")
    text = given.get("text")
    if kind == "text" and isinstance(text, Mapping):  # the Assistants API
        return {**given, "text": text.get("value")}
    if kind is None and isinstance(text, str):
        return {"type": "text", **given}
    if kind == "document" and given["source"].get("type") == "text":
        said = [given.get("title"), given["source"]["data"]]
        return {"type": "text", "text": "\n\n".join(filter(None, said))}
    if kind in ("input_text", "output_text"):
        return {"type": "text", "text": given.get("text")}
    if kind == "input_image":
        url = given.get("image_url")
        return {"type": "image_url", "image_url": url if isinstance(url, Mapping) else {"url": url}}
    if kind == "image" and isinstance(given.get("source"), Mapping):
        source = given["source"]
        url = f"data:{source.get('media_type')};base64,{source.get('data')}"
        return {"type": "image_url", "image_url": {"url": source.get("url", url)}}
    if kind == "image" and isinstance(given.get("data"), str):
        url = f"data:{given.get('mimeType')};base64,{given['data']}"
        return {"type": "image_url", "image_url": {"url": url}}
    return given


def is_data(content: Any) -> bool:
    """Whether the result of a tool is data rather than text or parts."""
    if isinstance(content, list):
        parts = [
            isinstance(item, Mapping) and isinstance(item.get("type"), str) for item in content
        ]
        return bool(parts) and not any(parts)
    return isinstance(content, (Mapping, int, float)) and "type" not in (
        content if isinstance(content, Mapping) else ()
    )


def data_text(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False)
