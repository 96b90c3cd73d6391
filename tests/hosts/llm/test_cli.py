"""``llm -m kimi-k2.6 ...`` as people type it: answers, models, keys, templates, logs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from llm_kimi.catalog import FLAGSHIP, live_models
from llm_kimi.simulator import Simulator
from tests.support.llm_runs import (
    ask,
    bodies,
    fail,
    logged,
    messages,
    process,
    roles,
    run,
    start,
    told,
)
from tests.support.llm_runs import closed_clients as closed_clients

LIVE = [model.id for model in live_models()]
SCRIPT = "reason: let me think\nsay: forty-two"


def test_the_answer_goes_to_stdout_and_the_reasoning_to_stderr(kimi: Simulator) -> None:
    done = process("-m", "kimi-k2.6", SCRIPT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "forty-two\n", "let me think\n")


def test_the_answer_is_shown_while_it_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator(chunk_delay=0.05) as slow:
        monkeypatch.setenv("KIMI_BASE_URL", slow.base_url)
        monkeypatch.setenv("MOONSHOT_API_KEY", slow.key)
        with start("-m", "kimi-k2.6", "repeat: 100 word") as running:
            assert running.stdout is not None
            assert running.stdout.read(4) == b"word"
            assert running.poll() is None
            running.kill()


@pytest.mark.parametrize("model", LIVE)
def test_every_live_model_answers(kimi: Simulator, model: str) -> None:
    assert ask("hi", model=model).stdout == "[offline Kimi] You said: hi\n"
    assert bodies(kimi)[0]["model"] == model


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("kimi", FLAGSHIP),
        ("kimi/kimi-k2.6", "kimi-k2.6"),
        ("moonshot/kimi-k3", "kimi-k3"),
    ],
)
def test_aliases(kimi: Simulator, name: str, model: str) -> None:
    ask("hi", model=name)
    assert bodies(kimi)[0]["model"] == model


def test_a_model_can_be_searched_for(kimi: Simulator) -> None:
    assert run("-q", "k2.6", "hi").exit_code == 0
    assert run("-q", "k2.7", "hi").exit_code == 0
    assert [body["model"] for body in bodies(kimi)] == ["kimi-k2.6", "kimi-k2.7-code"]


def test_a_model_can_be_the_default_or_get_an_alias(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("models", "default", "kimi-k3").exit_code == 0
    assert run("aliases", "set", "mine", "kimi-k2.7-code").exit_code == 0
    assert run("hi").exit_code == 0
    ask("hi", model="mine")
    monkeypatch.setenv("LLM_MODEL", "kimi-k2.6")
    assert run("hi").exit_code == 0
    assert [body["model"] for body in bodies(kimi)] == ["kimi-k3", "kimi-k2.7-code", "kimi-k2.6"]


def test_the_prompt_may_come_from_a_pipe(kimi: Simulator) -> None:
    assert ask(input="from a pipe").stdout == "[offline Kimi] You said: from a pipe\n"
    ask("say it", input="piped text")
    assert messages(kimi)[0]["content"].split() == ["piped", "text", "say", "it"]


def test_no_stream_prints_the_answer_alone_and_logs_the_reasoning(kimi: Simulator) -> None:
    result = ask("--no-stream", SCRIPT)
    assert (result.stdout, result.stderr) == ("forty-two\n", "")
    assert bodies(kimi)[0]["stream"] is True  # long thinking would time out otherwise
    assert logged()[0]["reasoning"] == "let me think"


def test_extract(kimi: Simulator) -> None:
    script = "say: first\nsay: ```python\nsay: one\nsay: ```\nsay: ```\nsay: two\nsay: ```"
    assert ask("-x", script).stdout == "one\n\n"
    assert ask("--xl", script).stdout == "two\n\n"


def test_json_holds_the_whole_response(kimi: Simulator) -> None:
    row = json.loads(ask("--json", SCRIPT).stdout)[0]
    assert row["model"] == "kimi-k2.6"
    assert row["response"] == "forty-two"
    message = row["response_json"]["choices"][0]["message"]
    assert message == {
        "role": "assistant",
        "content": "forty-two",
        "reasoning_content": "let me think",
    }


def test_no_log_logs_nothing(kimi: Simulator) -> None:
    ask("-n", "hi")
    assert run("logs", "--json").stdout.strip() in ("[]", "")


def test_logs_know_the_resolved_model_usage_and_reasoning(kimi: Simulator) -> None:
    ask(SCRIPT, model="kimi/kimi-k2.6")
    row = logged()[0]
    assert row["resolved_model"] == "kimi-k2.6"
    assert row["input_tokens"] > 0
    assert row["output_tokens"] > 0
    assert row["reasoning"] == "let me think"
    text = run("logs", "-n", "1").stdout
    assert "## Reasoning" in text
    assert "let me think" in text
    assert run("logs", "-r").stdout == "forty-two\n"
    assert "forty-two" in run("logs", "-s").stdout
    assert "Token usage" in run("logs", "-u", "-n", "1").stdout


def test_usage_is_shown_with_cached_tokens(kimi: Simulator) -> None:
    long = "tell me " * 300
    first = ask("-u", long)
    assert "Token usage: " in first.stderr
    assert "cached_tokens" not in first.stderr
    second = ask("-u", "-c", "more")
    usage = kimi.requests[-1]["usage"]
    assert usage["cached_tokens"] > 0
    assert f"{usage['prompt_tokens']:,} input, {usage['completion_tokens']:,} output" in (
        second.stderr
    )
    assert f'"cached_tokens": {usage["cached_tokens"]}' in second.stderr


@pytest.mark.parametrize("place", ["choice", "both"])
def test_usage_is_found_at_both_places_and_counted_once(kimi: Simulator, place: str) -> None:
    result = ask("-u", f"say: hello\nusage: {place}")
    usage = kimi.requests[0]["usage"]
    assert f"{usage['prompt_tokens']} input, {usage['completion_tokens']} output" in result.stderr


def test_an_answer_without_usage(kimi: Simulator) -> None:
    result = ask("-u", "say: hello\nusage: none")
    assert result.stdout == "hello\n"
    assert logged()[0]["input_tokens"] is None


def test_template_with_model_system_and_options(kimi: Simulator) -> None:
    saved = run("-m", "kimi-k2.6", "-s", "Be brief", "-o", "max_tokens", "99", "--save", "brief")
    assert saved.exit_code == 0
    assert run("-t", "brief", "hi").exit_code == 0
    body = bodies(kimi)[0]
    assert body["max_completion_tokens"] == 99
    assert body["messages"][0] == {"role": "system", "content": "Be brief"}


def test_template_with_input(kimi: Simulator) -> None:
    assert run("-m", "kimi-k2.6", "--save", "upper", "Upper-case: $input").exit_code == 0
    assert run("-t", "upper", input="abc").exit_code == 0
    assert messages(kimi)[0]["content"] == "Upper-case: abc"


def test_fragments(kimi: Simulator, tmp_path: Path) -> None:
    page = tmp_path / "page.txt"
    page.write_text("a page")
    rules = tmp_path / "rules.txt"
    rules.write_text("the rules")
    ask("-f", str(page), "--sf", str(rules), "what is it?")
    assert roles(kimi) == ["system", "user"]
    assert messages(kimi)[0]["content"] == "the rules"
    assert messages(kimi)[1]["content"] == "a page\nwhat is it?"


def test_async_says_the_same(kimi: Simulator) -> None:
    result = ask("--async", SCRIPT)
    assert (result.stdout, result.stderr) == ("forty-two\n", "let me think\n")
    assert ask("--async", "--no-stream", SCRIPT).stdout == "forty-two\n"
    assert [row["reasoning"] for row in logged()] == ["let me think"] * 2


def test_chat_keeps_reasoning_and_sends_it_back(kimi: Simulator) -> None:
    result = run("chat", "-m", "kimi-k2.6", input=f"!multi\n{SCRIPT}\n!end\nand now?\nexit\n")
    assert result.exit_code == 0, result.output
    assert "forty-two" in result.stdout
    assert "let me think" in result.stderr
    assert messages(kimi)[1] == {
        "role": "assistant",
        "content": "forty-two",
        "reasoning_content": "let me think",
    }
    keys = {body["prompt_cache_key"] for body in bodies(kimi)}
    assert len(keys) == 1


def test_chat_with_options_tools_and_hidden_reasoning(kimi: Simulator) -> None:
    result = run(
        *("chat", "-m", "kimi-k2.6", "-R", "-o", "max_tokens", "500", "-T", "llm_version"),
        input="llm_version please\nexit\n",
    )
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert "The tool returned: " in result.stdout
    assert [body["max_completion_tokens"] for body in bodies(kimi)] == [500, 500]


BUFFERED, UNBUFFERED = "buffered", "unbuffered"
"""Stdout: Python has two ways to meet a broken pipe."""


@pytest.mark.skipif(os.name == "nt", reason="pipes")
@pytest.mark.parametrize(
    ("extra", "buffering"), [((), BUFFERED), ((), UNBUFFERED), (("--async",), BUFFERED)]
)
def test_a_reader_that_goes_away_ends_it_quietly(
    monkeypatch: pytest.MonkeyPatch, extra: tuple[str, ...], buffering: str
) -> None:
    """``llm ... | head -1``"""
    if buffering == UNBUFFERED:
        monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    with Simulator(chunk_delay=0.002) as slow:
        monkeypatch.setenv("KIMI_BASE_URL", slow.base_url)
        monkeypatch.setenv("MOONSHOT_API_KEY", slow.key)
        with start("-m", "kimi-k2.6", "-R", "repeat: 9000 word", *extra) as running:
            assert running.stdout is not None
            assert running.stderr is not None
            running.stdout.read(4)
            running.stdout.close()
            stderr = running.stderr.read().decode()
        assert (running.returncode, stderr) == (1, "")
        _wait_until_closed_early(slow)


@pytest.mark.skipif(os.name == "nt", reason="pipes")
@pytest.mark.parametrize(
    ("args", "buffering"),
    [
        (("-m", "kimi-k2.6", "-R", "say: hi"), BUFFERED),
        (("-m", "kimi-k2.6", "-R", "say: hi"), UNBUFFERED),
        (("-m", "kimi-k2.6", "--no-stream", "say: hi"), BUFFERED),
        (("-m", "kimi-k2.6", "--no-stream", "repeat: 9000 word"), UNBUFFERED),
        (("-m", "kimi-k2.6", "-R", "--async", "say: hi"), UNBUFFERED),
        (("kimi", "models"), BUFFERED),
        (("kimi", "models", "--json"), UNBUFFERED),
    ],
)
def test_nobody_reads_at_all(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], buffering: str
) -> None:
    if buffering == UNBUFFERED:
        monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    reading, writing = os.pipe()
    os.close(reading)
    with start(*args, stdout=writing) as running:
        os.close(writing)
        assert running.stderr is not None
        stderr = running.stderr.read().decode()
    assert (running.returncode, stderr) == (1, "")


def test_an_error_is_shown_although_a_broken_pipe_is_not(kimi: Simulator) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with start("-m", "kimi-k2.6", "fault: 400 no", stdout=writing) as running:
        os.close(writing)
        assert running.stderr is not None
        assert running.stderr.read().decode().startswith("Error: 400")
    assert running.returncode == 1


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_ends_the_answer_and_the_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator(chunk_delay=0.02) as slow:
        monkeypatch.setenv("KIMI_BASE_URL", slow.base_url)
        monkeypatch.setenv("MOONSHOT_API_KEY", slow.key)
        with start("-m", "kimi-k2.6", "-R", "repeat: 2000 word") as running:
            assert running.stdout is not None
            assert running.stderr is not None
            running.stdout.read(4)
            running.send_signal(signal.SIGINT)
            stderr = running.stderr.read().decode()
        assert running.returncode == 1
        assert stderr.strip() == "Aborted!"
        _wait_until_closed_early(slow)


def _wait_until_closed_early(simulator: Simulator) -> None:
    deadline = time.monotonic() + 30
    while not simulator.requests[0]["closed_early"]:
        assert time.monotonic() < deadline, "the server went on generating"
        time.sleep(0.02)


def test_literal_key_and_stored_key(kimi: Simulator) -> None:
    kimi.keys = frozenset({"sk-literal", "sk-stored"})
    assert run("keys", "set", "work", "--value", "sk-stored").exit_code == 0
    ask("hi", "--key", "sk-literal")
    ask("hi", "--key", "work")
    assert "401" in fail("hi", "--key", "sk-other")


def test_no_key_says_where_to_put_one(kimi: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOONSHOT_API_KEY")
    for extra in ((), ("--async",), ("--no-stream",)):
        text = fail("hi", *extra)
        for word in ("llm keys set kimi", "MOONSHOT_API_KEY", "llm kimi simulate -- "):
            assert word in text
    chat = run("chat", "-m", "kimi-k2.6", input="hi\n")
    assert chat.exit_code == 1
    assert chat.stderr.startswith("Error: No key for Kimi")
    assert kimi.requests == []


def test_a_bad_base_url_names_its_variable(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "localhost:8000")
    assert fail("hi").startswith("KIMI_BASE_URL: must be a URL such as https://api.moonshot.ai/v1")


def test_an_adjustment_is_told_in_one_line(kimi: Simulator) -> None:
    done = process("-m", "kimi-k2.6", "-R", "-o", "temperature", "0.2", "hi")
    assert done.stdout == "[offline Kimi] You said: hi\n"
    assert done.stderr == "kimi: temperature 0.2 -> 1.0 (kimi-k2.6 fixes it while thinking)\n"


def test_an_adjustment_is_told_once_a_command_even_in_a_tool_chain(kimi: Simulator) -> None:
    result = ask("-o", "temperature", "0.2", "-T", "llm_version", "llm_version")
    assert len(bodies(kimi)) == 2
    assert told(result) == ["kimi: temperature 0.2 -> 1.0 (kimi-k2.6 fixes it while thinking)"]


def test_the_pinned_value_itself_is_not_told(kimi: Simulator) -> None:
    result = ask("-R", "-o", "temperature", "1", "-o", "top_p", "0.95", "hi")
    assert result.stderr == ""
    assert "temperature" not in bodies(kimi)[0]


@pytest.mark.parametrize("how", ["variable", "option"])
def test_strict_refuses_before_sending(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    option: tuple[str, ...] = ()
    if how == "variable":
        monkeypatch.setenv("KIMI_STRICT", "1")
    else:
        option = ("-o", "strict", "1")
    text = fail("hi", "-o", "temperature", "0.2", "-o", "seed", "4", *option)
    assert "temperature 0.2 -> 1.0" in text
    assert "seed 4 -> left out" in text
    assert kimi.requests == []
    ask("hi", *option)
    assert len(kimi.requests) == 1


def test_the_option_overrides_the_variable(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_STRICT", "1")
    assert len(told(ask("hi", "-o", "temperature", "0.2", "-o", "strict", "0"))) == 1


def test_strict_leaves_ordinary_use_alone(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KIMI_STRICT", "1")
    function = 'def add(a: int, b: int = 2) -> int:\n    "Add"\n    return a + b\n'
    ask("-s", "Be brief", 'call: add {"a": 1}', "--functions", function)
    ask("-c", "and now?")
    ask("--schema", "name, age int: in years", "someone of 7")


def test_an_answer_cut_by_the_token_limit_says_so(kimi: Simulator) -> None:
    result = ask("reason: x\nrepeat: 50 word", "-o", "max_tokens", "10")
    assert result.stdout.startswith("word word")
    assert result.stderr == (
        "x\n\nkimi: the answer was cut off by the token limit: raise it with -o max_tokens N\n"
    )
    assert logged()[0]["response"].startswith("word word")


def test_an_answer_cut_by_the_filter_says_so(kimi: Simulator) -> None:
    result = ask("say: so far\nfinish: content_filter", "-R")
    assert told(result) == ["kimi: the answer was cut off by Moonshot's content filter"]


@pytest.mark.parametrize("extra", [(), ("--no-stream",), ("--async",), ("-R",)])
def test_an_empty_answer_names_max_tokens(kimi: Simulator, extra: tuple[str, ...]) -> None:
    text = fail("hi", "-o", "max_tokens", "2", *extra)
    assert "the token limit was reached before the answer began, while thinking" in text
    assert "-o max_tokens N" in text


def test_an_error_after_reasoning_begins_a_line_of_its_own(kimi: Simulator) -> None:
    done = process("-m", "kimi-k2.6", "-o", "max_tokens", "2", "hi")
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Error: the token limit")
    assert done.stdout == ""


def test_an_error_after_text_begins_a_line_of_its_own(kimi: Simulator) -> None:
    script = "say: one two three four\nfault: cut after=12"
    result = run("-m", "kimi-k2.6", "-R", script)
    assert result.exit_code == 1
    assert "\nError: the connection to " in result.output
    alone = process("-m", "kimi-k2.6", "-R", script.replace("12", "13"))
    assert alone.stderr.startswith("Error: ")  # stdout is elsewhere: no empty line


def test_both_into_one_pipe_keep_their_lines_apart(kimi: Simulator) -> None:
    options = ("-R", "-o", "max_tokens", "30")
    with start("-m", "kimi-k2.6", "repeat: 50 word", *options, stderr=subprocess.STDOUT) as running:
        output = running.communicate()[0].decode()
    assert "\nkimi: the answer was cut off" in output


@pytest.mark.parametrize("extra", [("-R",), ("--no-stream",)])
def test_no_empty_line_where_nothing_was_shown(kimi: Simulator, extra: tuple[str, ...]) -> None:
    result = run("-m", "kimi-k2.6", "hi", "-o", "max_tokens", "2", *extra)
    assert result.stderr.startswith("Error: ")


def test_the_thoughts_of_two_rounds_stand_on_two_lines(kimi: Simulator) -> None:
    script = "reason: first\ncall: llm_version\nthen\nreason: second\nsay: done"
    assert ask("-T", "llm_version", script).stderr == "first\nsecond\n"
