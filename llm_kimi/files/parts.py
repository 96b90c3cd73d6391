"""Parts of messages that hold a medium: an image or a video."""

from __future__ import annotations

from typing import Any

__all__ = ["medium", "medium_url"]

Json = dict[str, Any]


def medium(kind: str, url: str) -> Json:
    """An image or video as a part of a message."""
    return {"type": f"{kind}_url", f"{kind}_url": {"url": url}}


def medium_url(part: Json) -> str:
    """The URL of a media part."""
    value = part[part["type"]]
    return str(value["url"] if isinstance(value, dict) else value)
