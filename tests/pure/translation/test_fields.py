"""Fields under the names of other stacks: taken and told, or refused with the way out."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi import InvalidRequestError, Translation, translate
from tests.support.judging import judged

HI = {"role": "user", "content": "Hi"}


def run(model: str = "kimi-k2.6", *, messages: Any = None, **more: Any) -> Translation:
    return judged({"model": model, "messages": messages or [HI], **more}, checked=False)


def told(translation: Translation) -> dict[str, bool]:
    return {item.param: item.changes_meaning for item in translation.adjustments}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"max_output_tokens": 50}, {"max_completion_tokens": 50}),  # the Responses API
        ({"maxOutputTokens": 50}, {"max_completion_tokens": 50}),  # Gemini
        ({"maxTokens": 50}, {"max_completion_tokens": 50}),  # the AI SDK, Bedrock
        ({"max_new_tokens": 50}, {"max_completion_tokens": 50}),  # Hugging Face
        ({"num_predict": 50}, {"max_completion_tokens": 50}),  # Ollama
        ({"n_predict": -1}, {}),  # llama.cpp: no limit
        ({"stop_sequences": ["a"]}, {"stop": ["a"]}),  # Anthropic
        ({"stopSequences": ["a"]}, {"stop": ["a"]}),
        ({"promptCacheKey": "k"}, {"prompt_cache_key": "k"}),
        ({"options": {"num_predict": 50, "stop": ["a"]}}, {"max_completion_tokens": 50}),
        ({"generationConfig": {"maxOutputTokens": 50}}, {"max_completion_tokens": 50}),
        ({"inferenceConfig": {"maxTokens": 50}}, {"max_completion_tokens": 50}),
        ({"extra_body": {"max_tokens": 50}}, {"max_completion_tokens": 50}),
        ({"extra_body": {"options": {"num_predict": 50}}}, {"max_completion_tokens": 50}),
    ],
    ids=str,
)
def test_a_field_is_known_by_its_other_names(given: dict[str, Any], sent: dict[str, Any]) -> None:
    translation = run(**given)
    assert {key: translation.body[key] for key in sent} == sent
    (field,) = given
    assert any(param.partition(".")[0] == field for param in told(translation))
    assert not translation.changes_of_meaning


def test_an_error_names_the_field_as_the_caller_wrote_it() -> None:
    for given, param in (
        ({"max_output_tokens": "50"}, "max_output_tokens"),
        ({"maxTokens": 0}, "maxTokens"),
        ({"extra_body": {"stop": 5}}, "extra_body.stop"),
        ({"options": {"num_predict": 0}}, "options.num_predict"),
        ({"extra_body": {"options": {"num_predict": 0}}}, "extra_body.options.num_predict"),
        ({"extra_body": {"tools": [{"type": "magic"}]}}, "extra_body.tools[0].type"),
    ):
        with pytest.raises(InvalidRequestError) as caught:
            run(**given)
        assert caught.value.param == param


def test_of_two_names_openais_counts_and_the_other_is_told() -> None:
    translation = run(max_tokens=10, max_output_tokens=20)
    assert translation.body["max_completion_tokens"] == 10
    assert told(translation) == {"max_output_tokens": True, "max_tokens": False}
    assert not run(max_tokens=10, maxTokens=10).changes_of_meaning


def test_what_is_in_a_bag_and_unknown_is_told_with_its_place() -> None:
    translation = run(extra_body={"top_k": 5}, options={"num_ctx": 9})
    assert told(translation) == {
        "extra_body": False,
        "extra_body.top_k": True,
        "options": False,
        "options.num_ctx": True,
    }


@pytest.mark.parametrize("key", ["model", "messages"])
def test_a_bag_cannot_change_the_model_or_the_conversation(key: str) -> None:
    translation = run(extra_body={key: "kimi-k3"})
    assert translation.body == {"model": "kimi-k2.6", "messages": [HI]}
    assert told(translation) == {f"extra_body.{key}": True}


@pytest.mark.parametrize(
    ("field", "value", "meaning"),
    [
        ("timeout", 30, False),
        ("extra_headers", {"a": "b"}, True),
        ("usage", {"include": True}, False),
        ("keep_alive", "5m", False),
        ("options", 5, True),
        ("input", "Hi", True),
    ],
)
def test_settings_of_a_client_are_left_out(field: str, value: Any, meaning: bool) -> None:
    assert told(run(**{field: value})) == {field: meaning}


# -- system prompts --------------------------------------------------------------------------------

BLOCKS = [
    {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}},
    {"type": "text", "text": "Be kind."},
]


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("system", "Be brief.", "Be brief."),  # Anthropic
        ("system", BLOCKS, "Be brief.\n\nBe kind."),
        ("instructions", "Be brief.", "Be brief."),  # the Responses API
        ("system_prompt", "Be brief.", "Be brief."),
        ("systemInstruction", {"parts": [{"text": "Be brief."}]}, "Be brief."),  # Gemini
        ("system", "half \ud83d", "half \ufffd"),
    ],
)
def test_a_system_prompt_beside_the_messages_is_not_lost(field: str, value: Any, text: str) -> None:
    translation = run(**{field: value})
    assert translation.body["messages"] == [{"role": "system", "content": text}, HI]
    assert told(translation) == {field: False}


def test_places_of_messages_and_files_stay_true() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    talk = [{"role": "developer", "content": "x"}, {"role": "user", "content": [picture]}]
    translation = run(messages=talk, system="Be brief.", instructions="Be kind.")
    roles = [message["role"] for message in translation.body["messages"]]
    assert roles == ["system", "system", "system", "user"]
    (need,) = translation.needs
    assert need.message == 3
    assert "messages[0].role" in told(translation)


def test_a_system_prompt_that_is_there_already_is_not_said_twice() -> None:
    talk = [{"role": "system", "content": "Be brief."}, HI]
    assert run(messages=talk, system="Be brief.").body["messages"] == talk
    assert run(system="  ").body["messages"] == [HI]


@pytest.mark.parametrize("value", [5, [5], [{"type": "image"}], {"a": 1}, [[["deep"]]]], ids=str)
def test_a_system_prompt_is_text(value: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run(system=value)
    assert (caught.value.param or "").startswith("system")


# -- conversations that stand elsewhere ------------------------------------------------------------


@pytest.mark.parametrize("field", ["input", "prompt", "contents", "inputs"])
def test_a_conversation_in_another_field_is_an_error_that_says_so(field: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"{field} is how .* Write .* messages") as caught:
        translate({"model": "kimi-k2.6", field: "Hi"})
    assert caught.value.param == "messages"


def test_a_conversation_that_is_stored_elsewhere_is_an_error() -> None:
    with pytest.raises(InvalidRequestError, match="send all earlier messages") as caught:
        run(previous_response_id="resp_1")
    assert caught.value.param == "previous_response_id"
