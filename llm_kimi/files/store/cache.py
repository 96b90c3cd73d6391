"""What this machine knows about files that were uploaded to Kimi.

Kept in ``kimi-files.db`` in llm's folder, for all processes and all accounts. A file is known by
the SHA-256 of its bytes. The API key is not in there, only a fingerprint of it. Sizes are bytes,
times Unix seconds. No method raises for a file that cannot be used: the cache is empty then, and
``FileCache.problem`` says why. Operations block for some milliseconds, and up to ``wait`` seconds
when another process holds the lock.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .database import Database, clean, default_path

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Account", "Entry", "FileCache", "Pending", "Purpose", "account", "default_cache"]

Purpose: TypeAlias = Literal["file-extract", "image", "video"]

_TOUCH = 3600.0
"""Seconds that the time of the last use may be behind, to save writes."""

_KEEP = 90 * 24 * 3600.0
"""Seconds without use after which texts and paths go."""

_RACY = 2.0
"""Seconds: the coarsest clock of a file system (FAT). A younger file may change unnoticed."""

_MINE = "fingerprint = ? AND base_url = ?"
_ONE = f"{_MINE} AND sha256 = ? AND purpose = ?"
_ENTRY = "sha256, purpose, remote_id, filename, size, text, created, used"


@dataclass(frozen=True, slots=True)
class Account:
    """Whose files they are: uploads belong to a key at a host. Made by ``account``."""

    fingerprint: str
    base_url: str


def account(key: str, base_url: str) -> Account:
    """The account of ``key`` at ``base_url``. The key cannot be found from it."""
    import hashlib

    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), person=b"llm-kimi")
    return Account(digest.hexdigest()[:16], base_url.rstrip("/"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that was uploaded. ``remote_id`` is None when it is no longer there, ``text`` when
    nothing was extracted (yet)."""

    sha256: str
    purpose: Purpose
    remote_id: str | None
    filename: str
    size: int
    text: str | None
    created: float
    used: float


@dataclass(frozen=True, slots=True)
class Pending:
    """An upload whose end is not known, or a remote file that nothing here uses.

    Without ``remote_id`` its answer never came: whether there is such a file, the list of remote
    files tells, by name and size.
    """

    ticket: int
    purpose: Purpose
    filename: str
    size: int
    remote_id: str | None
    started: float


class FileCache:
    """The cache in the file ``path``; without it, in llm's folder.

    For any number of threads and processes at once. ``wait``: seconds for another's lock.
    """

    def __init__(self, path: Path | None = None, *, wait: float = 5.0) -> None:
        self._database = Database(path, wait)

    @property
    def path(self) -> Path | None:
        """The file; None when it is looked for at every use."""
        return self._database.path

    @property
    def problem(self) -> str | None:
        """Why the cache did not work, the last time that it did not; one line for the user."""
        return self._database.problem

    # Files

    def get(self, account: Account, sha256: str, purpose: Purpose) -> Entry | None:
        """What is known of a file; it counts as used."""
        one = (*_owner(account), clean(sha256), purpose)

        def select(connection: sqlite3.Connection) -> Entry | None:
            row = connection.execute(f"SELECT {_ENTRY} FROM files WHERE {_ONE}", one).fetchone()
            return row and _entry(row)

        found = self._database.read(None, select)
        now = time.time()
        if found is not None and now - found.used > _TOUCH:
            self._change(f"UPDATE files SET used = ? WHERE {_ONE}", now, *one)
        return found

    def put(
        self,
        account: Account,
        sha256: str,
        purpose: Purpose,
        *,
        remote_id: str | None,
        filename: str,
        size: int,
        text: str | None,
    ) -> None:
        """Keep what is known of a file. None erases nothing: neither a text nor a remote id.

        ``remote_id`` is owed no longer (see ``begin``). Another one that was known until now (two
        processes uploaded the same file) is owed from here on: ``pending`` tells it.
        """
        owner = _owner(account)
        one = (*owner, clean(sha256), purpose)
        known = None if remote_id is None else clean(remote_id)
        text = None if text is None else clean(text)
        name, now = clean(filename), time.time()

        def keep(connection: sqlite3.Connection) -> None:
            row = connection.execute(
                f"SELECT remote_id, filename, size FROM files WHERE {_ONE}", one
            ).fetchone()
            if row is None:
                connection.execute(
                    "INSERT INTO files (fingerprint, base_url, sha256, purpose, remote_id, "
                    "filename, size, created, used, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*one, known, name, size, now, now, text),
                )
            else:
                connection.execute(
                    "UPDATE files SET created = CASE WHEN remote_id = coalesce(?, remote_id) "
                    "OR ? IS NULL THEN created ELSE ? END, "
                    "remote_id = coalesce(?, remote_id), filename = ?, size = ?, used = ?, "
                    f"text = coalesce(?, text) WHERE {_ONE}",
                    (known, known, now, known, name, size, now, text, *one),
                )
                if known and row[0] and row[0] != known:
                    _owe(connection, owner, purpose, row[1], row[2], row[0], now)
            if known:
                _settle(connection, owner, known)

        self._database.write(None, keep)
        if self._chores_are_due():
            self.drop_old(_KEEP)

    def forget_remote(self, account: Account, remote_id: str) -> None:
        """The remote file is gone. An entry with a text stays, one without goes."""
        mine = (*_owner(account), clean(remote_id))

        def forget(connection: sqlite3.Connection) -> None:
            where = f"WHERE {_MINE} AND remote_id = ?"
            connection.execute(f"DELETE FROM files {where} AND text IS NULL", mine)
            connection.execute(f"UPDATE files SET remote_id = NULL {where}", mine)
            _settle(connection, mine[:2], mine[2])

        self._database.write(None, forget)

    def entries(self, account: Account) -> list[Entry]:
        """All files of an account, newest first."""
        query = f"SELECT {_ENTRY} FROM files WHERE {_MINE} ORDER BY created DESC, rowid DESC"

        def select(connection: sqlite3.Connection) -> list[Entry]:
            return [_entry(row) for row in connection.execute(query, _owner(account))]

        return self._database.read([], select)

    def remove(self, account: Account, sha256: str, purpose: Purpose) -> None:
        """Forget a file. A remote one stays where it is: the caller has deleted it."""
        self._change(f"DELETE FROM files WHERE {_ONE}", *_owner(account), clean(sha256), purpose)

    # Uploads under way

    def begin(self, account: Account, purpose: Purpose, filename: str, size: int) -> int | None:
        """Note an upload before it starts, and give a ticket for it; None: the cache is broken."""
        owner, name, now = _owner(account), clean(filename), time.time()
        return self._database.write(
            None, lambda connection: _owe(connection, owner, purpose, name, size, None, now)
        )

    def uploaded(self, ticket: int | None, remote_id: str) -> None:
        """The answer has come: the file is there under this id."""
        if ticket is not None:
            query = "UPDATE uploads SET remote_id = ? WHERE ticket = ?"
            self._change(query, clean(remote_id), ticket)

    def done(self, ticket: int | None) -> None:
        """``put`` has kept the file, or it was refused or deleted: nothing is owed."""
        if ticket is not None:
            self._change("DELETE FROM uploads WHERE ticket = ?", ticket)

    def pending(self, account: Account, *, older_than: float = 0) -> list[Pending]:
        """What is owed for more than ``older_than`` seconds, oldest first. Younger ones may be
        under way in another process."""
        query = (
            "SELECT ticket, purpose, filename, size, remote_id, started FROM uploads "
            f"WHERE {_MINE} AND started <= ? ORDER BY started, rowid"
        )
        arguments = (*_owner(account), time.time() - older_than)

        def select(connection: sqlite3.Connection) -> list[Pending]:
            return [_pending(row) for row in connection.execute(query, arguments)]

        return self._database.read([], select)

    # Paths

    def known(self, path: str, stat: os.stat_result) -> str | None:
        """The SHA-256 of the file at ``path``, if it has not changed since ``remember``."""
        name, stamp = _absolute(path), _stamp(stat)

        def select(connection: sqlite3.Connection) -> tuple[str, float] | None:
            row = connection.execute(
                "SELECT sha256, used FROM paths WHERE path = ? AND stamp = ?", (name, stamp)
            ).fetchone()
            return row and (str(row[0]), float(row[1]))

        found = self._database.read(None, select)
        if found is None:
            return None
        now = time.time()
        if now - found[1] > _TOUCH:
            self._change("UPDATE paths SET used = ? WHERE path = ?", now, name)
        return found[0]

    def remember(
        self, path: str, stat: os.stat_result, sha256: str, *, read_at: float | None = None
    ) -> None:
        """``path`` held ``sha256`` when it was read.

        ``stat`` is from before the reading, and the caller saw the same one after it. A file that
        was changed in the two seconds before ``read_at`` (when the reading began; now, if not
        given) is not remembered: it may change once more and look the same, as in git's index
        (https://git-scm.com/docs/racy-git).
        """
        now = time.time()
        if (now if read_at is None else read_at) - stat.st_mtime <= _RACY:
            return
        self._change(
            "INSERT OR REPLACE INTO paths (path, stamp, sha256, used) VALUES (?, ?, ?, ?)",
            *(_absolute(path), _stamp(stat), clean(sha256), now),
        )

    # Housekeeping

    def clear(self, account: Account) -> None:
        """Forget all files of an account, and all paths. What ``pending`` tells stays owed."""

        def clear(connection: sqlite3.Connection) -> None:
            connection.execute(f"DELETE FROM files WHERE {_MINE}", _owner(account))
            connection.execute("DELETE FROM paths")

        self._database.write(None, clear)

    def drop_old(self, seconds: float) -> None:
        """Forget texts and paths of all accounts that were not used for ``seconds``. The ids of
        remote files stay: they are still there. ``put`` does this now and then."""
        before = (time.time() - seconds,)

        def drop(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM files WHERE used < ? AND remote_id IS NULL", before)
            connection.execute(
                "UPDATE files SET text = NULL WHERE used < ? AND text IS NOT NULL", before
            )
            connection.execute("DELETE FROM paths WHERE used < ?", before)

        self._database.write(None, drop)

    def _chores_are_due(self) -> bool:
        """One time in 51."""
        return os.urandom(1)[0] < 5

    def _change(self, query: str, *arguments: str | float) -> None:
        def change(connection: sqlite3.Connection) -> None:
            connection.execute(query, arguments)

        self._database.write(None, change)


def _entry(row: tuple[Any, ...]) -> Entry:
    """Columns as ``_ENTRY`` names them. SQLite gives any type for a damaged column."""
    sha256, purpose, remote_id, filename, size, text, created, used = row
    return Entry(
        str(sha256),
        purpose,
        None if remote_id is None else str(remote_id),
        str(filename),
        int(size),
        None if text is None else str(text),
        float(created),
        float(used),
    )


def _pending(row: tuple[Any, ...]) -> Pending:
    ticket, purpose, filename, size, remote_id, started = row
    known = None if remote_id is None else str(remote_id)
    return Pending(int(ticket), purpose, str(filename), int(size), known, float(started))


def _owner(account: Account) -> tuple[str, str]:
    return clean(account.fingerprint), clean(account.base_url)


def _owe(
    connection: sqlite3.Connection,
    owner: tuple[str, str],
    purpose: str,
    filename: str,
    size: int,
    remote_id: str | None,
    started: float,
) -> int:
    """A row of ``uploads``. Its ticket is random: a number that was given out before the file was
    deleted by its user must not mean another upload in the new one."""
    ticket = int.from_bytes(os.urandom(7), "big")
    connection.execute(
        "INSERT INTO uploads (ticket, fingerprint, base_url, purpose, filename, size, remote_id, "
        "started) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (ticket, *owner, purpose, filename, size, remote_id, started),
    )
    return ticket


def _settle(connection: sqlite3.Connection, owner: tuple[str, ...], remote_id: str) -> None:
    query = f"DELETE FROM uploads WHERE {_MINE} AND remote_id = ?"
    connection.execute(query, (*owner, remote_id))


def _absolute(path: str) -> str:
    return clean(os.path.abspath(path))


def _stamp(stat: os.stat_result) -> str:
    """What tells that a file is the same. As text: inodes may be larger than SQLite's integers.

    With the time of the last change of any kind, so that tools that set the other time back
    (``cp -p``, ``rsync``) do not go unnoticed.
    """
    parts = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev)
    return ":".join(str(part) for part in parts)


_caches: dict[Path | None, FileCache] = {}


def default_cache() -> FileCache:
    """The cache in llm's folder: one object for each folder in this process."""
    try:
        path: Path | None = default_path()
    except OSError:
        path = None  # its first use tells why
    return _caches.setdefault(path, FileCache(path))
