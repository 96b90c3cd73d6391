"""Programs as they are written for OpenAI, with nothing but their import changed.

The two examples of the guide for migrating from OpenAI, a chat and a stream that tells its usage,
in the form that they have before the migration, and the requests of which it says that they break
(https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi). With OpenAI's own client the
same programs fail at Kimi, where the guide says so.

The words after "say:" and "call:" are for the offline Kimi.
"""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Callable
from typing import Any

import openai
import pytest

from llm_kimi.simulator import Simulator

SYNC = "from openai import OpenAI"
ASYNC = "from openai import AsyncOpenAI as OpenAI"
FOR_KIMI = {
    SYNC: "from llm_kimi.openai import Kimi as OpenAI",
    ASYNC: "from llm_kimi.openai import AsyncKimi as OpenAI",
}

CHAT = """
from openai import OpenAI

client = OpenAI()
completion = client.chat.completions.create(
    model="kimi-k2.6",
    messages=[
        {"role": "system", "content": "You are a friendly assistant. Answer in one line."},
        {"role": "user", "content": "What is 1 + 1?\\nsay: It is 2."},
    ],
    temperature=0.3,
)
print(completion.choices[0].message.content)
"""

STREAM = """
from openai import OpenAI

client = OpenAI()
stream = client.chat.completions.create(
    model="kimi-k2.6",
    messages=[
        {"role": "system", "content": "You are a friendly assistant. Answer in one line."},
        {"role": "user", "content": "What is 1 + 1?\\nsay: It is 2."},
    ],
    temperature=0.3,
    stream=True,
    stream_options={"include_usage": True},
)
usage = None
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="")
    if chunk.usage:
        assert usage is None and not chunk.choices
        usage = chunk.usage
print()
assert usage.prompt_tokens + usage.completion_tokens == usage.total_tokens > 0
print("usage told")
"""

USAGE_OF_A_CHOICE = """
from openai import OpenAI

client = OpenAI()
stream = client.chat.completions.create(
    model="kimi-k2.6",
    messages=[{"role": "user", "content": "What is 1 + 1?\\nsay: It is 2."}],
    stream=True,
)
for chunk in stream:
    choice = chunk.choices[0]
    print(choice.delta.content or "", end="")
    if choice.finish_reason:
        print("\\nusage told" if choice.usage["total_tokens"] else "\\nno usage")
"""

SEVERAL_AT_ZERO = """
from openai import OpenAI

client = OpenAI()
completion = client.chat.completions.create(
    model="kimi-k2.6",
    messages=[{"role": "user", "content": "What is 1 + 1?\\nsay: It is 2."}],
    temperature=0,
    n=2,
)
for choice in completion.choices:
    print(choice.message.content)
"""

TEMPERATURE_ABOVE_ONE = CHAT.replace("temperature=0.3", "temperature=1.7")

FUNCTIONS = """
import json

from openai import OpenAI

client = OpenAI()
functions = [
    {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
]
question = 'How is it in Paris?\\ncall: get_weather {"city": "Paris"}\\nthen\\nsay: It is sunny.'
messages = [{"role": "user", "content": question}]
completion = client.chat.completions.create(
    model="kimi-k2.6", messages=messages, functions=functions, function_call="auto"
)
message = completion.choices[0].message
assert completion.choices[0].finish_reason == "function_call"
call = message.function_call
print(call.name, json.loads(call.arguments)["city"])
messages.append(message)
messages.append({"role": "function", "name": call.name, "content": '{"sky": "clear"}'})
completion = client.chat.completions.create(
    model="kimi-k2.6", messages=messages, functions=functions, function_call="auto"
)
print(completion.choices[0].message.content)
"""

REQUIRED = """
import json

from openai import OpenAI

client = OpenAI()
tools = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]
completion = client.chat.completions.create(
    model="kimi-k2.6",
    messages=[{"role": "user", "content": "Is it warm outside?"}],
    tools=tools,
    tool_choice="required",
)
assert completion.choices[0].finish_reason == "tool_calls"
(call,) = completion.choices[0].message.tool_calls
assert json.loads(call.function.arguments)["city"]
print(call.function.name)
"""

SAID = {
    CHAT: "It is 2.\n",
    STREAM: "It is 2.\nusage told\n",
    USAGE_OF_A_CHOICE: "It is 2.\nusage told\n",
    SEVERAL_AT_ZERO: "It is 2.\nIt is 2.\n",
    TEMPERATURE_ABOVE_ONE: "It is 2.\n",
    FUNCTIONS: "get_weather Paris\nIt is sunny.\n",
    REQUIRED: "get_weather\n",
}


def awaiting(program: str) -> str:
    """``program`` for the async client: what it asks is awaited; at its end it is closed."""
    imports, body = program.split("\nclient = ")
    for before, after in (
        ("client.chat.completions.create(", "await client.chat.completions.create("),
        ("for chunk in stream", "async for chunk in stream"),
    ):
        body = body.replace(before, after)
    body = textwrap.indent(f"client = {body}", "    ")
    return f"{imports.replace(SYNC, ASYNC)}\nasync def main():\n{body}    await client.close()\n"


def for_kimi(program: str) -> str:
    """``program`` with its import changed, and nothing else."""
    changed = program
    for before, after in FOR_KIMI.items():
        changed = changed.replace(before, after)
    lines = list(zip(program.splitlines(), changed.splitlines(), strict=True))
    assert [before for before, after in lines if before != after] in ([SYNC], [ASYNC])
    return changed


def run(program: str) -> None:
    """Run a program; it prints."""
    names: dict[str, Any] = {"__name__": "program"}
    try:
        exec(compile(program, "program.py", "exec"), names)
    finally:
        if "client" in names:
            names["client"].close()
    main: Callable[[], Any] | None = names.get("main")
    if main is not None:
        asyncio.run(main())


def both(program: str, way: str) -> str:
    return awaiting(program) if way == "async" else program


def succeeds(program: str, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(for_kimi(both(program, way)))
    assert capsys.readouterr().out == SAID[program]


def fails(program: str, monkeypatch: pytest.MonkeyPatch, kimi: Simulator) -> Exception:
    """What OpenAI's own client gets at Kimi, with the base URL and the key changed."""
    monkeypatch.setenv("OPENAI_BASE_URL", kimi.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", kimi.key)
    with pytest.raises((openai.OpenAIError, AssertionError)) as caught:
        run(program)
    return caught.value


WAYS = pytest.mark.parametrize("way", ["sync", "async"])


@WAYS
def test_the_chat_of_the_guide(kimi: Simulator, way: str, capsys: Any) -> None:
    succeeds(CHAT, way, capsys)


@WAYS
def test_the_stream_of_the_guide_tells_the_usage_last(
    kimi: Simulator, way: str, capsys: Any
) -> None:
    succeeds(STREAM, way, capsys)


@WAYS
def test_a_stream_tells_the_usage_of_a_choice_as_the_guide_has_it(
    kimi: Simulator, way: str, capsys: Any
) -> None:
    succeeds(USAGE_OF_A_CHOICE, way, capsys)


@WAYS
def test_several_answers_at_temperature_zero(kimi: Simulator, way: str, capsys: Any) -> None:
    succeeds(SEVERAL_AT_ZERO, way, capsys)


@WAYS
def test_a_temperature_above_one(kimi: Simulator, way: str, capsys: Any) -> None:
    succeeds(TEMPERATURE_ABOVE_ONE, way, capsys)


@WAYS
def test_functions_and_their_results(kimi: Simulator, way: str, capsys: Any) -> None:
    succeeds(FUNCTIONS, way, capsys)


@WAYS
def test_a_call_that_is_required(kimi: Simulator, way: str, capsys: Any) -> None:
    succeeds(REQUIRED, way, capsys)


@pytest.mark.parametrize("program", [CHAT, STREAM, SEVERAL_AT_ZERO, TEMPERATURE_ABOVE_ONE])
def test_with_openais_own_client_a_temperature_is_refused(
    program: str, kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "temperature" in str(fails(program, monkeypatch, kimi))


def test_with_openais_own_client_functions_are_never_called(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(fails(FUNCTIONS, monkeypatch, kimi), AssertionError)
    assert "functions" in kimi.requests[0]["ignored"]


def test_with_openais_own_client_a_call_cannot_be_required(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "tool_choice" in str(fails(REQUIRED, monkeypatch, kimi))
