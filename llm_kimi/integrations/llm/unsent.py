"""What llm would send: a prompt of llm up to its request, which is built and not sent.

Only ``llm`` knows what becomes of its options, templates and conversations, so it is llm that asks
the model, and the model that does not answer.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from ...exchange import Target
from ...translation import Translation

__all__ = ["Unsent", "keep_back", "unsent_request"]

_wanted: ContextVar[bool] = ContextVar("unsent_request", default=False)


@dataclass(frozen=True, slots=True)
class Unsent:
    """A request, and where it would go."""

    target: Target
    translation: Translation


class _Built(BaseException):
    """The request is there. Not an ``Exception``: ``llm prompt`` would report it as an error."""

    def __init__(self, request: Unsent) -> None:
        super().__init__("the request is not sent")
        self.request = request


def unsent_request(ask: Callable[[], object]) -> Unsent | None:
    """The first request that ``ask`` would send to a Kimi model, which ends it; None when it sends
    none. ``ask`` prompts with llm: ``llm prompt`` itself, or a model and ``.text()``.

    Raises:
        KimiModelError: what it asks cannot be sent.
    """
    token = _wanted.set(True)
    try:
        ask()
    except _Built as built:
        return built.request
    finally:
        _wanted.reset(token)
    return None


def keep_back(target: Target, translation: Translation) -> None:
    """Called with every request that is about to be sent: end here if it is wanted unsent."""
    if _wanted.get():
        raise _Built(Unsent(target, translation))
