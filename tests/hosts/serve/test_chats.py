"""Chats through the server: as OpenAI's clients expect them, translated for Kimi."""

from __future__ import annotations

import base64
import json
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from llm_kimi.simulator import Simulator
from tests.support.openai_plain import plain_client
from tests.support.raw_servers import Connection, raw_server
from tests.support.real_files import pdf, png
from tests.support.servers import CHAT, HI, Served, served

TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
}


def asking(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "kimi-k2.6", "messages": [{"role": "user", "content": text}], **more}


def test_a_whole_answer_says_what_was_changed(server: Served, kimi: Simulator) -> None:
    reply = server.ask(body=asking("say: hello", temperature=0.2))
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json["object"] == "chat.completion"
    assert reply.json["choices"][0]["message"]["content"] == "hello"
    assert reply.json["choices"][0]["message"]["reasoning_content"]
    assert [item["param"] for item in reply.json["adjustments"]] == ["temperature"]
    assert "temperature" in reply.headers["x-kimi-adjustments"]
    assert reply.headers["x-request-id"] == reply.headers["x-trace-id"]
    assert "temperature" not in kimi.requests[-1]["body"]


def test_a_stream_says_it_in_its_first_chunk(server: Served) -> None:
    reply = server.ask(body=asking("say: hello", temperature=0.2, stream=True))
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.text == "hello"
    first, *rest = reply.chunks
    assert "temperature" in [item["param"] for item in first["adjustments"]]
    assert not any("adjustments" in chunk for chunk in rest)
    assert "x-kimi-adjustments" in reply.headers


def test_usage_comes_as_asked_and_each_choice_has_its_own(server: Served) -> None:
    """The usage of a choice stands in its last chunk
    (https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi)."""
    body = asking("say: hello", stream=True, n=2)
    chunks = server.ask(body=body).chunks
    assert not any(chunk.get("usage") for chunk in chunks)
    last = [c["choices"][0] for c in chunks if c["choices"][0]["finish_reason"]]
    assert sorted(choice["index"] for choice in last) == [0, 1]
    assert all(choice["usage"]["total_tokens"] for choice in last)
    chunks = server.ask(body={**body, "stream_options": {"include_usage": True}}).chunks
    assert chunks[-1]["choices"] == []
    total = sum(c["usage"]["total_tokens"] for c in last)
    assert chunks[-1]["usage"]["total_tokens"] == total


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_an_error_object_with_its_status(server: Served, stream: bool) -> None:
    reply = server.ask(body=asking("hi", stream=stream, temperature="warm"))
    assert reply.status == 400
    assert reply.error["type"] == "invalid_request_error"
    assert reply.error["param"] == "temperature"
    assert reply.headers["x-should-retry"] == "false"
    assert reply.headers["x-request-id"]


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_of_kimi_keeps_status_and_headers(
    server: Served, kimi: Simulator, stream: bool
) -> None:
    kimi.fault(status=429, type="rate_limit_reached_error", retry_after=0, times=math.inf)
    reply = server.ask(body=asking("hi", stream=stream))
    assert reply.status == 429
    assert reply.error["code"] == "rate_limit_exceeded"
    assert reply.headers["retry-after"]
    assert reply.headers["x-should-retry"] == "false"
    assert len(kimi.requests) > 1  # what is worth another try has had it


def test_a_stream_that_is_cut_ends_with_an_error_event(server: Served, kimi: Simulator) -> None:
    kimi.fault(cut_after=3)
    reply = server.ask(body=asking("repeat: 20 word", stream=True))
    assert reply.status == 200
    *_, last = [line for line in reply.body.decode().splitlines() if line]
    assert json.loads(last.removeprefix("data: "))["error"]["type"]
    assert "[DONE]" not in reply.body.decode()


def test_what_is_no_json_object_is_said(server: Served) -> None:
    for body in (b"{", b"[]", b"\xff", b"[" * 100_000):
        reply = server.ask(body=body)
        assert (reply.status, reply.error["param"]) == (400, "body"), body[:5]


def test_openais_client_as_it_is(server: Served) -> None:
    with plain_client(server) as client:
        answer = client.chat.completions.create(
            model="kimi-k2.6",
            messages=[{"role": "user", "content": "What is the weather?"}],
            tools=[TOOL],  # type: ignore[list-item]
            tool_choice="required",
        )
        calls = answer.choices[0].message.tool_calls
        assert calls
        assert calls[0].function.name == "get_weather"  # type: ignore[union-attr]
        text = ""
        for chunk in client.chat.completions.create(**HI, stream=True):  # type: ignore[call-overload]
            text += chunk.choices[0].delta.content or ""
        assert text == "hello"
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model="gpt-4o", messages=[])
        assert caught.value.param == "model"


def test_files_of_a_request(server: Served, kimi: Simulator) -> None:
    data = base64.b64encode(pdf()).decode()
    parts = [
        {"type": "text", "text": "What is in it?"},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:;base64,{data}"}},
        {
            "type": "image_url",
            "image_url": {"url": "data:image/png;base64," + base64.b64encode(png()).decode()},
        },
    ]
    reply = server.ask(body=asking("", messages=[{"role": "user", "content": parts}]))
    assert reply.status == 200, reply.body
    sent = json.dumps(kimi.requests[-1]["body"])
    assert "Stand-in for the text of a-" in sent
    uploads = [r for r in kimi.requests if (r["method"], r["path"]) == ("POST", "/v1/files")]
    assert len(uploads) == 1


def test_private_urls_are_for_those_who_ask_for_them(kimi: Simulator) -> None:
    url = f"{kimi.base_url.removesuffix('/v1')}/picture.png"
    parts = [{"type": "image_url", "image_url": {"url": url}}]
    body = asking("", messages=[{"role": "user", "content": parts}])
    with served(KIMI_ALLOW_PRIVATE_URLS="1") as server:
        reply = server.ask(body=body)
        assert reply.status == 400
        assert "start the server with --allow-private-urls" in reply.error["message"]
        assert not [r for r in kimi.requests if r["path"] == "/picture.png"]
    with served("--allow-private-urls") as server:
        server.ask(body=body)
        assert [r for r in kimi.requests if r["path"] == "/picture.png"]


def test_strict_refuses_what_would_change_in_meaning(kimi: Simulator) -> None:
    with served("--strict") as server:
        reply = server.ask(body=asking("hi", temperature=0.2))
        assert (reply.status, reply.error["code"]) == (400, "strict_mode")
        assert kimi.requests == []


def test_only_what_kimi_knows_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 400 No\r\ncontent-length: 2\r\nset-cookie: a=b\r\n\r\n{}")

    headers = {
        "Cookie": "a=b",
        "OpenAI-Organization": "org-1",
        "X-Stainless-Lang": "js",
        "X-Forwarded-For": "10.0.0.1",
    }
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-of-the-server")
    with raw_server(answer) as kimi, served(KIMI_BASE_URL=kimi.base_url) as server:
        assert server.ask(headers=headers).status == 400
        assert server.ask(headers=headers).status == 400
    for request in kimi.requests:
        head = request.partition(b"\r\n\r\n")[0].decode().lower().splitlines()[1:]
        sent = dict(line.split(": ", 1) for line in head)
        assert sent.keys() == {
            *("host", "authorization", "content-type", "content-length", "accept"),
            *("accept-encoding", "user-agent"),
        }
        assert sent["authorization"] == "bearer sk-of-the-server"


def test_many_at_once_and_few_connections(server: Served, kimi: Simulator) -> None:
    def ask(number: int) -> str:
        body = asking(f"say: {number}", stream=bool(number % 2))
        reply = server.ask(body=body)
        if number % 2:
            return reply.text
        return str(reply.json["choices"][0]["message"]["content"])

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(ask, range(100))) == [str(number) for number in range(100)]
    before = kimi.connections
    for number in range(10):
        ask(number)
    assert kimi.connections == before


def test_the_path_may_lack_its_version(server: Served) -> None:
    assert server.ask(CHAT.removeprefix("/v1")).status == 200
