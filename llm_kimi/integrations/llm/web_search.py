"""Moonshot's built-in web search as a server-side tool: ``llm -T KimiWebSearch``.

The model calls ``$web_search``, the client sends the arguments back unchanged, and the platform
searches (https://platform.kimi.ai/docs/guide/use-web-search).
"""

from __future__ import annotations

from typing import Any

import llm

__all__ = ["NAME", "WARNING", "KimiWebSearch"]

NAME = "$web_search"
WARNING = "Moonshot is reworking $web_search and advises against it for now; each search is billed"


class KimiWebSearch(llm.ServerSideTool):  # type: ignore[no-untyped-call]
    """Search the web on Moonshot's side ($web_search). Moonshot is reworking it and advises
    against it for now; each search is billed."""

    name = "KimiWebSearch"
    plugin = "llm-kimi"

    def __init__(self) -> None:
        super().__init__()

    def tool_spec(self, model: Any) -> dict[str, Any]:
        """The tool as it stands in the request."""
        return {"type": "builtin_function", "function": {"name": NAME}}
