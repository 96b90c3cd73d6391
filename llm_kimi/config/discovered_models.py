"""What ``llm kimi refresh`` learned: ``kimi-models.json`` in llm's user folder, per base URL.

Read whenever ``llm`` lists models, so it costs little, needs no network and never fails: a file
that cannot be read is no file, and ``take_trouble()`` says so to those who use a Kimi model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import catalog
from ..catalog import BY_ID, Model, Thinking, UnknownModelError
from ..errors import KimiError
from . import settings
from .llm_folder import folder, write_whole

__all__ = ["FILE", "Learned", "clean_rows", "load", "path", "read", "save", "take_trouble"]

FILE = "kimi-models.json"
VERSION = 1
MAX_BYTES = 1_000_000
MAX_MODELS = 500
MAX_HOSTS = 20
"""Base URLs that are remembered; the oldest makes room."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}")
_FLAGS = ("supports_image_in", "supports_video_in", "supports_reasoning")

_trouble: str | None = None

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Learned:
    """What one host said at the last refresh. ``when``: an ISO time, None for never.

    ``rows`` are Kimi models as the host described them, ``models`` rows of the catalog for those
    that it lacks or calls retired, ``trouble`` why the file could not be read.
    """

    base_url: str
    when: str | None = None
    rows: tuple[Row, ...] = ()
    models: tuple[Model, ...] = ()
    trouble: str | None = None


def path() -> Path:
    """Where the file is, or would be."""
    return folder() / FILE


def load(base_url: str | None = None) -> Learned:
    """``read`` for ``base_url`` (None: the configured one), handed on to the catalog."""
    global _trouble
    try:
        found = read(settings.base_url(base_url))
    except KimiError:
        return Learned("")  # said when the URL is used
    _trouble = found.trouble
    catalog.learn(found.models, host=found.base_url)
    return found


def take_trouble() -> str | None:
    """Why the file could not be read when it was last loaded, as a line for the user; once."""
    global _trouble
    text, _trouble = _trouble, None
    return text


def read(base_url: str) -> Learned:
    """What the host at ``base_url`` said at the last refresh; never fails."""
    try:
        host = _hosts().get(base_url)
    except FileNotFoundError:
        return Learned(base_url)
    except (OSError, ValueError, RecursionError) as error:
        reason = (getattr(error, "strerror", None) or str(error) or "not valid JSON").splitlines()[
            0
        ]
        text = f"{FILE} cannot be read ({reason}): run 'llm kimi refresh' to recreate it"
        return Learned(base_url, trouble=text)
    if host is None:
        return Learned(base_url)
    rows = tuple(clean_rows(host["models"]))
    when = host.get("refreshed")
    models = [model for row in rows if (model := _model(row)) is not None]
    return Learned(base_url, when if isinstance(when, str) else "", rows, tuple(models))


def _hosts() -> dict[str, Any]:
    """The entries of the file by base URL.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not what we wrote.
    """
    with path().open("rb") as file:
        text = file.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise ValueError("too large")
    content = json.loads(text)
    hosts = content.get("hosts") if isinstance(content, dict) else None
    if not isinstance(hosts, dict):
        raise ValueError("not in the expected format")
    if content.get("version") != VERSION:
        raise ValueError("written by another version")
    if not all(isinstance(h, dict) and isinstance(h.get("models"), list) for h in hosts.values()):
        raise ValueError("not in the expected format")
    return hosts


def clean_rows(rows: Iterable[Any]) -> list[Row]:
    """The Kimi models among the rows of ``GET /v1/models``, with the fields that are of use."""
    found: dict[str, Row] = {}
    for row in rows:
        model_id = row.get("id") if isinstance(row, Mapping) else None
        if not isinstance(model_id, str) or not _ID.fullmatch(model_id):
            continue
        try:
            catalog.rules(model_id)
        except UnknownModelError:
            continue
        clean: Row = {"id": model_id}
        context = row.get("context_length")
        if isinstance(context, int) and not isinstance(context, bool) and context > 0:
            clean["context_length"] = context
        clean.update({flag: row[flag] for flag in _FLAGS if isinstance(row.get(flag), bool)})
        found[model_id] = clean
        if len(found) == MAX_MODELS:
            break
    return list(found.values())


def _model(row: Row) -> Model | None:
    """A row of the catalog for a model that the catalog does not list; None for those it does.

    What the id says of the rules holds, narrowed by what the host states.
    """
    known = catalog.rules(row["id"])
    if known.id == row["id"] and known.status == "live":
        return None
    context = row.get("context_length", known.context)
    limit = known.output_limit
    guessed = known.id not in BY_ID
    stated = {"image": row.get("supports_image_in"), "video": row.get("supports_video_in")}
    thinking = known.thinking
    if guessed and row.get("supports_reasoning") is False:
        thinking = Thinking("never")
    return replace(
        known,
        id=row["id"],
        context=context,
        output_limit=None if limit is None else min(limit, context),
        modalities=tuple(m for m in known.modalities if stated.get(m) is not False),
        thinking=thinking,
        price=None,
        status="live",
        released=None,
        retired_on=None,
        notice=None,
        replacement=None,
    )


def save(base_url: str, rows: Iterable[Any], when: str) -> Path:
    """Write what the host at ``base_url`` said, in place of what it said before.

    Raises:
        OSError: the folder cannot be written.
    """
    target = path()
    try:
        hosts = _hosts()
    except (OSError, ValueError, RecursionError):
        hosts = {}
    hosts.pop(base_url, None)
    hosts[base_url] = {"refreshed": when, "models": clean_rows(rows)}
    for oldest in list(hosts)[:-MAX_HOSTS]:
        del hosts[oldest]
    text = json.dumps({"version": VERSION, "hosts": hosts}, indent=1)
    write_whole(target, text)
    return target
