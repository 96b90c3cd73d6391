"""The cache of uploaded files: what it keeps, for whom, and that it never fails."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from llm_kimi.files.store import cache as module
from llm_kimi.files.store import database
from llm_kimi.files.store.cache import Account, FileCache, account, default_cache

KEY = "sk-a-secret-that-nobody-may-read"
HOST = "https://api.moonshot.ai/v1"
MINE = account(KEY, HOST)
SHA = hashlib.sha256(b"x").hexdigest()
HOUR, DAY = 3600.0, 86400.0


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module.time, "time", made)
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kimi-files.db"


@pytest.fixture
def cache(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileCache]:
    """A cache in a new file; at the end of the test it has had no problem."""
    monkeypatch.setattr(FileCache, "_chores_are_due", lambda self: False)
    made = FileCache(file)
    yield made
    assert made.problem is None


def put(cache: FileCache, sha: str = SHA, whose: Account = MINE, **more: Any) -> None:
    values: dict[str, Any] = {"remote_id": "f1", "filename": "a.pdf", "size": 3, "text": None}
    cache.put(whose, sha, more.pop("purpose", "file-extract"), **{**values, **more})


def every_method(cache: FileCache, here: Path) -> list[Any]:
    """What each method gives, one after the other."""
    status = here.stat()
    return [
        cache.get(MINE, SHA, "image"),
        cache.put(MINE, SHA, "image", remote_id="f1", filename="a", size=1, text="t"),
        cache.forget_remote(MINE, "f1"),
        cache.entries(MINE),
        cache.remove(MINE, SHA, "image"),
        cache.begin(MINE, "image", "a", 1),
        cache.uploaded(7, "f1"),
        cache.done(7),
        cache.pending(MINE),
        cache.remember(str(here), status, SHA, read_at=status.st_mtime + 10),
        cache.known(str(here), status),
        cache.clear(MINE),
        cache.drop_old(1),
    ]


EMPTY = [None, None, None, [], None, None, None, None, [], None, None, None, None]


def told(cache: FileCache) -> str:
    """The problem: one line that says what it is about."""
    assert cache.problem is not None
    assert cache.problem.startswith("Uploads are not remembered: ")
    assert "\n" not in cache.problem
    return cache.problem


# Accounts


def test_an_account_is_a_fingerprint_and_a_host() -> None:
    assert account(KEY, HOST) == MINE == account(KEY, HOST + "/")
    assert len(MINE.fingerprint) == 16
    assert int(MINE.fingerprint, 16) >= 0
    assert MINE.fingerprint not in (
        hashlib.blake2b(KEY.encode()).hexdigest()[:16],
        hashlib.sha256(KEY.encode()).hexdigest()[:16],
    )
    assert account(KEY + "x", HOST).fingerprint != MINE.fingerprint
    assert account(KEY, "https://api.moonshot.cn/v1") != MINE


def test_accounts_do_not_see_each_other(cache: FileCache) -> None:
    others = [account("sk-other", HOST), account(KEY, "https://api.moonshot.cn/v1")]
    put(cache, remote_id="mine")
    cache.begin(MINE, "image", "a", 1)
    for other in others:
        assert cache.get(other, SHA, "file-extract") is None
        assert cache.entries(other) == cache.pending(other) == []
        put(cache, whose=other, remote_id="mine")
        cache.forget_remote(other, "mine")
        cache.remove(other, SHA, "file-extract")
        cache.clear(other)
    assert [entry.remote_id for entry in cache.entries(MINE)] == ["mine"]
    assert len(cache.pending(MINE)) == 1


def test_no_key_is_in_the_file(cache: FileCache, file: Path) -> None:
    put(cache, text="words of the document")
    cache.begin(MINE, "image", "a.png", 1)
    with closing(sqlite3.connect(file)) as reader:
        reader.execute("SELECT * FROM files").fetchall()
        put(cache, "other")
        for written in file.parent.glob("kimi-files.db*"):
            content = written.read_bytes()
            assert KEY.encode() not in content
            assert hashlib.sha256(KEY.encode()).hexdigest().encode() not in content
    assert b"words of the document" in file.read_bytes()


# Files


def test_what_was_put_is_got(cache: FileCache, clock: Clock) -> None:
    assert cache.get(MINE, SHA, "file-extract") is None
    put(cache, filename="b\u00fccher.pdf", size=12, text="T\u00e4xt\r\n\0")
    assert cache.get(MINE, SHA, "file-extract") == module.Entry(
        SHA, "file-extract", "f1", "b\u00fccher.pdf", 12, "T\u00e4xt\r\n\0", clock.now, clock.now
    )
    assert cache.get(MINE, SHA, "image") is None
    assert cache.get(MINE, "other", "file-extract") is None


def test_none_erases_nothing(cache: FileCache, clock: Clock) -> None:
    put(cache, remote_id="f1", text=None)
    put(cache, remote_id=None, text="text")
    put(cache, remote_id=None, text=None, filename="b.pdf", size=4)
    [entry] = cache.entries(MINE)
    assert (entry.remote_id, entry.text) == ("f1", "text")
    assert (entry.filename, entry.size) == ("b.pdf", 4)
    put(cache, text="")
    assert cache.entries(MINE)[0].text == ""


def test_the_time_of_making_is_that_of_the_upload(cache: FileCache, clock: Clock) -> None:
    start = clock.now
    put(cache)
    clock.now += DAY
    put(cache, text="text")
    put(cache, remote_id=None)
    [entry] = cache.entries(MINE)
    assert (entry.created, entry.used) == (start, start + DAY)
    put(cache, remote_id="f2")
    assert cache.entries(MINE)[0].created == start + DAY
    cache.forget_remote(MINE, "f2")
    clock.now += DAY
    put(cache, remote_id="f3")
    assert cache.entries(MINE)[0].created == start + 2 * DAY


def test_a_use_is_noted_once_an_hour(cache: FileCache, clock: Clock, file: Path) -> None:
    start = clock.now
    put(cache)
    for later, noted in ((HOUR - 1, 0), (HOUR + 1, HOUR + 1), (2 * HOUR, HOUR + 1)):
        clock.now = start + later
        assert cache.get(MINE, SHA, "file-extract") is not None
        assert cache.entries(MINE)[0].used == start + noted


def test_a_remote_file_that_is_gone(cache: FileCache) -> None:
    put(cache, "a", remote_id="f1", text="text")
    put(cache, "b", remote_id="f2")
    put(cache, "c", remote_id="f3")
    cache.forget_remote(MINE, "f1")
    cache.forget_remote(MINE, "f2")
    cache.forget_remote(MINE, "unknown")
    assert {entry.sha256: entry.remote_id for entry in cache.entries(MINE)} == {
        "a": None,
        "c": "f3",
    }


def test_entries_are_listed_newest_first(cache: FileCache, clock: Clock) -> None:
    for name in "abc":
        put(cache, name, remote_id=name, purpose="image" if name == "b" else "video")
        clock.now += 1
    assert [entry.sha256 for entry in cache.entries(MINE)] == ["c", "b", "a"]
    cache.remove(MINE, "b", "video")
    cache.remove(MINE, "c", "video")
    assert [entry.sha256 for entry in cache.entries(MINE)] == ["b", "a"]


def test_large_texts(cache: FileCache) -> None:
    text = "l\u00e4rge " * 700_000
    put(cache, text=text)
    found = cache.get(MINE, SHA, "file-extract")
    assert found is not None
    assert found.text == text


def test_a_cleared_file_gives_its_space_back(cache: FileCache, file: Path) -> None:
    put(cache, text="x" * 3_000_000)
    assert file.stat().st_size > 3_000_000
    cache.clear(MINE)
    assert file.stat().st_size < 100_000


def test_names_that_utf8_cannot_hold(cache: FileCache, tmp_path: Path) -> None:
    odd = "a\udcff"
    put(cache, filename=odd, text="t\ud800")
    cache.begin(MINE, "image", odd, 1)
    [entry] = cache.entries(MINE)
    assert entry.filename == cache.pending(MINE)[0].filename == "a\\udcff"
    assert entry.text == "t\\ud800"


# Uploads under way


def test_an_upload_is_owed_until_it_is_done(cache: FileCache, clock: Clock) -> None:
    ticket = cache.begin(MINE, "video", "a.mp4", 10)
    assert ticket is not None
    assert cache.pending(MINE) == [module.Pending(ticket, "video", "a.mp4", 10, None, clock.now)]
    cache.uploaded(ticket, "f1")
    assert cache.pending(MINE)[0].remote_id == "f1"
    cache.done(ticket)
    cache.done(ticket)
    assert cache.pending(MINE) == []
    cache.uploaded(None, "f1")
    cache.done(None)


def test_a_kept_upload_is_owed_no_longer(cache: FileCache) -> None:
    """Whoever dies between put and done must not have its file deleted by the next."""
    ticket = cache.begin(MINE, "file-extract", "a.pdf", 3)
    cache.uploaded(ticket, "f1")
    put(cache, remote_id="f1")
    assert cache.pending(MINE) == []


def test_a_deleted_upload_is_owed_no_longer(cache: FileCache) -> None:
    ticket = cache.begin(MINE, "image", "a.png", 3)
    cache.uploaded(ticket, "f1")
    cache.forget_remote(MINE, "f1")
    assert cache.pending(MINE) == []


def test_the_same_file_uploaded_twice(cache: FileCache) -> None:
    put(cache, remote_id="f1", filename="a.pdf")
    put(cache, remote_id="f1", text="text")
    assert cache.pending(MINE) == []
    put(cache, remote_id="f2", filename="b.pdf")
    assert cache.entries(MINE)[0].remote_id == "f2"
    [owed] = cache.pending(MINE)
    assert (owed.remote_id, owed.filename, owed.purpose) == ("f1", "a.pdf", "file-extract")


def test_young_uploads_are_left_alone(cache: FileCache, clock: Clock) -> None:
    for name in "abc":
        cache.begin(MINE, "image", name, 1)
        clock.now += 10
    assert [owed.filename for owed in cache.pending(MINE)] == ["a", "b", "c"]
    assert [owed.filename for owed in cache.pending(MINE, older_than=20)] == ["a", "b"]
    assert cache.pending(MINE, older_than=31) == []


def test_a_ticket_means_nothing_in_a_new_file(cache: FileCache, file: Path) -> None:
    old = cache.begin(MINE, "image", "old", 1)
    file.unlink()
    new = cache.begin(MINE, "image", "new", 1)
    assert old != new
    cache.uploaded(old, "f1")
    cache.done(old)
    assert [(owed.ticket, owed.remote_id) for owed in cache.pending(MINE)] == [(new, None)]


# Paths


def aged(path: Path, content: bytes = b"content") -> os.stat_result:
    """A file that was written a minute ago."""
    path.write_bytes(content)
    os.utime(path, (time.time() - 60,) * 2)
    return path.stat()


def test_an_unchanged_file_is_known(cache: FileCache, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    status = aged(path)
    assert cache.known(str(path), status) is None
    cache.remember(str(path), status, SHA)
    assert cache.known(str(path), path.stat()) == SHA
    assert cache.known(os.path.relpath(path), path.stat()) == SHA
    assert cache.known(str(tmp_path / "b.pdf"), status) is None


def test_a_changed_file_is_not_known(cache: FileCache, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    status = aged(path)
    cache.remember(str(path), status, SHA)
    same = list(status)
    times = {"st_mtime_ns": status.st_mtime_ns, "st_ctime_ns": status.st_ctime_ns}
    kinds = ("st_ino", "st_dev", "st_size", "st_mtime_ns", "st_ctime_ns")
    places = {"st_ino": 1, "st_dev": 2, "st_size": 6}
    for kind in kinds:
        fields, more = list(same), dict(times)
        if kind in places:
            fields[places[kind]] += 1
        else:
            more[kind] += 1
        assert cache.known(str(path), os.stat_result(fields, more)) is None
    assert cache.known(str(path), os.stat_result(same, times)) == SHA
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    path.write_bytes(b"another")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert cache.known(str(path), path.stat()) is None
    cache.remember(str(path), path.stat(), "new")
    assert cache.known(str(path), path.stat()) == "new"


def test_a_file_that_may_still_change_is_not_remembered(cache: FileCache, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"content")
    for shift, expected in ((0.0, None), (-1.9, None), (60, None), (-2.5, SHA)):
        os.utime(path, (time.time() + shift,) * 2)
        cache.remember(str(path), path.stat(), SHA)
        assert cache.known(str(path), path.stat()) == expected


def test_a_long_reading_counts_from_its_start(cache: FileCache, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    status = aged(path)
    cache.remember(str(path), status, SHA, read_at=status.st_mtime + 1)
    assert cache.known(str(path), status) is None
    cache.remember(str(path), status, SHA, read_at=status.st_mtime + 3)
    assert cache.known(str(path), status) == SHA


def test_inodes_beyond_the_integers_of_sqlite(cache: FileCache, tmp_path: Path) -> None:
    status = os.stat_result((0o644, 2**64 - 1, 2**64 - 2, 1, 0, 0, 5, 0, 0, 0))
    cache.remember("/a", status, SHA)
    assert cache.known("/a", status) == SHA


# Housekeeping


def test_clear_forgets_an_account_and_all_paths(cache: FileCache, tmp_path: Path) -> None:
    other = account("sk-other", HOST)
    status = aged(tmp_path / "a")
    put(cache, text="text")
    put(cache, whose=other)
    ticket = cache.begin(MINE, "image", "a", 1)
    cache.remember(str(tmp_path / "a"), status, SHA)
    cache.clear(MINE)
    assert cache.entries(MINE) == []
    assert cache.known(str(tmp_path / "a"), status) is None
    assert len(cache.entries(other)) == 1
    assert [owed.ticket for owed in cache.pending(MINE)] == [ticket]


def test_what_is_old_goes_but_no_remote_id(cache: FileCache, clock: Clock, tmp_path: Path) -> None:
    status = aged(tmp_path / "a")
    put(cache, "text only", remote_id=None, text="text")
    put(cache, "both", remote_id="f1", text="text")
    put(cache, "used", remote_id=None, text="text")
    cache.remember(str(tmp_path / "a"), status, SHA)
    cache.remember(str(tmp_path / "b"), status, SHA)
    clock.now += 50
    cache.drop_old(100)
    assert len(cache.entries(MINE)) == 3
    clock.now += HOUR + 1
    cache.get(MINE, "used", "file-extract")
    cache.known(str(tmp_path / "b"), status)
    cache.drop_old(HOUR)
    assert {entry.sha256: (entry.remote_id, entry.text) for entry in cache.entries(MINE)} == {
        "both": ("f1", None),
        "used": (None, "text"),
    }
    assert cache.known(str(tmp_path / "a"), status) is None
    assert cache.known(str(tmp_path / "b"), status) == SHA


def test_put_tidies_up_now_and_then(
    cache: FileCache, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(cache, "old", remote_id=None, text="text")
    clock.now += 91 * DAY
    put(cache, "new")
    assert len(cache.entries(MINE)) == 2
    monkeypatch.setattr(FileCache, "_chores_are_due", lambda self: True)
    put(cache, "new")
    assert [entry.sha256 for entry in cache.entries(MINE)] == ["new"]


def test_chores_are_due_once_in_about_fifty(file: Path) -> None:
    cache = FileCache(file)
    due = sum(cache._chores_are_due() for _ in range(20_000))
    assert 200 < due < 700


# The file


def test_reading_makes_no_file(cache: FileCache, file: Path) -> None:
    assert cache.get(MINE, SHA, "image") is None
    assert cache.entries(MINE) == cache.pending(MINE) == []
    assert not file.exists()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_only_the_owner_may_read_the_file(file: Path) -> None:
    before = os.umask(0)
    try:
        cache = FileCache(file)
        put(cache)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        with closing(sqlite3.connect(file)) as reader:
            reader.execute("SELECT * FROM files").fetchall()
            put(cache, "other")
            written = sorted(file.parent.glob("kimi-files.db*"))
            assert len(written) > 1
            assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
        file.chmod(0o644)
        cache.get(MINE, SHA, "image")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    finally:
        os.umask(before)
    assert [path.name for path in file.parent.glob("kimi-files*")] == ["kimi-files.db"]


def test_a_file_system_without_links(
    cache: FileCache, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*names: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    put(cache)
    assert len(cache.entries(MINE)) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(list(file.parent.glob("kimi-files*"))) == 1


def test_the_folder_is_made(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "a ?#%20" / "b" / "files.db")
    put(cache)
    assert cache.problem is None
    assert len(cache.entries(MINE)) == 1
    assert (tmp_path / "a ?#%20" / "b" / "files.db").exists()


def test_the_usual_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = default_cache()
    assert default_cache() is first
    assert first.path == Path(os.environ["LLM_USER_PATH"]).resolve() / "kimi-files.db"
    put(first)
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path / "other"))
    second = default_cache()
    assert second is not first
    assert second.entries(MINE) == []
    put(FileCache())
    assert len(second.entries(MINE)) == 1
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path / "llm"))
    assert default_cache() is first


# Problems


def test_a_damaged_file(file: Path, tmp_path: Path) -> None:
    garbage = bytes(range(256)) * 40
    file.write_bytes(garbage)
    cache = FileCache(file)
    assert every_method(cache, tmp_path) == EMPTY
    assert str(file) in told(cache)
    assert "damaged" in told(cache)
    assert "delete it" in told(cache)
    assert file.read_bytes() == garbage
    file.unlink()
    put(cache)
    assert len(cache.entries(MINE)) == 1


def test_a_file_damaged_in_the_middle(file: Path, tmp_path: Path) -> None:
    cache = FileCache(file)
    for number in range(40):
        put(cache, str(number), text="x" * 5000)
    content = bytearray(file.read_bytes())
    content[4096:-1000] = os.urandom(len(content) - 5096)
    file.write_bytes(content)
    assert cache.get(MINE, "1", "file-extract") is None
    assert cache.entries(MINE) == []
    put(cache, "new")
    assert "delete it" in told(cache)


@pytest.mark.parametrize(
    "column", ["text = x'ff'", "text = cast(x'ff' AS TEXT)", "used = 'x'", "size = 'x'"]
)
def test_a_damaged_row(file: Path, column: str) -> None:
    cache = FileCache(file)
    put(cache, text="text")
    with closing(sqlite3.connect(file)) as writer, writer:
        writer.execute(f"UPDATE files SET {column}")
    cache.get(MINE, SHA, "file-extract")
    cache.entries(MINE)
    if column != "text = x'ff'":
        assert "delete" in told(cache)


def test_missing_tables(file: Path, tmp_path: Path) -> None:
    put(FileCache(file))
    with closing(sqlite3.connect(file)) as writer, writer:
        for table in ("files", "uploads", "paths"):
            writer.execute(f"DROP TABLE {table}")
    cache = FileCache(file)
    assert every_method(cache, tmp_path) == EMPTY
    assert "damaged (no such table" in told(cache)


def test_a_file_of_a_newer_version(file: Path, tmp_path: Path) -> None:
    put(FileCache(file))
    with closing(sqlite3.connect(file)) as writer:
        writer.execute("PRAGMA user_version = 2")
    before = file.read_bytes()
    cache = FileCache(file)
    assert every_method(cache, tmp_path) == EMPTY
    assert "newer version of llm-kimi" in told(cache)
    assert str(file) in told(cache)
    assert file.read_bytes() == before


def test_a_database_of_something_else(file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(file)) as writer:
        writer.execute("CREATE TABLE files (x)")
    file.chmod(0o600)
    before = file.read_bytes()
    cache = FileCache(file)
    assert every_method(cache, tmp_path) == EMPTY
    assert "something else" in told(cache)
    assert file.read_bytes() == before


def test_a_folder_in_the_place_of_the_file(file: Path, tmp_path: Path) -> None:
    file.mkdir()
    cache = FileCache(file)
    assert every_method(cache, tmp_path) == EMPTY
    assert str(file) in told(cache)


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    cache = FileCache(tmp_path / "x" / "kimi-files.db")
    assert every_method(cache, tmp_path) == EMPTY
    assert "Not a directory" in told(cache)


def test_no_folder_for_llm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_text("")
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path / "x"))
    cache = default_cache()
    assert cache is default_cache()
    assert every_method(cache, tmp_path) == EMPTY
    assert str(tmp_path / "x") in told(cache)


def test_a_path_that_is_none(tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "a\nb" / ("x" * 300))
    assert every_method(cache, tmp_path) == EMPTY
    assert told(cache)


@pytest.mark.parametrize("what", ["kimi-files.db", ""])
def test_a_read_only_place(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    put(FileCache(file))
    real = os.access

    def access(path: Any, mode: int) -> bool:
        return Path(path) != (tmp_path / what) and real(path, mode)

    monkeypatch.setattr(os, "access", access)
    cache = FileCache(file)
    assert every_method(cache, tmp_path) == EMPTY
    assert "read-only" in told(cache)
    assert "writable" in told(cache)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    cache = FileCache(folder / "kimi-files.db")
    assert every_method(cache, tmp_path) == EMPTY
    assert "Permission denied" in told(cache)


def test_a_full_disk(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(FileCache(file))
    real = database._connect

    def connect(*arguments: Any) -> sqlite3.Connection:
        connection = real(*arguments)
        connection.execute("PRAGMA max_page_count = 1")
        return connection

    monkeypatch.setattr(database, "_connect", connect)
    cache = FileCache(file)
    put(cache, "large", text="x" * 100_000)
    assert "full" in told(cache)
    assert [entry.sha256 for entry in cache.entries(MINE)] == [SHA]


def test_a_locked_file_is_waited_for_once(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_MOMENT", 0.01)
    put(FileCache(file))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("DELETE FROM paths")
        cache = FileCache(file, wait=2.0)
        start = time.monotonic()
        put(cache, "new")
        assert time.monotonic() - start >= 1.9
        start = time.monotonic()
        assert every_method(cache, tmp_path) == EMPTY
        assert time.monotonic() - start < 10.0  # of more than twenty for all of them
        assert "locked" in told(cache)
        assert "try again later" in told(cache)
        other.execute("COMMIT")
    put(cache, "new")
    assert len(cache.entries(MINE)) == 2


def test_a_writer_does_not_hold_up_readers(file: Path) -> None:
    put(FileCache(file))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM files")
        cache = FileCache(file, wait=0.1)
        assert cache.get(MINE, SHA, "file-extract") is not None
        assert cache.problem is None
        assert cache.begin(MINE, "image", "a", 1) is None
        assert "locked" in told(cache)


# Many at once


def write_many(file: str, number: int, rounds: int) -> str | None:
    """What each of several processes does. Gives the problem, if there was one."""
    cache = FileCache(Path(file), wait=30.0)
    for turn in range(rounds):
        name = f"{number}-{turn}"
        ticket = cache.begin(MINE, "image", name, turn)
        cache.uploaded(ticket, name)
        put(cache, name, remote_id=name, purpose="image", text=name * 100)
        put(cache, "shared", remote_id=None, text="shared")
        cache.done(ticket)
        if cache.get(MINE, name, "image") is None:
            return f"{name} was not found: {cache.problem}"
    return cache.problem


def test_eight_processes_write_at_once(file: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(8) as pool:
        work = [(str(file), number, 12) for number in range(8)]
        assert pool.starmap(write_many, work, chunksize=1) == [None] * 8
    cache = FileCache(file)
    names = {f"{number}-{turn}" for number in range(8) for turn in range(12)}
    assert {entry.sha256 for entry in cache.entries(MINE)} == names | {"shared"}
    assert cache.pending(MINE) == []
    with closing(sqlite3.connect(file)) as reader:
        assert reader.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert reader.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


def test_threads_share_a_cache(file: Path) -> None:
    cache = FileCache(file, wait=30.0)
    gate = threading.Barrier(8)

    def work(number: int) -> None:
        gate.wait()
        for turn in range(10):
            put(cache, f"{number}-{turn}", remote_id=f"{number}-{turn}")
            assert cache.get(MINE, f"{number}-{turn}", "file-extract") is not None

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.problem is None
    assert len(cache.entries(MINE)) == 80


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_goes_on(file: Path) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\n"
        "from llm_kimi.files.store.cache import FileCache, account\n"
        "cache, mine = FileCache(Path(sys.argv[1])), account('k', 'h')\n"
        "cache.begin(mine, 'image', 'parent', 1)\n"
        "child = os.fork()\n"
        "cache.begin(mine, 'image', 'both', 1)\n"
        "child and os.waitpid(child, 0)\n"
        "assert cache.problem is None, cache.problem\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code, str(file)], check=True)
    owed = FileCache(file).pending(account("k", "h"))
    assert [entry.filename for entry in owed] == ["parent", "both", "both"]


def test_a_killed_writer_leaves_what_it_had_written(file: Path) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\n"
        "from llm_kimi.files.store.cache import FileCache, account\n"
        "cache = FileCache(Path(sys.argv[1]))\n"
        "cache.begin(account('k', 'h'), 'image', 'a', 1)\n"
        "os._exit(1)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(file)], check=False)
    assert len(FileCache(file).pending(account("k", "h"))) == 1


def test_importing_loads_neither_sqlite_nor_llm() -> None:
    code = (
        "import sys, json\nimport llm_kimi.files.store.cache, llm_kimi.sniff.media\n"
        "print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(json.loads(done.stdout))
    assert not {"sqlite3", "_sqlite3", "llm", "hashlib", "tempfile", "openai"} & modules
    assert "llm_kimi.files.store.cache" in modules
