"""The offline Kimi's ``/v1/files``: what is stored, read, refused and kept from other accounts.

Limits, fields and texts: https://platform.kimi.ai/docs/api/files-upload,
https://platform.kimi.ai/docs/api/errors and https://platform.kimi.ai/docs/openapi.json
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import time
import tracemalloc
from collections.abc import Iterator

import httpx
import openai
import pytest

from llm_kimi.simulator import Simulator
from llm_kimi.simulator.files.extract import ERROR_MARK
from tests.support.bare_client import (
    BAD_PURPOSE,
    MB,
    NO_TEXT,
    TOO_LARGE,
    archive,
    connect,
    read,
    refusal,
    show,
    upload,
)

# The five endpoints


def test_an_uploaded_file_has_the_documented_fields(kimi: Simulator, client: httpx.Client) -> None:
    answer = upload(client, "notes.md", "# Über".encode())
    assert answer.status_code == 200
    stored = answer.json()
    assert stored == {
        "id": stored["id"],
        "object": "file",
        "bytes": 7,
        "created_at": stored["created_at"],
        "filename": "notes.md",
        "purpose": "file-extract",
        "status": "ready",
    }
    assert stored["id"].startswith("file_")
    assert abs(stored["created_at"] - time.time()) < 60
    assert client.get(f"/files/{stored['id']}").json() == stored
    assert client.get("/files").json() == {"object": "list", "data": [stored]}
    content = client.get(f"/files/{stored['id']}/content")
    assert content.headers["content-type"].startswith("text/plain")
    assert content.text == "# Über"
    assert kimi.files == [{**stored, "sha256": hashlib.sha256("# Über".encode()).hexdigest()}]


def test_a_deleted_file_is_gone(kimi: Simulator, client: httpx.Client) -> None:
    file_id = upload(client).json()["id"]
    gone = client.delete(f"/files/{file_id}")
    assert gone.json() == {"id": file_id, "object": "file", "deleted": True}
    assert client.get("/files").json()["data"] == kimi.files == []
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/content")):
        answer = client.request(method, f"/files/{file_id}{path}")
        assert file_id in refusal(answer, 404)
        assert kimi.requests[-1]["rule"] == "file-not-found"


def test_only_documents_have_a_content(client: httpx.Client) -> None:
    for name, purpose in (("a.png", "image"), ("a.mp4", "video"), ("a.jsonl", "batch")):
        stored = upload(client, name, b"x", purpose)
        assert stored.json()["purpose"] == purpose
        assert "no content" in refusal(client.get(f"/files/{stored.json()['id']}/content"))


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/files"), ("POST", "/files/x"), ("GET", "/files/x/y"), ("GET", "/files/")],
)
def test_other_paths_and_methods_are_404(client: httpx.Client, method: str, path: str) -> None:
    assert client.request(method, path).status_code == 404


def test_the_openai_sdk_uploads_reads_lists_and_deletes(
    kimi: Simulator, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "plan.txt"
    path.write_text("the plan", encoding="utf-8")
    with openai.OpenAI(base_url=kimi.base_url, api_key=kimi.key, max_retries=0) as sdk:
        stored = sdk.files.create(file=path, purpose="file-extract")  # type: ignore[arg-type]
        assert (stored.filename, stored.bytes, stored.status) == ("plan.txt", 8, "ready")
        assert sdk.files.content(stored.id).text == "the plan"
        assert [one.id for one in sdk.files.list().data] == [stored.id]
        assert sdk.files.retrieve(stored.id).id == stored.id
        assert sdk.files.delete(stored.id).deleted
        with pytest.raises(openai.NotFoundError):
            sdk.files.retrieve(stored.id)


def test_a_name_that_is_there_already_is_changed(client: httpx.Client) -> None:
    names = [upload(client, "report.txt").json()["filename"] for _ in range(3)]
    assert names == ["report.txt", "report (1).txt", "report (2).txt"]


def test_names_come_through_whole(kimi: Simulator, client: httpx.Client) -> None:
    for name in ('q"uote.txt', "bericht äöü 報告.txt", "a;b.txt"):
        assert upload(client, name).json()["filename"] == name
    raw = (
        b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfile-extract\r\n'
        b"--b \r\nContent-Disposition: form-data; filename*=UTF-8''%C3%A4.txt; name=file\r\n\r\n"
        b"in\r\n--bb\r\nside\r\n--b--\r\nafterwards"
    )
    headers = {"Content-Type": 'multipart/form-data; boundary="b"'}
    stored = client.post("/files", content=raw, headers=headers).json()
    assert stored["filename"] == "ä.txt"
    assert client.get(f"/files/{stored['id']}/content").text == "in\r\n--bb\r\nside"


# Accounts


def test_files_belong_to_the_account(kimi: Simulator, client: httpx.Client) -> None:
    file_id = upload(client, "a.png", b"x", "image").json()["id"]
    with connect(kimi, "sk-another") as other:
        assert other.get("/files").json()["data"] == []
        assert other.get(f"/files/{file_id}").status_code == 404
        assert other.delete(f"/files/{file_id}").status_code == 404
        assert file_id in refusal(other.post("/chat/completions", json=show("image", file_id)))
        assert upload(other, "a.png", b"x", "image").json()["filename"] == "a.png"
    assert client.get(f"/files/{file_id}").status_code == 200
    assert len(kimi.files) == 2


def test_without_a_key_nothing_is_stored(kimi: Simulator) -> None:
    with connect(kimi, "sk-wrong") as client:
        assert upload(client).status_code == 401
        assert client.get("/files").status_code == 401
    assert kimi.files == []


def test_no_record_holds_bytes_or_a_key(tmp_path: pathlib.Path) -> None:
    log, key = tmp_path / "log.jsonl", "sk-very-secret"
    with Simulator(log=log) as kimi, connect(kimi, key) as client:
        upload(client, f"{key}.txt", b"inside " + key.encode())
        client.get(f"/files/{key}")
        sent = kimi.requests[0]
        assert sent["body"] == {
            "purpose": "file-extract",
            "filename": "***.txt",
            "bytes": 21,
            "sha256": hashlib.sha256(b"inside " + key.encode()).hexdigest(),
        }
        assert key not in json.dumps(kimi.requests)
        assert all(key not in stored.owner for stored in kimi.store._files.values())
    written = log.read_text(encoding="utf-8")
    assert key not in written
    assert "inside" not in written


# What is refused


@pytest.mark.parametrize("purpose", ["assistants", "user_data", "", None])
def test_other_purposes_are_refused(
    kimi: Simulator, client: httpx.Client, purpose: str | None
) -> None:
    answer = upload(client, purpose=purpose)
    assert refusal(answer) == f"Invalid purpose: {purpose or ''}, {BAD_PURPOSE}"
    assert (kimi.requests[-1]["rule"], kimi.files) == ("file-purpose", [])


def test_an_empty_file_is_refused(client: httpx.Client) -> None:
    text = "File size is zero, please confirm and re-upload the file"
    assert refusal(upload(client, data=b"")) == text


def test_the_limits_are_the_documented_ones(kimi: Simulator) -> None:
    rules = kimi.file_rules
    assert (rules.count, rules.each, rules.total) == (1000, 100 * MB, 10 * 1024 * MB)


def test_a_file_over_100_mb_is_refused_and_one_of_100_mb_is_not(
    kimi: Simulator, client: httpx.Client
) -> None:
    assert upload(client, "a.mp4", bytes(100 * MB), "video").json()["bytes"] == 100 * MB
    assert refusal(upload(client, "a.mp4", bytes(100 * MB + 1), "video")) == TOO_LARGE
    assert client.get("/files").status_code == 200
    assert kimi.connections == 1, "the connection stays open"
    assert kimi.requests[1]["body"]["sha256"] is None
    assert len(kimi.files) == 1


def test_a_large_file_is_never_in_memory(kimi: Simulator, client: httpx.Client) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfile-extract\r\n'
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        for _ in range(640):
            yield b"0123456789abcdef" * 4096
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    tracemalloc.start()
    try:
        stored = client.post("/files", content=pieces(), headers=headers).json()
        read, path = 0, f"/files/{stored['id']}/content"
        with client.stream("GET", path) as answer:
            for piece in answer.iter_raw():
                read += len(piece)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read == stored["bytes"] == 40 * MB
    assert kimi.files[0]["sha256"] == hashlib.sha256(b"0123456789abcdef" * 4096 * 640).hexdigest()
    assert most < 12 * MB


def test_too_many_files(kimi: Simulator, client: httpx.Client) -> None:
    kimi.file_rules.count = 2
    for _ in range(2):
        assert upload(client).status_code == 200
    assert refusal(upload(client)) == "Too many uploaded files"
    with connect(kimi, "sk-another") as other:
        assert upload(other).status_code == 200
    client.delete(f"/files/{kimi.files[0]['id']}")
    assert upload(client).status_code == 200


def test_too_much_in_all(kimi: Simulator, client: httpx.Client) -> None:
    kimi.file_rules.total = 9
    assert upload(client, data=b"12345").status_code == 200
    assert "10GB" in refusal(upload(client, data=b"12345"))
    assert upload(client, data=b"1234").status_code == 200


@pytest.mark.parametrize(
    ("name", "purpose"),
    [
        ("a.zip", "file-extract"),
        ("a.mp3", "file-extract"),
        ("a.svg", "file-extract"),
        ("README", "file-extract"),
        ("a.svg", "image"),
        ("a.tiff", "image"),
        ("a.mp4", "image"),
        ("a.png", "video"),
        ("a.mkv", "video"),
    ],
)
def test_formats_that_are_not_supported(client: httpx.Client, name: str, purpose: str) -> None:
    assert name in refusal(upload(client, name, b"x", purpose))


@pytest.mark.parametrize("name", ["a.jpeg", "A.PNG", "a.gif", "a.webp", "a.bmp", "a.heic", "a.jpg"])
def test_image_formats(client: httpx.Client, name: str) -> None:
    assert upload(client, name, b"x", "image").status_code == 200


@pytest.mark.parametrize("name", ["mp4", "mpeg", "mov", "avi", "flv", "webm", "wmv", "3gp"])
def test_video_formats(client: httpx.Client, name: str) -> None:
    assert upload(client, f"a.{name}", b"x", "video").status_code == 200


def test_a_body_without_a_file_or_without_sense(kimi: Simulator, client: httpx.Client) -> None:
    fields = {"purpose": (None, "file-extract")}
    assert "file is required" in refusal(client.post("/files", files=fields))
    text = {**fields, "file": (None, "no file name")}
    assert "file is required" in refusal(client.post("/files", files=text))
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    nameless = b"--b\r\nContent-Disposition: attachment\r\n\r\nx\r\n--b--"
    for raw in (b"", b"--b", b"--b\r\nno end", b"--b\r\n" + b"x" * 20_000, nameless):
        assert "multipart" in refusal(client.post("/files", content=raw, headers=kind))
    assert "multipart" in refusal(client.post("/files", json={"purpose": "image"}))
    assert kimi.connections == 1
    assert kimi.files == []


# What is read


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("a.txt", b"\xef\xbb\xbfplain", "plain"),
        ("a.txt", "weit".encode("utf-16"), "weit"),
        ("a.csv", b"a,b\r\n1,2\r\n", "a,b\r\n1,2\r\n"),
        ("a.JSON", b'{"a": 1}', '{"a": 1}'),
        ("a.py", b"def f(): ...", "def f(): ..."),
        ("a.log", b"bad \xff byte", "bad � byte"),
        (
            "a.html",
            b"<title>T</title><h1>Head</h1><p>one <b>two</b> &amp; three<script>x()</script></p>",
            "Head\none two & three\n",
        ),
        (
            "a.docx",
            archive(
                word__document_DOT_xml='<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>Dear </w:t>'
                "</w:r><w:r><w:t>Ada</w:t></w:r></w:p><w:p><w:r><w:t>Bye</w:t></w:r></w:p>"
                "</w:body></w:document>"
            ),
            "Dear Ada\nBye\n",
        ),
        (
            "a.epub",
            b"PK...",
            "[offline Kimi] Stand-in for the text of a.epub (application/epub+zip, 5 bytes)",
        ),
        (
            "a.pdf",
            b"%PDF-1.7 ...",
            "[offline Kimi] Stand-in for the text of a.pdf (application/pdf, 12 bytes)",
        ),
    ],
)
def test_documents_are_read(client: httpx.Client, name: str, data: bytes, text: str) -> None:
    assert read(client, name, data) == text


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.pdf", b"no PDF", "no PDF"),
        ("a.pdf", b"%PDF-1.7" + bytes(100_000) + b"/Encrypt 1 0 R", "encrypted"),
        ("a.docx", b"no archive", "broken"),
        ("a.docx", archive(word__document_DOT_xml="<w"), "broken"),
        ("a.txt", b"x" * 65_530 + ERROR_MARK.encode(), "asks for an error"),
        (
            "a.docx",
            archive(word__document_DOT_xml=f"<d><p><t>{ERROR_MARK}</t></p></d>"),
            "asks for an error",
        ),
    ],
)
def test_a_document_that_cannot_be_read_is_stored_with_its_error(
    client: httpx.Client, name: str, data: bytes, why: str
) -> None:
    stored = upload(client, name, data).json()
    assert stored["status"] == "error"
    assert why in stored["status_details"]
    assert client.get("/files").json()["data"] == [stored]
    assert refusal(client.get(f"/files/{stored['id']}/content")) == NO_TEXT
    assert client.delete(f"/files/{stored['id']}").status_code == 200


def test_a_document_without_text_is_refused(kimi: Simulator, client: httpx.Client) -> None:
    empty = archive(word__document_DOT_xml="<d><p></p></d>")
    for name, data in (("a.txt", b" \n"), ("a.html", b"<p></p>"), ("a.docx", empty)):
        assert refusal(upload(client, name, data)) == NO_TEXT
    assert kimi.files == []


def test_pictures_are_read_as_documents_only_with_ocr(
    kimi: Simulator, client: httpx.Client
) -> None:
    """https://platform.kimi.ai/docs/api/files-upload: not since 31 August 2026"""
    assert "a.png" in refusal(upload(client, "a.png", b"x"))
    kimi.file_rules.ocr = True
    assert "(image/png, 1 bytes)" in read(client, "a.png", b"x")


def test_the_content_may_come_as_json(kimi: Simulator, client: httpx.Client) -> None:
    kimi.file_rules.json_content = True
    assert json.loads(read(client, "ä.txt", b"text")) == {
        "content": "text",
        "file_type": "text/plain",
        "filename": "ä.txt",
        "title": "",
        "type": "file",
    }


def test_reading_a_document_may_take_a_while() -> None:
    with Simulator(extract_delay=600) as kimi, connect(kimi) as client:
        upload(client, "a.png", b"x", "image")  # or the client would time out
        kimi.file_rules.extract_delay = 0.2
        start = time.monotonic()
        upload(client)
        assert time.monotonic() - start >= 0.2
