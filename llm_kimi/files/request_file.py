"""One file of a request: read, looked at, and what becomes of it."""

from __future__ import annotations

import base64
import re
from typing import Any, Literal

from ..catalog import Model
from ..errors import APIError, InvalidRequestError
from ..exchange import Steps, Work
from ..sniff.mime_types import PDF
from ..translation import Attached, AttachedFile, Need, Translation, medium_of
from ..translation.messages.media import INLINE_TOTAL, LARGE_IMAGE, check_modality
from .document_text import document_text, extracted_text, missing_text, one_line
from .load import GoneError, Kind, Loaded, attached_of, load, url_of
from .parts import medium, medium_url
from .store.cache import Purpose
from .upload import FileUpload, UploadContext

__all__ = ["InlineBudget", "RequestFile", "is_file_id"]

Json = dict[str, Any]

_MEDIA: tuple[Literal["image", "video"], ...] = ("image", "video")


def is_file_id(text: str) -> bool:
    """Whether ``text`` can be an id: no path, no query."""
    return re.fullmatch(r"[A-Za-z0-9._-]+", text) is not None and text.strip(".") != ""


class RequestFile:
    """One need on its way: what it is, and what stands in its place in the end.

    ``lost``: it belongs to an earlier turn and cannot be had any more, so that a line stands there
    and ``told`` says why. In ``strict`` mode that is an error, as it is for the newest turn.
    """

    def __init__(self, context: UploadContext, need: Need, *, strict: bool = False) -> None:
        self._attached = need.value if isinstance(need, AttachedFile) else None
        self.turn = self._attached.turn if self._attached is not None else None
        self.may_be_lost = self.turn is not None and not strict
        self.lost = False
        self.need = need
        self.url = url_of(need)
        self.loaded: Loaded | None = None
        self.upload: FileUpload | None = None
        self.part: Json | None = None
        self.text: str | None = None
        self.told: str | None = None
        self._context = context

    @property
    def where(self) -> str:
        """Its name in error texts."""
        if self._attached is None:
            return self.need.param
        return "attachment" if self.turn is None else f"attachment of turn {self.turn}"

    def steps(self) -> Steps:
        """Read it, from wherever it is."""
        try:
            if self.url is not None and self.url.startswith("ms://"):
                yield from self._look_at_remote(self.url[5:])
            else:
                self.loaded = yield from Work(self._load)
        except InvalidRequestError as error:
            self.lose(error)

    def lose(self, error: InvalidRequestError) -> None:
        """Put a line in its place.

        Raises:
            InvalidRequestError: ``error``, where a file must not be lost.
        """
        why = one_line(error.message)
        if not self.may_be_lost:
            if self.turn is not None:
                why += " (strict mode: without it, the conversation goes on without this file)"
            raise InvalidRequestError(why, param=self.where) from None
        name = self._attached.name if self._attached is not None else ""
        if self.loaded is not None:
            name = self.loaded.name
        text = missing_text(name, gone=isinstance(error, GoneError))
        self.part = {"type": "text", "text": text}
        self.told = f"{self.where}: {why}; a line in its place tells the model"
        self.lost = True

    def _load(self, stopped: Any) -> Loaded:
        attached, context = attached_of(self.need), self._context
        text = self._kept(attached, "file-extract")
        if text is not None:
            return text
        try:
            return load(
                attached,
                medium_of(self.need),
                known=context.cache.known,
                stopped=stopped,
                on_bytes=context.moved,
            )
        except InvalidRequestError:
            for kind in _MEDIA:
                if (medium := self._kept(attached, kind)) is not None:
                    return medium
            raise

    def _kept(self, attached: Attached, purpose: Purpose) -> Loaded | None:
        """What Kimi was given of this file in an earlier turn. The file may have changed since."""
        if attached.turn is None or attached.sha256 is None:
            return None
        entry = self._context.cache.get(self._context.account, attached.sha256, purpose)
        if entry is None or (entry.text if purpose == "file-extract" else entry.remote_id) is None:
            return None
        kind: Kind = "document" if purpose == "file-extract" else purpose
        name = attached.name or entry.filename
        return Loaded(name, kind, "", entry.size, sha256=attached.sha256)

    def _look_at_remote(self, file_id: str) -> Steps:
        """A file that the caller has uploaded: its purpose says what to do with it."""
        remote = self._context.remote
        if not is_file_id(file_id):
            raise InvalidRequestError(f"{file_id[:60]!r} is not the id of a file at Kimi")
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
            raise GoneError(
                f"this Kimi account has no file {file_id}: upload it there first (llm kimi files "
                "upload), or send the file itself"
            ) from None
        raise InvalidRequestError(
            f"the file {file_id} was uploaded for {purpose}, it cannot be put into a message"
        )

    def decide(self, model: Model, name: str, inline: InlineBudget) -> None:
        """What becomes of it, now that it is known what it is."""
        try:
            if not self.lost:
                self._decide(model, name, inline)
        except InvalidRequestError as error:
            self.lose(error)

    def _decide(self, model: Model, name: str, inline: InlineBudget) -> None:
        loaded = self.loaded
        if self.part is not None:
            check_modality(model, self.part["type"].removesuffix("_url"), self.where)
        if loaded is None:
            return
        if loaded.kind in ("image", "video"):
            check_modality(model, loaded.kind, self.where)
        if self.url is not None and loaded.mime == PDF and self._attached is None:
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
        upload = self.upload
        if upload is None:
            return
        if upload.lost is not None:
            self.lose(upload.lost)
        elif upload.purpose == "file-extract":
            self.text = document_text(upload.loaded.name, upload.text or "")
        elif upload.inline:
            self._put_inline(upload.loaded)
        else:
            self.part = medium(upload.purpose, f"ms://{upload.remote_id}")


class InlineBudget:
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
