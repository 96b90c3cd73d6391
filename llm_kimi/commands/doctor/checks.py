"""What ``llm kimi doctor`` looks at: settings, versions, files. Nothing here leaves the machine.

Every finding is safe to show: no key, no password, no home directory.
"""

from __future__ import annotations

import json
import os
import platform
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ... import __version__
from ...config import discovered_models, llm_folder, settings
from ...errors import KimiError
from ...reply.api_errors import scrub
from ...terminal.output import plural
from .destination import diagnose_base_url, diagnose_key
from .report import Diagnosis, File, Folder

__all__ = ["COMPROMISED", "LEAST", "PROXIES", "diagnose", "safe"]

LEAST = {"llm": "0.32.1", "openai": "2.20", "pydantic": "2", "litellm": "1.83.0"}
"""What pyproject.toml asks for."""

COMPROMISED = {"litellm": ("1.107.",)}
"""Beginnings of versions that must not be used."""

SHOWN = ("llm", "openai", "litellm", "pydantic", "click", "httpx", "httpx2")
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


def safe(text: str) -> str:
    """``text`` without keys, and with ``~`` for the home directory."""
    home = str(Path.home())
    if len(home) > 1:
        text = text.replace(home, "~")
    for key, _ in settings.key_places():
        text = scrub(text, key)
    return scrub(text)


def diagnose(*, probe: bool = True) -> Diagnosis:
    """What is configured. ``probe``: see whether a local server is there."""
    problems: list[str] = []
    notes: list[str] = []
    found = Diagnosis(
        versions=_versions(problems),
        key=diagnose_key(problems),
        base_url=diagnose_base_url(problems, notes, probe=probe),
        strict=_strict(problems),
        proxies=[name for name in PROXIES if os.environ.get(name) or os.environ.get(name.lower())],
        folder=_folder(problems),
        files=list(_files(problems)),
    )
    if found.base_url.url:
        found.base_url = replace(found.base_url, url=safe(found.base_url.url))
    found.problems = [safe(problem) for problem in problems]
    found.notes = [safe(note) for note in notes]
    return found


# -- versions ----------------------------------------------------------------------------------


def _versions(problems: list[str]) -> dict[str, str | None]:
    """Of what is installed, read without importing it."""
    found: dict[str, str | None] = {
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
            problems.append(f"{name} {have} is too old: {least} or newer is required")
    for name, beginnings in COMPROMISED.items():
        have = found[name]
        if have is not None and have.startswith(beginnings):
            problems.append(
                f"{name} {have} is a compromised release: install another version and replace any "
                "keys it may have seen"
            )
    return found


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


# -- settings ----------------------------------------------------------------------------------


def _strict(problems: list[str]) -> bool | None:
    try:
        return settings.strict_by_default()
    except KimiError as error:
        problems.append(str(error))
        return None


# -- files -------------------------------------------------------------------------------------


def _folder(problems: list[str]) -> Folder:
    """llm's user folder, and whether a file can be made there."""
    folder = llm_folder.folder()
    shown = safe(str(folder))
    trouble = _cannot_write(folder)
    if trouble:
        problems.append(f"llm's folder {shown} is not writable ({trouble}): set LLM_USER_PATH")
    return Folder(shown, trouble is None)


def _cannot_write(folder: Path) -> str | None:
    """Why no file can be made in ``folder``, or in the one in which it would be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__


def _files(problems: list[str]) -> Iterator[File]:
    """llm's and ours, with their sizes."""
    folder = llm_folder.folder()
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
        yield File(name, size, _note(name, path, problems))


def _note(name: str, path: Path, problems: list[str]) -> str | None:
    if name == "keys.json":
        try:
            if isinstance(json.loads(path.read_bytes()), dict):
                return None
            reason = "not a JSON object"
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not valid JSON"
        problems.append(f"keys.json cannot be read ({reason}), so no stored key is found")
        return "broken"
    if name == discovered_models.FILE:
        try:
            found = discovered_models.read(settings.base_url())
        except KimiError:
            return None
        if found.trouble:
            problems.append(found.trouble)
            return "broken"
        if found.when is None:
            return "no refresh for this base URL yet"
        count = len(found.models)
        return f"{plural(count, 'model')} learned at {found.when}"
    return None
