"""Attachments: memory for one large document, time for eight, against the offline Kimi."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from common import folder, fresh, main
from processes import peak_memory
from report import Report, Row

MEGABYTES = 99
READING = 0.5
"""Seconds that the offline Kimi takes to read a document."""
ROUNDS = 1
HOW = (
    f"Eight documents of one request, of which the offline Kimi reads each for {READING} s; "
    f"and by how much the memory grows with a PDF of {MEGABYTES} MB."
)


def _send(base_url: str, key: str, *files: Any) -> None:
    from llm_kimi.exchange import Exchange, Target
    from llm_kimi.files.request_files import RequestFiles
    from llm_kimi.translation import translate
    from llm_kimi.transport.openai_sdk import OpenAITransport
    from llm_kimi.transport.run import run

    content: list[Any] = [{"type": "file", "file": file} for file in files]
    request = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": content}]}
    target = Target(base_url=base_url, key=key)
    exchange = Exchange(translate(request), target, files=RequestFiles(target))
    for _ in run(exchange, OpenAITransport(base_url, key)):
        pass


def _memory(base_url: str, key: str, path: str) -> float:
    """Megabytes by which the memory of a new process grows with the document."""
    from llm_kimi.translation import Attached

    _send(base_url, key, Attached(content=b"warm up"))
    before = peak_memory()
    _send(base_url, key, Attached(name="big.pdf", path=path))
    return peak_memory() - before


def _eight(base_url: str, key: str) -> tuple[float, float, float]:
    """Seconds: together, one after another, and together once more."""
    from llm_kimi.translation import Attached

    documents = [
        Attached(name="a.pdf", content=b"%PDF-1.4\n" + os.urandom(1000)) for _ in range(16)
    ]
    start = time.perf_counter()
    for document in documents[:8]:
        _send(base_url, key, document)
    middle = time.perf_counter()
    _send(base_url, key, *documents[8:])
    end = time.perf_counter()
    _send(base_url, key, *documents[8:])
    return end - middle, middle - start, time.perf_counter() - end


def measure() -> Report:
    """Seconds and megabytes."""
    from llm_kimi.simulator import Simulator

    os.environ["LLM_USER_PATH"] = str(folder())
    with TemporaryDirectory() as place, Simulator() as kimi:
        path = Path(place) / "big.pdf"
        path.write_bytes(b"%PDF-1.4\n" + os.urandom(MEGABYTES * 1024 * 1024))
        grown = fresh(__file__, "memory", kimi.base_url, kimi.key, str(path))
        kimi.file_rules.extract_delay = READING
        rounds = [_eight(kimi.base_url, kimi.key) for _ in range(ROUNDS)]
    together, apart, again = (statistics.median(times) for times in zip(*rounds, strict=True))
    one = "one after another"
    rows = [
        Row("8 documents", "s", {"llm-kimi": together, one: apart}, {one: together / apart}),
        Row("the same 8 again", "s", {"llm-kimi": again}),
        Row(f"memory for {MEGABYTES} MB", "MB", {"llm-kimi": grown}),
    ]
    return Report("files", "Attachments", HOW, "llm-kimi", rows)


if __name__ == "__main__":
    main(measure, {"memory": _memory})
