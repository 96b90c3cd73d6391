"""The least request, and an image that stands in one."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB"
    "0C8AAAAASUVORK5CYII="
)


def plain(**more: Any) -> Json:
    return {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "Hi"}], **more}
