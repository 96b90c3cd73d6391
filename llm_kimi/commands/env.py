"""``llm kimi env``: the variables that lead a program to ``llm kimi serve``."""

from __future__ import annotations

import http.client
import json
import os
import urllib.request
from typing import Literal

import click

from ..config import server_key
from .serve import DEFAULT_PORT

__all__ = ["env"]

Shell = Literal["sh", "fish", "powershell"]

_LINES = {
    "sh": 'export {}="{}"',
    "fish": 'set -gx {} "{}"',
    "powershell": '$env:{} = "{}"',
}
SECONDS = 1.0


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address that the server listens on."
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port that the server listens on.",
)
@click.option(
    "--shell",
    type=click.Choice(tuple(_LINES)),
    default="sh",
    show_default=True,
    help="Shell syntax to print; fish takes that of sh as well.",
)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def env(host: str, port: int, shell: Shell, as_json: bool) -> None:
    """Print the variables that lead a program to 'llm kimi serve'.

    OPENAI_BASE_URL and OPENAI_API_KEY, which the clients of OpenAI read in most languages, and
    NO_PROXY where a proxy is set that would get the requests. The key is the server's own, and
    stays the same; a server with --pass-through takes keys of Moonshot in its place.

    \b
    Example:
      eval "$(llm kimi env)"
    """
    host = host.strip("[]")
    try:
        key, _ = server_key.server_key(replace=False)
    except ValueError as error:
        raise click.ClickException(
            f"{server_key.path()} {error}, so its key is not taken: start the server again, which "
            "makes a new one"
        ) from None
    except OSError as error:
        raise click.ClickException(f"the server's key cannot be read: {error}") from None
    at = f"[{host.strip('[]')}]" if ":" in host else host
    variables = {
        "OPENAI_BASE_URL": f"http://{at}:{port}/v1",
        "OPENAI_API_KEY": key,
        **_past_the_proxy(host),
    }
    if as_json:
        click.echo(json.dumps(variables))
    else:
        for name, value in variables.items():
            click.echo(_LINES[shell].format(name, value))
    if not _is_there(host, port):
        given = "" if host == "127.0.0.1" else f" --host {host}"
        given += "" if port == DEFAULT_PORT else f" --port {port}"
        click.echo(
            f"kimi: nothing serves on port {port} yet: start it with llm kimi serve{given}",
            err=True,
        )


def _past_the_proxy(host: str) -> dict[str, str]:
    """The variables that keep a proxy of the environment out of it; none where there is none.

    Clients send what goes to this machine there as well, key and all.
    """
    proxies = urllib.request.getproxies_environment()
    if not {"http", "all"} & proxies.keys() or urllib.request.proxy_bypass(host):
        return {}
    names = [name for name in ("no_proxy", "NO_PROXY") if os.environ.get(name)] or ["NO_PROXY"]
    before = os.environ.get(names[0], "")
    value = ",".join(dict.fromkeys(filter(None, [before, host, "localhost"])))
    return dict.fromkeys(names, value)


def _is_there(host: str, port: int) -> bool:
    try:
        connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    except (OSError, ValueError, http.client.HTTPException):
        return False
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
