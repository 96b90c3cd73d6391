"""The SDK's ``files``: uploads under OpenAI's purposes, which Kimi has under names of its own."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from functools import wraps
from typing import Any

from openai.resources.files import AsyncFiles, Files

from ..openai_http.purposes import kimi_purpose

__all__ = ["async_files", "files"]

logger = logging.getLogger("llm_kimi")


def _name_of(file: Any) -> str:
    """The name of what the SDK takes as a file: a path, an open file, or a tuple with a name."""
    if isinstance(file, tuple):
        return str(file[0] or "")
    if isinstance(file, (str, os.PathLike)):
        return os.fspath(file)
    return str(getattr(file, "name", ""))


def _settled(arguments: dict[str, Any]) -> dict[str, Any]:
    purpose = arguments.get("purpose")
    if not isinstance(purpose, str):
        return arguments
    sent = kimi_purpose(purpose, _name_of(arguments.get("file")))
    if sent != purpose:
        logger.debug("purpose %s -> %s (Kimi's name for it)", purpose, sent)
    settled = {**arguments, "purpose": sent}
    if isinstance(settled.pop("expires_after", None), Mapping):
        logger.warning("expires_after is left out: an upload to Kimi has a purpose and a file only")
    return settled


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
