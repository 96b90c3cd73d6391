"""A conversation goes on when a file of an earlier turn is gone, changed, or not for Kimi.

https://github.com/simonw/llm/issues/1135 and its like: llm's log keeps a path, not the file.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import llm
import pytest
import sqlite_utils
from llm.migrations import migrate
from llm.plugins import pm

from llm_kimi import Kimi
from llm_kimi.files.store.cache import account, default_cache
from llm_kimi.simulator import Simulator
from tests.support.llm_runs import PNG, ask, bodies, fail, logged, messages, run, told
from tests.support.llm_runs import closed_clients as closed_clients
from tests.support.real_files import SVG, VIDEOS, pdf

WAV = b"RIFF\x24\0\0\0WAVEfmt "
MP4 = VIDEOS["video/mp4"]


def line(name: str, why: str = "is no longer available") -> str:
    """What stands in the place of a file."""
    return f'(the file "{name}" that was attached here {why})'


class Other(llm.Model):
    """A model of another maker, which takes everything."""

    model_id = "other"
    attachment_types = frozenset({"audio/wav", "image/png", "image/svg+xml", "application/pdf"})  # type: ignore[assignment]

    def execute(self, *args: Any, **given: Any) -> Iterator[str]:
        yield "I see"


@pytest.fixture
def other() -> Iterator[None]:
    """The other model, as llm lists it."""

    class Plugin:
        __name__ = "other"

        @llm.hookimpl
        def register_models(self, register: Any) -> None:
            register(Other())

    pm.register(Plugin(), name="other")
    yield
    pm.unregister(name="other")


@pytest.mark.parametrize(
    ("name", "content"), [("z.png", PNG), ("z.md", b"# text"), ("z.bin", b"plain text")]
)
@pytest.mark.parametrize("how", ["gone", "a folder's", "changed", "emptied", "unreadable"])
def test_llm_c_goes_on(
    kimi: Simulator, tmp_path: Path, name: str, content: bytes, how: str
) -> None:
    path = tmp_path / "in" / name
    path.parent.mkdir()
    path.write_bytes(content)
    ask("what", "--at", str(path), "text/plain")
    first = messages(kimi)
    if how == "gone":
        path.unlink()
    elif how == "a folder's":
        path.unlink()
        path.parent.rmdir()
        path.parent.write_text("a file where the folder was")
    elif how == "unreadable":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes({"changed": content + b"x", "emptied": b""}[how])
    for _ in range(2):
        (notice,) = told(ask("-c", "more"))
        assert notice.startswith(f"kimi: attachment of turn 1: {path} ")
        assert notice.endswith("; a line in its place tells the model")
        assert messages(kimi)[0] == {"role": "user", "content": f"what\n{line(name)}"}
    if how == "changed":
        assert f"{path} has changed since it was attached" in notice
    assert [row["prompt"] for row in logged()] == ["what", "more", "more"]
    if how == "changed":
        path.write_bytes(content)
        assert told(ask("-c", "it is back")) == []
        assert messages(kimi)[: len(first)] == first


def test_strict_mode_refuses(kimi: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "z.png"
    path.write_bytes(PNG)
    ask("what", "-a", str(path))
    path.unlink()
    sent = len(kimi.requests)
    text = fail("-c", "more", "-o", "strict", "1")
    assert text.startswith(f"attachment of turn 1: {path} is not there (strict mode: ")
    assert len(kimi.requests) == sent


def test_the_newest_question_still_needs_its_files(kimi: Simulator, tmp_path: Path) -> None:
    ask("one")
    path = tmp_path / "z.png"
    path.write_bytes(PNG)
    attachment = llm.Attachment(type="image/png", path=str(path))
    path.unlink()
    conversation = llm.get_model("kimi-k2.6").conversation()
    conversation.prompt("one").text()
    with pytest.raises(llm.ModelError, match=r"attachment: .*z\.png is not there"):
        conversation.prompt("two", attachments=[attachment]).text()
    assert conversation.prompt("three").text().endswith("three")


def test_the_turn_is_named(kimi: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "z.png"
    path.write_bytes(PNG)
    ask("-s", "Be brief", "one")
    ask("-c", "-T", "llm_version", "llm_version")
    ask("-c", "-s", "Be long", "three", "-a", str(path))
    path.unlink()
    (notice,) = told(ask("-c", "four"))
    assert "attachment of turn 3: " in notice


@pytest.mark.parametrize("extra", [(), ("--async",), ("--no-stream",)])
def test_in_every_way_of_asking(kimi: Simulator, tmp_path: Path, extra: tuple[str, ...]) -> None:
    path = tmp_path / "z.png"
    path.write_bytes(PNG)
    ask("what", "-a", str(path))
    path.unlink()
    assert len(told(ask("-c", "more", *extra))) == 1


def test_in_a_chat_it_is_told_once(kimi: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "z.png"
    path.write_bytes(PNG)
    ask("what", "-a", str(path))
    path.unlink()
    result = run("chat", "-c", "-R", input="more\nand more\nexit\n")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("kimi: attachment of turn 1: ") == 1


@pytest.mark.parametrize("flavour", ["sync", "async"])
@pytest.mark.parametrize("named", [True, False])
def test_a_conversation_in_python(
    kimi: Simulator, tmp_path: Path, flavour: str, named: bool
) -> None:
    """llm knows no hash before it logs a turn; it is noted when the file is sent."""
    path = tmp_path / "z.png"
    path.write_bytes(PNG)
    attachment = llm.Attachment(path=str(path), type="image/png" if named else None)
    get: Any = llm.get_model if flavour == "sync" else llm.get_async_model
    conversation = get("kimi-k2.6").conversation()
    responses = []

    def say(text: str, **more: Any) -> None:
        response = conversation.prompt(text, **more)
        if flavour == "async":
            asyncio.run(response.text())
            response = asyncio.run(response.to_sync_response())
        else:
            response.text()
        responses.append(response)

    say("what", attachments=[attachment])
    path.write_bytes(PNG + b"another")
    say("changed")
    assert messages(kimi)[0]["content"] == f"what\n{line('z.png')}"
    path.unlink()
    say("gone")
    assert messages(kimi)[0]["content"] == f"what\n{line('z.png')}"
    database = sqlite_utils.Database(memory=True)
    migrate(database)
    for response in responses:
        response.log_to_db(database)
    assert database["turns"].count == 3


@pytest.mark.usefixtures("other")
def test_what_another_model_could_read(kimi: Simulator, tmp_path: Path) -> None:
    for name, content in {"a.wav": WAV, "b.svg": SVG, "c.png": PNG, "d.png": b""}.items():
        (tmp_path / name).write_bytes(content)
    files = [
        *("--at", str(tmp_path / "a.wav"), "audio/wav"),
        *("--at", str(tmp_path / "b.svg"), "image/svg+xml"),
        *("--at", str(tmp_path / "c.png"), "image/png"),
        *("--at", "https://nowhere.invalid/e.png", "image/png"),
        *("--at", "http://127.0.0.1:9/f.png", "image/png"),
    ]
    assert run("-m", "other", "what", *files).exit_code == 0
    lines = told(ask("-c", "more"))
    assert len(lines) == 4
    unread = "cannot be read by this model"
    parts = messages(kimi)[0]["content"]
    assert [part.get("text", part["type"]) for part in parts] == [
        "what",
        line("a.wav", unread),
        line("b.svg", unread),
        "image_url",
        "(the file that was attached here is no longer available)",
        "(the file that was attached here is no longer available)",
    ]
    assert kimi.requests[-1]["status"] == 200


def test_a_model_that_sees_no_pictures(kimi: Simulator, tmp_path: Path) -> None:
    kimi.relay = True
    (tmp_path / "z.png").write_bytes(PNG)
    picture = llm.Attachment(path=str(tmp_path / "z.png"))
    uploaded = llm.Attachment(url="ms://file-1", type="image/png")
    history = [llm.user("what", picture, uploaded), llm.assistant("a square"), llm.user("more")]
    Kimi("moonshot-v1-8k").prompt(messages=history).text()
    assert line("z.png", "cannot be read by this model") in messages(kimi)[0]["content"]
    with pytest.raises(llm.ModelError, match="takes text, no images"):
        Kimi("moonshot-v1-8k").prompt("what", attachments=[picture]).text()


def test_a_document_that_cannot_be_read(kimi: Simulator) -> None:
    """Another model has seen its pages; there is no text in it."""
    kimi.fault(status=400, message="text extract error: no text", path="/v1/files")
    scan = llm.Attachment(content=pdf(), type="application/pdf")
    history = [llm.user("what", scan), llm.assistant("a scan"), llm.user("more")]
    llm.get_model("kimi-k2.6").prompt(messages=history).text()
    content = messages(kimi)[0]["content"]
    assert content == f"what\n{line('attachment.pdf', 'cannot be read by this model')}"


def test_a_file_at_moonshot_that_was_deleted(kimi: Simulator) -> None:
    gone = llm.Attachment(url="ms://file-1", type="image/png")
    history = [llm.user("what", gone), llm.assistant("a square"), llm.user("more")]
    llm.get_model("kimi-k2.6").prompt(messages=history).text()
    assert "is no longer available)" in messages(kimi)[0]["content"]


def _delete_at_moonshot(kimi: Simulator) -> None:
    for file in kimi.files:
        httpx.delete(
            f"{kimi.base_url}/files/{file['id']}", headers={"Authorization": f"Bearer {kimi.key}"}
        ).raise_for_status()


@pytest.mark.parametrize("then", ["gone", "changed"])
def test_a_video_that_is_kept_at_moonshot_is_used(
    kimi: Simulator, tmp_path: Path, then: str
) -> None:
    """Neither the new bytes are sent under the old question, nor is anything left out."""
    path = tmp_path / "a.mp4"
    path.write_bytes(MP4)
    ask("what", "-a", str(path))
    first = messages(kimi)
    if then == "gone":
        path.unlink()
    else:
        path.write_bytes(MP4 + b"another")
    assert told(ask("-c", "more")) == []
    assert messages(kimi)[: len(first)] == first
    # The one that is here now is another file.
    _delete_at_moonshot(kimi)
    (notice,) = told(ask("-c", "and more"))
    assert "a.mp4 is no longer at Kimi or on this machine" in notice
    assert messages(kimi)[0]["content"] == f"what\n{line('a.mp4')}"
    entries = default_cache().entries(account(kimi.key, kimi.base_url))
    assert [entry.remote_id for entry in entries] == []


def test_a_large_file_that_changed(
    kimi: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_kimi.files.load.IN_MEMORY", 10)
    path = tmp_path / "a.mp4"
    path.write_bytes(MP4 * 1000)
    history = ask("what", "-a", str(path))
    assert told(history) == []
    default_cache().clear(account(kimi.key, kimi.base_url))
    _delete_at_moonshot(kimi)
    assert told(ask("-c", "more")) == []
    default_cache().clear(account(kimi.key, kimi.base_url))
    path.write_bytes(MP4 * 1001)
    (notice,) = told(ask("-c", "and more"))
    assert "has changed since it was attached" in notice


def test_the_text_of_a_document_that_changed_is_the_old_one(
    kimi: Simulator, tmp_path: Path
) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf("old"))
    ask("what", "-a", str(path))
    first = messages(kimi)
    path.write_bytes(pdf("new"))
    assert told(ask("-c", "more")) == []
    assert messages(kimi)[: len(first)] == first
    ask("what", "-a", str(path))
    assert messages(kimi)[0] != first[0]


def test_the_newest_question_gets_what_is_there_now(kimi: Simulator, tmp_path: Path) -> None:
    """An attachment of Python's own is read again although llm remembers a hash of it."""
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf("old"))
    attachment = llm.Attachment(path=str(path))
    model = llm.get_model("kimi-k2.6")
    model.prompt("what", attachments=[attachment]).text()
    old = messages(kimi)[0]
    path.write_bytes(pdf("new"))
    model.prompt("what", attachments=[attachment]).text()
    assert messages(kimi)[0] != old


def test_a_file_that_a_tool_has_deleted(kimi: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "z.png"
    path.write_bytes(PNG)

    def remove() -> llm.ToolOutput:
        """Remove it."""
        os.remove(path)
        return llm.ToolOutput("done", [llm.Attachment(path=str(tmp_path / "never.png"))])

    chain = llm.get_model("kimi-k2.6").chain(
        "call: remove", tools=[remove], attachments=[llm.Attachment(path=str(path))]
    )
    chain.text()
    assert [m["role"] for m in messages(kimi)] == ["user", "assistant", "tool", "user"]
    assert messages(kimi)[0]["content"].endswith(line("z.png"))
    assert messages(kimi)[3]["content"] == line("never.png")
    assert len(bodies(kimi)) == 2


def test_files_of_messages_that_are_not_the_users(kimi: Simulator, tmp_path: Path) -> None:
    picture = llm.Attachment(content=PNG)
    history = [
        llm.system("Be brief", picture),
        llm.user("draw"),
        llm.assistant("here", picture),
        llm.user("more"),
    ]
    model = llm.get_model("kimi-k2.6")
    model.prompt(messages=history).text()
    assert [m["role"] for m in messages(kimi)] == ["system", "user", "user", "assistant", "user"]
    assert messages(kimi)[1]["content"][0]["type"] == "image_url"
    answer = messages(kimi)[3]["content"]
    assert answer == "here(the file that was attached here cannot be read by this model)"
    with pytest.raises(llm.ModelError, match="strict mode: a file in an answer"):
        model.prompt(messages=history, strict=True).text()


@pytest.mark.skipif(os.name == "nt", reason="names are no bytes there")
@pytest.mark.parametrize("name", [b"gr\xf6\xdfe.png", "größe.png".encode()])
@pytest.mark.parametrize("as_text", [True, False])
def test_names_that_are_not_of_the_locale(
    kimi: Simulator, tmp_path: Path, name: bytes, as_text: bool
) -> None:
    """llm could neither log such a name nor find the file by it: the file itself is logged."""
    path = os.path.join(os.fsencode(tmp_path), name)
    with open(path, "wb") as file:
        file.write(b"some text" if as_text else PNG)
    decoded = path.decode("ascii", "surrogateescape")
    conversation = llm.get_model("kimi-k2.6").conversation()
    attachment = llm.Attachment(path=decoded, type="text/plain" if as_text else "image/png")
    responses = [conversation.prompt("what", attachments=[attachment])]
    responses[0].text()
    first = messages(kimi)
    os.remove(path)
    responses.append(conversation.prompt("more"))
    responses[1].text()
    assert messages(kimi)[: len(first)] == first
    database = sqlite_utils.Database(memory=True)
    migrate(database)
    for response in responses:
        response.log_to_db(database)
    assert database["turns"].count == 2
