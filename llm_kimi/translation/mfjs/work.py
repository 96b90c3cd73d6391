"""How far a rewrite may go: schemas that combine others can grow beyond any size."""

from __future__ import annotations

from .model import TooMuchWorkError

__all__ = ["Work"]


class Work:
    """How many steps a rewrite may still take: what keeps it from growing beyond any size."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Raises TooMuchWorkError where nothing is left."""
        self.left -= steps
        if self.left < 0:
            raise TooMuchWorkError
