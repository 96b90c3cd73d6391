"""Replies made by hand, and an exchange driven by hand: for the tests of reply and exchange."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from llm_kimi.exchange import Answer, Call, Chunks, Exchange, Failed, Fork, Notice, Read, Wait
from llm_kimi.reply import Collector, Reader

Json = dict[str, Any]
DONE = b"data: [DONE]\n\n"


def event(data: Any, *, end: bytes = b"\n\n") -> bytes:
    """One server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return b"data: " + text.encode() + end


def chunk(delta: Any = None, *, finish: str | None = None, index: int = 0, **more: Any) -> Json:
    """One chunk of a stream with one choice; ``more`` are further fields of the choice."""
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish, **more}
    return {
        "id": "chatcmpl-0123456789ab",
        "object": "chat.completion.chunk",
        "created": 1_780_000_000,
        "model": "kimi-k2.6",
        "choices": [choice],
    }


def call_chunk(**fragment: Any) -> Json:
    """A chunk with one fragment of a tool call; ``name`` and ``arguments`` are the function's."""
    function = {name: fragment.pop(name) for name in ("name", "arguments") if name in fragment}
    return chunk({"tool_calls": [{**fragment, "function": function}]})


def usage_chunk(**usage: Any) -> Json:
    """The chunk without choices that ``include_usage`` asks for."""
    return {**chunk(), "choices": [], "usage": usage}


def stream(*chunks: Any, done: bool = True) -> bytes:
    """The body of a stream."""
    return b"".join(event(item) for item in chunks) + (DONE if done else b"")


def said(*texts: str, finish: str = "stop") -> list[Json]:
    """The chunks of a plain answer."""
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": text}) for text in texts),
        chunk(finish=finish),
    ]


def read(body: bytes | Iterable[bytes], *, whole: bool = False, **more: Any) -> Json:
    """What a reader and a collector make of a body; ``chunks`` are the chunks."""
    reader = Reader(stream=not whole, model="kimi-k2.6", **more)
    collector = Collector()
    chunks: list[Json] = []
    for piece in [body] if isinstance(body, bytes) else body:
        chunks += reader.feed(piece)
        if reader.failure is not None:
            raise reader.failure
    chunks += reader.finish()
    for item in chunks:
        collector.feed(item)
    return {**collector.completion(reader.usage), "chunks": chunks}


def message(body: bytes | Iterable[bytes], **more: Any) -> Json:
    """The message of the first choice of a body."""
    result: Json = read(body, **more)["choices"][0]["message"]
    return result


class Script:
    """Drives an exchange by hand: ``answers`` are what its calls get, in order.

    An answer is the body of a stream (bytes, or pieces of it), an ``Answer`` (an error), or a
    ``Failed``. A piece may be a ``Failed`` too. What happened is in ``bodies``, ``waits``,
    ``chunks`` and ``notices``.
    """

    def __init__(self, exchange: Exchange, *answers: Any) -> None:
        self.exchange = exchange
        self.bodies: list[Json] = []
        self.waits: list[float] = []
        self.chunks: list[Json] = []
        self.notices: list[str] = []
        self.forks: list[Fork] = []
        self._answers = list(answers)

    def run(self) -> Script:
        """Drive it to its end; errors come out."""
        for _ in self.outputs(self.exchange):
            pass
        return self

    def outputs(self, exchange: Exchange) -> Iterator[None]:
        steps = exchange.steps()
        result: Any = None
        while True:
            try:
                step = steps.send(result)
            except StopIteration:
                return
            result = None
            if isinstance(step, Call):
                self.bodies.append(json.loads(json.dumps(step.body)))
                result = self._answer()
            elif isinstance(step, Read):
                result = next(step.answer.stream, b"")
            elif isinstance(step, Wait):
                self.waits.append(step.seconds)
            elif isinstance(step, Chunks):
                self.chunks += json.loads(json.dumps(step.chunks))
            elif isinstance(step, Notice):
                self.notices.append(step.text)
            else:
                self.forks.append(step)
                for branch in step.branches:
                    yield from self.outputs(branch)
            yield

    def _answer(self) -> Answer | Failed:
        answer = self._answers.pop(0)
        if isinstance(answer, (Answer, Failed)):
            return answer
        pieces = [answer] if isinstance(answer, bytes) else answer
        return Answer(200, {"x-trace-id": "trace-1"}, stream=iter(pieces))

    @property
    def left(self) -> int:
        """How many answers were not asked for."""
        return len(self._answers)

    @property
    def text(self) -> str:
        """The text handed on."""
        return "".join(
            choice["delta"].get("content") or ""
            for item in self.chunks
            for choice in item["choices"]
        )

    @property
    def reasoning(self) -> str:
        """The reasoning handed on."""
        return "".join(
            choice["delta"].get("reasoning_content") or ""
            for item in self.chunks
            for choice in item["choices"]
        )


def error_answer(status: int, type: str | None = None, text: str = "no", **headers: str) -> Answer:
    """An error answer as the API gives it; header names with _ for -."""
    error = {"message": text, "type": type} if type else {"message": text}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, names, body=json.dumps({"error": error}).encode())
