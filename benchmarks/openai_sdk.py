"""The OpenAI SDK as it is and with ``llm_kimi.openai``: CPU time of the client's process."""

from __future__ import annotations

import time
from typing import Any

from common import KEY, fresh, main, offline_kimi
from report import Report, best, in_turn

CHUNKS = 5_000
ROUNDS = 3
MODEL = "kimi-k3.1-pro"
HOW = (
    "CPU time of the client, in a new process each time, against the offline Kimi; requests "
    f"that Kimi takes as they are, and a stream of {CHUNKS:,} chunks."
)
ROWS = (
    ("CPU a chunk", "us"),
    ("CPU a call, 9 messages and 5 tools", "ms"),
    ("CPU a call, 999 messages", "ms"),
    ("import", "ms"),
)
_PARAMETERS = {
    "type": "object",
    "properties": {"a": {"type": "string", "description": "x"}, "b": {"type": "integer"}},
    "required": ["a"],
}
TOOLS = [
    {"type": "function", "function": {"name": f"tool_{number}", "parameters": _PARAMETERS}}
    for number in range(5)
]


def _client(way: str) -> Any:
    if way == "llm-kimi":
        from llm_kimi.openai import Kimi

        return Kimi
    from openai import OpenAI

    return OpenAI


def _talk(count: int) -> list[dict[str, str]]:
    roles = "user", "assistant"
    return [{"role": roles[number % 2], "content": f"text {number}"} for number in range(count)]


def _part(way: str, url: str) -> list[float]:
    """One figure for each of ``ROWS``."""
    before = time.perf_counter()
    client_class = _client(way)
    imported = time.perf_counter() - before
    chats = client_class(api_key=KEY, base_url=url).chat.completions

    def stream(words: int) -> float:
        message = {"role": "user", "content": f"{{{{repeat: {words} word}}}}"}
        usage = {"include_usage": True}
        before = time.process_time()
        chunks = chats.create(model=MODEL, messages=[message], stream=True, stream_options=usage)
        assert sum(1 for _ in chunks) >= words
        return time.process_time() - before

    def call(messages: list[dict[str, str]], **more: Any) -> float:
        before = time.process_time()
        assert chats.create(model=MODEL, messages=messages, **more).choices
        return time.process_time() - before

    stream(10)
    short = min(stream(10) for _ in range(3))
    return [
        (min(stream(CHUNKS) for _ in range(2)) - short) / CHUNKS * 1e6,
        min(call(_talk(9), tools=TOOLS) for _ in range(30)) * 1e3,
        min(call(_talk(999)) for _ in range(5)) * 1e3,
        imported * 1e3,
    ]


def measure() -> Report:
    """Microseconds and milliseconds."""
    names = ("llm-kimi", "OpenAI SDK")
    with offline_kimi() as url:
        ways = {way: lambda way=way: fresh(__file__, "client", way, url) for way in names}
        found = in_turn(ways, ROUNDS)
    rows = [
        best(what, unit, {way: [f[number] for f in found[way]] for way in names}, "llm-kimi")
        for number, (what, unit) in enumerate(ROWS)
    ]
    return Report("openai_sdk", "The OpenAI SDK", HOW, "llm-kimi", rows)


if __name__ == "__main__":
    main(measure, {"client": _part})
