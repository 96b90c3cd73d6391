"""Whether the files that messages name by ``ms://<file_id>`` are there for that.

https://platform.kimi.ai/docs/guide/use-kimi-vision-model. Apart from the other rules, because it
needs to know what was uploaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .refusal import BadRequest, Refusal, refuse

__all__ = ["check_files"]


def check_files(
    messages: list[dict[str, Any]], purpose_of: Callable[[str], str | None]
) -> Refusal | None:
    """The first file that is not there, or is there for something else. Texts are made up.

    ``messages`` have passed ``check_chat``; ``purpose_of`` gives None for an unknown id.
    """
    try:
        for what, file_id in _named(messages):
            purpose = purpose_of(file_id)
            if purpose is None:
                refuse("media-file-not-found", f"Invalid request: file {file_id} is not found")
            if purpose != what:
                refuse(
                    "media-file-purpose",
                    f"Invalid request: file {file_id} was uploaded with purpose '{purpose}', "
                    f"{what}_url needs '{what}'",
                )
    except BadRequest as bad:
        return bad.refusal
    return None


def _named(messages: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """``image`` or ``video``, and the id, of each uploaded file."""
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            kind = str(part.get("type"))
            value = part.get(kind)
            url = value.get("url") if isinstance(value, dict) else value
            if kind.endswith("_url") and isinstance(url, str) and url.startswith("ms://"):
                yield kind.removesuffix("_url"), url.removeprefix("ms://")
