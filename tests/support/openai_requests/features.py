"""What a request contains, by name.

`features` names it, and `ALL_FEATURES` has every name it can return.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from .messages import ECHOED_NULLS, message_texts
from .parameters import SIMPLE
from .texts import multibyte

Json = dict[str, Any]

_SCHEMA_MAPS = ("properties", "patternProperties", "$defs", "definitions")
_SCHEMA_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SCHEMA_ONES = ("items", "additionalProperties", "propertyNames", "not", "if", "then", "else")
_SCHEMA_KEYWORDS = frozenset(
    [
        "$schema",
        "$defs",
        "definitions",
        "$ref",
        "$comment",
        "type",
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "minProperties",
        "dependentRequired",
        "if",
        "then",
        "else",
        "not",
        "anyOf",
        "oneOf",
        "allOf",
        "discriminator",
        "enum",
        "const",
        "items",
        "prefixItems",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "contentEncoding",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "nullable",
        "x-origin",
    ]
)


def subschemas(schema: Any) -> Iterator[Any]:
    """The schema and every schema inside it (not values of `default`, `enum` and the like)."""
    yield schema
    if not isinstance(schema, dict):
        return
    inner: list[Any] = []
    for keyword in _SCHEMA_MAPS:
        inner += schema.get(keyword, {}).values()
    for keyword in _SCHEMA_LISTS:
        inner += schema.get(keyword, [])
    inner += [schema[keyword] for keyword in _SCHEMA_ONES if keyword in schema]
    for child in inner:
        yield from subschemas(child)


def schemas(request: Json) -> Iterator[tuple[Json, bool]]:
    """Every schema the request carries, with whether it is to be followed strictly."""
    for tool in request.get("tools") or ():
        if tool["type"] == "function" and "parameters" in tool["function"]:
            yield tool["function"]["parameters"], tool["function"].get("strict") is True
    for function in request.get("functions") or ():
        if "parameters" in function:
            yield function["parameters"], False
    body = (request.get("response_format") or {}).get("json_schema")
    if body:
        yield body["schema"], body.get("strict") is True


def _schema_features(schema: Json) -> Iterator[str]:
    if not schema["properties"]:
        yield "schema:empty-object"
    for sub in subschemas(schema):
        if isinstance(sub, bool):
            yield f"schema:{str(sub).lower()}"
            continue
        yield from (f"schema:{keyword}" for keyword in sub if keyword in _SCHEMA_KEYWORDS)
        if not sub:
            yield "schema:any"
        if isinstance(sub.get("type"), list):
            yield "schema:type-list"
        if "$ref" in sub:
            if len(sub) > 1:
                yield "schema:ref-siblings"
            if sub["$ref"] == "#":
                yield "schema:ref-root"
            elif sub["$ref"].startswith("#/properties/"):
                yield "schema:ref-property"
            elif sub["$ref"].endswith("/Node"):
                yield "schema:recursive"
        if "enum" in sub and "type" not in sub:
            yield "schema:enum-untyped"
        if {"type": "null"} in sub.get("anyOf", ()):
            yield "schema:optional"
        if any(multibyte(name) for name in sub.get("properties", ())):
            yield "schema:multibyte-property"
        if any(name in _SCHEMA_KEYWORDS for name in sub.get("properties", ())):
            yield "schema:keyword-named-property"


def _strict_label(holder: Json) -> str:
    return json.dumps(holder["strict"]) if "strict" in holder else "omitted"


def _tool_features(request: Json) -> Iterator[str]:
    tools = request.get("tools") or []
    if len(tools) > 10:
        yield "tools:>10"
    if len(tools) > 30:
        yield "tools:>30"
    for tool in tools:
        body = tool[tool["type"]]
        yield f"tools:{tool['type']}"
        first = body["name"][0]
        if first.isdigit():
            yield "tools:name-leading-digit"
        elif first in "_-":
            yield "tools:name-leading-" + ("underscore" if first == "_" else "dash")
        if len(body["name"]) == 64:
            yield "tools:name-64"
        if not body.get("description"):
            yield "tools:description-" + ("empty" if "description" in body else "missing")
        if tool["type"] == "function":
            yield f"tools:strict-{_strict_label(body)}"
            if "parameters" not in body:
                yield "tools:parameters-missing"
        else:
            form = body.get("format", {"type": "omitted"})
            yield "tools:format-" + form.get("grammar", {}).get("syntax", form["type"])
    choice = request.get("tool_choice")
    if isinstance(choice, str):
        yield f"tool_choice:{choice}"
    elif choice:
        yield f"tool_choice:{choice['type']}" + (
            f"-{choice['allowed_tools']['mode']}" if choice["type"] == "allowed_tools" else ""
        )
    call = request.get("function_call")
    if call:
        yield f"function_call:{call if isinstance(call, str) else 'named'}"


def _parameter_features(request: Json) -> Iterator[str]:
    for name, value in request.items():
        yield f"param:{name}" if value is not None else f"null:{name}"
    if (request.get("temperature") or 0) > 1:
        yield "temperature:>1"
    if (request.get("n") or 1) > 1:
        yield "n:>1"
    if (request.get("n") or 1) > 5:
        yield "n:>5"
    stop = request.get("stop")
    stops = [stop] if isinstance(stop, str) else stop or []
    if stops:
        yield "stop:str" if isinstance(stop, str) else "stop:list"
    if any(len(text.encode()) > 32 for text in stops):
        yield "stop:long"
    if any(multibyte(text) for text in stops):
        yield "stop:multibyte"
    if request.get("stream"):
        yield "stream:true"
    for name in request.get("stream_options") or ():
        yield f"stream_options:{name}"
    if "audio" in (request.get("modalities") or ()):
        yield "modalities:audio"
    for name in ("reasoning_effort", "service_tier", "verbosity", "prompt_cache_retention"):
        if request.get(name):
            yield f"{name}:{request[name]}"
    response_format = request.get("response_format")
    if response_format:
        yield f"response_format:{response_format['type']}"
        body = response_format.get("json_schema")
        if body:
            yield f"response_format:strict-{_strict_label(body)}"
            if "description" in body:
                yield "response_format:description"


def _content_features(message: Json) -> Iterator[str]:
    role = message["role"]
    content = message.get("content")
    if isinstance(content, list):
        yield f"{role}:parts"
        if len({bool(part["text"]) for part in content if part["type"] == "text"}) == 2:
            yield "part:text-empty-beside-text"
        for part in content:
            yield f"part:{part['type']}"
            if "prompt_cache_breakpoint" in part:
                yield "part:prompt_cache_breakpoint"
            if "cache_control" in part:
                yield "residue:part.cache_control"
            if part["type"] == "image_url":
                url = part["image_url"]["url"]
                yield "image:data" if url.startswith("data:") else "image:url"
                if "detail" in part["image_url"]:
                    yield f"image:detail-{part['image_url']['detail']}"
    elif isinstance(content, str):
        yield f"{role}:text"
        if not content:
            yield f"{role}:empty"
        elif not content.strip():
            yield "content:blank"
        if len(content) > 10_000:
            yield "content:long"
    else:
        yield f"{role}:content-" + ("null" if "content" in message else "missing")
    if any(multibyte(text) for text in message_texts([message])):
        yield f"{role}:multibyte"


def _call_features(calls: list[Json]) -> Iterator[str]:
    if len(calls) > 1:
        yield "history:parallel-calls"
    for call in calls:
        yield f"history:{call['type']}-call"
        if call["type"] == "function":
            arguments = call["function"]["arguments"]
            try:
                if not isinstance(json.loads(arguments), dict):
                    yield "history:arguments-not-object"
            except ValueError:
                yield "history:arguments-" + ("not-json" if arguments else "empty")
            if "parsed_arguments" in call["function"]:
                yield "residue:parsed_arguments"
        if "index" in call:
            yield "residue:call.index"
        if "provider_specific_fields" in call:
            yield "residue:call.provider_specific_fields"


_RESIDUE_KEYS = (
    "provider_specific_fields",
    "cache_control",
    "thinking_blocks",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "parsed",
)


def _message_features(messages: list[Json]) -> Iterator[str]:
    instructions = [i for i, m in enumerate(messages) if m["role"] in ("system", "developer")]
    if len(instructions) > 1:
        yield "messages:several-instructions"
    if instructions != list(range(len(instructions))):
        yield "messages:instruction-in-the-middle"
    if len(instructions) == len(messages):
        yield "messages:only-instructions"
    if len(messages) > 20:
        yield "messages:>20"
    yield f"messages:ends-{messages[-1]['role']}"
    dialogue = [m for m in messages if m["role"] not in ("system", "developer")]
    if dialogue and dialogue[0]["role"] == "assistant":
        yield "messages:starts-assistant"
    for before, after in itertools.pairwise(messages):
        if before["role"] == after["role"] and before["role"] != "tool":
            yield f"messages:consecutive-{before['role']}"
    pending: list[str] = []
    for message in messages:
        role = message["role"]
        yield from _content_features(message)
        if "name" in message:
            yield "residue:tool.name" if role == "tool" else f"{role}:name"
        yield from (f"residue:{key}" for key in _RESIDUE_KEYS if key in message)
        if role == "tool":
            if pending and message["tool_call_id"] != pending[0]:
                yield "history:results-out-of-order"
            pending = [i for i in pending if i != message["tool_call_id"]]
        if role != "assistant":
            continue
        for key in ECHOED_NULLS:
            if key in message:
                yield f"assistant:{key}" + ("-null" if message[key] is None else "")
        if "annotations" in message:
            yield "assistant:annotations" + ("" if message["annotations"] else "-empty")
        calls = message.get("tool_calls")
        if calls:
            pending = [call["id"] for call in calls]
            content = message.get("content", "missing")
            if content is None:
                yield "history:call-content-null"
            elif content == "":
                yield "history:call-content-empty"
            if "reasoning_content" not in message:
                yield "history:call-without-reasoning"
            yield from _call_features(calls)
        elif "tool_calls" in message:
            yield "residue:tool_calls-null"


def features(request: Json) -> set[str]:
    """The names of what the request contains, all of them in `ALL_FEATURES`."""
    names = {*_parameter_features(request), *_tool_features(request)}
    names.update(_message_features(request["messages"]))
    for schema, strict in schemas(request):
        names.add("schema:strict" if strict else "schema:loose")
        names.update(_schema_features(schema))
    return names


def _feature_names(*groups: str) -> frozenset[str]:
    """Names written as `prefix: suffix suffix ...`, one prefix a line."""
    names: set[str] = set()
    for group in groups:
        prefix, _, suffixes = group.partition(": ")
        names.update(f"{prefix}:{suffix}" for suffix in suffixes.split())
    return frozenset(names)


RESIDUE_FEATURES = _feature_names(
    "residue: " + " ".join(_RESIDUE_KEYS),
    "residue: part.cache_control tool.name call.index call.provider_specific_fields",
    "residue: parsed_arguments tool_calls-null",
)
MEDIA_FEATURES = _feature_names("part: input_audio file")
IMAGE_FEATURES = _feature_names(
    "part: image_url", "image: data url detail-auto detail-low detail-high detail-original"
)
_PARAMETERS = _feature_names(
    "param: model messages " + " ".join(SIMPLE),
    "param: max_tokens max_completion_tokens logprobs top_logprobs stream stream_options metadata",
    "param: tools tool_choice parallel_tool_calls functions function_call",
    "param: modalities audio prediction web_search_options",
    "null: " + " ".join(name for name, (_, nullable) in SIMPLE.items() if nullable),
    "null: max_tokens max_completion_tokens logprobs top_logprobs stream stream_options metadata",
    "null: modalities audio prediction",
    "temperature: >1",
    "n: >1 >5",
    "stop: str list long multibyte",
    "stream: true",
    "stream_options: include_usage include_obfuscation",
    "modalities: audio",
    "reasoning_effort: none minimal low medium high xhigh max",
    "service_tier: auto default flex scale priority fast",
    "verbosity: low medium high",
    "prompt_cache_retention: in_memory 24h",
    "response_format: text json_object json_schema description",
    "response_format: strict-true strict-false strict-null strict-omitted",
)
_TOOLS = _feature_names(
    "tools: function custom >10 >30 parameters-missing description-missing description-empty",
    "tools: name-leading-digit name-leading-underscore name-leading-dash name-64",
    "tools: strict-true strict-false strict-null strict-omitted",
    "tools: format-omitted format-text format-lark format-regex",
    "tool_choice: none auto required function custom allowed_tools-auto allowed_tools-required",
    "function_call: none auto named",
)
_SCHEMAS = _feature_names(
    "schema: strict loose empty-object true false any type-list ref-siblings ref-root",
    "schema: ref-property recursive enum-untyped optional multibyte-property",
    "schema: keyword-named-property " + " ".join(_SCHEMA_KEYWORDS),
)
_MESSAGES = _feature_names(
    "messages: several-instructions instruction-in-the-middle only-instructions >20",
    "messages: starts-assistant ends-user ends-assistant ends-tool ends-function ends-system",
    "messages: ends-developer consecutive-user consecutive-assistant consecutive-system",
    "messages: consecutive-developer",
    "system: text parts empty name multibyte",
    "developer: text parts empty name multibyte",
    "user: text parts empty name multibyte",
    "assistant: text parts empty name multibyte content-null content-missing",
    "assistant: refusal refusal-null function_call function_call-null audio audio-null",
    "assistant: annotations annotations-empty",
    "tool: text parts empty multibyte",
    "function: text empty name multibyte content-null",
    "content: blank long",
    "part: text refusal text-empty-beside-text prompt_cache_breakpoint",
    "history: parallel-calls results-out-of-order function-call custom-call arguments-not-json",
    "history: arguments-empty arguments-not-object call-content-null call-content-empty",
    "history: call-without-reasoning",
)
ALL_FEATURES = (
    _PARAMETERS | _TOOLS | _SCHEMAS | _MESSAGES | IMAGE_FEATURES | MEDIA_FEATURES | RESIDUE_FEATURES
)
