"""The line for a wait: what is waited for, how long, which try; nothing for a short one."""

from __future__ import annotations

import pytest

from llm_kimi.errors import APIConnectionError, APIError, KimiError, StreamError
from llm_kimi.exchange.retry_text import NOTICED, waiting_text

OVERLOADED = APIError("x", status=429, type="engine_overloaded_error")
LIMITED = APIError("x", status=429, type="rate_limit_reached_error")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OVERLOADED, "Kimi is overloaded; trying again in 45 s (1 of 3)"),
        (APIError("x", status=503), "Kimi is overloaded; trying again in 45 s (1 of 3)"),
        (LIMITED, "Kimi's rate limit has been reached; trying again in 45 s (1 of 3)"),
        (APIError("x", status=429), "Kimi's rate limit has been reached; trying again in 45 s"),
        (APIError("x", status=500), "Kimi reported an error of its own (500); trying again in 45"),
        (APIError("x", status=504), "Kimi took too long to answer (504); trying again in 45 s"),
        (APIConnectionError("x"), "Kimi cannot be reached; trying again in 45 s (1 of 3)"),
        (StreamError("x"), "the connection to Kimi failed; trying again in 45 s (1 of 3)"),
    ],
)
def test_what_how_long_and_which_try(error: KimiError, text: str) -> None:
    assert (waiting_text(error, 45.2, 0, 3) or "").startswith(text)


def test_nothing_of_what_a_server_says_is_in_it() -> None:
    error = APIError("\x1b[2J sk-secret", status=429, type="\x1b[31m", hint="\x1b", trace_id="\x1b")
    assert waiting_text(error, 9, 1, 2) == (
        "Kimi's rate limit has been reached; trying again in 9 s (2 of 2)"
    )


@pytest.mark.parametrize("error", [OVERLOADED, APIConnectionError("refused")])
def test_short_waits_are_not_worth_a_line(error: KimiError) -> None:
    assert waiting_text(error, NOTICED - 0.1, 0, 2) is None
    assert waiting_text(error, NOTICED, 0, 2) is not None


@pytest.mark.parametrize(
    "error", [APIConnectionError("x", timeout=True), APIError("x", status=504)]
)
def test_after_a_try_that_took_long_every_wait_is(error: KimiError) -> None:
    assert (waiting_text(error, 0.4, 0, 2) or "").endswith("; trying again (1 of 2)")
