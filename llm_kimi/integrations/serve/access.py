"""Who may ask: checks on the head of a request, before a byte of its body is read.

A server on loopback is reached by every program of this machine, by every page that its browser
shows (which can post across origins without asking), and, through a name that is made to lead to
127.0.0.1, by pages that read the answers as well. So a request must name this machine's own
address in ``Host``, must not come from a page, and must bring a key. No CORS header is ever sent.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...config.server_key import PREFIX
from ..openai_chat import bearer_key
from ..openai_http import WireError

__all__ = [
    "LOOPBACK_NAMES",
    "Access",
    "Headers",
    "check_content",
    "header",
    "host_of",
    "names",
    "refused",
]

Headers = Sequence[tuple[bytes, bytes]]
"""As ASGI has them: names in lower case, in the order in which they came."""

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

_HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?", re.ASCII)
_JSON = "application/json"
_FORM = "multipart/form-data"


def header(headers: Headers, name: bytes) -> str | None:
    """The value of a header; None when it is not there."""
    for found, value in headers:
        if found == name:
            return value.decode("latin-1")
    return None


def host_of(value: str) -> str | None:
    """The name in a header ``Host``, in lower case; None when it is none."""
    match = _HOST.fullmatch(value.strip())
    if match is None:
        return None
    return (match[1] or match[2]).lower().rstrip(".")


def refused(status: int, text: str, *, code: str | None = None, **headers: str) -> WireError:
    """An error answer of this server itself."""
    kind = "authentication_error" if status == 401 else "invalid_request_error"
    body = {"message": text, "type": kind, "param": None, "code": code}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WireError(status, {"error": body}, {"x-should-retry": "false", **named})


@dataclass(frozen=True, slots=True)
class Access:
    """Whose requests are answered.

    ``hosts``: the names that ``Host`` may have, beside loopback's. ``origins``: of pages and
    programs that send ``Origin``. ``token``: what every caller brings as its key; None: the callers
    bring keys of Moonshot, which are handed on.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    token: str | None = None

    def refusal(self, headers: Headers, *, open_to_all: bool = False) -> WireError | None:
        """Why a request is not answered; None when it is. ``open_to_all``: no key is asked for."""
        return self._host(headers) or self._origin(headers) or self._key(headers, open_to_all)

    def _host(self, headers: Headers) -> WireError | None:
        named = [value for name, value in headers if name == b"host"]
        if len(named) != 1:  # RFC 9112, 3.2
            return refused(400, "a request has one header Host", code="bad_http")
        host = host_of(named[0].decode("latin-1"))
        if host is not None and (host in LOOPBACK_NAMES or host in self.hosts):
            return None
        return refused(
            403,
            "the Host of this request is not an address of this server: use http://127.0.0.1, or "
            "start it with --allow-host and the name that it has",
            code="host_not_allowed",
        )

    def _origin(self, headers: Headers) -> WireError | None:
        origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
        if origins:
            if all(origin in self.origins for origin in origins):
                return None
        elif (header(headers, b"sec-fetch-site") or "none") in ("none", "same-origin"):
            return None
        return refused(
            403,
            "this server is not for web pages: the request has an Origin, or a browser sent it "
            "for another site. Allow a program that sends one with --allow-origin",
            code="origin_not_allowed",
        )

    def _key(self, headers: Headers, open_to_all: bool) -> WireError | None:
        if open_to_all:
            return None
        key = self.key(headers)
        if self.token is None:
            if key and not key.startswith(PREFIX):
                return None
            what = "the key of a server that has one of its own" if key else "no key"
            text = (
                f"{what}: this server passes keys through, so send your Moonshot key as "
                "Authorization: Bearer"
            )
        elif hmac.compare_digest(key.encode("latin-1", "replace"), self.token.encode()):
            return None
        else:
            text = (
                "this is not the key of this server: 'llm kimi serve' prints it when it starts, "
                "and 'llm kimi env' prints it again"
            )
            if key.startswith("sk-"):
                text += (
                    ". To send your Moonshot key with each request, start it with --pass-through"
                )
        return refused(401, text, code="invalid_api_key", www_authenticate="Bearer")

    @staticmethod
    def key(headers: Headers) -> str:
        """The key that a request brings; ``""`` when it brings none."""
        return bearer_key(header(headers, b"authorization"))


def check_content(headers: Headers, *, form: bool) -> WireError | None:
    """Why the body of a POST is not read: JSON is wanted, or a form for a file.

    A page can post plain text and forms across origins without asking; JSON it cannot.
    """
    kind = (header(headers, b"content-type") or "").partition(";")[0].strip().lower()
    wanted = _FORM if form else _JSON
    if kind != wanted:
        return refused(415, f"the Content-Type must be {wanted}", code="unsupported_media_type")
    encoding = (header(headers, b"content-encoding") or "identity").strip().lower()
    if encoding != "identity":
        return refused(
            415, "compressed requests are not supported", code="unsupported_content_encoding"
        )
    return None


def names(values: Iterable[str]) -> frozenset[str]:
    """Host names as they are compared.

    Raises:
        ValueError: one of them is none.
    """
    found = set()
    for value in values:
        # An address of IPv6 needs no brackets here.
        host = (
            host_of(f"[{value}]") if value.count(":") > 1 and "[" not in value else host_of(value)
        )
        if host is None:
            raise ValueError(value)
        found.add(host)
    return frozenset(found)
