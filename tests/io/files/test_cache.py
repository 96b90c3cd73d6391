"""The cache of uploaded files: what it keeps, and for whom."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from llm_kimi.files.store import cache as module
from llm_kimi.files.store.cache import FileCache, account
from tests.support.caches import DAY, HOST, HOUR, KEY, MINE, SHA, Clock, put


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
