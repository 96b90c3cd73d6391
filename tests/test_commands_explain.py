"""``llm kimi explain``: a request in, the body and the adjustments out, nothing sent."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from llm_kimi import translate
from llm_kimi.simulator import Simulator
from tests.llm_runs import process, run

REQUEST: dict[str, Any] = {
    "model": "kimi-k2.6",
    "messages": [{"role": "user", "content": "hi"}],
    "temperature": 0.2,
    "max_tokens": 100,
}
TEXT = json.dumps(REQUEST)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*args: object) -> None:
        raise AssertionError("something was sent")

    monkeypatch.setattr(socket.socket, "connect", no)


def explain(*args: str, input: str | bytes | None = TEXT) -> str:
    """The output of a run that succeeds."""
    result = run("kimi", "explain", *args, input=input)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


def refuse(*args: str, input: str | bytes | None = TEXT, code: int = 1) -> str:
    """The last line of a run that fails."""
    result = run("kimi", "explain", *args, input=input)
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    line = result.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


def test_body_and_adjustments_are_shown() -> None:
    text = explain()
    body, _, rest = text.partition("\n\n")
    assert json.loads(body) == translate(REQUEST).body
    assert "2 adjustments, 1 of which changes the meaning" in rest
    assert "! temperature: 0.2 -> 1.0" in rest
    assert "- max_tokens: 100 -> " in rest
    assert "kimi-k2.6 fixes it while thinking" in rest
    assert "https://platform.kimi.ai/docs/" in rest


def test_a_dash_a_pipe_and_a_file_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text(TEXT)
    assert explain() == explain("-") == explain(str(path), input=None)


def test_json_is_for_programs() -> None:
    found = json.loads(explain("--json"))
    translation = translate(REQUEST)
    assert found["body"] == translation.body
    assert found["adjustments"] == [item.to_dict() for item in translation.adjustments]
    assert (found["requests"], found["nudge"], found["needs"]) == (1, False, [])


def test_json_tells_of_several_requests_nudges_and_needs() -> None:
    request = {
        **REQUEST,
        "n": 3,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "tool_choice": "required",
        "messages": [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}],
            }
        ],
    }
    found = json.loads(explain("--json", input=json.dumps(request)))
    assert (found["requests"], found["nudge"]) == (3, True)
    assert found["needs"] == [{"kind": "image_url", "param": "messages[0].content[0]"}]
    shown = explain(input=json.dumps(request))
    assert "+ messages[0].content[0]: fetched when it is sent" in shown


def test_nothing_to_adjust() -> None:
    plain = {"model": "kimi-k2.6", "messages": REQUEST["messages"]}
    assert "Nothing is adjusted" in explain(input=json.dumps(plain))


def test_only_harmless_adjustments_are_counted_in_words() -> None:
    request = {"model": "kimi-k2.6", "messages": REQUEST["messages"], "max_tokens": 5}
    assert "1 adjustment, the meaning stays the same" in explain(input=json.dumps(request))


def test_strict_lists_what_would_change() -> None:
    assert "temperature 0.2 -> 1.0" in refuse("--strict")
    assert "max_tokens" not in refuse("--strict")
    assert "Error" not in explain(
        "--strict",
        input='{"model":"kimi-k3","messages":[]}'.replace("[]", json.dumps(REQUEST["messages"])),
    )


def test_another_model_can_be_tried() -> None:
    assert json.loads(explain("-m", "kimi-k3", "--json"))["body"]["model"] == "kimi-k3"
    request = {**REQUEST, "model": "gpt-5"}
    assert "-m kimi-k2.6 explains the request for that model" in refuse(input=json.dumps(request))
    assert explain("-m", "kimi-k2.6", input=json.dumps(request))
    assert "explains" not in refuse("-m", "gpt-5")


def test_tool_choice_fallback() -> None:
    request = {
        **REQUEST,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "tool_choice": "required",
    }
    text = json.dumps(request)
    body = json.loads(explain("--json", "--tool-choice-fallback", "disable_thinking", input=text))
    assert body["body"]["thinking"] == {"type": "disabled"}
    assert "tool_choice" in refuse("--tool-choice-fallback", "error", input=text)
    assert "beg" in refuse("--tool-choice-fallback", "beg", input=text, code=2)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("", "the input is empty"),
        ("{", "the input is no JSON"),
        ("[]", "the input must hold a JSON object"),
        ('"x"', "the input must hold a JSON object"),
        ("null", "the input must hold a JSON object"),
        ("{}", "model: must be the id of a Kimi model"),
        ('{"model": "kimi-k2.6"}', "messages: must be a list"),
        ('{"model": "kimi-k2.6", "messages": []}', "messages: must not be empty"),
        ("[" * 100_000, "the input is nested too deeply"),
        (b"\xff\xfe{}", "the input is no JSON"),
    ],
)
def test_bad_input_is_one_line(given: str | bytes, text: str) -> None:
    assert text in refuse(input=given)


def test_a_missing_file_and_a_bad_one(tmp_path: Path) -> None:
    assert "nothing.json" in refuse("nothing.json", code=2)
    path = tmp_path / "bad.json"
    path.write_text("{")
    assert refuse(str(path)).startswith(f"{path} is no JSON")
    assert "directory" in refuse(str(tmp_path), code=2).lower()


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text("\ufeff" + TEXT, encoding="utf-8")
    assert explain(str(path)) == explain()


def test_letters_of_every_script_stay_readable() -> None:
    text = TEXT.replace('"hi"', '"日本 🙂"')
    assert "日本 🙂" in explain(input=text)


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_half_a_surrogate_pair_is_no_crash(flags: tuple[str, ...]) -> None:
    request = TEXT.replace('"hi"', r'"\ud800"')
    assert "\\ud800" in explain(*flags, input=request)  # among the adjustments


def test_colours_only_on_a_terminal() -> None:
    assert "\x1b[" not in explain()


@pytest.mark.skipif(os.name == "nt", reason="ptys")
def test_at_a_terminal_it_says_what_it_wants() -> None:
    import pty
    import subprocess

    leader, follower = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "llm", "kimi", "explain"],
        stdin=follower,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    os.close(leader)
    os.close(follower)
    assert done.returncode == 2
    assert "give a FILE, or pipe a request in" in done.stderr


def test_as_a_real_command(simulator: Simulator) -> None:
    done = process("kimi", "explain", "--json", input=TEXT, KIMI_BASE_URL=simulator.base_url)
    assert done.returncode == 0
    assert json.loads(done.stdout)["body"]["model"] == "kimi-k2.6"
    assert simulator.requests == []


def test_help_shows_an_example() -> None:
    text = run("kimi", "explain", "--help").stdout
    assert "| llm kimi explain" in text
    assert "nothing is sent" in " ".join(text.split())
