"""A file that a door hands over as it got it."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Attached"]


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that a door hands over as it got it, in place of OpenAI's ``file`` object.

    One of ``path``, ``content`` and ``url`` (http, https, ms or data) is given. ``name`` is what
    people call it, ``mime`` what they say that it is, ``sha256`` the hash of what it contained when
    it was first attached, where that is known. ``turn`` is the number of the question that it came
    with, None for the newest one: a file of an earlier turn may be gone, the conversation goes on.
    """

    name: str = ""
    path: str | None = None
    content: bytes | None = field(default=None, repr=False)
    url: str | None = None
    sha256: str | None = None
    mime: str | None = None
    turn: int | None = None
