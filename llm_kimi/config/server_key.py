"""The key of ``llm kimi serve``: made once, kept in a file that only its owner reads.

It is no key of Moonshot's. Programs of this machine show it to the server on this machine, so that
not every program, nor every user, can spend what is behind it.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path

from .llm_folder import folder

__all__ = ["PREFIX", "path", "server_key"]

PREFIX = "kimi-local-"
_KEY = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
_TRIES, _PAUSE = 10, 0.03
"""Another process may just have made the file, and not yet written the key into it."""


def path() -> Path:
    """Where it is kept."""
    return folder() / "kimi-server-key"


def server_key(*, replace: bool) -> tuple[str, str | None]:
    """The key, and what the user should know of it, if anything. Where none is, it is made.

    Of two processes that make one at the same time, both get that of the first. ``replace``: make
    a new one also where the file cannot be used; a server that runs goes on with the old one.

    Raises:
        OSError: it cannot be read or kept.
        ValueError: the file cannot be used, and is not replaced.
    """
    trouble = None
    for _ in range(_TRIES):
        with suppress(FileExistsError):
            return _made(), trouble
        try:
            return _read(), trouble
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            if not replace:
                raise
            reason = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else error
            trouble = f"{path()} {reason}: a new key was made, the old one is no longer taken"
            _remove()
    raise ValueError(f"{path()} is made and removed by another program all the time")


def _made() -> str:
    """A new key, in a new file.

    Raises:
        FileExistsError: there is one.
        OSError: it cannot be written.
    """
    path().parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(path(), flags, 0o600)
    key = PREFIX + secrets.token_urlsafe(32)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key + "\n")
    except BaseException:
        with suppress(OSError):
            os.unlink(path())
        raise
    return key


def _remove() -> None:
    """Remove the file, but not one that another server has put in its place since.

    Raises:
        OSError: it cannot be removed.
    """
    if path().is_dir() and not path().is_symlink():
        raise IsADirectoryError(f"{path()} is a folder")
    aside = path().with_name(f".{path().name}.{secrets.token_hex(8)}")
    with suppress(FileNotFoundError):
        os.replace(path(), aside)
        try:
            _read(aside)
        except (OSError, ValueError):
            pass
        else:
            with suppress(OSError):
                os.link(aside, path())
        os.unlink(aside)


def _read(place: Path | None = None) -> str:
    """What is in the file.

    Raises:
        OSError: it cannot be read, or is a link.
        ValueError: others may have read it, or it is not ours.
    """
    for again in range(_TRIES):
        handle = os.open(place or path(), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(handle, "rb") as file:
            _check(os.fstat(handle))
            text = file.read(200).decode("ascii", "replace")
        if text or place:
            break
        if again < _TRIES - 1:
            time.sleep(_PAUSE)
    if not _KEY.fullmatch(text.strip()):
        raise ValueError("holds no key")
    return text.strip()


def _check(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("is no file")
    if hasattr(os, "getuid"):
        if found.st_uid != os.getuid():
            raise ValueError("belongs to somebody else")
        if found.st_mode & 0o077:
            raise ValueError("could be read by others")
