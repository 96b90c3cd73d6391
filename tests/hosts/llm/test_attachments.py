"""Attachments: by path, from stdin, by URL, uploaded; refused where Kimi takes none."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import llm
import pytest

from llm_kimi import Kimi
from llm_kimi.simulator import Simulator
from llm_kimi.sniff.mime_types import DOCUMENT_TYPES, IMAGE_TYPES, VIDEO_TYPES
from tests.support.llm_runs import PNG, ask, bodies, fail, messages, roles, run, told
from tests.support.llm_runs import closed_clients as closed_clients
from tests.support.real_files import AVIF, DOCUMENTS, IMAGES, SVG, TEXTS, VIDEOS, docx, pdf

PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


@pytest.fixture
def web() -> Iterator[str]:
    """A server with some files, whose types are wrong; everything else is missing."""
    served = {"/a.png": PNG, "/a.pdf": pdf(), "/page": b"<!doctype html><p>Hi</p>", "/empty": b""}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = served.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if content and self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_by_path(kimi: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    assert "1 attached: image" in ask("what is it?", "-a", str(path)).stdout
    assert messages(kimi)[0]["content"] == [
        {"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": PNG_URL}},
    ]


def test_from_stdin_and_without_a_prompt(kimi: Simulator) -> None:
    ask("what is it?", "-a", "-", input=PNG)
    assert messages(kimi)[0]["content"][1]["image_url"]["url"] == PNG_URL


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files may come from this machine."""
    monkeypatch.setenv("KIMI_ALLOW_PRIVATE_URLS", "1")


@pytest.mark.usefixtures("near")
def test_by_url_the_picture_itself_is_sent(kimi: Simulator, web: str) -> None:
    ask("what is it?", "-a", f"{web}/a.png")
    assert messages(kimi)[0]["content"][1]["image_url"]["url"] == PNG_URL


def test_urls_of_this_machine_are_refused(kimi: Simulator, web: str) -> None:
    line = fail("what is it?", "--at", f"{web}/a.png", "image/png")
    assert "KIMI_ALLOW_PRIVATE_URLS" in line
    assert kimi.requests == []


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize(
    ("path", "reason"),
    [("/b.png", "404"), ("/page", "is a web page, no file"), ("/empty", "empty")],
)
def test_a_url_that_has_no_file(kimi: Simulator, web: str, path: str, reason: str) -> None:
    line = fail("what is it?", "--at", f"{web}{path}", "image/png")
    assert line.startswith("attachment: ")
    assert reason in line
    assert kimi.requests == []


@pytest.mark.usefixtures("near")
def test_a_document_by_url(kimi: Simulator, web: str) -> None:
    ask("sum it up", "--at", f"{web}/a.pdf", "application/pdf")
    document, question = messages(kimi)
    assert document["role"] == "system"
    assert '"a.pdf"' in document["content"]
    assert question["content"] == "sum it up"


def test_a_file_that_is_gone(kimi: Simulator, tmp_path: Path) -> None:
    gone = llm.Attachment(type="image/png", path=str(tmp_path / "gone.png"))
    with pytest.raises(llm.ModelError, match=r"gone\.png is not there"):
        llm.get_model("kimi-k2.6").prompt("hi", attachments=[gone]).text()


def _upload(kimi: Simulator, purpose: str, name: str, content: bytes, kind: str) -> str:
    answer = httpx.post(
        f"{kimi.base_url}/files",
        headers={"Authorization": f"Bearer {kimi.key}"},
        data={"purpose": purpose},
        files={"file": (name, content, kind)},
    )
    kimi.requests.clear()
    return f"ms://{answer.json()['id']}"


@pytest.mark.parametrize(("kind", "part"), [("image/png", "image_url"), ("video/mp4", "video_url")])
@pytest.mark.parametrize("told", [True, False])
def test_an_uploaded_file_is_named(kimi: Simulator, kind: str, part: str, told: bool) -> None:
    url = _upload(kimi, part.removesuffix("_url"), "a", PNG, kind)
    attachment = llm.Attachment(url=url, type=kind if told else None)
    llm.get_model("kimi-k2.6").prompt("what is it?", attachments=[attachment]).text()
    assert messages(kimi)[0]["content"][1] == {"type": part, part: {"url": url}}
    assert len(kimi.requests) == 1 + (not told)


def test_an_uploaded_document_is_read(kimi: Simulator) -> None:
    url = _upload(kimi, "file-extract", "a.txt", b"read me", "text/plain")
    ask("what is it?", "--at", url, "application/pdf")
    assert "read me" in messages(kimi)[0]["content"]


def test_an_uploaded_file_that_is_not_there(kimi: Simulator) -> None:
    line = fail("what is it?", "--at", "ms://file-1", "application/pdf")
    assert "no file file-1" in line


@pytest.mark.parametrize("kind", sorted(IMAGE_TYPES | VIDEO_TYPES))
@pytest.mark.parametrize("model", ["kimi-k2.6", "kimi-k3.1-pro"])
def test_every_type_that_is_offered_is_taken(kimi: Simulator, kind: str, model: str) -> None:
    attachment = llm.Attachment(type=kind, content={**IMAGES, **VIDEOS}[kind])
    llm.get_model(model).prompt("what is it?", attachments=[attachment]).text()
    assert [record["status"] for record in kimi.requests][-1] == 200
    url = messages(kimi)[0]["content"][1][f"{kind[:5]}_url"]["url"]
    assert url.startswith(f"data:{kind};" if kind in IMAGES else "ms://")


@pytest.mark.parametrize("name", sorted(DOCUMENTS) + sorted(TEXTS))
@pytest.mark.parametrize("model", ["kimi-k2.6", "moonshot-v1-8k"])
def test_documents_are_read_by_every_model(
    kimi: Simulator, tmp_path: Path, name: str, model: str
) -> None:
    path = tmp_path / name
    path.write_bytes({**DOCUMENTS, **TEXTS}[name])
    kimi.relay = True  # which still serves models that take text only
    Kimi(model).prompt("sum it up", attachments=[llm.Attachment(path=str(path))]).text()
    document, question = messages(kimi)
    assert (document["role"], question["content"]) == ("system", "sum it up")
    assert f'"{name}"' in document["content"]
    uploads = [r for r in kimi.requests if r["path"] == "/v1/files"]
    assert len(uploads) == (name in DOCUMENTS)
    assert kimi.files == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"RIFF\x24\0\0\0WAVEfmt ", "is audio (WAV), which Kimi reads neither as"),
        (AVIF, "is an AVIF image, which Kimi reads neither as"),
        (b"", "is empty"),
        (b"\x00\x01\x02", "is of a type unknown here"),
        (b"  \n", "contains only whitespace"),
    ],
)
@pytest.mark.parametrize("how", ["command", "conversation", "messages"])
def test_other_files_are_refused_before_anything_is_sent(
    kimi: Simulator, tmp_path: Path, content: bytes, reason: str, how: str
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    if how == "command":
        assert f"attachment: a.bin {reason}" in fail("read it", "--at", str(path), "image/png")
    else:
        attachment = llm.Attachment(type="image/png", path=str(path))
        model = llm.get_model("kimi-k2.6")
        given: dict[str, Any] = {"messages": [llm.user("read it", attachment)]}
        if how == "conversation":
            given = {"prompt": "read it", "attachments": [attachment]}
        with pytest.raises(llm.ModelError, match=re.escape(reason)):
            model.conversation().prompt(**given).text()
    assert kimi.requests == []


def test_svg_is_sent_as_text_when_asked_to(kimi: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_bytes(SVG)
    assert "Kimi takes no SVG" in fail("read it", "-a", str(path))
    assert kimi.requests == []
    ask("read it", "--at", str(path), "text/plain")
    assert SVG.decode() in messages(kimi)[0]["content"]


def test_pictures_of_earlier_turns_are_sent_again(kimi: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    ask("what is it?", "-a", str(path))
    ask("-c", "and now?")
    first = bodies(kimi)[0]["messages"][0]
    assert bodies(kimi)[1]["messages"][0] == first


def test_a_document_is_uploaded_once(kimi: Simulator, tmp_path: Path) -> None:
    """The next turns take its text from the cache, even when the file is gone by then."""
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf())
    ask("sum it up", "-a", str(path))
    first = messages(kimi)
    assert [record["method"] for record in kimi.requests] == ["POST", "GET", "DELETE", "POST"]
    kimi.requests.clear()
    ask("-c", "and now?")
    path.unlink()
    ask("-c", "and then?")
    assert [record["path"] for record in kimi.requests] == ["/v1/chat/completions"] * 2
    for record in kimi.requests:
        assert record["body"]["messages"][: len(first)] == first


def test_a_video_of_an_earlier_turn_may_be_gone(kimi: Simulator, tmp_path: Path) -> None:
    """What Kimi has already is named again."""
    video = tmp_path / "a.mp4"
    video.write_bytes(VIDEOS["video/mp4"])
    ask("what happens?", "-a", str(video))
    first = messages(kimi)
    video.unlink()
    assert told(ask("-c", "and then?")) == []
    assert messages(kimi)[: len(first)] == first


def test_the_async_model_does_the_same(kimi: Simulator, tmp_path: Path) -> None:
    paths = []
    for name, content in {**DOCUMENTS, **TEXTS, "a.png": PNG, "a.mp4": VIDEOS["video/mp4"]}.items():
        (tmp_path / name).write_bytes(content)
        paths += ["--at", str(tmp_path / name), "text/plain"]
    ask("sum it up", "--async", *paths)
    first = messages(kimi)
    assert [message["role"] for message in first] == ["system"] * 7 + ["user"]
    kinds = [part["type"] for part in first[-1]["content"]]
    assert kinds == ["text", "image_url", "video_url"]
    kimi.requests.clear()
    ask("sum it up", *paths)
    assert messages(kimi) == first
    assert len(kimi.requests) == 1


def test_documents_can_be_kept(kimi: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf())
    ask("sum it up", "-a", str(path), "-o", "keep_files", "1")
    assert [file["purpose"] for file in kimi.files] == ["file-extract"]


def test_tool_results_with_attachments(kimi: Simulator) -> None:
    """A document stands in the result itself: results follow their calls at once."""
    files = [PNG, pdf(), b"some text"]
    model = llm.get_model("kimi-k2.6")
    first = model.prompt("call: look", tools=[llm.Tool(name="look")])
    (call,) = first.tool_calls()
    result = llm.ToolResult(
        name="look",
        output="seen",
        tool_call_id=call.tool_call_id,
        attachments=[llm.Attachment(content=content) for content in files],
    )
    model.prompt(
        messages=[*first.prompt.messages, *first.messages()],
        tool_results=[result],
        tools=[llm.Tool(name="look")],
    ).text()
    content = messages(kimi)[2]["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "text", "text"]
    assert "some text" in content[3]["text"]
    assert kimi.requests[-1]["status"] == 200


def test_attachments_of_tools_in_a_chain(kimi: Simulator) -> None:
    """llm puts what tools attach into a message of the user's after the results."""

    def look() -> llm.ToolOutput:
        """Look."""
        files = [PNG, pdf(), b"some text"]
        return llm.ToolOutput("seen", [llm.Attachment(content=content) for content in files])

    llm.get_model("kimi-k2.6").chain("call: look", tools=[look]).text()
    assert roles(kimi) == ["user", "assistant", "tool", "system", "system", "user"]
    assert [part["type"] for part in messages(kimi)[-1]["content"]] == ["image_url"]


def test_models_say_what_they_take() -> None:
    for name in ("kimi-k2.6", "kimi-k3.1-pro"):
        assert llm.get_model(name).attachment_types == IMAGE_TYPES | VIDEO_TYPES | DOCUMENT_TYPES
    assert Kimi("moonshot-v1-8k").attachment_types == DOCUMENT_TYPES


def test_fragments(kimi: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    path.write_bytes(docx("Hello from a DOCX"))
    ask("sum it up", "-f", f"kimi:{path}")
    assert "Hello from a DOCX" in messages(kimi)[0]["content"]
    assert kimi.files == []
    line = run("-m", "kimi-k2.6", "hi", "-f", f"kimi:{tmp_path}/gone.pdf").stderr
    assert "gone.pdf is not there" in line
