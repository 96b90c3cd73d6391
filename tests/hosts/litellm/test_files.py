"""Files in LiteLLM's calls: http images, videos, OpenAI's file parts; in all four ways."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import litellm
import pytest

from llm_kimi.simulator import Simulator
from tests.support.litellm_asking import ask
from tests.support.real_files import JPEG, MP4, SVG, data_url, docx, pdf, png

Json = dict[str, Any]


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def file_part(**file: Any) -> Json:
    return {"type": "file", "file": file}


def image_part(url: Any) -> Json:
    return {"type": "image_url", "image_url": url}


def chat(kimi: Simulator) -> list[Json]:
    """The messages of the newest chat request."""
    found: list[Json] = [
        record["body"] for record in kimi.requests if record["path"] == "/v1/chat/completions"
    ][-1]["messages"]
    return found


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server with a picture and a document, on this machine, which is allowed here."""
    monkeypatch.setenv("KIMI_ALLOW_PRIVATE_URLS", "1")
    served = {"/a.jpg": JPEG, "/a.pdf": pdf(), "/a.mp4": MP4, "/page": b"<!doctype html><p>Hi"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = served.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("form", ["object", "text", "format"])
def test_images_of_the_web_go_inline(kimi: Simulator, web: str, way: str, form: str) -> None:
    url = f"{web}/a.jpg"
    value = {"object": {"url": url}, "text": url, "format": {"url": url, "format": "image/png"}}
    given = [{"type": "text", "text": "what is it?"}, image_part(value[form])]
    result = ask(way, given)
    assert "1 attached: image" in result.text
    sent = chat(kimi)[0]["content"][1]["image_url"]
    assert (sent["url"] if isinstance(sent, dict) else sent) == data_url("image/jpeg", JPEG)
    assert given[1] == image_part(value[form])


def test_videos_are_uploaded_once(kimi: Simulator, web: str, way: str) -> None:
    part = {"type": "video_url", "video_url": {"url": f"{web}/a.mp4"}}
    for _ in range(2):
        assert "1 attached: video" in ask(way, [part]).text
    (stored,) = kimi.files
    assert stored["purpose"] == "video"
    assert chat(kimi)[0]["content"][0]["video_url"]["url"] == f"ms://{stored['id']}"
    inline = {"type": "video_url", "video_url": {"url": data_url("video/mp4", MP4)}}
    ask(way, [inline])
    assert chat(kimi)[0]["content"][0]["video_url"]["url"] == f"ms://{stored['id']}"


@pytest.mark.parametrize("form", ["data", "bare", "url", "id"])
def test_documents(kimi: Simulator, web: str, way: str, form: str) -> None:
    content = pdf("Hello")
    given: Json = {"file_data": data_url("application/pdf", content), "filename": "a.pdf"}
    if form == "bare":
        given["file_data"] = base64_of(content)
    elif form == "url":
        given = {"file_id": f"{web}/a.pdf"}
    elif form == "id":
        headers = {"Authorization": f"Bearer {kimi.key}"}
        files = {"file": ("a.pdf", content)}
        answer = litellm.module_level_client.client.post(
            f"{kimi.base_url}/files", data={"purpose": "file-extract"}, files=files, headers=headers
        )
        given = {"file_id": answer.json()["id"]}
    result = ask(way, [{"type": "text", "text": "sum it up"}, file_part(**given)])
    document, question = chat(kimi)
    assert document["role"] == "system"
    assert '"a.pdf"' in document["content"]
    assert question == {"role": "user", "content": "sum it up"}
    assert len(kimi.files) == (form == "id")
    told = [change["param"] for change in result.adjustments]
    assert told == ["messages[0].content[1].file"] * (form in ("data", "bare"))


def test_documents_can_be_kept(kimi: Simulator, way: str) -> None:
    part = file_part(file_data=data_url("", docx()), filename="a.docx")
    ask(way, [part], keep_files=True)
    assert [stored["purpose"] for stored in kimi.files] == ["file-extract"]


def test_an_image_in_a_file_part_is_an_image(kimi: Simulator, way: str) -> None:
    ask(way, [file_part(file_data=data_url("application/pdf", png()), filename="a.pdf")])
    assert chat(kimi)[0]["content"][0]["image_url"]["url"] == data_url("image/png", png())


def test_several_answers_share_one_upload(kimi: Simulator, way: str) -> None:
    part = file_part(file_data=data_url("", docx()), filename="a.docx")
    result = ask(way, [part], n=3)
    choices = [choice for chunk in result.chunks or [result.response] for choice in chunk.choices]
    assert {choice.index for choice in choices} == {0, 1, 2}
    assert [record["path"] for record in kimi.requests].count("/v1/files") == 1


BAD = [
    (file_part(file_data=data_url("", b"RIFF\x24\0\0\0WAVEfmt "), filename="a.wav"), "audio"),
    (file_part(file_data="no base64!"), "is not valid base64"),
    (file_part(filename="a.pdf"), "file_data or file_id"),
    (file_part(file_id="file-of-openai"), "no file file-of-openai"),
    (file_part(file_data=data_url("", b"%PDF-1.4 [[simulator: extract-error]]")), "cannot be read"),
    (image_part(data_url("image/png", SVG)), "no SVG"),
    (image_part("http://127.0.0.1:1/a.png"), "KIMI_ALLOW_PRIVATE_URLS"),
    (image_part("http://169.254.169.254/latest/meta-data"), "KIMI_ALLOW_PRIVATE_URLS"),
    ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, "no audio"),
]


@pytest.mark.parametrize(("part", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_what_cannot_be_sent(kimi: Simulator, way: str, part: Json, reason: str) -> None:
    with pytest.raises(litellm.BadRequestError, match=reason) as caught:
        ask(way, [{"type": "text", "text": "look"}, part])
    assert "messages[0].content[1]" in str(caught.value)
    assert "/v1/chat/completions" not in [record["path"] for record in kimi.requests]
    assert kimi.files == []


@pytest.mark.parametrize(
    ("path", "reason"), [("/page", "is a web page, no file"), ("/gone.png", "404")]
)
def test_urls_without_a_file(kimi: Simulator, web: str, way: str, path: str, reason: str) -> None:
    with pytest.raises(litellm.BadRequestError, match=reason):
        ask(way, [image_part(f"{web}{path}")])
    assert kimi.requests == []


def test_strict_mode_sees_a_pdf_behind_a_url(
    kimi: Simulator, web: str, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    part = file_part(file_id=f"{web}/a.pdf")
    ask(way, [part])
    assert "pictures in it are not seen" in caplog.text
    kimi.requests.clear()
    with pytest.raises(litellm.BadRequestError, match="strict mode"):
        ask(way, [part], strict=True)
    assert kimi.requests == []


def test_documents_in_image_parts_by_url(kimi: Simulator, web: str, way: str) -> None:
    """LiteLLM hands on the documents of the Messages API so."""
    ask(way, [image_part({"url": f"{web}/a.pdf"})])
    assert '"a.pdf"' in chat(kimi)[0]["content"]


def test_an_upload_that_fails(kimi: Simulator, way: str) -> None:
    kimi.fault(status=401, path="/v1/files")
    with pytest.raises(litellm.AuthenticationError):
        ask(way, [file_part(file_data=data_url("", docx()), filename="a.docx")])
    kimi.fault(status=503, path="/v1/files")
    ask(way, [file_part(file_data=data_url("", docx()), filename="a.docx")])
    assert kimi.files == []


def test_a_remembered_file_that_is_gone_is_uploaded_again(kimi: Simulator, way: str) -> None:
    part = {"type": "video_url", "video_url": {"url": data_url("video/mp4", MP4)}}
    ask(way, [part])
    (first,) = kimi.files
    headers = {"Authorization": f"Bearer {kimi.key}"}
    litellm.module_level_client.client.delete(
        f"{kimi.base_url}/files/{first['id']}", headers=headers
    )
    ask(way, [part])
    (second,) = kimi.files
    assert second["id"] != first["id"]
