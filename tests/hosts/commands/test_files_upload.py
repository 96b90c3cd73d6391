"""``llm kimi files upload``."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_kimi.files import permanent_uploads
from llm_kimi.simulator import Simulator
from tests.support.files_commands import data, files, foreign, ids, listed, refuse, uploads
from tests.support.llm_runs import ask, messages, run
from tests.support.real_files import DOCUMENTS, MP4, TEXTS, docx, pdf, png


def test_an_image_is_uploaded_once_and_can_be_named(
    kimi: Simulator, put: Callable[..., str]
) -> None:
    path = put("a.png", png())
    result = files("upload", path)
    (row,) = kimi.files
    assert row["purpose"] == "image"
    assert result.stdout == f"a.png  {row['id']}  (image, 73 B)\n"
    assert f"llm -m kimi 'What is this?' --at ms://{row['id']} image/png" in result.stderr
    assert files("upload", path).stdout == f"a.png  {row['id']}  (image, 73 B, already there)\n"
    assert uploads(kimi) == 1
    ask("what is it?", "--at", f"ms://{row['id']}", "image/png")
    assert messages(kimi)[0]["content"][1]["image_url"]["url"] == f"ms://{row['id']}"


def test_a_document_is_uploaded_read_and_remembered(
    kimi: Simulator, put: Callable[..., str]
) -> None:
    path = put("a.docx", docx("Deep in the report"))
    result = files("upload", path)
    (row,) = kimi.files
    assert f"llm kimi files content {row['id']}" in result.stderr
    assert files("content", row["id"]).stdout.strip() == "Deep in the report"
    before = len(kimi.requests)
    ask("sum it up", "-a", path)
    assert len(kimi.requests) == before + 1
    assert "Deep in the report" in messages(kimi)[0]["content"]


def test_a_video_that_was_uploaded_is_not_uploaded_for_a_prompt(
    kimi: Simulator, put: Callable[..., str]
) -> None:
    path = put("a.mp4", MP4)
    (found,) = data("upload", path)
    assert found == {
        "path": "a.mp4",
        "id": found["id"],
        "purpose": "video",
        "bytes": len(MP4),
        "already_there": False,
        "error": None,
    }
    before = len(kimi.requests)
    ask("what is it?", "-a", path)
    assert len(kimi.requests) == before + 1
    assert messages(kimi)[0]["content"][1]["video_url"]["url"] == f"ms://{found['id']}"


def test_a_large_video_is_remembered_by_its_path(
    kimi: Simulator, put: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_kimi.files.load.IN_MEMORY", 100)
    path = put("a.mp4", MP4)
    os.utime(path, (time.time() - 60,) * 2)
    (first,) = data("upload", path)
    (second,) = data("upload", path)
    assert (first["id"], second["already_there"]) == (second["id"], True)
    assert uploads(kimi) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(pytest.param(*item, id=item[0]) for item in {**DOCUMENTS, **TEXTS}.items()),
        pytest.param("b.txt", "Grüße".encode("utf-16"), id="utf-16"),
    ],
)
def test_whatever_has_text_goes_for_its_text(
    name: str, content: bytes, kimi: Simulator, put: Callable[..., str]
) -> None:
    (found,) = data("upload", put(name, content))
    assert found["purpose"] == "file-extract"
    assert data("upload", name)[0]["already_there"]
    text = files("content", found["id"]).stdout
    assert text
    if name == "b.txt":
        assert text == "Grüße"


def test_a_document_that_was_read_and_deleted_is_uploaded(
    kimi: Simulator, put: Callable[..., str]
) -> None:
    path = put("a.pdf", pdf())
    ask("sum it up", "-a", path)
    assert kimi.files == []
    (found,) = data("upload", path)
    assert not found["already_there"]
    assert ids(kimi) == {found["id"]}


def test_a_file_that_is_gone_at_kimi_is_uploaded_again(
    kimi: Simulator, put: Callable[..., str]
) -> None:
    path = put("a.png", png())
    (first,) = data("upload", path)
    kimi.store.delete(next(iter(kimi.store._files.values())).owner, first["id"])
    (second,) = data("upload", path)
    assert not second["already_there"]
    assert ids(kimi) == {second["id"]}
    assert [row["ours"] for row in listed()] == [True]


def test_the_same_content_goes_once(kimi: Simulator, put: Callable[..., str]) -> None:
    names = [put(name, png()) for name in ("a.png", "b.png", "c.png")]
    found = data("upload", *names, names[0])
    assert len({each["id"] for each in found}) == 1
    assert [each["path"] for each in found] == [*names, names[0]]
    assert uploads(kimi) == 1


def test_one_that_fails_does_not_keep_the_others(kimi: Simulator, put: Callable[..., str]) -> None:
    os.mkdir("folder")
    put("folder/empty.png", b"")
    put("noise.bin", bytes(range(256)) * 8)
    names = [
        put("a.png", png()),
        *("folder/empty.png", "missing.png", "folder", "noise.bin"),
        put("blank.txt", b" \n"),
        put("b.png", png((1, 2, 3))),
    ]
    result = run("kimi", "files", "upload", *names)
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["a.png", "b.png"]
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert errors[0] == "Error: folder/empty.png is empty"
    assert errors[1].endswith("missing.png is not there")
    assert "is a directory: name the files in it" in errors[2]
    assert "of a type unknown here" in errors[3]
    assert errors[4] == "Error: blank.txt contains only whitespace"
    assert len(errors) == 5
    assert len(kimi.files) == 2


def test_json_tells_of_those_that_failed(kimi: Simulator, put: Callable[..., str]) -> None:
    result = run("kimi", "files", "upload", "--json", put("a.png", png()), "missing.png")
    assert result.exit_code == 1
    good, bad = json.loads(result.stdout)
    assert (good["error"], bad["id"], bad["purpose"]) == (None, None, None)
    assert "is not there" in bad["error"]


@pytest.mark.parametrize(
    ("name", "content", "purpose", "reason"),
    [
        ("a.png", png(), "file-extract", "a.png is image/png: upload it with purpose image"),
        ("a.mp4", MP4, "file-extract", "a.mp4 is video/mp4: upload it with purpose video"),
        ("a.pdf", pdf(), "image", "a.pdf is a PDF"),
        ("a.png", png(), "video", "a.png is image/png, no video"),
    ],
)
def test_a_purpose_that_the_bytes_do_not_fit(
    name: str,
    content: bytes,
    purpose: str,
    reason: str,
    kimi: Simulator,
    put: Callable[..., str],
) -> None:
    assert reason in refuse("upload", "--purpose", purpose, put(name, content))
    assert uploads(kimi) == 0


def test_a_purpose_that_fits_and_one_that_does_not_exist(
    kimi: Simulator, put: Callable[..., str]
) -> None:
    path = put("a.png", png())
    assert data("upload", "--purpose", "image", path)[0]["purpose"] == "image"
    assert "'batch' is not one of" in refuse("upload", "--purpose", "batch", path, code=2)
    assert "Missing argument" in refuse("upload", code=2)


def test_a_full_account(kimi: Simulator, put: Callable[..., str]) -> None:
    kimi.file_rules.count = 1
    put("a.png", png())
    foreign(kimi)
    text = refuse("upload", "a.png")
    assert text.startswith("400 invalid_request_error: Too many uploaded files")
    assert "llm kimi files prune" in text


def test_an_account_that_fills_up_tells_what_is_there(
    kimi: Simulator, put: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permanent_uploads, "AT_ONCE", 1)
    kimi.file_rules.total = 100
    names = [put(f"{n}.png", png((n, n, n))) for n in range(5)]
    result = run("kimi", "files", "upload", *names)
    assert result.exit_code == 1
    assert result.stdout.startswith("0.png  file_")
    assert result.stderr.count("Error: ") == 1
    assert uploads(kimi) == 2


def test_what_kimi_refuses_of_one_file(kimi: Simulator, put: Callable[..., str]) -> None:
    put("a.txt", b"[[simulator: extract-error]]")
    put("b.txt", b"fine")
    result = run("kimi", "files", "upload", "a.txt", "b.txt")
    assert result.exit_code == 1
    assert "Error: a.txt cannot be read by Kimi" in result.stderr
    assert result.stdout.startswith("b.txt  file_")
    kimi.file_rules.each = 3
    assert "100 MB" in refuse("upload", put("c.png", png((9, 9, 9))))


def test_uploads_without_a_cache_are_told(kimi: Simulator, put: Callable[..., str]) -> None:
    Path(os.environ["LLM_USER_PATH"], "kimi-files.db").write_bytes(b"no database" * 100)
    result = files("upload", put("a.png", png()))
    assert result.stdout.startswith("a.png  file_")
    assert "kimi: Uploads are not remembered" in result.stderr
    assert len(kimi.files) == 1
