"""The SQLite file behind the cache: opened for one operation at a time, never a reason to fail.

Whatever is wrong with the file (damaged, locked, unwritable, from a newer version), the operation
gives its default and ``Database.problem`` says what to do. Nothing is repaired or deleted here.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import sqlite3

__all__ = ["NAME", "Database", "clean", "default_path"]

NAME = "kimi-files.db"
VERSION = 1

_SCHEMA = (
    # The text stands last: what is before it is read without its pages.
    """CREATE TABLE files (
        fingerprint TEXT NOT NULL, base_url TEXT NOT NULL,
        sha256 TEXT NOT NULL, purpose TEXT NOT NULL,
        remote_id TEXT, filename TEXT NOT NULL, size INTEGER NOT NULL,
        created REAL NOT NULL, used REAL NOT NULL, text TEXT,
        PRIMARY KEY (fingerprint, base_url, sha256, purpose))""",
    """CREATE TABLE uploads (
        ticket INTEGER PRIMARY KEY,
        fingerprint TEXT NOT NULL, base_url TEXT NOT NULL, purpose TEXT NOT NULL,
        filename TEXT NOT NULL, size INTEGER NOT NULL, remote_id TEXT, started REAL NOT NULL)""",
    """CREATE TABLE paths (
        path TEXT PRIMARY KEY, stamp TEXT NOT NULL, sha256 TEXT NOT NULL, used REAL NOT NULL)""",
    f"PRAGMA user_version = {VERSION}",
)

_IMPATIENT, _MOMENT = 30.0, 0.25
"""After a lock that did not go away: seconds in which nothing waits for it longer than a moment."""

_BROKEN = ("no such", "has no column", "Could not decode")
"""In the words of SQLite and Python: a schema or a text that is not what was written."""

Result = TypeVar("Result")


class _UnusableError(Exception):
    """The file cannot be used, its text says why and what to do."""


def default_path() -> Path:
    """Where the file stands: in llm's folder, which is made if need be.

    Raises:
        OSError: there can be no such folder.
    """
    import llm

    return Path(os.path.realpath(llm.user_dir() / NAME))  # type: ignore[no-untyped-call]


def clean(value: str) -> str:
    """``value`` as SQLite takes it: names of files may hold what UTF-8 cannot."""
    return value.encode("utf-8", "backslashreplace").decode()


class Database:
    """The file at ``path`` (None: where ``default_path`` says, at every operation).

    A connection lives for one operation. So none is shared by threads or survives a fork, and
    no descriptor has to be closed by anyone. ``wait`` is in seconds, for another's lock.
    """

    def __init__(self, path: Path | None, wait: float) -> None:
        self.path = None if path is None else Path(os.path.realpath(path))
        self.problem: str | None = None
        self._wait = wait
        self._impatient_until = 0.0

    def read(self, default: Result, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """What ``work`` finds; ``default`` when there is no file, or a problem."""
        return self._run(default, work, create=False)

    def write(self, default: Result, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """``work`` in one transaction; ``default`` and no change when there is a problem."""

        def transaction(connection: sqlite3.Connection) -> Result:
            with _transaction(connection):
                return work(connection)

        return self._run(default, transaction, create=True)

    def _run(
        self, default: Result, work: Callable[[sqlite3.Connection], Result], *, create: bool
    ) -> Result:
        import sqlite3

        file = self.path
        try:
            file = file or default_path()
            if not _present(file):
                if not create:
                    return default
                _create(file)
            _check_access(file)
            impatient = time.monotonic() < self._impatient_until
            wait = min(self._wait, _MOMENT) if impatient else self._wait
            with contextlib.closing(_connect(file, wait)) as connection:
                return work(connection)
        except (
            *(sqlite3.Error, OSError, _UnusableError),
            *(ValueError, TypeError, OverflowError),  # paths and numbers that are none
        ) as error:
            if _is_lock(error):
                self._impatient_until = time.monotonic() + _IMPATIENT
            self.problem = _explain(error, file)
            return default


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """IMMEDIATE: the lock is waited for here, not when a read has been done already."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _present(file: Path) -> bool:
    try:
        file.stat()
    except FileNotFoundError:
        return False
    return True


def _create(file: Path) -> None:
    """An empty file that its owner alone may read.

    It is closed before it has its name: closing it later would drop the locks that a connection
    of another thread has on it (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    """
    import tempfile

    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, made = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    os.close(descriptor)
    try:
        os.link(made, file)
    except FileExistsError:
        pass  # another process was faster
    except OSError:  # a file system without links
        file.touch(mode=0o600)
    finally:
        os.unlink(made)


def _check_access(file: Path) -> None:
    """Asked, not tried, for the reason above. SQLite would open a read-only file without a word,
    and what is deleted remotely could not be noted."""
    if os.name == "posix" and file.stat().st_mode & 0o077:
        with contextlib.suppress(OSError):
            file.chmod(0o600)
    for path in (file, file.parent):
        if not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(13, f"{path.name or path} is read-only")


def _connect(file: Path, wait: float) -> sqlite3.Connection:
    import sqlite3

    # mode=rw: a file that has just been deleted is not made anew with other permissions.
    connection = sqlite3.connect(
        f"{file.as_uri()}?mode=rw", uri=True, timeout=wait, isolation_level=None
    )
    try:
        version = _version(connection)
        if version == 0:
            _make_tables(connection, time.monotonic() + wait)
        elif version > VERSION:
            raise _UnusableError(
                "was written by a newer version of llm-kimi: update llm-kimi, or delete the file"
            )
        # Enough for what survives the end of a process; a loss of power may cost the last rows.
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _make_tables(connection: sqlite3.Connection, deadline: float) -> None:
    """The schema, unless another process has made it meanwhile."""
    _refuse_foreign(connection)
    while True:
        try:
            connection.execute("PRAGMA auto_vacuum = FULL")
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except Exception as error:
            # SQLite does not wait by itself when it changes the journal's mode.
            if not _is_lock(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    with _transaction(connection):
        if _version(connection) == 0:
            _refuse_foreign(connection)
            for statement in _SCHEMA:
                connection.execute(statement)


def _refuse_foreign(connection: sqlite3.Connection) -> None:
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and _version(connection) == 0:
        raise _UnusableError("is a database of something else: move it away")


def _is_lock(error: BaseException) -> bool:
    import sqlite3

    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


def _explain(error: Exception, file: Path | None) -> str:
    """What is wrong and what to do, in one line."""
    import sqlite3

    name = str(file or getattr(error, "filename", None) or "llm's folder")
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if isinstance(error, _UnusableError):
        what = str(error)
    elif _is_lock(error):
        what = f"is locked by another program ({reason}); close it or try again later"
    elif type(error) is sqlite3.DatabaseError or any(word in reason for word in _BROKEN):
        what = f"is damaged ({reason}): delete it, a new one will be made"
    else:
        what = (
            f"cannot be used ({reason}): make the file and its folder writable and see that the "
            "disk has space, or delete the file"
        )
    return " ".join(clean(f"Uploads are not remembered: {name} {what}").splitlines())
