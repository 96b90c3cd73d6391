"""What ``llm kimi doctor`` looks at: settings, versions, files. Nothing here asks the network.

Every finding is safe to show: no key, no password, no home directory.
"""

from __future__ import annotations

import json
import os
import platform
import re
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import __version__, learned, settings
from ..errors import KimiError
from ..reply.failures import scrub

__all__ = ["COMPROMISED", "LEAST", "PROXIES", "diagnose", "safe"]

Json = dict[str, Any]

LEAST = {"llm": "0.32.1", "openai": "2.20", "pydantic": "2", "litellm": "1.83.0"}
"""What pyproject.toml asks for."""

COMPROMISED = {"litellm": ("1.107.",)}
"""Beginnings of versions that must not be used."""

SHOWN = ("llm", "openai", "litellm", "pydantic", "click", "httpx", "httpx2")
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")

_HOSTS = {
    "api.moonshot.ai": "international, keys of platform.kimi.ai",
    "api.moonshot.cn": "mainland China, keys of platform.kimi.com",
    "api.kimi.com": "Kimi Code, another product",
}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def safe(text: str) -> str:
    """``text`` without keys, and with ``~`` for the home directory."""
    home = str(Path.home())
    if len(home) > 1:
        text = text.replace(home, "~")
    for key, _ in settings.key_places():
        text = scrub(text, key)
    return scrub(text)


def diagnose() -> Json:
    """What is configured, and under ``problems`` what is wrong with it, one line each."""
    problems: list[str] = []
    report = {
        "versions": _versions(problems),
        "key": _key(problems),
        "base_url": _base_url(problems),
        "strict": _strict(problems),
        "proxies": [
            name for name in PROXIES if os.environ.get(name) or os.environ.get(name.lower())
        ],
        "folder": _folder(problems),
        "files": list(_files(problems)),
    }
    report["problems"] = [safe(problem) for problem in problems]
    return report


# -- versions ----------------------------------------------------------------------------------


def _versions(problems: list[str]) -> Json:
    """Of what is installed, read without importing it."""
    found: Json = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "llm-kimi": __version__,
    }
    for name in SHOWN:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    for name, least in LEAST.items():
        have = found[name]
        if have is not None and _numbers(have) < _numbers(least):
            problems.append(f"{name} {have} is too old: {least} or newer is needed")
    for name, beginnings in COMPROMISED.items():
        have = found[name]
        if have is not None and have.startswith(beginnings):
            problems.append(
                f"{name} {have} was a compromised release: install another one, and change the "
                "keys that it may have seen"
            )
    return found


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


# -- settings ----------------------------------------------------------------------------------


def _key(problems: list[str]) -> Json:
    """Where keys are, never what they are."""
    found = settings.key_places()
    places = [place for _, place in found]
    if not found:
        problems.append(settings.no_key_message())
        return {"source": None, "places": [], "agree": None}
    key, source = found[0]
    try:
        settings.check_key(key)
    except KimiError as error:
        problems.append(str(error))
    others = [place for value, place in found[1:] if value != key]
    simulated = bool(os.environ.get(settings.SIMULATOR_KEY_VARIABLE))
    if others and not simulated:  # its key is meant to be another one
        problems.append(
            f"several keys that differ: {source} wins over {', '.join(others)}; "
            "remove those that are not needed"
        )
    if key.startswith("sk-kimi-") and _hostname() in ("api.moonshot.ai", "api.moonshot.cn"):
        problems.append(
            "the key starts with sk-kimi-: it belongs to Kimi Code, another product; get one at "
            "https://platform.kimi.ai"
        )
    return {"source": source, "places": places, "agree": not others}


def _hostname() -> str:
    try:
        return urlsplit(settings.base_url()).hostname or ""
    except KimiError:
        return ""


def _base_url(problems: list[str]) -> Json:
    source = settings.base_url_source()
    try:
        url = settings.base_url()
    except KimiError as error:
        problems.append(str(error))
        return {"url": None, "source": source, "host": None}
    name = _hostname()
    given = os.environ.get(source, "").strip() if source else url
    if given.rstrip("/").endswith("/chat/completions"):
        problems.append(
            f"{source} ends in /chat/completions: a base URL ends in /v1, the rest was cut off"
        )
    if name in ("api.moonshot.ai", "api.moonshot.cn") and not url.endswith("/v1"):
        problems.append(f"{source} must end in /v1: https://{name}/v1")
    if name == "api.kimi.com":
        problems.append(
            f"{source} is the host of Kimi Code, another product: use {settings.DEFAULT_BASE_URL}"
        )
    if url.startswith("http://") and name not in _LOOPBACK:
        problems.append(f"{source} is http://: the key travels unencrypted")
    others = [
        variable
        for variable in settings.BASE_URL_VARIABLES
        if (other := os.environ.get(variable, "").strip())
        and other.rstrip("/") != given.rstrip("/")
    ]
    if others:
        problems.append(f"several base URLs that differ: {source} wins over {', '.join(others)}")
    kind = "this machine" if name in _LOOPBACK else _HOSTS.get(name, "another host")
    return {"url": safe(url), "source": source, "host": kind}


def _strict(problems: list[str]) -> bool | None:
    try:
        return settings.strict_by_default()
    except KimiError as error:
        problems.append(str(error))
        return None


# -- files -------------------------------------------------------------------------------------


def _folder(problems: list[str]) -> Json:
    """llm's user folder, and whether a file can be made there."""
    folder = learned.folder()
    shown = safe(str(folder))
    trouble = _cannot_write(folder)
    if trouble:
        problems.append(f"llm's folder {shown} cannot be written ({trouble}): set LLM_USER_PATH")
    return {"path": shown, "writable": trouble is None}


def _cannot_write(folder: Path) -> str | None:
    """Why no file can be made in ``folder``, or in the one in which it would be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__


def _files(problems: list[str]) -> Iterator[Json]:
    """llm's and ours, with their sizes."""
    folder = learned.folder()
    try:
        names = sorted(path.name for path in folder.glob("kimi*"))
    except OSError:
        names = []
    for name in ("keys.json", "logs.db", *names):
        path = folder / name
        try:
            size = path.stat().st_size
        except OSError:
            continue
        yield {"name": name, "bytes": size, "note": _note(name, path, problems)}


def _note(name: str, path: Path, problems: list[str]) -> str | None:
    if name == "keys.json":
        try:
            if isinstance(json.loads(path.read_bytes()), dict):
                return None
            reason = "no JSON object"
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no JSON"
        problems.append(f"keys.json cannot be read ({reason}): no stored key is found")
        return "broken"
    if name == learned.FILE:
        try:
            found = learned.read(settings.base_url())
        except KimiError:
            return None
        if found.trouble:
            problems.append(found.trouble)
            return "broken"
        if found.when is None:
            return "this base URL was not asked for its models yet"
        count = len(found.models)
        return f"{count} model{'s' * (count != 1)} learned at {found.when}"
    return None
