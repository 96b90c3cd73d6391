"""``llm kimi balance``: what is left on the account."""

from __future__ import annotations

import math
from typing import Any

import click

from ..errors import APIError
from ..reply.safe_text import shown
from ..terminal.output import dump, echo_wrapped, style
from ..transport.json_api import Endpoints
from .connect import connect, currency, in_one_line, key_option

__all__ = ["FIELDS", "ask_balance", "balance"]

Json = dict[str, Any]

FIELDS = ("available_balance", "voucher_balance", "cash_balance")
"""Available is cash and vouchers together, or the vouchers alone while cash is negative:
https://platform.kimi.ai/docs/openapi.json"""


@click.command()
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def balance(key: str | None, as_json: bool) -> None:
    """Show the balance of the account that the key belongs to.

    In US dollars on api.moonshot.ai, in yuan on api.moonshot.cn. Kimi stops answering once the
    available balance is 0 or less.

    \b
    Example:
      llm kimi balance
    """
    with in_one_line():
        found = ask_balance(connect(key))
    if as_json:
        click.echo(dump(found))
    else:
        _show(found)


def ask_balance(host: Endpoints) -> Json:
    """The three balances of the account, the currency (None if unknown) and ``blocked``.

    Raises:
        APIError, APIConnectionError, InvalidRequestError: what went wrong.
    """
    answer = host.get("/users/me/balance")
    data = answer.get("data")
    if answer.get("status") is False or not isinstance(data, dict):
        raise APIError(f"no balance in the answer (code {shown(answer.get('code'))})", status=200)
    found = {field: data[field] for field in FIELDS if _is_amount(data.get(field))}
    if "available_balance" not in found:
        raise APIError("no available_balance in the answer", status=200)
    return {
        "base_url": host.base_url,
        "currency": currency(host.base_url),
        **found,
        "blocked": found["available_balance"] <= 0,
    }


def _is_amount(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _show(found: Json) -> None:
    unit = f" {found['currency']}" if found["currency"] else ""
    amounts = {field: _amount(found[field]) for field in FIELDS if field in found}
    widest = max(map(len, amounts.values()))
    for field, amount in amounts.items():
        name = field.removesuffix("_balance").capitalize()
        click.echo(style(f"{name:<10}{amount:>{widest}}{unit}", bold=field == FIELDS[0]))
    if found["blocked"]:
        echo_wrapped("Calls are blocked until the account is topped up.", fg="red", bold=True)


def _amount(value: float) -> str:
    """As many decimals as were given, two at least and five at most: ``3.00001``, ``49.50``."""
    whole, _, decimals = f"{value:,.5f}".partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}"
