"""The exchange where a tool call is forced, and with several choices."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from llm_kimi.errors import APIError
from llm_kimi.exchange import NUDGE, Exchange
from llm_kimi.translation import Restore
from tests.support.exchanges import OVERLOADED, TOOLS, Json, call, exchange, failed, forced, usage
from tests.support.replies import Script, call_chunk, chunk, error_answer, said, stream, usage_chunk

THOUGHT = [chunk({"reasoning_content": "let "}), chunk({"reasoning_content": "me see"})]


def test_a_call_at_once_is_handed_on_with_the_text_before_it() -> None:
    sent = forced()
    first = [chunk({"role": "assistant", "content": ""}), *THOUGHT, chunk({"content": "Well"})]
    script = Script(sent, stream(*first, *call(), usage_chunk(**usage(1, 2)))).run()
    assert len(script.bodies) == 1
    assert "tool_choice" not in script.bodies[0]
    assert sent.completion is not None
    message = sent.completion["choices"][0]["message"]
    assert message["content"] == "Well"
    assert message["reasoning_content"] == "let me see"
    assert message["tool_calls"][0]["function"]["name"] == "get_time"
    assert sent.completion["choices"][0]["finish_reason"] == "tool_calls"
    kinds = [next(iter(item["choices"][0]["delta"]), "end") for item in script.chunks]
    assert kinds.index("tool_calls") > max(
        at for at, item in enumerate(script.chunks) if item["choices"][0]["delta"].get("content")
    )
    assert sent.notices == script.notices == []


def test_reasoning_flows_while_text_is_held() -> None:
    sent = forced()
    first = [stream(item, done=False) for item in [*THOUGHT, chunk({"content": "Hm"})]]
    script = Script(sent, [*first, stream(*call())])
    steps = [(script.reasoning, script.text, len(script.bodies)) for _ in script.outputs(sent)]
    assert ("let ", "", 1) in steps
    assert ("let me see", "", 1) in steps
    assert steps[-1] == ("let me see", "Hm", 1)


def test_no_call_is_asked_for_once_more_in_moonshots_words() -> None:
    sent = forced()
    first = stream(
        *THOUGHT, *said("I would", " rather not"), usage_chunk(**usage(10, 5, cached_tokens=2))
    )
    second = stream(
        chunk({"reasoning_content": "fine"}),
        *call(),
        usage_chunk(**usage(20, 6, cached_tokens=10)),
    )
    script = Script(sent, first, second).run()
    asked = script.bodies[0]["messages"]
    assert script.bodies[1] == {
        **script.bodies[0],
        "messages": [
            *asked,
            {
                "role": "assistant",
                "content": "I would rather not",
                "reasoning_content": "let me see",
            },
            {"role": "user", "content": NUDGE},
        ],
    }
    assert NUDGE == "Please select a tool to handle the current issue."
    assert script.text == ""
    assert script.reasoning == "let me see\n\nfine"
    assert sent.completion is not None
    assert len(sent.completion["choices"]) == 1
    assert sent.completion["choices"][0]["finish_reason"] == "tool_calls"
    assert sent.completion["choices"][0]["message"]["content"] is None
    assert sent.completion["usage"] == {
        **usage(30, 11, cached_tokens=12),
        "prompt_tokens_details": {"cached_tokens": 12},
    }
    finishes = [item["choices"][0]["finish_reason"] for item in script.chunks]
    assert [finish for finish in finishes if finish] == ["tool_calls"]
    assert sent.notices == []


def test_an_empty_first_answer_is_sent_back_as_kimi_takes_it() -> None:
    script = Script(forced(), stream(*said()), stream(*call())).run()
    reply, nudge = script.bodies[1]["messages"][-2:]
    assert reply == {"role": "assistant", "content": " "}
    assert nudge["role"] == "user"
    thought = Script(forced(), stream(chunk({"reasoning_content": ""}), *said()), stream(*call()))
    assert thought.run().bodies[1]["messages"][-2]["reasoning_content"] == ""


def test_no_call_twice_gives_what_came_and_says_so() -> None:
    sent = forced()
    first = stream(*said("first"), usage_chunk(**usage(1, 1)))
    second = stream(*THOUGHT, *said("sec", "ond"), usage_chunk(**usage(2, 2)))
    script = Script(sent, first, second).run()
    assert script.text == "first\n\nsecond"
    assert script.reasoning == "let me see"
    assert sent.completion is not None
    assert sent.completion["choices"][0]["message"]["content"] == "first\n\nsecond"
    finishes = [item["choices"][0]["finish_reason"] for item in script.chunks]
    assert [finish for finish in finishes if finish] == ["stop"]
    assert sent.completion["choices"][0]["finish_reason"] == "stop"
    assert sent.completion["usage"] == usage(3, 3)
    assert len(script.bodies) == 2
    assert script.notices == sent.notices
    assert sent.notices == [
        "the model was asked twice to call a tool and did not; this is its answer"
    ]


def test_the_thoughts_of_two_rounds_are_parted_once() -> None:
    twice = [stream(*THOUGHT, *said(text)) for text in ("no", "never")]
    script = Script(forced(), *twice).run()
    assert script.reasoning == "let me see\n\nlet me see"
    assert script.text == "no\n\nnever"
    empty = stream(chunk({"reasoning_content": ""}), *said("no"))
    assert Script(forced(), empty, twice[1]).run().reasoning == "let me see"
    # A thought that comes in one piece with the call, as in a whole answer.
    both = chunk({"reasoning_content": "fine", **call()[0]["choices"][0]["delta"]})
    script = Script(forced(), twice[0], stream(both, chunk(finish="tool_calls"))).run()
    assert script.reasoning == "let me see\n\nfine"
    # Sent back as it came: the break is for the caller alone.
    assert script.bodies[1]["messages"][-2]["reasoning_content"] == "let me see"


def test_the_first_answer_is_given_back_when_the_second_is_empty() -> None:
    sent = forced()
    script = Script(sent, stream(*said("first")), stream(*said())).run()
    assert script.text == "first"
    assert sent.completion is not None
    assert sent.completion["choices"][0]["message"]["content"] == "first"


def test_a_named_tool_is_the_only_one_sent_and_is_named_in_the_notice() -> None:
    sent = forced({"type": "function", "function": {"name": "get_weather"}})
    script = Script(sent, stream(*said("no")), stream(*said("no"))).run()
    for body in script.bodies:
        assert [tool["function"]["name"] for tool in body["tools"]] == ["get_weather"]
    assert "call the tool get_weather and did not" in sent.notices[0]


def test_a_forced_call_in_a_whole_answer() -> None:
    def whole(message: Json, finish: str) -> bytes:
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return json.dumps({"id": "1", "choices": [choice], "usage": usage(1, 1)}).encode()

    sent = forced(stream=False)
    calls = [{"id": "a", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}]
    first = whole({"content": "no", "reasoning_content": "hm"}, "stop")
    script = Script(sent, first, whole({"content": "", "tool_calls": calls}, "tool_calls")).run()
    assert script.bodies[1]["messages"][-2]["reasoning_content"] == "hm"
    assert sent.completion is not None
    assert sent.completion["choices"][0]["message"]["tool_calls"] == calls
    assert sent.completion["usage"] == usage(2, 2)
    assert script.text == ""
    assert script.reasoning == "hm"


def test_reasoning_and_text_in_one_chunk_are_parted() -> None:
    sent = forced()
    both = chunk({"reasoning_content": "hm", "content": "text"}, finish="stop")
    script = Script(sent, stream(both), stream(*said("second"))).run()
    assert script.reasoning == "hm"
    assert script.text == "text\n\nsecond"
    assert script.bodies[1]["messages"][-2] == {
        "role": "assistant",
        "content": "text",
        "reasoning_content": "hm",
    }
    finishes = [item["choices"][0]["finish_reason"] for item in script.chunks]
    assert [finish for finish in finishes if finish] == ["stop"]


def test_a_call_without_arguments_counts_as_a_call() -> None:
    sent = forced()
    body = stream(
        call_chunk(index=0, id="a", name="get_time", arguments=""), chunk(finish="tool_calls")
    )
    script = Script(sent, body).run()
    assert len(script.bodies) == 1
    assert sent.completion is not None
    assert sent.completion["choices"][0]["message"]["tool_calls"][0]["id"] == "a"
    no_finish = forced()
    assert (
        len(Script(no_finish, stream(call_chunk(index=0, id="a", name="get_time"))).run().bodies)
        == 1
    )


def test_the_second_request_is_retried_like_the_first() -> None:
    script = Script(
        forced(), OVERLOADED, stream(*said("no")), OVERLOADED, failed(), stream(*call())
    ).run()
    assert len(script.bodies) == 5
    assert script.waits == [0.5, 0.5, 1.0]


def test_a_second_request_that_fails_is_an_error() -> None:
    sent = forced()
    script = Script(sent, stream(*said("no")), error_answer(400, "content_filter"))
    with pytest.raises(APIError):
        script.run()
    assert script.text == ""
    assert sent.completion is None


def test_a_forced_call_for_a_legacy_caller() -> None:
    functions = [tool["function"] for tool in TOOLS]
    sent = exchange(functions=functions, function_call={"name": "get_time"})
    script = Script(sent, stream(*said("no")), stream(*call(arguments='{"a": 1}'))).run()
    assert len(script.bodies) == 2
    assert sent.completion is not None
    assert sent.completion["choices"][0] == {
        "index": 0,
        "message": {
            "role": "assistant",
            "content": None,
            "function_call": {"name": "get_time", "arguments": '{"a": 1}'},
        },
        "finish_reason": "function_call",
    }


def answer_of(text: str, completion: int) -> bytes:
    return stream(*said(text), usage_chunk(**usage(10, completion, cached_tokens=3)))


def test_several_choices_are_several_requests_merged() -> None:
    sent = exchange(n=3)
    script = Script(sent, answer_of("a", 1), answer_of("b", 2), answer_of("c", 3)).run()
    assert len(script.bodies) == 3
    assert all("n" not in body for body in script.bodies)
    assert len(script.forks) == 1
    assert sent.completion is not None
    assert [
        (choice["index"], choice["message"]["content"], choice["finish_reason"])
        for choice in sent.completion["choices"]
    ] == [(0, "a", "stop"), (1, "b", "stop"), (2, "c", "stop")]
    assert sent.completion["usage"] == {
        **usage(30, 6, cached_tokens=9),
        "prompt_tokens_details": {"cached_tokens": 9},
    }
    assert {choice["index"] for item in script.chunks for choice in item["choices"]} == {0, 1, 2}
    assert sent.trace_id == "trace-1"


def test_an_error_in_one_of_several_choices_is_an_error() -> None:
    sent = exchange(n=2)
    with pytest.raises(APIError):
        Script(sent, answer_of("a", 1), error_answer(400)).run()
    assert sent.completion is None


def test_several_forced_choices_are_nudged_each_for_itself() -> None:
    sent = forced(n=2)
    no = stream(*said("no"))
    script = Script(sent, stream(*call()), no, no).run()
    assert len(script.bodies) == 3
    assert sent.completion is not None
    first, second = sent.completion["choices"]
    assert first["message"]["tool_calls"]
    assert (second["index"], second["message"]["content"]) == (1, "no")
    assert len(sent.notices) == 1
    assert "usage" not in sent.completion


def test_several_choices_are_restored_each_for_itself() -> None:
    translation = replace(exchange(n=2).translation, restore=Restore(stops=("END",)))
    sent = Exchange(translation)
    Script(sent, stream(*said("x E", "ND y")), stream(*said("x E", "x"))).run()
    assert sent.completion is not None
    texts = [choice["message"]["content"] for choice in sent.completion["choices"]]
    assert texts == ["x ", "x Ex"]
