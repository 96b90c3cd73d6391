"""One response body to chunks: streamed or whole, well-formed or not.

In: the bytes of the body of an answer with status 200. Out: ``chat.completion.chunk`` objects in
one form: every choice has ``index`` and ``delta``, reasoning is ``delta.reasoning_content``, tool
calls are as ``calls`` makes them, and every choice comes to a ``finish_reason``. Usage is taken
out of the chunks and kept in ``usage``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ..errors import APIError, KimiError, StreamError
from .calls import CallFragments
from .failures import error_of, scrub
from .sse import Decoder
from .usage import normal_usage

__all__ = ["Reader", "completion_to_chunk"]

Json = dict[str, Any]
_BROKEN = object()


class Reader:
    """One answer. ``done`` is True once it is complete: ``[DONE]`` came, or the whole object.

    ``failure`` is what broke the stream after the chunks that ``feed`` gave back last.
    ``model``, ``key`` and ``trace_id`` are for the texts of errors; the key is kept out of them.
    """

    def __init__(
        self,
        *,
        stream: bool,
        model: str = "",
        key: str | None = None,
        trace_id: str | None = None,
    ) -> None:
        self.done = False
        self.usage: Json | None = None
        self.failure: KimiError | None = None
        self._stream = stream
        self._model = model
        self._key = key
        self._trace_id = trace_id
        self._decoder = Decoder()
        self._whole: list[bytes] | None = None if stream else []
        self._started = False
        self._head: Json = {}
        self._finished: dict[int, bool] = {}
        self._calls: dict[int, CallFragments] = {}
        self._choice_usage: dict[int, Json] = {}
        self._top_usage: Json | None = None

    def feed(self, piece: bytes) -> list[Json]:
        """The chunks that ``piece`` completes; look at ``failure`` after handing them on.

        Raises:
            APIError: the stream holds an error object.
            StreamError: what came is neither events nor JSON.
        """
        if self._whole is not None:
            self._whole.append(piece)
            return []
        if self.done:
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
        return self._parse(piece)

    def finish(self) -> list[Json]:
        """The rest, at the end of the body.

        Raises:
            APIError: the body holds an error object.
            StreamError: the answer is not complete.
        """
        if self._whole is not None:
            chunks = self._finish_whole(b"".join(self._whole))
        else:
            chunks = self._parse(None) if not self.done else []
            if self.failure is not None:
                raise self.failure
            if not self.done:
                raise StreamError(
                    "the stream ended before the answer was complete (no [DONE]): "
                    "the connection was cut, or a proxy between here and Kimi ended it"
                    if self._started
                    else "an empty answer came in place of a stream"
                )
        if not self._finished:
            raise StreamError("the answer has no choices: it is empty")
        self._settle_usage()
        return chunks + self._ends()

    def _parse(self, piece: bytes | None) -> list[Json]:
        """The chunks of the events that ``piece`` (None: the end) completes."""
        chunks: list[Json] = []
        try:
            events = self._decoder.flush() if piece is None else self._decoder.feed(piece)
            for event in events:
                if self.done:
                    break
                self._event(event.decode(), chunks)
        except UnicodeDecodeError:
            self.failure = StreamError("the stream holds bytes that are no UTF-8")
        except (APIError, StreamError) as error:
            self.failure = error
        if self.failure is not None and not chunks:
            raise self.failure
        return chunks

    def _event(self, event: str, chunks: list[Json]) -> None:
        parsed = _parse_json(event)
        if parsed is _BROKEN:
            text = event.strip()
            if text == "[DONE]":
                self.done = True
            elif "\n" in text:
                # Events that a relay has not parted by blank lines arrive as one.
                for line in text.split("\n"):
                    if not self.done:
                        self._event(line, chunks)
            elif text:
                shown = scrub(text, self._key)[:120]
                raise StreamError(f"an event of the stream is no JSON: {shown!r}")
            return
        if not isinstance(parsed, dict):
            shown = scrub(event, self._key)[:120]
            raise StreamError(f"an event of the stream is no object: {shown!r}")
        chunk = self._chunk(parsed)
        if chunk is not None:
            chunks.append(chunk)

    def _finish_whole(self, body: bytes) -> list[Json]:
        parsed = _parse_json(body)
        if parsed is _BROKEN:
            raise StreamError(
                "an HTML page came in place of an answer: the base URL is not an API, or a "
                "gateway answered for it"
                if body.lstrip().startswith(b"<")
                else "the answer is no JSON, or was cut off"
            )
        if not isinstance(parsed, dict):
            raise StreamError("the answer is no JSON object")
        self._check_error(parsed)
        if not isinstance(parsed.get("choices"), list):
            raise StreamError("the answer has no choices: the base URL is not a chat API")
        chunk = self._chunk(completion_to_chunk(parsed))
        self.done = True
        return [] if chunk is None else [chunk]

    def _check_error(self, parsed: Json) -> None:
        if not parsed.get("error"):
            if parsed.get("object") != "error" or "message" not in parsed:
                return
            parsed = {"error": parsed}  # vLLM servers
        raise error_of(parsed, model=self._model, key=self._key, trace_id=self._trace_id)

    def _chunk(self, chunk: Json) -> Json | None:
        usage = chunk.pop("usage", None)
        if usage and isinstance(usage, Mapping):
            self._top_usage = dict(usage)
        choices = chunk.get("choices")
        if not choices or "error" in chunk:
            self._check_error(chunk)
        if not choices or not isinstance(choices, list):
            return None
        if not self._head:
            self._head = {key: value for key, value in chunk.items() if key != "choices"}
        for position, choice in enumerate(choices):
            if not isinstance(choice, dict):
                raise StreamError("a choice of the answer is no object")
            self._choice(choice, position)
        return chunk

    def _choice(self, choice: Json, position: int) -> None:
        index = choice.get("index")
        if type(index) is not int:
            index = choice["index"] = position
        delta = choice.get("delta")
        if type(delta) is not dict:
            message = choice.pop("message", None)
            delta = choice["delta"] = message if isinstance(message, dict) else {}
        if "usage" in choice:
            usage = choice.pop("usage")
            if usage and isinstance(usage, Mapping):
                self._choice_usage[index] = dict(usage)
        if delta.get("reasoning_content") is None and "reasoning" in delta:
            delta["reasoning_content"] = delta.pop("reasoning")  # newer vLLM servers
        for name in ("content", "reasoning_content"):
            text = delta.get(name)
            if text is not None and type(text) is not str:
                delta[name] = _text(text)
        if "function_call" in delta and not isinstance(delta["function_call"], Mapping):
            del delta["function_call"]
        # Some relays have "" for null.
        finish = choice["finish_reason"] = choice.get("finish_reason") or None
        if finish is not None:
            self._finished[index] = True
        elif index not in self._finished:
            self._finished[index] = False
        if "tool_calls" in delta or (finish is not None and index in self._calls):
            self._fragments(index, delta, last=finish is not None)

    def _fragments(self, index: int, delta: Json, *, last: bool) -> None:
        calls = self._calls.get(index)
        if calls is None:
            serial = str(self._head.get("id") or uuid4().hex)[-12:]
            calls = self._calls[index] = CallFragments(f"call_{serial}")
        fragments = calls.feed(delta.get("tool_calls"))
        if last:
            fragments += calls.finish()
        if fragments:
            delta["tool_calls"] = fragments
        else:
            delta.pop("tool_calls", None)

    def _ends(self) -> list[Json]:
        """The end of each choice that the server did not give one, and calls that came late."""
        choices: list[Json] = []
        for index, finished in self._finished.items():
            calls = self._calls.get(index)
            fragments = calls.finish() if calls is not None else []
            if finished and not fragments:
                continue
            reason = "tool_calls" if calls is not None and calls.started else "stop"
            choices.append(
                {
                    "index": index,
                    "delta": {"tool_calls": fragments} if fragments else {},
                    "finish_reason": None if finished else reason,
                }
            )
        return [{**self._head, "choices": choices}] if choices else []

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


def _parse_json(text: str | bytes) -> Any:
    """The value, or ``_BROKEN``: an error raised meanwhile would carry the text in its context."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _BROKEN


def _text(content: Any) -> str:
    """The text of a list of content parts; nothing for what is no text at all."""
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, Mapping))
    return "".join(text for text in texts if isinstance(text, str))


def completion_to_chunk(completion: Mapping[str, Any]) -> Json:
    """A whole ``chat.completion`` as one chunk, so that both go the same way."""
    chunk = {key: value for key, value in completion.items() if key != "choices"}
    chunk["object"] = "chat.completion.chunk"
    chunk["choices"] = [
        {
            **{key: value for key, value in choice.items() if key != "message"},
            "delta": dict(message) if isinstance(message := choice.get("message"), Mapping) else {},
        }
        for choice in completion["choices"]
        if isinstance(choice, Mapping)
    ]
    return chunk
