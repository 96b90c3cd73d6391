"""Answers of Kimi with something wrong in them: any JSON of any type at any place.

``bodies`` are real streams and whole answers; ``mutated`` changes one of them a little, as a broken
server, a relay or somebody with bad intentions would.
"""

from __future__ import annotations

import json
import random
from typing import Any

from tests.support.replies import DONE, call_chunk, chunk, event, said, usage_chunk

Json = dict[str, Any]

DEEP: list[Any] = []
for _ in range(90):
    DEEP = [DEEP]

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**30, 10**400, -(2**70), 1e300),
    *("", " ", "0", "-1", "null", "NaN", "sk-0123456789abcdef", "\x1b[31m", "\ud83d", "a\ude00"),
    *("[" * 50_000, '{"a":' * 50_000, '{"a": NaN}', '{"a": "\\ud83d"}'),
    *([], [[]], [None], [1, "a"], {}, {"a": 1}, {"index": 0}, {"self": 1, "choices": 2}, DEEP),
    {"content": 5, "text": ["a"]},
    {"name": 7, "arguments": {"a": [1]}},
    {"function": {"name": "f", "arguments": 5}},
    [{"function": None}, {"index": "x", "id": 5, "function": {"name": "g", "arguments": []}}],
    {"message": "no", "type": "server_error"},
    {
        "prompt_tokens": "7",
        "completion_tokens": [1],
        "prompt_tokens_details": {"cached_tokens": {}},
    },
    [{"token": "a", "logprob": "x"}],
)

NAMES = (
    *("id", "model", "created", "object", "choices", "usage", "error", "system_fingerprint"),
    *("index", "delta", "message", "finish_reason", "logprobs", "text", "provider"),
    *("role", "content", "reasoning_content", "reasoning", "tool_calls", "function_call"),
    *("refusal", "audio", "images", "annotations", "thinking_blocks", "provider_specific_fields"),
    *(
        "name",
        "arguments",
        "type",
        "function",
        "custom",
        "self",
        "stream",
        "_hidden_params",
        "x\ud83d",
    ),
    *("prompt_tokens", "completion_tokens_details", "cached_tokens", "citations", "service_tier"),
)

RAW = (
    *(b"", b"\n", b"\xff", b"\xed\xa0\xbd", b"data: ", b"data: {\n\n", b": ping\n\n", b"\x00"),
    *(b"data: [DONE]\n\n", b"data: NaN\n\n", b"data: 1e999\n\n", b'data: {"choices":[{"delta":'),
    b"data: " + b"[" * 100_000 + b"\n\n",
    b"data: " + b'{"a":' * 100_000 + b"\n\n",
    b'data: {"choices":[{"index":' + b"9" * 5_000 + b"}]}\n\n",
    b'data: {"choices":[],"choices":{"delta":{"content":"a"}}}\n\n',
    b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
    b'data: {"choices":[{"delta":{"content":"\\ude00"}}]}\n\n',
)


def _calls(*, index: int = 0, name: str = "get_time") -> list[Json]:
    return [
        call_chunk(index=index, id=f"{name}:{index}", type="function", name=name, arguments=""),
        call_chunk(index=index, arguments='{"zone": '),
        call_chunk(index=index, arguments='"CET"}'),
    ]


def _whole(message: Json, finish: str = "stop") -> Json:
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "cached_tokens": 1}
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    head = {key: value for key, value in chunk().items() if key != "choices"}
    return {**head, "object": "chat.completion", "choices": [choice], "usage": usage}


_USAGE = usage_chunk(
    prompt_tokens=9,
    completion_tokens=5,
    total_tokens=14,
    cached_tokens=4,
    prompt_tokens_details={"cached_tokens": 4},
    completion_tokens_details={"reasoning_tokens": 2},
)
_THOUGHT = [chunk({"role": "assistant", "content": ""}), chunk({"reasoning_content": "Hm."})]
_PROBABLE = {
    "content": [{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}],
}

STREAMS: tuple[list[Json], ...] = (
    [*said("It is ", "noon.")[:-1], chunk(finish="stop", logprobs=_PROBABLE), _USAGE],
    [*_THOUGHT, *said("a")[1:], _USAGE],
    [*_THOUGHT, *_calls(), *_calls(index=1, name="get_rain"), chunk(finish="tool_calls"), _USAGE],
    [*said("a"), *(chunk({"content": "b"}, index=1), chunk(finish="length", index=1)), _USAGE],
    [*said("half \ud83d", "\ude00 half")[:-1], chunk(finish="stop", usage=_USAGE["usage"])],
)
WHOLE: tuple[Json, ...] = (
    _whole({"content": "It is noon.", "reasoning_content": "Hm."}),
    _whole(
        {
            "content": None,
            "tool_calls": [
                {
                    "id": "get_time:0",
                    "type": "function",
                    "function": {"name": "get_time", "arguments": '{"zone": "CET"}'},
                }
            ],
        },
        "tool_calls",
    ),
)


def mutated(seed: int, *, whole: bool | None = None) -> tuple[bool, list[bytes]]:
    """Whether a stream was asked for, and the pieces of the answer's body.

    ``whole``: whether the answer was one object; None for sometimes.
    """
    chance = random.Random(seed)
    if chance.random() < 0.15 if whole is None else whole:
        answer = json.loads(json.dumps(chance.choice(WHOLE)))
        for _ in range(chance.choice((1, 1, 2, 4))):
            _change(answer, chance)
        return chance.random() < 0.3, [json.dumps(answer).encode()]
    chunks = json.loads(json.dumps(chance.choice(STREAMS)))
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        place = chance.randrange(len(chunks))
        kind = chance.random()
        if kind < 0.75:
            _change(chunks[place], chance)
        elif kind < 0.8:
            chunks[place] = _odd(chance)
        elif kind < 0.86:
            del chunks[place]
        elif kind < 0.93:
            chunks.insert(place, json.loads(json.dumps(chance.choice(chunks))))
        else:
            chance.shuffle(chunks)
        if not chunks:
            break
    pieces = [event(json.dumps(item)) for item in chunks]
    if chance.random() < 0.9:
        pieces.append(DONE)
    if chance.random() < 0.2:
        pieces.insert(chance.randrange(len(pieces) + 1), chance.choice(RAW))
    if chance.random() < 0.3:
        body = b"".join(pieces)
        cut = chance.randrange(len(body) + 1)
        pieces = [body[:cut], body[cut:]] if chance.random() < 0.5 else [body[:cut]]
    return chance.random() < 0.95, [piece for piece in pieces if piece]


def _odd(chance: random.Random) -> Any:
    return json.loads(json.dumps(chance.choice(ODD)))


def _change(value: Any, chance: random.Random) -> None:
    """One change somewhere in ``value``: another value, one more, one less."""
    places = list(_places(value))
    if not places:
        return
    holder, key = chance.choice(places)
    kind = chance.random()
    if kind < 0.7:
        holder[key] = _odd(chance)
    elif kind < 0.8:
        del holder[key]
    elif isinstance(holder, dict):
        holder[chance.choice(NAMES)] = _odd(chance)
    else:
        holder.insert(0, _odd(chance))


def _places(value: Any) -> Any:
    if isinstance(value, dict):
        for key, item in value.items():
            yield value, key
            yield from _places(item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield value, index
            yield from _places(item)
