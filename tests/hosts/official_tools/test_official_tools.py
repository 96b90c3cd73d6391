"""Moonshot's official tools through every way in: a question that needs a search is answered, with
its sources, streamed and not (https://platform.kimi.ai/docs/guide/use-official-tools)."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import llm
import pytest

from llm_kimi.exchange import steps
from llm_kimi.integrations.llm.official_tools import KimiTools, KimiWebSearch
from llm_kimi.official_tools import declarations
from llm_kimi.openai import AsyncKimi, Kimi
from llm_kimi.simulator import Simulator
from tests.support.llm_runs import ask, fail, logged, run
from tests.support.servers import served

QUESTION = "web search: pelicans"
SOURCES = ["https://example.com/web-search-pelicans", "https://example.org/web-search-pelicans"]
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
OWN = {"name": "web_search", "parameters": {"type": "object", "properties": {}}}
MODELS = ("kimi-k3.1-pro", "kimi-k2.6")


def chats(kimi: Simulator) -> list[dict[str, Any]]:
    return [r["body"] for r in kimi.requests if r["path"] == "/v1/chat/completions"]


def paths(kimi: Simulator) -> list[str]:
    return [f"{r['method']} {r['path'].removeprefix('/v1')}" for r in kimi.requests]


# -- llm ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_a_search_at_the_terminal(kimi: Simulator, model: str) -> None:
    result = ask("-T", "KimiWebSearch", QUESTION, model=model)
    assert "One page about" in result.stdout
    assert "kimi: web_search {" in result.stderr
    for source in SOURCES:
        assert f"kimi: source: {source}" in result.stderr
    assert paths(kimi) == [
        "GET /formulas/moonshot/web-search:latest/tools",
        "POST /chat/completions",
        "POST /formulas/moonshot/web-search:latest/fibers",
        "POST /chat/completions",
    ]
    first, second = chats(kimi)
    assert [tool["function"]["name"] for tool in first["tools"]] == ["web_search"]
    assert second["messages"][-1]["content"].startswith("----MOONSHOT ENCRYPTED BEGIN----")
    assert second["messages"][-2]["reasoning_content"].strip()


def test_the_log_has_call_result_and_sources(kimi: Simulator) -> None:
    ask("-T", "KimiWebSearch", QUESTION)
    row = logged()[-1]
    annotations = row["response_json"]["choices"][0]["message"]["annotations"]
    assert [each["url_citation"]["url"] for each in annotations] == SOURCES
    assert any("web_search" in text for text in row["response_json"]["llm_kimi"]["notices"])
    ask("-c", "And now?")
    sent = chats(kimi)[-1]["messages"]
    assert [message["role"] for message in sent] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]
    assert sent[1]["tool_calls"][0]["function"]["name"] == "web_search"
    assert sent[2]["content"].startswith("----MOONSHOT ENCRYPTED BEGIN----")


def test_several_tools_beside_ordinary_ones_and_a_schema(kimi: Simulator) -> None:
    script = (
        '{{call: web_search {"query": "x"}}} {{call: date {"operation": "now"}}} {{then}} '
        '{{json: {"name": "Ada"}}}'
    )
    tools = ("-T", 'KimiTools("web-search, date")', "-T", "llm_version")
    result = ask(*tools, "--schema", json.dumps(SCHEMA), script)
    assert json.loads(result.stdout) == {"name": "Ada"}
    names = [tool["function"]["name"] for tool in chats(kimi)[0]["tools"]]
    assert names == ["llm_version", "web_search", "date"]
    assert len(chats(kimi)) == 2
    roles = [message["role"] for message in chats(kimi)[1]["messages"]]
    assert roles == ["user", "assistant", "tool", "tool"]


def test_in_python_sync_and_async(kimi: Simulator) -> None:
    model = llm.get_model("kimi-k3.1-pro")
    response = model.prompt(QUESTION, tools=[KimiTools("web-search", "date")])
    assert "One page about" in response.text()
    assert response.usage().input > 100

    async def main() -> str:
        again = llm.get_async_model("kimi-k3.1-pro")
        return await again.prompt(QUESTION, tools=[KimiWebSearch()]).text()

    assert "One page about" in asyncio.run(main())


def test_names_of_tools(kimi: Simulator) -> None:
    assert KimiTools().names == ["web-search", "fetch", "code-runner", "date", "convert"]
    assert KimiTools("web-search", "date").names == ["web-search", "date"]
    assert KimiTools(["web-search", "date"]).names == ["web-search", "date"]
    assert KimiTools("web-search, date")._config == {"names": ["web-search", "date"]}
    assert KimiTools(**KimiTools("date")._config).names == ["date"]
    assert "'a b' is not the name of a tool" in fail("-T", 'KimiTools("a b")', "Hi")


def test_the_list_of_tools(kimi: Simulator) -> None:
    result = run("kimi", "tools")
    assert result.exit_code == 0, result.output
    assert "web-search" in result.stdout
    assert "web_search" in result.stdout
    found = json.loads(run("kimi", "tools", "--json").stdout)
    assert found["web-search"][0]["function"]["name"] == "web_search"
    assert found["mew"] == []


# -- OpenAI's words for it -----------------------------------------------------------------------

WORDS = (
    {"web_search_options": {}},
    {"tools": [{"type": "web_search"}]},
    {"tools": [{"type": "web_search_preview"}]},
    {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
)


@pytest.mark.parametrize("words", WORDS, ids=str)
@pytest.mark.parametrize("stream", [False, True])
def test_the_openai_sdk(kimi: Simulator, words: dict[str, Any], stream: bool) -> None:
    asked: dict[str, Any] = {
        "model": "kimi-k3.1-pro",
        "messages": [{"role": "user", "content": QUESTION}],
        "stream": stream,
        "extra_body": words,
    }
    if stream:
        asked["stream_options"] = {"include_usage": True}

    def look(parts: list[Any]) -> None:
        text = "".join(part.content or "" for part in parts)
        noted = [each for part in parts for each in getattr(part, "annotations", None) or ()]
        assert "One page about" in text
        assert not any(part.tool_calls for part in parts)
        plain = [each if isinstance(each, dict) else each.model_dump() for each in noted]
        assert [each["url_citation"]["url"] for each in plain] == SOURCES

    with Kimi() as client:
        answer = client.chat.completions.create(**asked)
        if stream:
            chunks = list(answer)
            look([choice.delta for chunk in chunks for choice in chunk.choices])
            finished = [c.choices[0].finish_reason for c in chunks if c.choices]
            assert [reason for reason in finished if reason] == ["stop"]
            usage = chunks[-1].usage
        else:
            look([answer.choices[0].message])
            assert answer.choices[0].finish_reason == "stop"
            assert answer.adjustments
            usage = answer.usage
    spent = [r["usage"]["total_tokens"] for r in kimi.requests if r["usage"]]
    assert len(spent) == 2
    assert usage.total_tokens == sum(spent)

    async def main() -> None:
        async with AsyncKimi() as client:
            answer = await client.chat.completions.create(**asked)
            if stream:
                look([c.delta async for chunk in answer for c in chunk.choices])
            else:
                look([answer.choices[0].message])

    asyncio.run(main())


@pytest.mark.parametrize("stream", [False, True])
def test_the_local_server(kimi: Simulator, stream: bool) -> None:
    body = {
        "model": "kimi-k3.1-pro",
        "messages": [{"role": "user", "content": QUESTION}],
        "web_search_options": {"search_context_size": "high"},
        "stream": stream,
    }
    with served() as server:
        reply = server.ask(body=body)
    text = reply.text if stream else reply.json["choices"][0]["message"]["content"]
    assert "One page about" in text
    assert SOURCES[0] in reply.body.decode()
    assert "web_search_options.search_context_size" in reply.headers["x-kimi-adjustments"]


# -- clashes, mixtures, bounds -------------------------------------------------------------------


def asking(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "kimi-k3.1-pro", "messages": [{"role": "user", "content": text}], **more}


def test_a_name_of_the_callers_stays_his(kimi: Simulator) -> None:
    """`function name web_search is duplicated` (the page above)."""
    tools: Any = [{"type": "web_search"}, {"type": "function", "function": OWN}]
    with Kimi() as client:
        answer = client.chat.completions.create(**asking("call: web_search {}", tools=tools))
        assert answer.choices[0].message.tool_calls[0].function.name == "web_search"
        names = [tool["function"]["name"] for tool in chats(kimi)[0]["tools"]]
        assert names == ["web_search", "moonshot_web_search"]
        script = 'call: moonshot_web_search {"query": "pelicans"}'
        answer = client.chat.completions.create(**asking(script, tools=tools))
        assert "One page about pelicans" in answer.choices[0].message.content
    fibers = [r for r in kimi.requests if r["path"].endswith("/fibers")]
    assert [r["body"]["name"] for r in fibers] == ["web_search"]


@pytest.mark.parametrize("stream", [False, True])
def test_calls_of_both_kinds_are_the_callers_first(kimi: Simulator, stream: bool) -> None:
    own = {"type": "function", "function": {**OWN, "name": "own"}}
    script = 'call: web_search {"query": "x"}\ncall: own {}'
    with Kimi() as client:
        answer: Any = client.chat.completions.create(
            **asking(script, tools=[{"type": "web_search"}, own], stream=stream)
        )
        if stream:
            calls = [c for chunk in answer for c in chunk.choices[0].delta.tool_calls or ()]
            assert {call.index for call in calls} == {0}
            assert calls[0].function.name == "own"
        else:
            assert [c.function.name for c in answer.choices[0].message.tool_calls] == ["own"]
            assert answer.choices[0].finish_reason == "tool_calls"
    assert not [r for r in kimi.requests if r["path"].endswith("/fibers")]


def test_a_model_that_searches_on_and_on_has_to_answer(kimi: Simulator) -> None:
    script = "\nthen\n".join('call: web_search {"query": "x"}' for _ in range(30))
    with Kimi() as client:
        answer = client.chat.completions.create(
            **asking(script, extra_body={"web_search_options": {}})
        )
    assert answer.choices[0].finish_reason == "stop"
    assert len(chats(kimi)) == 11
    assert chats(kimi)[-1]["tool_choice"] == "none"


@pytest.mark.parametrize("model", MODELS)
def test_a_search_that_is_demanded(kimi: Simulator, model: str) -> None:
    with Kimi() as client:
        answer = client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "pelicans"}],
            extra_body={"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}},
        )
    assert "One page about" in (answer.choices[0].message.content or "")
    assert [r for r in kimi.requests if r["path"].endswith("/fibers")]
    assert "tool_choice" not in chats(kimi)[-1]


def test_several_choices_each_search(kimi: Simulator) -> None:
    with Kimi() as client:
        answer = client.chat.completions.create(
            **asking(QUESTION, n=2, extra_body={"web_search_options": {}})
        )
    assert [c.message.content.count("One page about") for c in answer.choices] == [1, 1]
    assert paths(kimi).count("GET /formulas/moonshot/web-search:latest/tools") == 1


# -- a host that fails ---------------------------------------------------------------------------


def test_a_host_without_them(kimi: Simulator) -> None:
    kimi.relay = True
    result = ask("-T", "KimiWebSearch", "Hi there", model="kimi-k3.1-pro")
    said = "kimi: moonshot/web-search:latest was left out: this host has no official tools"
    assert said in result.stderr.splitlines()
    assert "tools" not in chats(kimi)[0]
    told = fail("-T", "KimiWebSearch", "-o", "strict", "1", "Hi", model="kimi-k3.1-pro")
    assert "this host has no official tools" in told
    assert len(chats(kimi)) == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 500, "times": math.inf}, "failed ("),
        ({"status": 400, "type": "invalid_request_error"}, "failed ("),
        ({"html": True, "status": 200}, "the answer is not JSON"),
        ({"drop": True}, "no connection to"),
    ],
)
def test_a_tool_that_fails_is_one_line_and_told_to_the_model(
    kimi: Simulator, fault: dict[str, Any], said: str
) -> None:
    kimi.fault(**fault, path="/v1/formulas/*/fibers", method="POST", retry_after=0.01)
    result = ask("-T", "KimiWebSearch", QUESTION, model="kimi-k3.1-pro")
    lines = [line for line in result.stderr.splitlines() if "failed" in line]
    assert len(lines) == 1
    assert said in lines[0]
    assert "The tool failed" in chats(kimi)[-1]["messages"][-1]["content"]
    assert "source:" not in result.stderr


def test_a_tool_that_hangs_is_waited_for_no_longer_than_it_may_take(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "TOOL_SECONDS", 0.3)
    kimi.fault(delay=60, times=2, path="/v1/formulas/*/fibers", method="POST")
    result = ask("-T", "KimiWebSearch", QUESTION, model="kimi-k3.1-pro")
    lines = [line for line in result.stderr.splitlines() if "failed" in line]
    assert len(lines) == 1
    assert "timed out" in lines[0]

    async def main() -> str:
        async with AsyncKimi() as client:
            answer = await client.chat.completions.create(
                **asking(QUESTION, extra_body={"web_search_options": {}})
            )
            return answer.choices[0].message.content or ""

    assert "The tool failed" in asyncio.run(main())


def test_declarations_that_are_nonsense(kimi: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    from llm_kimi.simulator.http import chat_handler

    for tools in ([], [{}], [{"type": "function", "function": {"name": "a b"}}], ["x"], None, 5):
        monkeypatch.setattr(chat_handler, "declared", lambda uri, tools=tools: tools or [])
        result = ask("-T", "KimiWebSearch", "Hi", model="kimi-k3.1-pro")
        assert "was left out: the host's declaration of it cannot be used" in result.stderr


def test_declarations_are_kept_for_a_day(kimi: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    ask("-T", "KimiTools", "Hi", model="kimi-k3.1-pro")
    asked = [path for path in paths(kimi) if path.startswith("GET /formulas")]
    assert len(asked) == 5
    ask("-T", "KimiTools", "Hi", model="kimi-k3.1-pro")
    assert [path for path in paths(kimi) if path.startswith("GET /formulas")] == asked
    monkeypatch.setattr(declarations, "MAX_AGE", 0.0)
    ask("-T", "KimiWebSearch", "Hi", model="kimi-k3.1-pro")
    assert len([path for path in paths(kimi) if path.startswith("GET /formulas")]) == 6
    declarations.path().write_text("{")
    result = ask("-T", "KimiWebSearch", "Hi", model="kimi-k3.1-pro")
    assert "kimi-tools.json cannot be read" in result.stderr


def test_nothing_is_fetched_without_them(kimi: Simulator) -> None:
    run("models")
    run("tools", "list")
    ask("Hi", model="kimi-k3.1-pro")
    assert paths(kimi) == ["POST /chat/completions"]
