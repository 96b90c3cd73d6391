"""``llm kimi env``: the variables that lead a program to ``llm kimi serve``."""

from __future__ import annotations

import http.client
import json
import os
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
    "--port",
    type=click.IntRange(1, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port that the server listens on.",
)
@click.option(
    "--shell",
    type=click.Choice(tuple(_LINES)),
    help="Shell syntax to print; by default found from SHELL, else sh.",
)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def env(port: int, shell: Shell | None, as_json: bool) -> None:
    """Print the variables that lead a program to 'llm kimi serve'.

    OPENAI_BASE_URL and OPENAI_API_KEY, which the clients of OpenAI read in most languages. The key
    is the server's own, and stays the same.

    \b
    Example:
      eval "$(llm kimi env)"
    """
    try:
        key, _ = server_key.server_key(replace=False)
    except ValueError as error:
        raise click.ClickException(
            f"{server_key.path()} {error}, so its key is not taken: start the server again, which "
            "makes a new one"
        ) from None
    except OSError as error:
        raise click.ClickException(f"the server's key cannot be read: {error}") from None
    variables = {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1", "OPENAI_API_KEY": key}
    if as_json:
        click.echo(json.dumps(variables))
    else:
        for name, value in variables.items():
            click.echo(_LINES[shell or _shell()].format(name, value))
    if not _is_there(port):
        given = "" if port == DEFAULT_PORT else f" --port {port}"
        click.echo(
            f"kimi: nothing serves on port {port} yet: start it with llm kimi serve{given}",
            err=True,
        )


def _shell() -> Shell:
    return "fish" if os.path.basename(os.environ.get("SHELL", "")) == "fish" else "sh"


def _is_there(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
