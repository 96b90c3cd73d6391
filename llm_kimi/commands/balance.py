"""``llm kimi balance``: what is left on the account."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import click

from ..errors import APIError
from ..reply.safe_text import shown
from ..terminal.output import echo_wrapped, style, tell_report
from ..transport.json_api import Endpoints
from .connect import connect, currency, in_one_line, key_option

__all__ = ["Balance", "ask_balance", "balance"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left. Available is cash and vouchers together, or the vouchers alone while cash is
    negative (https://platform.kimi.ai/docs/openapi.json). None: the host does not tell."""

    base_url: str
    currency: str | None
    available: float
    voucher: float | None
    cash: float | None

    @property
    def blocked(self) -> bool:
        """Whether calls are refused."""
        return self.available <= 0

    @property
    def amounts(self) -> dict[str, float]:
        """Those that are known, by the name of the kind."""
        known = {"available": self.available, "voucher": self.voucher, "cash": self.cash}
        return {name: amount for name, amount in known.items() if amount is not None}

    def to_dict(self) -> Json:
        """For programs."""
        return {
            "base_url": self.base_url,
            "currency": self.currency,
            **{f"{name}_balance": amount for name, amount in self.amounts.items()},
            "blocked": self.blocked,
        }

    def show(self) -> None:
        """For people."""
        unit = f" {self.currency}" if self.currency else ""
        texts = {name: _amount(amount) for name, amount in self.amounts.items()}
        widest = max(map(len, texts.values()))
        for name, text in texts.items():
            line = f"{name.capitalize():<10}{text:>{widest}}{unit}"
            click.echo(style(line, bold=name == "available"))
        if self.blocked:
            echo_wrapped("Calls are blocked until the account is topped up.", fg="red", bold=True)


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
    tell_report(found, as_json)


def ask_balance(host: Endpoints) -> Balance:
    """The balances of the account.

    Raises:
        APIError, APIConnectionError, InvalidRequestError: what went wrong.
    """
    answer = host.get("/users/me/balance")
    data = answer.get("data")
    if answer.get("status") is False or not isinstance(data, dict):
        raise APIError(f"no balance in the answer (code {shown(answer.get('code'))})", status=200)
    available, voucher, cash = (
        _amount_in(data, f"{name}_balance") for name in ("available", "voucher", "cash")
    )
    if available is None:
        raise APIError("no available_balance in the answer", status=200)
    return Balance(host.base_url, currency(host.base_url), available, voucher, cash)


def _amount_in(data: Json, field: str) -> float | None:
    value = data.get(field)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return value


def _amount(value: float) -> str:
    """As many decimals as were given, two at least and five at most: ``3.00001``, ``49.50``."""
    whole, _, decimals = f"{value:,.5f}".partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}"
