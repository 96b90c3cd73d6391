"""Errors: LiteLLM's own classes, with Kimi's words, in all four ways to call."""

from __future__ import annotations

import asyncio
from typing import Any

import litellm
import openai
import pytest
from litellm.exceptions import MidStreamFallbackError

from llm_kimi.simulator import Simulator
from tests.support.litellm_asking import ask

CONTEXT = "Invalid request: Your request exceeded model token limit: 262144"
BAD_GATEWAY = getattr(litellm, "BadGatewayError", litellm.ServiceUnavailableError)

ANSWERS = [
    ({"status": 400}, litellm.BadRequestError, 400),
    ({"status": 400, "message": CONTEXT}, litellm.ContextWindowExceededError, 400),
    ({"status": 400, "type": "content_filter"}, litellm.ContentPolicyViolationError, 400),
    ({"status": 401}, litellm.AuthenticationError, 401),
    ({"status": 401, "type": "incorrect_api_key_error"}, litellm.AuthenticationError, 401),
    ({"status": 403}, litellm.PermissionDeniedError, 403),
    ({"status": 404}, litellm.NotFoundError, 404),
    ({"status": 408}, litellm.Timeout, 408),
    ({"status": 422}, litellm.BadRequestError, 400),
    ({"status": 429}, litellm.RateLimitError, 429),
    ({"status": 429, "type": "rate_limit_reached_error"}, litellm.RateLimitError, 429),
    ({"status": 429, "type": "exceeded_current_quota_error"}, litellm.RateLimitError, 429),
    ({"status": 500}, litellm.InternalServerError, 500),
    ({"status": 502}, BAD_GATEWAY, 502),
    ({"status": 503}, litellm.ServiceUnavailableError, 503),
    ({"html": True}, litellm.Timeout, 408),
]


def failure(way: str, *args: Any, **given: Any) -> Any:
    """The error of a call. An async stream's, LiteLLM wraps when it may be tried elsewhere."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        ask(way, *args, **given)
    error = caught.value
    if isinstance(error, MidStreamFallbackError):
        assert "stream" in way
        return error.original_exception
    return error


@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    ANSWERS,
    ids=[" ".join(str(value) for value in fault.values())[:30] for fault, _, _ in ANSWERS],
)
def test_each_answer_has_its_class(
    kimi: Simulator, way: str, fault: dict[str, Any], kind: type[Exception], status: int
) -> None:
    kimi.fault(**fault, retry_after=7)
    error = failure(way, max_retries=0)
    assert type(error) is kind, repr(error)
    assert error.status_code in (status, fault.get("status"))
    assert error.llm_provider == "kimi"
    assert error.model == "kimi-k2.6"
    assert kimi.requests[0]["trace_id"] in str(error)
    if kind is not litellm.Timeout:
        assert error.response.headers["retry-after"] == "7"
        assert error.response.headers["x-trace-id"] == kimi.requests[0]["trace_id"]
    assert len(kimi.requests) == 1


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("engine_overloaded_error", litellm.RateLimitError),
        ("rate_limit_reached_error", litellm.RateLimitError),
        ("content_filter", litellm.ContentPolicyViolationError),
        ("server_error", litellm.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream_way", ["stream", "astream"])
def test_an_error_inside_a_stream(
    kimi: Simulator, stream_way: str, kind: str, expected: type[Exception]
) -> None:
    kimi.fault(error_in_stream=1, type=kind)
    error = failure(stream_way, "{{say: a b c d}}", max_retries=0)
    assert type(error) is expected, repr(error)


def reasoning(chunk: Any) -> str:
    """What a chunk has of it."""
    return getattr(chunk.choices[0].delta, "reasoning_content", None) or ""


@pytest.mark.parametrize("fault", [{"cut_after": 3}, {"cut_after": 4}])
@pytest.mark.parametrize("stream_way", ["stream", "astream"])
def test_a_stream_that_is_cut_is_an_error(
    kimi: Simulator, stream_way: str, fault: dict[str, Any]
) -> None:
    kimi.fault(**fault)
    got: list[Any] = []
    given: dict[str, Any] = {
        "model": "kimi/kimi-k2.6",
        "messages": [{"role": "user", "content": "{{reason: one two three four five}}"}],
        "stream": True,
    }

    def read() -> None:
        for chunk in litellm.completion(**given):
            got.append(chunk)  # noqa: PERF402

    async def aread() -> None:
        async for chunk in await litellm.acompletion(**given):
            got.append(chunk)  # noqa: PERF401

    with pytest.raises(openai.APIError, match=r"broke off|no \[DONE\]"):
        asyncio.run(aread()) if stream_way == "astream" else read()
    assert "".join(map(reasoning, got)).startswith("one")
    assert not any(choice.finish_reason for chunk in got for choice in chunk.choices)


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 503}, {"drop": True}])
def test_what_passes_is_tried_again(kimi: Simulator, way: str, fault: dict[str, Any]) -> None:
    kimi.fault(**fault, times=2, **({} if "drop" in fault else {"retry_after": 0}))
    assert ask(way, "{{say: fine}}").text == "fine"
    assert len(kimi.requests) == 3


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize(
    ("retries", "requests"), [({"max_retries": 0}, 1), ({"max_retries": 1}, 2), ({}, 3)]
)
def test_how_often(kimi: Simulator, way: str, retries: dict[str, int], requests: int) -> None:
    kimi.fault(status=429, times=9, retry_after=0)
    assert type(failure(way, **retries)) is litellm.RateLimitError
    assert len(kimi.requests) == requests


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "type": "exceeded_current_quota_error"},
        {"status": 400},
        {"status": 401},
        {"status": 404},
    ],
)
def test_what_cannot_pass_is_not_tried_again(
    kimi: Simulator, way: str, fault: dict[str, Any]
) -> None:
    kimi.fault(**fault, times=9, retry_after=0)
    failure(way)
    assert len(kimi.requests) == 1


def test_hints_are_in_the_text(kimi: Simulator, way: str) -> None:
    kimi.fault(status=401)
    error = failure(way)
    assert "the environment variable MOONSHOT_API_KEY" in str(error)
    kimi.fault(status=400, message=CONTEXT)
    assert "share 262,144 tokens" in str(failure(way))
    kimi.fault(status=429, type="exceeded_current_quota_error")
    assert "top it up" in str(failure(way))


def test_nobody_listens(way: str) -> None:
    error = failure(way, api_base="http://127.0.0.1:9/v1", api_key="sk-a", max_retries=0)
    assert type(error) is litellm.APIConnectionError, repr(error)
    assert "no connection to http://127.0.0.1:9/v1" in str(error)


def test_nobody_listens_where_a_variable_leads(kimi: Simulator, way: str) -> None:
    kimi.stop()
    text = str(failure(way, max_retries=0))
    assert "KIMI_BASE_URL sets this address, and nothing answers there" in text
    assert "unset KIMI_BASE_URL" in text


@pytest.mark.parametrize("timeout", [0.3, "httpx"])
def test_timeout(kimi: Simulator, way: str, timeout: Any) -> None:
    import httpx

    kimi.fault(delay=2.0)
    given = httpx.Timeout(0.3) if timeout == "httpx" else timeout
    error = failure(way, timeout=given)
    assert type(error) is litellm.Timeout, repr(error)
    assert "timed out" in str(error)
    assert len(kimi.requests) <= 1  # what may be generated already is not asked for twice


@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 401}, {"status": 400}])
def test_num_retries_is_litellms(kimi: Simulator, fault: dict[str, Any]) -> None:
    """``num_retries`` sets our retries to 0 and needs tenacity, which LiteLLM does not install."""
    pytest.importorskip("tenacity")
    kimi.fault(**fault, times=1, retry_after=0)
    assert ask("call", "{{say: fine}}", num_retries=2).text == "fine"
    assert len(kimi.requests) == 2
