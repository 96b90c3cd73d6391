"""The headers of a LiteLLM call: ours and the caller's in one, each name once, each sendable.

A caller who brings an ``Authorization`` of its own means that one: the key is not sent beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...errors import InvalidRequestError
from ...translation.checks import require

__all__ = ["is_sensitive", "merge_headers", "own_authorization"]

AUTHORIZATION = "authorization"

# RFC 9110, sections 5.1 and 5.5; httpx sends nothing but ASCII.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~]*")

# They say where the body ends, which the HTTP client knows better.
_FRAMING = frozenset({"content-length", "transfer-encoding"})


# Credentials, the host, and what proxies on the way go by.
_SENSITIVE = re.compile(
    r"(?:x-)?host|forwarded|x-forwarded-.*|x-(?:original|rewrite)-url|cookie|.*authorization.*"
    r"|.*(?:access|api|auth|subscription)-?key.*|.*(?:token|secret|password|credential).*",
    re.IGNORECASE,
)


def is_sensitive(name: str) -> bool:
    """Whether a header of this name says who may call, or whom: not for logs, nor for clients of
    a proxy to set."""
    return _SENSITIVE.fullmatch(name.strip()) is not None


def own_authorization(given: Any) -> str | None:
    """The credentials in the caller's own ``Authorization``, without the word ``Bearer``.

    Raises:
        InvalidRequestError: a header that cannot be sent.
    """
    value = next((v for k, v in _checked(given).items() if k.lower() == AUTHORIZATION), "").strip()
    return re.sub(r"(?i)^bearer\s+", "", value) or None


def merge_headers(key: str, given: Any) -> dict[str, str]:
    """The headers to send: ``given`` without regard to case, and the key where it has none.

    Raises:
        InvalidRequestError: a header that cannot be sent.
    """
    headers = _checked(given)
    if own_authorization(headers) is None:
        headers = {k: v for k, v in headers.items() if k.lower() != AUTHORIZATION}
        headers = {"Authorization": f"Bearer {key}", **headers}
    return headers


def _checked(given: Any) -> dict[str, str]:
    """``given`` with one entry a name, the last one; what is None is left out."""
    require(given is None or isinstance(given, Mapping), "must be an object", "extra_headers")
    found: dict[str, tuple[str, str]] = {}
    for name, value in (given or {}).items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InvalidRequestError(
                f"{str(name)[:60]!r} is not the name of a header", param="extra_headers"
            )
        where = f"extra_headers.{name[:60]}"
        require(
            name.lower() not in _FRAMING, "is set by the HTTP client and cannot be given", where
        )
        if value is not None:
            found[name.lower()] = (name, _text(value, where))
    return dict(found.values())


def _text(value: Any, where: str) -> str:
    """A header's value. It may be a secret, so no error repeats it."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    require(isinstance(value, (str, int, float)), "must be text", where)
    text = str(value)
    require(
        _VALUE.fullmatch(text) is not None,
        "must be one line of ASCII text: line breaks and other characters cannot stand in a header",
        where,
    )
    return text
