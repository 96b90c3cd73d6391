"""What to do with a file that is at Kimi."""

from __future__ import annotations

__all__ = ["how_to_use"]

_MEDIA = {"image": "image/png", "video": "video/mp4"}


def how_to_use(purpose: str | None, file_id: str, mime: str | None = None) -> str:
    """The command that uses it; nothing for a purpose that is none of ours."""
    if purpose == "file-extract":
        return f"llm kimi files content {file_id}"
    if purpose not in _MEDIA:
        return ""
    kind = mime if mime and mime.startswith(f"{purpose}/") else _MEDIA[purpose]
    return f"llm -m kimi 'What is this?' --at ms://{file_id} {kind}"
