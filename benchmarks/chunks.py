"""CPU time and memory of a stream of 5,000 chunks in llm, beside its own OpenAI class and others.

``http.client`` is the floor: lines are read, each is parsed as JSON, and the texts are joined.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from common import KEY, fresh, main, offline_kimi
from processes import peak_memory
from report import Report, best, in_turn

CHUNKS = 5_000
ROUNDS = 6
MODEL = "kimi-k2.6"
HOW = (
    f"{CHUNKS:,} chunks from the offline Kimi, in a new process each time: its CPU time for "
    "them, less that of a stream of 10, and by how much its memory grows."
)


def _kimi(url: str) -> Callable[[str], Iterator[str]]:
    from llm_kimi import Kimi

    return _by_llm(Kimi(MODEL, base_url=url))


def _chat(url: str) -> Callable[[str], Iterator[str]]:
    from llm.default_plugins.openai_models import Chat

    return _by_llm(Chat(MODEL, api_base=url))


def _moonshot(url: str) -> Callable[[str], Iterator[str]]:
    from llm_moonshot import MoonshotChat

    return _by_llm(MoonshotChat(MODEL, model_name=MODEL, api_base=url))


def _by_llm(model: object) -> Callable[[str], Iterator[str]]:
    model.key = KEY  # type: ignore[attr-defined]
    return lambda text: iter(model.prompt(text, stream=True))  # type: ignore[attr-defined]


def _by_hand(url: str) -> Callable[[str], Iterator[str]]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)

    def ask(text: str) -> Iterator[str]:
        body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": text}]}
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
        path = f"{address.path}/chat/completions"
        connection.request("POST", path, json.dumps(body), headers)
        for line in connection.getresponse():
            if line.startswith(b"data: {"):
                for choice in json.loads(line[6:])["choices"]:
                    yield choice["delta"].get("content") or ""

    return ask


WAYS = {
    "llm-kimi": _kimi,
    "llm's own class": _chat,
    "llm-moonshot": _moonshot,
    "http.client": _by_hand,
}


def _part(way: str, url: str) -> list[float]:
    """Microseconds a chunk, and megabytes that the long stream takes."""
    ask = WAYS[way](url)

    def once(words: int) -> float:
        before = time.process_time()
        text = "".join(ask(f"{{{{repeat: {words} word}}}}"))
        taken = time.process_time() - before
        assert len(text.split()) >= words, text[:200]
        return taken

    once(10)
    short = min(once(10) for _ in range(3))
    before = peak_memory()
    long = min(once(CHUNKS) for _ in range(2))
    grown = peak_memory() - before
    return [(long - short) / CHUNKS * 1e6, grown]


def measure() -> Report:
    """Microseconds a chunk and megabytes."""
    with offline_kimi() as url:
        ways = {way: lambda way=way: fresh(__file__, "stream", way, url) for way in WAYS}
        found = in_turn(ways, ROUNDS)
    rows = [
        best(what, unit, {way: [f[number] for f in found[way]] for way in WAYS}, "llm-kimi")
        for number, (what, unit) in enumerate((("CPU a chunk", "us"), ("memory grown", "MB")))
    ]
    title = "A long stream in llm"
    return Report("chunks", title, HOW, "llm-kimi", rows, floor="http.client")


if __name__ == "__main__":
    main(measure, {"stream": _part})
