"""``llm kimi balance``: what is left, in which currency, and whether calls are blocked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm_kimi.commands.connect import currency
from llm_kimi.simulator import Simulator
from llm_kimi.simulator.http import chat_handler
from tests.support.llm_runs import closed_clients, process, run

__all__ = ["closed_clients"]


def balance(*args: str) -> str:
    """The output of a run that succeeds."""
    result = run("kimi", "balance", *args)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


def answers(monkeypatch: pytest.MonkeyPatch, *amounts: Any) -> None:
    """Let the offline Kimi tell these amounts: available, voucher, cash."""
    data = dict(zip(("available_balance", "voucher_balance", "cash_balance"), amounts, strict=True))
    whole = {"code": 0, "data": data, "scode": "0x0", "status": True}
    monkeypatch.setattr(chat_handler, "BALANCE", whole)


def test_the_amounts_are_shown(kimi: Simulator) -> None:
    assert balance() == "Available 49.58894\nVoucher   46.58893\nCash       3.00001\n"


@pytest.mark.parametrize(
    ("base_url", "unit"),
    [
        ("https://api.moonshot.ai/v1", "USD"),
        ("https://api.moonshot.cn/v1", "CNY"),
        ("https://relay.example/v1", None),
        ("https://api.moonshot.ai.evil.example/v1", None),
    ],
)
def test_the_currency_is_that_of_the_host(base_url: str, unit: str | None) -> None:
    assert currency(base_url) == unit


def test_the_currency_is_shown(kimi: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import import_module

    command = import_module("llm_kimi.commands.balance")
    monkeypatch.setattr(command, "currency", lambda base_url: "CNY")
    assert "Available 49.58894 CNY\n" in balance()


def test_json_is_for_programs(kimi: Simulator) -> None:
    assert json.loads(balance("--json")) == {
        "base_url": kimi.base_url,
        "currency": None,
        "available_balance": 49.58894,
        "voucher_balance": 46.58893,
        "cash_balance": 3.00001,
        "blocked": False,
    }


@pytest.mark.parametrize(("available", "blocked"), [(0, True), (-2.5, True), (0.00001, False)])
def test_no_balance_blocks_calls(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, available: float, blocked: bool
) -> None:
    answers(monkeypatch, available, 0, -1234.5)
    text = balance()
    assert ("Calls are blocked until the account is topped up." in text) is blocked
    assert "Cash      -1,234.50\n" in text
    assert json.loads(balance("--json"))["blocked"] is blocked


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": 7},
        {"data": {}},
        {"data": {"available_balance": "much"}},
        {"code": 5, "status": False, "data": {"available_balance": 1}},
    ],
)
def test_an_answer_without_a_balance(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    monkeypatch.setattr(chat_handler, "BALANCE", answer)
    result = run("kimi", "balance")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: 200: no ")
    assert len(result.stderr.splitlines()) == 1


def test_as_a_real_command(kimi: Simulator) -> None:
    done = process("kimi", "balance")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Available 49.58894")


def test_help_shows_an_example() -> None:
    assert "llm kimi balance" in run("kimi", "balance", "--help").stdout
