"""The exchange, driven by hand with scripted answers: plain ones, retries, errors, stopping."""

from __future__ import annotations

import copy
import json
import traceback
from typing import Any

import pytest

from llm_kimi.errors import APIConnectionError, APIError, InvalidRequestError, StreamError
from llm_kimi.exchange import LONGEST_WAIT, Answer, Chunks, Exchange, Read, Target
from tests.support.exchanges import _BUSY, KEY, OVERLOADED, TOOLS, exchange, failed, forced, usage
from tests.support.replies import (
    DONE,
    Script,
    chunk,
    error_answer,
    event,
    said,
    stream,
    usage_chunk,
)


def test_an_answer_is_handed_on_as_it_comes_and_collected() -> None:
    body = stream(*said("a", "b"), usage_chunk(**usage(3, 4)))
    sent = exchange()
    script = Script(sent, [body[:60], body[60:200], body[200:]]).run()
    assert script.text == "ab"
    assert script.waits == []
    assert sent.completion is not None
    assert sent.completion["choices"][0]["message"]["content"] == "ab"
    assert sent.completion["usage"] == usage(3, 4)
    assert sent.trace_id == "trace-1"
    assert sent.notices == []


def test_a_whole_answer_where_no_stream_was_asked_for() -> None:
    body = {
        "id": "1",
        "model": "kimi-k2.6",
        "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}],
        "usage": usage(1, 2),
    }
    sent = exchange(stream=False)
    script = Script(sent, json.dumps(body).encode()).run()
    assert "stream" not in script.bodies[0] or script.bodies[0]["stream"] is False
    assert sent.completion is not None
    assert sent.completion["choices"][0]["message"] == {"role": "assistant", "content": "hi"}


@pytest.mark.parametrize("asked", [True, False])
def test_a_body_that_came_with_the_head_is_not_read_again(asked: bool) -> None:
    body = stream(*said("hi")) if asked else b'{"choices": [{"message": {"content": "hi"}}]}'
    sent = exchange(stream=asked)
    steps = sent.steps()
    next(steps)
    told = [steps.send(Answer(200, {"x-trace-id": "trace-1"}, body=body)), *steps]
    assert all(isinstance(step, Chunks) for step in told)
    assert sent.completion is not None
    assert sent.completion["choices"][0]["message"]["content"] == "hi"
    assert sent.trace_id == "trace-1"


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("body", [b"", b"\n\n", b" \r\n"])
def test_a_head_without_any_body_is_asked_again(asked: bool, body: bytes) -> None:
    empty = Answer(200, {}, body=body)
    whole = b'{"choices": [{"message": {"content": "hi"}}]}'
    good = stream(*said("hi")) if asked else Answer(200, {}, body=whole)
    script = Script(exchange(stream=asked), empty, [body], good).run()
    assert script.text == "hi"
    assert len(script.waits) == 2
    with pytest.raises(StreamError, match="empty answer"):
        Script(exchange(stream=asked), empty, [body], empty).run()


@pytest.mark.parametrize(
    "first",
    [
        [b": ping\n\n"],
        [b": ping\n", b"\n", b"event: message\n\n"],
        [DONE],
        [event({"error": {"message": "overloaded", "type": "engine_overloaded_error"}})],
        [b": ping\n\n", event({"error": {"message": "wait", "code": 429}})],
        [event({**chunk(), "choices": []}), event({"error": {"message": "x", "code": "503"}})],
        [event(chunk({"role": "assistant", "content": ""})), event(_BUSY)],
        [event(chunk({"role": "assistant", "content": ""})) + event(_BUSY)],
    ],
)
def test_a_stream_that_fails_before_it_says_anything_is_asked_again(first: list[bytes]) -> None:
    script = Script(exchange(), first, stream(*said("hi"))).run()
    assert script.text == "hi"
    assert len(script.waits) == 1


def test_text_without_a_letter_does_not_stop_the_clock() -> None:
    """A server that sends empty text for ever is as silent as one that sends nothing."""
    steps = exchange().steps()
    next(steps)
    waits = []
    nothing = event(chunk({"content": ""}))
    answer = Answer(200, {}, stream=iter(()))
    for piece in [None, event(chunk({"content": "a"})), nothing, nothing, event(chunk(), end=b"")]:
        step = steps.send(answer if piece is None else piece)
        while isinstance(step, Chunks):
            step = next(steps)
        assert isinstance(step, Read)
        waits.append(step.silent)
    steps.close()
    assert waits == [False, False, True, True, True]


@pytest.mark.parametrize(
    "first",
    [
        [event({"error": {"message": "no", "type": "invalid_request_error"}})],
        [event({"error": {"message": "recharge", "type": "exceeded_current_quota_error"}})],
        [b"<html><title>hi</title></html>"],
        [b"data: {broken\n\n"],
        [event(said("a")[1]) + event({"error": {"message": "x", "code": 503}})],
    ],
)
def test_a_stream_that_fails_for_good_is_not_asked_again(first: list[bytes]) -> None:
    script = Script(exchange(), first, stream(*said("hi")))
    with pytest.raises((APIError, StreamError)):
        script.run()
    assert (script.waits, script.left) == ([], 1)


def test_an_answer_without_usage_has_none() -> None:
    sent = exchange()
    Script(sent, stream(*said("a"))).run()
    assert sent.completion is not None
    assert "usage" not in sent.completion


def test_the_body_is_sent_as_translated_and_not_changed() -> None:
    sent = exchange(tools=TOOLS, tool_choice="required")
    before = copy.deepcopy(sent.translation.body)
    script = Script(sent, stream(*said("no")), stream(*said("no"))).run()
    assert script.bodies[0] == before
    assert sent.translation.body == before


@pytest.mark.parametrize(
    "answer",
    [
        OVERLOADED,
        error_answer(429, "rate_limit_reached_error", "max RPM: 20"),
        error_answer(408),
        error_answer(409),
        error_answer(500, "server_error"),
        error_answer(502),
        error_answer(503, "server_unavailable"),
        Answer(504, {}, body=b"<html><title>504 Gateway Time-out</title></html>"),
        failed(),
        [failed("broke off")],
    ],
)
def test_what_may_pass_is_tried_twice_more(answer: Any) -> None:
    good = stream(*said("a"))
    again = [copy.copy(answer) if isinstance(answer, list) else answer for _ in range(2)]
    script = Script(exchange(), *again, good).run()
    assert script.text == "a"
    assert len(script.bodies) == 3
    assert script.bodies[0] == script.bodies[2]
    assert script.waits == [0.5, 1.0]


def test_three_failures_are_the_end() -> None:
    script = Script(exchange(), OVERLOADED, OVERLOADED, OVERLOADED, stream(*said("a")))
    with pytest.raises(APIError) as caught:
        script.run()
    assert caught.value.type == "engine_overloaded_error"
    assert (len(script.bodies), script.left) == (3, 1)
    script = Script(exchange(), failed(), failed(), failed("the last"))
    with pytest.raises(APIConnectionError, match="the last"):
        script.run()


def test_the_number_of_retries_can_be_set() -> None:
    sent = Exchange(exchange().translation, max_retries=0)
    with pytest.raises(APIError):
        Script(sent, OVERLOADED).run()


@pytest.mark.parametrize(
    "answer",
    [
        error_answer(400, "invalid_request_error"),
        error_answer(400, "content_filter"),
        error_answer(401, "invalid_authentication_error", "Invalid Authentication"),
        error_answer(403, "permission_denied_error"),
        error_answer(404, "resource_not_found_error", "Not found the model"),
        error_answer(413),
        error_answer(429, "exceeded_current_quota_error"),
        error_answer(429, "rate_limit_reached_error", "reached TPD rate limit"),
        error_answer(429, text="your account is in arrears"),
        error_answer(403, "permission_denied_error", "Insufficient balance"),
        Answer(204, {}),
        Answer(307, {"location": "https://other.example/v1"}),
    ],
)
def test_what_will_not_pass_is_not_tried_again(answer: Answer) -> None:
    script = Script(exchange(), answer, stream(*said("a")))
    with pytest.raises(APIError) as caught:
        script.run()
    assert caught.value.status == answer.status
    assert (script.waits, script.left) == ([], 1)


def test_a_timeout_that_may_have_cost_something_is_not_tried_again() -> None:
    for answer in (failed(again=False), [failed(again=False)]):
        script = Script(exchange(), answer, stream(*said("a")))
        with pytest.raises(APIConnectionError):
            script.run()
        assert script.left == 1


@pytest.mark.parametrize(
    ("answer", "low", "high"),
    [
        (error_answer(503, retry_after="7"), 7, 7.7),
        (error_answer(503, retry_after="0"), 0.3, 0.5),
        (
            error_answer(429, "rate_limit_reached_error", "please try again after 3 seconds"),
            3,
            3.3,
        ),
        (
            error_answer(
                429, "rate_limit_reached_error", "try again after 3 seconds", retry_after="0"
            ),
            3,
            3.3,
        ),
        (error_answer(503, text="try again after 1500 ms"), 1.5, 1.65),
        (error_answer(503, retry_after=f"{LONGEST_WAIT}"), LONGEST_WAIT, LONGEST_WAIT * 1.1),
        (error_answer(503, retry_after="nan"), 0.3, 0.7),
    ],
)
@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_the_server_says_how_long(answer: Answer, low: float, high: float, jitter: float) -> None:
    script = Script(exchange(jitter=jitter), answer, stream(*said("a"))).run()
    assert len(script.waits) == 1
    assert low <= script.waits[0] <= high + 1e-9


def test_a_wait_that_is_too_long_is_left_to_the_caller() -> None:
    answer = error_answer(503, retry_after=f"{LONGEST_WAIT + 1}")
    script = Script(exchange(), answer, stream(*said("a")))
    with pytest.raises(APIError) as caught:
        script.run()
    assert caught.value.retry_after == LONGEST_WAIT + 1
    assert script.left == 1


def test_after_the_first_byte_nothing_is_tried_again() -> None:
    begun = stream(*said("a")[:2], done=False)
    wrong = event({"error": {"message": "overloaded", "type": "engine_overloaded_error"}})
    for pieces, error in (
        ([begun, failed("broke off")], APIConnectionError),
        ([begun], StreamError),
        ([begun, wrong], APIError),
        ([begun + wrong], APIError),
    ):
        sent = exchange()
        script = Script(sent, pieces, stream(*said("a")))
        with pytest.raises(error):
            script.run()
        assert script.left == 1
        assert script.text == ("a" if pieces[0].startswith(b"data") else "")
        assert sent.completion is None


def test_a_goodbye_that_got_lost_does_no_harm() -> None:
    script = Script(exchange(), [stream(*said("a")), failed("reset")]).run()
    assert script.text == "a"
    assert script.exchange.completion is not None


def test_an_error_tells_all_and_never_the_key() -> None:
    target = Target("https://api.moonshot.ai/v1", "the environment variable KIMI_API_KEY", KEY)
    answer = error_answer(401, "incorrect_api_key_error", f"wrong: {KEY}", x_trace_id="t-7")
    with pytest.raises(APIError) as caught:
        Script(exchange(target=target), answer).run()
    error = caught.value
    assert (error.status, error.type, error.trace_id) == (401, "incorrect_api_key_error", "t-7")
    assert "KIMI_API_KEY" in str(error)
    assert "api.moonshot.cn" in str(error)
    assert KEY not in "".join(traceback.format_exception(error))
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize(
    "wrong", [event({"error": {"message": f"no {KEY}"}}), event(f"oops {KEY}"), event(f'["{KEY}"]')]
)
def test_an_error_in_the_stream_never_shows_the_key(wrong: bytes) -> None:
    with pytest.raises((APIError, StreamError)) as caught:
        Script(exchange(target=Target(key=KEY)), stream(*said("a")[:1], done=False) + wrong).run()
    assert KEY not in "".join(traceback.format_exception(caught.value))
    if isinstance(caught.value, APIError):
        assert caught.value.trace_id == "trace-1"


def test_the_key_is_in_no_repr() -> None:
    target = Target("https://x", "somewhere", KEY)
    for shown in (
        repr(target),
        str(target),
        f"{target}",
        repr(Exchange(exchange().translation, target)),
    ):
        assert KEY not in shown


def test_a_retired_model_names_its_replacement() -> None:
    answer = error_answer(
        404, "resource_not_found_error", "Not found the model or Permission denied"
    )
    with pytest.raises(APIError, match=r"retired on .*: use kimi-k3\.1-pro"):
        Script(exchange(model="kimi-k2.5"), answer).run()


def test_what_has_to_be_fetched_first_is_an_error_before_anything_is_sent() -> None:
    parts = [
        ({"type": "image_url", "image_url": {"url": "https://x.y/z.png"}}, "data: URL"),
        ({"type": "file", "file": {"file_id": "f"}}, "document"),
    ]
    for part, words in parts:
        message = {"role": "user", "content": [{"type": "text", "text": "x"}, part]}
        script = Script(exchange(messages=[message]))
        with pytest.raises(InvalidRequestError, match=words) as caught:
            script.run()
        assert str(caught.value.param).startswith("messages[0].content[1]")
        assert script.bodies == []


def test_the_steps_can_be_closed_anywhere() -> None:
    body = stream(*said("a", "b"))
    pieces = [body[at : at + 40] for at in range(0, len(body), 40)]
    for count in range(1, 12):
        for sent in (exchange(), forced(), exchange(n=2)):
            script = Script(sent, *(pieces for _ in range(4)))
            outputs = script.outputs(sent)
            for _ in range(count):
                next(outputs, None)
            outputs.close()
            assert sent.completion is None or sent.completion["choices"]


def test_bytes_after_done_are_read_and_left() -> None:
    script = Script(exchange(), [stream(*said("a")), b": bye\n\n", b"\xff\xff", DONE]).run()
    assert script.text == "a"
