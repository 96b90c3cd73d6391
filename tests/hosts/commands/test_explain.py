"""``llm kimi explain``: a request in, the body and the adjustments out, nothing sent."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from llm_kimi import translate
from llm_kimi.simulator import Simulator
from tests.support.llm_runs import PNG, process, run
from tests.support.warm import warm

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
    assert "-m kimi-k3.1-pro explains the request for that model" in refuse(
        input=json.dumps(request)
    )
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
        ("{", "the input is not valid JSON"),
        ("[]", "the input must contain a JSON object"),
        ('"x"', "the input must contain a JSON object"),
        ("null", "the input must contain a JSON object"),
        ("{}", "model: must be the id of a Kimi model"),
        ('{"model": "kimi-k2.6"}', "messages: must be a list"),
        ('{"model": "kimi-k2.6", "messages": []}', "messages: must not be empty"),
        ("[" * 100_000, "the input is nested too deeply"),
        (b"\xff\xfe{}", "the input is not valid JSON"),
    ],
)
def test_bad_input_is_one_line(given: str | bytes, text: str) -> None:
    assert text in refuse(input=given)


def test_a_missing_file_and_a_bad_one(tmp_path: Path) -> None:
    assert "nothing.json" in refuse("nothing.json", code=2)
    path = tmp_path / "bad.json"
    path.write_text("{")
    assert refuse(str(path)).startswith(f"{path} is not valid JSON")
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
        [*warm(), "llm", "kimi", "explain"],
        stdin=follower,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    os.close(leader)
    os.close(follower)
    assert done.returncode == 2
    assert "give a PROMPT or a FILE, or pipe a request in" in done.stderr


def test_as_a_real_command(simulator: Simulator) -> None:
    done = process("kimi", "explain", "--json", input=TEXT, KIMI_BASE_URL=simulator.base_url)
    assert done.returncode == 0
    assert json.loads(done.stdout)["body"]["model"] == "kimi-k2.6"
    assert simulator.requests == []


def test_help_shows_an_example() -> None:
    text = run("kimi", "explain", "--help").stdout
    assert "| llm kimi explain" in text
    assert "Nothing is sent" in " ".join(text.split())


def prompt(*args: str, input: str | bytes = "") -> dict[str, Any]:
    """The request of a prompt, as JSON."""
    found: dict[str, Any] = json.loads(explain("--json", *args, input=input))
    return found


def test_a_prompt_is_explained_as_it_would_be_sent(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("from a fragment")
    args = ("-m", "kimi-k2.6", "-o", "temperature", "0.2", "-s", "Be brief.")
    more = ("--schema", "name, age int", "-T", "llm_version", "-f", str(tmp_path / "a.txt"))
    found = prompt(*args, *more, "Ten names", input="piped")
    body = found["body"]
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert body["messages"][1]["content"] == "from a fragment\npiped Ten names"
    assert body["response_format"]["type"] == "json_schema"
    assert [tool["function"]["name"] for tool in body["tools"]] == ["llm_version"]
    assert body["stream"] is True
    adjusted = {item["param"]: item["sent"] for item in found["adjustments"]}
    assert adjusted["temperature"] == 1.0
    shown = explain(*args, "Ten names", input="")
    assert "! temperature: 0.2 -> 1.0" in shown


def test_a_prompt_needs_no_key_and_is_not_logged() -> None:
    text = explain("Ten names for a pet pelican", input="")
    assert '"model": "kimi-k3.1-pro"' in text
    assert "sk-" not in text
    assert run("logs", "--json").stdout.strip() in ("", "[]")


def test_options_make_a_prompt_of_what_is_piped() -> None:
    assert prompt("-s", "Summarise", input="a book")["body"]["messages"][-1]["content"] == "a book"
    # Without them it is a request, with or without another model.
    assert prompt("-m", "kimi-k3", input=TEXT)["body"]["messages"] == REQUEST["messages"]


def test_attached_files_are_named_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(PNG)
    path = str(tmp_path / "p.png")
    found = prompt("look", "-a", path)
    part = found["body"]["messages"][0]["content"][1]
    assert part["file"] == {"name": "p.png", "read_from": path}
    assert found["needs"] == [{"kind": "file", "param": "messages[0].content[1]"}]
    assert "+ messages[0].content[1]: read when it is sent" in explain("look", "-a", path, input="")
    out = str(tmp_path / "out.json")
    assert "messages[0].content[1]: " in refuse("look", "-a", path, "--out", out, input="")
    assert not Path(out).exists()


def test_templates_and_conversations() -> None:
    run("-m", "kimi-k3", "-s", "Be brief.", "-o", "temperature", "0.2", "--save", "brief")
    found = prompt("-t", "brief", "hi")
    assert found["body"]["model"] == "kimi-k3"
    assert [item["param"] for item in found["adjustments"]] == ["temperature"]
    assert "nothing" in refuse("-t", "nothing", "hi", input="")


def test_strict_and_the_fallback_hold_for_prompts() -> None:
    args = ("-m", "kimi-k2.6", "-o", "temperature", "0.2", "hi")
    assert "temperature 0.2 -> 1.0" in refuse("--strict", *args, input="")
    forced = ("-m", "kimi-k2.6", "-T", "llm_version", "-o", "tool_choice", "required", "hi")
    assert prompt(*forced)["nudge"] is True
    found = prompt("--tool-choice-fallback", "disable_thinking", *forced)
    assert found["body"]["thinking"] == {"type": "disabled"}
    own = ("-o", "tool_choice_fallback", "nudge")  # the option of the prompt wins
    assert prompt("--tool-choice-fallback", "error", *own, *forced)["nudge"] is True


def test_a_prompt_can_be_written_as_a_request(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    explain("-m", "kimi-k3", "hi", "--out", str(out), input="")
    assert json.loads(out.read_text())["messages"] == REQUEST["messages"]
    assert json.loads(explain("-m", "kimi-k3", "hi", "--out", "-", input=""))["model"] == "kimi-k3"


def test_files_and_prompts_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "request").write_text(TEXT)
    assert '"max_completion_tokens": 100' in explain("request", input=None)
    assert '"content": "question"' in explain("question", input="")
    assert '"content": "and/or what"' in explain("and/or what", input="")
    for missing in ("requests.json", "a/b", "x.JSONL"):
        assert "No such file" in refuse(missing, input="", code=2)
    text = refuse("request", "-o", "temperature", "1", input="", code=2)
    assert "request is a file" in text
    assert "-f request" in text
    assert "--jsonl is for a FILE" in refuse("--jsonl", "a question", input="", code=2)


def test_models_of_others_are_not_for_prompts() -> None:
    assert "gpt-4o-mini is not a Kimi model" in refuse("hi", "-m", "gpt-4o-mini", input="")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temperature": 0.2}, "1 adjustment, which changes the meaning"),
        ({"temperature": 0.2, "seed": 1}, "2 adjustments, all of which change the meaning"),
    ],
)
def test_the_headline_is_english(options: dict[str, Any], words: str) -> None:
    request = {"model": "kimi-k2.6", "messages": REQUEST["messages"], **options}
    assert words in explain(input=json.dumps(request))
