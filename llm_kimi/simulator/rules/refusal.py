"""What a refused request is told: HTTP status, error type and text, plus our own rule id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

__all__ = ["BadRequest", "Refusal", "not_found", "refuse"]


@dataclass(frozen=True)
class Refusal:
    """One broken rule. ``rule`` is a short stable id for tests and logs; the rest goes out.

    A text that no public source quotes is marked with a comment where it is made up.
    """

    status: int
    type: str
    message: str
    rule: str

    def body(self) -> dict[str, object]:
        """The JSON body of the answer: https://platform.kimi.ai/docs/api/errors"""
        return {"error": {"message": self.message, "type": self.type}}


class BadRequest(Exception):
    """How a check leaves early; ``check_chat`` turns it into the ``Refusal`` it carries."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def refuse(
    rule: str, message: str, *, status: int = 400, type: str = "invalid_request_error"
) -> NoReturn:
    """Break off with a refusal."""
    raise BadRequest(Refusal(status, type, message, rule))


def not_found(model_id: object) -> Refusal:
    """The live text for an id that is unknown, retired or not for this account."""
    return Refusal(
        404,
        "resource_not_found_error",
        f"Not found the model {model_id} or Permission denied",
        "model-not-found",
    )
