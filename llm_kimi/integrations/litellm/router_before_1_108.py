"""What LiteLLM's Router needs of an async stream before 1.108.

A custom provider opens an async stream at its first step, after the Router's retry loop is over.
From 1.108 the Router reads the first chunk inside of it. Before, it only falls back for
``MidStreamFallbackError``, so that is what an error before the first chunk becomes.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from litellm.exceptions import MidStreamFallbackError

__all__ = ["router_error", "router_retries"]

READS_FIRST_CHUNK = (1, 108)
RETRIES = 2


@cache
def _is_old() -> bool:
    parts = version("litellm").split(".")[:2]
    return tuple(int(part) for part in parts) < READS_FIRST_CHUNK


def _in_router(litellm_params: dict[str, Any]) -> bool:
    metadata = litellm_params.get("metadata") or litellm_params.get("litellm_metadata") or {}
    return _is_old() and "model_group" in metadata


def router_retries(litellm_params: dict[str, Any], retries: int) -> int:
    """Retries of an async stream: the Router asks for none and cannot retry it itself."""
    return max(retries, RETRIES) if _in_router(litellm_params) else retries


def router_error(
    error: Exception, litellm_params: dict[str, Any], model: str, provider: str
) -> Exception:
    """``error`` in the form that an old Router falls back for; elsewhere ``error`` itself.

    Rate limits and errors of the server LiteLLM brings into that form by itself.
    """
    status = getattr(error, "status_code", None) or 500
    if not _in_router(litellm_params) or status == 429 or status >= 500:
        return error
    fallback = MidStreamFallbackError(
        message=str(error),
        model=model,
        llm_provider=provider,
        original_exception=error,
        response=getattr(error, "response", None),
        is_pre_first_chunk=True,
    )
    kind: Any = type(error)
    both: Exception = _both(kind)(fallback)
    return both


@cache
def _both(kind: Any) -> Any:
    """``MidStreamFallbackError`` and ``kind`` in one.

    The Router picks its fallbacks (context window, content policy) by ``kind``, and who has no
    fallback catches what there is to catch.
    """

    def take_over(self: Exception, fallback: Exception) -> None:
        self.__dict__.update(fallback.__dict__)
        self.args = fallback.args

    return type(kind.__name__, (MidStreamFallbackError, kind), {"__init__": take_over})
