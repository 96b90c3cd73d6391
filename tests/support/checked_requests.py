"""Requests for the simulator's rules, piece by piece."""

from __future__ import annotations

from typing import Any

K31, K3, K27, K26 = "kimi-k3.1-pro", "kimi-k3", "kimi-k2.7-code", "kimi-k2.6"
K25, V1, V1_IMAGE = "kimi-k2.5", "moonshot-v1-8k", "moonshot-v1-8k-vision-preview"
OFF = {"thinking": {"type": "disabled"}}
USER = {"role": "user", "content": "hi"}
PNG = "data:image/png;base64,iVBORw0KGgo="
MP4 = "data:video/mp4;base64,AAAA"
E1 = "tool_choice 'specified' is incompatible with thinking enabled"
E2 = "tool_choice 'required' is incompatible with thinking enabled"
BAD_NAME = (
    "Invalid request: function name is invalid, must start with a letter and can contain letters, "
    "numbers, underscores, and dashes"
)


def chat(model: str = K31, **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [USER], **fields}


def talk(*messages: Any, model: str = K26, **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": list(messages), **fields}


def tool(name: str = "add", **changes: Any) -> dict[str, Any]:
    function = {"name": name, "parameters": {"type": "object", "properties": {}}, **changes}
    return {"type": "function", "function": function}


def call(id: str = "add:0", **changes: Any) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": "add", "arguments": "{}"}, **changes}


def asks(*calls: Any, **changes: Any) -> dict[str, Any]:
    turn = {"role": "assistant", "content": "", "reasoning_content": "hm", "tool_calls": [*calls]}
    return {**turn, **changes}


def tells(id: str = "add:0", **changes: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": "3", **changes}


def shows(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def image(url: Any = PNG) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def video(url: Any = MP4) -> dict[str, Any]:
    return {"type": "video_url", "video_url": {"url": url}}


def named(name: str = "add") -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def schema_format(schema: Any, **changes: Any) -> dict[str, Any]:
    spec = {"name": "answer", "schema": schema, **changes}
    return {"response_format": {"type": "json_schema", "json_schema": spec}}


def without(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in keys}
