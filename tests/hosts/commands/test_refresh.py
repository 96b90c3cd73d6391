"""``llm kimi refresh``: the host's models become usable, per base URL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import llm
import pytest

from llm_kimi.catalog import BY_ID, FLAGSHIP, live_models
from llm_kimi.config import discovered_models
from llm_kimi.simulator import Simulator
from tests.support.llm_runs import ask, bodies, closed_clients, fail, process, run, told

__all__ = ["closed_clients"]

K9 = replace(BY_ID[FLAGSHIP], id="kimi-k9", context=200_000, modalities=("text", "image"))
OTHER = replace(BY_ID[FLAGSHIP], id="gpt-4o")


@pytest.fixture
def kimi(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """An offline Kimi with a model that nobody here knows, and one of another maker."""
    with Simulator(extra_models=[K9, OTHER]) as simulator:
        monkeypatch.setenv("KIMI_BASE_URL", simulator.base_url)
        monkeypatch.setenv("MOONSHOT_API_KEY", simulator.key)
        yield simulator


def refresh(*args: str) -> str:
    """The output of a run that succeeds."""
    result = run("kimi", "refresh", *args)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


def as_json() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(refresh("--json"))
    return found


def test_what_is_new_is_told_and_works_at_once(kimi: Simulator) -> None:
    assert "Unknown model: kimi-k9" in fail("hi", model="kimi-k9")
    text = refresh()
    count = len(live_models()) + 1
    assert f"{kimi.base_url} serves {count} Kimi models, and 1 of other makers" in text
    assert "new: kimi-k9 (200,000 tokens, images, no videos, thinking)" in text
    assert "llm -m kimi-k9 hi" in text
    assert "You said: hi" in ask("hi", model="kimi-k9").stdout
    assert "You said: hi" in ask("hi", model="kimi/kimi-k9").stdout
    assert bodies(kimi)[-1]["model"] == "kimi-k9"
    assert "Kimi: kimi-k9" in run("models").stdout
    assert "gpt-4o" not in [m.model_id for m in llm.get_models() if "Kimi" in str(m)]


def test_stated_capabilities_hold(kimi: Simulator) -> None:
    refresh()
    assert "video/mp4" not in llm.get_model("kimi-k9").attachment_types
    assert "image/png" in llm.get_async_model("kimi-k9").attachment_types
    result = ask("-o", "max_tokens", "500000", "hi", model="kimi-k9")
    assert "share the 200,000 tokens of kimi-k9" in told(result)[0]


def test_a_second_time_nothing_is_new(kimi: Simulator) -> None:
    refresh()
    text = refresh()
    assert "no models were added or removed" in text
    assert "llm -m kimi-k9 hi" in text


def test_what_is_gone_is_told(kimi: Simulator) -> None:
    refresh()
    kimi.extra_models.clear()
    found = as_json()
    assert (found["gone"], found["new"], found["learned"]) == (["kimi-k9"], [], [])
    assert "Unknown model: kimi-k9" in run("-m", "kimi-k9", "hi").stderr


def test_json_is_for_programs(kimi: Simulator) -> None:
    found = as_json()
    assert found["base_url"] == kimi.base_url
    assert [row["id"] for row in found["new"]] == found["learned"] == ["kimi-k9"]
    assert found["new"][0]["supports_video_in"] is False
    assert found["served"] == [*(row.id for row in live_models()), "kimi-k9"]
    assert (found["not_served"], found["different"], found["other_makers"]) == ([], [], 1)
    assert found["file"] == str(discovered_models.path())
    assert found["refreshed"].endswith("Z")


def test_what_differs_from_the_catalog_and_what_is_missing(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [replace(BY_ID["kimi-k2.6"], context=131_072)]
    monkeypatch.setattr(kimi, "models", lambda: rows)
    text = refresh()
    assert "differs: kimi-k2.6: a context of 131,072, 262,144 in the catalog" in text
    assert "not served: kimi-k3, which the open platform has" in text


def test_relays_write_ids_in_their_own_way(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [replace(row, id=f"moonshotai/{row.id.title()}") for row in live_models()]
    monkeypatch.setattr(kimi, "models", lambda: rows)
    found = as_json()
    assert found["not_served"] == []
    assert "moonshotai/Kimi-K2.6" in found["learned"]
    assert llm.get_model("moonshotai/Kimi-K2.6").row.family == "k2.6"  # type: ignore[attr-defined]


def test_each_base_url_has_its_own(kimi: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    refresh()
    with Simulator() as other:
        monkeypatch.setenv("KIMI_BASE_URL", other.base_url)
        assert as_json()["learned"] == []
        with pytest.raises(llm.UnknownModelError):
            llm.get_model("kimi-k9")
    monkeypatch.setenv("KIMI_BASE_URL", kimi.base_url)
    assert llm.get_model("kimi-k9").model_id == "kimi-k9"


@pytest.mark.parametrize(
    ("row", "thinks"), [(K9, True), (replace(K9, thinking=BY_ID["moonshot-v1-8k"].thinking), False)]
)
def test_options_fit_the_model(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, row: Any, thinks: bool
) -> None:
    monkeypatch.setattr(kimi, "models", lambda: [row])
    refresh()
    options = llm.get_model("kimi-k9").Options.model_fields
    assert ("low, high, max" in (options["reasoning_effort"].description or "")) is thinks


def test_a_broken_file_is_told_once_and_written_anew(kimi: Simulator) -> None:
    discovered_models.path().write_text("{")
    line = "kimi: kimi-models.json cannot be read"
    assert ask("hi").stderr.count(line) == 1
    assert run("models").stderr == run("--version").stderr == ""
    assert as_json()["previous_file_broken"] is True
    assert line not in ask("hi").stderr


def test_a_file_that_cannot_be_written(kimi: Simulator) -> None:
    discovered_models.path().mkdir()
    result = run("kimi", "refresh")
    assert result.exit_code == 1
    assert result.stderr == f"Error: cannot write {discovered_models.path()}: Is a directory\n"
    assert not list(discovered_models.path().parent.glob(".kimi*"))


@pytest.mark.parametrize(
    "answer",
    ["{}", '{"data": 7}', '{"data": []}', '{"data": [{"name": "x"}]}', "[]", "{", "<html>"],
)
def test_an_answer_that_lists_nothing_changes_nothing(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    refresh()
    before = discovered_models.path().read_bytes()
    from llm_kimi.simulator.http.chat_handler import Handler

    def whole(self: Handler, body: object) -> bytes:
        return self._send(200, answer.encode(), "application/json", {})

    monkeypatch.setattr(Handler, "_models", whole)
    result = run("kimi", "refresh")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert f"Is there a Kimi API at {kimi.base_url}?" in result.stderr
    assert discovered_models.path().read_bytes() == before


def test_as_a_real_command(kimi: Simulator) -> None:
    assert process("kimi", "refresh").returncode == 0
    done = process("-m", "kimi-k9", "hi")
    assert done.returncode == 0, done.stderr
    assert "You said: hi" in done.stdout


def test_help_shows_an_example() -> None:
    assert "llm -m kimi-k4 hi" in run("kimi", "refresh", "--help").stdout
