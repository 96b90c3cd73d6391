"""Tools: calls, chains, errors, images, forced calls, and the search that Moonshot runs."""

from __future__ import annotations

import base64
import json
from typing import Any

import llm
import pytest
from llm.parts import ToolCallPart, ToolResultPart

from llm_kimi import KimiWebSearch
from llm_kimi.simulator import Simulator
from tests.support.llm_runs import PNG, ask, bodies, fail, logged, messages, roles, run, told
from tests.support.llm_runs import closed_clients as closed_clients

ADD = 'def add(a: int, b: int = 2) -> int:\n    "Add two numbers"\n    return a + b\n'


def test_a_function_is_called_and_its_result_sent_back(kimi: Simulator) -> None:
    result = ask('call: add {"a": 1, "b": 5}', "--functions", ADD)
    assert result.stdout == "[offline Kimi] The tool returned: 6\n"
    first, second = bodies(kimi)
    (tool,) = first["tools"]
    assert tool["function"]["name"] == "add"
    assert tool["function"]["description"] == "Add two numbers"
    assert tool["function"]["strict"] is False
    assert first["tools"] == second["tools"]
    call, answer = second["messages"][1:]
    assert call["tool_calls"] == [
        {
            "id": "add:0",
            "type": "function",
            "function": {"name": "add", "arguments": '{"a": 1, "b": 5}'},
        }
    ]
    assert call["reasoning_content"]
    assert answer == {"role": "tool", "tool_call_id": "add:0", "name": "add", "content": "6"}


def test_one_connection_serves_a_whole_chain(kimi: Simulator) -> None:
    script = "call: llm_version\nthen\ncall: llm_version\nthen\ncall: llm_version\nthen\nsay: ok"
    assert ask("-T", "llm_version", script).stdout == "ok\n"
    assert len(kimi.requests) == 4
    assert kimi.connections == 1


def test_parallel_calls_keep_their_ids_and_order(kimi: Simulator) -> None:
    script = 'call: add {"a": 1, "b": 1}\ncall: add {"a": 2, "b": 2}\ncall: llm_version'
    ask(script, "--functions", ADD, "-T", "llm_version")
    turns = messages(kimi)
    assert [call["id"] for call in turns[1]["tool_calls"]] == ["add:0", "add:1", "llm_version:2"]
    assert [turn["tool_call_id"] for turn in turns[2:]] == ["add:0", "add:1", "llm_version:2"]
    assert [turn["content"] for turn in turns[2:4]] == ["2", "4"]


def test_debug_shows_call_and_result(kimi: Simulator) -> None:
    result = ask('call: add {"a": 1, "b": 5}', "--functions", ADD, "--td")
    assert "Tool call: add({'a': 1, 'b': 5})" in result.stderr
    assert "  6" in result.stderr


def test_approval(kimi: Simulator) -> None:
    refused = run(
        *("-m", "kimi-k2.6", "--ta", "--functions", ADD, 'call: add {"a": 1}'),
        input="",
    )
    assert "Traceback" not in refused.output


def test_the_chain_limit_is_an_error_in_one_line(kimi: Simulator) -> None:
    script = "call: llm_version\nthen\ncall: llm_version\nthen\nsay: ok"
    assert fail(script, "-T", "llm_version", "--cl", "1") == "Chain limit of 1 exceeded."
    assert len(kimi.requests) == 1


def test_an_exception_in_a_tool_is_told_to_the_model(kimi: Simulator) -> None:
    function = 'def boom() -> str:\n    raise ValueError("no luck")\n'
    assert "no luck" in ask("call: boom", "--functions", function).stdout
    assert messages(kimi)[-1]["content"] == "Error: no luck"


def test_a_tool_that_does_not_exist(kimi: Simulator) -> None:
    result = ask("call: nothing", "-T", "llm_version")
    assert "does not exist" in result.stdout


def test_an_empty_result_is_filled(kimi: Simulator) -> None:
    ask("call: quiet", "--functions", 'def quiet() -> str:\n    return ""\n')
    assert messages(kimi)[-1]["content"] == " "
    assert kimi.requests[-1]["status"] == 200


@pytest.mark.parametrize("raw", ['{"a": 1', "[1, 2]", '"text"', "null", "17", "not json"])
def test_arguments_that_are_no_object_never_crash(kimi: Simulator, raw: str) -> None:
    result = ask(f"call: add {raw}", "--functions", ADD)
    # The function was called with what there was, and its error says what was wrong.
    assert "arguments_that_are_no_valid_json" in result.stdout
    # The API refuses such arguments in a history: they go back as the tool has seen them.
    wrapped = {"arguments_that_are_no_valid_json": raw}
    sent = messages(kimi)[1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(sent) == wrapped
    assert logged()
    ask("-c", "and?")
    assert messages(kimi)[1]["tool_calls"][0]["function"]["arguments"] == sent


def test_raw_line_breaks_in_arguments_are_understood(kimi: Simulator) -> None:
    """https://github.com/MoonshotAI/kimi-cli/issues/1378"""
    function = 'def echo(text: str) -> str:\n    return text.replace("\\n", "|")\n'
    raw = '{"text": "one\ttwo"}'
    ask(f"call: echo {raw}", "--functions", function)
    (sent,) = messages(kimi)[1]["tool_calls"]
    assert json.loads(sent["function"]["arguments"]) == {"text": "one\ttwo"}
    assert messages(kimi)[-1]["content"] == "one\ttwo"


@pytest.mark.parametrize("raw", ['{"a":1,"b":5}', '{ "a" : 1, "b" : 5 }', '{"a": 1, "b": 5}'])
def test_arguments_are_sent_back_as_the_model_wrote_them(kimi: Simulator, raw: str) -> None:
    assert ask(f"call: add {raw}", "--functions", ADD).stdout.endswith(": 6\n")
    assert messages(kimi)[1]["tool_calls"][0]["function"]["arguments"] == raw
    ask("-c", "and?")
    assert messages(kimi)[1]["tool_calls"][0]["function"]["arguments"] == raw


def test_arguments_keep_their_own_script(kimi: Simulator) -> None:
    function = "def say(word: str) -> str:\n    return word\n"
    ask('call: say {"word": "日本"}', "--functions", function)
    assert messages(kimi)[1]["tool_calls"][0]["function"]["arguments"] == '{"word": "日本"}'


def test_arguments_cut_by_the_token_limit(kimi: Simulator) -> None:
    script = 'reason: x\ncall: add {"a": 1, "b": 22222}'
    result = run("-m", "kimi-k2.6", "--functions", ADD, script, "-o", "max_tokens", "3")
    assert "Traceback" not in result.output
    assert "the answer was cut off by the token limit" in result.stderr


def test_a_function_without_arguments_or_description(kimi: Simulator) -> None:
    ask("call: now", "--functions", "def now():\n    return 'now'\n")
    assert messages(kimi)[-1]["content"] == "now"


def test_names_that_kimi_refuses_are_renamed_and_found_again(kimi: Simulator) -> None:
    tool = llm.Tool(
        name="2nd.tool",
        description="odd name",
        input_schema={"type": "object", "properties": {"x": {"type": "integer"}}},
        implementation=lambda x=0: f"got {x}",
    )
    chain = llm.get_model("kimi-k3").chain(
        "please", tools=[tool], options={"tool_choice": "2nd.tool"}
    )
    assert "got 1" in chain.text()
    assert kimi.requests[0]["status"] == kimi.requests[1]["status"] == 200
    (call,) = chain._responses[0].tool_calls()
    assert call.name == "2nd.tool"


def test_images_from_a_tool_in_a_chain(kimi: Simulator) -> None:
    def picture() -> Any:
        return llm.ToolOutput(
            output="a picture", attachments=[llm.Attachment(type="image/png", content=PNG)]
        )

    chain = llm.get_model("kimi-k2.6").chain("call: picture", tools=[picture], system="Be brief")
    assert "1 attached: image" in chain.text()
    assert roles(kimi) == ["system", "user", "assistant", "tool", "user"]
    (part,) = messages(kimi)[-1]["content"]
    assert part["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def test_images_in_explicit_tool_results(kimi: Simulator) -> None:
    model = llm.get_model("kimi-k2.6")
    first = model.prompt("call: picture", tools=[llm.Tool(name="picture")])
    (call,) = first.tool_calls()
    result = llm.ToolResult(
        name="picture",
        output="a picture",
        tool_call_id=call.tool_call_id,
        attachments=[llm.Attachment(type="image/png", content=PNG)],
    )
    model.prompt(
        messages=[*first.prompt.messages, *first.messages()],
        tool_results=[result],
        tools=[llm.Tool(name="picture")],
    ).text()
    content = messages(kimi)[2]["content"]
    assert [part["type"] for part in content] == ["text", "image_url"]
    assert kimi.requests[-1]["status"] == 200


def test_a_late_system_prompt_keeps_its_place_in_every_round(kimi: Simulator) -> None:
    def picture() -> Any:
        return llm.ToolOutput(
            output="x", attachments=[llm.Attachment(type="image/png", content=PNG)]
        )

    conversation = llm.get_model("kimi-k2.6").conversation()
    conversation.prompt("hi").text()
    conversation.chain("call: picture", tools=[picture], system="LATE").text()
    assert roles(kimi)[-3:] == ["assistant", "tool", "user"]
    for body in bodies(kimi)[1:]:
        assert body["messages"][2] == {"role": "system", "content": "LATE"}


@pytest.mark.parametrize(
    ("model", "sent"),
    [("kimi-k3", "required"), ("kimi-k3.1-pro", "required")],
)
def test_a_call_is_forced_in_the_first_round_only(kimi: Simulator, model: str, sent: str) -> None:
    ask("hi", "-T", "llm_version", "-o", "tool_choice", "required", model=model)
    assert [body.get("tool_choice") for body in bodies(kimi)] == [sent, None]


def test_a_named_tool_is_the_only_one_sent(kimi: Simulator) -> None:
    ask("hi", "-T", "llm_version", "-T", "llm_time", "-o", "tool_choice", "llm_time", model="kimi")
    first, second = bodies(kimi)
    assert [tool["function"]["name"] for tool in first["tools"]] == ["llm_time"]
    assert first["tool_choice"] == "required"
    assert len(second["tools"]) == 2


def test_none_holds_in_every_round(kimi: Simulator) -> None:
    ask("llm_version", "-T", "llm_version", "-o", "tool_choice", "none")
    assert bodies(kimi)[0]["tool_choice"] == "none"
    assert len(kimi.requests) == 1


def test_where_a_call_cannot_be_forced_it_is_nudged_for(kimi: Simulator) -> None:
    result = ask("hi", "-T", "llm_version", "-o", "tool_choice", "required", "-R")
    assert len(told(result)) == 1
    assert told(result)[0].startswith("kimi: tool_choice required -> auto (kimi-k2.6 cannot be")
    assert "[offline Kimi] You said: hi" not in result.stdout  # what was said before the nudge
    assert len(kimi.requests) == 3
    assert "Please select a tool" in bodies(kimi)[1]["messages"][-1]["content"]


def test_a_nudge_in_vain_is_told(kimi: Simulator) -> None:
    result = ask("hi\nno-call", "-T", "llm_version", "-o", "tool_choice", "llm_version")
    assert told(result)[-1] == (
        "kimi: the model was asked twice to call the tool llm_version and did not; "
        "this is its answer"
    )
    assert result.stdout != "\n"


def test_thinking_can_be_given_up_for_a_forced_call(kimi: Simulator) -> None:
    options = ("-o", "tool_choice", "required", "-o", "tool_choice_fallback", "disable_thinking")
    result = ask("hi", "-T", "llm_version", *options)
    assert bodies(kimi)[0]["thinking"] == {"type": "disabled"}
    assert bodies(kimi)[0]["tool_choice"] == "required"
    assert "thinking" in told(result)[0]


def test_or_it_can_be_an_error(kimi: Simulator) -> None:
    options = ("-o", "tool_choice", "required", "-o", "tool_choice_fallback", "error")
    assert fail("hi", "-T", "llm_version", *options).startswith("tool_choice: kimi-k2.6 cannot")
    assert kimi.requests == []


def test_an_unknown_tool_cannot_be_chosen(kimi: Simulator) -> None:
    text = fail("hi", "-T", "llm_version", "-o", "tool_choice", "nothing")
    assert text == "tool_choice: there is no tool 'nothing' in tools; there is llm_version"
    assert kimi.requests == []


def test_call_events_carry_id_and_name_once(kimi: Simulator) -> None:
    tool = llm.Tool.function(lambda a: a, name="f")
    response = llm.get_model("kimi-k2.6").prompt('call: f {"a":1}\ncall: f {"a":2}', tools=[tool])
    events = [event for event in response.stream_events() if event.type.startswith("tool_call")]
    assert [e.chunk for e in events if e.type == "tool_call_name"] == ["f", "f"]
    assert all(event.tool_call_id in ("f:0", "f:1") for event in events)
    assert [call.arguments for call in response.tool_calls()] == [{"a": 1}, {"a": 2}]
    parts = [part for part in response.messages()[0].parts if isinstance(part, ToolCallPart)]
    assert [(part.tool_call_id, part.arguments) for part in parts] == [
        ("f:0", {"a": 1}),
        ("f:1", {"a": 2}),
    ]


# -- Moonshot's own tools, see tests/hosts/official_tools ------------------------------------------

SEARCH = 'reason: look it up\ncall: web_search {"query":"x"}\nthen\nreason: found\nsay: it is x'


def test_the_search_tool_is_listed() -> None:
    assert "KimiWebSearch" in run("tools", "-m", "kimi-k2.6").stdout


def test_cached_tokens_of_all_rounds_add_up(kimi: Simulator) -> None:
    long = "tell me " * 300 + "\n" + SEARCH
    model = llm.get_model("kimi-k2.6")
    model.prompt(long, tools=[KimiWebSearch()]).text()
    response = model.prompt(long, tools=[KimiWebSearch()])
    response.text()
    chats = [record for record in kimi.requests if record["usage"]]
    cached = sum(record["usage"]["cached_tokens"] for record in chats[2:])
    details = response.usage().details
    assert details is not None
    assert details["prompt_tokens_details"]["cached_tokens"] == cached > 0


def test_a_search_then_a_function(kimi: Simulator) -> None:
    script = 'call: web_search {"query":"x"}\nthen\ncall: add {"a": 1}\nthen\nsay: done'
    result = ask(script, "-T", "KimiWebSearch", "--functions", ADD)
    assert result.stdout == "done\n"
    assert roles(kimi) == ["user", "assistant", "tool", "assistant", "tool"]
    assert all(turn["reasoning_content"] for turn in messages(kimi) if turn["role"] == "assistant")


def test_a_search_in_an_answer_that_was_begun(kimi: Simulator) -> None:
    result = ask(SEARCH, "-T", "KimiWebSearch", "-o", "prefill", "I say: ")
    assert result.stdout.startswith("I say: ")
    assert result.stdout.count("I say: ") == 1
    turns = messages(kimi)
    assert [turn["role"] for turn in turns] == ["user", "assistant", "tool"]
    assert turns[1]["content"] == "I say: "


def test_a_server_side_tool_of_another_plugin_is_refused(kimi: Simulator) -> None:
    class Other(llm.ServerSideTool):
        name = "Other"

    with pytest.raises((llm.ModelError, ValueError), match="Other"):
        llm.get_model("kimi-k2.6").prompt("hi", tools=[Other()]).text()
    assert kimi.requests == []


def test_history_without_ids_is_paired_by_name(kimi: Simulator) -> None:
    from llm.parts import Message

    history = [
        llm.user("hi"),
        Message(role="assistant", parts=[ToolCallPart(name="f", arguments={"x": 1})]),
        Message(role="tool", parts=[ToolResultPart(name="f", output="1")]),
    ]
    llm.get_model("kimi-k2.6").prompt(messages=history).text()
    assert kimi.requests[-1]["status"] == 200
    assert "The tool returned" in kimi.requests[-1]["body"]["messages"][-1]["content"] or (
        messages(kimi)[-1]["content"] == "1"
    )


def test_arguments_of_another_models_history_that_are_a_list(kimi: Simulator) -> None:
    from llm.parts import Message

    call: Any = ToolCallPart(name="f", arguments=[1, 2], tool_call_id="c")  # type: ignore[arg-type]
    history = [
        llm.user("hi"),
        Message(role="assistant", parts=[call]),
        Message(role="tool", parts=[ToolResultPart(name="f", output="1", tool_call_id="c")]),
    ]
    llm.get_model("kimi-k2.6").prompt(messages=history).text()
    sent = messages(kimi)[1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(sent) == {"arguments_that_are_no_valid_json": "[1, 2]"}
