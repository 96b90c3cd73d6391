"""Moonshot's official tools as llm's server-side tools: ``llm -T KimiWebSearch``, ``-T KimiTools``.

Moonshot runs them (https://platform.kimi.ai/docs/guide/use-official-tools); the calls are made
between two requests of one answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import llm

from ...catalog.formulas import DEFAULT_FORMULAS, WEB_SEARCH, formula_name
from ...errors import InvalidRequestError

__all__ = ["KimiTools", "KimiWebSearch", "specs"]


class KimiWebSearch(llm.ServerSideTool):  # type: ignore[no-untyped-call]
    """Search the web on Moonshot's side; each successful search costs 0.005 US dollars."""

    name = "KimiWebSearch"
    plugin = "llm-kimi"

    def __init__(self) -> None:
        super().__init__()

    def tool_spec(self, model: Any) -> dict[str, Any]:
        """The tool as it stands in the request."""
        return {"type": "formula", "name": WEB_SEARCH}


class KimiTools(llm.ServerSideTool):  # type: ignore[no-untyped-call]
    """Tools that Moonshot runs: web-search, fetch, code-runner, date, convert, or those you name,
    as in KimiTools("web-search, date") (llm kimi tools lists them); each web search that succeeds
    costs 0.005 US dollars."""

    name = "KimiTools"
    plugin = "llm-kimi"

    def __init__(self, *tools: Any, names: Any = None) -> None:
        super().__init__()
        self.names = [*_listed(tools if names is None else names)] or [*DEFAULT_FORMULAS]

    @property
    def _config(self) -> dict[str, Any]:
        """What llm logs and makes the tool again from; by itself it would forget the names."""
        return {"names": self.names}

    @_config.setter
    def _config(self, value: dict[str, Any]) -> None:
        pass

    def tool_spec(self, model: Any) -> dict[str, Any]:
        """The first of the tools as it stands in the request; ``specs`` has all."""
        return specs(self, model)[0]


def _listed(given: Any) -> Iterator[Any]:
    """The names in a text with commas, in a list, or in several of either: llm's command line takes
    one argument only."""
    if isinstance(given, str):
        yield from filter(None, (name.strip() for name in given.split(",")))
    elif isinstance(given, (list, tuple)):
        for each in given:
            yield from _listed(each)
    else:
        yield given


def specs(tool: Any, model: Any) -> list[dict[str, Any]]:
    """A server-side tool as it stands in the request, as several where it is.

    Raises:
        InvalidRequestError: a name that is none.
    """
    if not isinstance(tool, KimiTools):
        return [tool.tool_spec(model)]
    found = []
    for given in tool.names:
        name = formula_name(given) if isinstance(given, str) else None
        if name is None:
            raise InvalidRequestError(
                f"{str(given)[:60]!r} is not the name of a tool: 'llm kimi tools' lists them",
                param="KimiTools",
            )
        found.append({"type": "formula", "name": name})
    return found
