"""One conversation with the API, as a generator that does no I/O.

``Exchange.steps`` yields what it needs (``Call``, ``Read``, ``Wait``, ``Fork``, ``FileCall``,
``Work``) and what it has (``Chunks``, ``Notice``); a carrier performs the former and sends the
result back, and hands the latter on. One body of logic serves sync and async, like httpx's
``Auth.auth_flow``.

What it decides: retries, the tool_choice fallback, several choices, when an answer is complete.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias
from urllib.parse import quote

from .errors import APIConnectionError, APIError, InvalidRequestError, KimiError
from .reply import Collector, Reader, Restorer, add_usage, api_error
from .reply.failures import is_retryable, retry_delay
from .reply.waits import waiting_text
from .translation import WAYS_OUT, Translation

__all__ = [
    "NUDGE",
    "Answer",
    "Call",
    "Chunks",
    "Exchange",
    "Failed",
    "FileCall",
    "Files",
    "Fork",
    "Notice",
    "Read",
    "Step",
    "Steps",
    "Stepwise",
    "Target",
    "Upload",
    "Wait",
    "Waiting",
    "Work",
    "pause_before_retry",
    "wait_for_retry",
]

Json = dict[str, Any]

NUDGE = "Please select a tool to handle the current issue."
"""The words of Moonshot's guide for migrating from OpenAI."""

ROUND_BREAK = "\n\n"
"""Between what came before the nudge and what came after it."""

MAX_RETRIES = 2
LONGEST_WAIT = 60.0
"""Seconds. A server that wants more than this gets no retry: the caller should know."""

AT_ONCE = 4
"""How many of several choices are asked for at the same time."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where an exchange goes, as far as its error texts need it. ``key`` is never shown."""

    base_url: str = ""
    key_source: str = ""
    key: str | None = None

    def __repr__(self) -> str:
        return f"Target(base_url={self.base_url!r}, key_source={self.key_source!r})"


@dataclass(slots=True)
class Call:
    """Post ``body`` to ``/chat/completions``. Result: an ``Answer`` or ``Failed``."""

    body: Json


@dataclass(slots=True)
class Answer:
    """The head of an answer. ``headers`` finds names in lower case; the body is in ``stream``,
    which belongs to the carrier, or all of it already in ``body``."""

    status: int
    headers: Mapping[str, str]
    stream: Any = None
    body: bytes = b""


@dataclass(slots=True)
class Failed:
    """A step that failed in the network. ``retryable``: nothing can have been generated yet."""

    error: APIConnectionError
    retryable: bool


@dataclass(slots=True)
class Read:
    """Read on. Result: bytes, ``b""`` at the end, or ``Failed``."""

    answer: Answer


@dataclass(slots=True)
class Wait:
    """Sleep for ``seconds``. Result: None."""

    seconds: float


@dataclass(slots=True)
class Upload:
    """What ``FileCall`` sends: ``open`` gives the bytes anew for each try, ``size`` of them, and
    closes what it gave before.

    Whoever performs it sets ``stopped``, which is asked while the bytes are read, and ``answer``
    where one came after the step had failed (its task was cancelled).
    """

    purpose: str
    filename: str
    content_type: str
    size: int
    open: Callable[[Upload], io.RawIOBase]
    stopped: Callable[[], bool] | None = None
    answer: Answer | None = None


_FILE_ROUTES = {
    "upload": ("POST", "/files"),
    "list": ("GET", "/files"),
    "retrieve": ("GET", "/files/{}"),
    "content": ("GET", "/files/{}/content"),
    "delete": ("DELETE", "/files/{}"),
}


@dataclass(slots=True)
class FileCall:
    """A call of the files API. Result: an ``Answer`` with its ``body``, or ``Failed``.

    ``cleaning``: it takes back what a failed attempt has left, so it is done even when nobody
    waits for the result any more.
    """

    action: Literal["upload", "list", "retrieve", "content", "delete"]
    file_id: str = ""
    upload: Upload | None = None
    cleaning: bool = False

    @property
    def method(self) -> str:
        """The HTTP method."""
        return _FILE_ROUTES[self.action][0]

    @property
    def path(self) -> str:
        """The path below the base URL."""
        return _FILE_ROUTES[self.action][1].format(quote(self.file_id, safe=""))


@dataclass(slots=True)
class Work:
    """Call ``function``, which may block (disk, DNS). Result: what it returns or raises.

    It is handed a function that says whether anybody still waits for it.
    """

    function: Callable[[Callable[[], bool]], Any]


class Stepwise(Protocol):
    """What a carrier can perform."""

    def steps(self) -> Steps:
        """The generator to drive."""


@dataclass(slots=True)
class Fork:
    """Perform the steps of ``branches``, a few at a time, and hand on what they have.

    ``patience``: seconds to wait for the others to clean up when one of them fails.
    """

    branches: Sequence[Stepwise]
    at_once: int = AT_ONCE
    patience: float = 0.0


@dataclass(slots=True)
class Chunks:
    """Pieces of the reply for the caller, in the shape of ``chat.completion.chunk``."""

    chunks: list[Json]


@dataclass(slots=True)
class Notice:
    """Something the caller should be told, in one line."""

    text: str


@dataclass(slots=True)
class Waiting(Notice):
    """A notice of the moment: the next try comes in ``seconds``. Nothing of the reply changes."""

    seconds: float


Step: TypeAlias = Call | Read | Wait | Fork | FileCall | Work | Chunks | Notice
Steps: TypeAlias = Generator[Step, Any, None]


class Files(Protocol):
    """What an exchange asks to bring files where they can be read; see ``llm_kimi.files``."""

    def prepare(self, translation: Translation) -> Generator[Step, Any, Json]:
        """The body with every need of ``translation`` met."""

    def repair(self, error: APIError, body: Json) -> Generator[Step, Any, Json | None]:
        """Another body, when ``error`` came since a file is gone that ``body`` names."""

    def release(self) -> Steps:
        """Delete what was uploaded for this exchange alone."""


def pause_before_retry(
    error: KimiError, again: bool, attempt: int, max_retries: int, jitter: float
) -> float:
    """Seconds to wait before trying again after try number ``attempt`` (from 0).

    Raises:
        KimiError: ``error``, when it is not to be tried again.
    """
    told = error if isinstance(error, APIError) else None
    too_long = told is not None and (told.retry_after or 0) > LONGEST_WAIT
    if not again or attempt >= max_retries or too_long:
        raise error
    return retry_delay(told, attempt, jitter)


def wait_for_retry(
    error: KimiError, again: bool, attempt: int, max_retries: int, jitter: float
) -> Steps:
    """Wait as ``pause_before_retry`` says, and say so where somebody would wonder.

    Raises:
        KimiError: ``error``, when it is not to be tried again.
    """
    seconds = pause_before_retry(error, again, attempt, max_retries, jitter)
    text = waiting_text(error, seconds, attempt, max_retries)
    if text is not None:
        yield Waiting(text, seconds)
    yield Wait(seconds)


class Exchange:
    """One translated request on its way. Use it once.

    ``completion`` is the whole answer after the last step, in the shape of ``chat.completion``
    and in the caller's form; ``notices`` are the lines told on the way; ``trace_id`` is what
    Moonshot's support asks for, ``headers`` are those of the newest answer.
    """

    def __init__(
        self,
        translation: Translation,
        target: Target | None = None,
        *,
        max_retries: int = MAX_RETRIES,
        choice: int | None = None,
        jitter: Any = random.random,
        files: Files | None = None,
    ) -> None:
        self.translation = translation
        self.target = target or Target()
        self.max_retries = max_retries
        self.completion: Json | None = None
        self.notices: list[str] = []
        self.trace_id: str | None = None
        self.headers: Mapping[str, str] = {}
        self._choice = choice
        self._jitter = jitter
        self._files = files
        self._restorer = Restorer(translation.restore)
        self._collector = Collector()
        self._usages: list[Json | None] = []

    def steps(self) -> Steps:
        """The generator to drive.

        Raises:
            APIError, APIConnectionError, StreamError: what went wrong.
            InvalidRequestError: a file of the request cannot be had, or is not what it should be.
        """
        files = self._files if self.translation.needs else None
        if files is None:
            self._check_needs()
            yield from self._answer()
            return
        try:
            body = yield from files.prepare(self.translation)
            self.translation = replace(self.translation, body=body, needs=())
            yield from self._answer()
        except BaseException:  # of the caller, too: Ctrl-C, or it stopped listening
            yield from files.release()
            raise
        yield from files.release()

    def _answer(self) -> Steps:
        if self.translation.choices > 1 and self._choice is None:
            yield from self._several()
        elif self.translation.forced is not None:
            yield from self._forced()
        else:
            yield from self._once(self.translation.body)
            self._finish()

    # -- plain --------------------------------------------------------------------------------

    def _once(self, body: Json, held: _Held | None = None) -> Steps:
        """Send ``body`` and hand its chunks on; with ``held``, text waits there."""
        answer, first = yield from self._open(body)
        reader = Reader(
            stream=bool(body.get("stream")),
            model=str(body["model"]),
            key=self.target.key,
            trace_id=self.trace_id,
        )
        piece = first
        while piece:
            chunks = reader.feed(piece)
            if chunks:
                yield from self._hand_on(chunks, held)
            if reader.failure is not None:
                raise reader.failure
            if answer.stream is None:
                break
            result = yield Read(answer)
            if isinstance(result, Failed):
                if reader.done:
                    break  # the answer is whole; only the goodbye got lost
                raise result.error
            piece = result
        chunks = reader.finish()
        if chunks:
            yield from self._hand_on(chunks, held)
        self._usages.append(reader.usage)

    def _hand_on(self, chunks: list[Json], held: _Held | None) -> Steps:
        if held is not None:
            chunks = held.filter(chunks)
        if chunks:
            yield from self._emit(chunks)

    def _emit(self, chunks: list[Json]) -> Steps:
        """Restore, renumber, collect and hand on."""
        restorer, collector = self._restorer, self._collector
        for chunk in chunks:
            if self._choice is not None:
                for choice in chunk["choices"]:
                    choice["index"] = self._choice
            collector.feed(restorer.chunk(chunk))
        yield Chunks(chunks)

    def _finish(self) -> None:
        self.completion = self._collector.completion(add_usage(self._usages))

    def _open(self, body: Json) -> Generator[Step, Any, tuple[Answer, bytes]]:
        """Post ``body`` until an answer begins: its head and its first bytes."""
        attempt = 0
        while True:
            answer = yield Call(body)
            error: KimiError
            if isinstance(answer, Answer):
                self.trace_id = answer.headers.get("x-trace-id") or self.trace_id
                self.headers = answer.headers
                if answer.status == 200:
                    if answer.stream is None:
                        return answer, answer.body
                    first = yield Read(answer)
                    if not isinstance(first, Failed):
                        return answer, first
                    error, again = first.error, first.retryable
                else:
                    error = api_error(
                        answer.status,
                        answer.headers,
                        answer.body,
                        model=str(body["model"]),
                        base_url=self.target.base_url,
                        key=self.target.key,
                        key_source=self.target.key_source,
                    )
                    again = is_retryable(error)
            else:
                error, again = answer.error, answer.retryable
            if isinstance(error, APIError) and self._files is not None:
                repaired = yield from self._files.repair(error, body)
                if repaired is not None:
                    body = repaired
                    continue
            yield from wait_for_retry(error, again, attempt, self.max_retries, self._jitter())
            attempt += 1

    # -- a forced tool call -------------------------------------------------------------------

    def _forced(self) -> Steps:
        """Ask; when no tool was called, nudge and ask once more (Moonshot's migration guide)."""
        body = self.translation.body
        held = _Held()
        yield from self._once(body, held)
        if not held.called:
            first = held
            held = _Held(first)
            yield from self._once({**body, "messages": [*body["messages"], *first.turns()]}, held)
            if not held.called:
                forced = self.translation.forced
                what = f"the tool {forced.name}" if forced is not None and forced.name else "a tool"
                text = f"the model was asked twice to call {what} and did not; this is its answer"
                self.notices.append(text)
                yield Notice(text)
                yield from self._emit(held.with_first())
        self._finish()

    # -- several choices ----------------------------------------------------------------------

    def _several(self) -> Steps:
        """As many requests as choices, merged; usage is the true sum."""
        branches = [
            Exchange(
                self.translation,
                self.target,
                max_retries=self.max_retries,
                choice=index,
                jitter=self._jitter,
                files=self._files,
            )
            for index in range(self.translation.choices)
        ]
        yield Fork(branches)
        completions = [branch.completion for branch in branches if branch.completion is not None]
        merged: Json = {**completions[0], "choices": []}
        for completion in completions:
            merged["choices"].extend(completion["choices"])
        usage = add_usage(completion.get("usage") for completion in completions)
        merged.pop("usage", None)
        if usage is not None:
            merged["usage"] = usage
        self.completion = merged
        self.trace_id = branches[0].trace_id
        self.headers = branches[0].headers
        for branch in branches:
            self.notices.extend(branch.notices)

    def _check_needs(self) -> None:
        """Without a room for files: what cannot be sent as it is, is an error."""
        for need in self.translation.needs:
            if need.required:
                raise InvalidRequestError(WAYS_OUT[need.kind], param=need.param)


class _Held:
    """Text that waits until it is known whether a tool was called.

    Reasoning flows. When a call begins, the text before it is handed on first. ``give_back`` are
    the chunks with text and ends that were held. ``first`` is the round before this one.
    """

    def __init__(self, first: _Held | None = None) -> None:
        self._first = first
        # What the model thought in one round does not run into what it thinks in the next.
        self._break_due = first is not None and bool("".join(first._reasoning or ()))
        self.called = False
        self.give_back: list[Json] = []
        self._text: list[str] = []
        self._reasoning: list[str] | None = None

    @property
    def text(self) -> str:
        """The text of the answer so far."""
        return "".join(self._text)

    def filter(self, chunks: list[Json]) -> list[Json]:
        """The chunks that may be handed on now."""
        if self._break_due:
            self._part_thoughts(chunks)
        if self.called:
            return chunks
        passed: list[Json] = []
        for chunk in chunks:
            if self.called:
                passed.append(chunk)
                continue
            if any("tool_calls" in choice["delta"] for choice in chunk["choices"]):
                self.called = True
                passed += [*self.give_back, chunk]
                continue
            passed += self._part(chunk)
        return passed

    def _part(self, chunk: Json) -> list[Json]:
        """Keep the text of ``chunk`` back, let its reasoning through."""
        through = False
        for choice in chunk["choices"]:
            delta = choice["delta"]
            if delta.get("content"):
                self._text.append(delta["content"])
            reasoning = delta.get("reasoning_content")
            if reasoning is not None:
                if self._reasoning is None:
                    self._reasoning = []
                self._reasoning.append(reasoning)
                through = True
        if not through:
            self.give_back.append(chunk)
            return []
        rest = [
            {**choice, "delta": {k: v for k, v in choice["delta"].items() if k == "content"}}
            for choice in chunk["choices"]
            if choice["delta"].get("content") or choice.get("finish_reason") is not None
        ]
        if rest:
            self.give_back.append({**chunk, "choices": rest})
        return [
            {
                **chunk,
                "choices": [
                    {
                        **choice,
                        "finish_reason": None,
                        "delta": {k: v for k, v in choice["delta"].items() if k != "content"},
                    }
                    for choice in chunk["choices"]
                ],
            }
        ]

    def _part_thoughts(self, chunks: list[Json]) -> None:
        """Put a break before the first thought of this round."""
        for chunk in chunks:
            for choice in chunk["choices"]:
                if choice["delta"].get("reasoning_content") and self._break_due:
                    self._break_due = False
                    choice["delta"]["reasoning_content"] = (
                        ROUND_BREAK + choice["delta"]["reasoning_content"]
                    )

    def with_first(self) -> list[Json]:
        """What both rounds said, with a break between them and the end of the second one.

        The second answers the nudge, so the answer to the question may be in the first.
        """
        first = self._first
        if first is None or not first.text or first.text == self.text:
            return self.give_back
        if not self.text:
            return first.give_back
        said = [
            {
                **chunk,
                "choices": [{**choice, "finish_reason": None} for choice in chunk["choices"]],
            }
            for chunk in first.give_back
        ]
        delta = {"content": ROUND_BREAK}
        between = {**said[-1], "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        return [*said, between, *self.give_back]

    def turns(self) -> list[Json]:
        """The messages that ask once more: the reply as it came, and the nudge."""
        reply: Json = {"role": "assistant", "content": self.text or " "}
        if self._reasoning is not None:
            reply["reasoning_content"] = "".join(self._reasoning)
        return [reply, {"role": "user", "content": NUDGE}]
