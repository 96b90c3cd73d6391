"""One chat: the request, its retries, its choices, and when an answer is complete."""

from __future__ import annotations

import random
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import APIError, InvalidRequestError, KimiError
from ..reply import Collector, Reader, Restorer, add_usage, api_error
from ..reply.chunks import Chunk, Usage
from ..reply.safe_text import shown
from ..translation import Translation, way_out
from .nudge import Held
from .retry import MAX_RETRIES, Retry, is_retryable
from .steps import (
    Answer,
    Call,
    Chunks,
    Failed,
    Files,
    Fork,
    Notice,
    OfficialTools,
    Read,
    Step,
    Steps,
    Target,
)
from .tool_round import ToolRound, citations

__all__ = ["NUDGE", "Exchange"]

Json = dict[str, Any]

NUDGE = "Please select a tool to handle the current issue."
"""The words of Moonshot's guide for migrating from OpenAI."""

CUT = (
    "the connection ended before Kimi confirmed the end of the answer ([DONE]); its finish reason "
    "and usage had arrived, so the answer is complete"
)

DRAIN_BYTES = 1 << 16
DRAIN_SECONDS = 0.5
"""What may follow ``[DONE]`` and for how long it is waited: the end of the body, so that the
connection can be used again. A server that sends on gets its connection closed."""

MAX_TOOL_ROUNDS = 10
"""Rounds of official tools in one answer; a model that calls on and on is then told to answer."""

LAST_WORD_SECONDS = 5.0
"""How long ``[DONE]`` is waited for once the answer is complete without it."""


@dataclass(slots=True)
class _Begun:
    """An answer of which ``chunks`` have been read; ``ended``: there are no more."""

    answer: Answer[Any]
    reader: Reader
    chunks: list[Chunk]
    ended: bool


MOST_EMPTY = 1_000
"""Chunks that say nothing which are kept back until one says something."""


NO_TOOLS = (
    "Moonshot's own tools cannot be run here: they are calls between two requests, and this one is "
    "sent as it is"
)


def _result(call: Json, text: str) -> Json:
    """The message that answers a call."""
    name = call["function"]["name"]
    return {"role": "tool", "tool_call_id": call["id"], "name": name, "content": text}


def _sent_back(message: Json, *, thinking: bool) -> Json:
    """The model's own message. While it thinks, Kimi refuses calls without any reasoning beside
    them, and an empty text is none (https://github.com/theopenco/llmgateway/pull/2093)."""
    missing = thinking and not message.get("reasoning_content")
    return {**message, **({"reasoning_content": " "} if missing else {})}


def _says_something(chunks: list[Chunk]) -> bool:
    """Whether anything of an answer is in ``chunks``: a role alone and empty text are nothing."""
    for chunk in chunks:
        if chunk.get("usage"):
            return True
        for choice in chunk["choices"]:
            if choice.get("finish_reason") is not None:
                return True
            for key, value in choice["delta"].items():
                if value and key != "role":
                    return True
    return False


def _begins(chunks: list[Chunk]) -> bool:
    return _says_something(chunks) or len(chunks) > MOST_EMPTY


def _drain(answer: Answer[Any]) -> Generator[Step, Any, None]:
    """Read what follows the end of the answer, within bounds."""
    size, silent = 0, False
    while size < DRAIN_BYTES:
        rest = yield Read(answer, silent=silent, seconds=DRAIN_SECONDS)
        if isinstance(rest, Failed) or not rest:
            return
        size += len(rest)
        silent = True


class Exchange:
    """One translated request on its way. Use it once.

    ``completion`` is the whole answer after the last step, in the shape of ``chat.completion``
    and in the caller's form; ``notices`` are the lines told on the way; ``trace_id`` is what
    Moonshot's support asks for, ``headers`` are those of the newest answer, ``sources`` the URLs
    that official tools named.
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
        tools: OfficialTools | None = None,
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
        self._tools = tools
        self.sources: list[Json] = []
        self._restorer = Restorer(translation.restore)
        self._collector = Collector()
        self._usages: list[Usage | None] = []

    def steps(self) -> Steps:
        """The generator to drive.

        Raises:
            APIError, APIConnectionError, StreamError: what went wrong.
            InvalidRequestError: a file of the request cannot be had, or is not what it should be.
        """
        files = self._files if self.translation.needs else None
        if self.translation.official:
            if self._tools is None:
                raise InvalidRequestError(NO_TOOLS, param="tools")
            self.translation = yield from self._tools.prepare(self.translation)
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
            return
        if self._tools is not None and self._tools.names:
            yield from self._with_tools(self._tools)
        else:
            yield from self._asked(self.translation.body)
        self._finish()

    def _asked(self, body: Json, tools: ToolRound | None = None) -> Generator[Step, Any, Json]:
        """Ask, once more where a call is owed; the body that was answered."""
        if self.translation.forced is not None:
            return (yield from self._forced(body, tools))
        yield from self._once(body, tools=tools)
        return body

    # -- plain --------------------------------------------------------------------------------

    def _once(self, body: Json, held: Held | None = None, tools: ToolRound | None = None) -> Steps:
        """Send ``body`` and hand its chunks on; with ``held``, text waits there; with ``tools``,
        what is for these stays there."""
        begun = yield from self._open(body)
        reader, chunks, ended = begun.reader, begun.chunks, begun.ended
        go_on = Read(begun.answer)
        while True:
            if chunks and held is None and tools is None:
                yield self._settled(chunks)
            elif chunks:
                yield from self._hand_on(chunks, held, tools)
            if reader.failure is not None:
                raise reader.failure
            if ended or reader.done:
                break
            go_on.silent = not _says_something(chunks)
            if reader.complete:
                go_on.seconds = LAST_WORD_SECONDS
            result = yield go_on
            if isinstance(result, Failed):
                if not reader.complete:
                    raise result.error
                result = b""  # the answer is whole; only the goodbye got lost
            chunks = reader.feed(result) if result else reader.finish()
            ended = not result
        if not ended:
            chunks = reader.finish()
            if chunks:
                yield from self._hand_on(chunks, held, tools)
            yield from _drain(begun.answer)
        if reader.cut:
            yield from self._tell(CUT)
        self._usages.append(reader.usage)

    def _tell(self, text: str) -> Steps:
        self.notices.append(text)
        yield Notice(text)

    def _hand_on(self, chunks: list[Chunk], held: Held | None, tools: ToolRound | None) -> Steps:
        if held is not None:
            chunks = held.filter(chunks)
        if tools is not None:
            chunks = tools.filter(chunks)
        if chunks:
            yield self._settled(chunks)

    def _emit(self, chunks: list[Chunk]) -> Steps:
        """Hand on."""
        yield self._settled(chunks)

    def _settled(self, chunks: list[Chunk]) -> Chunks:
        """Restore, renumber and collect, to hand on."""
        restorer, collector = self._restorer, self._collector
        for chunk in chunks:
            if self._choice is not None or self._usages:
                self._renumber(chunk)
            collector.feed(restorer.chunk(chunk))
        return Chunks(chunks)

    def _renumber(self, chunk: Chunk) -> None:
        for choice in chunk["choices"]:
            if self._choice is not None:
                choice["index"] = self._choice
            if self._usages and "usage" in choice:
                # The call that was asked for again cost both requests.
                choice["usage"] = add_usage([*self._usages, choice["usage"]]) or choice["usage"]

    def _finish(self) -> None:
        self.completion = self._collector.completion(add_usage(self._usages))

    def _open(self, body: Json) -> Generator[Step, Any, _Begun]:
        """Post ``body`` until an answer begins."""
        retry = Retry(self.max_retries, self._jitter)
        while True:
            answer = yield Call(body)
            error: KimiError
            if isinstance(answer, Failed):
                error, again = answer.error, answer.retryable
            else:
                self.trace_id = shown(answer.headers.get("x-trace-id")) or self.trace_id
                self.headers = answer.headers
                begun = yield from self._begin(answer, body)
                if isinstance(begun, _Begun):
                    return begun
                error, again = begun
            if isinstance(error, APIError) and self._files is not None:
                repaired = yield from self._files.repair(error, body)
                if repaired is not None:
                    body = repaired
                    continue
            yield from retry.wait(error, again)

    def _begin(
        self, answer: Answer[Any], body: Json
    ) -> Generator[Step, Any, _Begun | tuple[KimiError, bool]]:
        """Read until something of an answer came; else what went wrong, and whether to try again.

        Up to here nothing has been handed on, so another try does not say anything twice.
        """
        model, target = str(body["model"]), self.target
        if answer.status != 200:
            refusal = api_error(
                answer.status,
                answer.headers,
                answer.body,
                model=model,
                base_url=target.base_url,
                key=target.key,
                key_source=target.key_source,
            )
            return refusal, is_retryable(refusal)
        stream = bool(body.get("stream"))
        reader = Reader(stream=stream, model=model, key=target.key, trace_id=self.trace_id)
        chunks: list[Chunk] = []
        ended = came = False
        try:
            if answer.stream is None:
                chunks = reader.feed(answer.body)
            while answer.stream is not None and not (_begins(chunks) or reader.done or ended):
                piece = yield Read(answer, silent=came)
                if isinstance(piece, Failed):
                    return piece.error, piece.retryable and not reader.heard
                came, ended = True, not piece
                chunks += reader.feed(piece) if piece else reader.finish()
                if reader.failure is not None:
                    break
            if reader.failure is not None and not _says_something(chunks):
                raise reader.failure
            if answer.stream is None or (reader.done and not chunks):
                chunks, ended = chunks + reader.finish(), True
        except KimiError as error:
            again = is_retryable(error) if isinstance(error, APIError) else reader.empty
            return error, again
        return _Begun(answer, reader, chunks, ended)

    # -- a forced tool call -------------------------------------------------------------------

    def _forced(self, body: Json, tools: ToolRound | None) -> Generator[Step, Any, Json]:
        """Ask; when no tool was called, nudge and ask once more (Moonshot's migration guide)."""
        held = Held()
        yield from self._once(body, held, tools)
        if held.called:
            return body
        held = Held(held)
        assert held.first is not None
        body = {**body, "messages": [*body["messages"], *held.first.turns(NUDGE)]}
        yield from self._once(body, held, tools)
        if not held.called:
            forced = self.translation.forced
            what = f"the tool {forced.name}" if forced is not None and forced.name else "a tool"
            text = f"the model was asked twice to call {what} and did not; this is its answer"
            yield from self._tell(text)
            chunks = held.with_first()
            yield from self._emit(chunks if tools is None else tools.filter(chunks))
        return body

    # -- Moonshot's own tools -----------------------------------------------------------------

    def _with_tools(self, tools: OfficialTools) -> Steps:
        """Ask, run what the model calls of Moonshot's tools, and ask again with the results."""
        body, before = self.translation.body, None
        for number in range(MAX_TOOL_ROUNDS + 1):
            this = ToolRound(tools.names, before)
            if number == 0:
                # A call that is forced in every round would never end in an answer.
                body = yield from self._asked(body, this)
                body = {key: value for key, value in body.items() if key != "tool_choice"}
            else:
                yield from self._once(body, tools=this)
            calls = this.calls
            if not calls or this.asks_caller or number == MAX_TOOL_ROUNDS:
                break
            runs = yield from tools.run(calls)
            for run in runs:
                self.sources += [each for each in run.sources if each not in self.sources]
                self.notices.append(run.text)
                yield run
            turn = _sent_back(this.message, thinking=self.translation.thinking)
            if number == 0 and (prefix := self.translation.restore.prefix):
                turn["content"] = prefix + (turn.get("content") or "")  # it goes on from there
            results = [_result(run.call, run.result) for run in runs]
            asked = [message for message in body["messages"] if not message.get("partial")]
            body = {**body, "messages": [*asked, turn, *results]}
            if number == MAX_TOOL_ROUNDS - 1:
                body["tool_choice"] = "none"
                yield from self._tell(
                    f"{MAX_TOOL_ROUNDS} rounds of tools: the model has to answer now"
                )
            before = this
        if calls and this.asks_caller:
            names = ", ".join(sorted({call["function"]["name"] for call in calls}))
            yield from self._tell(
                f"not run, because tools of yours were called in the same answer: {names}"
            )
        yield from self._end_of_answer(this.ends)

    def _end_of_answer(self, ends: list[Chunk]) -> Steps:
        """The last chunks of the last round, with the sources before them."""
        if ends and self.sources:
            said = self._collector.completion()["choices"]
            length = len(said[0]["message"]["content"] or "") if said else 0
            choice = ends[0]["choices"][0].copy()
            choice["finish_reason"] = None
            choice.pop("usage", None)
            choice["delta"] = {"annotations": citations(self.sources, length)}
            yield from self._emit([{**ends[0], "choices": [choice]}])
        # The usage in it is that of the last request, which is counted already.
        own = self._usages.pop() if self._usages else None
        yield from self._emit(ends)
        self._usages.append(own)

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
                tools=self._tools,
            )
            for index in range(self.translation.choices)
        ]
        yield Fork(branches)
        completions = [branch.completion for branch in branches if branch.completion is not None]
        merged: Json = {**completions[0], "choices": []}
        for completion in completions:
            for choice in completion["choices"]:
                # Each was a request of its own, and cost its own prompt.
                spent = completion.get("usage")
                merged["choices"].append(choice if spent is None else {**choice, "usage": spent})
        usage = add_usage(completion.get("usage") for completion in completions)
        merged.pop("usage", None)
        if usage is not None:
            merged["usage"] = usage
        self.completion = merged
        self.trace_id = branches[0].trace_id
        self.headers = branches[0].headers
        for branch in branches:
            self.notices.extend(branch.notices)
            self.sources += [each for each in branch.sources if each not in self.sources]

    def _check_needs(self) -> None:
        """Without a place for files: what cannot be sent as it is, is an error."""
        for need in self.translation.needs:
            if need.required:
                raise InvalidRequestError(way_out(need), param=need.param)
