"""Files of the offline Kimi in chats, with faults, many at once, and what is left behind."""

from __future__ import annotations

import concurrent.futures
import io
import pathlib
import socket
import tempfile
import threading
import time
from typing import Any

import httpx
import pytest

from llm_kimi.simulator import Simulator, check_chat
from tests.support.bare_client import MB, TOO_LARGE, connect, refusal, show, upload
from tests.support.waiting import until

# Files in a chat: https://platform.kimi.ai/docs/guide/use-kimi-vision-model


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize(("what", "name"), [("image", "a.png"), ("video", "a.mp4")])
def test_a_chat_names_an_uploaded_file(
    client: httpx.Client, what: str, name: str, bare: bool
) -> None:
    file_id = upload(client, name, b"x", what).json()["id"]
    answer = client.post("/chat/completions", json=show(what, file_id, bare))
    assert f"1 attached: {what}" in answer.json()["choices"][0]["message"]["content"]
    estimate = client.post("/tokenizers/estimate-token-count", json=show(what, file_id, bare))
    assert estimate.status_code == 200
    client.delete(f"/files/{file_id}")
    for path in ("/chat/completions", "/tokenizers/estimate-token-count"):
        assert file_id in refusal(client.post(path, json=show(what, file_id, bare)))


@pytest.mark.parametrize(
    ("what", "name", "purpose"),
    [
        ("image", "a.mp4", "video"),
        ("video", "a.png", "image"),
        ("image", "a.pdf", "file-extract"),
        ("image", "a.jsonl", "batch"),
    ],
)
def test_a_file_for_something_else_is_refused(
    kimi: Simulator, client: httpx.Client, what: str, name: str, purpose: str
) -> None:
    file_id = upload(client, name, b"x", purpose).json()["id"]
    text = refusal(client.post("/chat/completions", json=show(what, file_id)))
    assert file_id in text
    assert f"'{purpose}'" in text
    assert kimi.requests[-1]["rule"] == "media-file-purpose"


def test_the_rules_alone_know_no_files() -> None:
    assert check_chat(show("image", "file_made_up")) is None


# Faults


def test_a_fault_is_aimed_at_files(kimi: Simulator, client: httpx.Client) -> None:
    kimi.fault(status=503, path="/v1/files", method="POST", times=2)
    kimi.fault(status=500, path="/v1/files/*/content")
    kimi.fault(drop=True, path="/v1/files/", method="DELETE")
    assert client.get("/models").status_code == 200
    assert client.get("/files").status_code == 200
    assert [upload(client).status_code for _ in range(3)] == [503, 503, 200]
    path = f"/files/{kimi.files[0]['id']}"
    assert client.get(path).status_code == 200
    assert [client.get(f"{path}/content").status_code for _ in range(2)] == [500, 200]
    with pytest.raises(httpx.RemoteProtocolError):
        client.delete(path)
    assert len(kimi.files) == 1
    assert client.delete(path).status_code == 200


def test_a_fault_may_stand_in_a_header(kimi: Simulator, client: httpx.Client) -> None:
    words = "429 engine_overloaded_error retry-after=0 path=/v1/files method=POST"
    headers = {"X-Simulator-Fault": words}
    assert client.get("/files", headers=headers).status_code == 200
    first = upload(client, headers=headers)
    assert (first.status_code, first.headers["retry-after"]) == (429, "0")
    assert upload(client, headers=headers).status_code == 200, "the same again"
    assert upload(client, "b.txt", headers=headers).status_code == 429, "another"
    drop = {"X-Simulator-Fault": "drop"}
    with pytest.raises(httpx.RemoteProtocolError):
        upload(client, "c.txt", headers=drop)
    assert len(kimi.files) == 1


def test_a_content_breaks_off(kimi: Simulator, client: httpx.Client) -> None:
    file_id = upload(client, data=b"x" * 1000).json()["id"]
    kimi.fault(cut_after=1)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(f"/files/{file_id}/content")


# Connections and what is left behind


def open_files() -> int:
    return len(list(pathlib.Path("/proc/self/fd").iterdir()))


def test_many_uploads_at_once(kimi: Simulator) -> None:
    barrier = threading.Barrier(40)

    def one(client: httpx.Client, number: int) -> bool:
        text = f"{number} " * 50_000
        barrier.wait(20)
        file_id = upload(client, "same.txt", text.encode()).json()["id"]
        return client.get(f"/files/{file_id}/content").text == text

    kimi.file_rules.count = 40
    limits = httpx.Limits(max_connections=40)
    headers = {"Authorization": f"Bearer {kimi.key}"}
    with (
        httpx.Client(base_url=kimi.base_url, headers=headers, limits=limits, timeout=30) as client,
        concurrent.futures.ThreadPoolExecutor(40) as pool,
    ):
        assert all(pool.map(lambda number: one(client, number), range(40)))
        assert refusal(upload(client)) == "Too many uploaded files"
    assert len({stored["filename"] for stored in kimi.files}) == 40
    assert len({stored["id"] for stored in kimi.files}) == 40


def test_a_limit_holds_also_for_uploads_at_once(kimi: Simulator) -> None:
    kimi.file_rules.count = 5
    with connect(kimi) as client, concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = pool.map(lambda _: upload(client).status_code, range(20))
    assert sorted(answers) == [200] * 5 + [400] * 15


@pytest.mark.parametrize("chunked", [False, True])
def test_who_sends_far_too_much_gets_the_answer(kimi: Simulator, chunked: bool) -> None:
    kimi.file_rules.each, kimi.file_rules.discard = 1000, 100_000
    data: Any = bytes(30 * MB)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    body = iter([head, *[data[:MB]] * 30]) if chunked else head + data
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    with connect(kimi) as client:
        answer = client.post("/files", content=body, headers=headers)
        assert refusal(answer) == TOO_LARGE
        assert answer.headers["connection"] == "close"
        assert upload(client).status_code == 200
    assert kimi.connections == 2


def test_a_chat_that_is_too_large_gets_the_answer(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_kimi.simulator.http.wire.MAX_BODY", MB)
    for body in (bytes(20 * MB), iter([bytes(MB)] * 20)):
        assert "100 MB" in refusal(client.post("/chat/completions", content=body))


@pytest.mark.skipif(not pathlib.Path("/proc/self/fd").exists(), reason="needs /proc")
@pytest.mark.parametrize("framing", ["Content-Length: 9000000", "Transfer-Encoding: chunked"])
def test_a_client_that_leaves_midway_leaves_nothing(
    framing: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    with Simulator(log=io.StringIO()) as kimi:
        before = open_files()
        head = (
            f"POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n{framing}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        )
        part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        data = part + bytes(2 * MB)
        if "chunked" in framing:
            data = b"%x\r\n%s\r\n" % (len(data), data)
        with socket.create_connection(("127.0.0.1", kimi.port)) as leaving:
            leaving.sendall(head.encode() + data)
        until(lambda: kimi.requests and kimi.requests[-1]["closed_early"])
        until(lambda: open_files() == before)
        assert kimi.requests[-1]["status"] is None
        assert kimi.files == []
        assert list((tmp_path / "temp").iterdir()) == []


@pytest.mark.skipif(not pathlib.Path("/proc/self/fd").exists(), reason="needs /proc")
def test_stop_removes_the_files_and_does_not_wait_for_uploads(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    before = open_files()
    kimi = Simulator(extract_delay=0).start()
    with connect(kimi) as client:
        upload(client, data=b"x" * 3 * MB)
        assert open_files() > before
        kimi.file_rules.extract_delay = 600
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            slow = pool.submit(upload, client)
            until(lambda: kimi.connections == 1)
            time.sleep(0.1)
            start = time.monotonic()
            kimi.stop()
            assert time.monotonic() - start < 60
            assert slow.exception() is None or isinstance(slow.exception(), httpx.HTTPError)
    assert kimi.files == []
    assert list((tmp_path / "temp").iterdir()) == []
    assert open_files() == before
    with kimi, connect(kimi) as client:
        assert client.get("/files").json()["data"] == []
        kimi.file_rules.extract_delay = 0
        assert upload(client).status_code == 200


def test_a_file_that_is_deleted_while_it_is_read(kimi: Simulator, client: httpx.Client) -> None:
    file_id = upload(client, data=b"x" * 40 * MB).json()["id"]
    with client.stream("GET", f"/files/{file_id}/content") as answer:
        pieces = answer.iter_raw()
        next(pieces)
        with connect(kimi) as other:
            assert other.delete(f"/files/{file_id}").status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
