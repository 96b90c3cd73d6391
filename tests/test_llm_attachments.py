"""Attachments: by path, from stdin, by URL, uploaded; refused where Kimi takes none."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import llm
import pytest

from llm_kimi.llm_door.models import IMAGE_TYPES, VIDEO_TYPES
from llm_kimi.simulator import Simulator
from tests.llm_runs import PNG, ask, bodies, fail, messages
from tests.llm_runs import closed_clients as closed_clients

PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


@pytest.fixture
def web() -> Iterator[str]:
    """A server with one picture at /a.png; everything else is missing."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/a.png"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "image/png" if found else "text/plain")
            self.send_header("Content-Length", str(len(PNG) if found else 0))
            self.end_headers()
            if found and self.command == "GET":
                self.wfile.write(PNG)

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


def test_by_url_the_picture_itself_is_sent(kimi: Simulator, web: str) -> None:
    ask("what is it?", "-a", f"{web}/a.png")
    assert messages(kimi)[0]["content"][1]["image_url"]["url"] == PNG_URL


def test_a_url_that_cannot_be_read(kimi: Simulator, web: str) -> None:
    text = fail("what is it?", "--at", f"{web}/b.png", "image/png")
    assert text.startswith(f"attachment: {web}/b.png cannot be read (")
    assert kimi.requests == []


def test_a_file_that_is_gone(kimi: Simulator, tmp_path: Path) -> None:
    gone = llm.Attachment(type="image/png", path=str(tmp_path / "gone.png"))
    with pytest.raises(llm.ModelError, match=r"gone\.png cannot be read"):
        llm.get_model("kimi-k2.6").prompt("hi", attachments=[gone]).text()


@pytest.mark.parametrize(("kind", "part"), [("image/png", "image_url"), ("video/mp4", "video_url")])
def test_an_uploaded_file_is_named(kimi: Simulator, kind: str, part: str) -> None:
    uploaded = httpx.post(
        f"{kimi.base_url}/files",
        headers={"Authorization": f"Bearer {kimi.key}"},
        data={"purpose": part.removesuffix("_url")},
        files={"file": ("a", PNG, kind)},
    )
    url = f"ms://{uploaded.json()['id']}"
    kimi.requests.clear()
    ask("what is it?", "--at", url, kind)
    assert messages(kimi)[0]["content"][1] == {"type": part, part: {"url": url}}


def test_an_uploaded_file_needs_a_type(kimi: Simulator) -> None:
    with pytest.raises(llm.ModelError, match="--at ms://file-1 image/png"):
        llm.get_model("kimi-k2.6").prompt(
            messages=[llm.user("hi", llm.Attachment(url="ms://file-1"))]
        ).text()


@pytest.mark.parametrize("kind", sorted(IMAGE_TYPES | VIDEO_TYPES))
@pytest.mark.parametrize("model", ["kimi-k2.6", "kimi-k3.1-pro"])
def test_every_type_that_is_offered_is_taken(kimi: Simulator, kind: str, model: str) -> None:
    attachment = llm.Attachment(type=kind, content=b"not really")
    llm.get_model(model).prompt("what is it?", attachments=[attachment]).text()
    assert kimi.requests[0]["status"] == 200


@pytest.mark.parametrize("kind", ["application/pdf", "audio/wav", "image/svg+xml", "text/plain"])
@pytest.mark.parametrize("how", ["command", "conversation", "messages"])
def test_other_types_are_refused_before_anything_is_sent(
    kimi: Simulator, tmp_path: Path, kind: str, how: str
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"%PDF-1.4")
    if how == "command":
        assert kind in fail("read it", "--at", str(path), kind)
    else:
        attachment = llm.Attachment(type=kind, path=str(path))
        model = llm.get_model("kimi-k2.6")
        given: dict[str, Any] = {"messages": [llm.user("read it", attachment)]}
        if how == "conversation":
            given = {"prompt": "read it", "attachments": [attachment]}
        with pytest.raises((ValueError, llm.ModelError), match=kind.replace("+", ".")):
            model.conversation().prompt(**given).text()
    assert kimi.requests == []


def test_pictures_of_earlier_turns_are_sent_again(kimi: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    ask("what is it?", "-a", str(path))
    ask("-c", "and now?")
    first = bodies(kimi)[0]["messages"][0]
    assert bodies(kimi)[1]["messages"][0] == first


def test_models_say_what_they_take() -> None:
    for name in ("kimi-k2.6", "kimi-k3.1-pro"):
        assert llm.get_model(name).attachment_types == IMAGE_TYPES | VIDEO_TYPES
