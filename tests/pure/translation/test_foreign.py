"""Requests of other clients: each kind runs with everything told, or is refused with a way out."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest

from llm_kimi import InvalidRequestError, Translation, translate
from llm_kimi.catalog import MODELS, resolve
from llm_kimi.simulator.rules.chat import check_chat, ignored
from tests.support.budgets import first_seed, tries
from tests.support.foreign_requests import KINDS, Foreign, Kind, foreign_requests, make, words
from tests.support.judging import complaints, not_json, ultra
from tests.support.weakening import silent

COUNT = tries(int(os.environ.get("LLM_KIMI_REQUESTS", "250")))
FAMILIES = ("kimi-k3.1-pro", "kimi-k2.7-code", "kimi-k2.6", "moonshot-v1-128k")


def problems(foreign: Foreign, fallback: Any = "nudge") -> list[str]:
    """Everything that is wrong with what becomes of a request."""
    try:
        translation = translate(foreign.body, tool_choice_fallback=fallback)
    except InvalidRequestError as error:
        return _refused(foreign, error)
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]
    if foreign.right == "refused":
        return ["it runs"]
    return _sent(foreign, translation, fallback)


def _refused(foreign: Foreign, error: InvalidRequestError) -> list[str]:
    wrong = [f"refused: {error}"] if foreign.right == "runs" else []
    return wrong + complaints(error)


def _sent(foreign: Foreign, translation: Translation, fallback: Any) -> list[str]:
    body = translation.body
    if broken := not_json(body):
        return broken
    refusal = check_chat(body)
    if refusal is not None:
        return [f"refused by the API: {refusal.message}"]
    odd = [item.param for item in translation.adjustments if not isinstance(item.param, str)]
    found = [f"an adjustment at {param!r}" for param in odd]
    found += [f"swallowed by the API: {path}" for path in ignored(body)]
    found += ultra(body)
    again = translate(body, tool_choice_fallback=fallback)
    if again.body != body or again.adjustments:
        found.append(f"translated twice: {[str(item) for item in again.adjustments]}")
    return found + [f"silent: {line}" for line in silent(foreign.body, translation)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_of_request_is_right_on_every_family(kind: Kind) -> None:
    found = {
        model: problem
        for model in FAMILIES
        for seed in range(2)
        if (problem := problems(make((kind,), seed, None if kind.topic == "model" else model)))
    }
    assert found == {}


def test_kinds_that_come_together_are_right_as_well() -> None:
    rights: Counter[str] = Counter()
    found = {}
    for index, foreign in enumerate(foreign_requests(COUNT, seed=first_seed(20_261_126))):
        problem = problems(foreign, ("nudge", "disable_thinking")[index % 2])
        rights[foreign.right] += 1
        if problem:
            found[f"{index} {foreign.name}"] = problem
    assert found == {}
    assert rights["runs"] > COUNT / 2
    assert rights["refused"] > COUNT / 50


@pytest.mark.parametrize(("id", "model"), words.RELAY_IDS.items())
def test_an_id_as_relays_write_it_gets_the_rules_of_its_model(id: str, model: str) -> None:
    messages = [{"role": "user", "content": "hi"}]
    translation = translate({"model": id, "messages": messages, "temperature": 0.3})
    assert translation.model.family == resolve(model).family
    assert translation.body["model"] == id


# -- the generator ---------------------------------------------------------------------------------


def test_every_topic_has_its_kinds_and_every_name_is_given_once() -> None:
    topics = Counter(kind.topic for kind in KINDS)
    assert topics.keys() == {
        *("reasoning", "arguments", "ids", "objects", "partial", "items"),
        *("thinking", "format", "cache", "model", "unknown field"),
        *("tools", "choice", "schema", "format schema"),
        *("surrogate", "number", "cycle"),
    }
    assert max(Counter(kind.name for kind in KINDS).values()) == 1


def test_requests_are_the_same_for_the_same_seed() -> None:
    def shown(seed: int) -> list[str]:
        return [repr(foreign.body) for foreign in foreign_requests(len(KINDS), seed)]

    stable = [(one, two) for one, two in zip(shown(1), shown(1), strict=True) if "0x" not in one]
    assert all(one == two for one, two in stable)
    assert len(stable) > len(KINDS) - 5
    assert shown(1) != shown(2)


@pytest.mark.parametrize("model", [model.id for model in MODELS])
def test_the_request_that_kinds_are_made_from_is_plain(model: str) -> None:
    """What is wrong with a kind is not wrong with what it was made from."""
    for seed in range(20):
        assert problems(make((), seed, model)) == []


def test_most_kinds_would_not_pass_as_they_stand() -> None:
    refused = sum(
        check_chat(foreign.body) is not None or bool(ignored(foreign.body))
        for foreign in foreign_requests(len(KINDS))
        if not {"objects", "cycle"} & {kind.topic for kind in foreign.kinds}
    )
    assert refused > len(KINDS) * 0.7
