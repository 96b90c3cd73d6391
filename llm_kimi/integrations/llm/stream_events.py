"""Chunks of a reply to llm's stream events, and the end of a reply to llm's response.

One ``Turn`` serves the sync and the async model: ``consume`` for each piece, ``finish`` at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import llm
from llm.parts import StreamEvent

from ...errors import StreamError
from ...exchange import Chunks, Exchange, Notice, ToolRun, Waiting
from ...exchange.nudge import ROUND_BREAK
from ...reply import add_usage
from ...reply.chunks import CallFragment, Usage
from ...reply.json_values import MAX_DEPTH, is_deep_text
from ...reply.safe_text import shown
from ...terminal.notices import end_line, note_line, tell, tell_notice, text_is_on_stderr
from ...terminal.stdout import check_reader
from ...translation import Adjustment
from ...translation.messages.call_arguments import parse_arguments
from .requests import METADATA
from .response_record import RECORD, record
from .surrogates import ArgumentsMender, mend_arguments

__all__ = ["EmptyAnswerError", "Turn"]

Json = dict[str, Any]


class EmptyAnswerError(Exception):
    """The token limit was reached before the answer began. The text says what to do."""


class Turn:
    """One call of ``execute``: one answer, in several rounds when official tools are at work.

    ``shown``: llm shows the answer while it arrives, so that what is told must not run into it.
    """

    def __init__(self, response: Any, model_id: str, prompt: Any, *, shown: bool) -> None:
        self._response = response
        self._model_id = model_id
        self._usages: list[Json] = []
        self._adjustments: list[Adjustment] = []
        self._notices: list[str] = []
        self._shows = {
            "text": shown and text_is_on_stderr(),
            "reasoning": shown and not prompt.hide_reasoning,
        }
        self._shown = shown
        self._in_line: bool | None = None
        self._rounds = 1
        self._begin()
        if not prompt.tool_results:
            note_line(is_open=False)

    def _begin(self) -> None:
        """Another round."""
        self._labelled = False
        self._spoken: set[str] = set()
        self._ids: dict[int, str] = {}
        self._names: dict[int, str] = {}
        self._arguments: dict[int, ArgumentsMender] = {}

    def consume(self, output: Chunks | Notice) -> Iterator[StreamEvent]:
        """The events of what an exchange has."""
        if isinstance(output, Notice):
            if not isinstance(output, Waiting):
                self._notices.append(output.text)
            tell_notice(output)
            self._in_line = None
            if isinstance(output, ToolRun):
                yield from _server_side(output)
                self._begin()
                self._rounds += 1
            return
        for event in self._events(output):
            if self._shown and event.type == "text":
                check_reader()
            self._note_line(event)
            yield event

    def _note_line(self, event: StreamEvent) -> None:
        """Keep up with where llm's display stands; it ends the line between reasoning and text."""
        if event.type not in self._shows or not (event.chunk or event.type == "text"):
            return
        in_line = self._shows[event.type] and not event.chunk.endswith("\n")
        if in_line != self._in_line:
            self._in_line = in_line
            note_line(is_open=in_line)

    def _end_line(self) -> None:
        end_line()
        self._in_line = None

    def _tell(self, text: str) -> None:
        tell(text)
        self._in_line = None

    def _events(self, output: Chunks) -> Iterator[StreamEvent]:
        for chunk in output.chunks:
            for choice in chunk["choices"]:
                delta = choice["delta"]
                reasoning = delta.get("reasoning_content")
                if reasoning is not None:
                    event = self._reasoning(self._unparted("reasoning", reasoning))
                    if event is not None:
                        yield event
                if content := self._unparted("text", delta.get("content") or ""):
                    yield StreamEvent("text", content)
                if "tool_calls" in delta:
                    yield from self._calls(delta["tool_calls"])

    def _unparted(self, kind: str, text: str) -> str:
        """``text`` without the break between two rounds: each is a message of its own here."""
        if not text or kind in self._spoken:
            return text
        self._spoken.add(kind)
        return text if self._rounds == 1 else text.removeprefix(ROUND_BREAK)

    def _reasoning(self, text: str) -> StreamEvent | None:
        """Labelled once a reply, so that it is known as Kimi's wherever it turns up.

        The label also keeps reasoning that is there and empty, which Kimi tells from missing.
        """
        if not self._labelled:
            self._labelled = True
            if self._shows["reasoning"]:
                # The thoughts of one round do not run into those of the next.
                self._end_line()
            return StreamEvent(
                "reasoning", text, provider_metadata={METADATA: {"model": self._model_id}}
            )
        return StreamEvent("reasoning", text) if text else None

    def _calls(self, fragments: list[CallFragment]) -> Iterator[StreamEvent]:
        for fragment in fragments:
            index = fragment["index"]
            function = fragment["function"]
            if index not in self._ids:
                self._ids[index] = fragment["id"]
                self._names[index] = function["name"]
                self._arguments[index] = ArgumentsMender()
                yield StreamEvent(
                    "tool_call_name",
                    function["name"],
                    tool_call_id=fragment["id"],
                )
            if mended := self._arguments[index].feed(function["arguments"]):
                yield self._arguments_event(index, mended)

    def _arguments_event(self, index: int, text: str) -> StreamEvent:
        return StreamEvent(
            "tool_call_args",
            text,
            tool_call_id=self._ids[index],
        )

    def finish(self, exchange: Exchange) -> Iterator[StreamEvent]:
        """Tell llm what came: calls, usage, the model, the whole answer.

        Raises:
            EmptyAnswerError: the token limit left no answer at all.
            StreamError: the arguments of a call are deeper than anything can read.
        """
        for index, mender in self._arguments.items():
            if rest := mender.flush():
                yield self._arguments_event(index, rest)
        completion = _loggable(exchange.completion or {"choices": []})
        choice: Json = completion["choices"][0] if completion["choices"] else {"message": {}}
        message = choice["message"]
        calls = message.get("tool_calls") or []
        for call in calls:
            if is_deep_text(call["function"]["arguments"]):
                # llm reads them when it logs, and Python's JSON gives up in a RecursionError.
                name = shown(call["function"]["name"])
                raise StreamError(
                    f"the arguments of the call of {name} are nested deeper than {MAX_DEPTH} levels"
                )
        for call in calls:
            self._response.add_tool_call(
                llm.ToolCall(
                    name=call["function"]["name"],
                    arguments=parse_arguments(call["function"]["arguments"]),
                    tool_call_id=call["id"],
                )
            )
        for call in calls:
            yield from _as_written(call)
        if calls and not message.get("content"):
            # Whatever llm or a tool says next does not run into the thoughts.
            self._end_line()
        self._record(completion, exchange)
        for source in exchange.sources:
            self._tell(f"source: {source['url']}")
        self._check_end(choice, bool(calls))

    def _record(self, completion: Json, exchange: Exchange) -> None:
        response = self._response
        translation, key = exchange.translation, exchange.target.key
        self._adjustments += [
            each for each in translation.adjustments if each not in self._adjustments
        ]
        kept = record(self._adjustments, translation.body, self._notices, key=key)
        response.response_json = {**completion, RECORD: kept}
        if completion.get("model"):
            response.set_resolved_model(completion["model"])
        if completion.get("usage"):
            self._usages.append(completion["usage"])
            self._record_usage(add_usage(self._usages))

    def _record_usage(self, usage: Usage | None) -> None:
        if usage is None:
            return
        details: Json = {}
        if any((read := usage.get("prompt_tokens_details", {})).values()):
            details["prompt_tokens_details"] = read
        if any((said := usage.get("completion_tokens_details", {})).values()):
            details["completion_tokens_details"] = said
        self._response.set_usage(
            input=usage["prompt_tokens"],
            output=usage["completion_tokens"],
            details=details or None,
        )

    def _check_end(self, choice: Json, called: bool) -> None:
        finish = choice.get("finish_reason")
        if finish == "length":
            if not called and not choice["message"].get("content"):
                raise EmptyAnswerError(
                    "the token limit was reached before the answer began"
                    + (", while thinking" if choice["message"].get("reasoning_content") else "")
                    + ": raise it with -o max_tokens N, or leave it out (Moonshot advises at "
                    "least 16,000 for a thinking model)"
                )
            self._tell("the answer was cut off by the token limit: raise it with -o max_tokens N")
        elif finish == "content_filter":
            self._tell("the answer was cut off by Moonshot's content filter")
        elif not called and not choice["message"].get("content"):
            self._tell("the model gave an empty answer")


def _loggable(completion: Json) -> Json:
    """A whole answer as llm can log it: no half characters, not even as escapes in arguments."""
    for choice in completion["choices"]:
        for call in choice["message"].get("tool_calls") or ():
            function = call["function"]
            function["arguments"] = mend_arguments(function["arguments"])
    return completion


def _as_written(call: Json) -> Iterator[StreamEvent]:
    """The arguments as the model wrote them, where JSON would not give the same text.

    They are sent back so: the same text is found in the cache.
    """
    raw = call["function"]["arguments"]
    if raw and raw != json.dumps(parse_arguments(raw), ensure_ascii=False):
        yield StreamEvent(
            "tool_call_args",
            "",
            tool_call_id=call["id"],
            provider_metadata={METADATA: {"arguments": raw}},
        )


def _server_side(run: ToolRun) -> Iterator[StreamEvent]:
    """A call that Moonshot ran, with its result, for llm's log."""
    call, name = run.call, run.call["function"]["name"]
    arguments = mend_arguments(call["function"]["arguments"])
    about: Json = {"tool_call_id": call["id"], "server_executed": True}
    yield StreamEvent("tool_call_name", name, **about)
    if arguments:
        yield StreamEvent("tool_call_args", arguments, **about)
    yield StreamEvent("tool_result", run.result, tool_name=name, **about)
