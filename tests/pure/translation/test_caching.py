"""How long the cache keeps a prompt: Kimi's word, OpenAI's, Anthropic's.

https://forum.moonshot.ai/t/context-caching-upgrade-5-min-1-hour-ttl-options/613: `ttl` is 5m or
1h on the models whose cache writes are billed; MoonshotAI/kimi-code#3942.
"""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi import InvalidRequestError, Translation, translate
from llm_kimi.catalog import MODELS, Model
from llm_kimi.simulator.rules.chat import check_chat, ignored
from tests.support.weakening import silent

PRICED = [model for model in MODELS if model.cache_ttls]
OTHERS = [model for model in MODELS if not model.cache_ttls]
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
priced = pytest.mark.parametrize("model", PRICED, ids=lambda model: model.id)


def run(model: Model, **more: Any) -> Translation:
    request = {"model": model.id, "messages": [{"role": "user", "content": "Hi"}], **more}
    translation = translate(request)
    assert check_chat(translation.body) is None
    assert ignored(translation.body) == []
    assert translation.changes_of_meaning == ()
    again = translate(translation.body)
    assert (again.body, again.adjustments) == (translation.body, ())
    return translation


def test_the_models_with_two_write_prices_are_those_of_the_k3_family() -> None:
    assert {model.family for model in PRICED} == {"k3", "k3.1"}


@priced
@pytest.mark.parametrize("ttl", ["5m", "1h"])
def test_kimis_own_words_go_through(model: Model, ttl: str) -> None:
    given = {"prompt_cache_options": {"ttl": ttl}}
    translation = run(model, **given)
    assert translation.body["prompt_cache_options"] == {"ttl": ttl}
    assert translation.adjustments == ()


@priced
@pytest.mark.parametrize(
    ("given", "ttl"),
    [
        ({"prompt_cache_options": {"ttl": "30m"}}, "1h"),  # OpenAI's
        ({"prompt_cache_options": {"ttl": "30m", "mode": "explicit"}}, "1h"),
        ({"prompt_cache_options": {"ttl": "1h", "mode": "implicit"}}, "1h"),
        ({"prompt_cache_options": {"ttl": "60m"}}, "1h"),
        ({"prompt_cache_options": {"ttl": "300s"}}, "5m"),
        ({"prompt_cache_options": {"ttl": 300}}, "5m"),
        ({"prompt_cache_options": {"ttl": "1m"}}, "5m"),
        ({"prompt_cache_options": {"ttl": "6m"}}, "1h"),
        ({"prompt_cache_options": {"ttl": "7d"}}, "1h"),
        ({"prompt_cache_retention": "24h"}, "1h"),
        ({"cache_control": {"type": "ephemeral", "ttl": "5m"}}, "5m"),  # Anthropic's
        ({"promptCacheRetention": "24h"}, "1h"),
        ({"extra_body": {"prompt_cache_options": {"ttl": "2h"}}}, "1h"),
    ],
    ids=str,
)
def test_other_times_become_the_shortest_that_lasts_as_long(
    model: Model, given: dict[str, Any], ttl: str
) -> None:
    translation = run(model, **given)
    assert translation.body["prompt_cache_options"] == {"ttl": ttl}
    (field,) = given
    assert any(item.param.partition(".")[0] == field for item in translation.adjustments)


@every_model
@pytest.mark.parametrize(
    "given",
    [
        {"prompt_cache_options": {}},
        {"prompt_cache_options": {"mode": "implicit"}},
        {"prompt_cache_options": {"ttl": None}},
        {"prompt_cache_retention": "in_memory"},
        {"prompt_cache_retention": "in-memory"},
        {"cache_control": {"type": "ephemeral"}},
    ],
    ids=str,
)
def test_without_a_time_nothing_is_asked_for(model: Model, given: dict[str, Any]) -> None:
    """Writing for an hour costs twice as much: never unasked."""
    translation = run(model, **given)
    assert "prompt_cache_options" not in translation.body
    assert len(translation.adjustments) == 1


@every_model
def test_nothing_is_set_by_default(model: Model) -> None:
    request = {"model": model.id, "messages": [{"role": "user", "content": "Hi"}], "n": 1}
    assert "prompt_cache_options" not in translate(request).body


@pytest.mark.parametrize("model", OTHERS, ids=lambda model: model.id)
@pytest.mark.parametrize(
    "given",
    [
        {"prompt_cache_options": {"ttl": "1h"}},
        {"prompt_cache_options": {"ttl": "30m", "mode": "explicit"}},
        {"prompt_cache_retention": "24h"},
    ],
    ids=str,
)
def test_models_without_write_prices_have_no_choice(model: Model, given: dict[str, Any]) -> None:
    translation = run(model, **given)
    assert "prompt_cache_options" not in translation.body
    (item,) = translation.adjustments
    assert item.sent is None
    request = {"model": model.id, "messages": [{"role": "user", "content": "Hi"}], **given}
    assert silent(request, translation) == []


@priced
def test_of_two_words_kimis_counts(model: Model) -> None:
    options = {"ttl": "5m"}
    translation = run(model, prompt_cache_options=options, prompt_cache_retention="24h")
    assert translation.body["prompt_cache_options"] == options
    assert [item.param for item in translation.adjustments] == ["prompt_cache_retention"]


@every_model
@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"prompt_cache_options": "1h"}, "prompt_cache_options"),
        ({"prompt_cache_options": {"ttl": "forever"}}, "prompt_cache_options.ttl"),
        ({"prompt_cache_options": {"ttl": True}}, "prompt_cache_options.ttl"),
        ({"prompt_cache_options": {"ttl": []}}, "prompt_cache_options.ttl"),
        ({"prompt_cache_retention": "long"}, "prompt_cache_retention"),
        ({"prompt_cache_retention": {}}, "prompt_cache_retention"),
        ({"cache_control": "ephemeral"}, "cache_control"),
    ],
    ids=str,
)
def test_malformed_times_are_errors(model: Model, given: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run(model, **given)
    assert caught.value.param == param
