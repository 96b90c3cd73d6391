"""Whatever goes wrong midway: nothing is left at Kimi that nobody knows of."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from llm_kimi import APIConnectionError, APIError, InvalidRequestError, translate
from llm_kimi.exchange import Chunks, Exchange, Target
from llm_kimi.files.request_files import RequestFiles
from llm_kimi.files.store.cache import account, default_cache
from llm_kimi.files.upload_body import UploadBody
from llm_kimi.simulator import Simulator
from llm_kimi.translation import Attached
from llm_kimi.transport.openai_sdk import AsyncOpenAITransport, OpenAITransport
from llm_kimi.transport.run import run
from tests.support.real_files import MP4, docx, pdf
from tests.support.request_files import (
    Json,
    attach,
    chats,
    drain,
    exchange_of,
    owed_files,
    paths,
    send,
)
from tests.support.waiting import until
from tests.support.warm import warm


@pytest.mark.parametrize("keep", [False, True])
def test_one_that_cannot_be_read_takes_the_others_with_it(
    kimi: Simulator, way: str, keep: bool
) -> None:
    bad = b"%PDF-1.4 [[simulator: extract-error]]"
    with pytest.raises(InvalidRequestError, match=r"attachment: .*cannot be read by Kimi"):
        send(kimi, attach(bad), way, keep=keep)
    assert kimi.files == []
    with pytest.raises(InvalidRequestError, match="cannot be read by Kimi"):
        send(kimi, attach(bad, pdf("one"), pdf("two")), way)
    assert kimi.files == []
    assert chats(kimi) == []
    assert default_cache().pending(account(kimi.key, kimi.base_url)) == []


def test_a_document_without_text(kimi: Simulator, way: str) -> None:
    with pytest.raises(InvalidRequestError, match="has no text that Kimi could find"):
        send(kimi, attach(Attached(name="a.docx", content=docx(""))), way)
    assert kimi.files == []


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429, "retry_after": 0.01}])
@pytest.mark.parametrize("path", ["/v1/files", "/v1/files/*/content"])
def test_passing_troubles_are_tried_again(
    kimi: Simulator, way: str, path: str, fault: Json
) -> None:
    kimi.fault(path=path, **fault)
    send(kimi, attach(pdf()), way)
    assert kimi.files == []
    assert len(chats(kimi)) == 1


def test_a_quota_is_not(kimi: Simulator, way: str) -> None:
    kimi.fault(
        status=429, type="exceeded_current_quota_error", message="out of quota", path="/v1/files"
    )
    with pytest.raises(APIError, match="out of balance"):
        send(kimi, attach(pdf()), way)
    assert paths(kimi) == ["POST /files"]


def test_content_that_never_comes_leaves_no_file(kimi: Simulator, way: str) -> None:
    for _ in range(3):
        kimi.fault(path="/v1/files/*/content", status=500)
    with pytest.raises(APIError):
        send(kimi, attach(pdf()), way)
    assert kimi.files == []


def test_a_copy_that_cannot_be_deleted_is_told_and_remembered(kimi: Simulator, way: str) -> None:
    for _ in range(3):
        kimi.fault(path="/v1/files/", method="DELETE", status=500)
    (notice,) = send(kimi, attach(Attached(name="a.pdf", content=pdf())), way)
    assert "llm kimi files prune" in notice
    (owed,) = default_cache().pending(account(kimi.key, kimi.base_url))
    assert owed.remote_id == kimi.files[0]["id"]


def test_no_connection(kimi: Simulator, way: str) -> None:
    base_url = "http://127.0.0.1:1/v1"
    target = Target(base_url=base_url, key="sk-x")
    exchange = Exchange(
        translate(attach(pdf())),
        target,
        files=RequestFiles(target, max_retries=0),
        jitter=lambda: 0.0,
    )
    with pytest.raises(APIConnectionError, match="no connection"):
        list(run(exchange, OpenAITransport(base_url, "sk-x")))
    assert default_cache().pending(account("sk-x", base_url)) == []


def test_an_upload_whose_answer_is_lost_is_taken_back(kimi: Simulator, way: str) -> None:
    """The file is stored and the answer never arrives: it is found by its name and deleted."""
    kimi.file_rules.extract_delay = 1.0
    exchange = exchange_of(kimi, attach(pdf()), max_retries=0)

    def impatiently() -> None:
        if way == "sync":
            list(run(exchange, OpenAITransport(kimi.base_url, kimi.key, timeout=0.4)))
        else:
            asyncio.run(drain(exchange, AsyncOpenAITransport(kimi.base_url, kimi.key, timeout=0.4)))

    with pytest.raises(APIConnectionError, match="timed out"):
        impatiently()
    until(lambda: kimi.files == [] or bool(owed_files(kimi)))
    assert kimi.files == [] or owed_files(kimi)


def test_a_cancelled_task_leaves_nothing(kimi: Simulator) -> None:
    kimi.file_rules.extract_delay = 1.0

    async def go() -> None:
        exchange = exchange_of(kimi, attach(*(pdf(str(number)) for number in range(6)), MP4))
        task = asyncio.create_task(drain(exchange, AsyncOpenAITransport(kimi.base_url, kimi.key)))
        while len(owed_files(kimi)) < 2 and not task.done():
            await asyncio.sleep(0.02)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(go())
    assert _all_known(kimi)
    assert {file["purpose"] for file in kimi.files} <= {"video"}, "documents are deleted"
    assert chats(kimi) == []


def test_a_cancelled_upload_that_takes_too_long_is_told(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("llm_kimi.transport.run.PATIENCE", 0.05)
    kimi.file_rules.extract_delay = 4.0
    content, read = pdf(), 0

    def noted(self: UploadBody, size: int = -1) -> bytes:
        nonlocal read
        piece = read_body(self, size)
        read += len(piece)
        return piece

    read_body = UploadBody.read
    monkeypatch.setattr(UploadBody, "read", noted)

    async def go() -> None:
        exchange = exchange_of(kimi, attach(Attached(name="a.pdf", content=content)))
        task = asyncio.create_task(drain(exchange, AsyncOpenAITransport(kimi.base_url, kimi.key)))
        while read < len(content) and not task.done():
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)  # until its bytes are on the way
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(go())
    assert '"a.pdf" may have been stored at Kimi: llm kimi files prune' in caplog.text
    (owed,) = owed_files(kimi)
    assert owed.remote_id is None
    until(lambda: len(kimi.files) == 1)
    assert kimi.files[0]["filename"] == owed.filename


def _all_known(kimi: Simulator) -> bool:
    """Whether the cache knows of every remote file."""
    cache, who = default_cache(), account(kimi.key, kimi.base_url)
    ids = {entry.remote_id for entry in cache.entries(who)}
    ids |= {owed.remote_id for owed in cache.pending(who)}
    names = {owed.filename for owed in cache.pending(who)}
    return all(file["id"] in ids or file["filename"] in names for file in kimi.files)


@pytest.mark.parametrize(("moment", "count"), [(0.05, 6), (0.4, 1), (0.8, 6)])
def test_ctrl_c_leaves_nothing(kimi: Simulator, tmp_path: Path, moment: float, count: int) -> None:
    kimi.file_rules.extract_delay = 3.0  # a busy machine sends the signal late
    arguments = []
    for number in range(count):
        path = tmp_path / f"{number}.pdf"
        path.write_bytes(pdf(f"number {number}"))
        arguments += ["-a", str(path)]
    process = subprocess.Popen(
        [*warm(), "llm", "-m", "kimi-k2.6", "-n", "read", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: process.poll() is not None or bool(owed_files(kimi)), 20)
    time.sleep(moment)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert "Traceback" not in errors
    assert process.returncode == 1
    until(lambda: _all_known(kimi))
    assert _all_known(kimi)
    assert chats(kimi) == []
    if moment > 0.05:
        until(lambda: kimi.files == [])
        assert kimi.files == []


def test_a_caller_who_stops_listening_leaves_nothing(kimi: Simulator, tmp_path: Path) -> None:
    """Without a cache nothing could be found again: it is deleted when the answer ends."""
    (tmp_path / "llm" / "kimi-files.db").write_bytes(b"this is no database" * 100)
    for end in ("close", "read"):
        exchange = exchange_of(kimi, attach(MP4))
        outputs = run(exchange, OpenAITransport(kimi.base_url, kimi.key))
        for output in outputs:
            if isinstance(output, Chunks) and end == "close":
                break
        outputs.close()
        assert kimi.files == [], end
