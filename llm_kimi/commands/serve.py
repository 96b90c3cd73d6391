"""``llm kimi serve``: OpenAI's API on this machine, for programs that take only a base URL."""

from __future__ import annotations

import errno
import ipaddress
import json
import os
import sys
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

import click

from .. import catalog
from ..config import server_key, settings
from ..errors import InvalidRequestError, KimiError
from ..terminal.output import echo_wrapped, style
from ..terminal.stdout import full_disk_told, open_standard_files
from ..translation import FALLBACKS
from .request_log import RequestLog

__all__ = ["DEFAULT_PORT", "serve"]

DEFAULT_PORT = 4141

_OF_THE_PORT = (errno.EADDRINUSE, errno.EACCES)
_NEEDS = {"uvicorn": "uvicorn", "aiohttp": "aiohttp", "python_multipart": "python-multipart"}
_INSTALL = "llm install 'llm-kimi[serve]'"


@click.command(short_help="Serve OpenAI's API on this machine.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port to listen on; 0 picks a free one.",
)
@click.option(
    "--pass-through",
    is_flag=True,
    help="Each caller sends its own Moonshot key; the server has none.",
)
@click.option(
    "--allow-host",
    multiple=True,
    metavar="HOST",
    help="Another host name that requests may use for this server.",
)
@click.option(
    "--allow-origin",
    multiple=True,
    metavar="ORIGIN",
    help="Allow programs that send this Origin, such as app://obsidian.md.",
)
@click.option(
    "--allow-private-urls",
    is_flag=True,
    help="Let requests use URLs of your own network for images and files.",
)
@click.option("--strict", is_flag=True, help="Fail rather than change the meaning of a request.")
@click.option(
    "--tool-choice-fallback",
    type=click.Choice(FALLBACKS),
    default="nudge",
    show_default=True,
    help="What to do if the model does not allow a forced tool call.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the address and the log as JSON.")
def serve(**options: Any) -> None:
    """Serve OpenAI's API on this machine, for programs that take only a base URL.

    Requests are translated to Kimi's rules, as everywhere in llm-kimi. Programs of this machine
    ask with the key that is printed, which is no key of Moonshot's: keep that one here.

    \b
    Examples:
      llm kimi serve
      llm kimi serve --port 8000 --strict
      eval "$(llm kimi env)"     in another terminal, then start the program
    """
    missing = [package for module, package in _NEEDS.items() if find_spec(module) is None]
    if missing:
        raise click.ClickException(
            f"the server needs {', '.join(missing)}: {_INSTALL}, or pip install 'llm-kimi[serve]'"
        )
    if "llm" in sys.modules and hasattr(os, "execv"):
        _start_anew(options)
    with full_disk_told():
        _serve(**options)


def _start_anew(options: dict[str, Any]) -> None:
    """Go on as a process without llm: it takes twice the memory of the server."""
    arguments = []
    for name, value in options.items():
        flag = "--json" if name == "as_json" else f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            arguments += [flag] if value else []
        else:
            values = value if isinstance(value, tuple) else (value,)
            arguments += [f"{flag}={item}" for item in values]
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    open_standard_files()
    # Not with -m, which would look for our modules in the current folder first.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "sys.path[:] = [p for p in sys.path if p]; import llm_kimi.serve as s; s.main()"
    )
    os.execv(sys.executable, [sys.executable, "-c", code, *arguments])


def _serve(
    host: str,
    port: int,
    pass_through: bool,
    allow_host: tuple[str, ...],
    allow_origin: tuple[str, ...],
    allow_private_urls: bool,
    strict: bool,
    tool_choice_fallback: Any,
    as_json: bool,
) -> None:
    from ..integrations.openai_chat import Options
    from ..integrations.serve.access import Access, names
    from ..integrations.serve.run import Setup, is_loopback, listen, run

    # Whoever asks is not who sets the environment.
    os.environ[settings.PRIVATE_URLS_VARIABLE] = "1" if allow_private_urls else "0"
    settings.private_urls_way = "start the server with --allow-private-urls"
    if pass_through and not is_loopback(host):
        raise click.ClickException(
            f"--pass-through needs no key of this server, and {host} can be reached from other "
            "machines: leave out one of the two"
        )
    hosts = frozenset[str]()
    for option, values in (
        ("--host", () if _is_any(host) else (host,)),
        ("--allow-host", allow_host),
    ):
        try:
            # Programs leave the scope of an address (fe80::1%eth0) out of the Host that they send.
            hosts |= names(value.partition("%")[0] for value in values)
        except ValueError as error:
            raise click.BadParameter(f"{error} is not a host name", param_hint=option) from None
    try:
        base_url = settings.base_url()
        key, source = (None, "") if pass_through else settings.locate_key()
        if key and not settings.found_key_may_go_to(base_url):
            raise click.ClickException(f"{source} does not go to {settings.host_name(base_url)}")
        strict = strict or settings.strict_by_default()
    except InvalidRequestError as error:
        raise click.ClickException(str(error)) from None
    if not pass_through and not key:
        raise click.ClickException(settings.no_key_message())
    token, trouble = None, None
    if not pass_through:
        try:
            token, trouble = server_key.server_key(replace=True)
        except (OSError, ValueError) as error:
            raise click.ClickException(f"cannot store a key for this server: {error}") from None
    try:
        listener = listen(host, port)
    except OSError as error:
        reason = error.strerror or str(error)
        other = ". Another port: --port" if error.errno in _OF_THE_PORT else ""
        raise click.ClickException(
            f"cannot listen on {host} port {port}: {reason}{other}"
        ) from None
    at = "127.0.0.1" if _is_any(host) else f"[{host}]" if ":" in host else host
    url = f"http://{at}:{listener.getsockname()[1]}/v1"
    options = Options(
        strict=strict,
        tool_choice_fallback=tool_choice_fallback,
        key_source=source or "the key in the header Authorization",
    )

    def ready() -> None:
        if trouble:
            click.echo(f"kimi: {trouble}", err=True)
        if warning := settings.cleartext_warning(base_url):
            click.echo(f"kimi: {warning}", err=True)
        if as_json:
            told = {"base_url": url, "api_key": token, "kimi": base_url, "pid": os.getpid()}
            click.echo(json.dumps(told))
        else:
            _tell(url, token, base_url, source)
        if sys.stdout is not None:
            sys.stdout.flush()

    log = RequestLog(token, as_json=as_json)

    def stopping() -> None:
        if not as_json:
            log.line("\nStopping ...")

    setup = Setup(
        Access(hosts, frozenset(allow_origin), token),
        base_url,
        options,
        key,
        told=log,
        ready=ready,
        stopping=stopping,
    )
    try:
        with log:
            run(setup, listener)
    except KimiError as error:
        raise click.ClickException(str(error)) from None


def _is_any(host: str) -> bool:
    """Whether ``host`` stands for all addresses of this machine: 0.0.0.0, ::, 0 and the like."""
    if host in ("", "0", "0x0"):
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host.partition("%")[0]).is_unspecified
    return False


def _tell(url: str, token: str | None, base_url: str, source: str) -> None:
    """Where it listens, and what to enter where."""
    key = token or "YOUR_MOONSHOT_KEY"
    model = catalog.FLAGSHIP
    click.echo(f"OpenAI's API for Kimi is at {style(url, bold=True)} (Ctrl-C stops it)")
    if token is None:
        echo_wrapped(f"Requests go to {base_url}, each with the key of its caller.")
    else:
        echo_wrapped(f"Requests go to {base_url} (key: {source}).")
        echo_wrapped("Programs use this server's own key, which stays the same:")
    click.echo(f"\n  base URL  {url}\n  API key   {key}\n  model     {model}\n")
    click.echo("Shell, for all programs that read OpenAI's variables:")
    click.echo(f'  export OPENAI_BASE_URL="{url}"\n  export OPENAI_API_KEY="{key}"')
    click.echo("Node.js:")
    click.echo(f'  new OpenAI({{\n    baseURL: "{url}",\n    apiKey: "{key}",\n  }})')
    click.echo("Python:")
    click.echo(f'  OpenAI(\n    base_url="{url}",\n    api_key="{key}",\n  )')
    click.echo("curl, with these variables:")
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    content = json.dumps(body, separators=(",", ":"))
    click.echo(
        "  curl $OPENAI_BASE_URL/chat/completions \\\n"
        '    -H "Authorization: Bearer $OPENAI_API_KEY" \\\n'
        f"    -H 'Content-Type: application/json' \\\n    -d '{content}'\n"
    )
