"""Exchanges to drive by hand, and what their answers are made of."""

from __future__ import annotations

from typing import Any

from llm_kimi.errors import APIConnectionError
from llm_kimi.exchange import Exchange, Failed, Target
from llm_kimi.translation import translate
from tests.support.replies import call_chunk, chunk, error_answer

Json = dict[str, Any]

TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": {}}},
    }
    for name in ("get_time", "get_weather")
]
KEY = "relay-key-0123456789"
OVERLOADED = error_answer(429, "engine_overloaded_error", "The engine is currently overloaded")


_BUSY = {"error": {"message": "overloaded", "type": "engine_overloaded_error"}}


def exchange(*, target: Target | None = None, jitter: float = 0.5, **request: Any) -> Exchange:
    """An exchange for a request; ``jitter`` is fixed."""
    request = {
        "model": "kimi-k2.6",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        **request,
    }
    return Exchange(translate(request), target, jitter=lambda: jitter)


def failed(text: str = "no connection", *, again: bool = True) -> Failed:
    return Failed(APIConnectionError(text), again)


def usage(prompt: int, completion: int, **more: int) -> Json:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        **more,
    }


def call(name: str = "get_time", arguments: str = "{}", call_id: str = "a:0") -> list[Json]:
    """The chunks of a reply that calls a tool."""
    return [
        call_chunk(index=0, id=call_id, type="function", name=name, arguments=""),
        call_chunk(index=0, arguments=arguments),
        chunk(finish="tool_calls"),
    ]


def forced(choice: Any = "required", **request: Any) -> Exchange:
    sent = exchange(tools=TOOLS, tool_choice=choice, **request)
    assert sent.translation.forced is not None
    return sent
