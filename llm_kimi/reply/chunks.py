"""The form of a reply's chunks, once they are read: for mypy, and for whoever handles them.

``Reader`` makes ``Chunk``s of whatever a server sends; every layer behind it relies on these forms.
A server's own further fields stay in a chunk, a choice and a delta: nothing that came is lost.

The names are OpenAI's (https://platform.openai.com/docs/api-reference/chat-streaming), and Kimi's
where it has more (https://platform.kimi.ai/docs/openapi.json): ``reasoning_content`` of a delta,
``usage`` of a choice, ``cached_tokens``.
"""

from __future__ import annotations

from typing import Any, TypedDict

__all__ = [
    "CallFragment",
    "Choice",
    "Chunk",
    "CustomPart",
    "Delta",
    "FunctionPart",
    "PromptDetails",
    "Usage",
]


class FunctionPart(TypedDict, total=False):
    """``name``: in the first fragment of a call, whole. ``arguments``: the next piece of JSON."""

    name: str
    arguments: str


class CustomPart(TypedDict):
    """A call of a custom tool; ``input`` is whole."""

    name: str
    input: str


class _Indexed(TypedDict):
    index: int


class CallFragment(_Indexed, total=False):
    """A piece of the call with this ``index``; the first has ``id``, ``type`` and a name."""

    id: str
    type: str
    function: FunctionPart
    custom: CustomPart


class Delta(TypedDict, total=False):
    """What a chunk adds to a message."""

    role: str
    content: str | None
    reasoning_content: str | None
    tool_calls: list[CallFragment]
    function_call: FunctionPart
    refusal: str | None
    annotations: list[dict[str, Any]]


class PromptDetails(TypedDict, total=False):
    """Tokens read from the cache and written to it; ``cache_creation`` by how long they last."""

    cached_tokens: int
    cache_write_tokens: int
    cache_creation: dict[str, int]


class _Counts(TypedDict):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Usage(_Counts, total=False):
    """Tokens. ``prompt_tokens`` includes those of the cache."""

    prompt_tokens_details: PromptDetails
    completion_tokens_details: dict[str, Any]
    cached_tokens: int


class _Ending(TypedDict):
    index: int
    delta: Delta
    finish_reason: str | None


class Choice(_Ending, total=False):
    """One of the answers that were asked for; ``finish_reason`` None: it goes on."""

    logprobs: dict[str, Any] | None
    usage: Usage


class _Choices(TypedDict):
    choices: list[Choice]


class Chunk(_Choices, total=False):
    """``chat.completion.chunk``. All chunks of an answer have the same fields beside ``choices``.

    ``created``: seconds since 1970.
    """

    id: str
    object: str
    created: int
    model: str
    system_fingerprint: str | None
    service_tier: str | None
