"""The format of the answer in the words of other stacks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm_kimi import InvalidRequestError, Translation
from tests.support.judging import judged

Json = dict[str, Any]
SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}


def run(**more: Any) -> Translation:
    hi = {"role": "user", "content": "Hi"}
    return judged({"model": "kimi-k3", "messages": [hi], **more}, checked=False)


def told(translation: Translation) -> dict[str, bool]:
    return {item.param: item.changes_meaning for item in translation.adjustments}


@pytest.mark.parametrize(
    "given",
    [
        {"response_format": {"type": "json_object", "schema": SCHEMA}},  # llama.cpp, Together
        {"response_format": {"type": "json_object", "json_schema": {"schema": SCHEMA}}},
        {"response_format": {"type": "json", "value": SCHEMA}},  # Hugging Face
        {"response_format": SCHEMA},
        {"format": SCHEMA},  # Ollama
        {"guided_json": SCHEMA},  # vLLM
        {"guided_json": json.dumps(SCHEMA)},
        {"structured_outputs": {"json": SCHEMA}},
        {"json_schema": SCHEMA},  # llama.cpp
        {"json_schema": {"name": "response", "schema": SCHEMA}},
        {"extra_body": {"guided_json": SCHEMA}},
        {"responseSchema": SCHEMA, "responseMimeType": "application/json"},  # Gemini
        {"generationConfig": {"responseJsonSchema": SCHEMA}},
    ],
    ids=str,
)
def test_a_schema_that_binds_the_answer_is_sent_as_one_that_does(given: Json) -> None:
    translation = run(**given)
    assert translation.body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "response", "strict": True, "schema": SCHEMA},
    }
    assert not translation.changes_of_meaning
    assert {param.partition(".")[0] for param in told(translation)} == set(given)


@pytest.mark.parametrize("strict", [True, False, None])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda spec: {"response_format": {"type": "json_schema", **spec}},
        lambda spec: {"text": {"format": {"type": "json_schema", **spec}}},
        lambda spec: {"output_config": {"format": {"type": "json_schema", **spec}}},
    ],
    ids=["flat", "responses", "anthropic"],
)
def test_the_flat_form_of_the_responses_api(wrap: Any, strict: bool | None) -> None:
    spec = {"name": "point", "schema": SCHEMA, "strict": strict, "description": "A point."}
    translation = run(**wrap(spec))
    sent = translation.body["response_format"]["json_schema"]
    assert (sent["name"], sent["strict"]) == ("point", bool(strict))
    assert sent["schema"]["description"] == "A point."
    assert not translation.changes_of_meaning


def test_a_bare_schema_in_place_of_the_wrapping() -> None:
    translation = run(response_format={"type": "json_schema", "json_schema": SCHEMA})
    assert translation.body["response_format"]["json_schema"]["schema"] == SCHEMA


@pytest.mark.parametrize(
    "given",
    [
        {"format": "json"},
        {"response_format": "json_object"},
        {"response_format": {"type": "json"}},
        {"structured_outputs": {"json_object": True}},
        {"json_mode": True},
        {"response_mime_type": "application/json"},
        {"response_format": {"type": "text"}, "format": "json"},
    ],
    ids=str,
)
def test_json_mode_in_other_words(given: Json) -> None:
    translation = run(**given)
    assert translation.body["response_format"] == {"type": "json_object"}
    assert set(told(translation)) == set(given)
    assert not translation.changes_of_meaning


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("guided_choice", ["yes", "no"]),
        ("guided_regex", "a+"),
        ("guided_grammar", "root ::= x"),
        ("grammar", "root ::= x"),
        ("regex", "a+"),
        ("ebnf", "root ::= x"),
        ("structured_outputs", {"choice": ["a"]}),
    ],
)
def test_what_kimi_cannot_be_bound_to_is_a_change_of_meaning(field: str, value: Any) -> None:
    translation = run(**{field: value})
    assert "response_format" not in translation.body
    assert told(translation) == {field: True}


@pytest.mark.parametrize(
    "given", [{"format": ""}, {"json_mode": False}, {"guided_choice": []}], ids=str
)
def test_what_asks_for_nothing_is_left_out(given: Json) -> None:
    translation = run(**given)
    assert "response_format" not in translation.body
    assert told(translation) == dict.fromkeys(given, False)


def test_of_two_schemas_the_first_counts() -> None:
    other = {"type": "object", "properties": {"y": {"type": "string"}}}
    translation = run(guided_json=other, format=SCHEMA)
    assert translation.body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert told(translation)["guided_json"]
    assert not run(guided_json=SCHEMA, format=SCHEMA).changes_of_meaning


def test_partial_mode_and_json_mode_in_other_words_do_not_go_together() -> None:
    talk: list[Json] = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "{", "partial": True},
    ]
    with pytest.raises(InvalidRequestError, match="Partial Mode"):
        run(messages=talk, format="json")


def test_a_lost_rule_is_told_at_its_place() -> None:
    rule = {"type": "object", "properties": {"x": {"type": "string", "format": "uuid"}}}
    changed = run(extra_body={"guided_json": rule}).changes_of_meaning
    assert [item.param for item in changed] == ["extra_body.guided_json.properties.x.format"]


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"guided_json": "nope"}, "guided_json"),
        ({"guided_json": 5}, "guided_json"),
        ({"format": dict}, "format"),
        ({"structured_outputs": []}, "structured_outputs"),
        ({"structured_outputs": {"json": 5}}, "structured_outputs.json"),
        ({"json_schema": {"name": 5, "schema": SCHEMA}}, "json_schema.name"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"response_format": {"type": "grammar", "grammar": "x"}}, "response_format.type"),
    ],
    ids=str,
)
def test_malformed_words_are_errors(given: Json, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run(**given)
    assert caught.value.param == param
