"""``llm kimi doctor``: what is configured, what is wrong; with ``--online``, does the key work."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from ...config import settings
from ...errors import APIError, KimiError
from ...terminal.output import dump, echo_wrapped, secho, style, width, wrapped
from ...transport.json_api import Endpoints
from ..balance import ask_balance
from .checks import diagnose, safe
from .destination import may_be_asked

__all__ = ["doctor"]

Json = dict[str, Any]


@click.command()
@click.option("--online", is_flag=True, help="Also ask the host whether the key works.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(online: bool, as_json: bool) -> None:
    """Show what is configured and what is wrong with it.

    The exit status is 1 if something is wrong. The output contains no key, no password and no
    home directory, so you can paste it into a bug report as it is.

    \b
    Example:
      llm kimi doctor
      llm kimi doctor --online
    """
    report = diagnose(probe=not online)
    report["online"] = _online(report["problems"]) if online and may_be_asked() else None
    if as_json:
        click.echo(dump(report))
    else:
        _show(report)
    sys.exit(1 if report["problems"] else 0)


def _online(problems: list[str]) -> Json | None:
    """What the host says; None when there is nothing to ask it with, which is reported already."""
    try:
        base_url, key = settings.base_url(), settings.find_key()
    except KimiError:
        return None
    if not key:
        return None
    host = Endpoints(base_url, key, key_source=settings.key_source(key))
    found: Json = {"key_works": None, "milliseconds": None, "models": None, "balance": None}
    start = time.perf_counter()
    try:
        answer = host.get("/models")
        found["milliseconds"] = round((time.perf_counter() - start) * 1000)
        found["key_works"] = True
        rows = answer.get("data")
        found["models"] = len(rows) if isinstance(rows, list) else 0
        if not found["models"]:
            problems.append(safe(f"{base_url} lists no models: is it a Kimi API?"))
    except KimiError as error:
        if isinstance(error, APIError) and error.status in (401, 403):
            found["key_works"] = False
        problems.append(safe(_line(error)))
        return found
    found["balance"] = _balance(host, problems)
    return found


def _balance(host: Endpoints, problems: list[str]) -> Json | None:
    try:
        balance = ask_balance(host)
    except KimiError as error:
        missing = isinstance(error, APIError) and error.status in (404, 405, 501)
        if not missing:  # relays keep no accounts
            problems.append(safe(f"balance: {_line(error)}"))
        return None
    if balance["blocked"]:
        problems.append("the account has no balance left: calls are blocked until it is topped up")
    return {"currency": balance["currency"], "available": balance["available_balance"]}


def _line(error: KimiError) -> str:
    return " ".join(str(error).split())


def _show(report: Json) -> None:
    base, key = report["base_url"], report["key"]
    versions = dict(report["versions"])
    system = versions.pop("system")
    _row("versions", ", ".join([*(f"{k} {v}" for k, v in versions.items() if v), system]))
    _row("key", _key_text(key))
    where = f"set by {base['source']}" if base["source"] else "the default"
    _row("base URL", f"{base['url'] or 'not usable'} ({base['host'] or '?'}; {where})")
    _row("strict", {True: "yes", False: "no", None: "not readable"}[report["strict"]])
    _row("proxies", ", ".join(f"{name} is set" for name in report["proxies"]) or "none")
    folder = report["folder"]
    _row("folder", f"{folder['path']} ({'' if folder['writable'] else 'not '}writable)")
    for file in report["files"]:
        note = f" ({file['note']})" if file["note"] else ""
        _row("", f"{file['name']}, {_size(file['bytes'])}{note}")
    if report["online"]:
        _row("online", _online_text(report["online"]))
    click.echo()
    _conclude(report["problems"], report["notes"])


def _conclude(problems: list[str], notes: list[str]) -> None:
    for problem in problems:
        echo_wrapped(problem, "! ", fg="yellow")
    for note in notes:
        echo_wrapped(note, "- ")
    if not problems:
        verdict = "Otherwise nothing is wrong." if notes else "Nothing is wrong."
        secho(verdict, fg="green", bold=True)


def _row(name: str, text: str) -> None:
    """Text with its name before it; what does not fit goes on below."""
    first, *others = wrapped(text, width() - 10)
    click.echo(f"{style(name, bold=True) if name else ''}{'':{10 - len(name)}}{first}")
    for line in others:
        click.echo(f"{'':<10}{line}")


def _key_text(key: Json) -> str:
    if key["source"] is None:
        return "none"
    others = len(key["places"]) - 1
    if not others:
        return f"from {key['source']}"
    same = "also" if key["agree"] else "a different one"
    return f"from {key['source']}; {same} in {', '.join(key['places'][1:])}"


def _online_text(online: Json) -> str:
    works = {True: "the key works", False: "the key is refused", None: "no usable answer"}
    parts = [works[online["key_works"]]]
    if online["key_works"]:
        parts += [f"{online['models']} models", f"{online['milliseconds']} ms"]
    if online["balance"]:
        unit = f" {online['balance']['currency']}" if online["balance"]["currency"] else ""
        parts.append(f"{online['balance']['available']:,.2f}{unit} available")
    return ", ".join(parts)


def _size(count: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000 or unit == "MB":
            return f"{count:,} {unit}"
        count = round(count / 1000)
    return ""
