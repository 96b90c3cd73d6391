"""The SDK's ``files``: uploads under OpenAI's purposes, which Kimi has under names of its own.

Kimi takes ``file-extract`` for documents that are read, ``image`` and ``video``
(https://platform.kimi.ai/docs/api/files-upload); what stands for them in OpenAI's API is told from
the name of the file.
"""

from __future__ import annotations

import logging
import mimetypes
import os
from functools import wraps
from typing import Any

from openai.resources.files import AsyncFiles, Files

__all__ = ["async_files", "files"]

logger = logging.getLogger("llm_kimi")

_OPENAI = frozenset({"assistants", "user_data", "vision"})


def _name_of(file: Any) -> str:
    """The name of what the SDK takes as a file: a path, an open file, or a tuple with a name."""
    if isinstance(file, tuple):
        return str(file[0] or "")
    if isinstance(file, (str, os.PathLike)):
        return os.fspath(file)
    return str(getattr(file, "name", ""))


def _settled(arguments: dict[str, Any]) -> dict[str, Any]:
    purpose = arguments.get("purpose")
    if purpose not in _OPENAI:
        return arguments
    kind = (mimetypes.guess_type(_name_of(arguments.get("file")))[0] or "").partition("/")[0]
    sent = kind if kind in ("image", "video") else "file-extract"
    if purpose == "vision" and sent == "file-extract":
        sent = "image"
    logger.debug("purpose %s -> %s (Kimi's name for it)", purpose, sent)
    return {**arguments, "purpose": sent}


class _Files(Files):
    @wraps(Files.create)
    def create(self, **arguments: Any) -> Any:  # type: ignore[override]
        return super().create(**_settled(arguments))


class _AsyncFiles(AsyncFiles):
    @wraps(AsyncFiles.create)
    async def create(self, **arguments: Any) -> Any:  # type: ignore[override]
        return await super().create(**_settled(arguments))


def files(client: Any) -> Files:
    """``client.files``."""
    return _Files(client)


def async_files(client: Any) -> AsyncFiles:
    """``client.files`` of an async client."""
    return _AsyncFiles(client)
