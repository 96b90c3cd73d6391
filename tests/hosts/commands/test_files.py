"""``llm kimi files``: what an account has at Kimi, seen, uploaded and deleted."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result

from llm_kimi.files import permanent_uploads
from llm_kimi.files.store.cache import Account, account, default_cache
from llm_kimi.simulator import Simulator
from tests.support.llm_runs import ask, messages, process, run
from tests.support.llm_runs import closed_clients as closed_clients
from tests.support.real_files import DOCUMENTS, MP4, TEXTS, docx, pdf, png
from tests.support.warm import warm

COMMANDS = {
    "list": (),
    "upload": ("a.png",),
    "show": ("file_1",),
    "content": ("file_1",),
    "delete": ("file_1",),
    "prune": ("--yes",),
}
MINUTE = 60.0


def files(*args: str, input: str | None = None) -> Result:
    """``llm kimi files ARGS``, which has to succeed without a word on stderr of trouble."""
    result = run("kimi", "files", *args, input=input)
    assert result.exit_code == 0, (result.output, result.exception)
    assert "Error" not in result.stderr
    return result


def refuse(*args: str, code: int = 1) -> str:
    """The only error of a run that fails."""
    result = run("kimi", "files", *args)
    assert result.exit_code == code, (result.output, result.exception)
    assert isinstance(result.exception, SystemExit), result.exception
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, result.stderr
    assert "Traceback" not in result.output
    return str(errors[0]).removeprefix("Error: ")


def data(*args: str) -> Any:
    """What a command gives to programs."""
    return json.loads(files(*args, "--json").stdout)


def listed() -> list[dict[str, Any]]:
    """The files that ``list`` tells."""
    found: list[dict[str, Any]] = data("list")["files"]
    return found


def uploads(kimi: Simulator) -> int:
    """How many uploads were tried."""
    return sum(record["method"] == "POST" for record in kimi.requests)


@pytest.fixture
def owner(kimi: Simulator) -> Account:
    """Whose files the cache holds."""
    return account(kimi.key, kimi.base_url)


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Write a file into the current folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def put(name: str, content: bytes) -> str:
        (folder / name).write_bytes(content)
        return name

    return put


def foreign(kimi: Simulator, name: str = "theirs.txt", content: bytes = b"theirs") -> str:
    """A file that another program uploads."""
    answer = httpx.post(
        f"{kimi.base_url}/files",
        headers={"Authorization": f"Bearer {kimi.key}"},
        data={"purpose": "file-extract"},
        files={"file": (name, content)},
    )
    return str(answer.json()["id"])


def ids(kimi: Simulator) -> set[str]:
    """The files that are there."""
    return {row["id"] for row in kimi.files}


# -- every command ----------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str) -> None:
    text = files(command, "--help").stdout
    assert re.search(rf"Examples?:\n +llm kimi files {command}", text)


def test_the_group_tells_its_commands() -> None:
    text = files("--help").stdout
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", text, re.MULTILINE)
    assert "..." not in text.split("Commands:")[1]
    assert "No such command 'lost'" in refuse("lost", code=2)


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_key(command: str, put: Callable[..., str]) -> None:
    put("a.png", png())
    assert "No key for Kimi" in refuse(command, *COMMANDS[command])


@pytest.mark.parametrize("command", COMMANDS)
def test_with_a_wrong_key(
    command: str, kimi: Simulator, put: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a.png", png())
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-wrong-secret")
    text = refuse(command, *COMMANDS[command])
    assert text.startswith("401 ")
    assert "environment variable MOONSHOT_API_KEY" in text
    assert "secret" not in text


@pytest.mark.parametrize("command", ["show", "content", "delete"])
@pytest.mark.parametrize("bad", ["", " ", "../models", "a/b", "..", "ms://", "a b", "a\nb", "fïle"])
def test_what_is_no_id_goes_nowhere(command: str, bad: str, kimi: Simulator) -> None:
    assert "not the id of a file" in refuse(command, bad, code=2)
    assert kimi.requests == []


@pytest.mark.parametrize("command", ["show", "content", "delete"])
def test_a_key_given_as_an_id_is_not_repeated(command: str, kimi: Simulator) -> None:
    text = refuse(command, "sk-secret-0123456789")
    assert "no " in text
    assert "secret" not in text


@pytest.mark.parametrize("command", COMMANDS)
def test_the_key_of_another_account(command: str, kimi: Simulator, put: Callable[..., str]) -> None:
    put("a.png", png())
    assert run("keys", "set", "other", "--value", "sk-wrong-other").exit_code == 0
    text = refuse(command, *COMMANDS[command], "--key", "other")
    assert text.startswith("401 ")
    assert "stored key 'other'" in text


# -- list -------------------------------------------------------------------------------------


def test_an_empty_account(kimi: Simulator) -> None:
    result = files("list")
    assert result.stdout == ""
    assert result.stderr == "There are no files at Kimi.\n"
    assert data("list") == {"files": [], "texts_remembered": 0}


def test_the_list_marks_our_own_and_is_newest_first(
    kimi: Simulator, put: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = foreign(kimi)
    ours = data("upload", put("Mein Foto.png", png()))[0]["id"]
    next(iter(kimi.store._files.values())).created_at -= 3 * 86400
    document = data("upload", put("a.pdf", pdf()))[0]["id"]
    assert [row["id"] for row in listed()] == [document, ours, theirs]
    result = files("list")
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["ID", "PURPOSE", "SIZE", "CREATED", "NAME"]
    assert [row.split()[0] for row in rows] == [document, ours, theirs]
    assert rows[0].endswith("*  a.pdf")
    assert rows[1].endswith("now      *  Mein Foto.png")
    assert re.search(r"file-extract +6 B +3d ago +theirs\.txt$", rows[2])
    assert result.stderr == (
        "3 files, 670 B; 2 uploaded from here; 1 document text remembered here.\n"
    )
    known = listed()[1]
    assert (known["name"], known["ours"], known["left_over"]) == ("Mein Foto.png", True, False)
    assert re.fullmatch(r"Mein-Foto-[0-9a-f]{12}\.png", known["filename"])
    assert data("list")["texts_remembered"] == 1


def test_the_list_tells_what_is_left_over(kimi: Simulator, owner: Account) -> None:
    left = foreign(kimi, "report-0123456789ab.txt")
    default_cache().begin(owner, "file-extract", "report-0123456789ab.txt", 6)
    assert [row["left_over"] for row in listed()] == [True]
    result = files("list")
    assert result.stdout.rstrip().endswith("*  report-0123456789ab.txt (left over)")
    assert "llm kimi files prune" in result.stderr
    default_cache().uploaded(default_cache().pending(owner)[0].ticket, left)
    assert [row["left_over"] for row in listed()] == [True]


def test_a_name_does_nothing_to_a_terminal(kimi: Simulator) -> None:
    foreign(kimi, "a.txt")
    for stored in kimi.store._files.values():
        stored.filename = "a\x1b[2J\u202e\n.txt"
    assert "a?[2J??.txt" in files("list").stdout
    (row,) = listed()
    assert row["filename"] == "a\x1b[2J\u202e\n.txt"
    assert "a?[2J??.txt" in files("show", row["id"]).stdout


def test_an_api_that_leaves_fields_out(kimi: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign(kimi)
    row = {"id": "file_1", "created_at": None, "bytes": "many"}
    monkeypatch.setattr(kimi.store, "listing", lambda owner: {"data": [row, {"id": 5}, 7]})
    assert files("list").stdout.splitlines()[1].split() == ["file_1", "-", "-", "-", "-"]
    monkeypatch.setattr(kimi.store, "listing", lambda owner: {"data": None})
    assert "not a file object" in refuse("list")


# -- upload -----------------------------------------------------------------------------------


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


# -- show and content -------------------------------------------------------------------------


def test_show_tells_what_is_known(kimi: Simulator, put: Callable[..., str]) -> None:
    (found,) = data("upload", put("a.png", png()))
    text = files("show", f"ms://{found['id']}").stdout
    assert re.search(rf"^id +{found['id']}$", text, re.MULTILINE)
    assert re.search(r"^name +a\.png$", text, re.MULTILINE)
    assert re.search(r"^size +73 bytes$", text, re.MULTILINE)
    assert "uploaded from here" in text
    assert f"--at ms://{found['id']} image/png" in text
    told = data("show", found["id"])
    assert (told["id"], told["bytes"], told["status"]) == (found["id"], 73, "ready")
    assert (told["ours"], len(told["sha256"])) == (True, 64)


def test_show_of_a_file_of_another_program(kimi: Simulator) -> None:
    file_id = foreign(kimi, content=b"[[simulator: extract-error]]")
    text = files("show", file_id).stdout
    assert "not uploaded from here" in text
    assert "error (text extract error" in text
    told = data("show", file_id)
    assert (told["ours"], told["sha256"]) == (False, None)
    assert "text extract error" in told["status_details"]


@pytest.mark.parametrize("command", ["show", "content"])
def test_an_unknown_id(command: str, kimi: Simulator) -> None:
    text = refuse(command, "file_0")
    assert text.startswith("404 ")
    assert "no such file: llm kimi files list" in text
    assert "base URL" not in text


def test_content_is_for_documents(kimi: Simulator, put: Callable[..., str]) -> None:
    (found,) = data("upload", put("a.png", png()))
    text = refuse("content", found["id"])
    assert text.startswith(f"{found['id']} was uploaded with purpose image, so it has no text")


@pytest.mark.parametrize("as_json", [False, True])
def test_content_is_the_text_and_nothing_else(kimi: Simulator, as_json: bool) -> None:
    kimi.file_rules.json_content = as_json
    file_id = foreign(kimi, content="Größe\n日本\x1b[2J".encode())
    assert files("content", file_id).stdout_bytes == "Größe\n日本\x1b[2J".encode()


def test_content_into_a_file(kimi: Simulator, tmp_path: Path) -> None:
    file_id = foreign(kimi)
    path = tmp_path / "out.txt"
    assert files("content", file_id, "-o", str(path)).stdout == ""
    assert path.read_text() == "theirs"
    assert files("content", file_id, "-o", "-").stdout == "theirs"
    assert "cannot write" in refuse("content", file_id, "-o", str(tmp_path / "no" / "out.txt"))
    refuse("content", "file_0", "-o", str(path))
    assert path.read_text() == "theirs"


def test_content_that_cannot_be_read(kimi: Simulator) -> None:
    file_id = foreign(kimi, content=b"[[simulator: extract-error]]")
    assert "No text was found in the file" in refuse("content", file_id)


# -- delete -----------------------------------------------------------------------------------


def test_delete_forgets_as_well(kimi: Simulator, put: Callable[..., str], owner: Account) -> None:
    path = put("a.png", png())
    (found,) = data("upload", path)
    theirs = foreign(kimi)
    result = files("delete", f"ms://{found['id']}", theirs, theirs)
    assert sorted(result.stdout.splitlines()) == sorted(
        [f"Deleted {found['id']}", f"Deleted {theirs}"]
    )
    assert kimi.files == []
    assert default_cache().entries(owner) == []
    assert not data("upload", path)[0]["already_there"]


def test_delete_keeps_the_text_of_a_document(
    kimi: Simulator, put: Callable[..., str], owner: Account
) -> None:
    (found,) = data("upload", put("a.pdf", pdf()))
    files("delete", found["id"])
    (entry,) = default_cache().entries(owner)
    assert entry.remote_id is None
    assert entry.text


def test_delete_goes_on_when_one_is_not_there(kimi: Simulator) -> None:
    theirs = foreign(kimi)
    result = run("kimi", "files", "delete", "file_0", theirs)
    assert result.exit_code == 1
    assert result.stdout == f"Deleted {theirs}\n"
    assert result.stderr == "Error: the account has no file file_0\n"


def test_delete_goes_on_when_one_is_refused(kimi: Simulator) -> None:
    first, second = foreign(kimi), foreign(kimi)
    kimi.fault(status=400, method="DELETE", path=f"/v1/files/{first}")
    result = run("kimi", "files", "delete", first, second)
    assert result.exit_code == 1
    assert result.stdout == f"Deleted {second}\n"
    assert result.stderr.startswith(f"Error: {first}: 400 ")
    assert ids(kimi) == {first}


# -- prune ------------------------------------------------------------------------------------


def test_prune_deletes_our_own_and_nothing_else(
    kimi: Simulator, put: Callable[..., str], owner: Account
) -> None:
    kept = {foreign(kimi), foreign(kimi, "a.png.txt"), foreign(kimi, "a.pdf.txt")}
    ask("hi", "-a", put("video.mp4", MP4))
    found = data("upload", put("a.png", png()), put("a.pdf", pdf()))
    result = files("prune", "--yes")
    assert ids(kimi) == kept
    for each in found:
        assert f"Deleted {each['id']}  {each['path']}" in result.stdout
    assert result.stdout.splitlines()[-1] == "3 files deleted."
    assert "3 other files at Kimi were not uploaded from here and will stay." in result.stderr
    (entry,) = default_cache().entries(owner)
    assert (entry.filename, entry.remote_id) == ("a.pdf", None)
    assert files("prune").stdout == "Nothing to delete.\n"


def test_prune_asks_nobody_without_a_terminal(kimi: Simulator, put: Callable[..., str]) -> None:
    (found,) = data("upload", put("a.png", png()))
    result = run("kimi", "files", "prune", input="y\n")
    assert result.exit_code == 1
    assert found["id"] in result.stdout
    assert result.stderr == (
        "Error: there is no terminal to ask for confirmation: use --yes to delete without asking\n"
    )
    assert ids(kimi) == {found["id"]}


def test_prune_can_be_tried(kimi: Simulator, put: Callable[..., str], owner: Account) -> None:
    (found,) = data("upload", put("a.pdf", pdf()))
    default_cache().begin(owner, "image", "x-0123456789ab.png", 1)
    _grow_old(owner)
    result = files("prune", "--dry-run", "--texts")
    assert found["id"] in result.stdout
    assert "1 remembered document text" in result.stdout
    assert "Deleted" not in result.stdout
    told = data("prune", "--dry-run")
    assert (told["dry_run"], told["files"][0]["gone"]) == (True, False)
    assert ids(kimi) == {found["id"]}
    assert len(default_cache().pending(owner)) == 1


def test_prune_tells_programs(kimi: Simulator, put: Callable[..., str]) -> None:
    foreign(kimi)
    (found,) = data("upload", put("a.pdf", pdf()))
    assert data("prune", "--yes", "--texts") == {
        "dry_run": False,
        "files": [
            {
                "id": found["id"],
                "purpose": "file-extract",
                "name": "a.pdf",
                "bytes": found["bytes"],
                "left_over": False,
                "gone": True,
                "error": None,
            }
        ],
        "texts_forgotten": 1,
        "other_files": 1,
        "under_way": 0,
    }


def test_prune_of_texts(kimi: Simulator, put: Callable[..., str], owner: Account) -> None:
    ask("sum it up", "-a", put("a.pdf", pdf()))
    assert files("prune", "--yes").stdout == "Nothing to delete.\n"
    assert len(default_cache().entries(owner)) == 1
    assert "there is no terminal" in refuse("prune", "--texts")
    assert "0 files deleted, 1 text forgotten." in files("prune", "--texts", "--yes").stdout
    assert default_cache().entries(owner) == []


def test_prune_of_files_that_are_gone(kimi: Simulator, put: Callable[..., str]) -> None:
    data("upload", put("a.png", png()))
    kimi.store.close()
    kimi.store.open()
    assert "0 files deleted, 1 gone already." in files("prune", "--yes").stdout
    assert files("prune", "--yes").stdout == "Nothing to delete.\n"


def test_prune_when_one_cannot_be_deleted(
    kimi: Simulator, put: Callable[..., str], owner: Account
) -> None:
    image, document = data("upload", put("a.png", png()), put("a.pdf", pdf()))
    kimi.fault(status=400, method="DELETE", path=f"/v1/files/{document['id']}")
    result = run("kimi", "files", "prune", "--yes", "--texts")
    assert result.exit_code == 1
    assert f"Deleted {image['id']}" in result.stdout
    assert f"Error: {document['id']}: 400 " in result.stderr
    (entry,) = default_cache().entries(owner)
    assert (entry.remote_id, entry.text is not None) == (document["id"], True)
    assert "1 file deleted, 1 text forgotten." in files("prune", "--yes", "--texts").stdout


def _grow_old(owner: Account, seconds: float = 16 * MINUTE) -> None:
    """Let the pending uploads of the cache be so old."""
    cache = default_cache()
    cache._change("UPDATE uploads SET started = started - ?", seconds)
    assert cache.problem is None


def test_prune_deletes_what_is_owed(kimi: Simulator, owner: Account) -> None:
    cache = default_cache()
    by_id, theirs = foreign(kimi, "report.txt"), foreign(kimi, "report-ba9876543210.txt")
    foreign(kimi, "report-0123456789ab.txt")
    cache.uploaded(cache.begin(owner, "file-extract", "anything", 6), by_id)
    cache.begin(owner, "file-extract", "report-0123456789ab.txt", 6)
    result = files("prune", "--yes")
    assert "report-0123456789ab.txt (left over)" in result.stdout
    assert "2 files deleted." in result.stdout
    assert ids(kimi) == {theirs}
    assert cache.pending(owner) == []


def test_prune_waits_for_uploads_that_may_be_under_way(kimi: Simulator, owner: Account) -> None:
    cache = default_cache()
    cache.begin(owner, "image", "a-0123456789ab.png", 6)
    _grow_old(owner, 14 * MINUTE)
    result = files("prune", "--yes")
    assert "1 upload may still be under way" in result.stderr
    assert len(cache.pending(owner)) == 1
    _grow_old(owner, 2 * MINUTE)
    assert "under way" not in files("prune", "--yes").stderr
    assert cache.pending(owner) == []


def test_an_upload_that_ends_while_prune_looks_is_left_alone(
    kimi: Simulator, owner: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = foreign(kimi, "a-0123456789ab.txt")
    cache = default_cache()
    ticket = cache.begin(owner, "file-extract", "a-0123456789ab.txt", 6)
    listing = kimi.store.listing

    def ends_meanwhile(whose: str) -> dict[str, Any]:
        cache.done(ticket)
        return listing(whose)

    monkeypatch.setattr(kimi.store, "listing", ends_meanwhile)
    assert files("prune", "--yes").stdout == "Nothing to delete.\n"
    assert ids(kimi) == {theirs}


def test_prune_leaves_the_files_of_another_key(
    kimi: Simulator, put: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (found,) = data("upload", put("a.png", png()))
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-another")
    assert files("prune", "--yes").stdout == "Nothing to delete.\n"
    assert ids(kimi) == {found["id"]}


def test_prune_with_a_broken_cache(kimi: Simulator, put: Callable[..., str]) -> None:
    (found,) = data("upload", put("a.png", png()))
    path = Path(os.environ["LLM_USER_PATH"], "kimi-files.db")
    for each in path.parent.glob("kimi-files.db*"):
        each.unlink()
    path.write_bytes(b"no database" * 100)
    text = refuse("prune", "--yes")
    assert text.startswith("uploads from here are not known. Uploads are not remembered: ")
    assert "is damaged" in text
    assert ids(kimi) == {found["id"]}
    result = files("list")
    assert found["id"] in result.stdout
    assert "none uploaded from here" in result.stderr
    assert "kimi: Uploads are not remembered" in result.stderr


def test_a_list_that_fails_deletes_nothing(kimi: Simulator, put: Callable[..., str]) -> None:
    (found,) = data("upload", put("a.png", png()))
    kimi.fault(status=400, path="/v1/files", method="GET")
    assert refuse("prune", "--yes").startswith("400 ")
    assert ids(kimi) == {found["id"]}


# -- pipes, terminals, colours ----------------------------------------------------------------


def test_as_real_commands_in_a_pipe(kimi: Simulator, put: Callable[..., str]) -> None:
    done = process("kimi", "files", "upload", put("größe 日本.png", png()))
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert done.stdout.startswith("größe 日本.png  file_")
    done = process("kimi", "files", "list", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("gr??e ??.png")
    done = process("kimi", "files", "list", "--json", PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout)["files"][0]["name"] == "größe 日本.png"
    assert "\x1b" not in done.stdout + done.stderr


def test_a_long_name_is_whole_in_a_pipe(kimi: Simulator) -> None:
    foreign(kimi, "n" * 200 + ".txt")
    assert "n" * 200 + ".txt" in files("list").stdout


def terminal(*args: str, answer: str = "", columns: int = 80, **env: str) -> tuple[int, str]:
    """A command at a terminal: its exit status, and what is seen."""
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    running = subprocess.Popen(
        [*warm(), "llm", "kimi", "files", *args],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**clean, "TERM": "xterm", **env},
    )
    os.close(follower)
    seen = io.BytesIO()
    if answer:
        os.write(leader, answer.encode())
    while True:
        try:
            piece = os.read(leader, 4096)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        seen.write(piece)
    status = running.wait(20)
    os.close(leader)
    return status, seen.getvalue().decode().replace("\r\n", "\n")


@pytest.mark.skipif(os.name == "nt", reason="ptys")
def test_a_table_fits_the_terminal_and_is_coloured(kimi: Simulator) -> None:
    foreign(kimi, "a long name of a report that somebody wrote.txt")
    foreign(kimi, "季度财务报告最终版本二零二五年.txt")
    status, seen = terminal("list")
    assert status == 0
    assert "\x1b[1mID" in seen
    plain = re.sub(r"\x1b\[[0-9;]*m", "", seen)
    _, chinese, english, *_ = plain.splitlines()
    assert english.endswith(".txt")
    assert "…" in english
    assert len(english) <= 80
    assert "…" in chinese
    status, seen = terminal("list", columns=200)
    assert "a long name of a report that somebody wrote.txt" in seen
    assert "\x1b[" not in terminal("list", NO_COLOR="1")[1]


@pytest.mark.skipif(os.name == "nt", reason="ptys")
def test_prune_asks_at_a_terminal(kimi: Simulator, put: Callable[..., str]) -> None:
    (found,) = data("upload", put("a.pdf", pdf()))
    status, seen = terminal("prune", answer="n\n")
    assert status == 1
    assert "Delete 1 file at Kimi? [y/N]" in seen
    assert ids(kimi) == {found["id"]}
    status, seen = terminal("prune", "--texts", answer="y\n")
    assert status == 0
    assert "Delete 1 file at Kimi and forget 1 text here?" in seen
    assert kimi.files == []


@pytest.mark.skipif(os.name == "nt", reason="ptys")
def test_content_does_nothing_to_a_terminal(kimi: Simulator) -> None:
    file_id = foreign(kimi, content=b"one\x1b]0;title\x07\r\n\ttwo")
    status, seen = terminal("content", file_id)
    assert status == 0
    assert "one]0;title\n" in seen
    assert "two\n" in seen
    assert "\x1b" not in seen


def test_the_commands_are_imported_when_they_are_used() -> None:
    code = (
        "import sys\nimport llm_kimi.commands\n"
        "found = [n for n in sys.modules if n.startswith('llm_kimi.files')]\n"
        "found += [n for n in sys.modules if n.startswith('llm_kimi.commands.files.')]\n"
        "print(found)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
