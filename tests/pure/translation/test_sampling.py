"""temperature, top_p, n, penalties, logprobs: left out, clamped or planned, and told.

Pins and ranges: https://platform.kimi.ai/docs/guide/models-overview; with thinking off:
https://github.com/UKGovernmentBEIS/inspect_ai/pull/5156.
"""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi import InvalidRequestError, Translation, translate
from llm_kimi.catalog import MODELS, Model
from llm_kimi.simulator.rules.chat import check_chat
from tests.support.families import every_family, of_family

KIMI = [model for model in MODELS if model.id.startswith("kimi")]
MOONSHOT = [model for model in MODELS if model.id.startswith("moonshot")]
every_kimi = pytest.mark.parametrize("model", of_family(*KIMI), ids=lambda model: model.id)
every_moonshot = pytest.mark.parametrize("model", of_family(*MOONSHOT), ids=lambda model: model.id)
both_modes = pytest.mark.parametrize("thinking", [None, {"type": "disabled"}], ids=["on", "off"])


def run(model: Model, **more: Any) -> Translation:
    given = {key: value for key, value in more.items() if value is not None}
    request = {"model": model.id, "messages": [{"role": "user", "content": "Hi"}], **given}
    translation = translate(request)
    assert check_chat(translation.body) is None
    return translation


def told(translation: Translation, param: str) -> Any:
    (found,) = [item for item in translation.adjustments if item.param == param]
    return found


@every_kimi
@both_modes
@pytest.mark.parametrize("param", ["temperature", "top_p", "presence_penalty", "frequency_penalty"])
def test_a_pinned_value_is_left_out_and_told_where_it_differs(
    model: Model, thinking: Any, param: str
) -> None:
    translation = run(model, thinking=thinking, **{param: 0.123})
    assert param not in translation.body
    item = told(translation, param)
    rule: Any = model.sampling(translation.thinking)[param]
    assert (item.given, item.sent, item.changes_meaning) == (0.123, rule.value, True)
    assert model.id in item.reason


@every_kimi
@both_modes
@pytest.mark.parametrize("param", ["temperature", "top_p", "presence_penalty", "frequency_penalty"])
def test_the_pinned_value_itself_is_left_out_in_silence(
    model: Model, thinking: Any, param: str
) -> None:
    on = run(model, thinking=thinking).thinking
    rule: Any = model.sampling(on)[param]
    translation = run(model, thinking=thinking, **{param: rule.value})
    assert param not in translation.body
    assert not [item for item in translation.adjustments if item.param == param]


@pytest.mark.parametrize("name", ["kimi-k2.6", "kimi-k2.5"])
def test_the_pin_moves_with_the_thinking_mode(name: str) -> None:
    """`invalid temperature: only 0.6 is allowed for this model` with thinking off, 1 with it on."""
    (model,) = [model for model in KIMI if model.id == name]
    assert told(run(model, temperature=0.6), "temperature").sent == 1.0
    assert told(run(model, temperature=1, thinking=False), "temperature").sent == 0.6
    assert told(run(model, temperature=1, reasoning_effort="none"), "temperature").sent == 0.6


@every_moonshot
@pytest.mark.parametrize(("given", "sent"), [(0, 0), (0.5, 0.5), (1, 1), (1.0001, 1), (2, 1)])
def test_moonshot_temperature_is_cut_to_one(model: Model, given: float, sent: float) -> None:
    """OpenAI's 0..2 is 0..1 there:
    https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi"""
    translation = run(model, temperature=given)
    assert translation.body["temperature"] == sent
    assert bool(translation.adjustments) == (given != sent)


@every_moonshot
def test_moonshot_takes_the_other_values_as_they_are(model: Model) -> None:
    values = {"top_p": 0.3, "presence_penalty": -2, "frequency_penalty": 1.5, "logprobs": True}
    translation = run(model, **values, top_logprobs=3)
    assert {key: translation.body[key] for key in values} == values
    assert translation.body["top_logprobs"] == 3
    assert translation.adjustments == ()


@every_moonshot
def test_top_logprobs_alone_is_dropped(model: Model) -> None:
    """`logprobs must be set to true if top_logprobs is used`"""
    translation = run(model, top_logprobs=3)
    assert "top_logprobs" not in translation.body
    assert not told(translation, "top_logprobs").changes_meaning


@every_kimi
def test_log_probabilities_are_dropped(model: Model) -> None:
    """`invalid logprobs: only false is allowed for this model`"""
    translation = run(model, logprobs=True, top_logprobs=3)
    assert not translation.body.keys() & {"logprobs", "top_logprobs"}
    assert {item.param for item in translation.changes_of_meaning} == {"logprobs", "top_logprobs"}
    assert run(model, logprobs=False).adjustments == ()


@every_kimi
@both_modes
@pytest.mark.parametrize("n", [2, 5, 128])
def test_several_choices_are_several_requests(model: Model, thinking: Any, n: int) -> None:
    """`invalid n: only 1 is allowed for this model`:
    https://platform.kimi.ai/docs/guide/utilize-the-streaming-output"""
    translation = run(model, thinking=thinking, n=n)
    assert "n" not in translation.body
    assert translation.choices == n
    assert not told(translation, "n").changes_meaning


@every_kimi
def test_one_choice_is_nothing_to_tell(model: Model) -> None:
    translation = run(model, n=1)
    assert "n" not in translation.body
    assert (translation.choices, translation.adjustments) == (1, ())


@every_moonshot
@pytest.mark.parametrize(
    ("temperature", "n", "native"),
    [
        (0.3, 2, True),
        (1, 5, True),
        (1, 6, False),
        (0.29, 2, False),
        (0.001, 2, False),
        (0, 2, False),
        (None, 2, False),  # the default is 0
        (1.7, 2, True),
        (0, 1, True),
    ],
)
def test_moonshot_gives_several_choices_unless_near_zero(
    model: Model, temperature: float | None, n: int, native: bool
) -> None:
    """Near 0 only one choice: https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi;
    below 0.3: https://github.com/BerriAI/litellm/issues/12547"""
    translation = run(model, temperature=temperature, n=n)
    assert translation.body.get("n", 1) * translation.choices == n
    assert (translation.choices == 1) == native


@every_family
@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("temperature", "0.5"),
        ("temperature", True),
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("temperature", [1]),
        ("top_p", 1.1),
        ("top_p", False),
        ("presence_penalty", -2.5),
        ("frequency_penalty", "1"),
        ("n", 0),
        ("n", 129),
        ("n", 1.0),
        ("n", "2"),
        ("n", True),
        ("logprobs", 1),
        ("logprobs", "true"),
        ("top_logprobs", 21),
        ("top_logprobs", -1),
        ("top_logprobs", True),
        ("top_logprobs", 2.5),
    ],
)
def test_what_openai_refuses_is_an_error_that_names_the_parameter(
    model: Model, param: str, value: Any
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run(model, **{param: value})
    assert caught.value.param == param
    assert param in str(caught.value)


@pytest.mark.parametrize(
    ("model", "thinking", "words"),
    [
        ("kimi-k2.6", True, "kimi-k2.6 fixes it while thinking"),
        ("kimi-k2.6", False, "kimi-k2.6 fixes it with thinking off"),
        ("kimi-k3", True, "kimi-k3 fixes it"),
    ],
)
def test_the_words_say_when_a_value_is_fixed(model: str, thinking: bool, words: str) -> None:
    given = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.2}
    (told,) = (
        item
        for item in translate({**given, "thinking": thinking}).adjustments
        if item.param == "temperature"
    )
    assert told.reason == words
