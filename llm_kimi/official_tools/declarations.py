"""What the official tools declare, kept for a day: ``kimi-tools.json`` in llm's user folder.

In: the base URL and the answers of its Formula API. Out: function declarations that can stand in a
request. Nothing that a server sent gets further than it has to: a declaration is a name, a text and
a schema.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config.llm_folder import folder, write_whole
from ..reply.json_values import is_deep_text
from ..translation.checks import well_formed
from ..translation.mfjs import to_mfjs
from ..translation.tools.names import LEGAL

__all__ = ["FILE", "MAX_AGE", "clean", "keep", "kept", "path"]

Json = dict[str, Any]

FILE = "kimi-tools.json"
VERSION = 1
MAX_AGE = 86_400.0
"""Seconds that a declaration is kept."""

MAX_BYTES = 1_000_000
MAX_HOSTS = 20
MAX_TOOLS = 50
MAX_TEXT = 20_000
"""Letters of a description."""


def path() -> Path:
    """Where the file is, or would be."""
    return folder() / FILE


def kept(base_url: str) -> tuple[dict[str, list[Json]], str | None]:
    """The declarations of a host by URI that are not older than a day, and what is wrong with the
    file, if anything."""
    try:
        host = _hosts().get(base_url)
    except FileNotFoundError:
        return {}, None
    except (OSError, ValueError, RecursionError):
        return {}, f"{FILE} cannot be read: the declarations of the tools are fetched again"
    now = time.time()
    found = {}
    for uri, entry in host.items() if isinstance(host, dict) else ():
        when = entry.get("fetched") if isinstance(entry, dict) else None
        if isinstance(when, (int, float)) and 0 <= now - when < MAX_AGE:
            tools = clean(entry.get("tools"))
            if tools:
                found[uri] = tools
    return found, None


def keep(base_url: str, fetched: Mapping[str, list[Json]]) -> None:
    """Remember what was fetched just now. A folder that cannot be written is no trouble."""
    try:
        hosts = _hosts()
    except (OSError, ValueError, RecursionError):
        hosts = {}
    found = hosts.pop(base_url, None)
    host = found if isinstance(found, dict) else {}
    now = int(time.time())
    host.update({uri: {"fetched": now, "tools": tools} for uri, tools in fetched.items()})
    hosts[base_url] = dict(list(host.items())[-MAX_TOOLS:])
    for oldest in list(hosts)[:-MAX_HOSTS]:
        del hosts[oldest]
    text = json.dumps({"version": VERSION, "hosts": hosts}, indent=1)
    if len(text) <= MAX_BYTES:
        try:
            write_whole(path(), text)
        except OSError:
            return


def _hosts() -> Json:
    with path().open("rb") as file:
        text = file.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise ValueError("too large")
    content = json.loads(text)
    hosts = content.get("hosts") if isinstance(content, dict) else None
    if not isinstance(hosts, dict) or content.get("version") != VERSION:
        raise ValueError("not in the expected format")
    return hosts


def clean(tools: Any) -> list[Json]:
    """The declarations among what a server listed; empty when there is none that can be sent."""
    found = []
    for tool in tools[:MAX_TOOLS] if isinstance(tools, list) else ():
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            continue
        name, description = function["name"], function.get("description")
        if not LEGAL.fullmatch(name) or is_deep_text(json.dumps(function)):
            continue
        try:
            schema = to_mfjs(function.get("parameters"), "parameters", strict=False)[0]
        except ValueError:
            continue
        declared: Json = {"name": name}
        if isinstance(description, str):
            declared["description"] = well_formed(description[:MAX_TEXT])
        found.append({"type": "function", "function": {**declared, "parameters": schema}})
    return found
