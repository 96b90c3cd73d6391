"""Time of ``translate`` for conversations of 10 to 10,000 messages."""

from __future__ import annotations

import time

from llm_kimi import translate

SIZES = (10, 100, 1_000, 10_000)


def conversation(size: int) -> dict[str, object]:
    """``size`` messages: questions, tool calls without reasoning, results, answers."""
    messages: list[dict[str, object]] = []
    for number in range(size // 4 + 1):
        call = {"name": "search", "arguments": '{"q": "moon"}'}
        messages += [
            {"role": "user", "content": [{"type": "text", "text": f"Question {number}?"}]},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": f"c{number}", "type": "function", "function": call}],
            },
            {"role": "tool", "tool_call_id": f"c{number}", "content": "a result " * 20},
            {"role": "assistant", "content": "An answer. " * 20, "annotations": []},
        ]
    parameters = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
    tool = {"type": "function", "function": {"name": "search", "parameters": parameters}}
    return {
        "model": "kimi-k2.6",
        "temperature": 0.2,
        "max_tokens": 1000,
        "messages": messages[:size],
        "tools": [tool],
    }


def main() -> dict[str, float]:
    """Print and return microseconds a message."""
    print("translate (best of 5)")
    result = {}
    for size in SIZES:
        request = conversation(size)
        times = []
        for _ in range(5):
            start = time.perf_counter()
            translate(request)
            times.append(time.perf_counter() - start)
        best = min(times)
        result[str(size)] = best * 1000
        print(f"  {size:6,} messages  {best * 1e3:8.2f} ms   {best / size * 1e6:5.1f} us a message")
    return result


if __name__ == "__main__":
    main()
