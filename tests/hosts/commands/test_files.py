"""``llm kimi files``: what holds for every command, list, show, content, delete; pipes."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_kimi.files.store.cache import Account, default_cache
from llm_kimi.simulator import Simulator
from tests.support.files_commands import COMMANDS, data, files, foreign, ids, listed, refuse
from tests.support.llm_runs import process, run
from tests.support.real_files import pdf, png
from tests.support.warm import warm


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
