"""The entry point: models are listed without key and network, and tell the truth."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import llm
import pytest

from llm_kimi.catalog import FLAGSHIP, MODELS, live_models
from llm_kimi.integrations.llm.models import async_model, sync_model
from tests.support.llm_runs import run

LIVE = [model.id for model in live_models()]

OFFLINE = """
import socket, sys
def no(*args, **kwargs):
    raise RuntimeError("network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = no
from llm.cli import cli
cli(sys.argv[1:])
"""


@pytest.mark.parametrize("arguments", [("models",), ("models", "--options"), ("kimi", "--help")])
def test_listed_without_key_or_network(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert done.stderr == ""
    if arguments[0] == "models":
        for model in LIVE:
            assert f"Kimi: {model} " in done.stdout


def test_every_live_model_is_registered_in_both_flavours() -> None:
    for models in (llm.get_model_aliases(), llm.get_async_model_aliases()):
        assert [models[name].model_id for name in LIVE] == LIVE
        assert not [row.id for row in MODELS if row.status == "retired" and row.id in models]


def test_aliases_lead_to_the_right_model() -> None:
    for models in (llm.get_model_aliases(), llm.get_async_model_aliases()):
        for name in LIVE:
            assert models[f"kimi/{name}"].model_id == models[f"moonshot/{name}"].model_id == name
        assert models["kimi"].model_id == FLAGSHIP


def test_models_tell_what_they_can(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {row["model_id"]: row for row in json.loads(run("models", "--json").stdout)}
    for name in LIVE:
        text = json.dumps(rows[name])
        assert "image/png" in text
    for flag in ("--tools", "--schemas", "--async"):
        listed = run("models", flag).stdout
        assert all(f"Kimi: {name} " in listed for name in LIVE)


@pytest.mark.parametrize("row", MODELS, ids=lambda row: row.id)
def test_attributes(row: object) -> None:
    for make in (sync_model, async_model):
        model = make(row)  # type: ignore[arg-type]
        assert model.can_stream
        assert model.supports_schema
        assert model.supports_tools
        assert model.needs_key == "kimi"
        assert str(model) == f"Kimi: {model.model_id}"
        names = [tool.name for tool in model.supported_server_side_tools]
        assert names == ["KimiWebSearch", "KimiTools"]


def test_models_of_a_family_share_one_class_others_do_not() -> None:
    pro, fast = llm.get_model("kimi-k3.1-pro"), llm.get_model("kimi-k3.1-pro-highspeed")
    assert type(pro) is type(fast)
    assert type(pro) is not type(llm.get_model("kimi-k2.6"))


def test_registering_is_repeatable_and_the_commands_are_there() -> None:
    for _ in range(2):
        assert "simulate" in run("kimi", "--help").stdout
    text = run("kimi", "--help").stdout
    assert text.index("explain") < text.index("simulate")
    assert "..." not in text.partition("Commands:")[2]  # no sentence is cut at 80 columns
    assert run("kimi").stdout + run("kimi").stderr != ""
    assert "No such command 'nothing'" in run("kimi", "nothing").stderr
    assert "kimi " in run("--help").stdout


def test_plugins_lists_it() -> None:
    plugins = {row["name"]: row["hooks"] for row in json.loads(run("plugins").stdout)}
    assert plugins["llm-kimi"] == [
        "register_commands",
        "register_fragment_loaders",
        "register_models",
    ]
