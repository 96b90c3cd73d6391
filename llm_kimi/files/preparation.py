"""The body of a request with its files in place, for whoever does not want it sent as a chat."""

from __future__ import annotations

from typing import Any

from ..exchange import Steps
from ..translation import Translation
from .request_files import FileRoom

__all__ = ["Preparation", "Release"]


class Preparation:
    """Perform its ``steps``, use ``body``, then perform those of a ``Release``."""

    def __init__(self, room: FileRoom, translation: Translation) -> None:
        self.body: dict[str, Any] = translation.body
        self._room = room
        self._translation = translation

    def steps(self) -> Steps:
        """Fetch, upload and extract, as before a chat.

        Raises:
            InvalidRequestError: a file cannot be had or is nothing that Kimi takes.
            APIError, APIConnectionError: an upload failed.
        """
        try:
            self.body = yield from self._room.prepare(self._translation)
        except BaseException:
            yield from self._room.release()
            raise


class Release:
    """Deletes what was uploaded for a ``Preparation`` and cannot be remembered."""

    def __init__(self, room: FileRoom) -> None:
        self._room = room

    def steps(self) -> Steps:
        """See ``FileRoom.release``."""
        yield from self._room.release()
