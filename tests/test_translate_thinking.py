"""reasoning_effort and thinking, in everybody's words.

https://platform.kimi.ai/docs/guide/use-reasoning-effort (K3: low, high, max; no `thinking`),
https://platform.kimi.ai/docs/guide/use-thinking-models (K2.x: an object; K2.7 cannot switch off).
"""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi import InvalidRequestError, Translation, translate
from llm_kimi.catalog import MODELS, Model
from llm_kimi.simulator.rules import check_chat, ignored
from llm_kimi.simulator.rules import thinks as simulator_thinks
from tests.weakening import silent

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)


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


@every_model
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


@every_model
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


@every_model
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


@every_model
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


@every_model
def test_a_level_in_an_object_is_unwrapped_and_told(model: Model) -> None:
    """As an object it is a 400."""
    wrapped = run(model.id, reasoning_effort={"effort": "high", "summary": None})
    assert wrapped.body == run(model.id, reasoning_effort="high").body
    assert any(item.given == {"effort": "high", "summary": None} for item in wrapped.adjustments)


@every_model
def test_the_responses_api_spelling_is_understood(model: Model) -> None:
    wrapped = run(model.id, reasoning={"effort": "low"})
    assert wrapped.body == run(model.id, reasoning_effort="low").body
    assert wrapped.adjustments[0].param == "reasoning"
    assert not wrapped.adjustments[0].changes_meaning


def test_two_spellings_that_disagree_are_a_change_of_meaning() -> None:
    translation = run("kimi-k3", reasoning={"effort": "low"}, reasoning_effort="max")
    assert translation.body["reasoning_effort"] == "max"
    assert [item.param for item in translation.changes_of_meaning] == ["reasoning"]


@pytest.mark.parametrize("given", [{}, {"keep": "all"}, {"type": None}, {"keep": None}], ids=str)
@every_model
def test_an_object_without_a_type_is_completed_or_left_out_and_told(
    model: Model, given: Any
) -> None:
    translation = run(model.id, thinking=given)
    assert any(item.param == "thinking" for item in translation.adjustments)
    assert translation.thinking == model.thinking.default_on


@every_model
def test_the_coding_endpoints_effort_key_is_left_out(model: Model) -> None:
    """`additionalProperties: false`: https://platform.kimi.ai/docs/openapi.json"""
    translation = run(model.id, thinking={"type": "enabled", "effort": "high"})
    assert "thinking.effort" in {item.param for item in translation.changes_of_meaning}


@every_model
@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("reasoning_effort", "extreme", "reasoning_effort"),
        ("reasoning_effort", 3, "reasoning_effort"),
        ("reasoning_effort", True, "reasoning_effort"),
        ("reasoning_effort", ["high"], "reasoning_effort"),
        ("thinking", "enabled", "thinking"),
        ("thinking", 1, "thinking"),
        ("thinking", [], "thinking"),
        ("thinking", {"type": "on"}, "thinking.type"),
        ("thinking", {"type": ["enabled"]}, "thinking.type"),
        ("thinking", {"type": "enabled", "keep": "some"}, "thinking.keep"),
        ("thinking", {"type": "enabled", "budget_tokens": "9"}, "thinking.budget_tokens"),
        ("thinking", {"type": "enabled", "budget_tokens": True}, "thinking.budget_tokens"),
        ("thinking", {"type": "enabled", "budget_tokens": -1}, "thinking.budget_tokens"),
    ],
)
def test_malformed_wishes_are_errors(model: Model, field: str, value: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run(model.id, **{field: value})
    assert caught.value.param == param
