"""One response body to chunks: streamed or whole, well-formed or not.

In: the bytes of the body of an answer with status 200. Out: ``chat.completion.chunk`` objects in
one form: every choice has ``index`` and ``delta``, reasoning is ``delta.reasoning_content``, tool
calls are as ``calls`` makes them. Usage is taken out of the chunks and kept in ``usage``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import StreamError
from .calls import CallFragments
from .failures import error_of
from .sse import Decoder
from .usage import normal_usage

__all__ = ["Reader", "completion_to_chunk"]

Json = dict[str, Any]


class Reader:
    """One answer. ``done`` is True once it is complete: ``[DONE]`` came, or the whole object."""

    def __init__(self, *, stream: bool, model: str = "") -> None:
        self.done = False
        self.usage: Json | None = None
        self._stream = stream
        self._model = model
        self._decoder = Decoder()
        self._whole: list[bytes] | None = None if stream else []
        self._started = False
        self._calls: dict[int, CallFragments] = {}
        self._choice_usage: dict[int, Json] = {}
        self._top_usage: Json | None = None

    def feed(self, piece: bytes) -> list[Json]:
        """The chunks that ``piece`` completes.

        Raises:
            APIError: the stream holds an error object.
            StreamError: what came is neither events nor JSON.
        """
        if self._whole is not None:
            self._whole.append(piece)
            return []
        if not self._started:
            start = piece.lstrip()
            if not start:
                return []
            self._started = True
            if start[:1] in b"{<":
                # A stream was asked for and a whole object (or a gateway's page) comes.
                self._whole = [piece]
                return []
        return self._parse(self._decode(piece))

    def finish(self) -> list[Json]:
        """The rest, at the end of the body.

        Raises:
            StreamError: the answer is not complete.
        """
        if self._whole is not None:
            return self._finish_whole(b"".join(self._whole))
        chunks = self._parse(self._decode(None)) if not self.done else []
        if not self.done:
            raise StreamError(
                "the stream ended before the answer was complete (no [DONE]): "
                "the connection was cut, or a proxy between here and Kimi ended it"
            )
        self._settle_usage()
        return chunks

    def _decode(self, piece: bytes | None) -> list[str]:
        try:
            return self._decoder.flush() if piece is None else self._decoder.feed(piece)
        except UnicodeDecodeError:
            raise StreamError("the stream holds bytes that are no UTF-8") from None

    def _parse(self, events: list[str]) -> list[Json]:
        chunks: list[Json] = []
        for event in events:
            if self.done:
                break
            if event == "[DONE]" or event.strip() == "[DONE]":
                self.done = True
                break
            try:
                parsed = json.loads(event)
            except ValueError:
                # Events that a relay has not parted by blank lines arrive as one.
                if "\n" in event:
                    chunks.extend(self._parse(event.split("\n")))
                    continue
                raise StreamError(f"an event of the stream is no JSON: {event[:120]!r}") from None
            chunk = self._chunk(parsed)
            if chunk is not None:
                chunks.append(chunk)
        return chunks

    def _finish_whole(self, body: bytes) -> list[Json]:
        try:
            parsed = json.loads(body)
        except ValueError:
            start = body.lstrip()[:15].lower()
            if start.startswith((b"<!doctype", b"<html", b"<")):
                raise StreamError(
                    "an HTML page came in place of an answer: the base URL is not an API, or a "
                    "gateway answered for it"
                ) from None
            raise StreamError("the answer is no JSON, or was cut off") from None
        if not isinstance(parsed, Mapping):
            raise StreamError("the answer is no JSON object")
        if parsed.get("error"):
            raise error_of(parsed, model=self._model)
        if not isinstance(parsed.get("choices"), list):
            raise StreamError("the answer has no choices: the base URL is not a chat API")
        chunk = self._chunk(completion_to_chunk(parsed))
        self.done = True
        self._settle_usage()
        return [] if chunk is None else [chunk]

    def _chunk(self, chunk: Any) -> Json | None:
        if not isinstance(chunk, dict):
            raise StreamError(f"an event of the stream is no object: {str(chunk)[:120]!r}")
        if chunk.get("error"):
            raise error_of(chunk, model=self._model)
        usage = chunk.pop("usage", None)
        if usage:
            self._top_usage = usage
        choices = chunk.get("choices")
        if not choices:
            return None
        for position, choice in enumerate(choices):
            self._choice(choice, position, str(chunk.get("id") or "call"))
        return chunk

    def _choice(self, choice: Json, position: int, chunk_id: str) -> None:
        index = choice.get("index")
        if index is None:
            index = choice["index"] = position
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            message = choice.pop("message", None)
            delta = choice["delta"] = message if isinstance(message, dict) else {}
        if "usage" in choice:
            usage = choice.pop("usage")
            if usage:
                self._choice_usage[index] = usage
        if "reasoning" in delta and "reasoning_content" not in delta:
            delta["reasoning_content"] = delta.pop("reasoning")  # newer vLLM servers
        finish = choice.get("finish_reason")
        if "tool_calls" in delta or (finish is not None and index in self._calls):
            calls = self._calls.get(index)
            if calls is None:
                calls = self._calls[index] = CallFragments(f"call_{chunk_id[-12:]}")
            fragments = calls.feed(delta.get("tool_calls"))
            if finish is not None:
                fragments += calls.finish()
            if fragments:
                delta["tool_calls"] = fragments
            else:
                delta.pop("tool_calls", None)

    def _settle_usage(self) -> None:
        """Top level first, else what stood at the choices; never both."""
        if self._top_usage:
            self.usage = normal_usage(self._top_usage)
        elif self._choice_usage:
            usages = [normal_usage(usage) for usage in self._choice_usage.values()]
            # Several choices share one prompt: only the answers add up.
            total = dict(usages[0])
            total["completion_tokens"] = sum(usage["completion_tokens"] for usage in usages)
            total["total_tokens"] = total["prompt_tokens"] + total["completion_tokens"]
            self.usage = total


def completion_to_chunk(completion: Mapping[str, Any]) -> Json:
    """A whole ``chat.completion`` as one chunk, so that both go the same way."""
    chunk = {key: value for key, value in completion.items() if key != "choices"}
    chunk["object"] = "chat.completion.chunk"
    chunk["choices"] = [
        {
            **{key: value for key, value in choice.items() if key != "message"},
            "delta": dict(choice.get("message") or {}),
        }
        for choice in completion["choices"]
        if isinstance(choice, Mapping)
    ]
    return chunk
