"""LiteLLM's proxy, for real: a config as the docs give it, and clients over HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest

from llm_kimi.simulator import Simulator
from tests.support.litellm_proxies import Proxy, running_proxies, write_config
from tests.support.real_files import JPEG, MP4, data_url, pdf

DOTTED = tuple(int(part) for part in version("litellm").split(".")[:2]) >= (1, 94)
"""Whether LiteLLM reads a dotted path to a handler; before, it takes a file beside the config."""
MODELS = [
    {
        "model_name": "kimi",
        "litellm_params": {"model": "kimi/kimi-k2.6", "api_key": "os.environ/MOONSHOT_API_KEY"},
    },
    {
        "model_name": "kimi/*",
        "litellm_params": {"model": "kimi/*", "api_key": "os.environ/MOONSHOT_API_KEY"},
    },
    {
        "model_name": "broken",
        "litellm_params": {"model": "kimi/kimi-k2.6", "api_key": "sk-wrong-key"},
    },
]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CALL = '{{call: get_weather {"city": "Paris"}}}'


@pytest.fixture(scope="module")
def offline() -> Iterator[Simulator]:
    """One offline Kimi behind all proxies of this module."""
    with Simulator() as running:
        yield running


@pytest.fixture(scope="module")
def proxy(offline: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """One proxy for all tests. With the shim file the docs have it, which test_docs starts."""
    folder = tmp_path_factory.mktemp("proxy")
    more = {
        "litellm_settings": {"fallbacks": [{"broken": ["kimi"]}]},
        # A deployment that has failed as a test asked it to is there for the next test.
        "router_settings": {"disable_cooldowns": True},
    }
    handler = "llm_kimi.litellm.handler" if DOTTED else "kimi_handler.handler"
    config = write_config(folder, MODELS, handler, **more)
    keys = {"KIMI_BASE_URL": offline.base_url, "MOONSHOT_API_KEY": "sk-secret-of-the-proxy"}
    with running_proxies(config, **keys) as (one,):
        yield one
        log = one.log.read_text()
    assert "sk-secret-of-the-proxy" not in log


def events(text: str) -> list[Any]:
    """The data of server-sent events."""
    lines = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def test_chat_of_a_named_deployment(proxy: Proxy, offline: Simulator) -> None:
    answer = proxy.chat(
        "{{reason: Hm.}} {{say: Hello}}", temperature=0.3, thinking={"type": "enabled"}
    )
    assert answer.status_code == 200, answer.text
    message = answer.json()["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Hello", "Hm.")
    usage = offline.requests[-1]["usage"]
    assert answer.json()["usage"]["prompt_tokens"] == usage["prompt_tokens"]
    cost = float(answer.headers["x-litellm-response-cost"])
    from llm_kimi.catalog import resolve

    price = resolve("kimi-k2.6").price
    assert price is not None
    cached = usage.get("cached_tokens", 0)
    expected = (
        (usage["prompt_tokens"] - cached) * price.input
        + cached * (price.cached or 0)
        + usage["completion_tokens"] * price.output
    ) / 1e6
    assert cost == pytest.approx(expected)
    assert answer.headers["llm_provider-x-trace-id"] == offline.requests[-1]["trace_id"]


def test_a_wildcard_deployment(proxy: Proxy, offline: Simulator) -> None:
    answer = proxy.chat("{{say: Hello}}", model="kimi/kimi-k3", reasoning_effort="medium")
    assert answer.json()["choices"][0]["message"]["content"] == "Hello", answer.text
    assert offline.requests[-1]["body"]["model"] == "kimi-k3"
    assert offline.requests[-1]["body"]["reasoning_effort"] == "high"


def test_a_stream(proxy: Proxy, offline: Simulator) -> None:
    answer = proxy.chat(
        "{{reason: Hm hm.}} {{say: one two three}}",
        stream=True,
        stream_options={"include_usage": True},
        temperature=0.1,
    )
    chunks = events(answer.text)
    assert answer.text.rstrip().endswith("[DONE]")
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "one two three"
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == "Hm hm."
    usage = next(chunk["usage"] for chunk in reversed(chunks) if chunk.get("usage"))
    assert usage["completion_tokens"] == offline.requests[-1]["usage"]["completion_tokens"]


def test_tools(proxy: Proxy) -> None:
    for stream in (False, True):
        answer = proxy.chat(CALL, tools=[WEATHER], tool_choice="required", stream=stream)
        if stream:
            calls = [
                call
                for chunk in events(answer.text)
                for choice in chunk["choices"]
                for call in choice["delta"].get("tool_calls") or []
            ]
            name = calls[0]["function"]["name"]
            arguments = "".join(call["function"].get("arguments") or "" for call in calls)
        else:
            (call,) = answer.json()["choices"][0]["message"]["tool_calls"]
            name, arguments = call["function"]["name"], call["function"]["arguments"]
        assert (name, json.loads(arguments)) == ("get_weather", {"city": "Paris"})


def messages_body(content: Any, **more: Any) -> dict[str, Any]:
    """A request of Anthropic's API, as Claude Code writes it."""
    return {
        "model": "kimi",
        "max_tokens": 2000,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "system": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}],
        "messages": content
        if isinstance(content, list)
        else [{"role": "user", "content": [{"type": "text", "text": content}]}],
        **more,
    }


def test_anthropics_messages(proxy: Proxy, offline: Simulator) -> None:
    answer = proxy.post("/v1/messages", messages_body("{{reason: Hm.}} {{say: Hello}}"))
    assert answer.status_code == 200, answer.text
    kinds = {part["type"]: part for part in answer.json()["content"]}
    assert kinds["text"]["text"] == "Hello"
    assert kinds["thinking"]["thinking"] == "Hm."
    assert answer.json()["stop_reason"] == "end_turn"
    assert answer.json()["usage"]["output_tokens"] > 0
    assert offline.requests[-1]["rule"] is None
    assert offline.requests[-1]["ignored"] == []


def test_anthropics_messages_streamed(proxy: Proxy) -> None:
    body = messages_body("{{reason: Hm.}} {{say: Hello}}", stream=True, top_p=0.5)
    answer = proxy.post("/v1/messages", body)
    assert answer.status_code == 200
    deltas = [
        event["delta"] for event in events(answer.text) if event["type"] == "content_block_delta"
    ]
    assert "".join(delta.get("text", "") for delta in deltas) == "Hello"
    assert "".join(delta.get("thinking", "") for delta in deltas) == "Hm."
    assert events(answer.text)[-1]["type"] == "message_stop"


def test_anthropics_tools_over_two_turns(proxy: Proxy, offline: Simulator) -> None:
    tools = [
        {
            "name": "get_weather",
            "description": "Weather",
            "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
        }
    ]
    first = proxy.post("/v1/messages", messages_body(CALL, tools=tools)).json()
    assert first["stop_reason"] == "tool_use"
    use = next(part for part in first["content"] if part["type"] == "tool_use")
    assert use["input"] == {"city": "Paris"}
    history = [
        {"role": "user", "content": CALL},
        {"role": "assistant", "content": first["content"]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": use["id"], "content": "Sunny"}],
        },
    ]
    second = proxy.post("/v1/messages", messages_body(history, tools=tools))
    assert second.status_code == 200, second.text
    assert "Sunny" in second.json()["content"][-1]["text"]
    record = offline.requests[-1]
    assert (record["rule"], record["ignored"]) == (None, [])
    assistant = next(m for m in record["body"]["messages"] if m["role"] == "assistant")
    assert assistant["reasoning_content"].strip()


def test_responses(proxy: Proxy, offline: Simulator) -> None:
    body = {
        "model": "kimi",
        "input": "{{reason: Hm.}} {{say: Hello}}",
        "reasoning": {"effort": "high"},
    }
    answer = proxy.post("/v1/responses", body)
    assert answer.status_code == 200, answer.text
    kinds = {item["type"]: item for item in answer.json()["output"]}
    assert kinds["message"]["content"][0]["text"] == "Hello"
    assert "Hm." in json.dumps(kinds["reasoning"])
    assert offline.requests[-1]["ignored"] == []


def test_responses_streamed(proxy: Proxy) -> None:
    body = {"model": "kimi", "input": "{{say: one two}}", "stream": True, "temperature": 0.4}
    answer = proxy.post("/v1/responses", body)
    got = events(answer.text)
    text = "".join(event["delta"] for event in got if event["type"] == "response.output_text.delta")
    assert text == "one two"
    done = next(event for event in got if event["type"] == "response.completed")
    assert done["response"]["usage"]["output_tokens"] > 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_adjustments_in_a_header(proxy: Proxy, path: str, stream: bool) -> None:
    content = "{{say: Hello}}"
    body = {"model": "kimi", "temperature": 0.2, "stream": stream}
    if path == "/v1/responses":
        body["input"] = content
    else:
        body |= {"max_tokens": 500, "messages": [{"role": "user", "content": content}]}
    answer = proxy.post(path, body)
    assert answer.status_code == 200, answer.text
    assert "temperature 0.2 -> 1.0" in answer.headers["x-kimi-adjustments"].split("; ")


def test_no_header_where_nothing_was_changed(proxy: Proxy) -> None:
    assert "x-kimi-adjustments" not in proxy.chat("{{say: Hello}}").headers


def test_adjustments_in_the_body(proxy: Proxy) -> None:
    whole = proxy.chat("{{say: Hello}}", temperature=0.2).json()
    message = whole["choices"][0]["message"]
    (adjustment,) = message["provider_specific_fields"]["kimi_adjustments"]
    assert (adjustment["param"], adjustment["given"], adjustment["sent"]) == ("temperature", 0.2, 1)
    # Such a message comes back with the next question; that is no change of the request.
    answer = proxy.post(
        "/v1/chat/completions",
        {"model": "kimi", "messages": [{"role": "user", "content": "hi"}, message]},
    )
    assert answer.status_code == 200, answer.text
    assert "x-kimi-adjustments" not in answer.headers
    streamed = events(proxy.chat("{{say: Hello}}", temperature=0.2, stream=True).text)
    fields = [chunk.get("provider_specific_fields") for chunk in streamed]
    assert [field["kimi_adjustments"] for field in fields if field] == [[adjustment]]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_status_codes(proxy: Proxy, status: int, stream: bool) -> None:
    fault = f"{{{{fault: {status} times=always retry-after=0}}}} {stream}"
    answer = proxy.chat(fault, stream=stream, num_retries=0)
    assert answer.status_code == status, answer.text
    assert "trace id" in answer.text


def test_bad_input_is_a_400_that_names_it(proxy: Proxy) -> None:
    answer = proxy.chat("hi", nonsense=1)
    assert answer.status_code == 400
    assert "nonsense" in answer.text
    answer = proxy.chat("hi", reasoning_effort="extreme")
    assert (answer.status_code, "reasoning_effort" in answer.text) == (400, True)
    assert proxy.chat("hi", model="kimi/gpt-4o").status_code in (400, 404)


@pytest.mark.parametrize("stream", [False, True])
def test_a_fallback(proxy: Proxy, stream: bool) -> None:
    answer = proxy.chat("{{say: Hello}}", model="broken", stream=stream)
    assert answer.status_code == 200, answer.text
    assert "Hello" in answer.text


def test_model_info(proxy: Proxy) -> None:
    rows = {
        row["model_name"]: row["model_info"] for row in proxy.http.get("/model/info").json()["data"]
    }
    assert rows["kimi"]["max_input_tokens"] == 262_144
    assert rows["kimi"]["input_cost_per_token"] > 0
    assert rows["kimi"]["supports_vision"] is True
    names = {row["id"] for row in proxy.http.get("/v1/models").json()["data"]}
    assert "kimi" in names


def test_the_startup_hook(offline: Simulator, tmp_path: Any) -> None:
    config = write_config(tmp_path, MODELS, None)
    with running_proxies(
        config,
        KIMI_BASE_URL=offline.base_url,
        MOONSHOT_API_KEY="sk-a",
        LITELLM_WORKER_STARTUP_HOOKS="llm_kimi.litellm:register",
    ) as (one,):
        assert one.chat("{{say: Hello}}").json()["choices"][0]["message"]["content"] == "Hello"
        answer = one.chat("{{say: a b}}", model="kimi/kimi-k3", stream=True)
        assert "reasoning_content" in answer.text


PDF_PART = {"filename": "a.pdf", "file_data": data_url("application/pdf", pdf())}


def newest_chat(offline: Simulator) -> Any:
    """The body of the newest chat request."""
    paths = ("/v1/chat/completions",)
    return [record["body"] for record in offline.requests if record["path"] in paths][-1]


@pytest.mark.parametrize("stream", [False, True])
def test_files_in_a_chat(proxy: Proxy, offline: Simulator, stream: bool) -> None:
    content = [
        {"type": "text", "text": "look"},
        {"type": "file", "file": PDF_PART},
        {"type": "image_url", "image_url": {"url": data_url("image/jpeg", JPEG)}},
        {"type": "video_url", "video_url": {"url": data_url("video/mp4", MP4)}},
    ]
    talk = [{"role": "user", "content": content}]
    body = {"model": "kimi", "messages": talk, "stream": stream}
    answer = proxy.post("/v1/chat/completions", body)
    assert answer.status_code == 200, answer.text
    document, question = newest_chat(offline)["messages"]
    assert '"a.pdf"' in document["content"]
    kinds = [part["type"] for part in question["content"]]
    assert kinds == ["text", "image_url", "video_url"]
    assert {stored["purpose"] for stored in offline.files} == {"video"}


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"type": "image_url", "image_url": {"url": "http://127.0.0.1/a.png"}}, "public internet"),
        ({"type": "file", "file": {"file_data": "no base64!"}}, "is not valid base64"),
        ({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}, "no audio"),
    ],
)
def test_files_that_cannot_be_sent(proxy: Proxy, part: Any, reason: str) -> None:
    body = {"model": "kimi", "messages": [{"role": "user", "content": [part]}]}
    answer = proxy.post("/v1/chat/completions", body)
    assert answer.status_code == 400, answer.text
    assert reason in answer.text
    assert "messages[0].content[0]" in answer.text


def test_files_as_the_messages_api_writes_them(proxy: Proxy, offline: Simulator) -> None:
    def source(mime: str, content: bytes) -> Any:
        return {"type": "base64", "media_type": mime, "data": base64.b64encode(content).decode()}

    content = [
        {"type": "image", "source": source("image/png", JPEG)},
        {"type": "document", "source": source("application/pdf", pdf("Hello"))},
        {"type": "text", "text": "look"},
    ]
    body = {"model": "kimi", "max_tokens": 500, "messages": [{"role": "user", "content": content}]}
    answer = proxy.post("/v1/messages", body)
    assert answer.status_code == 200, answer.text
    sent = newest_chat(offline)["messages"]
    assert data_url("image/jpeg", JPEG) in json.dumps(sent)
    assert [message["role"] for message in sent] == ["system", "user"]


def test_files_as_the_responses_api_writes_them(proxy: Proxy, offline: Simulator) -> None:
    content = [
        {"type": "input_image", "image_url": data_url("image/jpeg", JPEG)},
        {"type": "input_file", **PDF_PART},
        {"type": "input_text", "text": "look"},
    ]
    body = {"model": "kimi", "input": [{"role": "user", "content": content}]}
    answer = proxy.post("/v1/responses", body)
    assert answer.status_code == 200, answer.text
    sent = newest_chat(offline)["messages"]
    assert data_url("image/jpeg", JPEG) in json.dumps(sent)
    assert [message["role"] for message in sent] == ["system", "user"]
