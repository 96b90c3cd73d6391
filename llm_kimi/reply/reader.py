"""One response body to chunks: streamed or whole, well-formed or not.

In: the bytes of the body of an answer with status 200. Out: ``chat.completion.chunk`` objects in
one form: every choice has ``index`` and ``delta``, reasoning is ``delta.reasoning_content``, tool
calls are as ``calls`` makes them, and every choice comes to a ``finish_reason``. Usage is taken
out of the chunks and kept in ``usage``. What a field may hold is in ``shapes``: no JSON of a server
ends in another error than ``APIError`` or ``StreamError``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

from ..errors import APIError, KimiError, StreamError
from .api_errors import error_of
from .chunk_fields import (
    HEAD_FIELDS,
    MAX_CHOICES,
    PLAIN_DELTA,
    as_choices,
    choice_index,
    completion_to_chunk,
    delta_of,
    finish_reason_of,
    head_of,
    settle_delta,
    token_probabilities,
)
from .chunks import Choice, Chunk, Delta, Usage
from .json_values import BROKEN, ESCAPED_HALF, as_text, join_halves, mended, only_counts, parse_json
from .plain_chunks import PlainChunks
from .safe_text import one_line, scrub
from .sse import MAX_BYTES, Decoder, too_long
from .tool_calls import CallFragments
from .usage import normal_usage

__all__ = ["Reader"]

Json = dict[str, Any]
_LONE = "\ufffd"
_NO_HEAD: Chunk = {"choices": []}


class Reader:
    """One answer. ``done`` is True once it is complete: ``[DONE]`` came, or the whole object.

    ``failure`` is what broke the stream after the chunks that ``feed`` gave back last; ``empty``
    is True when ``finish`` failed because nothing of an answer came. ``complete`` is True once
    nothing is missing but ``[DONE]``: every choice has ended, and the usage, which comes last, is
    there. ``cut`` is True when such an answer ended without ``[DONE]``.
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
        self.empty = False
        self.complete = False
        self.cut = False
        self.usage: Usage | None = None
        self.failure: KimiError | None = None
        self._stream = stream
        self._model = model
        self._key = key
        self._trace_id = trace_id
        self._decoder = Decoder()
        self._plain = PlainChunks()
        self._whole: list[bytes] | None = None if stream else []
        self._size = 0
        self._started = False
        self._head = _NO_HEAD
        self._finished: dict[int, bool] = {}
        self._calls: dict[int, CallFragments] = {}
        self._choice_usage: dict[int, Json] = {}
        self._top_usage: Json | None = None
        # The event names half of a surrogate pair, so its strings have to be looked through.
        self._escaped = False
        # Half a pair at the end of a text, by choice and field: its other half comes next.
        self._halves: dict[tuple[int, str], str] = {}

    @property
    def heard(self) -> bool:
        """Whether anything of an answer came: an event, or a byte of a body."""
        return self._decoder.heard or bool(self._whole)

    def feed(self, piece: bytes) -> list[Chunk]:
        """The chunks that ``piece`` completes; look at ``failure`` after handing them on.

        Raises:
            APIError: the stream holds an error object.
            StreamError: what came is neither events nor JSON, or more than anybody can use.
        """
        if self._whole is not None:
            self._size += len(piece)
            if self._size > MAX_BYTES:
                raise too_long("the answer")
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
                self._whole = []
                return self.feed(piece)
        return self._parse(piece)

    def finish(self) -> list[Chunk]:
        """The rest, at the end of the body.

        Raises:
            APIError: the body holds an error object.
            StreamError: the answer is not complete.
        """
        if self._whole is not None:
            chunks = self._finish_whole(b"".join(self._whole))
        else:
            chunks = [] if self.done else self._finish_stream()
        if not self._finished:
            self.empty = True
            raise StreamError("the answer has no choices: it is empty")
        self._settle_usage()
        return chunks + self._ends()

    def _finish_stream(self) -> list[Chunk]:
        """What the end of the body leaves of a stream that had no ``[DONE]`` in a whole event."""
        complete = self.complete
        try:
            chunks = self._parse(None)
        except KimiError:
            chunks = []
        if self.done:
            return chunks
        if complete:
            # Half a goodbye: the answer was whole before it.
            self.failure, self.cut = None, True
            return chunks
        if self.failure is not None:
            raise self.failure
        if self.complete:
            self.cut = True
            return chunks
        self.empty = not self._decoder.heard
        raise StreamError(
            "an empty answer came in place of a stream"
            if self.empty
            else "the stream ended before the answer was complete (no [DONE]): "
            "the connection was cut, or a proxy between here and Kimi ended it"
        )

    def _parse(self, piece: bytes | None) -> list[Chunk]:
        """The chunks of the events that ``piece`` (None: the end) completes."""
        chunks: list[Chunk] = []
        try:
            events = self._decoder.flush() if piece is None else self._decoder.feed(piece)
            for event in events:
                if self.done:
                    break
                self._event(event.decode(), chunks)
        except UnicodeDecodeError:
            self.failure = StreamError("the stream contains bytes that are not UTF-8")
        except (APIError, StreamError) as error:
            self.failure = error
        if self.failure is not None and not chunks:
            raise self.failure
        return chunks

    def _event(self, event: str, chunks: list[Chunk]) -> None:
        chunk = None if self._halves else self._plain.chunk(event)
        if chunk is not None:
            chunks.append(chunk)
            return
        parsed = parse_json(event)
        if type(parsed) is dict:
            self._escaped = "\\u" in event and ESCAPED_HALF.search(event) is not None
            chunk = self._chunk(parsed)
            if chunk is not None:
                chunks.append(chunk)
                self._plain.learn(event, chunk, self._head)
            return
        text = event.strip()
        if text == "[DONE]":
            self.done = True
        elif parsed is not BROKEN:
            raise StreamError(f"an event of the stream is not an object: {self._shown(text)!r}")
        elif "\n" in text:
            # Events that a relay has not parted by blank lines arrive as one.
            for line in text.split("\n"):
                if not self.done:
                    self._event(line, chunks)
        elif text:
            raise StreamError(f"an event of the stream is not valid JSON: {self._shown(text)!r}")

    def _shown(self, text: str) -> str:
        return scrub(one_line(text[:1000]), self._key)[:120]

    def _finish_whole(self, body: bytes) -> list[Chunk]:
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise StreamError("the answer contains bytes that are not UTF-8") from None
        text = text.strip("\ufeff \t\r\n")
        parsed = parse_json(text)
        if parsed is BROKEN:
            self.empty = not text
            raise StreamError(
                "an HTML page came in place of an answer: the base URL is not an API, or a "
                "gateway answered for it"
                if text.startswith("<")
                else "an empty answer came"
                if self.empty
                else "the answer is not valid JSON, or was cut off"
            )
        if not isinstance(parsed, dict):
            raise StreamError("the answer is not a JSON object")
        self._check_error(parsed)
        if not isinstance(parsed.get("choices"), (list, dict)):
            raise StreamError("the answer has no choices: the base URL is not a chat API")
        self._escaped = ESCAPED_HALF.search(text) is not None
        chunk = self._chunk(completion_to_chunk(parsed))
        self.done = True
        return [] if chunk is None else [chunk]

    def _check_error(self, parsed: Json) -> None:
        if not parsed.get("error"):
            if parsed.get("object") != "error" or "message" not in parsed:
                return
            parsed = {"error": parsed}  # vLLM servers
        raise error_of(parsed, model=self._model, key=self._key, trace_id=self._trace_id)

    def _chunk(self, parsed: Json) -> Chunk | None:
        usage = parsed.get("usage")
        if usage and isinstance(usage, Mapping):
            self._top_usage = only_counts(mended(usage)) or self._top_usage
            self._look_for_end()
        choices = parsed.get("choices")
        if not choices or "error" in parsed:
            self._check_error(parsed)
        if type(choices) is not list:
            choices = as_choices(choices)
        if not choices:
            return None
        if self._head is _NO_HEAD:
            self._head = head_of(parsed)
        for position, choice in enumerate(choices):
            if not isinstance(choice, dict):
                raise StreamError("a choice of the answer is not an object")
            self._choice(choice, position)
        chunk: Any = {**self._head, "choices": choices}
        if not HEAD_FIELDS.issuperset(parsed):
            for name in parsed.keys() - HEAD_FIELDS:
                chunk[name] = parsed[name]
        if self._escaped:
            chunk = mended(chunk)
        return cast("Chunk", chunk)

    def _choice(self, choice: Any, position: int) -> None:
        index = choice.get("index")
        if type(index) is not int or not 0 <= index < MAX_CHOICES:
            index = choice["index"] = choice_index(index, position)
        delta = choice.get("delta")
        if type(delta) is not dict:
            delta = choice["delta"] = delta_of(choice)
        if not PLAIN_DELTA.issuperset(delta):
            settle_delta(delta)
        for name in ("content", "reasoning_content"):
            text = delta.get(name)
            if text is not None:
                if type(text) is not str:
                    text = delta[name] = as_text(text)
                if self._escaped or self._halves:
                    self._join(index, name, delta)
        calls = self._calls.get(index) if self._calls else None
        finish = choice.get("finish_reason")
        if finish is not None:
            called = calls is not None and calls.started > 0
            finish = finish_reason_of(finish, called=called or "tool_calls" in delta)
        choice["finish_reason"] = finish
        if len(choice) > 3:
            self._settle_choice(choice, index)
        if finish is not None:
            self._finished[index] = True
            self._look_for_end()
            if self._halves:
                self._join_ends(index, delta)
        elif index not in self._finished:
            self._finished[index] = self.complete = False
        if "tool_calls" in delta or (finish is not None and calls is not None):
            self._fragments(index, delta, last=finish is not None)

    def _look_for_end(self) -> None:
        ended = bool(self._finished) and all(self._finished.values())
        self.complete = ended and bool(self._top_usage or self._choice_usage)

    def _settle_choice(self, choice: Json, index: int) -> None:
        """The fields that few chunks have."""
        if "usage" in choice:
            usage = choice.pop("usage")
            if isinstance(usage, Mapping) and (counts := only_counts(mended(usage))):
                self._choice_usage[index] = counts
                choice["usage"] = normal_usage(counts)
                self._look_for_end()
        if choice.get("logprobs") is not None:
            choice["logprobs"] = token_probabilities(choice["logprobs"])

    def _join(self, index: int, name: str, delta: Json) -> None:
        """Join halves of surrogate pairs, also one that has waited since the last piece."""
        text = delta[name]
        if text:
            waiting = self._halves.pop((index, name), "")
            delta[name], waiting = join_halves(waiting + text)
            if waiting:
                self._halves[index, name] = waiting

    def _join_ends(self, index: int, delta: Any) -> None:
        """Halves whose other half will not come any more."""
        for name in ("content", "reasoning_content"):
            if self._halves.pop((index, name), ""):
                delta[name] = (delta.get(name) or "") + _LONE

    def _fragments(self, index: int, delta: Delta, *, last: bool) -> None:
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

    def _ends(self) -> list[Chunk]:
        """The end of each choice that the server did not give one, and what came late."""
        choices: list[Choice] = []
        for index, finished in self._finished.items():
            calls = self._calls.get(index)
            delta: Delta = {}
            self._join_ends(index, delta)
            fragments = calls.finish() if calls is not None else []
            if fragments:
                delta["tool_calls"] = fragments
            if finished and not delta:
                continue
            reason = "tool_calls" if calls is not None and calls.started else "stop"
            choices.append(
                {"index": index, "delta": delta, "finish_reason": None if finished else reason}
            )
        return [{**self._head, "choices": choices}] if choices else []

    def _settle_usage(self) -> None:
        """Top level first, else what stood at the choices; never both."""
        if self._top_usage:
            self.usage = normal_usage(self._top_usage)
        elif self._choice_usage:
            usages = [normal_usage(usage) for usage in self._choice_usage.values()]
            # Several choices share one prompt: only the answers add up.
            total = usages[0].copy()
            total["completion_tokens"] = sum(usage["completion_tokens"] for usage in usages)
            total["total_tokens"] = total["prompt_tokens"] + total["completion_tokens"]
            self.usage = total
