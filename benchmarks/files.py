"""Attachments: memory for one large document, time for eight, against the offline Kimi."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import environment

from llm_kimi.exchange import Exchange, Target
from llm_kimi.files.request_files import RequestFiles
from llm_kimi.simulator import Simulator
from llm_kimi.translation import Attached, translate
from llm_kimi.transport.openai_sdk import OpenAITransport
from llm_kimi.transport.run import run

MEGABYTES = 99
READING = 0.5
"""Seconds that the offline Kimi takes to read a document."""


def _send(base_url: str, key: str, *files: Attached) -> None:
    content: list[Any] = [{"type": "file", "file": file} for file in files]
    request = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": content}]}
    target = Target(base_url=base_url, key=key)
    exchange = Exchange(translate(request), target, files=RequestFiles(target))
    for _ in run(exchange, OpenAITransport(base_url, key)):
        pass


def _memory(base_url: str, key: str, path: str) -> None:
    """In a process of its own: how much memory the document takes."""
    import resource

    _send(base_url, key, Attached(content=b"warm up"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _send(base_url, key, Attached(name="big.pdf", path=path))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"memory grown by a document of {MEGABYTES} MB: {(after - before) / 1024:.1f} MB")


def main() -> None:
    """Print both."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LLM_USER_PATH"] = folder
        with Simulator() as kimi:
            path = Path(folder) / "big.pdf"
            path.write_bytes(b"%PDF-1.4\n" + os.urandom(MEGABYTES * 1024 * 1024))
            arguments = ["--memory", kimi.base_url, kimi.key, str(path)]
            subprocess.run(
                [sys.executable, __file__, *arguments],
                env=environment(LLM_USER_PATH=folder),
                check=True,
            )
            kimi.file_rules.extract_delay = READING
            documents = [
                Attached(name="a.pdf", content=b"%PDF-1.4\n" + os.urandom(1000)) for _ in range(16)
            ]
            start = time.perf_counter()
            for document in documents[:8]:
                _send(kimi.base_url, kimi.key, document)
            one_by_one = time.perf_counter() - start
            start = time.perf_counter()
            _send(kimi.base_url, kimi.key, *documents[8:])
            together = time.perf_counter() - start
            kimi.requests.clear()
            _send(kimi.base_url, kimi.key, *documents[8:])
            paths = [record["path"] for record in kimi.requests]
    print(
        f"8 documents: {together:.2f} s together, {one_by_one:.2f} s one after another "
        f"({together / one_by_one:.2f}); the second time {paths.count('/v1/files')} uploads, "
        f"{len(paths)} request"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        _memory(*sys.argv[2:5])
    else:
        main()
