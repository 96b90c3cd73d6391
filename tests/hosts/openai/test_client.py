"""An app that was written for the OpenAI SDK, with its import changed: the SDK's types come back.

https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi lists what breaks without it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel

from llm_kimi.openai import AsyncKimi, Kimi
from llm_kimi.simulator import Simulator
from tests.support.real_files import pdf, png

K26, K31 = "kimi-k2.6", "kimi-k3.1-pro"
HI = [{"role": "user", "content": "say: hello"}]
CALL = 'call: Person {"name": "Ada", "age": 36}'
ASK = [{"role": "user", "content": "Who is it?"}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]
WAYS = ("sync", "async")


def ask(way: str, **arguments: Any) -> Any:
    """One call, sync or async; of a stream a list of its chunks."""
    arguments = {"model": K26, "messages": HI, **arguments}
    if way == "sync":
        with Kimi() as client:
            answer = client.chat.completions.create(**arguments)
            return list(answer) if arguments.get("stream") else answer

    async def call() -> Any:
        async with AsyncKimi() as client:
            answer: Any = await client.chat.completions.create(**arguments)
            return [chunk async for chunk in answer] if arguments.get("stream") else answer

    return asyncio.run(call())


def text_of(chunks: list[ChatCompletionChunk], index: int = 0) -> str:
    return "".join(
        choice.delta.content or ""
        for chunk in chunks
        for choice in chunk.choices
        if choice.index == index
    )


@pytest.mark.parametrize("way", WAYS)
def test_a_call_is_the_sdks_completion(kimi: Simulator, way: str) -> None:
    answer = ask(way, temperature=0.2)
    assert isinstance(answer, ChatCompletion)
    assert answer.choices[0].message.content == "hello"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.reasoning_content
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 0
    assert "temperature" not in kimi.requests[0]["body"]
    change = answer.adjustments[0]
    assert (change["param"], change["given"], change["sent"]) == ("temperature", 0.2, 1.0)


def test_what_is_taken_as_it_is_has_no_adjustments(kimi: Simulator) -> None:
    assert not hasattr(ask("sync"), "adjustments")


@pytest.mark.parametrize("way", WAYS)
def test_a_stream(kimi: Simulator, way: str) -> None:
    chunks = ask(way, temperature=0.2, stream=True)
    assert all(isinstance(chunk, ChatCompletionChunk) for chunk in chunks)
    assert text_of(chunks) == "hello"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[0].adjustments[0]["param"] == "temperature"
    assert not any(hasattr(chunk, "adjustments") for chunk in chunks[1:])
    assert not any(chunk.usage for chunk in chunks)


@pytest.mark.parametrize("way", WAYS)
def test_usage_of_the_whole_request_comes_last_when_it_was_asked_for(
    kimi: Simulator, way: str
) -> None:
    """OpenAI: "an additional chunk will be streamed before the data: [DONE] message"."""
    chunks = ask(way, stream=True, stream_options={"include_usage": True})
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens > 0
    assert not any(chunk.usage for chunk in chunks[:-1])
    assert all(chunk.id == chunks[0].id for chunk in chunks)


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_usage_of_a_choice_is_in_its_last_chunk(kimi: Simulator, way: str, asked: bool) -> None:
    """The guide: in streams, usage is in the last chunk of each choice."""
    options = {"stream_options": {"include_usage": True}} if asked else {}
    for count in (1, 3):
        chunks = ask(way, stream=True, n=count, **options)
        choices = [choice for chunk in chunks for choice in chunk.choices]
        last = [choice for choice in choices if choice.finish_reason]
        assert len(last) == count
        spent = [request["usage"]["total_tokens"] for request in kimi.requests[-count:]]
        assert [choice.usage["total_tokens"] for choice in last] == spent
        assert not [c for c in choices if hasattr(c, "usage") and not c.finish_reason]


@pytest.mark.parametrize("way", WAYS)
def test_several_choices(kimi: Simulator, way: str) -> None:
    """The guide: K2.6 gives one answer only."""
    answer = ask(way, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert all(choice.message.content == "hello" for choice in answer.choices)
    chunks = ask(way, n=2, stream=True)
    assert [text_of(chunks, index) for index in (0, 1)] == ["hello", "hello"]


def test_functions_come_back_as_a_function_call(kimi: Simulator) -> None:
    """The guide: "functions" are not taken, "tools" are."""
    answer = ask(
        "sync",
        messages=[{"role": "user", "content": "call: get_weather"}],
        functions=[TOOLS[0]["function"]],
    )
    call = answer.choices[0].message.function_call
    assert (call.name, answer.choices[0].finish_reason) == ("get_weather", "function_call")
    json.loads(call.arguments)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "get_weather"}}]
)
def test_a_forced_call(kimi: Simulator, choice: Any, stream: bool) -> None:
    """The guide: tool_choice "required" is not supported."""
    question = [{"role": "user", "content": "What is the weather in Paris?"}]
    answer = ask("sync", messages=question, tools=TOOLS, tool_choice=choice, stream=stream)
    if stream:
        names = [c.function.name for x in answer for c in x.choices[0].delta.tool_calls or ()]
        assert names[0] == "get_weather"
        assert answer[-1].choices[0].finish_reason == "tool_calls"
    else:
        assert answer.choices[0].message.tool_calls[0].function.name == "get_weather"


def test_a_tool_loop_with_the_sdks_own_objects(kimi: Simulator) -> None:
    with Kimi() as client:
        messages: list[Any] = [{"role": "user", "content": "call: get_weather"}]
        answer = client.chat.completions.create(model=K31, messages=messages, tools=TOOLS)
        message = answer.choices[0].message
        assert message.tool_calls
        messages.append(message)
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
            for call in message.tool_calls
        ]
        done = client.chat.completions.create(model=K31, messages=messages, tools=TOOLS)
        assert done.choices[0].finish_reason == "stop"
    sent = kimi.requests[1]["body"]["messages"][1]
    assert sent["reasoning_content"] == message.reasoning_content  # type: ignore[attr-defined]
    assert {request["connection"] for request in kimi.requests} == {1}


class Person(BaseModel):
    name: str
    age: int


def test_parse_and_stream_with_a_pydantic_model(kimi: Simulator) -> None:
    with Kimi() as client:
        parsed = client.chat.completions.parse(model=K26, messages=ASK, response_format=Person)
        assert isinstance(parsed.choices[0].message.parsed, Person)
        with client.chat.completions.stream(
            model=K26, messages=ASK, response_format=Person
        ) as stream:
            kinds = {event.type for event in stream}
            final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Person)
    assert {"chunk", "content.delta", "content.done"} <= kinds


def test_async_parse_and_stream(kimi: Simulator) -> None:
    async def main() -> None:
        async with AsyncKimi() as client:
            parsed = await client.chat.completions.parse(
                model=K26, messages=ASK, response_format=Person
            )
            assert isinstance(parsed.choices[0].message.parsed, Person)
            async with client.chat.completions.stream(model=K26, messages=HI) as stream:
                async for _ in stream:
                    pass
                final = await stream.get_final_completion()
            assert final.choices[0].message.content == "hello"

    asyncio.run(main())


def test_stream_with_tools_whose_call_comes_in_several_fragments(kimi: Simulator) -> None:
    """openai 2's ``stream()`` takes one fragment an index in a chunk."""
    tool = openai.pydantic_function_tool(Person)
    with (
        Kimi() as client,
        client.chat.completions.stream(
            model=K31, messages=[{"role": "user", "content": CALL}], tools=[tool]
        ) as stream,
    ):
        for _ in stream:
            pass
        calls = stream.get_final_completion().choices[0].message.tool_calls
    assert calls is not None
    assert isinstance(calls[0].function.parsed_arguments, Person)


def test_pictures_and_documents(kimi: Simulator) -> None:
    def part(kind: str, content: bytes) -> str:
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"

    content = [
        {"type": "text", "text": "say: seen"},
        {"type": "image_url", "image_url": {"url": part("image/png", png())}},
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": part("application/pdf", pdf())},
        },
    ]
    answer = ask("sync", model=K31, messages=[{"role": "user", "content": content}])
    assert answer.choices[0].message.content == "seen"
    paths = [request["path"] for request in kimi.requests]
    assert paths.count("/v1/chat/completions") == 1
    assert "/v1/files" in paths
    assert kimi.files == []


def test_developer_messages_and_plain_generators(kimi: Simulator) -> None:
    messages = ({"role": role, "content": "say: ok"} for role in ("developer", "user"))
    answer = ask("sync", messages=messages)
    assert answer.choices[0].message.content == "ok"
    assert kimi.requests[0]["body"]["messages"][0]["role"] == "system"


def test_the_callers_own_lists_stay_as_they_are(kimi: Simulator) -> None:
    messages = [{"role": "developer", "content": "Be brief."}, *HI]
    extra = {"thinking": {"type": "disabled"}}
    before = json.dumps([messages, TOOLS, extra])
    ask("sync", messages=messages, tools=TOOLS, extra_body=extra)
    assert json.dumps([messages, TOOLS, extra]) == before
    assert kimi.requests[0]["body"]["thinking"] == {"type": "disabled"}


def test_messages_in_extra_body_win_as_in_the_sdk(kimi: Simulator) -> None:
    other = [{"role": "user", "content": "say: other"}]
    answer = ask("sync", extra_body={"messages": other})
    assert answer.choices[0].message.content == "other"


def test_raw_responses(kimi: Simulator) -> None:
    with Kimi() as client:
        raw = client.chat.completions.with_raw_response.create(
            model=K26, messages=HI, temperature=0.2
        )
        assert raw.headers["x-kimi-adjustments"] == "temperature 0.2 -> 1.0"
        assert raw.headers["x-request-id"] == kimi.requests[0]["trace_id"] == raw.request_id
        assert raw.elapsed.total_seconds() > 0
        assert raw.parse().choices[0].message.content == "hello"
        with client.chat.completions.with_streaming_response.create(
            model=K26, messages=HI, stream=True
        ) as response:
            lines = [line for line in response.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    assert all(line.startswith("data: ") for line in lines)


def test_with_options_and_copy_keep_the_settings_and_the_connection(kimi: Simulator) -> None:
    with Kimi(strict=True) as client:
        for other in (client.with_options(timeout=5), client.copy(max_retries=0)):
            assert isinstance(other, Kimi)
            with pytest.raises(openai.BadRequestError, match="strict mode"):
                other.chat.completions.create(model=K26, messages=HI, temperature=0.2)
        loose = client.with_options(strict=False)
        loose.chat.completions.create(model=K26, messages=HI, temperature=0.2)
        client.chat.completions.create(model=K26, messages=HI)
    assert {request["connection"] for request in kimi.requests} == {1}


def test_extra_headers_go_along_and_openais_own_do_not(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-secret")
    ask("sync", extra_headers={"X-Session": "7"})
    headers = kimi.requests[0]["headers"]
    assert headers["x-session"] == "7"
    assert not [name for name in headers if name.startswith("openai-")]


def test_what_was_changed_is_logged(kimi: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "llm_kimi"):
        ask("sync", temperature=0.2, max_tokens=50)
    levels = {record.getMessage().split()[0]: record.levelname for record in caplog.records}
    assert levels == {"temperature": "WARNING", "max_tokens": "DEBUG"}


# -- what is no chat ---------------------------------------------------------------------------


def test_models_and_files_reach_kimi(kimi: Simulator) -> None:
    with Kimi() as client:
        assert K31 in [model.id for model in client.models.list()]
        made = client.files.create(file=("a.txt", b"text"), purpose="file-extract")  # type: ignore[arg-type]
        assert client.files.retrieve(made.id).filename == "a.txt"
        assert [row.id for row in client.files.list()] == [made.id]
        client.files.delete(made.id)
    assert kimi.files == []


def test_what_an_upload_to_kimi_does_not_have_is_told(
    kimi: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """It takes purpose and file: https://platform.kimi.ai/docs/api/files-upload."""
    with Kimi() as client:
        client.files.create(
            file=("a.txt", b"text"),
            purpose="user_data",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
        assert "expires_after is left out" in caplog.text
        caplog.clear()
        client.files.create(file=("b.txt", b"text"), purpose="user_data")
    assert "expires_after" not in caplog.text
    assert len(kimi.files) == 2


@pytest.mark.parametrize(
    ("purpose", "name", "sent"),
    [
        ("assistants", "report.pdf", "file-extract"),
        ("user_data", "report.pdf", "file-extract"),
        ("user_data", "square.png", "image"),
        ("vision", "square.png", "image"),
        ("file-extract", "report.pdf", "file-extract"),
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_a_file_that_was_uploaded_as_for_openai_is_used_by_its_id(
    kimi: Simulator, purpose: Any, name: str, sent: str, way: str
) -> None:
    file = (name, pdf() if name.endswith("pdf") else png())
    if way == "sync":
        with Kimi() as client:
            made = client.files.create(file=file, purpose=purpose)
    else:

        async def upload() -> Any:
            async with AsyncKimi() as client:
                return await client.files.create(file=file, purpose=purpose)

        made = asyncio.run(upload())
    assert kimi.files[0]["purpose"] == sent == made.purpose
    part = {"type": "file", "file": {"file_id": made.id}}
    content = [{"type": "text", "text": "say: seen"}, part]
    answer = ask("sync", model=K31, messages=[{"role": "user", "content": content}])
    assert answer.choices[0].message.content == "seen"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda c: c.embeddings.create(model="m", input="a"), "has no embeddings"),
        (lambda c: c.images.generate(prompt="a"), "cannot create images"),
        (
            lambda c: c.audio.speech.create(model="m", voice="alloy", input="a"),
            "transcribe first",
        ),
        (lambda c: c.moderations.create(input="a"), "no moderation"),
        (lambda c: c.beta.assistants.create(model="m"), "no Assistants"),
        (lambda c: c.completions.create(model=K26, prompt="a"), "use chat.completions"),
        (lambda c: c.responses.create(model=K26, input="a"), "no Responses API"),
        (
            lambda c: c.responses.create(model=K31, input="a", previous_response_id="resp_1"),
            "stores nothing",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_moonshot_does_not_have_says_what_to_use(
    kimi: Simulator, call: Any, words: str
) -> None:
    with Kimi() as client, pytest.raises(openai.BadRequestError, match=words):
        call(client)
    assert kimi.requests == []


def test_responses_go_on_for_the_models_that_have_them(kimi: Simulator) -> None:
    """https://platform.kimi.ai/docs/api/overview: Responses for K3 and K3.1, stateless."""
    with Kimi(max_retries=0) as client, pytest.raises(openai.NotFoundError):
        client.responses.create(model=K31, input="a")  # the offline Kimi has no such path
    assert [request["path"] for request in kimi.requests] == ["/v1/responses"]
