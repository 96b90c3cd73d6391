"""``-o`` for every model: what is sent, what is told, what is refused and how it is worded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import llm
import pytest

from llm_kimi.catalog import live_models
from llm_kimi.integrations.llm.options import KimiOptions
from llm_kimi.simulator import Simulator
from tests.support.llm_runs import ask, bodies, fail, logged, run, told
from tests.support.llm_runs import closed_clients as closed_clients

LIVE = [model.id for model in live_models()]
EVERY = {
    "temperature": "0.5",
    "top_p": "0.5",
    "max_tokens": "900",
    "stop": "END",
    "presence_penalty": "0.5",
    "frequency_penalty": "0.5",
    "seed": "4",
    "json_object": "1",
    "reasoning_effort": "high",
    "thinking": "1",
    "keep_thinking": "1",
    "tool_choice": "auto",
    "tool_choice_fallback": "nudge",
    "prompt_cache_key": "mine",
    "prompt_cache_options": "1h",
    "keep_files": "1",
    "timeout": "30",
    "strict": "0",
}


def test_the_options_are_those_that_are_documented() -> None:
    assert set(KimiOptions.model_fields) == {*EVERY, "prefill"}


@pytest.mark.parametrize("model", LIVE)
def test_every_option_runs_on_every_model(kimi: Simulator, model: str) -> None:
    arguments = [word for name, value in EVERY.items() for word in ("-o", name, value)]
    ask("name a field", "-T", "llm_version", *arguments, model=model)
    assert kimi.requests[0]["status"] == 200
    assert kimi.requests[0]["ignored"] == []


@pytest.mark.parametrize("model", LIVE)
def test_every_option_has_its_help_for_every_model(model: str) -> None:
    text = run("models", "--options", "-m", model).stdout
    for name in KimiOptions.model_fields:
        assert f"    {name}: " in text
    for field in llm.get_model(model).Options.model_fields.values():
        assert field.description


def test_families_with_other_rules_show_other_help() -> None:
    text = run("models", "--options").stdout
    assert "fixed at 1 while thinking and 0.6 with thinking off" in text
    assert "How hard to think: low, high, max (default max)" in text
    assert "This model always thinks, without levels" in text


@pytest.mark.parametrize(
    ("model", "option", "sent"),
    [
        ("kimi-k2.6", ("max_tokens", "77"), {"max_completion_tokens": 77}),
        ("kimi-k2.6", ("stop", "END"), {"stop": ["END"]}),
        ("kimi-k2.6", ("stop", '["a", "b"]'), {"stop": ["a", "b"]}),
        ("kimi-k2.6", ("stop", "[1, 2]"), {"stop": ["[1, 2]"]}),
        ("kimi-k2.6", ("stop", "[not json"), {"stop": ["[not json"]}),
        ("kimi-k2.6", ("json_object", "true"), {"response_format": {"type": "json_object"}}),
        ("kimi-k2.6", ("thinking", "off"), {"thinking": {"type": "disabled"}}),
        ("kimi-k2.6", ("thinking", "disabled"), {"thinking": {"type": "disabled"}}),
        ("kimi-k2.6", ("thinking", "1"), {"thinking": {"type": "enabled"}}),
        ("kimi-k2.6", ("keep_thinking", "1"), {"thinking": {"type": "enabled", "keep": "all"}}),
        ("kimi-k2.6", ("keep_thinking", "0"), {"thinking": {"type": "enabled", "keep": None}}),
        ("kimi-k2.6", ("reasoning_effort", "none"), {"thinking": {"type": "disabled"}}),
        ("kimi-k2.7-code", ("thinking", "1"), {"thinking": {"type": "enabled"}}),
        ("kimi-k3", ("reasoning_effort", "low"), {"reasoning_effort": "low"}),
        ("kimi-k3.1-pro", ("reasoning_effort", "max"), {"reasoning_effort": "max"}),
        ("kimi-k2.6", ("prompt_cache_key", "mine"), {"prompt_cache_key": "mine"}),
        ("kimi-k3", ("prompt_cache_options", "1h"), {"prompt_cache_options": {"ttl": "1h"}}),
        ("kimi-k3", ("prompt_cache_options", "30m"), {"prompt_cache_options": {"ttl": "1h"}}),
        (
            "kimi-k3",
            ("prompt_cache_options", '{"ttl": "5m"}'),
            {"prompt_cache_options": {"ttl": "5m"}},
        ),
        ("kimi-k3", ("prompt_cache_options", ""), {"prompt_cache_options": None}),
        ("kimi-k2.6", ("prompt_cache_options", "1h"), {"prompt_cache_options": None}),
    ],
)
def test_what_is_sent(
    kimi: Simulator, model: str, option: tuple[str, str], sent: dict[str, Any]
) -> None:
    result = ask("hi", "-o", *option, model=model)
    body = bodies(kimi)[0]
    assert {name: body.get(name) for name in sent} == sent
    assert told(result) == []


@pytest.mark.parametrize(
    ("model", "option", "line"),
    [
        ("kimi-k3", ("temperature", "0.2"), "temperature 0.2 -> 1.0 (kimi-k3 fixes it)"),
        ("kimi-k2.6", ("top_p", "0.5"), "top_p 0.5 -> 0.95 (kimi-k2.6 fixes it while thinking)"),
        ("kimi-k2.6", ("seed", "4"), "seed 4 -> left out (Kimi has no seed: answers cannot be"),
        ("kimi-k3", ("reasoning_effort", "medium"), "reasoning_effort medium -> high (kimi-k3"),
        ("kimi-k3", ("reasoning_effort", "none"), "reasoning_effort none -> low (kimi-k3 always"),
        ("kimi-k3", ("thinking", "off"), "thinking "),
        ("kimi-k2.7-code", ("thinking", "off"), "thinking "),
        ("kimi-k2.7-code", ("reasoning_effort", "low"), "reasoning_effort low -> left out"),
        ("kimi-k2.6", ("presence_penalty", "1"), "presence_penalty 1.0 -> 0"),
        ("kimi-k2.6", ("tool_choice", "required"), "tool_choice required -> left out (there are"),
        ("kimi-k2.6", ("max_tokens", "900000"), "max_tokens 900000 -> "),
    ],
)
def test_what_is_told(kimi: Simulator, model: str, option: tuple[str, str], line: str) -> None:
    lines = told(ask("hi", "-o", *option, model=model))
    assert len(lines) == 1
    assert lines[0].startswith(f"kimi: {line}")


def test_thinking_off_is_pinned_elsewhere(kimi: Simulator) -> None:
    result = ask("hi", "-o", "thinking", "0", "-o", "temperature", "0.6")
    assert result.stderr == ""  # no reasoning and nothing told
    line = told(ask("hi", "-o", "thinking", "0", "-o", "temperature", "1"))
    assert line == ["kimi: temperature 1.0 -> 0.6 (kimi-k2.6 fixes it with thinking off)"]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("temperature", "hot", "Input should be a valid number"),
        ("temperature", "3", "Input should be less than or equal to 2"),
        ("top_p", "2", "Input should be less than or equal to 1"),
        ("max_tokens", "0", "Input should be greater than or equal to 1"),
        ("max_tokens", "many", "Input should be a valid integer"),
        ("presence_penalty", "-3", "Input should be greater than or equal to -2"),
        ("frequency_penalty", "3", "Input should be less than or equal to 2"),
        ("seed", "x", "Input should be a valid integer"),
        ("json_object", "perhaps", "Input should be a valid boolean"),
        ("reasoning_effort", "huge", "Input should be 'none', 'minimal', 'low'"),
        ("thinking", "perhaps", "Input should be a valid boolean"),
        ("keep_thinking", "perhaps", "Input should be a valid boolean"),
        ("tool_choice_fallback", "beg", "Input should be 'nudge', 'disable_thinking' or 'error'"),
        ("timeout", "0", "Input should be greater than 0"),
        ("strict", "perhaps", "Input should be a valid boolean"),
        ("top_k", "4", "Extra inputs are not permitted"),
    ],
)
@pytest.mark.parametrize("command", [(), ("chat",)])
def test_a_bad_value_is_explained(
    kimi: Simulator, name: str, value: str, text: str, command: tuple[str, ...]
) -> None:
    result = run(*command, "-m", "kimi-k2.6", "-o", name, value, input="hi\nexit\n")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert name in result.stderr
    assert text in result.stderr
    assert kimi.requests == []


def test_stored_options_are_used_and_can_be_overridden(kimi: Simulator) -> None:
    stored = {
        "max_tokens": "500",
        "thinking": "false",
        "stop": '["a", "b"]',
        "json_object": "0",
        "timeout": "20",
    }
    for name, value in stored.items():
        assert run("models", "options", "set", "kimi-k2.6", name, value).exit_code == 0
    shown = run("models", "options", "show", "kimi-k2.6").stdout
    assert "max_tokens: 500" in shown
    ask("hi")
    ask("hi", "-o", "max_tokens", "600")
    ask("hi", "-T", "llm_version", "--no-stream")
    assert [body["max_completion_tokens"] for body in bodies(kimi)] == [500, 600, 500]
    for body in bodies(kimi):
        assert body["thinking"] == {"type": "disabled"}
        assert body["stop"] == ["a", "b"]
        assert "response_format" not in body
    assert run("models", "options", "clear", "kimi-k2.6").exit_code == 0
    ask("hi")
    assert "max_completion_tokens" not in bodies(kimi)[-1]


def test_options_are_logged(kimi: Simulator) -> None:
    ask("hi", "-o", "max_tokens", "500", "-o", "stop", "x")
    assert logged()[0]["options_json"] == {"max_tokens": 500, "stop": "x"}


def test_prefill_begins_the_answer(kimi: Simulator) -> None:
    result = ask("say:  is right", "-o", "prefill", "This")
    assert result.stdout == "This is right\n"
    assert bodies(kimi)[0]["messages"][-1] == {
        "role": "assistant",
        "content": "This",
        "partial": True,
    }
    assert logged()[0]["response"] == "This is right"
    ask("-c", "and?")
    assert bodies(kimi)[1]["messages"][1]["content"] == "This is right"
    assert "partial" not in bodies(kimi)[1]["messages"][1]


def test_prefill_is_for_the_first_round_of_a_tool_chain(kimi: Simulator) -> None:
    script = "call: llm_version\nthen\nsay:  and done"
    result = ask(script, "-T", "llm_version", "-o", "prefill", "First")
    assert result.stdout.startswith("First")
    assert [body["messages"][-1].get("partial") for body in bodies(kimi)] == [True, None]


def test_prefill_and_json_object_do_not_go_together(kimi: Simulator) -> None:
    text = fail("hi", "-o", "prefill", "{", "-o", "json_object", "1")
    assert "do not go together" in text
    assert kimi.requests == []


def test_json_object_gives_json(kimi: Simulator) -> None:
    assert json.loads(ask("the field reply", "-o", "json_object", "1").stdout)["reply"]


def test_more_stops_than_kimi_takes_cut_the_answer_here(kimi: Simulator) -> None:
    stops = json.dumps(["q1", "q2", "q3", "q4", "q5", "END"])
    assert ask("say: before END after", "-o", "stop", stops, "-R").stdout == "before \n"
    assert len(bodies(kimi)[0]["stop"]) == 5


def test_timeout_gives_up(kimi: Simulator) -> None:
    kimi.fault(delay=3)
    text = fail("hi", "-o", "timeout", "0.2")
    assert "timed out" in text
    assert "timeout" in text
    assert len(kimi.requests) <= 1


def test_python_takes_options_as_keywords_and_as_a_mapping(kimi: Simulator) -> None:
    model = llm.get_model("kimi-k2.6")
    model.prompt("hi", max_tokens=50, stop=["a", "b"], thinking=False).text()
    model.prompt("hi", options={"max_tokens": 50}).text()
    first, second = bodies(kimi)
    assert first["max_completion_tokens"] == second["max_completion_tokens"] == 50
    assert first["stop"] == ["a", "b"]
    assert first["thinking"] == {"type": "disabled"}


def test_what_was_written_to_the_cache_is_logged(kimi: Simulator) -> None:
    """`prompt_tokens_details.cache_write_tokens`, which may stand there alone."""
    shown = ask("{{cache-write: 5}} {{say: hi}}", "-u", model="kimi-k3").stderr
    assert '"cache_write_tokens": 5' in shown
    details = json.loads(logged()[0]["token_details"])
    assert details["prompt_tokens_details"]["cache_write_tokens"] == 5


def _template(options: str) -> None:
    folder = Path(run("templates", "path").stdout.strip())
    folder.mkdir(exist_ok=True)
    (folder / "t.yaml").write_text(f"model: kimi-k2.6\noptions:\n  {options}\n")


@pytest.mark.parametrize(
    ("option", "sent"),
    [
        ("stop: 9", {"stop": ["9"]}),
        ("stop: [9, 1.5, a]", {"stop": ["9", "1.5", "a"]}),
        ("stop: 2026-11-26", {"stop": ["2026-11-26"]}),
        ('temperature: "1"', {}),
        ('max_tokens: "900"', {"max_completion_tokens": 900}),
        ("max_tokens: 900.0", {"max_completion_tokens": 900}),
        ("prompt_cache_key: 123", {"prompt_cache_key": "123"}),
        ("prompt_cache_key: 1:30", {"prompt_cache_key": "90"}),
        ("reasoning_effort: off", {"thinking": {"type": "disabled"}}),
        ("reasoning_effort: None", {"thinking": {"type": "disabled"}}),
        ("thinking: disabled", {"thinking": {"type": "disabled"}}),
        ("thinking: {type: disabled}", {"thinking": {"type": "disabled"}}),
        ("thinking: 0", {"thinking": {"type": "disabled"}}),
        ('json_object: "yes"', {"response_format": {"type": "json_object"}}),
        ("tool_choice: null", {}),
    ],
)
def test_options_of_a_template_in_another_type(
    kimi: Simulator, option: str, sent: dict[str, Any]
) -> None:
    _template(option)
    result = run("-t", "t", "hi", "-R")
    assert result.exit_code == 0, result.output
    body = bodies(kimi)[0]
    assert {name: body.get(name) for name in sent} == sent


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("stop: yes", "true is not text: YAML reads yes and no so, put it in quotes"),
        ("prefill: no", "false is not text"),
        ("prefill: [a]", "must be text"),
        ("stop: [[1]]", "must be text"),
        ("stop: {a: b}", "must be text"),
        ("temperature: yes", "must be a number"),
        ("temperature: [1]", "Input should be a valid number"),
        ("temperature: .nan", "Input should be less than"),
        ("timeout: .inf", "Input should be a finite number"),
        ("max_tokens: 9.5", "fractional part"),
        ("thinking: [1]", "Input should be a valid boolean"),
        ("reasoning_effort: 3", "Input should be 'none'"),
        ("tools: [a]", "Extra inputs are not permitted"),
    ],
)
def test_options_of_a_template_that_mean_nothing(kimi: Simulator, option: str, text: str) -> None:
    _template(option)
    result = run("-t", "t", "hi")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {option.partition(':')[0]}\n  ")
    assert text in result.stderr
    assert kimi.requests == []


def test_a_tool_is_chosen_as_openai_names_it() -> None:
    chosen = KimiOptions(tool_choice={"type": "function", "function": {"name": "look"}})  # type: ignore[arg-type]
    assert chosen.tool_choice == "look"


def test_a_start_makes_the_options_of_no_model_and_a_class_only_once() -> None:
    """pydantic takes longer for them than the rest of the plugin for a start."""
    code = (
        "import llm\n"
        "from llm_kimi.integrations.llm.options import options_with\n"
        "made = lambda: options_with.cache_info().currsize\n"
        "models = [item.model for item in llm.get_models_with_aliases()]\n"
        "assert made() == 0, made()\n"
        "one, other = (m for m in models if m.model_id in ('kimi-k3', 'kimi-k2.6'))\n"
        "assert one.Options is type(one).Options is one.Options\n"
        "assert one.Options is not other.Options\n"
        "assert made() == 2, made()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
