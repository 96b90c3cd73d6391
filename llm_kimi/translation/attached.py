"""A file that a door hands over as it got it."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Attached"]


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that a door hands over as it got it, in place of OpenAI's ``file`` object.

    One of ``path``, ``content`` and ``url`` (http, https or ms) is given. ``name`` is what people
    call it, ``sha256`` the hash of what it held when it was first attached, where that is known.
    """

    name: str = ""
    path: str | None = None
    content: bytes | None = field(default=None, repr=False)
    url: str | None = None
    sha256: str | None = None
