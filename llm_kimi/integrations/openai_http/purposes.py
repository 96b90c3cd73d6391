"""The purposes of files: OpenAI's, in the names that Kimi has for them.

Kimi takes ``file-extract`` for documents that are read, ``image`` and ``video``
(https://platform.kimi.ai/docs/api/files-upload); what stands for them in OpenAI's API is told from
the name of the file.
"""

from __future__ import annotations

import mimetypes

__all__ = ["kimi_purpose"]

_OPENAI = frozenset({"assistants", "user_data", "vision"})


def kimi_purpose(purpose: str, filename: str) -> str:
    """Kimi's name for ``purpose`` of a file called ``filename``; any other stays as it is."""
    if purpose not in _OPENAI:
        return purpose
    kind = (mimetypes.guess_type(filename)[0] or "").partition("/")[0]
    if kind in ("image", "video"):
        return kind
    return "image" if purpose == "vision" else "file-extract"
