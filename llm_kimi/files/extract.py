"""The text of one file, for whoever wants it outside of a conversation."""

from __future__ import annotations

from ..errors import InvalidRequestError
from ..exchange import Steps, Work
from ..translation import Attached
from .document_text import one_line
from .load import Loaded, load
from .request_files import FileRoom
from .upload import Bringing

__all__ = ["Extraction"]


class Extraction:
    """The text of one file, outside of any conversation; perform its ``steps``, read ``text``."""

    def __init__(self, room: FileRoom, attached: Attached) -> None:
        self.name = ""
        self.text = ""
        self._room = room
        self._attached = attached

    def steps(self) -> Steps:
        """Read the file, and ask Kimi for its text where it is not text already.

        Raises:
            InvalidRequestError: it cannot be had, or Kimi cannot read it.
            APIError, APIConnectionError: the upload failed.
        """
        progress = self._room.stage.progress
        try:
            if progress is not None:
                progress.begin(1, 0)
            yield from self._read()
        except InvalidRequestError as error:
            raise InvalidRequestError(one_line(error.message)) from None
        finally:
            if progress is not None:
                progress.end()
        yield from self._room.tell_problem()

    def _read(self) -> Steps:
        stage = self._room.stage
        loaded: Loaded = yield Work(
            lambda stopped: load(
                self._attached,
                None,
                known=stage.cache.known,
                stopped=stopped,
                on_bytes=stage.moved,
            )
        )
        self.name = loaded.name
        if loaded.kind in ("image", "video"):
            raise InvalidRequestError(
                f"{loaded.name} is {loaded.mime}: attach it to a prompt (-a); Moonshot extracts "
                "text from documents only"
            )
        if loaded.text is not None:
            self.text = loaded.text
            return
        bringing = Bringing(stage, loaded, "file-extract")
        if not (yield Work(lambda stopped: bringing.look_up())):
            if stage.progress is not None:
                stage.progress.begin(1, loaded.size)
            yield from bringing.steps()
        self.text = bringing.text or ""
