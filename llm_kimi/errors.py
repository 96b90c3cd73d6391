"""The exceptions of this package and what they tell.

``KimiError`` is the base of all. ``InvalidRequestError`` is raised before anything is sent;
``APIError`` and its kin tell what came back from the API, or that nothing did.
No message ever holds an API key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .translation.adjustments import Adjustment

__all__ = [
    "APIConnectionError",
    "APIError",
    "InvalidRequestError",
    "KimiError",
    "StreamError",
    "StrictError",
]


class KimiError(Exception):
    """Base of every error that this package raises on purpose."""


class InvalidRequestError(KimiError, ValueError):
    """A request that cannot be translated, found before anything was sent.

    ``param`` is the path of what is wrong (``messages[2].content[0].image_url``), ``message``
    says what it is and what to do instead.
    """

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message if param is None else f"{param}: {message}")
        self.message = message
        self.param = param


class StrictError(InvalidRequestError):
    """Strict mode: the request would have been changed in meaning. Lists every such change."""

    def __init__(self, adjustments: Sequence[Adjustment]) -> None:
        self.adjustments = tuple(adjustments)
        lines = "; ".join(str(adjustment) for adjustment in self.adjustments)
        them = "it" if len(self.adjustments) == 1 else "them"
        super().__init__(
            f"strict mode: {lines}. Leave {them} out, or turn strict mode off", param=None
        )
        self.param = self.adjustments[0].param if self.adjustments else None


class APIError(KimiError):
    """An error answer of the API.

    ``status`` is the HTTP status (None for an error object inside a stream), ``type`` the API's
    error type, ``detail`` its own words, ``hint`` our advice, ``trace_id`` what Moonshot's
    support asks for, ``retry_after`` seconds to wait (None when the API gave none).
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        type: str | None = None,
        code: str | None = None,
        hint: str | None = None,
        trace_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.detail = detail
        self.status = status
        self.type = type
        self.code = code
        self.hint = hint
        self.trace_id = trace_id
        self.retry_after = retry_after
        where = " ".join(str(part) for part in (status, type) if part is not None)
        text = f"{where}: {detail}" if where else detail
        if hint:
            text += f". {hint}" if not text.endswith((".", "!", "?")) else f" {hint}"
        if trace_id:
            text += f" [trace id {trace_id}]"
        super().__init__(text)


class APIConnectionError(KimiError):
    """No answer: the connection failed or timed out. ``timeout`` tells which of the two."""

    def __init__(self, message: str, *, timeout: bool = False) -> None:
        super().__init__(message)
        self.timeout = timeout


class StreamError(KimiError):
    """A stream that broke: it ended without ``[DONE]``, or what came was no event stream."""
