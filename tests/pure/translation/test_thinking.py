"""reasoning_effort and thinking, in everybody's words.

https://platform.kimi.ai/docs/guide/use-reasoning-effort (K3: low, high, max; no `thinking`),
https://platform.kimi.ai/docs/guide/use-thinking-models (K2.x: an object; K2.7 cannot switch off).
"""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi import InvalidRequestError, Translation, translate
from llm_kimi.catalog import Model
from llm_kimi.simulator.rules.chat import check_chat, ignored
from llm_kimi.simulator.rules.chat import thinks as simulator_thinks
from tests.support.families import every_family
from tests.support.weakening import silent

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def run(model: str, **more: Any) -> Translation:
    request = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **more}
    translation = translate(request)
    assert check_chat(translation.body) is None
    assert ignored(translation.body) == []
    assert translation.thinking == simulator_thinks(translation.model, translation.body)
    assert silent(request, translation) == []
    again = translate(translation.body)
    assert (again.body, again.adjustments) == (translation.body, ())
    return translation


@pytest.mark.parametrize("model", ["kimi-k3.1-pro", "kimi-k3.1-pro-highspeed", "kimi-k3"])
@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("minimal", "low"),
        ("low", "low"),
        ("medium", "high"),
        ("high", "high"),
        ("xhigh", "max"),
        ("max", "max"),
        ("none", "low"),
    ],
)
def test_levels_become_the_nearest_of_three(model: str, given: str, sent: str) -> None:
    translation = run(model, reasoning_effort=given)
    assert translation.body["reasoning_effort"] == sent
    assert [item.sent for item in translation.adjustments] == [sent] * (given != sent)
    assert translation.thinking


@pytest.mark.parametrize("model", ["kimi-k2.6", "kimi-k2.5"])
@pytest.mark.parametrize("given", EFFORTS)
def test_levels_become_a_switch(model: str, given: str) -> None:
    """reasoning_effort has no effect on K2.x: https://github.com/theopenco/llmgateway/issues/3061"""
    translation = run(model, reasoning_effort=given)
    assert translation.body["thinking"] == {"type": "disabled" if given == "none" else "enabled"}
    (item,) = translation.adjustments
    assert item.changes_meaning == (given != "none")


@pytest.mark.parametrize("model", ["kimi-k2.7-code", "kimi-k2.7-code-highspeed"])
@pytest.mark.parametrize("given", EFFORTS)
def test_a_model_without_levels_or_switch_says_so(model: str, given: str) -> None:
    """`invalid thinking: only type=enabled is allowed for this model`"""
    translation = run(model, reasoning_effort=given)
    assert not translation.body.keys() & {"thinking", "reasoning_effort"}
    (item,) = translation.changes_of_meaning
    assert item.param == "reasoning_effort"


@pytest.mark.parametrize("given", EFFORTS)
def test_a_model_that_never_thinks_says_so(given: str) -> None:
    translation = run("moonshot-v1-8k", reasoning_effort=given)
    assert "reasoning_effort" not in translation.body
    assert bool(translation.changes_of_meaning) == (given != "none")


OFF = (False, {"type": "disabled"}, {"type": "disabled", "budget_tokens": 100})
ON = (True, {"type": "enabled"}, {"type": "enabled", "budget_tokens": 9_000}, {"type": "adaptive"})


@every_family
@pytest.mark.parametrize("given", OFF, ids=str)
def test_thinking_off_is_off_or_told(model: Model, given: Any) -> None:
    translation = run(model.id, thinking=given)
    mode = model.thinking.mode
    assert translation.thinking == (mode == "always")
    if mode == "switchable":
        assert translation.body["thinking"] == {"type": "disabled"}
    assert any(item.param == "thinking" for item in translation.changes_of_meaning) == (
        mode == "always"
    )


@every_family
@pytest.mark.parametrize("given", ON, ids=str)
def test_thinking_on_is_on_or_told(model: Model, given: Any) -> None:
    translation = run(model.id, thinking=given)
    assert translation.thinking == (model.thinking.mode != "never")
    if model.thinking.mode == "never":
        assert translation.changes_of_meaning
    if isinstance(given, dict) and "budget_tokens" in given:
        assert any(
            "budget" in item.reason or "think" in item.reason
            for item in translation.changes_of_meaning
        )


@pytest.mark.parametrize(
    ("budget", "level"),
    [(0, "low"), (4_096, "low"), (4_097, "high"), (16_384, "high"), (16_385, "max")],
)
def test_a_budget_becomes_a_level(budget: int, level: str) -> None:
    translation = run("kimi-k3", thinking={"type": "enabled", "budget_tokens": budget})
    assert translation.body["reasoning_effort"] == level
    assert translation.changes_of_meaning


@every_family
@pytest.mark.parametrize("keep", ["all", None])
def test_keep_goes_where_it_is_known(model: Model, keep: Any) -> None:
    """K2.5 has no `keep`, K3 keeps all: https://platform.kimi.ai/docs/openapi.json"""
    given = {"type": "enabled", "keep": keep}
    translation = run(model.id, thinking=given)
    if model.thinking.keep:
        assert translation.body["thinking"] == given
        assert translation.adjustments == ()
    else:
        assert "keep" not in translation.body.get("thinking", {})
        if keep and model.thinking.field == "thinking":
            assert [item.param for item in translation.changes_of_meaning] == ["thinking.keep"]


@every_family
@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("switch", [True, False, *OFF[1:], *ON[1:]], ids=str)
def test_a_switch_beside_a_level_loses_nothing_in_silence(
    model: Model, effort: str, switch: Any
) -> None:
    translation = run(model.id, reasoning_effort=effort, thinking=switch)
    if model.thinking.mode == "switchable":
        off = switch is False or (isinstance(switch, dict) and switch["type"] == "disabled")
        assert translation.thinking != off  # the switch says it more clearly than the level
    if (effort == "none") == bool(translation.thinking):
        assert translation.changes_of_meaning


@every_family
def test_a_level_in_an_object_is_unwrapped_and_told(model: Model) -> None:
    """As an object it is a 400."""
    wrapped = run(model.id, reasoning_effort={"effort": "high", "summary": None})
    assert wrapped.body == run(model.id, reasoning_effort="high").body
    assert any(item.given == {"effort": "high", "summary": None} for item in wrapped.adjustments)


@every_family
def test_the_responses_api_spelling_is_understood(model: Model) -> None:
    wrapped, plain = (
        run(model.id, reasoning={"effort": "low"}),
        run(model.id, reasoning_effort="low"),
    )
    assert wrapped.body == plain.body
    (item,) = wrapped.adjustments
    assert item.param == "reasoning"
    assert item.changes_meaning == bool(plain.changes_of_meaning)


def test_two_spellings_that_disagree_are_a_change_of_meaning() -> None:
    translation = run("kimi-k3", reasoning={"effort": "low"}, reasoning_effort="max")
    assert translation.body["reasoning_effort"] == "max"
    assert [item.param for item in translation.changes_of_meaning] == ["reasoning"]


@pytest.mark.parametrize("given", [{}, {"keep": "all"}, {"type": None}, {"keep": None}], ids=str)
@every_family
def test_an_object_without_a_type_is_completed_or_left_out_and_told(
    model: Model, given: Any
) -> None:
    translation = run(model.id, thinking=given)
    assert any(item.param == "thinking" for item in translation.adjustments)
    assert translation.thinking == model.thinking.default_on


@every_family
def test_the_coding_endpoints_effort_key_is_read(model: Model) -> None:
    """`additionalProperties: false`: https://platform.kimi.ai/docs/openapi.json"""
    translation = run(model.id, thinking={"type": "enabled", "effort": "high"})
    levels = model.thinking.field == "reasoning_effort"
    assert translation.body.get("reasoning_effort") == ("high" if levels else None)
    told = {item.param: item.changes_meaning for item in translation.adjustments}
    assert told["thinking.effort"] != levels


@every_family
@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("reasoning_effort", "extreme", "reasoning_effort"),
        ("reasoning_effort", 3, "reasoning_effort"),
        ("reasoning_effort", True, "reasoning_effort"),
        ("reasoning_effort", ["high"], "reasoning_effort"),
        ("thinking", "sometimes", "thinking"),
        ("thinking", 1, "thinking"),
        ("thinking", [], "thinking"),
        ("thinking", {"type": "perhaps"}, "thinking.type"),
        ("thinking", {"type": ["enabled"]}, "thinking.type"),
        ("thinking", {"type": "enabled", "keep": "some"}, "thinking.keep"),
        ("thinking", {"type": "enabled", "budget_tokens": "9"}, "thinking.budget_tokens"),
        ("thinking", {"type": "enabled", "budget_tokens": True}, "thinking.budget_tokens"),
        ("thinking", {"type": "enabled", "budget_tokens": -2}, "thinking.budget_tokens"),
        ("enable_thinking", "maybe", "enable_thinking"),
        ("enable_thinking", 1, "enable_thinking"),
        ("think", "huge", "think"),
        ("reasoning", "deep", "reasoning"),
        ("reasoning", {"effort": 3}, "reasoning.effort"),
        ("reasoning", {"enabled": "perhaps"}, "reasoning.enabled"),
        ("thinking_budget", "lots", "thinking_budget"),
        ("thinking_budget", float("nan"), "thinking_budget"),
        ("reasoning_budget", 1.5, "reasoning_budget"),
        ("chat_template_kwargs", "x", "chat_template_kwargs"),
        ("chat_template_kwargs", {"thinking": "x"}, "chat_template_kwargs.thinking"),
    ],
)
def test_malformed_wishes_are_errors(model: Model, field: str, value: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run(model.id, **{field: value})
    assert caught.value.param == param


# -- the words of other stacks ---------------------------------------------------------------------

OFF_WORDS: tuple[dict[str, Any], ...] = (
    {"reasoning": {"enabled": False}},  # OpenRouter: SillyTavern/SillyTavern#5599
    {"reasoning": {"effort": "none"}},
    {"reasoning": False},
    {"reasoning": {"max_tokens": 0}},
    {"enable_thinking": False},  # Qwen: mastra-ai/mastra#12592
    {"enable_thinking": "false"},
    {"chat_template_kwargs": {"thinking": False}},  # vLLM's parser of Kimi
    {"chat_template_kwargs": {"enable_thinking": False}},
    {"chat_template_kwargs": {"reasoning_effort": "none"}},
    {"extra_body": {"enable_thinking": False}},
    {"extra_body": {"chat_template_kwargs": {"thinking": False}}},
    {"extra_body": {"thinking": {"type": "disabled"}}},
    {"thinking": "off"},
    {"thinking": "disabled"},
    {"thinking": "DISABLED"},
    {"thinking": {"type": "off"}},
    {"thinking": {"enabled": False}},
    {"thinking_budget": 0},  # Gemini, Qwen
    {"reasoning_budget": 0},  # llama.cpp
    {"think": False},  # Ollama
    {"reasoning_effort": "off"},
    {"reasoning_effort": "NONE"},
    {"reasoning_effort": "disabled"},
    {"reasoningEffort": "none"},
    {"thinkingConfig": {"thinkingBudget": 0}},
    {"output_config": {"effort": "none"}},
)


def words(model: str, **more: Any) -> Translation:
    """As `run`, for fields that are none of OpenAI's."""
    request = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **more}
    translation = translate(request)
    assert check_chat(translation.body) is None
    assert ignored(translation.body) == []
    assert translation.thinking == simulator_thinks(translation.model, translation.body)
    for field in [field for field in more if translation.body.get(field) != more[field]]:
        assert any(item.param.partition(".")[0] == field for item in translation.adjustments)
    again = translate(translation.body)
    assert (again.body, again.adjustments) == (translation.body, ())
    return translation


@pytest.mark.parametrize("given", OFF_WORDS, ids=str)
def test_off_in_other_words_is_off_where_it_can_be(given: dict[str, Any]) -> None:
    translation = words("kimi-k2.6", **given)
    assert translation.body["thinking"] == {"type": "disabled"}
    assert not translation.thinking
    assert not translation.changes_of_meaning


@pytest.mark.parametrize("given", OFF_WORDS, ids=str)
@pytest.mark.parametrize("model", ["kimi-k3", "kimi-k3.1-pro", "kimi-k2.7-code"])
def test_off_in_other_words_is_told_where_it_cannot_be(model: str, given: dict[str, Any]) -> None:
    translation = words(model, **given)
    assert translation.thinking
    expected = "low" if model.startswith("kimi-k3") else None
    assert translation.body.get("reasoning_effort") == expected
    assert "thinking" not in translation.body
    (item,) = translation.changes_of_meaning
    assert item.param.partition(".")[0] in given


def test_off_that_is_said_twice_is_told_twice_where_it_cannot_be() -> None:
    given = {"thinking": {"type": "disabled"}, "reasoning_effort": "none"}
    told = {item.param for item in words("kimi-k2.7-code", **given).changes_of_meaning}
    assert told == set(given)


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ({"reasoning": {"effort": "high"}}, "high"),
        ({"reasoning": "low"}, "low"),
        ({"reasoning": {"max_tokens": 2_000}}, "low"),
        ({"reasoning": {"max_tokens": 20_000}}, "max"),
        ({"thinking": "high"}, "high"),
        ({"thinking": {"type": "enabled", "effort": "max"}}, "max"),
        ({"think": "medium"}, "high"),
        ({"thinking_budget": 9_000}, "high"),
        ({"extra_body": {"thinking_budget": 100}}, "low"),
        ({"chat_template_kwargs": {"reasoning_effort": "low"}}, "low"),
        ({"reasoning_effort": "HIGH"}, "high"),
        ({"reasoning_effort": " Extra-High "}, "max"),
        ({"effort": "max"}, "max"),
        ({"output_config": {"effort": "low"}}, "low"),
        ({"thinking_level": "high"}, "high"),
        ({"enable_thinking": True}, None),
        ({"think": True}, None),
        ({"thinking": "auto"}, None),
        ({"reasoning_effort": ""}, None),
        ({"reasoning_effort": "default"}, None),
        ({"thinking_budget": -1}, None),
        ({"reasoning": {}}, None),
    ],
    ids=str,
)
def test_levels_in_other_words(given: dict[str, Any], level: str | None) -> None:
    assert words("kimi-k3.1-pro", **given).body.get("reasoning_effort") == level


@pytest.mark.parametrize("model", ["kimi-k2.6", "kimi-k2.7-code"])
def test_the_words_of_kimis_chat_template(model: str) -> None:
    """https://huggingface.co/moonshotai/Kimi-K2.6: `preserve_thinking` is Kimi's `keep`."""
    given = {"thinking": True, "preserve_thinking": True, "colour": "blue"}
    translation = words(model, chat_template_kwargs=given)
    assert translation.body["thinking"] == {"type": "enabled", "keep": "all"}
    assert [item.param for item in translation.changes_of_meaning] == [
        "chat_template_kwargs.colour"
    ]


@pytest.mark.parametrize(
    ("given", "meaning"),
    [
        ({"include_reasoning": True}, False),
        ({"include_reasoning": False}, True),
        ({"reasoning": {"exclude": False}}, False),
        ({"reasoning": {"exclude": True}}, True),
        ({"reasoning": {"summary": "auto"}}, True),
        ({"reasoning": {"enabled": False, "exclude": True}}, False),
    ],
    ids=str,
)
def test_reasoning_is_always_shown_and_that_is_told(given: dict[str, Any], meaning: bool) -> None:
    assert bool(words("kimi-k2.6", **given).changes_of_meaning) == meaning


@pytest.mark.parametrize(
    ("given", "thinks", "lost"),
    [
        ({"thinking": {"type": "enabled"}, "enable_thinking": False}, True, "enable_thinking"),
        ({"enable_thinking": True, "reasoning_effort": "none"}, True, "reasoning_effort"),
        ({"reasoning": {"enabled": False}, "enable_thinking": True}, False, "enable_thinking"),
        ({"enable_thinking": False, "think": False}, False, None),
    ],
    ids=str,
)
def test_of_two_words_the_first_counts_and_the_other_is_told(
    given: dict[str, Any], thinks: bool, lost: str | None
) -> None:
    translation = words("kimi-k2.6", **given)
    assert translation.thinking == thinks
    changed = [item.param for item in translation.changes_of_meaning]
    assert changed == ([] if lost is None else [lost])


def test_what_the_sdk_merges_replaces_what_it_meets() -> None:
    """`extra_body` wins over the field of the same name, as in the OpenAI SDK."""
    translation = words("kimi-k3", reasoning_effort="low", extra_body={"reasoning_effort": "max"})
    assert translation.body["reasoning_effort"] == "max"
    assert [item.param for item in translation.changes_of_meaning] == ["reasoning_effort"]


@pytest.mark.parametrize(
    ("more", "changed"),
    [
        ({"thinking": {"type": "disabled", "budget_tokens": 100}}, False),
        ({"enable_thinking": False, "thinking_budget": 100}, False),
        ({"enable_thinking": False, "reasoning": {"max_tokens": 100}}, True),
        ({"enable_thinking": False, "thinking": {"budget_tokens": 100}}, True),
    ],
)
def test_a_budget_beside_a_switch_that_is_off_counts_where_it_asks_for_thinking(
    more: Any, changed: bool
) -> None:
    translation = run("kimi-k2.6", **more)
    assert translation.body["thinking"] == {"type": "disabled"}
    assert bool(translation.changes_of_meaning) is changed
