"""What the offline Kimi refuses, rule by rule, in the API's own words."""

from __future__ import annotations

import random
from typing import Any

import pytest

from llm_kimi.catalog import resolve
from llm_kimi.simulator import Refusal, check_chat, ignored
from llm_kimi.simulator.replies.payloads import chunks, usage_of
from llm_kimi.simulator.replies.prefix_cache import PrefixCache
from llm_kimi.simulator.replies.script import plan
from llm_kimi.simulator.rules.chat import thinks
from tests.support.budgets import first_seed, tries
from tests.support.checked_requests import (
    BAD_NAME,
    E1,
    E2,
    K3,
    K25,
    K26,
    K27,
    K31,
    MP4,
    OFF,
    PNG,
    USER,
    V1,
    V1_IMAGE,
    asks,
    call,
    chat,
    image,
    named,
    schema_format,
    shows,
    talk,
    tells,
    tool,
    video,
    without,
)

REFUSED: list[tuple[str, Any, str]] = [
    # the envelope
    ("body", [], "must be a JSON object"),
    # what is no JSON
    *[
        ("json", chat(user=value), "not valid JSON")
        for value in ("half \ud83d", {"\udc00": 1}, float("nan"), float("-inf"), {1, 2}, b"x")
    ],
    ("model", {"messages": [USER]}, "model must not be empty"),
    ("model-not-found", chat("gpt-5"), "Not found the model gpt-5 or Permission denied"),
    ("model-not-found", chat("k3.1-pro"), "Not found the model k3.1-pro or Permission denied"),
    ("messages-empty", chat(messages=[]), "Invalid request: messages must not be empty"),
    ("messages-empty", {"model": K3}, "Invalid request: messages must not be empty"),
    ("messages", chat(messages="hi"), "must be an array"),
    # sampling: https://platform.kimi.ai/docs/guide/models-overview
    *[
        ("temperature-pinned", chat(m, temperature=0.6), "invalid temperature: only 1 is allowed")
        for m in (K31, K3, K27, K26, K25)
    ],
    (
        "temperature-pinned",
        chat(K26, temperature=1, **OFF),
        "invalid temperature: only 0.6 is allowed for this model",
    ),
    ("top-p-pinned", chat(top_p=1), "invalid top_p: only 0.95 is allowed for this model"),
    ("top-p-pinned", chat(K26, top_p=0.9, **OFF), "invalid top_p: only 0.95 is allowed"),
    ("n-pinned", chat(n=2), "invalid n: only 1 is allowed for this model"),
    ("n-pinned", chat(n=2, stream=True), "invalid n: only 1 is allowed for this model"),
    (
        "presence-penalty-pinned",
        chat(presence_penalty=0.5),
        "invalid presence_penalty: only 0 is allowed for this model",
    ),
    (
        "frequency-penalty-pinned",
        chat(frequency_penalty=-1),
        "invalid frequency_penalty: only 0 is allowed for this model",
    ),
    (
        "logprobs-pinned",
        chat(logprobs=True),
        "invalid logprobs: only false is allowed for this model",
    ),
    (
        "top-logprobs",
        chat(top_logprobs=2),
        "Invalid request: logprobs must be set to true if top_logprobs is used",
    ),
    ("top-logprobs-range", chat(V1, logprobs=True, top_logprobs=21), "between 0 and 20"),
    ("temperature-type", chat(temperature="1"), "temperature must be a number"),
    ("temperature-type", chat(temperature=True), "temperature must be a number"),
    ("n-type", chat(V1, n=1.5), "n must be an integer"),
    ("logprobs-type", chat(logprobs=1), "logprobs must be a boolean"),
    ("temperature-range", chat(V1, temperature=1.5), "between 0 and 1"),
    ("presence-penalty-range", chat(V1, presence_penalty=3), "between -2 and 2"),
    ("n-range", chat(V1, n=6, temperature=1), "between 1 and 5"),
    ("near-zero-n", chat(V1, n=2, temperature=0.001), "only 1 is allowed"),
    ("near-zero-n", chat(V1, n=2), "only 1 is allowed"),  # the default temperature is 0
    # lengths
    ("max-tokens", chat(max_completion_tokens=0), "max_completion_tokens must be an integer"),
    ("max-tokens", chat(max_tokens=1.5), "max_tokens must be an integer"),
    ("max-tokens", chat(max_completion_tokens=True), "must be an integer"),
    (
        "token-limit",
        chat(K26, max_completion_tokens=262_144),
        "Invalid request: Your request exceeded model token limit: 262144 (requested: 262149)",
    ),
    (
        "token-limit",
        talk({"role": "user", "content": "word" * 300_000}),
        "Invalid request: Your request exceeded model token limit: 262144 (requested: ",
    ),
    ("token-limit", chat(V1, max_tokens=8192), "exceeded model token limit: 8192"),
    ("stop-count", chat(stop=list("abcdef")), "more than 5"),
    ("stop-length", chat(stop="ä" * 17), "32 bytes"),
    ("stop-type", chat(stop=[1]), "must be a string"),
    ("stop-type", chat(stop={}), "must be a string"),
    ("stream-type", chat(stream="yes"), "stream must be a boolean"),
    ("stream-options-type", chat(stream_options=True), "must be an object"),
    # thinking: https://platform.kimi.ai/docs/guide/use-thinking-models
    (
        "thinking-disabled",
        chat(K27, **OFF),
        "invalid thinking: only type=enabled is allowed for this model",
    ),
    ("thinking-keys", chat(K26, thinking={"type": "enabled", "effort": "low"}), "effort"),
    ("thinking-keys", chat(K25, thinking={"type": "enabled", "keep": "all"}), "keep"),
    ("thinking-keep", chat(K27, thinking={"type": "enabled", "keep": "last"}), "keep=all"),
    ("thinking-type", chat(K26, thinking={}), "type must be"),
    ("thinking-type", chat(K26, thinking=True), "must be an object"),
    ("reasoning-effort", chat(K26, reasoning_effort="none"), "reasoning_effort"),
    ("reasoning-effort", chat(K31, reasoning_effort={"effort": "low"}), "reasoning_effort"),
    # tool_choice: https://platform.kimi.ai/docs/guide/use-tool-choice
    *[
        ("tool-choice-thinking", chat(m, tools=[tool()], tool_choice=named()), E1)
        for m in (K31, K3, K27, K26)
    ],
    *[
        ("tool-choice-thinking", chat(m, tools=[tool()], tool_choice="required"), E2)
        for m in (K27, K26, K25)
    ],
    ("tool-choice-model", chat(V1, tools=[tool()], tool_choice="required"), "not supported"),
    ("tool-choice-no-tools", chat(K31, tool_choice="required"), "requires tools"),
    ("tool-choice-no-tools", chat(K26, tool_choice=named(), **OFF), "requires tools"),
    (
        "tool-choice-unknown",
        chat(K26, tools=[tool()], tool_choice=named("sub"), **OFF),
        "sub is not in tools",
    ),
    ("tool-choice", chat(tools=[tool()], tool_choice="any"), "auto, none or required"),
    ("tool-choice", chat(tools=[tool()], tool_choice={"type": "function"}), "name is required"),
    # tools
    ("tools-type", chat(tools={}), "must be an array"),
    ("tool-duplicate", chat(tools=[tool(), tool()]), "add is duplicated"),
    ("tool-type", chat(tools=[{"type": "custom"}]), "function or builtin_function"),
    ("tool-function", chat(tools=[{"type": "function"}]), "tools.function is required"),
    *[
        ("function-name", chat(tools=[tool(bad)]), BAD_NAME)
        for bad in ("21st_magic", "_private", "a.b", "x" * 65, "", "$web_search", "a\n")
    ],
    (
        "function-name",
        chat(tools=[{"type": "builtin_function", "function": {"name": "web_search"}}]),
        BAD_NAME,
    ),
    ("parameters", chat(tools=[{"type": "function", "function": {"name": "a"}}]), "parameters"),
    ("parameters", chat(tools=[tool(parameters=[])]), "must be an object"),
    (
        "parameters-root",
        chat(tools=[tool(parameters={})]),
        'tools.function.parameters.type is required and must be "object"',
    ),
    ("parameters-root", chat(tools=[tool(parameters={"type": "string"})]), 'must be "object"'),
    (
        "parameters-mfjs",
        chat(tools=[tool(parameters={"type": "object", "properties": {"task": {}}})]),
        (
            "tools.function.parameters is not a valid moonshot flavored json schema, details: "
            "<At path 'properties.task': type is not defined>"
        ),
    ),
    (
        "parameters-mfjs",
        chat(tools=[tool(parameters={"type": "object", "properties": {"x": 1}}, strict=False)]),
        "moonshot flavored",
    ),
    ("function-strict", chat(tools=[tool(strict="yes")]), "strict must be a boolean"),
    # response_format: https://platform.kimi.ai/docs/guide/response_format
    ("response-format", chat(response_format={"type": "xml"}), "json_schema"),
    ("json-schema", chat(response_format={"type": "json_schema"}), "json_schema is required"),
    ("json-schema-name", chat(**schema_format({"type": "object"}, name="")), "name is required"),
    (
        "json-schema-schema",
        chat(**schema_format("{}")),
        (
            "the `response_format.json_schema.schema` field in the request (expected type "
            "dict[string,interface]) is illegal..."
        ),
    ),
    ("json-schema-mfjs", chat(**schema_format({"properties": {"a": True}})), "moonshot flavored"),
    (
        "json-schema-mfjs",
        chat(**schema_format({"type": "object", "anyOf": [{"type": "object"}]}, strict=True)),
        "when using anyOf, type should be defined in anyOf items instead of the parent schema",
    ),
    # roles and contents
    ("message-type", talk("hi"), "at position 0"),
    (
        "role-developer",
        talk({"role": "developer", "content": "x"}, USER),
        "Invalid request: role 'developer' is not allowed",
    ),
    (
        "role-unknown",
        talk({"role": "function", "name": "add", "content": "3"}),
        "invalid request: unsupported role ROLE_UNSPECIFIED",
    ),
    ("role-unknown", talk({"content": "x"}), "unsupported role ROLE_UNSPECIFIED"),
    *[
        ("content-empty", talk(USER, {"role": role, **content}), f"with role '{role}'")
        for role in ("system", "user", "tool")
        for content in ({}, {"content": ""}, {"content": None}, {"content": []})
    ],
    *[
        (
            "assistant-empty",
            talk(USER, {"role": "assistant", **content}, USER),
            "Invalid request: the message at position 1 with role 'assistant' must not be empty",
        )
        for content in ({}, {"content": ""}, {"content": None}, {"content": [], "tool_calls": []})
    ],
    (
        "assistant-empty",  # the legacy form is swallowed, so nothing is left
        talk(USER, {"role": "assistant", "content": None, "function_call": {"name": "add"}}),
        "must not be empty",
    ),
    (
        "text-empty",
        talk(USER, asks(call(), content=[{"type": "text", "text": ""}]), tells()),
        "text content is empty",
    ),
    ("text-empty", talk(shows({"type": "text", "text": ""})), "text content is empty"),
    ("content-type", talk({"role": "user", "content": {"text": "x"}}), "string or an array"),
    ("part-type", talk(shows({"type": "file", "file": {}})), "unsupported content type file"),
    ("part-type", talk(shows({"type": "input_audio"})), "unsupported content type input_audio"),
    # media: https://platform.kimi.ai/docs/guide/use-kimi-vision-model
    (
        "image-url-scheme",
        talk(shows(image("https://a.b/c.png"))),
        "unsupported image url: https://a.b/c",
    ),
    ("image-format", talk(shows(image("data:image/svg+xml;base64,AAAA"))), "image/svg+xml"),
    ("image-format", talk(shows(image(MP4))), "unsupported image format"),
    ("image-data", talk(shows(image("data:image/png,AAAA"))), "not a base64 data URL"),
    ("image-base64", talk(shows(image("data:image/png;base64,***"))), "valid base64"),
    ("image-base64", talk(shows(image("data:image/png;base64,"))), "valid base64"),
    ("image-url", talk(shows(image(""))), "must not be empty"),
    ("image-url", talk(shows(image("ms://"))), "names no file"),
    ("image-modality", talk(shows(image()), model=V1), "image input is not supported"),
    ("video-modality", talk(shows(video()), model=K25), "video input is not supported"),
    ("video-modality", talk(shows(video()), model=V1_IMAGE), "video input is not supported"),
    ("video-format", talk(shows(video("data:video/x-matroska;base64,AAAA"))), "x-matroska"),
    # tool exchanges
    *[
        (
            "reasoning-missing",
            talk(USER, turn, tells(), model=m),
            (
                "thinking is enabled but reasoning_content is missing in assistant tool call "
                "message at index 1"
            ),
        )
        for m in (K31, K27, K26)
        for turn in (
            without(asks(call()), "reasoning_content"),
            asks(call(), reasoning_content=None),
            # https://github.com/theopenco/llmgateway/issues/2093
            asks(call(), reasoning_content=""),
        )
    ],
    ("tool-orphan", talk(USER, tells("gone:0")), "tool_call_id  is not found"),
    ("tool-orphan", talk(USER, asks(call()), tells(), tells()), "tool_call_id  is not found"),
    (
        "tool-orphan",
        talk(USER, asks(call()), tells(), USER, tells()),
        "tool_call_id  is not found",
    ),
    (
        "tool-call-id-missing",
        talk(USER, asks(call()), without(tells(), "tool_call_id")),
        "tool_call_id  is not found",
    ),
    ("tool-result-missing", talk(USER, asks(call()), USER), "add:0"),
    ("tool-result-missing", talk(USER, asks(call(), call("add:1")), tells()), "add:1"),
    ("tool-calls", talk(USER, asks(call(), tool_calls={"a": 1})), "must be an array"),
    ("tool-call-id", talk(USER, asks(call(""))), "id must not be empty"),
    ("tool-call-type", talk(USER, asks(call(type="custom"))), "type must be function"),
    (
        "tool-call-arguments",
        talk(USER, asks(call(function={"name": "add", "arguments": {}}))),
        "must be a string",
    ),
    *[
        (
            # https://github.com/MoonshotAI/kimi-cli/issues/1378, 1171, 2165
            "tool-call-arguments-json",
            talk(USER, asks(call(function={"name": "add", "arguments": text})), tells(), **more),
            "must be the text of a JSON object",
        )
        for text in ("", " ", "null", "[]", "3", '{"a": 1', '{"a": "x\ny"}', "{}{}", '{"a": NaN}')
        for more in ({}, OFF)
    ],
    (
        "tool-call-name",
        talk(USER, asks(call(function={"name": "1add", "arguments": "{}"}))),
        BAD_NAME,
    ),
    # Partial Mode: https://platform.kimi.ai/docs/guide/use-partial-mode
    (
        "partial-last",
        talk(USER, {"role": "assistant", "content": "a", "partial": True}, USER),
        "last assistant message",
    ),
    ("partial-last", talk({**USER, "partial": True}), "last assistant message"),
    (
        "partial-json",
        talk(
            USER,
            {"role": "assistant", "content": "{", "partial": True},
            response_format={"type": "json_object"},
        ),
        "partial cannot be used with json_object",
    ),
    # dynamic tools: https://platform.kimi.ai/docs/guide/use-dynamic-tool-loading
    (
        "dynamic-tools-model",
        talk({"role": "system", "tools": [tool()]}, USER),
        "tokenization failed",
    ),
    (
        "dynamic-tools-content",
        talk({"role": "system", "content": "x", "tools": [tool()]}, USER, model=K3),
        "cannot be used with content",
    ),
    (
        "function-name",
        talk({"role": "system", "tools": [tool("1")]}, USER, model=K3),
        BAD_NAME,
    ),
]


@pytest.mark.parametrize(("rule", "body", "text"), REFUSED)
def test_a_broken_rule_is_refused_in_the_words_of_the_api(rule: str, body: Any, text: str) -> None:
    refusal = check_chat(body)
    assert isinstance(refusal, Refusal)
    assert refusal.rule == rule
    assert text in refusal.message
    if rule == "model-not-found":
        assert (refusal.status, refusal.type) == (404, "resource_not_found_error")
    else:
        assert (refusal.status, refusal.type) == (400, "invalid_request_error")


TAKEN: list[Any] = [
    *[chat(m) for m in (K31, K3, K27, K26, K25, V1, "kimi-k9", "moonshotai/Kimi-K2.6")],
    chat(
        temperature=1.0,
        top_p=0.95,
        n=1,
        presence_penalty=0,
        frequency_penalty=0.0,
        logprobs=False,
    ),
    chat(K26, temperature=0.6, **OFF),
    chat(V1, temperature=0.3, n=5, top_p=0.1, presence_penalty=-2, logprobs=True, top_logprobs=5),
    chat(temperature=None, tools=None, tool_choice=None, stop=None, thinking=None, n=None),
    chat(stop=["a", "b" * 32], max_completion_tokens=1_000_000, max_tokens=5),
    chat(K31, reasoning_effort="medium", **OFF),  # swallowed, not checked
    chat(K26, reasoning_effort="low"),
    chat(K27, thinking={"type": "enabled", "keep": "all"}),
    chat(K26, thinking={"type": "disabled", "keep": None}),
    *[chat(m, tools=[tool()], tool_choice="required") for m in (K31, K3)],
    *[chat(K26, tools=[tool()], tool_choice=c, **OFF) for c in ("required", named())],
    *[chat(m, tools=[tool()], tool_choice=c) for m in (K27, K26, V1) for c in ("auto", "none")],
    chat(tools=[tool("x" * 64)] + [tool(f"f-{n}_a") for n in range(211)]),
    chat(
        tools=[{"type": "builtin_function", "function": {"name": "$web_search"}}, tool()],
    ),
    chat(functions=[{"name": "1"}], function_call="auto", seed=1, user="x"),
    chat(response_format={"type": "json_object"}),
    chat(**schema_format({"type": "object", "properties": {"a": {"type": "string"}}})),
    chat(**schema_format({"properties": {"a": True}}, strict=False)),
    talk({"role": "system", "content": "a"}, USER, {"role": "system", "content": "b"}, USER),
    talk(shows({"type": "text", "text": "see"}, image(), image("ms://file-1"), video())),
    talk(shows({"type": "image_url", "image_url": PNG})),
    talk(shows(image()), model=V1_IMAGE),
    talk(USER, asks(call(), call("add:1")), tells("add:1"), tells()),
    talk(USER, asks(call(), reasoning_content=" "), tells()),
    talk(USER, asks(call(), reasoning_content=""), tells(), **OFF),
    talk(USER, {"role": "assistant", "content": "a", "reasoning_content": ""}, USER),
    talk(USER, asks(call(function={"name": "add", "arguments": ' {"a": "\\ud83d"}\n'})), tells()),
    talk(USER, asks(call("x" * 80), call("a b")), tells("x" * 80), tells("a b")),  # not known
    chat(K3, prompt_cache_options={"ttl": "5m"}),
    chat(K26, prompt_cache_options={"ttl": "2h"}),
    talk(USER, without(asks(call()), "reasoning_content", "content"), tells(), **OFF),
    talk(USER, asks(call()), tells(content=[image(), {"type": "text", "text": "x"}])),
    talk(USER, {"role": "assistant", "content": " "}, USER),
    talk(USER, {"role": "assistant", "content": "a", "partial": True}),
    talk(USER, {"role": "assistant", "content": "", "name": "Ada", "partial": True}),
    talk(USER, {"role": "system", "tools": [tool()]}, USER, model=K3, tool_choice="required"),
]


@pytest.mark.parametrize("body", TAKEN)
def test_what_the_api_takes_passes(body: Any) -> None:
    assert check_chat(body) is None


JUNK: list[Any] = [None, True, 0, -1.5, "", "x", [], {}, [None], [[]], {"type": []}, {"a": {}}]


def mutated(value: Any, chance: random.Random) -> Any:
    """The value with one place somewhere inside replaced by junk, or taken out."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(sorted(value))
        if chance.random() < 0.1:
            return without(value, key)
        return {**value, key: mutated(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.9:
        place = chance.randrange(len(value))
        return [*value[:place], mutated(value[place], chance), *value[place + 1 :]]
    return chance.choice(JUNK)


def test_no_junk_breaks_the_checks_and_what_passes_them_is_answered() -> None:
    chance = random.Random(first_seed(1))
    passed = 0
    for _ in range(tries(4000)):
        body = chance.choice(TAKEN)
        for _ in range(chance.randrange(1, 4)):
            body = mutated(body, chance)
        ignored(body)
        if check_chat(body) is None:
            passed += 1
            model = resolve(body["model"])
            replies = plan(body, model, thinks(model, body), 0)
            assert list(chunks({}, replies, usage_of(1, 1), True))
            assert PrefixCache().hit(body) == 0
    assert passed > 50


def test_what_the_api_swallows_is_listed_but_not_refused() -> None:
    body = chat(
        K31,
        messages=[
            {"role": "user", "content": [{**image(), "cache_control": {}}], "refusal": None},
            {"role": "assistant", "content": "a", "function_call": {"name": "x"}},
            shows({"type": "image_url", "image_url": {"url": PNG, "detail": "high"}}),
        ],
        functions=[],
        seed=1,
        logit_bias={},
        user="me",
        parallel_tool_calls=False,
        thinking={"type": "enabled"},
        reasoning_effort="medium",
        max_tokens=1,
        max_completion_tokens=2,
        stream_options={"include_usage": True, "include_obfuscation": False},
        tools=[tool(cache=True)],
        top_k=None,
    )
    assert check_chat(body) is None
    assert ignored(body) == [
        "functions",
        "logit_bias",
        "max_tokens",
        "messages[0].content[0].cache_control",
        "messages[1].function_call",
        "messages[2].content[0].image_url.detail",
        "parallel_tool_calls",
        "reasoning_effort",
        "seed",
        "stream_options.include_obfuscation",
        "thinking",
        "tools[0].function.cache",
        "user",
    ]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (chat(K31, reasoning_effort="low"), []),
        (chat(K26, reasoning_effort="low", thinking={"type": "enabled"}), ["reasoning_effort"]),
        (chat(V1, thinking={"type": "enabled"}), ["thinking"]),
        # Models without a price for cache writes have no such field.
        (chat(K31, prompt_cache_options={"ttl": "1h"}), []),
        (chat(K26, prompt_cache_options={"ttl": "1h"}), ["prompt_cache_options"]),
        (chat(V1, prompt_cache_options={}), ["prompt_cache_options"]),
        (
            chat(K3, prompt_cache_options={"mode": "explicit", "ttl": "30m"}),
            ["prompt_cache_options.mode", "prompt_cache_options.ttl"],
        ),
        (chat(K3, prompt_cache_retention="24h"), ["prompt_cache_retention"]),
        (
            chat(
                K26,
                enable_thinking=False,
                chat_template_kwargs={"thinking": False},
                reasoning={"enabled": False},
                response_format={"type": "json_object", "schema": {}},
            ),
            ["chat_template_kwargs", "enable_thinking", "reasoning", "response_format.schema"],
        ),
        (chat("gpt-5", seed=1), []),
        ([], []),
    ],
)
def test_effort_and_thinking_are_swallowed_where_a_model_is_steered_otherwise(
    body: Any, found: list[str]
) -> None:
    assert ignored(body) == found
