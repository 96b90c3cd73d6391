"""The text of one file, for whoever wants it outside of a conversation."""

from __future__ import annotations

from ..errors import InvalidRequestError
from ..exchange import Steps, Work
from ..translation import Attached
from .document_text import one_line
from .load import load
from .request_files import RequestFiles
from .upload import FileUpload

__all__ = ["Extraction"]


class Extraction:
    """The text of one file, outside of any conversation; perform its ``steps``, read ``text``."""

    def __init__(self, files: RequestFiles, attached: Attached) -> None:
        self.name = ""
        self.text = ""
        self._files = files
        self._attached = attached

    def steps(self) -> Steps:
        """Read the file, and ask Kimi for its text where it is not text already.

        Raises:
            InvalidRequestError: it cannot be had, or Kimi cannot read it.
            APIError, APIConnectionError: the upload failed.
        """
        progress = self._files.context.progress
        try:
            if progress is not None:
                progress.begin(1, 0)
            yield from self._read()
        except InvalidRequestError as error:
            raise InvalidRequestError(one_line(error.message)) from None
        finally:
            if progress is not None:
                progress.end()
        yield from self._files.tell_problem()

    def _read(self) -> Steps:
        context = self._files.context
        loaded = yield from Work(
            lambda stopped: load(
                self._attached,
                None,
                known=context.cache.known,
                stopped=stopped,
                on_bytes=context.moved,
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
        upload = FileUpload(context, loaded, "file-extract")
        if not (yield from Work(lambda stopped: upload.look_up())):
            if context.progress is not None:
                context.progress.begin(1, loaded.size)
            yield from upload.steps()
        self.text = upload.text or ""
