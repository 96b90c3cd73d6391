"""Files that were uploaded before, or are just being uploaded by another call."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from llm_kimi import APIError
from llm_kimi.exchange import Target
from llm_kimi.files import permanent_uploads
from llm_kimi.files.permanent_uploads import Keeping, Keepings
from llm_kimi.files.request_files import RequestFiles
from llm_kimi.files.store.cache import account, default_cache
from llm_kimi.files.upload import FileUpload
from llm_kimi.simulator import Simulator
from llm_kimi.transport.openai_sdk import AsyncOpenAITransport, OpenAITransport
from llm_kimi.transport.run import run
from tests.support.real_files import MP4, data_url, pdf, png
from tests.support.request_files import attach, chats, client_of, drain, exchange_of, paths, send


@pytest.mark.parametrize("content", [pdf(), MP4, png() + b"\0" * 5_000_000], ids=["a", "b", "c"])
def test_the_second_time_nothing_is_uploaded(kimi: Simulator, way: str, content: bytes) -> None:
    send(kimi, attach(content), way)
    kimi.requests.clear()
    send(kimi, attach(content), way)
    assert paths(kimi) == ["POST /chat/completions"]


def test_a_large_file_is_read_once_and_known_again(
    kimi: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_kimi.files.load.IN_MEMORY", 1000)
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf() + b"%" * 200_000)
    old = time.time() - 60
    os.utime(path, (old, old))
    send(kimi, attach(path))
    known = default_cache().known(str(path), path.stat())
    assert known is not None
    kimi.requests.clear()
    send(kimi, attach(path))
    assert paths(kimi) == ["POST /chat/completions"]
    path.write_bytes(pdf("other") + b"%" * 200_000)
    send(kimi, attach(path))
    assert paths(kimi).count("POST /files") == 1


@pytest.mark.parametrize("content", [pdf(), MP4], ids=["document", "video"])
def test_callers_at_the_same_time_share_one_upload(
    kimi: Simulator, way: str, content: bytes
) -> None:
    kimi.file_rules.extract_delay = 0.2

    def ask() -> None:
        send(kimi, attach(content))

    async def together() -> None:
        transport = AsyncOpenAITransport(kimi.base_url, kimi.key)
        exchanges = [exchange_of(kimi, attach(content)) for _ in range(6)]
        await asyncio.gather(*(drain(exchange, transport) for exchange in exchanges))

    if way == "sync":
        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        asyncio.run(together())
    assert paths(kimi).count("POST /files") == 1
    assert len(chats(kimi)) == 6


@pytest.mark.parametrize("content", [pdf(), MP4], ids=["document", "video"])
def test_what_another_call_has_just_brought_is_not_uploaded_again(
    kimi: Simulator, way: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes between the look into the cache and the upload."""
    look_up = FileUpload.look_up
    others = iter([attach(content)])

    def too_early(self: FileUpload) -> bool:
        found = look_up(self)
        for other in others:
            send(kimi, other)
        return found

    monkeypatch.setattr(FileUpload, "look_up", too_early)
    send(kimi, attach(content), way)
    assert paths(kimi).count("POST /files") == 1
    assert len(chats(kimi)) == 2


def keep(kimi: Simulator, path: Path) -> Keeping:
    """Upload it to stay."""
    files = RequestFiles(Target(base_url=kimi.base_url, key=kimi.key), keep=True)
    keepings = Keepings(files, [str(path)], None)
    list(run(keepings, OpenAITransport(kimi.base_url, kimi.key)))
    return keepings.files[0]


@pytest.mark.parametrize("other", ["upload", "chat"])
def test_a_file_that_is_to_stay_and_another_call_has_just_brought(
    kimi: Simulator, tmp_path: Path, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chat leaves the text of a document: that is not the file at Kimi."""
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf())
    known = permanent_uploads._known
    others = iter([keep if other == "upload" else lambda kimi, path: send(kimi, attach(path))])

    def too_early(*given: Any) -> Any:
        found = known(*given)
        for bring in others:
            bring(kimi, path)
        return found

    monkeypatch.setattr(permanent_uploads, "_known", too_early)
    kept = keep(kimi, path)
    assert [file["id"] for file in kimi.files] == [kept.remote_id]
    assert kept.already == (other == "upload")


def test_another_account_has_its_own(kimi: Simulator) -> None:
    send(kimi, attach(MP4))
    assert default_cache().entries(account("sk-other", kimi.base_url)) == []
    assert len(default_cache().entries(account(kimi.key, kimi.base_url))) == 1


def test_files_that_are_gone_are_uploaded_again(kimi: Simulator, way: str) -> None:
    second = MP4 + b"\0"
    send(kimi, attach(MP4, second), way)
    with client_of(kimi) as client:
        client.files.delete(kimi.files[0]["id"])
    kimi.requests.clear()
    send(kimi, attach(MP4, second), way)
    assert paths(kimi).count("POST /files") == 1
    assert paths(kimi).count("POST /chat/completions") == 2
    assert len(kimi.files) == 2
    for n in (1, 2):
        with client_of(kimi) as client:
            client.files.delete(kimi.files[0]["id"])
        kimi.requests.clear()
        send(kimi, {**attach(MP4, second), "n": 2}, way)
        assert paths(kimi).count("POST /files") == 1
        assert paths(kimi).count("POST /chat/completions") == 2, n


def test_a_nudge_goes_with_the_fresh_file(kimi: Simulator, way: str) -> None:
    send(kimi, attach(MP4), way)
    with client_of(kimi) as client:
        client.files.delete(kimi.files[0]["id"])
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    request = attach(MP4)
    request["messages"][0]["content"][0]["text"] = "{{no-call}}"
    (notice,) = send(kimi, {**request, "tools": [tool], "tool_choice": "required"}, way)
    assert "asked twice" in notice
    assert paths(kimi)[-3:] == ["POST /chat/completions"] * 3
    (stored,) = kimi.files
    assert f"ms://{stored['id']}" in str(chats(kimi)[-1])


@pytest.mark.parametrize("status", [404, 405])
def test_a_host_without_files_gets_media_inline(kimi: Simulator, way: str, status: int) -> None:
    """Self-hosted servers and many relays have chats only."""
    large = png() + b"\0" * 5_000_000
    for content, mime in ((MP4, "video/mp4"), (large, "image/png")):
        kimi.fault(status=status, path="/v1/files")
        send(kimi, attach(content), way)
        part = chats(kimi)[-1]["messages"][0]["content"][1]
        assert part[part["type"]]["url"] == data_url(mime, content)
    kimi.fault(status=status, path="/v1/files")
    with pytest.raises(APIError):
        send(kimi, attach(pdf()), way)


def test_other_errors_are_not_taken_for_that(kimi: Simulator, way: str) -> None:
    send(kimi, attach(MP4), way)
    kimi.fault(status=400, path="/v1/chat")
    with pytest.raises(APIError):
        send(kimi, attach(MP4), way)
    assert len(kimi.files) == 1
