"""The key of ``llm kimi serve``: made once, kept in a file that only its owner reads.

It is no key of Moonshot's. Programs of this machine show it to the server on this machine, so that
not every program, nor every user, can spend what is behind it.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .llm_folder import folder, write_whole

__all__ = ["PREFIX", "path", "server_key"]

PREFIX = "kimi-local-"
_KEY = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


def path() -> Path:
    """Where it is kept."""
    return folder() / "kimi-server-key"


def server_key(*, replace: bool) -> tuple[str, str | None]:
    """The key, and what the user should know of it, if anything. Where none is, it is made.

    Of several processes that make one at the same time, all get that of the first. ``replace``:
    make a new one also where the file cannot be used; a server that runs goes on with the old one.

    Raises:
        OSError: it cannot be read or kept.
        ValueError: the file cannot be used, and is not replaced.
    """
    with suppress(OSError, ValueError):
        return _read(), None
    with _alone():
        trouble = None
        try:
            return _read(), None
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            if not replace:
                raise
            reason = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else error
            trouble = f"{path()} {reason}: a new key was created; the old one no longer works"
        key = PREFIX + secrets.token_urlsafe(32)
        write_whole(path(), key + "\n")
        return key, trouble


@contextmanager
def _alone() -> Iterator[None]:
    """Let one process after the other do this, where the system has such locks."""
    path().parent.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    lock = path().with_name(f"{path().name}.lock")
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # which lets go of it


def _read() -> str:
    """What is in the file.

    Raises:
        OSError: it cannot be read, or is a link.
        ValueError: others may have read it, or it is not ours.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path(), flags)
    with os.fdopen(handle, "rb") as file:
        _check(os.fstat(handle))
        text = file.read(200).decode("ascii", "replace").strip()
    if not _KEY.fullmatch(text):
        raise ValueError("contains no key")
    return text


def _check(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("is not a regular file")
    if hasattr(os, "getuid"):
        if found.st_uid != os.getuid():
            raise ValueError("belongs to another user")
        if found.st_mode & 0o077:
            raise ValueError("can be read by other users")
