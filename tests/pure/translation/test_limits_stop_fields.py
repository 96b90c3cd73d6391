"""Limits, stop sequences, response_format, streams, and the fields that Kimi does not know."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi import InvalidRequestError, Translation, translate
from llm_kimi.catalog import MODELS, Model
from llm_kimi.simulator.rules.chat import check_chat, ignored
from tests.support.families import every_family
from tests.support.real_files import data_url, png
from tests.support.weakening import silent

Json = dict[str, Any]
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
SCHEMA = {
    "type": "object",
    "properties": {"x": {"type": "integer"}},
    "required": ["x"],
    "additionalProperties": False,
}


def run(model: Model | str = "kimi-k2.6", content: str = "Hi", **more: Any) -> Translation:
    name = model if isinstance(model, str) else model.id
    request = {"model": name, "messages": [{"role": "user", "content": content}], **more}
    translation = translate(request)
    assert check_chat(translation.body) is None
    assert ignored(translation.body) == []
    assert silent(request, translation) == []
    again = translate(translation.body)
    assert (again.body, again.adjustments) == (translation.body, ())
    return translation


def told(translation: Translation) -> dict[str, bool]:
    return {item.param: item.changes_meaning for item in translation.adjustments}


# -- limits ----------------------------------------------------------------------------------------


@every_family
def test_one_limit_under_its_newer_name(model: Model) -> None:
    """`max_tokens` is deprecated: https://platform.kimi.ai/docs/openapi.json"""
    translation = run(model, max_tokens=100)
    assert translation.body["max_completion_tokens"] == 100
    assert "max_tokens" not in translation.body
    assert told(translation) == {"max_tokens": False}


@every_family
def test_the_newer_name_wins(model: Model) -> None:
    """As on the server: https://github.com/MoonshotAI/kimi-code"""
    translation = run(model, max_tokens=100, max_completion_tokens=200)
    assert translation.body["max_completion_tokens"] == 200
    assert "max_tokens" in told(translation)


@every_model
@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("over", [-1, 0, 1, 10**9])
def test_a_limit_that_cannot_fit_beside_the_prompt_is_cut(
    model: Model, field: str, over: int
) -> None:
    """`prompt tokens + max_tokens exceeds the model specification`:
    https://platform.kimi.ai/docs/api/errors"""
    translation = run(model, **{field: model.context + over})
    limit = translation.body["max_completion_tokens"]
    assert model.context * 0.9 < limit < model.context
    assert told(translation)[field]


@every_model
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_long_prompt_leaves_less_room(model: Model, share: float) -> None:
    words = "word " * int(model.context * share * 4 / 5)
    translation = run(model, content=words, max_completion_tokens=model.context)
    assert 1 <= translation.body["max_completion_tokens"] <= model.context * (1 - share)


@every_model
def test_a_limit_that_may_fit_is_left_alone(model: Model) -> None:
    """A token is about four bytes: cutting on a byte count alone would cut too much."""
    content = "word " * (model.context // 10)  # about an eighth of the window
    translation = run(model, content=content, max_completion_tokens=model.context // 2)
    assert translation.adjustments == ()


def test_a_picture_is_not_measured_in_bytes() -> None:
    url = data_url("image/png", png() + b"\x00" * 3_000_000)
    talk = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]
    request = {"model": "kimi-k2.6", "messages": talk, "max_completion_tokens": 200_000}
    assert translate(request).adjustments == ()


@every_family
@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("value", [0, -1, 1.5, 100.0, "100", True, [], {}], ids=str)
def test_a_limit_is_a_whole_number(model: Model, field: str, value: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run(model, **{field: value})
    assert caught.value.param == field


# -- stop ------------------------------------------------------------------------------------------


@every_family
@pytest.mark.parametrize(
    ("given", "sent", "here"),
    [
        ("END", "END", ()),
        (["a", "b", "c", "d", "e"], ["a", "b", "c", "d", "e"], ()),
        (["a", "b", "c", "d", "e", "f"], ["a", "b", "c", "d", "e"], ("f",)),
        ("x" * 32, "x" * 32, ()),
        ("x" * 33, None, ("x" * 33,)),
        ("é" * 16, "é" * 16, ()),  # 32 bytes
        ("é" * 17, None, ("é" * 17,)),  # 34 bytes, 17 characters
        ("🛑" * 8, "🛑" * 8, ()),
        (["🛑" * 9, "a"], ["a"], ("🛑" * 9,)),
        (["a", "a"], ["a"], ()),
        (["", "a"], ["a"], ()),
        ("", None, ()),
        ([], None, ()),
    ],
)
def test_five_strings_of_32_bytes_are_sent_and_the_reply_is_cut_at_the_others(
    model: Model, given: Any, sent: Any, here: tuple[str, ...]
) -> None:
    """https://platform.kimi.ai/docs/openapi.json: at most 5, each at most 32 bytes"""
    translation = run(model, stop=given)
    assert translation.body.get("stop") == sent
    assert translation.restore.stops == here
    assert told(translation) == ({} if given in (sent, []) else {"stop": False})


@every_family
@pytest.mark.parametrize("value", [5, True, {}, [5], ["a", None], [["a"]]], ids=str)
def test_stop_is_text(model: Model, value: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run(model, stop=value)
    assert caught.value.param == "stop"


# -- response_format -------------------------------------------------------------------------------


def json_schema(**more: Any) -> Json:
    spec = {"name": "answer", "schema": SCHEMA, "strict": True, **more}
    spec = {key: value for key, value in spec.items() if value is not ...}
    return {"type": "json_schema", "json_schema": spec}


@every_family
@pytest.mark.parametrize(
    "form", [{"type": "text"}, {"type": "json_object"}, json_schema()], ids=str
)
def test_formats_that_kimi_knows(model: Model, form: Json) -> None:
    """https://platform.kimi.ai/docs/guide/response_format"""
    translation = run(model, response_format=form)
    assert translation.body["response_format"] == form
    assert translation.adjustments == ()


@every_family
@pytest.mark.parametrize("strict", [..., None])
def test_a_format_is_not_strict_unless_it_says_so(model: Model, strict: Any) -> None:
    """Kimi takes true when it is missing, OpenAI false."""
    translation = run(model, response_format=json_schema(strict=strict))
    assert translation.body["response_format"]["json_schema"]["strict"] is False
    assert told(translation) == {"response_format.json_schema.strict": False}


@pytest.mark.parametrize("own", [None, "Own words."])
def test_the_description_moves_into_the_schema(own: str | None) -> None:
    schema = {**SCHEMA, "description": own} if own else SCHEMA
    translation = run(response_format=json_schema(schema=schema, description="What it is."))
    spec = translation.body["response_format"]["json_schema"]
    assert "description" not in spec
    assert spec["schema"]["description"] == "What it is." + (f"\n\n{own}" if own else "")


def test_keys_that_kimi_does_not_know_are_a_change_of_meaning() -> None:
    odd = {**json_schema(extra=1), "more": 2}
    assert told(run(response_format=odd)) == {
        "response_format.more": True,
        "response_format.json_schema.extra": True,
    }


@every_family
@pytest.mark.parametrize(
    ("form", "param"),
    [
        ("yaml", "response_format"),
        (dict, "response_format"),
        ({"type": "json_schema", "json_schema": dict}, "response_format.json_schema"),
        ({"type": "json_object", "schema": "{"}, "response_format.schema"),
        ([], "response_format"),
        ({}, "response_format.type"),
        ({"type": "xml"}, "response_format.type"),
        ({"type": ["text"]}, "response_format.type"),
        ({"type": "json_schema"}, "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": "x"}, "response_format.json_schema"),
        (json_schema(name=5), "response_format.json_schema.name"),
        (json_schema(name=""), "response_format.json_schema.name"),
        (json_schema(strict="yes"), "response_format.json_schema.strict"),
        (json_schema(description=5), "response_format.json_schema.description"),
        (json_schema(schema=5), "response_format.json_schema.schema"),
        (json_schema(schema="{}"), "response_format.json_schema.schema"),
    ],
    ids=str,
)
def test_malformed_formats_are_errors(model: Model, form: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run(model, response_format=form)
    assert caught.value.param == param


# -- streams ---------------------------------------------------------------------------------------


@every_family
@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (None, False),
        ({}, False),
        ({"include_usage": False}, False),
        ({"include_usage": True}, True),
        ({"include_usage": True, "include_obfuscation": False}, True),
    ],
    ids=str,
)
def test_usage_is_always_asked_for_and_shown_as_asked(
    model: Model, options: Any, shown: bool
) -> None:
    """Without `include_usage` it hides in the choices:
    https://platform.kimi.ai/docs/guide/utilize-the-streaming-output"""
    translation = run(model, stream=True, stream_options=options)
    assert translation.body["stream_options"] == {"include_usage": True}
    assert translation.restore.include_usage == shown
    assert told(translation) == (
        {} if options == {"include_usage": True} else {"stream_options": False}
    )


@every_family
@pytest.mark.parametrize("stream", [False, None])
def test_options_without_a_stream_are_dropped(model: Model, stream: Any) -> None:
    translation = run(model, stream=stream, stream_options={"include_usage": True})
    assert "stream_options" not in translation.body
    assert told(translation) == {"stream_options": False}


# -- names and the rest ----------------------------------------------------------------------------


@every_family
def test_user_becomes_safety_identifier(model: Model) -> None:
    """https://platform.kimi.ai/docs/openapi.json has no `user`, but `safety_identifier`"""
    translation = run(model, user="eva")
    assert translation.body["safety_identifier"] == "eva"
    assert told(translation) == {"user": False}
    both = run(model, user="eva", safety_identifier="hash")
    assert both.body["safety_identifier"] == "hash"
    assert told(both) == {"user": False}


@every_family
def test_what_kimi_knows_goes_through(model: Model) -> None:
    more = {"prompt_cache_key": "s1", "prediction": {"type": "content", "content": "x"}}
    translation = run(model, **more)
    assert {key: translation.body[key] for key in more} == more
    assert translation.adjustments == ()


@every_family
@pytest.mark.parametrize(
    ("field", "value", "meaning"),
    [
        ("seed", 0, True),
        ("logit_bias", {"1": 5}, True),
        ("logit_bias", {}, False),
        ("store", True, True),
        ("store", False, False),
        ("metadata", {"a": "b"}, True),
        ("metadata", {}, False),
        ("service_tier", "auto", False),
        ("service_tier", "flex", True),
        ("modalities", ["text"], False),
        ("modalities", ["text", "audio"], True),
        ("audio", {"voice": "alloy"}, True),
        ("web_search_options", {}, True),
        ("verbosity", "medium", False),
        ("verbosity", "low", True),
        ("prompt_cache_retention", "24h", False),
        ("top_k", 5, True),
        ("safe_prompt", True, True),
    ],
)
def test_what_kimi_would_swallow_is_left_out_and_told(
    model: Model, field: str, value: Any, meaning: bool
) -> None:
    """Unknown top-level fields are ignored silently:
    https://docs.rs/synaps-engine/0.11.0/src/agent_engine/runtime/openai/catalog/kimi.rs.html"""
    translation = run(model, **{field: value})
    assert field not in translation.body
    assert told(translation) == {field: meaning}


@every_family
@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("stream", "true", "stream"),
        ("stream", 1, "stream"),
        ("stream_options", True, "stream_options"),
        ("stream_options", [], "stream_options"),
        ("user", 5, "user"),
        ("user", True, "user"),
        ("safety_identifier", ["x"], "safety_identifier"),
        ("prompt_cache_key", 5, "prompt_cache_key"),
        ("prediction", "x", "prediction"),
    ],
)
def test_wrong_types_are_errors(model: Model, field: str, value: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run(model, **{field: value})
    assert caught.value.param == param


def test_a_wish_about_usage_is_true_or_false() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run(stream=True, stream_options={"include_usage": "yes"})
    assert caught.value.param == "stream_options.include_usage"


@pytest.mark.parametrize(
    ("letters", "least", "most"),
    [
        (4_000, 4_000, 4_192),  # surely as much is left as is missing when a letter is a token
        (8_000, 3_000, 3_100),  # half of what is left when four letters are a token
        (40_000, 1_024, 1_024),  # nothing is left by any estimate: an eighth of the window
    ],
)
def test_what_is_asked_for_where_prompt_and_answer_share_the_window(
    letters: int, least: int, most: int
) -> None:
    given = {"model": "moonshot-v1-8k", "messages": [{"role": "user", "content": "a" * letters}]}
    translation = translate({**given, "max_completion_tokens": 8_192})
    assert least <= translation.body["max_completion_tokens"] <= most
