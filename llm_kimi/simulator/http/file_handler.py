"""The file endpoints: takes in uploads, and answers from the store."""

from __future__ import annotations

from urllib.parse import unquote

from ..files.upload import Upload
from .responses import Answers, Dropped

__all__ = ["FileHandler"]

_ROUTES = {
    ("GET", ""): "file",
    ("DELETE", ""): "file_delete",
    ("GET", "content"): "file_content",
}


class FileHandler(Answers):
    """The part of the handler for ``/v1/files``; its methods raise ``BadRequest``."""

    upload: Upload | None = None
    file_id = ""

    def file_route(self, path: str) -> str | None:
        """The name of the method for the path of one file, whose id it keeps."""
        if not path.startswith("/v1/files/"):
            return None
        file_id, _, rest = path.removeprefix("/v1/files/").partition("/")
        self.file_id = unquote(file_id)
        return _ROUTES.get((self.command, rest)) if file_id else None

    def receive(self) -> None:
        """Take in an upload.

        Raises:
            ConnectionError: when the client leaves midway, which is recorded.
        """
        self.upload = Upload()
        kind = self.headers.get("Content-Type") or ""
        try:
            self.upload.read(self.body(), kind, self.simulator.file_rules)
        except OSError:
            self.simulator.record(self.record)
            raise
        self.close_connection |= self.upload.unread

    def _upload(self, body: object) -> bytes:
        assert self.upload is not None
        delay = self.simulator.file_rules.extract_delay
        if delay and self.upload.purpose == "file-extract":
            self.simulator.stopping.wait(delay)
        store = self.simulator.store
        return self._json(200, store.add(self._owner(), self.upload, self.simulator.next_id))

    def _files(self, body: object) -> bytes:
        return self._json(200, self.simulator.store.listing(self._owner()))

    def _file(self, body: object) -> bytes:
        return self._json(200, self.simulator.store.get(self._owner(), self.file_id).row())

    def _file_delete(self, body: object) -> bytes:
        return self._json(200, self.simulator.store.delete(self._owner(), self.file_id))

    def _file_content(self, body: object) -> bytes:
        """The text of a document, never as a whole in memory."""
        size, pieces = self.simulator.store.content(self._owner(), self.file_id)
        self.record["status"] = 200
        self.simulator.record(self.record)
        self.wfile.write(self.head(200, "text/plain", {"Content-Length": str(size)}))
        last = b""
        for piece in pieces:
            self.wfile.write(last)
            last = piece
        if self.fault.cut_after is not None:
            self.wfile.write(last[: len(last) // 2])
            raise Dropped
        return last
