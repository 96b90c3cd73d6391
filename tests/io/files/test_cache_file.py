"""The file of the cache: its form, its problems, and many at once. It never fails."""

from __future__ import annotations

import json
import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from llm_kimi.files.store import database
from llm_kimi.files.store.cache import FileCache, account, default_cache
from tests.support.caches import EMPTY, MINE, SHA, every_method, put, told


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
