"""``llm kimi models``: the catalog for people and programs, without key or network."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

import pytest

from llm_kimi.catalog import BY_ID, GONE, MODELS, live_models
from llm_kimi.config import discovered_models, settings
from tests.support.llm_runs import process, run

WHEN = "2026-11-21T10:00:00Z"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*args: object) -> None:
        raise AssertionError("something was sent")

    monkeypatch.setattr(socket.socket, "connect", no)


def models(*args: str) -> str:
    """The output of a run that succeeds."""
    result = run("kimi", "models", *args)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


def as_json(*args: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in json.loads(models("--json", *args))}


def block(text: str, model_id: str) -> str:
    """What the list says of one model, on one line."""
    found = re.search(rf"^{re.escape(model_id)} .*\n((?:  .*\n)*)", text, re.MULTILINE)
    assert found, text
    return " ".join(found.group(0).split())


def test_the_live_models_are_listed_and_the_retired_ones_on_request() -> None:
    text = models()
    for row in live_models():
        assert block(text, row.id)
    assert "kimi-k2.5" not in text
    everything = models("--all")
    for model_id in {row.id for row in MODELS} | GONE.keys():
        assert model_id in everything


def test_what_is_allowed_where() -> None:
    text = models()
    flagship = block(text, "kimi-k3.1-pro")
    assert "1,048,576 1,048,576 2.00 0.20 10.00" in flagship
    assert "always thinks (low, high, max)" in flagship
    assert "tool_choice required" in flagship
    assert "also known as kimi" in flagship
    assert "cannot be forced" in block(text, "kimi-k2.7-code")
    switchable = block(text, "kimi-k2.6")
    assert "thinking can be switched off" in switchable
    assert "required or a named tool only with thinking off" in switchable
    assert "writes up to 32,768 by default" in switchable
    assert "2026-10-31; retirement planned by the end of December 2026" in switchable


def test_a_retired_model_names_date_and_replacement() -> None:
    text = models("--all")
    assert "retired on 2026-08-31: use kimi-k3.1-pro" in block(text, "moonshot-v1-8k")
    assert "kimi-latest: retired on 2026-01-28, use kimi-k3.1-pro" in text


@pytest.mark.parametrize("flags", [(), ("--all",)])
@pytest.mark.parametrize("columns", ["80", "60"])
def test_lines_fit_the_terminal(
    flags: tuple[str, ...], columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    discovered_models.save(
        settings.DEFAULT_BASE_URL, [{"id": "accounts/x/models/kimi-" + "k" * 30}], WHEN
    )
    longest = max(map(len, models(*flags).splitlines()))
    assert longest <= 80  # the numbers need that much


def test_json_is_for_programs() -> None:
    found = as_json()
    assert list(found) == [row.id for row in live_models()]
    row = found["kimi-k2.6"]
    assert (row["context"], row["output_default"], row["output_limit"]) == (262_144, 32_768, None)
    assert row["modalities"] == ["text", "image", "video"]
    assert row["thinking"]["mode"] == "switchable"
    assert row["tool_choice"]["not_thinking"] == ["auto", "none", "required", "named"]
    assert row["sampling"]["not_thinking"]["temperature"] == {"fixed": 0.6}
    assert row["price"]["input"] == 0.95
    assert row["price"]["currency"] == "USD"
    assert (row["status"], row["replacement"]) == ("live", "kimi-k3.1-pro")
    assert (row["learned"], row["served"]) == (False, None)
    assert all(url.startswith("https://") for urls in row["sources"].values() for url in urls)


def test_json_of_all() -> None:
    found = as_json("--all")
    assert found.keys() == BY_ID.keys() | GONE.keys()
    assert found["moonshot-v1-8k"]["sampling"]["not_thinking"]["temperature"] == {
        "from": 0,
        "to": 1,
        "default": 0,
    }
    assert found["moonshot-v1-8k"]["price"]["cached_input"] is None
    assert found["kimi-k3"]["price"]["cache_write"] == {"5m": 3.0, "1h": 6.0}
    assert found["kimi-k2.6"]["price"]["cache_write"] is None
    assert found["kimi-latest"]["retired_on"] == "2026-01-28"


def test_models_of_the_last_refresh_are_marked() -> None:
    rows = [{"id": "kimi-k9", "context_length": 5_000}, {"id": "kimi-k2.6"}, {"id": "kimi-k2.5"}]
    discovered_models.save(settings.DEFAULT_BASE_URL, rows, WHEN)
    text = models()
    assert "learned by 'llm kimi refresh'" in block(text, "kimi-k9")
    assert "5,000" in block(text, "kimi-k9")
    assert "not served by your host" in block(text, "kimi-k3")
    assert "not served" not in block(text, "kimi-k2.6")
    assert f"Last refresh of https://api.moonshot.ai/v1: {WHEN}" in " ".join(text.split())
    found = as_json()
    assert (found["kimi-k9"]["learned"], found["kimi-k9"]["price"]) == (True, None)
    assert (found["kimi-k3"]["served"], found["kimi-k2.6"]["served"]) == (False, True)
    everything = models("--all")
    assert "served by your host" in block(everything, "kimi-k2.5")
    assert everything.count("kimi-k2.5 ") == 1


def test_a_broken_file_is_told_and_ignored() -> None:
    discovered_models.path().write_text("{")
    result = run("kimi", "models", "--json")
    assert result.exit_code == 0
    assert len(json.loads(result.stdout)) == len(live_models())
    assert result.stderr.count("kimi: kimi-models.json cannot be read") == 1


def test_colours_only_on_a_terminal_and_not_with_no_color() -> None:
    assert "\x1b[" not in models()
    assert "\x1b[" in run_coloured()
    assert "\x1b[" not in run_coloured(NO_COLOR="1")
    assert "\x1b[" in run_coloured(NO_COLOR="")


def run_coloured(**env: str) -> str:
    """What a terminal gets; click asks the stream, which a test has to say yes for."""
    import llm.cli
    from click.testing import CliRunner

    result = CliRunner(env=env).invoke(llm.cli.cli, ["kimi", "models"], color=True)
    assert result.exit_code == 0
    return result.stdout


def test_as_a_real_command_through_a_pipe() -> None:
    done = process("kimi", "models", COLUMNS="80")
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith("Model ")


def test_help_shows_an_example() -> None:
    text = run("kimi", "models", "--help").stdout
    assert "llm kimi models --all --json" in text
