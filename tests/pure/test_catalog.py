"""The catalog: every row is whole, every fact has a source, every id finds its row."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from llm_kimi import translate
from llm_kimi.catalog import (
    BY_ID,
    FLAGSHIP,
    GONE,
    MODELS,
    SOURCES,
    Model,
    Pinned,
    Range,
    UnknownModelError,
    live_models,
    resolve,
)

every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
LIVE = (
    "kimi-k3.1-pro",
    "kimi-k3.1-pro-highspeed",
    "kimi-k3",
    "kimi-k2.7-code",
    "kimi-k2.7-code-highspeed",
    "kimi-k2.6",
)


def test_the_live_ids_are_those_of_the_open_platform() -> None:
    """https://platform.kimi.ai/docs/models; K3.1 Pro: https://vercel.com/ai-gateway/models/kimi-k3.1-pro"""
    assert tuple(model.id for model in live_models()) == LIVE
    assert FLAGSHIP == "kimi-k3.1-pro"
    assert BY_ID[FLAGSHIP].status == "live"


def test_retired_ids_are_known_and_never_offered() -> None:
    """K2.5 and moonshot-v1 went on 2026-08-31: https://platform.kimi.ai/docs/models"""
    retired = {model.id for model in MODELS} - set(LIVE)
    assert retired == {
        "kimi-k2.5",
        *(f"moonshot-v1-{size}" for size in ("8k", "32k", "128k", "auto")),
        *(f"moonshot-v1-{size}-vision-preview" for size in ("8k", "32k", "128k")),
    }
    for name in retired:
        assert BY_ID[name].retired_on == "2026-08-31"
        assert GONE[name] == ("2026-08-31", BY_ID[name].replacement)


def test_every_replacement_of_a_gone_id_is_live() -> None:
    assert {replacement for _, replacement in GONE.values()} <= set(LIVE)
    assert not GONE.keys() & set(LIVE)


@every_model
def test_a_row_cannot_be_changed(model: Model) -> None:
    with pytest.raises(FrozenInstanceError):
        model.context = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        model.sampling_on["n"] = None  # type: ignore[index]


@every_model
def test_every_fact_of_a_row_has_a_source(model: Model) -> None:
    for fact in (
        "context",
        "output",
        "modalities",
        "thinking",
        "sampling",
        "tool_choice",
        "status",
    ):
        assert model.sources[fact], fact
        assert all(key in SOURCES for key in model.sources[fact])
        assert "https://" in model.source(fact)


def test_sources_say_where_and_when_and_how_sure() -> None:
    for source in SOURCES.values():
        assert source.url.startswith("https://")
        assert source.seen.startswith(("2025", "2026"))
        assert str(source) == f"{source.url} ({source.mark}, {source.seen})"


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("kimi-k3.1-pro", 1_048_576),
        ("kimi-k3.1-pro-highspeed", 1_048_576),
        ("kimi-k3", 1_048_576),
        ("kimi-k2.7-code", 262_144),
        ("kimi-k2.6", 262_144),
        ("kimi-k2.5", 262_144),
        ("moonshot-v1-8k", 8_192),
        ("moonshot-v1-32k", 32_768),
        ("moonshot-v1-128k-vision-preview", 131_072),
    ],
)
def test_context_windows(name: str, context: int) -> None:
    """https://platform.kimi.ai/docs/models and https://platform.kimi.ai/docs/guide/troubleshooting"""
    assert resolve(name).context == context


@every_model
@pytest.mark.parametrize("thinking", [True, False])
def test_what_a_model_pins(model: Model, thinking: bool) -> None:
    """https://platform.kimi.ai/docs/guide/models-overview: temperature only 1, only 0.6 with
    thinking off (https://github.com/UKGovernmentBEIS/inspect_ai/pull/5156), top_p only 0.95, the
    rest as given; moonshot-v1 takes ranges."""
    rules = model.sampling(thinking)
    assert set(rules) == {
        "temperature",
        "top_p",
        "n",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
    }
    if model.family == "moonshot-v1":
        assert rules["temperature"] == Range(0, 1, 0)
        assert rules["n"] == Range(1, 5, 1)
        return
    off = not thinking and model.thinking.mode == "switchable"
    assert rules["temperature"] == Pinned(0.6 if off else 1.0)
    assert rules["top_p"] == Pinned(0.95)
    assert rules["n"] == Pinned(1)
    assert rules["presence_penalty"] == rules["frequency_penalty"] == Pinned(0)


@every_model
def test_how_a_model_is_told_to_think(model: Model) -> None:
    """K3 has levels, K2.x an object that only K2.6 and K2.5 can switch off:
    https://platform.kimi.ai/docs/guide/use-reasoning-effort,
    https://platform.kimi.ai/docs/guide/use-thinking-models"""
    wanted: dict[str, tuple[Any, ...]] = {
        "k3.1": ("always", "reasoning_effort", ("low", "high", "max"), False),
        "k3": ("always", "reasoning_effort", ("low", "high", "max"), False),
        "k2.7": ("always", "thinking", (), True),
        "k2.6": ("switchable", "thinking", (), True),
        "k2.5": ("switchable", "thinking", (), False),
        "moonshot-v1": ("never", None, (), False),
    }
    rule = model.thinking
    assert (rule.mode, rule.field, rule.efforts, rule.keep) == wanted[model.family]
    assert rule.default_on == (model.family != "moonshot-v1")


@every_model
@pytest.mark.parametrize("thinking", [True, False])
def test_the_tool_choice_matrix(model: Model, thinking: bool) -> None:
    """https://platform.kimi.ai/docs/guide/use-tool-choice and the probes in
    https://github.com/UKGovernmentBEIS/inspect_ai/pull/5152"""
    forms = model.tool_choice(thinking)
    assert {"auto", "none"} <= forms
    switched_off = model.thinking.mode == "switchable" and not thinking
    assert ("required" in forms) == (model.family in ("k3", "k3.1") or switched_off)
    assert ("named" in forms) == switched_off


def test_prices_of_a_few_rows() -> None:
    """https://platform.kimi.ai/docs/pricing/chat-k3,
    https://docs.apiyi.com/en/api-capabilities/kimi-k3-1/overview.md"""
    for name, price in {
        "kimi-k3.1-pro": (2.0, 10.0, 0.2),
        "kimi-k3": (3.0, 15.0, 0.3),
        "kimi-k2.7-code-highspeed": (1.9, 8.0, 0.38),
        "kimi-k2.6": (0.95, 4.0, 0.16),
    }.items():
        row = BY_ID[name].price
        assert row is not None
        assert (row.input, row.output, row.cached) == price


def test_cache_writes_have_a_price_for_five_minutes_and_one_for_an_hour() -> None:
    """https://github.com/pydantic/genai-prices (K3 verified 2026-10-15)"""
    written = {
        model.id: (model.price.cache_write, model.price.cache_write_1h)
        for model in live_models()
        if model.price is not None and model.price.cache_writes
    }
    assert written == {
        "kimi-k3.1-pro": (2.0, 4.0),
        "kimi-k3.1-pro-highspeed": (4.0, 8.0),
        "kimi-k3": (3.0, 6.0),
    }


@every_model
def test_a_time_for_the_cache_can_be_chosen_where_it_has_a_price(model: Model) -> None:
    """https://forum.moonshot.ai/t/context-caching-upgrade-5-min-1-hour-ttl-options/613"""
    assert model.cache_ttls == (("5m", "1h") if model.family in ("k3", "k3.1") else ())


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("moonshotai/Kimi-K2.6", "kimi-k2.6"),
        ("Kimi-K3", "kimi-k3"),
        ("openrouter/moonshotai/kimi-k2.5", "kimi-k2.5"),
        ("accounts/fireworks/models/kimi-k2p6", "kimi-k2.6"),
        ("kimi-k3p1-pro", "kimi-k3.1-pro"),
        ("moonshotai/kimi-k3:free", "kimi-k3"),
        ("kimi-k2.6@20260401", "kimi-k2.6"),
        ("kimi-k2.6-tee", "kimi-k2.6"),
        ("kimi-k2.7-code-highspeed-eu", "kimi-k2.7-code-highspeed"),
        ("kimi-k3.1-pro-highspeed", "kimi-k3.1-pro-highspeed"),
        ("moonshot-v1", "moonshot-v1-auto"),
        # Bedrock: the maker, a region before it, the family alone.
        ("moonshotai.kimi-k3", "kimi-k3"),
        ("moonshotai.kimi-k3.1", "kimi-k3.1-pro"),
        ("us.moonshotai.kimi-k3.1", "kimi-k3.1-pro"),
        ("global.moonshotai.kimi-k3", "kimi-k3"),
        ("in.moonshotai.kimi-k3.1", "kimi-k3.1-pro"),
        ("us-gov.moonshotai.kimi-k3", "kimi-k3"),
        ("bedrock/us.moonshotai.kimi-k3.1", "kimi-k3.1-pro"),
        (
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.moonshotai.kimi-k3.1",
            "kimi-k3.1-pro",
        ),
        # Dashes and underscores for dots, and what stands before the name.
        ("databricks-kimi-k3-1-pro", "kimi-k3.1-pro"),
        ("kimi-k3-1-pro", "kimi-k3.1-pro"),
        ("kimi-k3-1-pro-highspeed", "kimi-k3.1-pro-highspeed"),
        ("kimi-k2-6", "kimi-k2.6"),
        ("kimi-k2-7-code", "kimi-k2.7-code"),
        ("kimi_k2_6", "kimi-k2.6"),
        ("FW-Kimi-K2.5", "kimi-k2.5"),
        ("moonshotai-kimi-k2-6", "kimi-k2.6"),
        ("aihubmix/coding-kimi-k3", "kimi-k3"),
        ("moonshotai:kimi@k3.1-pro", "kimi-k3.1-pro"),
        ("moonshotai:kimi@k2.6", "kimi-k2.6"),
        ("kimi:kimi-k3", "kimi-k3"),
        ("@cf/moonshotai/kimi-k2.6", "kimi-k2.6"),
        ("openrouter/moonshotai/kimi-k3:nitro", "kimi-k3"),
        ("hf:moonshotai/Kimi-K2.6", "kimi-k2.6"),
        ("kimi-k3[1m]", "kimi-k3"),
        ("kimi-k2.7", "kimi-k2.7-code"),
        # Dates, with and without dashes, are no versions.
        ("kimi-k3-2026-07-16", "kimi-k3"),
        ("kimi-k3-0716", "kimi-k3"),
        ("kimi-k2.6-20260401", "kimi-k2.6"),
    ],
)
def test_an_id_as_relays_write_it_finds_its_row(name: str, row: str) -> None:
    assert resolve(name) is BY_ID[row]


@pytest.mark.parametrize("name", ["kimi-k9", "kimi-k4-preview", "kimi-latest", "KIMI-next"])
def test_an_unknown_kimi_gets_the_newest_always_thinking_rules(name: str) -> None:
    model = resolve(name)
    assert model.thinking == BY_ID[FLAGSHIP].thinking
    assert model.sampling_on == BY_ID[FLAGSHIP].sampling_on
    assert model.price is None


@pytest.mark.parametrize(
    "name",
    [
        "kimi-k2",
        "kimi-k2-instruct",
        "moonshotai/kimi-k2-instruct-0905",
        "kimi-k2-0905-preview",
        "kimi-k2-250905",
        "kimi-k2-thinking",
        "moonshot.kimi-k2-thinking",
        "Moonshot-Kimi-K2-Instruct",
        "kimi-k2.8-preview",
        "kimi-k2:1t-cloud",
    ],
)
def test_an_unknown_k2_gets_k2_rules(name: str) -> None:
    """Those that ask for the least: no switch, no forced calls, no tools in a conversation."""
    model = resolve(name)
    assert model.thinking == BY_ID["kimi-k2.7-code"].thinking
    assert model.tool_choice_on == {"auto", "none"}
    assert not model.dynamic_tools
    assert model.context == 262_144
    assert (model.price, model.cache_ttls, model.status) == (None, (), "live")


@pytest.mark.parametrize("name", ["moonshotai.kimi-k3", "kimi-k2-6", "moonshotai:kimi@k3.1-pro"])
def test_an_id_is_sent_as_it_was_given(name: str) -> None:
    request = {"model": name, "messages": [{"role": "user", "content": "Hi"}], "temperature": 0}
    assert translate(request).body["model"] == name


@pytest.mark.parametrize(
    "name",
    [
        *("gpt-4o", "openai/gpt-5", "claude-opus-4", "", "/", "kimi", "k3", "deepseek-v4-pro"),
        *("deepseek-kimi-k2-distill", "qwen/kimilike", "us.anthropic.claude-opus-4", "moonshot:"),
    ],
)
def test_ids_of_others_are_an_error(name: str) -> None:
    with pytest.raises(UnknownModelError):
        resolve(name)


@pytest.mark.parametrize("name", ["k3.1-pro", "k3", "k2.6"])
def test_an_id_of_kimi_code_gets_a_hint(name: str) -> None:
    """https://dev.to/aihubmix/kimi-k31-pro-migration-guide-five-400s-one-404-and-the-claude-code-codex-config-13k"""
    with pytest.raises(UnknownModelError, match=f"kimi-{name}"):
        resolve(name)
