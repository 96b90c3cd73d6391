"""Errors made of answers in the API's form."""

from __future__ import annotations

import json
from typing import Any

from llm_kimi.errors import APIError
from llm_kimi.reply import api_error


def made(
    status: int,
    type: str | None = None,
    text: str = "no",
    *,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> APIError:
    """The error of an answer in the API's form."""
    error: dict[str, Any] = {"message": text}
    if type is not None:
        error["type"] = type
    return api_error(status, headers or {}, json.dumps({"error": error}).encode(), **more)
