"""``llm kimi tools``: the official tools that Moonshot runs, with their functions."""

from __future__ import annotations

from typing import Any

import click

from ..catalog.formulas import FORMULAS, SEARCH_PRICE, formula_uri
from ..errors import APIError
from ..official_tools import declarations
from ..reply.safe_text import visible
from ..terminal.output import echo_wrapped, secho, tell_json
from ..transport.json_api import Endpoints
from .connect import connect, in_one_line, key_option

__all__ = ["tools"]


@click.command(short_help="List the tools that Moonshot runs.")
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def tools(key: str | None, as_json: bool) -> None:
    """List the tools that Moonshot runs: web search, pages, Python and more.

    \b
    Examples:
      llm -m kimi -T KimiWebSearch "What happened today?"
      llm -m kimi -T 'KimiTools("web-search, date")' "..."
    """
    with in_one_line():
        host = connect(key)
        found = {name: _declared(host, name) for name in FORMULAS}
    base_url = host.base_url
    declarations.keep(base_url, {formula_uri(name): each for name, each in found.items() if each})
    if as_json:
        tell_json(found)
        return
    if not any(found.values()):
        raise click.ClickException(f"{base_url} has no official tools")
    for name, functions in found.items():
        secho(f"{name}: {FORMULAS[name]}", bold=bool(functions), dim=not functions)
        if not functions:
            echo_wrapped("not offered by this host", "    ")
        for function in functions:
            body = function["function"]
            echo_wrapped(f"{body['name']}: {visible(str(body.get('description') or ''))}", "    ")
    echo_wrapped(
        f"A web search that succeeds costs {SEARCH_PRICE} US dollars; the others are free."
    )


def _declared(host: Endpoints, name: str) -> list[dict[str, Any]]:
    """The functions of a tool; none when the host does not have it.

    Raises:
        KimiError: what went wrong.
    """
    try:
        answer = host.get(f"/formulas/{formula_uri(name)}/tools")
    except APIError as error:
        if error.status == 404:
            return []
        raise
    return declarations.clean(answer.get("tools"))
