"""Where requests go and with whose key: the part of ``llm kimi doctor`` about key and base URL.

Problems and notes are texts for people. No text has a key in it, or is made from one.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...config import settings
from ...config.known_hosts import (
    KIMI_CODE,
    MOONSHOT,
    WEBSITES,
    Maker,
    is_loopback,
    maker_of_host,
    maker_of_key,
)
from ...errors import KimiError
from ...simulator.state import KEY as SIMULATOR_KEY
from .report import BaseUrl, KeyPlaces

__all__ = ["diagnose_base_url", "diagnose_key", "may_be_asked"]

_SECONDS = 1.0
"""How long a program on this machine may take to accept a connection."""


@dataclass(frozen=True, slots=True)
class _Place:
    """The base URL that holds, taken apart. ``source``: the variable that sets it, None for the
    default; ``given``: as it stands there."""

    url: str
    name: str
    port: int | None
    source: str | None
    given: str

    @property
    def here(self) -> bool:
        """Whether it is this machine."""
        return is_loopback(self.name)

    @property
    def maker(self) -> Maker | None:
        """Whose host it is, if another maker's."""
        return maker_of_host(self.name, self.port)


def _place() -> _Place:
    """The configured base URL.

    Raises:
        KimiError: it cannot be used.
    """
    source, url = settings.base_url_source(), settings.base_url()
    parts = urlsplit(url)
    given = os.environ.get(source, "").strip() if source else url
    return _Place(url, (parts.hostname or "").lower().rstrip("."), parts.port, source, given)


# -- the key -----------------------------------------------------------------------------------


def diagnose_key(problems: list[str]) -> KeyPlaces:
    """Where keys are, never what they are."""
    found = settings.key_places()
    places = [place for _, place in found]
    if not found:
        problems.append(settings.no_key_message())
        return KeyPlaces(None, [], None)
    key, source = found[0]
    try:
        settings.check_key(key)
    except KimiError as error:
        problems.append(str(error))
    others = [place for value, place in found[1:] if value != key]
    simulated = bool(os.environ.get(settings.SIMULATOR_KEY_VARIABLE))
    if others and not simulated:  # its key is meant to be another one
        problems.append(
            f"several different keys are set: {source} takes precedence over {', '.join(others)}; "
            "remove those you do not need"
        )
    problem = _of_whom(key, source)
    if problem is not None:
        problems.append(problem)
    return KeyPlaces(source, places, not others)


def _of_whom(key: str, source: str) -> str | None:
    """A key that the host it goes to cannot know, by the beginning of both."""
    try:
        place = _place()
    except KimiError:
        return None
    moonshot = place.name in MOONSHOT
    simulated = bool(os.environ.get(settings.SIMULATOR_KEY_VARIABLE))
    if moonshot and key == SIMULATOR_KEY and not simulated:
        return (
            f"{source} is the key of the offline Kimi, and requests go to {place.name}: put your "
            "own key there, or set the base URL that 'llm kimi simulate' shows"
        )
    owner = maker_of_key(key)
    if owner is None:
        return None
    name, start = owner
    known = moonshot or (place.maker is not None and place.maker.name != name)
    if not known or place.here:
        return None
    what = "Kimi Code, another product" if name == "Kimi Code" else f"{name}, not to Moonshot"
    text = f"the key starts with {start}: it belongs to {what}"
    return f"{text}; get one at https://platform.kimi.ai" if moonshot else text


# -- the base URL ------------------------------------------------------------------------------


def diagnose_base_url(problems: list[str], notes: list[str], *, probe: bool) -> BaseUrl:
    """The base URL, who set it, whose host it is; with ``probe``, whether a server of this machine
    is there."""
    try:
        place = _place()
    except KimiError as error:
        problems.append(str(error))
        return BaseUrl(None, settings.base_url_source(), None)
    problems += _of_form(place)
    whose = _whose(place)
    if whose is not None:
        (problems if _is_wrong(place) else notes).append(whose)
    others = [
        variable
        for variable in settings.BASE_URL_VARIABLES
        if (other := os.environ.get(variable, "").strip())
        and other.rstrip("/") != place.given.rstrip("/")
    ]
    if others:
        problems.append(
            f"several different base URLs are set: {place.source} takes precedence over "
            f"{', '.join(others)}"
        )
    if probe and place.here and not _listens(place):
        problems.append(
            f"no connection to {place.url}, which {place.source} sets: start the server again "
            "('llm kimi simulate' shows its address), or unset "
            f"{' '.join(_variables())} to use {settings.DEFAULT_BASE_URL}"
        )
    return BaseUrl(place.url, place.source, _kind(place))


def may_be_asked() -> bool:
    """Whether a key may go to the configured host without anybody being surprised."""
    try:
        return not _is_wrong(_place())
    except KimiError:
        return False


def _of_form(place: _Place) -> list[str]:
    """What is wrong with the URL as such."""
    problems = []
    if place.given.rstrip("/").endswith("/chat/completions"):
        problems.append(
            f"{place.source} ends in /chat/completions: a base URL ends in /v1, so the rest "
            "was cut off"
        )
    if place.name in MOONSHOT and not place.url.endswith("/v1"):
        problems.append(f"{place.source} must end in /v1: https://{place.name}/v1")
    if place.url.startswith("http://") and not place.here:
        problems.append(f"{place.source} is http://: the key travels unencrypted")
    return problems


def _whose(place: _Place) -> str | None:
    """Whose host it is, where it is not Moonshot's, and what that means for the key."""
    name, source, use = place.name, place.source, f"use {settings.DEFAULT_BASE_URL}"
    if name in MOONSHOT:
        return None
    if name in KIMI_CODE:
        return (
            f"{source} points to {name}, the host of Kimi Code, another product with keys of its "
            f"own (sk-kimi-): {use}"
        )
    if name in WEBSITES:
        return f"{source} points to {name}, a website of Moonshot's, not its API: {use}"
    maker = place.maker
    if maker is None:
        if place.here:
            return None
        return f"{name} is not Moonshot's host: your key is sent there with every request"
    if place.here:
        return (
            f"port {place.port} is where {maker.name} listens, not Moonshot: your key is sent to "
            "the program there"
        )
    host = f"{source} points to {name}, a host of {maker.name}, not Moonshot's"
    if not maker.relay:
        return (
            f"{host}: your key would be sent there with every request, and no Kimi model answers: "
            f"{use}"
        )
    if _is_wrong(place):
        return (
            f"{host}: your key would be sent there with every request. To use Kimi through "
            f"{maker.name}, set a key from {maker.name}; otherwise {use}"
        )
    return f"{host}: requests and the key, which should be one from {maker.name}, are sent there"


def _is_wrong(place: _Place) -> bool:
    """Whether it cannot be meant: another maker's host, and a key that is not of that maker. What
    keys of a relay look like is not known of all."""
    maker = place.maker
    if place.name in (*KIMI_CODE, *WEBSITES):
        return True
    if maker is None or place.here:
        return False
    if not maker.relay:
        return True
    owner = maker_of_key(_key())
    return bool(maker.keys) and (owner is None or owner[0] != maker.name)


def _key() -> str:
    return next((key for key, _ in settings.key_places()), "")


def _kind(place: _Place) -> str:
    """The host in a few words."""
    maker = place.maker
    if place.here:
        return f"this machine, {maker.name}" if maker else "this machine"
    if place.name in KIMI_CODE:
        return "Kimi Code, another product"
    if place.name in WEBSITES:
        return "a website, not an API"
    return MOONSHOT.get(place.name) or (maker.name if maker else "another host")


def _listens(place: _Place) -> bool:
    """Whether a program on this machine accepts connections there."""
    port = place.port or (443 if place.url.startswith("https://") else 80)
    try:
        with socket.create_connection((place.name, port), timeout=_SECONDS):
            return True
    except OSError:
        return False


def _variables() -> list[str]:
    """Every variable for a base URL that is set: without the first, the next one would hold."""
    return [name for name in settings.BASE_URL_VARIABLES if os.environ.get(name, "").strip()]
