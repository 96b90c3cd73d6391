"""What the loops need of an HTTP client, and what comes out of them."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, TypeVar

from ..exchange import (
    Answer,
    Chunks,
    Failed,
    FileCall,
    FormulaCall,
    Notice,
)

__all__ = ["AsyncTransport", "Output", "StreamT", "SyncTransport"]

Output: TypeAlias = Chunks | Notice

StreamT = TypeVar("StreamT")
"""What a transport reads the body of an answer from."""


class SyncTransport(Protocol[StreamT]):
    """What ``run`` needs of an HTTP client. ``silence``: how many seconds may pass until something
    of an answer comes; None for no bound."""

    silence: float | None

    def call(self, body: dict[str, Any]) -> Answer[StreamT] | Failed:
        """Post the body; an answer with status 200 is not read yet."""

    def read(self, answer: Answer[StreamT]) -> bytes | Failed:
        """The next bytes; ``b""`` at the end."""

    def close(self, answer: Answer[StreamT]) -> None:
        """Give the connection back, or drop it when the body was not read to its end."""

    def file_call(self, step: FileCall | FormulaCall) -> Answer[StreamT] | Failed:
        """Call the files API, or that of the official tools; the whole answer is in
        ``Answer.body``."""


class AsyncTransport(Protocol[StreamT]):
    """What ``arun`` needs of an HTTP client; ``silence`` as in ``SyncTransport``."""

    silence: float | None

    async def call(self, body: dict[str, Any]) -> Answer[StreamT] | Failed:
        """As ``SyncTransport.call``."""

    async def read(self, answer: Answer[StreamT]) -> bytes | Failed:
        """As ``SyncTransport.read``."""

    async def close(self, answer: Answer[StreamT]) -> None:
        """As ``SyncTransport.close``."""

    async def file_call(self, step: FileCall | FormulaCall) -> Answer[StreamT] | Failed:
        """As ``SyncTransport.file_call``."""
