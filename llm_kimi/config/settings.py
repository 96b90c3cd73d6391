"""Key, base URL and strictness: where each is looked for, in which order, and which go together.

No value of a key is ever part of a message; ``key_source`` names the place it came from.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from ..errors import InvalidRequestError
from .llm_folder import stored_keys

__all__ = [
    "BASE_URL_VARIABLES",
    "DEFAULT_BASE_URL",
    "KEY_ALIASES",
    "KEY_VARIABLES",
    "OWN_HOSTS",
    "PRIVATE_URLS_VARIABLE",
    "base_url",
    "base_url_source",
    "check_key",
    "cleartext_warning",
    "find_key",
    "found_key_may_go_to",
    "host_name",
    "key_places",
    "key_source",
    "locate_key",
    "no_key_message",
    "private_urls_allowed",
    "simulator_environment",
    "strict_by_default",
]

DEFAULT_BASE_URL = "https://api.moonshot.ai/v1"
KEY_ALIASES = ("kimi", "moonshot")
KEY_VARIABLES = ("MOONSHOT_API_KEY", "KIMI_API_KEY", "MOONSHOT_KEY")
OWN_HOSTS = frozenset({"api.moonshot.ai", "api.moonshot.cn", "api.kimi.com", "api.kimi.ai"})
"""Moonshot's own hosts: the open platform, abroad and in China, and Kimi Code."""

BASE_URL_VARIABLES = ("KIMI_BASE_URL", "MOONSHOT_BASE_URL", "MOONSHOT_API_BASE")
STRICT_VARIABLE = "KIMI_STRICT"
PRIVATE_URLS_VARIABLE = "KIMI_ALLOW_PRIVATE_URLS"
private_urls_way = f"set {PRIVATE_URLS_VARIABLE}=1"
"""What to do so that URLs of requests may lead into one's own network; our own server, which takes
no word of the environment for that, has another way."""

SIMULATOR_KEY_VARIABLE = "KIMI_SIMULATOR_KEY"
"""Set by ``llm kimi simulate`` for its command: a stored key is not for the simulator to see."""

_AMBIGUOUS = re.compile(r"[\s\\]")
_SENDABLE = re.compile(r"[!-~]*")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})


def base_url(explicit: str | None = None) -> str:
    """The API's base URL: ``explicit``, then the environment, then the international host.

    Raises:
        InvalidRequestError: it is not an http(s) URL.
    """
    value, origin = str(explicit or "").strip(), "base_url"
    if not value:
        value, origin = _base_url_of_environment()
    if not value:
        return DEFAULT_BASE_URL
    _check_url(value, origin)
    return value.rstrip("/").removesuffix("/chat/completions")


def base_url_source() -> str | None:
    """The variable that sets the base URL; None: it is the default."""
    return _base_url_of_environment()[1] or None


def _base_url_of_environment() -> tuple[str, str]:
    """The first variable that is set, as (value, name)."""
    for variable in BASE_URL_VARIABLES:
        value = os.environ.get(variable, "").strip()
        if value:
            return value, variable
    return "", ""


@lru_cache(maxsize=64)
def _check_url(value: str, origin: str) -> None:
    """A plain http(s) URL. What is refused is not repeated: it may hold a password or a key."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        # Clients do not agree on what these mean, so the host checked might not be the one asked.
        usable = usable and value.isprintable() and not _AMBIGUOUS.search(value)
        usable = usable and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise InvalidRequestError(f"must be a URL such as {DEFAULT_BASE_URL}", param=origin)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidRequestError(
            f"must be a plain URL such as {DEFAULT_BASE_URL}, without user, password, ? or #; "
            "the key goes where keys go",
            param=origin,
        )


def host_name(base: str) -> str:
    """The host of a base URL, with its port: what a message may show of it."""
    parts = urlsplit(base)
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.hostname or ''}{port}"


def found_key_may_go_to(base: str) -> bool:
    """Whether a key that was found, stored or in the environment, may be sent to ``base``.

    It belongs to the base URL that was found beside it, and to Moonshot. Whoever can name another
    host in a call (a proxy's client, a configuration from elsewhere) would otherwise be sent it.
    """
    try:
        beside = base_url()
    except InvalidRequestError:
        beside = ""
    if _without_case(base) == _without_case(beside):
        return True
    parts = urlsplit(base)
    return parts.scheme == "https" and parts.hostname in OWN_HOSTS and parts.port in (None, 443)


def _without_case(base: str) -> tuple[str, str, str]:
    """A base URL to compare: scheme and host have no case, the path has."""
    parts = urlsplit(base)
    return parts.scheme, parts.netloc.lower(), parts.path.rstrip("/")


_cleartext_told: set[str] = set()


def cleartext_warning(base: str) -> str | None:
    """What to say when ``base`` sends key and prompts unencrypted; once a process and host.

    The machine's own addresses are left out, private networks are not: whoever else is in them
    can read along.
    """
    if not base.lower().startswith("http:"):
        return None
    host = host_name(base)
    if host in _cleartext_told:
        return None
    name = urlsplit(base).hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return None
    try:
        address = ip_address(name)
    except ValueError:
        pass
    else:
        if address.is_loopback or address.is_unspecified:
            return None
    _cleartext_told.add(host)
    return (
        f"the base URL of {host} is plain http://, so the key, the prompts and the answers can be "
        "read by anyone on the way; use https:// unless that network is yours alone"
    )


def key_places() -> list[tuple[str, str]]:
    """Every place that holds a key, as (key, the place in words), first wins."""
    return [(value.strip(), place) for value, place in _places(stored_keys()) if value.strip()]


def _places(keys: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Every place a key may stand, as (value, the place in words), first wins."""
    yield os.environ.get(SIMULATOR_KEY_VARIABLE, ""), "the offline Kimi"
    for alias in KEY_ALIASES:
        yield keys.get(alias, ""), f"the stored key {alias!r} (llm keys)"
    for variable in KEY_VARIABLES:
        yield os.environ.get(variable, ""), f"the environment variable {variable}"


def find_key(explicit: str | None = None) -> str | None:
    """The API key: ``explicit`` (a key, or the alias of a stored one), the stored ones, the
    environment. None when there is none.

    Raises:
        InvalidRequestError: what was found cannot be a key.
    """
    if explicit:
        return check_key(stored_keys().get(explicit, explicit).strip())
    return locate_key()[0]


def locate_key() -> tuple[str | None, str]:
    """``find_key`` and ``key_source`` in one look at the places.

    Raises:
        InvalidRequestError: what was found cannot be a key.
    """
    for value, place in _places(stored_keys()):
        if found := value.strip():
            return check_key(found), place
    return None, ""


def check_key(key: str) -> str:
    """``key``, if it can be sent.

    Raises:
        InvalidRequestError: it holds blanks, line ends or letters that no header takes. Sent
            anyway, it would turn up in the error text of the HTTP client.
    """
    if _SENDABLE.fullmatch(key):
        return key
    raise InvalidRequestError(
        f"{key_source(key)} contains spaces or invalid characters; copy the key again",
        param="key",
    )


def key_source(key: str | None) -> str:
    """Where ``key`` came from, in words."""
    if not key:
        return ""
    keys = stored_keys()
    for value, place in _places(keys):
        if value.strip() == key:
            return place
    for alias, value in keys.items():
        if value.strip() == key:
            return f"the stored key {alias!r} (llm keys)"
    return "the option --key or the argument key="


def no_key_message() -> str:
    """What to do when there is no key."""
    return (
        "No key for Kimi: get one at https://platform.kimi.ai, then 'llm keys set kimi' or set "
        f"{KEY_VARIABLES[0]}. To try without one: llm kimi simulate -- llm -m kimi hi"
    )


def simulator_environment(base_url: str, key: str, *, openai: bool = False) -> dict[str, str]:
    """The variables that lead all doors to an offline Kimi at ``base_url``, and nowhere else.

    ``openai``: those of OpenAI's own clients too.
    """
    variables = dict.fromkeys(BASE_URL_VARIABLES, base_url)
    variables |= dict.fromkeys((SIMULATOR_KEY_VARIABLE, *KEY_VARIABLES), key)
    if openai:
        variables |= dict.fromkeys(("OPENAI_BASE_URL", "OPENAI_API_BASE"), base_url)
        variables["OPENAI_API_KEY"] = key
    for variable in ("NO_PROXY", "no_proxy"):
        others = os.environ.get(variable)
        variables[variable] = f"127.0.0.1,{others}" if others else "127.0.0.1"
    return variables


def strict_by_default() -> bool:
    """Whether ``KIMI_STRICT`` asks for errors in place of adjustments.

    Raises:
        InvalidRequestError: it says neither yes nor no.
    """
    return _yes(STRICT_VARIABLE)


def private_urls_allowed() -> bool:
    """Whether ``KIMI_ALLOW_PRIVATE_URLS`` lets URLs of requests lead into one's own network.

    Raises:
        InvalidRequestError: it says neither yes nor no.
    """
    return _yes(PRIVATE_URLS_VARIABLE)


def _yes(variable: str) -> bool:
    word = os.environ.get(variable, "").strip().lower()
    if word in _FALSE:
        return False
    if word not in _TRUE:
        raise InvalidRequestError("must be 1 or 0", param=variable)
    return True
