"""``llm kimi count``: the very request that ``llm prompt`` would send, counted and not sent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llm_kimi.catalog import BY_ID
from llm_kimi.config import discovered_models
from llm_kimi.simulator import Simulator
from llm_kimi.simulator.http import chat_handler
from tests.support.llm_runs import PNG, ask, bodies, closed_clients, logged, process, run
from tests.support.real_files import AVIF, MP4, docx

__all__ = ["closed_clients"]

FUNCTION = 'def multiply(x: int, y: int) -> int:\n    "Multiply two numbers"\n    return x * y\n'
ESTIMATE = "/v1/tokenizers/estimate-token-count"


def count(*args: str, input: str | bytes | None = None) -> str:
    """The output of a run that succeeds and asks for nothing but a count."""
    result = run("kimi", "count", *args, input=input)
    assert result.exit_code == 0, (result.output, result.exception)
    assert result.stderr == ""
    return result.stdout


def as_json(*args: str, input: str | bytes | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(count("--json", *args, input=input))
    return found


def refuse(*args: str, code: int = 1) -> str:
    """The last line of a run that fails."""
    result = run("kimi", "count", *args)
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    line = result.stderr.splitlines()[-1]
    return line.removeprefix("Error: ")


def test_tokens_share_and_price(kimi: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_handler, "count_prompt", lambda *args: 26_214)
    text = count("hi", "-m", "kimi-k2.6")
    assert text.startswith("26,214 tokens\n  10.0% of the 262,144 tokens of kimi-k2.6\n")
    assert "$0.025 as input, $0.0042 if fully cached" in text
    assert "list price of https://api.moonshot.ai/v1" in " ".join(text.split())
    assert [record["path"] for record in kimi.requests] == [ESTIMATE]


def test_json_is_for_programs(kimi: Simulator) -> None:
    found = as_json("hi", "-m", "kimi-k2.6")
    assert found == {
        "model": "kimi-k2.6",
        "base_url": kimi.base_url,
        "tokens": 5,
        "context": 262_144,
        "share": pytest.approx(5 / 262_144, rel=0.1),
        "fits": True,
        "price": {
            "currency": "USD",
            "input": pytest.approx(5 * 0.95e-6),
            "cached_input": pytest.approx(5 * 0.16e-6),
        },
        "not_counted": None,
    }


def test_it_counts_the_very_messages_that_would_be_sent(kimi: Simulator, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("from a fragment")
    (tmp_path / "s.txt").write_text("for the system")
    (tmp_path / "p.png").write_bytes(PNG)
    args = ("-f", str(tmp_path / "a.txt"), "--sf", str(tmp_path / "s.txt"), "-s", "Be brief.")
    files = ("-a", str(tmp_path / "p.png"), "--at", str(tmp_path / "p.png"), "image/png")
    given = (*args, *files, "-o", "prefill", "Well", "and the prompt")
    count("-m", "kimi-k2.6", *given, input="piped")
    ask(*given, input="piped")
    counted, sent = bodies(kimi)
    assert counted == {"model": "kimi-k2.6", "messages": sent["messages"]}
    assert "piped and the prompt" in json.dumps(counted)


def test_stdin_may_be_an_attachment(kimi: Simulator) -> None:
    count("-m", "kimi-k2.6", "look", "-a", "-", input=PNG)
    parts = bodies(kimi)[-1]["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url"]


def test_tools_and_schema_are_sent_beside_and_told(kimi: Simulator) -> None:
    args = ("-m", "kimi-k2.6", "multiply", "-T", "llm_version", "--functions", FUNCTION)
    found = as_json(*args, "--schema", "name, age int")
    assert (found["not_counted"]["tools"], found["not_counted"]["schema"]) == (2, True)
    assert 50 < found["not_counted"]["about_tokens"] < 500
    assert "tools" not in bodies(kimi)[-1]
    text = " ".join(count(*args).split())
    assert "Kimi counts messages only: 2 tools add about" in text
    assert "the schema" not in text


def test_a_conversation_goes_with_its_history(kimi: Simulator) -> None:
    ask("first")
    before = logged()
    found = as_json("-c", "second")
    assert found["model"] == "kimi-k2.6"
    messages = bodies(kimi)[-1]["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert logged() == before


def test_templates_work(kimi: Simulator) -> None:
    run("-m", "kimi-k3", "-s", "Be brief.", "--save", "brief")
    assert as_json("-t", "brief", "hi")["model"] == "kimi-k3"
    assert bodies(kimi)[-1]["messages"][0] == {"role": "system", "content": "Be brief."}
    assert "nothing" in refuse("-t", "nothing", "hi")


def test_nothing_is_logged_or_printed_beside(kimi: Simulator) -> None:
    assert count("hi", "-o", "temperature", "0.2", "-m", "kimi-k2.6").count("\n") <= 5
    assert logged() == []


def test_the_model_is_the_default_one_if_it_is_ours(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert as_json("hi")["model"] == "kimi-k3.1-pro"
    run("models", "default", "kimi-k2.6")
    assert as_json("hi")["model"] == "kimi-k2.6"
    monkeypatch.setenv("LLM_MODEL", "kimi-k3")
    assert as_json("hi")["model"] == "kimi-k3"
    monkeypatch.setenv("LLM_MODEL", "gpt-4o-mini")
    assert as_json("hi")["model"] == "kimi-k3.1-pro"
    monkeypatch.setenv("LLM_MODEL", "no-such-model")
    assert as_json("hi")["model"] == "kimi-k3.1-pro"
    assert as_json("hi", "-m", "kimi")["model"] == "kimi-k3.1-pro"


def test_models_of_others_are_never_asked(kimi: Simulator) -> None:
    assert "gpt-4o-mini is not a Kimi model" in refuse("hi", "-m", "gpt-4o-mini")
    assert "Unknown model: nothing" in refuse("hi", "-m", "nothing")
    run("-m", "gpt-4o-mini", "-s", "Be brief.", "--save", "other")
    assert "gpt-4o-mini is not a Kimi model" in refuse("hi", "-t", "other")
    assert kimi.requests == []


def test_too_long_is_told_with_a_way_out(kimi: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_handler, "count_prompt", lambda *args: 300_000)
    text = count("hi", "-m", "kimi-k2.6")
    assert "Too long for kimi-k2.6" in text
    assert "kimi-k3.1-pro takes 1,048,576" in " ".join(text.split())
    assert as_json("hi", "-m", "kimi-k2.6")["fits"] is False
    monkeypatch.setattr(chat_handler, "count_prompt", lambda *args: 2_000_000)
    text = count("hi", "-m", "kimi-k2.6")
    assert "Too long" in text
    assert "takes" not in text


def test_a_model_without_a_price(monkeypatch: pytest.MonkeyPatch) -> None:
    new = replace(BY_ID["kimi-k3"], id="kimi-k9")
    with Simulator(extra_models=[new]) as simulator:
        monkeypatch.setenv("KIMI_BASE_URL", simulator.base_url)
        monkeypatch.setenv("MOONSHOT_API_KEY", simulator.key)
        discovered_models.save(simulator.base_url, [{"id": "kimi-k9"}], "2026-11-21T10:00:00Z")
        assert "price unknown" in count("hi", "-m", "kimi-k9")
        assert as_json("hi", "-m", "kimi-k9")["price"] is None


def test_errors_are_those_of_llm_prompt(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(AVIF)
    refused = refuse("hi", "-m", "kimi-k2.6", "--at", str(tmp_path / "a.png"), "image/png")
    assert "a.png is an AVIF image" in refused
    assert "no-such" in refuse("hi", "-m", "kimi-k2.6", "-f", "no-such")
    assert "No such option" in refuse("hi", "--no-log", code=2)
    monkeypatch.setenv("KIMI_STRICT", "1")
    assert "strict mode" in refuse("hi", "-m", "kimi-k2.6", "-o", "temperature", "0.2")
    assert kimi.requests == []


def test_files_are_counted_as_they_would_be_sent(kimi: Simulator, tmp_path: Path) -> None:
    """The text of a document, and an upload where the prompt itself would make one."""
    (tmp_path / "a.docx").write_bytes(docx("word " * 1000))
    (tmp_path / "a.mp4").write_bytes(MP4)
    files = [word for name in ("a.docx", "a.mp4") for word in ("-a", str(tmp_path / name))]
    found = as_json("hi", "-m", "kimi-k2.6", *files)
    assert found["tokens"] > 1000
    assert [file["purpose"] for file in kimi.files] == ["video"]
    assert "/v1/chat/completions" not in [record["path"] for record in kimi.requests]


@pytest.mark.parametrize(
    "answer", ["{}", '{"data": 7}', '{"data": {"total_tokens": "many"}}', "[]", "{", "<html>"]
)
def test_an_answer_without_a_count(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    def whole(self: chat_handler.Handler, body: object) -> bytes:
        return self._send(200, answer.encode(), "application/json", {})

    monkeypatch.setattr(chat_handler.Handler, "_estimate", whole)
    assert refuse("hi").startswith("200: ")


def test_as_a_real_command_with_a_pipe(kimi: Simulator) -> None:
    done = process("kimi", "count", "-m", "kimi-k2.6", "-s", "Summarise", input="text " * 1_000)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1,261 tokens\n")
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_help_shows_an_example_and_the_options_of_llm_prompt() -> None:
    text = run("kimi", "count", "--help").stdout
    assert 'cat book.txt | llm kimi count -s "Summarise"' in text
    for option in ("-s,", "-a,", "--at,", "-f,", "--sf,", "-T,", "--functions", "--schema", "-o,"):
        assert option in text
    assert "--async" not in text


def test_explain_takes_the_same_prompt_and_sends_nothing(kimi: Simulator) -> None:
    ask("first")
    sent = len(kimi.requests)
    args = ("-c", "second", "-o", "temperature", "0.2")
    result = run("kimi", "explain", "--json", *args)
    assert result.exit_code == 0, result.output
    assert len(kimi.requests) == sent
    body = json.loads(result.stdout)["body"]
    assert as_json(*args)["model"] == body["model"] == "kimi-k2.6"
    assert bodies(kimi)[-1]["messages"] == body["messages"]
    assert len(logged()) == 1
