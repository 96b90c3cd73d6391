"""What the loops need of an HTTP client, and what comes out of them."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from ..exchange import (
    Answer,
    Chunks,
    Failed,
    FileCall,
    FormulaCall,
    Notice,
)

__all__ = ["AsyncTransport", "Output", "SyncTransport"]

Output: TypeAlias = Chunks | Notice


class SyncTransport(Protocol):
    """What ``run`` needs of an HTTP client. ``silence``: how many seconds may pass until something
    of an answer comes; None for no bound."""

    silence: float | None

    def call(self, body: dict[str, Any]) -> Answer | Failed:
        """Post the body; an answer with status 200 is not read yet."""

    def read(self, answer: Answer) -> bytes | Failed:
        """The next bytes; ``b""`` at the end."""

    def close(self, answer: Answer) -> None:
        """Give the connection back, or drop it when the body was not read to its end."""

    def file_call(self, step: FileCall | FormulaCall) -> Answer | Failed:
        """Call the files API, or that of the official tools; the whole answer is in
        ``Answer.body``."""


class AsyncTransport(Protocol):
    """What ``arun`` needs of an HTTP client; ``silence`` as in ``SyncTransport``."""

    silence: float | None

    async def call(self, body: dict[str, Any]) -> Answer | Failed:
        """As ``SyncTransport.call``."""

    async def read(self, answer: Answer) -> bytes | Failed:
        """As ``SyncTransport.read``."""

    async def close(self, answer: Answer) -> None:
        """As ``SyncTransport.close``."""

    async def file_call(self, step: FileCall | FormulaCall) -> Answer | Failed:
        """As ``SyncTransport.file_call``."""
