"""The generator of OpenAI requests: wide, repeatable, and within OpenAI's rules."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest

from tests.support.openai_requests import (
    ALL_FEATURES,
    DEFAULT_MODELS,
    IMAGE_FEATURES,
    MEDIA_FEATURES,
    RESIDUE_FEATURES,
    features,
    random_request,
    requests,
    schemas,
    subschemas,
)

COUNT = 2_000
AT_LEAST = 4
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
PERSON = re.compile(r"[^\s<|\\/>]{1,64}")
LOOSE_ONLY = frozenset(
    [
        "allOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "default",
        "prefixItems",
        "patternProperties",
        "propertyNames",
        "dependentRequired",
        "minProperties",
        "minLength",
        "maxLength",
        "uniqueItems",
        "nullable",
        "definitions",
    ]
)


@pytest.fixture(scope="module")
def sample() -> list[dict[str, Any]]:
    return list(requests(COUNT))


# -- what OpenAI asks of a request -----------------------------------------------------------------


def message_problems(messages: list[dict[str, Any]]) -> Iterator[str]:
    if not messages:
        yield "no messages"
    waiting: set[str] = set()
    for message in messages:
        role, content = message["role"], message.get("content")
        if role == "tool":
            if message["tool_call_id"] not in waiting:
                yield "a tool result without its call"
            waiting.discard(message["tool_call_id"])
        elif waiting:
            yield "a call without its result"
        if isinstance(content, list):
            if not content:
                yield "no parts"
            kinds = [part["type"] for part in content]
            allowed = {"text"}
            if role == "user":
                allowed |= {"image_url", "input_audio", "file"}
            if role == "assistant" and kinds == ["refusal"]:
                allowed = {"refusal"}
            if not set(kinds) <= allowed or role == "function":
                yield f"parts {kinds} in a {role} message"
        elif content is None:
            spoken = ("tool_calls", "function_call", "refusal", "audio")
            if role == "assistant" and not any(message.get(key) for key in spoken):
                yield "an assistant message that says nothing"
            elif role not in ("assistant", "function"):
                yield f"no content in a {role} message"
        if "name" in message and not PERSON.fullmatch(message["name"]):
            yield f"name {message['name']!r}"
        calls = message.get("tool_calls")
        if calls == []:
            yield "no calls in tool_calls"
        for call in calls or ():
            if call["id"] in waiting or len(call["id"]) > 40:
                yield f"call id {call['id']!r}"
            waiting.add(call["id"])
            if not NAME.fullmatch(call[call["type"]]["name"]):
                yield "call name"
    if waiting:
        yield "a call without its result at the end"


def schema_problems(schema: dict[str, Any], strict: bool) -> Iterator[str]:
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), dict):
        yield "the root is not an object with properties"
    if {"anyOf", "oneOf", "allOf", "not", "enum", "$ref"} & schema.keys():
        yield "a combinator at the root"
    for sub in subschemas(schema):
        if isinstance(sub, bool):
            if strict and sub:
                yield "a boolean schema, strict"
            continue
        if sub.get("type") == "array" and "items" not in sub:
            yield "an array without items"
        reference = sub.get("$ref")
        if reference and reference != "#":
            place: Any = schema
            for step in reference.removeprefix("#/").split("/"):
                place = place.get(step)
                if place is None:
                    yield f"{reference} leads nowhere"
                    break
        if not strict:
            continue
        if LOOSE_ONLY & sub.keys():
            yield f"{LOOSE_ONLY & sub.keys()}, strict"
        if reference and len(sub) > 1:
            yield "keywords beside $ref, strict"
        if not {"type", "$ref", "anyOf"} & sub.keys():
            yield "neither type, $ref nor anyOf, strict"
        if sub.get("type") == "object" and (
            sub.get("additionalProperties") is not False
            or set(sub["required"]) != set(sub["properties"])
        ):
            yield "an open object, strict"


def tool_problems(request: dict[str, Any]) -> Iterator[str]:
    tools = request.get("tools")
    names = [(tool["type"], tool[tool["type"]]["name"]) for tool in tools or ()]
    functions = [function["name"] for function in request.get("functions") or ()]
    if tools is None and {"tool_choice", "parallel_tool_calls"} & request.keys():
        yield "tool_choice or parallel_tool_calls without tools"
    if tools is not None and not 1 <= len(tools) <= 128:
        yield "number of tools"
    if tools is not None and functions:
        yield "tools and functions"
    every = [name for _, name in names] + functions
    if len(set(every)) != len(every) or not all(NAME.fullmatch(name) for name in every):
        yield "tool names"
    choice = request.get("tool_choice")
    if isinstance(choice, dict):
        nested = choice.get("allowed_tools")
        named = nested["tools"] if nested else [choice]
        if not named or any((c["type"], c[c["type"]]["name"]) not in names for c in named):
            yield "tool_choice names no tool"
    elif choice not in (None, "none", "auto", "required"):
        yield "tool_choice"
    call = request.get("function_call")
    if isinstance(call, dict) and call["name"] not in functions:
        yield "function_call names no function"
    if call is not None and not functions:
        yield "function_call without functions"


RANGES = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "n": (1, 128),
    "top_logprobs": (0, 20),
    "max_tokens": (1, 128_000),
    "max_completion_tokens": (1, 128_000),
    "seed": (-(2**63), 2**63 - 1),
}


def parameter_problems(request: dict[str, Any]) -> Iterator[str]:
    def given(name: str) -> bool:
        return request.get(name) is not None

    for name, (low, high) in RANGES.items():
        if given(name) and not low <= request[name] <= high:
            yield f"{name} out of range"
    if given("top_logprobs") and request.get("logprobs") is not True:
        yield "top_logprobs without logprobs"
    if given("stream_options") and request.get("stream") is not True:
        yield "stream_options without stream"
    if given("max_tokens") and given("max_completion_tokens"):
        yield "max_tokens and max_completion_tokens"
    if given("metadata"):
        if request.get("store") is not True:
            yield "metadata without store"
        pairs = request["metadata"]
        if len(pairs) > 16 or any(len(k) > 64 or len(v) > 512 for k, v in pairs.items()):
            yield "metadata"
    stop = request.get("stop")
    if isinstance(stop, list) and not (1 <= len(stop) <= 4 and all(stop)):
        yield "stop"
    if ("audio" in (request.get("modalities") or ())) != given("audio"):
        yield "audio and modalities"
    if given("audio") and request.get("stream") and request["audio"]["format"] != "pcm16":
        yield "streamed audio that is not pcm16"
    if given("prediction") and (given("tools") or given("max_completion_tokens") or given("n")):
        yield "prediction with what it excludes"
    for name in ("user", "safety_identifier", "prompt_cache_key"):
        if given(name) and len(request[name]) > 64:
            yield name
    spoken = any("json" in text.lower() for text in texts(request["messages"]))
    if request.get("response_format") == {"type": "json_object"} and not spoken:
        yield "JSON mode without the word"


def texts(messages: list[dict[str, Any]]) -> Iterator[str]:
    for message in messages:
        content = message.get("content") or ()
        if isinstance(content, str):
            yield content
        else:
            yield from (part["text"] for part in content if part["type"] == "text")


def problems(request: dict[str, Any]) -> list[str]:
    found = [*parameter_problems(request), *tool_problems(request)]
    found += message_problems(request["messages"])
    for schema, strict in schemas(request):
        found += schema_problems(schema, strict)
    return found


# -- tests -----------------------------------------------------------------------------------------


def test_every_feature_occurs(sample: list[dict[str, Any]]) -> None:
    counts = Counter(name for request in sample for name in features(request))
    rare = {name: counts[name] for name in ALL_FEATURES - MEDIA_FEATURES}
    assert {name: count for name, count in rare.items() if count < AT_LEAST} == {}
    assert counts.keys() - ALL_FEATURES == set()
    assert not counts.keys() & MEDIA_FEATURES


def test_every_parameter_of_the_api_occurs(sample: list[dict[str, Any]]) -> None:
    params = pytest.importorskip("openai.types.chat.completion_create_params")
    known = set(params.CompletionCreateParamsStreaming.__annotations__)
    known |= set(params.CompletionCreateParamsBase.__annotations__)
    sent = {name for request in sample for name in request}
    assert sent <= known | {"stream"}
    missing = known - sent
    assert missing == set(), f"parameters the generator does not know: {missing}"


def test_every_default_model_occurs(sample: list[dict[str, Any]]) -> None:
    assert {request["model"] for request in sample} == set(DEFAULT_MODELS)
    assert {r["model"] for r in requests(20, models=["a", "b"])} == {"a", "b"}
    assert random_request(random.Random(1), "mine")["model"] == "mine"


def test_deterministic(sample: list[dict[str, Any]]) -> None:
    assert list(requests(300)) == sample[:300]
    assert list(requests(50, seed=1)) != sample[:50]
    assert random_request(random.Random(5)) == random_request(random.Random(5))


def test_json_round_trip(sample: list[dict[str, Any]]) -> None:
    for request in sample:
        text = json.dumps(request, ensure_ascii=False, allow_nan=False)
        assert json.loads(text.encode("utf-8")) == request


def test_no_value_is_shared(sample: list[dict[str, Any]]) -> None:
    """A caller may change a request without changing the next one."""
    before = json.dumps(sample[:50])
    for request in requests(50):
        for schema, _ in schemas(request):
            for sub in list(subschemas(schema)):
                if isinstance(sub, dict):
                    sub.clear()
        request["messages"].clear()
    assert json.dumps(list(requests(50))) == before


@pytest.mark.parametrize("residue", [True, False])
def test_within_the_rules(residue: bool) -> None:
    for index, request in enumerate(requests(COUNT, seed=11, residue=residue, media="all")):
        assert problems(request) == [], index


def test_keywords() -> None:
    bare = [features(r) for r in requests(600, seed=3, residue=False, media="none")]
    assert not set().union(*bare) & (RESIDUE_FEATURES | IMAGE_FEATURES | MEDIA_FEATURES)
    full = [features(r) for r in requests(600, seed=3, media="all")]
    assert set().union(*full) >= MEDIA_FEATURES | IMAGE_FEATURES


def test_schemas_are_json_schemas(sample: list[dict[str, Any]]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    for request in sample[:150]:
        for schema, _ in schemas(request):
            jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.skipif(version("openai") < "3", reason="openai 2 does not know the newest values")
def test_types_of_the_client_library() -> None:
    pydantic = pytest.importorskip("pydantic")
    params = pytest.importorskip("openai.types.chat.completion_create_params")
    plain = pydantic.TypeAdapter(params.CompletionCreateParamsNonStreaming)
    streaming = pydantic.TypeAdapter(params.CompletionCreateParamsStreaming)
    for request in requests(800, seed=5, residue=False, media="all"):
        adapter = streaming if request.get("stream") else plain
        exhaust(adapter.validate_python(request))


def exhaust(value: Any) -> None:
    """Pydantic checks an `Iterable` only as it is read."""
    if isinstance(value, dict):
        for inner in value.values():
            exhaust(inner)
    elif not isinstance(value, (str, bytes, int, float, type(None))):
        for inner in value:
            exhaust(inner)
