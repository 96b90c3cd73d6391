"""CPU time per chunk of reading, restoring, collecting and the exchange, without HTTP and hosts."""

from __future__ import annotations

import json
import statistics
import time

from common import main
from report import Report, Row

from llm_kimi.exchange import Answer, Call, Exchange, Read
from llm_kimi.translation import translate

CHUNKS = 20_000
ROUNDS = 7
HOW = (
    f"{CHUNKS:,} chunks of reasoning and text, one event at a time, through what all doors "
    "share: reading, mending, collecting the whole answer. The floor parses their JSON and "
    "does no more."
)


def _events() -> list[bytes]:
    """A long answer as Kimi streams it: one event a piece."""
    head = {
        "id": "chatcmpl-0123456789ab",
        "object": "chat.completion.chunk",
        "created": 1_780_000_000,
        "model": "kimi-k2.6",
        "system_fingerprint": "fpv0_0123456789",
    }
    deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": f" wörd{n % 9}"} for n in range(CHUNKS // 2)]
    deltas += [{"content": f" word{n % 9}"} for n in range(CHUNKS // 2)]
    chunks = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = {"prompt_tokens": 9, "completion_tokens": CHUNKS, "total_tokens": CHUNKS + 9}
    chunks.append({**head, "choices": [], "usage": usage})
    texts = [json.dumps(chunk, ensure_ascii=False, separators=(",", ":")) for chunk in chunks]
    return [f"data: {text}\n\n".encode() for text in [*texts, "[DONE]"]]


def _seconds(events: list[bytes]) -> float:
    request = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hi"}]}
    steps = Exchange(translate({**request, "stream": True})).steps()
    answer = Answer(200, {}, stream=object())
    pieces = iter(events)
    result: object = None
    begin = time.process_time()
    while True:
        try:
            step = steps.send(result)
        except StopIteration:
            return time.process_time() - begin
        if isinstance(step, Read):
            result = next(pieces, b"")
        else:
            result = answer if isinstance(step, Call) else None


def _parsed(events: list[bytes]) -> float:
    begin = time.process_time()
    for event in events[:-1]:
        json.loads(event[6:])
    return time.process_time() - begin


def measure() -> Report:
    """Microseconds a chunk."""
    events = _events()
    taken = [(_seconds(events), _parsed(events)) for _ in range(ROUNDS)]
    ours, floor = (statistics.median(values) / CHUNKS * 1e6 for values in zip(*taken, strict=True))
    ratio = statistics.median(mine / least for mine, least in taken)
    rows = [
        Row("CPU a chunk", "us", {"llm-kimi": ours, "json.loads": floor}, {"json.loads": ratio})
    ]
    return Report("reply", "The answer, read", HOW, "llm-kimi", rows, floor="json.loads")


if __name__ == "__main__":
    main(measure)
