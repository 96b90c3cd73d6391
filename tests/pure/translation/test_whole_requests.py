"""Whole requests: none refused, none swallowed, none silently weakened, and what `translate` is."""

from __future__ import annotations

import copy
import os
import time
from collections import Counter
from typing import Any

import pytest

from llm_kimi import InvalidRequestError, Translation, translate
from llm_kimi.catalog import MODELS
from llm_kimi.simulator.rules.chat import check_chat, ignored
from tests.support.budgets import first_seed, tries
from tests.support.judging import complaints, not_json, ultra
from tests.support.openai_requests import DEFAULT_MODELS, requests
from tests.support.plain_request import PNG, Json
from tests.support.weakening import silent

COUNT = tries(int(os.environ.get("LLM_KIMI_REQUESTS", "250")))


FALLBACKS = ("nudge", "disable_thinking")


def inlined(value: Any) -> Any:
    """The request after the exchange has fetched its images."""
    if isinstance(value, list):
        return [inlined(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "image_url" and value["image_url"]["url"].startswith("http"):
        return {**value, "image_url": {**value["image_url"], "url": PNG}}
    return {key: inlined(item) for key, item in value.items()}


def has_images(request: Json) -> bool:
    return any(
        part["type"] == "image_url"
        for message in request["messages"]
        for part in (message.get("content") if isinstance(message.get("content"), list) else ())
    )


class Run:
    """What became of many random requests."""

    def __init__(self) -> None:
        self.raw = 0
        self.counts: Counter[str] = Counter()
        self.refused: list[str] = []
        self.swallowed: list[str] = []
        self.weakened: list[str] = []
        self.restless: list[str] = []
        self.touched: list[str] = []
        self.wrong_errors: list[str] = []
        self.ultra: list[str] = []
        self.seconds = 0.0


@pytest.fixture(scope="module")
def run() -> Run:
    result = Run()
    for index, request in enumerate(requests(COUNT, seed=first_seed(20_261_121), media="images")):
        request = inlined(request)
        result.raw += check_chat(request) is not None
        before = copy.deepcopy(request)
        fallback: Any = FALLBACKS[index % 2]
        began = time.process_time()
        try:
            translation = translate(request, tool_choice_fallback=fallback)
        except InvalidRequestError as error:
            _classify(result, index, request, error)
            continue
        finally:
            result.seconds += time.process_time() - began
        _judge(result, index, request, translation, fallback)
        if before != request:
            result.touched.append(str(index))
    print(
        f"\n{COUNT} requests: {result.raw} refused as they stand, {len(result.refused)} after "
        f"translation, {len(result.weakened)} silently weakened; {dict(result.counts)}"
    )
    return result


def _classify(result: Run, index: int, request: Json, error: InvalidRequestError) -> None:
    param = error.param or ""
    if has_images(request) and "image" in error.message and "content[" in param:
        result.counts["images for a text model"] += 1
    elif "satisfies this schema" in error.message and ("parameters" in param or "schema" in param):
        result.counts["a schema that nothing satisfies"] += 1
    else:
        result.wrong_errors.append(f"{index}: {error}")
    result.wrong_errors += [f"{index}: {line}" for line in complaints(error)]


def _judge(result: Run, index: int, request: Json, translation: Translation, fallback: Any) -> None:
    result.refused += [f"{index}: {line}" for line in not_json(translation.body)]
    result.ultra += [f"{index}: {line}" for line in ultra(translation.body)]
    refusal = check_chat(translation.body)
    if refusal is not None:
        small = translation.model.context <= 8_192
        if refusal.rule == "token-limit" and small:
            result.counts["too long for the 8k window"] += 1
        else:
            result.refused.append(f"{index}: {refusal}")
    if ignored(translation.body):
        result.swallowed.append(f"{index}: {ignored(translation.body)}")
    again = translate(translation.body, tool_choice_fallback=fallback)
    if again.body != translation.body or again.adjustments:
        result.restless.append(f"{index}: {[str(item) for item in again.adjustments]}")
    result.weakened += [f"{index}: {line}" for line in silent(request, translation)]
    result.counts["translated"] += 1


def test_no_request_that_openai_accepts_is_refused_after_translation(run: Run) -> None:
    """The simulator holds bodies to https://platform.kimi.ai/docs/openapi.json and to the error
    texts that users posted; as they stand, most of these requests break some rule."""
    assert run.raw > COUNT / 2
    assert run.refused == []
    assert run.wrong_errors == []
    assert run.counts["translated"] > COUNT * 0.85
    assert run.counts["too long for the 8k window"] < COUNT * 0.02


def test_every_schema_passes_moonshots_validator_at_its_default_level_too(run: Run) -> None:
    """Stricter than the server's level, and it costs nothing to please both:
    https://github.com/MoonshotAI/walle"""
    assert run.ultra == []


def test_a_request_takes_milliseconds(run: Run) -> None:
    """Of the processor, so that a loaded machine does not matter; they take 2 on an old one."""
    assert run.seconds < COUNT * 0.05


def test_nothing_is_left_for_the_api_to_swallow(run: Run) -> None:
    """Unknown fields are ignored without a word:
    https://docs.rs/synaps-engine/0.11.0/src/agent_engine/runtime/openai/catalog/kimi.rs.html"""
    assert run.swallowed == []


def test_no_request_is_weakened_silently(run: Run) -> None:
    """Users complain of silent weakening as of 400s:
    https://github.com/simstudioai/sim/pull/5716"""
    assert run.weakened == []


def test_a_translated_body_is_left_alone(run: Run) -> None:
    assert run.restless == []


def test_a_request_is_not_changed(run: Run) -> None:
    assert run.touched == []


@pytest.mark.parametrize("model", [m.id for m in MODELS if "image" not in m.modalities])
def test_images_for_a_text_model_are_an_error(model: str) -> None:
    """moonshot-v1 reads images on its vision previews only: https://platform.kimi.ai/docs/models"""
    part = {"type": "image_url", "image_url": {"url": PNG}}
    with pytest.raises(InvalidRequestError) as caught:
        translate({"model": model, "messages": [{"role": "user", "content": [part]}]})
    assert caught.value.param == "messages[0].content[0]"
    assert "kimi-k3.1-pro" in caught.value.message


@pytest.mark.parametrize("model", DEFAULT_MODELS)
def test_the_plainest_request_goes_through_untouched(model: str) -> None:
    request = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
    translation = translate(request)
    assert translation.body == request
    assert translation.adjustments == ()
    assert translation.restore.is_plain
