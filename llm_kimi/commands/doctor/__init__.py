"""``llm kimi doctor``: what is configured, what is wrong; with ``--online``, does the key work."""

from __future__ import annotations

import sys
import time

import click

from ...config import settings
from ...errors import APIError, KimiError
from ...terminal.output import tell_report
from ...transport.json_api import Endpoints
from ..balance import ask_balance
from .checks import diagnose, safe
from .destination import may_be_asked
from .report import Funds, Online

__all__ = ["doctor"]


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
    if online and may_be_asked():
        report.online = _online(report.problems)
    tell_report(report, as_json)
    sys.exit(1 if report.problems else 0)


def _online(problems: list[str]) -> Online | None:
    """What the host says; None when there is nothing to ask it with, which is reported already."""
    try:
        base_url, key = settings.base_url(), settings.find_key()
    except KimiError:
        return None
    if not key:
        return None
    host = Endpoints(base_url, key, key_source=settings.key_source(key))
    found = Online()
    start = time.perf_counter()
    try:
        answer = host.get("/models")
        found.milliseconds = round((time.perf_counter() - start) * 1000)
        found.key_works = True
        rows = answer.get("data")
        found.models = len(rows) if isinstance(rows, list) else 0
        if not found.models:
            problems.append(safe(f"{base_url} lists no models: is it a Kimi API?"))
    except KimiError as error:
        if isinstance(error, APIError) and error.status in (401, 403):
            found.key_works = False
        problems.append(safe(_line(error)))
        return found
    found.balance = _balance(host, problems)
    return found


def _balance(host: Endpoints, problems: list[str]) -> Funds | None:
    try:
        balance = ask_balance(host)
    except KimiError as error:
        missing = isinstance(error, APIError) and error.status in (404, 405, 501)
        if not missing:  # relays keep no accounts
            problems.append(safe(f"balance: {_line(error)}"))
        return None
    if balance.blocked:
        problems.append("the account has no balance left: calls are blocked until it is topped up")
    return Funds(balance.currency, balance.available)


def _line(error: KimiError) -> str:
    return " ".join(str(error).split())
