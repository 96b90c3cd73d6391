"""One file of a request: read, looked at, and what becomes of it."""

from __future__ import annotations

import base64
import os
import re
from typing import Any, Literal

from ..catalog import Model
from ..errors import APIError, InvalidRequestError
from ..exchange import Steps, Work
from ..kinds import PDF
from ..translation import Attached, Need, Translation
from ..translation.media import INLINE_TOTAL, LARGE_IMAGE, check_modality
from .documents import document_text, extracted_text, one_line
from .placing import medium, medium_url
from .sources import Loaded, attached_of, load, url_of
from .uploads import Bringing, Stage

__all__ = ["Inline", "Item", "is_file_id"]

Json = dict[str, Any]

_MEDIA: tuple[Literal["image", "video"], ...] = ("image", "video")


def is_file_id(text: str) -> bool:
    """Whether ``text`` can be an id: no path, no query."""
    return re.fullmatch(r"[A-Za-z0-9._-]+", text) is not None and text.strip(".") != ""


class Item:
    """One need on its way: what it is, and what stands in its place in the end."""

    def __init__(self, stage: Stage, need: Need) -> None:
        self.need = need
        self.url = url_of(need)
        self.loaded: Loaded | None = None
        self.bringing: Bringing | None = None
        self.part: Json | None = None
        self.text: str | None = None
        self.told: str | None = None
        self._stage = stage

    @property
    def where(self) -> str:
        """Its name in error texts."""
        return "attachment" if isinstance(self.need.value, Attached) else self.need.param

    def steps(self) -> Steps:
        """Read it, from wherever it is."""
        try:
            if self.url is not None and self.url.startswith("ms://"):
                yield from self._look_at_remote(self.url[5:])
            else:
                self.loaded = yield Work(self._load)
        except InvalidRequestError as error:
            raise InvalidRequestError(one_line(error.message), param=self.where) from None

    def _load(self, stopped: Any) -> Loaded:
        expected: Literal["image", "video"] | None = None
        if self.need.kind != "file":
            expected = "image" if self.need.kind.startswith("image") else "video"
        attached, stage = attached_of(self.need), self._stage
        if attached.sha256 is not None:
            # What the conversation has seen; the file may be gone or changed by now.
            entry = stage.cache.get(stage.account, attached.sha256, "file-extract")
            if entry is not None and entry.text is not None:
                name = attached.name or entry.filename
                return Loaded(name, "document", "", entry.size, sha256=attached.sha256)
            if attached.path is not None and not os.path.exists(attached.path):
                for kind in _MEDIA:
                    entry = stage.cache.get(stage.account, attached.sha256, kind)
                    if entry is not None and entry.remote_id is not None:
                        loaded = Loaded(entry.filename, kind, "", entry.size)
                        loaded.sha256, loaded.path = attached.sha256, attached.path
                        return loaded
        return load(
            attached,
            expected,
            known=stage.cache.known,
            stopped=stopped,
            on_bytes=stage.moved,
        )

    def _look_at_remote(self, file_id: str) -> Steps:
        """A file that the caller has uploaded: its purpose says what to do with it."""
        remote = self._stage.remote
        if not is_file_id(file_id):
            raise InvalidRequestError(f"{file_id[:60]!r} is no id of a file at Kimi")
        try:
            found = yield from remote.retrieve(file_id)
            purpose = found.get("purpose")
            if purpose in ("image", "video"):
                self.part = medium(str(purpose), f"ms://{file_id}")
                return
            if purpose == "file-extract":
                name = attached_of(self.need).name or str(found.get("filename") or file_id)
                text = extracted_text((yield from remote.content(file_id)))
                self.loaded = Loaded(name, "text", "text/plain", len(text), text=text)
                return
        except APIError as error:
            if error.status not in (400, 404):
                raise
            raise InvalidRequestError(
                f"this Kimi account has no file {file_id}: upload it there first (llm kimi files "
                "upload), or send the file itself"
            ) from None
        raise InvalidRequestError(
            f"the file {file_id} was uploaded for {purpose}, it cannot be put into a message"
        )

    def decide(self, model: Model, name: str, inline: Inline) -> None:
        """What becomes of it, now that it is known what it is."""
        loaded = self.loaded
        if self.part is not None:
            check_modality(model, self.part["type"].removesuffix("_url"), self.where)
        if loaded is None:
            return
        if loaded.kind in ("image", "video"):
            check_modality(model, loaded.kind, self.where)
        if self.url is not None and loaded.mime == PDF and self.where != "attachment":
            self.told = (
                f"{self.where}: its text is sent (Kimi reads the text of a document: pictures in "
                "it are not seen)"
            )
        if loaded.kind == "text":
            self._check_length(loaded, model, name)
            self.text = document_text(loaded.name, loaded.text or "")
        elif loaded.kind == "image" and loaded.data is not None and inline.takes(loaded):
            self._put_inline(loaded)

    def _put_inline(self, loaded: Loaded) -> None:
        data = base64.b64encode(loaded.data or b"").decode()
        self.part = medium(loaded.kind, f"data:{loaded.mime};base64,{data}")

    def _check_length(self, loaded: Loaded, model: Model, name: str) -> None:
        """A token holds fewer than 16 bytes of any text that people write."""
        if loaded.size > model.context * 16:
            raise InvalidRequestError(
                f"{loaded.name} has {loaded.size / 1024 / 1024:.0f} MB of text, more than {name} "
                f"reads at once ({model.context:,} tokens): send the part that matters",
                param=self.where,
            )

    @property
    def open(self) -> bool:
        """Whether it has to be uploaded, or found in the cache."""
        return self.part is None and self.text is None

    def settle(self) -> None:
        """Take over what the upload, or the cache, gave."""
        bringing = self.bringing
        if bringing is None:
            return
        if bringing.purpose == "file-extract":
            self.text = document_text(bringing.loaded.name, bringing.text or "")
        elif bringing.inline:
            self._put_inline(bringing.loaded)
        else:
            self.part = medium(bringing.purpose, f"ms://{bringing.remote_id}")


class Inline:
    """How many bytes of images may still go inline in a request."""

    def __init__(self, translation: Translation) -> None:
        waiting = {(need.message, need.part) for need in translation.needs}
        self._left = INLINE_TOTAL
        for number, message in enumerate(translation.body["messages"]):
            content = message.get("content")
            for place, part in enumerate(content if isinstance(content, list) else ()):
                if part.get("type") == "image_url" and (number, place) not in waiting:
                    self._left -= len(medium_url(part)) * 3 // 4

    def takes(self, loaded: Loaded) -> bool:
        """Whether this one does."""
        if loaded.size > LARGE_IMAGE or loaded.size > self._left:
            return False
        self._left -= loaded.size
        return True
