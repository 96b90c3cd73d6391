"""Error answers: what is told, whether and when to try again, and what nobody must see."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest

from llm_kimi.exchange.retry import is_retryable, retry_delay
from llm_kimi.reply import api_error, error_of
from llm_kimi.reply.api_errors import scrub
from tests.support.api_answers import made


def test_status_type_trace_id_and_words_are_told() -> None:
    error = made(400, "invalid_request_error", "bad thing", headers={"x-trace-id": "t-1"})
    assert (error.status, error.type, error.trace_id) == (400, "invalid_request_error", "t-1")
    assert error.detail == "bad thing"
    assert str(error) == "400 invalid_request_error: bad thing [trace id t-1]"
    assert made(500, headers={"x-request-id": "r-1"}).trace_id == "r-1"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"error": {"message": "why"}}', "why"),
        (b'{"error": "why"}', "why"),
        (b'{"error": {}}', "no reason given"),
        (b'{"error": {"message": null, "code": 7}}', "no reason given"),
        (b'{"error": null}', '{"error": null}'),
        (b'{"detail": "why"}', '{"detail": "why"}'),
        (b'["why"]', '["why"]'),
        (b"why not", "why not"),
        (b"", "an empty answer with status 503"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 200_000, "[" * 200),
        (
            b"<html><head><title>504 Gateway Time-out</title></head></html>",
            "a gateway answered with a page (504 Gateway Time-out)",
        ),
        (b"<p>no title", "a gateway answered with a page (status 503)"),
    ],
)
def test_every_kind_of_body_gives_words(body: bytes, detail: str) -> None:
    assert api_error(503, {}, body).detail == detail


def test_a_code_that_is_a_number_is_text() -> None:
    error = api_error(400, {}, b'{"error": {"message": "m", "type": 5, "code": 7}}')
    assert (error.type, error.code) == (None, "7")


LIMIT = "request reached organization max RPM: 20, please try again after 1 seconds"


@pytest.mark.parametrize(
    ("status", "type", "text", "again"),
    [
        (408, None, "", True),
        (409, None, "", True),
        (429, "engine_overloaded_error", "overloaded", True),
        (429, "rate_limit_reached_error", LIMIT, True),
        (429, "rate_limit_reached_error", "reached TPD rate limit, current:1, limit:1", False),
        (429, "exceeded_current_quota_error", "", False),
        (429, "engine_overloaded_error", "insufficient balance", False),
        # https://github.com/MoonshotAI/kimi-code, packages/kosong: a 429 is a rate limit unless
        # it says otherwise, and a quota of a minute is one.
        (429, None, "", True),
        (429, "other", "", True),
        (429, "rate_limit_reached_error", "your token quota per minute was exceeded", True),
        (429, None, "quota exceeded: 60 requests/min", True),
        (429, "exceeded_current_quota_error", "your quota per minute was exceeded", True),
        (429, None, "requests per day limit reached", False),
        (429, None, "daily limit reached", False),
        (429, None, "your account is in arrears", False),
        (429, "insufficient_quota", "You exceeded your current quota", False),
        (429, None, "Insufficient account balance", False),
        (429, "rate_limit_reached_error", "\u4f59\u989d\u4e0d\u8db3", False),
        (402, None, "", False),
        (403, None, "Your account balance is insufficient", False),
        (500, "server_error", "", True),
        (500, "unexpected_output", "", True),
        (502, None, "", True),
        (503, "server_unavailable", "", True),
        (504, None, "", True),
        (529, None, "", True),
        (400, "invalid_request_error", "", False),
        (400, "content_filter", "", False),
        (401, None, "", False),
        (403, None, "", False),
        (404, None, "", False),
        (413, None, "", False),
        (422, None, "", False),
        (499, "client_closed_request", "", False),
        (302, None, "", False),
    ],
)
def test_what_is_worth_another_try(status: int, type: str | None, text: str, again: bool) -> None:
    assert is_retryable(made(status, type, text)) is again


@pytest.mark.parametrize(
    ("error", "again"),
    [
        ({"type": "engine_overloaded_error"}, True),
        ({"type": "rate_limit_reached_error"}, True),
        ({"type": "server_error"}, True),
        ({"code": 429}, True),
        ({"code": "503"}, True),
        ({"type": "invalid_request_error", "code": 400}, False),
        ({"type": "exceeded_current_quota_error"}, False),
        ({"type": "rate_limit_reached_error", "message": "reached TPD rate limit"}, False),
        ({"code": 9**400}, False),
        ({"code": ["429"]}, False),
        ("overloaded", False),
        ({}, False),
    ],
)
def test_an_error_inside_a_stream_is_known_by_its_type_or_code(error: Any, again: bool) -> None:
    assert is_retryable(error_of({"error": error})) is again


@pytest.mark.parametrize("status", [402, 403, 429])
def test_an_empty_balance_says_so_whatever_its_status(status: int) -> None:
    """https://www.kimi.com/help/kimi-api/api-troubleshooting"""
    error = made(status, "permission_denied_error", "Insufficient balance")
    assert "out of balance" in str(error.hint)
    assert not is_retryable(error)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://other.example/v1/chat?token=secret", "to other.example"),
        ("//other.example:8443/secret", "to other.example"),
        ("/v1/secret/", "the same host"),
        ("https://user:secret@evil.example/", "to evil.example"),
        ("http://[::1", "the same host"),
        ("https://a\x1b[31m.example/secret", "another place"),
        ("", "without a target"),
    ],
)
@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 399])
def test_a_redirect_names_the_host_and_nothing_else(location: str, words: str, status: int) -> None:
    error = api_error(status, {"location": location} if location else {}, b"secret")
    assert words in str(error)
    assert "secret" not in str(error)
    assert str(error).isprintable()
    assert "not followed" in str(error.hint)
    assert error.status == status
    assert not is_retryable(error)


@pytest.mark.parametrize(
    ("header", "text", "seconds"),
    [
        ("7", "", 7.0),
        (" 1.5 ", "", 1.5),
        ("0", "", 0.0),
        ("0", LIMIT, 1.0),
        ("3", LIMIT, 3.0),
        (None, LIMIT, 1.0),
        (None, "Please try again after 250 ms", 0.25),
        (None, "try again after 250milliseconds", 0.25),
        (None, "try again after 1 second.", 1.0),
        (None, "try again after 2.5s", 2.5),
        (None, "try again after 5 minutes", 300.0),
        (None, "Please retry in 1.5s", 1.5),
        (None, "retry-after: 3 seconds", 3.0),
        (None, "wait 2 minutes", 120.0),
        (None, "Limit resets in 12 secs", 12.0),
        (None, "\u8bf7\u5728 5 \u79d2\u540e\u91cd\u8bd5", 5.0),
        (None, "try again after 99999999999999999999 seconds", None),
        (None, "reached max RPM: 20", None),
        ("6m0s", "", 360.0),
        ("500ms", "", 0.5),
        ("9" * 500, "", None),
        (".5", "", 0.5),
        ("2015-10-21T07:28:00Z", "", 0.0),
        ("\u0661", "", None),
        (None, "try again later", None),
        ("soon", LIMIT, 1.0),
        ("soon", "", None),
        ("", "", None),
        ("nan", "", None),
        ("inf", "", None),
        ("-5", "", None),
        ("1e9999", "", None),
        ("Wed, 99 Foo 2026 00:00:00 GMT", "", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "", 0.0),
    ],
)
def test_the_time_to_wait(header: str | None, text: str, seconds: float | None) -> None:
    headers = {} if header is None else {"retry-after": header}
    assert made(429, "x", text, headers=headers).retry_after == seconds


@pytest.mark.parametrize("zone", [timezone.utc, timezone(timedelta(hours=8))])
def test_the_time_to_wait_as_a_date(zone: timezone) -> None:
    moment = datetime.now(zone) + timedelta(seconds=30)
    error = made(503, headers={"retry-after": format_datetime(moment)})
    assert error.retry_after is not None
    assert 25 < error.retry_after <= 30
    naive = made(503, headers={"retry-after": format_datetime(moment).rsplit(" ", 1)[0] + " -0000"})
    assert naive.retry_after is not None


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_the_delay_grows_within_its_bounds(jitter: float) -> None:
    for attempt in range(8):
        delay = retry_delay(None, attempt, jitter)
        middle = min(0.5 * 2**attempt, 8)
        assert 0.75 * middle <= delay <= 1.25 * middle
    told = made(429, "x", headers={"retry-after": "5"})
    assert 5 <= retry_delay(told, 0, jitter) <= 5.5
    at_once = made(429, "x", headers={"retry-after": "0"})
    assert 0.3 < retry_delay(at_once, 0, jitter) <= 0.5


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        # By the server's clock, where it shows its own.
        (
            {
                "retry-after": "Wed, 21 Oct 2037 07:28:05 GMT",
                "date": "Wed, 21 Oct 2037 07:28:00 GMT",
            },
            5.0,
        ),
        ({"x-ratelimit-reset": "12"}, 12.0),
        ({"x-ratelimit-reset": "12", "retry-after": "3"}, 3.0),
        ({"x-ratelimit-reset": "12", "x-ratelimit-remaining": "5"}, None),
        ({"x-ratelimit-reset": "12", "x-ratelimit-remaining": "0"}, 12.0),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        (
            {
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-reset-tokens": "6m0s",
                "x-ratelimit-remaining-tokens": "100",
            },
            1.0,
        ),
        ({"x-ratelimit-reset": "2140241285", "date": "Wed, 27 Oct 2037 07:28:00 GMT"}, 5.0),
        ({"x-ratelimit-reset": "2140241285000", "date": "Wed, 27 Oct 2037 07:28:00 GMT"}, 5.0),
        ({"x-ratelimit-reset": "2037-10-27T07:28:05Z", "date": "Wed, 27 Oct 2037 07:28:00 GMT"}, 5),
        ({"x-ratelimit-reset": "tomorrow"}, None),
        ({"x-ratelimit-reset": ""}, None),
    ],
)
def test_the_time_to_wait_in_other_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert made(429, "x", headers=headers).retry_after == seconds


def test_a_reset_is_no_time_to_wait_for_another_error() -> None:
    assert made(503, headers={"x-ratelimit-reset": "12"}).retry_after is None


KEY = "relay-secret.0123456789"


@pytest.mark.parametrize("key", [KEY, "sk-abcdefgh12345678", "sk-kimi-Ab_cd-ef"])
@pytest.mark.parametrize(
    "form",
    ['{{"error": {{"message": "key {} is wrong"}}}}', "key {} is wrong", "<title>{}</title>"],
)
def test_the_key_never_comes_out(key: str, form: str) -> None:
    for text in (form.format(key), form.format("x" * 190 + key)):
        error = api_error(401, {}, text.encode(), key=key)
        for shown in (str(error), error.detail, repr(error), str(error.args), str(vars(error))):
            assert key not in shown
            assert key[:12] not in shown
    inside = error_of({"error": {"message": f"no {key}"}}, key=key)
    assert key not in str(inside)
    assert key not in str(error_of({"error": f"no {key}"}, key=key))


def test_scrub() -> None:
    assert scrub("a sk-abcdef123 b") == "a sk-*** b"
    assert scrub("Bearer sk-abcdef123, sk-zzzzzzzz!") == "Bearer sk-***, sk-***!"
    assert scrub("ask-me-anything task-manager") == "ask-me-anything task-manager"
    assert scrub(f"a {KEY} b", KEY) == "a *** b"
    assert scrub("abc", "b") == "abc"
    assert scrub("abc", "") == "abc"


@pytest.mark.parametrize("value", ["\x1b]0;owned\x07", "a\r\nb", "a\u202eb", "\x9b31m", "a\ud83d"])
def test_the_words_of_a_server_are_one_harmless_line(value: str) -> None:
    fields = {"message": f"no {value}", "type": f"t{value}", "code": f"c{value}"}
    for error in (
        api_error(400, {"x-trace-id": f"i{value}"}, json.dumps({"error": fields}).encode()),
        api_error(400, {}, f"plain {value}".encode("utf-8", "replace")),
        api_error(502, {}, f"<title>{value}</title>".encode("utf-8", "replace")),
        error_of({"error": fields}, trace_id=f"i{value}"),
        error_of({"error": [fields]}),
    ):
        assert str(error).isprintable()
        for part in (error.detail, error.type, error.code, error.trace_id):
            assert part is None or part.isprintable()


def test_the_key_is_in_no_field_of_an_error() -> None:
    fields = dict.fromkeys(("message", "type", "code"), f"x {KEY} sk-abcdefgh12345678")
    for error in (
        api_error(400, {"x-trace-id": KEY}, json.dumps({"error": fields}).encode(), key=KEY),
        api_error(307, {"location": f"https://{KEY}/"}, b"", key=KEY),
        error_of({"error": fields}, key=KEY, trace_id=KEY),
        error_of({"error": {"message": {"key": KEY}}}, key=KEY),
    ):
        for text in (str(error), repr(error), str(error.args), str(vars(error))):
            assert KEY not in text
            assert "abcdefgh" not in text


@pytest.mark.parametrize(
    "error",
    [None, 7, True, [], [[]], {"message": None}, {"message": {"a": [1]}}, {"message": 7.5}],
)
def test_an_error_of_any_form_has_words(error: Any) -> None:
    for made_of in (error_of({"error": error}), api_error(400, {}, json.dumps(error).encode())):
        assert made_of.detail


def test_of_an_endless_error_answer_the_beginning_is_looked_at() -> None:
    """64 KB of gzip make 64 MB; searched for keys as a whole they took seconds."""
    key = "sk-of-the-end-0123456789"
    start = time.process_time()
    error = api_error(400, {}, b"0" * (64 << 20) + key.encode(), key=key)
    assert time.process_time() - start < 0.5
    assert error.detail == "0" * 200
