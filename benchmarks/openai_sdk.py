"""The OpenAI SDK as it is and with ``llm_kimi.openai``, in one run: CPU, first chunk, import.

Both ask the offline Kimi in a process of its own, with requests that it takes as they are; what is
measured is the CPU time of the client's process (and wall time for the first chunk).
"""

from __future__ import annotations

from common import in_fresh_process, offline_kimi

CHUNKS = 5_000
ROUNDS = 3

_PLAIN = "from openai import OpenAI as Client\n"
_KIMI = "from llm_kimi.openai import Kimi as Client\n"
_MEASURE = """
import json, time
client = Client(api_key="sk-simulator", base_url={url!r})
MODEL = "kimi-k3.1-pro"
def stream(words):
    before = time.process_time()
    count = 0
    for chunk in client.chat.completions.create(
        model=MODEL, messages=[{{"role": "user", "content": "{{{{repeat: %d word}}}}" % words}}],
        stream=True, stream_options={{"include_usage": True}},
    ):
        count += 1
    assert count >= words, count
    return time.process_time() - before
def call(messages, **more):
    before = time.process_time()
    answer = client.chat.completions.create(model=MODEL, messages=messages, **more)
    assert answer.choices
    return time.process_time() - before
def first():
    before = time.perf_counter()
    with client.chat.completions.create(
        model=MODEL, messages=[{{"role": "user", "content": "hi"}}], stream=True
    ) as answer:
        next(iter(answer))
        return time.perf_counter() - before
def talk(count):
    roles = "user", "assistant"
    return [{{"role": roles[i % 2], "content": "text %d" % i}} for i in range(count)]
schema = {{
    "type": "object",
    "properties": {{"a": {{"type": "string", "description": "x"}}, "b": {{"type": "integer"}}}},
    "required": ["a"],
}}
tools = [
    {{"type": "function", "function": {{"name": "tool_%d" % i, "parameters": schema}}}}
    for i in range(5)
]
stream(10)
short = min(stream(10) for _ in range(3))
print(json.dumps([
    (min(stream({chunks}) for _ in range(3)) - short) / {chunks} * 1e6,
    min(call(talk(9), tools=tools) for _ in range(30)) * 1e3,
    min(call(talk(999)) for _ in range(5)) * 1e3,
    min(first() for _ in range(30)) * 1e3,
]))
"""
_IMPORT = """
import json, time
before = time.perf_counter()
import {module}
print(json.dumps([(time.perf_counter() - before) * 1e3]))
"""
_ROWS = (
    ("CPU a streamed chunk, us", 1),
    ("CPU a call, 9 messages and 5 tools, ms", 2),
    ("CPU a call, 999 messages, ms", 2),
    ("first chunk, ms", 2),
    ("import, ms", 0),
)


def main() -> dict[str, tuple[float, float]]:
    """Print and return each figure, of the SDK as it is and with this package."""
    best: dict[str, list[float]] = {}
    with offline_kimi() as url:
        for _ in range(ROUNDS):
            for name, head, module in (
                ("sdk", _PLAIN, "openai"),
                ("kimi", _KIMI, "llm_kimi.openai"),
            ):
                figures = [
                    *in_fresh_process(head + _MEASURE.format(url=url, chunks=CHUNKS)),
                    *in_fresh_process(_IMPORT.format(module=module)),
                ]
                before = best.get(name, figures)
                best[name] = [min(pair) for pair in zip(before, figures, strict=True)]
    print(f"{'the OpenAI SDK':<42}{'as it is':>10}{'for Kimi':>10}{'ratio':>8}")
    for (row, digits), sdk, kimi in zip(_ROWS, best["sdk"], best["kimi"], strict=True):
        print(f"  {row:<40}{sdk:>10.{digits}f}{kimi:>10.{digits}f}{kimi / sdk:>8.2f}")
    return {row: pair for (row, _), *pair in zip(_ROWS, best["sdk"], best["kimi"], strict=True)}  # type: ignore[misc]


if __name__ == "__main__":
    main()
