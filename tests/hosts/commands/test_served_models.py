"""Ids that nobody serves: ``llm kimi explain`` and ``count`` do not vouch for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llm_kimi.catalog import BY_ID, GONE, live_models
from llm_kimi.commands.served_models import Standing, did_you_mean, standing
from llm_kimi.config import discovered_models, settings
from tests.support.llm_runs import run

HI = [{"role": "user", "content": "hi"}]
RELAY = "https://relay.example/v1"
WHEN = "2026-11-21T10:00:00Z"
HERE = discovered_models.Learned(settings.DEFAULT_BASE_URL)
THERE = discovered_models.Learned(RELAY)


def explain(*args: str, input: str | None = None, code: int = 0) -> str:
    """What is printed, in one line."""
    result = run("kimi", "explain", *args, input=input)
    assert result.exit_code == code, result.output
    return " ".join((result.stdout + result.stderr).split())


def request(model: str) -> str:
    return json.dumps({"model": model, "messages": HI})


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("kimi-k26", "kimi-k2.6"),
        ("kimi-2.6", "kimi-k2.6"),
        ("kimi-k2-6", "kimi-k2.6"),
        ("kimi_k2.6", "kimi-k2.6"),
        ("Kimi-K2.6", "kimi-k2.6"),
        ("kimi-k2.6 ", "kimi-k2.6"),
        ("moonshotai/kimi-k2.6", "kimi-k2.6"),
        ("moonshotai/Kimi-K26", "kimi-k2.6"),
        ("kimi-k3.1", "kimi-k3.1-pro"),
        ("kimi-k31-pro", "kimi-k3.1-pro"),
        ("kimi-k2.7", "kimi-k2.7-code"),
        ("kimi-k27-code", "kimi-k2.7-code"),
        ("kimi-k3[1m]", "kimi-k3"),
    ],
)
def test_a_mistyped_id_is_refused_with_what_was_meant(mistyped: str, meant: str) -> None:
    text = explain(input=request(mistyped), code=1)
    assert f"did you mean {meant}" in text
    assert "as it is" not in text
    assert "-m kimi-k3.1-pro explains the request for that model" in text


@pytest.mark.parametrize("gone", sorted(GONE))
@pytest.mark.parametrize("written", ["{}", "moonshotai/{}"])
def test_a_retired_id_is_refused_with_date_and_replacement(gone: str, written: str) -> None:
    """https://platform.kimi.ai/docs/models: they answer with 404."""
    date, replacement = GONE[gone]
    text = explain(input=request(written.format(gone)), code=1)
    assert f"{gone} was retired on {date}; use {replacement}" in text


@pytest.mark.parametrize("model", [model.id for model in live_models()])
def test_live_ids_are_fine(model: str) -> None:
    assert standing(model, HERE) == Standing()
    assert "Kimi takes it as it is" in explain(input=request(model))


def test_nothing_near_is_no_suggestion() -> None:
    assert did_you_mean("kimi-zz") == "."
    assert "did you mean" not in explain(input=request("kimi-zz"), code=1)
    assert "'kimi' is an alias in llm: the id is kimi-k3.1-pro" in explain(
        input=request("kimi"), code=1
    )


def test_ids_of_others_keep_the_words_of_the_translation() -> None:
    for model in ("gpt-5", "k3", "claude-opus-5"):
        assert standing(model, HERE) == Standing()
        assert f"{model!r} is not a Kimi model" in explain(input=request(model), code=1)


def test_a_file_of_them_counts_them_as_refused(tmp_path: Path) -> None:
    models = ["kimi-k26", "kimi-2.6", "kimi-k2.5", "moonshot-v1-8k", "kimi-latest", "kimi-k2.6"]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(request, models)))
    found = json.loads(run("kimi", "explain", str(path), "--json").stdout)
    assert (found["requests"], found["as_sent"]["refused"]) == (6, 5)
    assert found["as_sent"]["refused_by_rule"][0]["rule"] == "model-not-found"
    assert (found["translated"]["run"], found["errors_before_sending"]) == (1, 5)
    text = explain(str(path))
    assert "Kimi would refuse 5 (83.3%)" in text
    assert "Translated, 1 run (16.7%)" in text
    assert "Refused before sending: 5 (83.3%)" in text
    assert "model: kimi-k2.5 was retired on 2026-08-31; use kimi-k3.1-pro (first in line 3)" in text
    assert explain(str(path), "--strict", code=1)
    out = tmp_path / "out.jsonl"
    explain(str(path), "--out", str(out))
    assert [json.loads(line)["model"] for line in out.read_text().splitlines()] == ["kimi-k2.6"]


def test_a_file_for_one_model_wants_one_that_exists(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(request("gpt-5"))
    assert "did you mean kimi-k2.6" in explain(str(path), "-m", "kimi-k26", code=1)
    assert "was retired on" in explain(str(path), "-m", "kimi-k2.5", code=1)
    for alias in ("kimi", "kimi/kimi-k3", "moonshot/kimi-k3"):
        assert "Translated, 1 run" in explain(str(path), "-m", alias)


@pytest.mark.parametrize("model", ["moonshotai/Kimi-K2.6", "accounts/fireworks/models/kimi-k2p6"])
def test_relays_have_ids_of_their_own(monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    assert "did you mean kimi-k2.6" in explain(input=request(model), code=1)
    monkeypatch.setenv("KIMI_BASE_URL", RELAY)
    assert standing(model, THERE) == Standing()
    assert "as it is" in explain(input=request(model))


def test_on_a_relay_what_is_not_known_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", RELAY)
    text = explain(input=request("kimi-k26"))
    assert "did you mean kimi-k2.6" in text
    assert "its rules are a guess" in text
    assert "as it is" not in text
    assert "some relays still serve it" in explain(input=request("moonshotai/kimi-k2.5"))
    found = json.loads(explain("--json", input=request("kimi-k26")))
    assert len(found["notes"]) == 1
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(request, ["kimi-k26", "kimi-k26", "kimi-k2.6"])))
    assert "? 2 'kimi-k26' is not a known model" in explain(str(path))
    found = json.loads(explain(str(path), "--json"))
    assert (found["notes"][0]["count"], found["translated"]["run"]) == (2, 3)


def test_what_a_refresh_heard_is_known() -> None:
    rows: list[dict[str, Any]] = [{"id": "kimi-k9"}, {"id": "kimi-k2.5"}, {"id": "kimi-k3"}]
    discovered_models.save(settings.DEFAULT_BASE_URL, rows, WHEN)
    for row in rows:
        assert "as it is" in explain(input=request(row["id"]))
    assert "'kimi-k99' is not a known model" in explain(input=request("kimi-k99"), code=1)
    text = explain(input=request("kimi-k2.6"))
    assert "kimi-k2.6 was not served at the last refresh" in text
    assert "as it is" not in text


def test_the_offline_kimi_stands_for_moonshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "http://127.0.0.1:9/v1")
    assert explain(input=request("kimi-k26"))
    monkeypatch.setenv(settings.SIMULATOR_KEY_VARIABLE, "sk-simulator")
    assert "did you mean kimi-k2.6" in explain(input=request("kimi-k26"), code=1)


@pytest.mark.parametrize("command", ["explain", "count"])
def test_a_prompt_for_such_a_model(command: str) -> None:
    for model, text in (
        ("kimi-k26", "did you mean kimi-k2.6?"),
        ("kimi-k2.5", "kimi-k2.5 was retired on 2026-08-31; use kimi-k3.1-pro"),
        ("no-such-model", "Unknown model: no-such-model"),
    ):
        result = run("kimi", command, "-m", model, "hi")
        assert result.exit_code == 1
        assert text in result.stderr


def test_an_id_cannot_write_to_the_terminal() -> None:
    assert "\x1b" not in explain(input=request("kimi-\x1b[2J"), code=1)


def test_every_retired_row_is_known_as_gone() -> None:
    assert {model.id for model in BY_ID.values() if model.status == "retired"} <= GONE.keys()
