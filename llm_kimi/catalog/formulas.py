"""Moonshot's official tools: what there is, under which URI, and what a search costs.

https://platform.kimi.ai/docs/guide/use-official-tools and .../docs/pricing/tools, read 2026-08-13.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = [
    "DEFAULT_FORMULAS",
    "FORMULAS",
    "SEARCH_PRICE",
    "WEB_FETCH",
    "WEB_SEARCH",
    "formula_name",
    "formula_uri",
]

WEB_SEARCH = "web-search"
WEB_FETCH = "fetch"

FORMULAS: Mapping[str, str] = {
    "web-search": "search the web",
    "fetch": "read a web page, as Markdown",
    "code-runner": "run Python",
    "quickjs": "run JavaScript",
    "excel": "read spreadsheets and CSV",
    "date": "dates and times",
    "convert": "convert units and currencies",
    "base64": "encode and decode Base64",
    "memory": "remember things over conversations",
    "rethink": "put thoughts in order",
    "random-choice": "pick at random",
    "mew": "make the sounds of a cat",
}
"""Name -> what it is for."""

DEFAULT_FORMULAS = ("web-search", "fetch", "code-runner", "date", "convert")
"""What ``KimiTools()`` offers when nothing is named: all that answers questions."""

SEARCH_PRICE = 0.005
"""US dollars for a successful call of the web search; the other tools are free for now."""

_URI = re.compile(r"(?:moonshot/)?([a-z0-9]+(?:[-_][a-z0-9]+)*)(?::latest)?")


def formula_name(name: str) -> str | None:
    """The name in ``web-search``, ``web_search`` or ``moonshot/web-search:latest``; None: no name.

    Names that are not in ``FORMULAS`` are names as well: there may be new ones.
    """
    match = _URI.fullmatch(name.strip())
    return None if match is None else match[1].replace("_", "-")


def formula_uri(name: str) -> str:
    """``moonshot/web-search:latest`` for ``web-search``."""
    return f"moonshot/{name}:latest"
