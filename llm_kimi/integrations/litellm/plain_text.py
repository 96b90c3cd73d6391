"""Chunks that are a piece of text and nothing else, as nearly all of a stream are.

LiteLLM spends far more on a chunk than reading it takes. So pieces that came in one read go on as
one chunk (``together``), and from LiteLLM 1.90 on they go on as its own objects, which it hands
out as they are (``Direct``). Either is left alone where a chunk holds anything else.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from litellm.litellm_core_utils.llm_response_utils.get_api_base import get_api_base
from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices

from ...reply.chunks import Choice, Chunk
from ...reply.chunks import Delta as ChunkDelta
from .versions import hands_out_chunks

__all__ = ["Direct", "text_of", "together"]

Json = dict[str, Any]

_HEAD = frozenset({"id", "object", "created", "model", "choices", "system_fingerprint"})
_CHOICE = frozenset({"index", "delta", "finish_reason"})
_TEXTS = frozenset({"content", "reasoning_content"})


def text_of(chunk: Chunk) -> tuple[str, str] | None:
    """The field and the text of a chunk that is a piece of text of its one choice, else None."""
    choices = chunk["choices"]
    if len(choices) != 1 or not _HEAD.issuperset(chunk):
        return None
    choice = choices[0]
    delta = choice["delta"]
    if len(delta) != 1 or choice["index"] or choice.get("finish_reason") is not None:
        return None
    if not _CHOICE.issuperset(choice):
        return None
    ((field, text),) = delta.items()
    return (field, text) if field in _TEXTS and text and isinstance(text, str) else None


def together(chunks: list[Chunk]) -> Iterator[Chunk]:
    """``chunks`` of one read, pieces of the same text in a row as one of them.

    A piece that repeats the one before it stays alone: by many of them in a row LiteLLM knows a
    model that is stuck.
    """
    if len(chunks) == 1:
        yield from chunks
        return
    texts: list[str] = []
    first: Chunk = {"choices": []}
    field = last = ""
    for chunk in chunks:
        found = text_of(chunk)
        if found is not None and texts and found[0] == field and found[1] != last:
            last = found[1]
            texts.append(last)
            continue
        if texts:
            yield _joined(first, field, texts)
            texts = []
        if found is None:
            yield chunk
        else:
            first, (field, last) = chunk, found
            texts = [last]
    if texts:
        yield _joined(first, field, texts)


def _joined(first: Chunk, field: str, texts: list[str]) -> Chunk:
    if len(texts) == 1:
        return first
    choice: Choice = {**first["choices"][0], "delta": _delta(field, "".join(texts))}
    return {**first, "choices": [choice]}


def _delta(field: str, text: str) -> ChunkDelta:
    return {"content": text} if field == "content" else {"reasoning_content": text}


class Direct:
    """Pieces of text of one stream as LiteLLM's wrapper would make them of its other chunks.

    The wrapper chooses the time of creation with its first chunk and does not tell it; what
    happens before and after says which second it was. Where it may be either of two, and where
    LiteLLM would change the text, everything goes the other way.
    """

    def __init__(self, model: str, logging: Any) -> None:
        details = getattr(logging, "model_call_details", None) or {}
        params = details.get("litellm_params") or {}
        self._model = model
        self._logging = logging
        self._on = (
            hands_out_chunks()
            and logging is not None
            and not params.get("merge_reasoning_content_in_choices")
        )
        self._before = 0.0
        self._created = 0
        self._last: tuple[str, str] | None = None
        self._hidden: Json = {
            "custom_llm_provider": details.get("custom_llm_provider"),
            "model_id": (params.get("model_info") or {}).get("id"),
            "api_base": get_api_base(model=model, optional_params=params) if self._on else None,
            "additional_headers": {},
            "response_cost": None,
        }

    def begins(self) -> None:
        """The first chunk is about to go the other way."""
        self._before = self._before or time.time()

    def has_begun(self, speaks: bool) -> None:
        """A chunk has gone the other way; ``speaks``: LiteLLM has handed it out."""
        if not self._created and self._on:
            handed = getattr(self._logging, "completion_start_time", None)
            after = handed.timestamp() if handed is not None else 0.0
            if after < self._before:  # it is of an attempt before this one, or not there
                after = time.time()
            self._on = int(self._before) == int(after)
            self._created = int(self._before) if speaks else 0

    def chunk(self, chunk: Chunk) -> ModelResponseStream | None:
        """LiteLLM's object for a piece of text; None where it has to go the other way."""
        if not self._on:
            return None
        text, last = text_of(chunk), self._last
        self._last = text
        # A piece that repeats the one before it is for LiteLLM to look at; see ``together``.
        if text is None or text == last or not self._created:
            return None
        name = chunk.get("id")
        if not isinstance(name, str) or not name.strip():
            return None
        field, content = text
        choice = StreamingChoices(delta=Delta(provider_specific_fields=None, **{field: content}))
        whole = ModelResponseStream(
            id=name,
            created=self._created,
            model=self._model,
            system_fingerprint=chunk.get("system_fingerprint"),
            choices=[choice],
            citations=None,
        )
        whole._hidden_params = {
            "received_model_id": name,
            "created_at": time.time(),
            **self._hidden,
        }
        return whole
