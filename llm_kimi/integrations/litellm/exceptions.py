"""Our errors as LiteLLM's own exceptions, which its Router, proxy and callers know."""

from __future__ import annotations

from typing import Any

import httpx
import litellm

from ...errors import (
    APIConnectionError,
    APIError,
    InvalidRequestError,
    KimiError,
    StreamError,
    StrictError,
)
from ...reply.api_errors import is_context_overflow

__all__ = ["to_litellm"]


def to_litellm(error: KimiError, model: str, provider: str, url: str = "") -> Exception:
    """The LiteLLM exception for ``error``, with Kimi's words and our hint in it."""
    names = {"message": str(error), "model": model, "llm_provider": provider}
    if isinstance(error, InvalidRequestError):
        strict = isinstance(error, StrictError)
        refused: Any = litellm.UnsupportedParamsError if strict else litellm.BadRequestError
        mapped: Exception = refused(**names)
        mapped.param = error.param  # type: ignore[attr-defined]
        return mapped
    if isinstance(error, APIConnectionError):
        if error.timeout:
            return litellm.Timeout(**names)
        return litellm.APIConnectionError(**names)
    if isinstance(error, StreamError):
        return litellm.APIConnectionError(**names)
    if isinstance(error, APIError):
        return _api_error(error, names, url)
    return litellm.APIConnectionError(**names)


def _api_error(error: APIError, names: dict[str, Any], url: str) -> Exception:
    status = error.status
    response = _response(error, url)
    if is_context_overflow(error):
        return litellm.ContextWindowExceededError(**names, response=response)
    if error.type == "content_filter" or "high risk" in error.detail:
        return litellm.ContentPolicyViolationError(**names, response=response)
    if status is None:
        status = _STATUS.get(error.type or "", 500)
    simple = {
        401: litellm.AuthenticationError,
        403: litellm.PermissionDeniedError,
        404: litellm.NotFoundError,
        429: litellm.RateLimitError,
        503: litellm.ServiceUnavailableError,
    }.get(status)
    if simple is not None:
        return simple(**names, response=response)
    if status in (408, 504):
        return litellm.Timeout(**names)
    if status == 502:
        bad_gateway = getattr(litellm, "BadGatewayError", litellm.ServiceUnavailableError)
        return bad_gateway(**names, response=response)
    if 300 <= status < 500:
        return litellm.BadRequestError(**names, response=response)
    return litellm.InternalServerError(**names, response=response)


# An error object inside a stream has a type and no status.
_STATUS = {
    "engine_overloaded_error": 429,
    "rate_limit_reached_error": 429,
    "exceeded_current_quota_error": 429,
    "invalid_authentication_error": 401,
    "incorrect_api_key_error": 401,
    "permission_denied_error": 403,
    "resource_not_found_error": 404,
    "invalid_request_error": 400,
    "server_unavailable": 503,
}


def _response(error: APIError, url: str) -> httpx.Response:
    """A response that carries what LiteLLM's Router reads: the status and Retry-After."""
    headers = {}
    if error.retry_after is not None:
        headers["retry-after"] = f"{error.retry_after:g}"
    if error.trace_id:
        headers["x-trace-id"] = error.trace_id
    return httpx.Response(
        error.status or _STATUS.get(error.type or "", 500),
        headers=headers,
        request=httpx.Request("POST", url or "https://api.moonshot.ai/v1/chat/completions"),
    )
