"""Error answers: what they say, what to do about it, whether to try again, and never a key."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest

from llm_kimi.errors import APIError
from llm_kimi.exchange.retry import is_retryable, retry_delay
from llm_kimi.reply import api_error, error_of
from llm_kimi.reply.api_errors import is_account_full, scrub


def made(
    status: int,
    type: str | None = None,
    text: str = "no",
    *,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> APIError:
    """The error of an answer in the API's form."""
    error: dict[str, Any] = {"message": text}
    if type is not None:
        error["type"] = type
    return api_error(status, headers or {}, json.dumps({"error": error}).encode(), **more)


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


# -- hints ------------------------------------------------------------------------------------


def test_401_names_the_source_of_the_key_and_the_other_region() -> None:
    for type in ("invalid_authentication_error", "incorrect_api_key_error"):
        error = made(
            401,
            type,
            "Invalid Authentication",
            base_url="https://api.moonshot.ai/v1",
            key_source="the environment variable MOONSHOT_API_KEY",
        )
        assert error.hint is not None
        assert "The key came from the environment variable MOONSHOT_API_KEY." in error.hint
        assert "KIMI_BASE_URL=https://api.moonshot.cn/v1" in error.hint
        assert "Kimi Code" in error.hint
        assert error.hint in str(error)
    for elsewhere in ("https://openrouter.ai/api/v1", "https://u:p@openrouter.ai:443/x"):
        assert made(401, base_url=elsewhere).hint == (
            "Keys belong to one host: the base URL points to openrouter.ai, which refuses this one"
        )
    assert "kimi.com" in str(made(401, base_url="http://[bad"))
    assert "kimi.com" in str(made(401, base_url="http://127.0.0.1:5055/v1"))
    china = made(401, base_url="https://api.moonshot.cn/v1")
    assert china.hint is not None
    assert "KIMI_BASE_URL=https://api.moonshot.ai/v1" in china.hint
    assert "came from" not in china.hint


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("kimi-k2-0905-preview", "retired on 2026-05-25: use kimi-k3.1-pro"),
        ("Kimi-Latest", "retired on"),
        # "Not found the model" for accounts that are too new for K2
        # (https://github.com/netbirdio/docs/pull/872).
        (
            "kimi-k2.6",
            "New accounts do not get this model: kimi-k2.6 is closed to newly registered",
        ),
        ("kimi-k2.7-code", "Use kimi-k3.1-pro"),
        ("kimi-k9", "The platform serves"),
    ],
)
def test_404_of_a_model(model: str, words: str) -> None:
    text = f"Not found the model {model} or Permission denied"
    assert words in str(made(404, "resource_not_found_error", text, model=model))


def test_404_of_another_place() -> None:
    openai = api_error(404, {}, b'{"error": {"message": "The model", "code": "model_not_found"}}')
    assert "OpenAI's own" in str(openai)
    page = api_error(404, {}, b"<title>404 Not Found</title>", base_url="http://host/api")
    assert "no chat API at this base URL (http://host/api)" in str(page)
    path = made(404, "resource_not_found_error", "The requested resource was not found")
    assert "no chat API" in str(path)


NO_FILE = "Not found the file file_1 or Permission denied"


@pytest.mark.parametrize(
    ("text", "file_id"),
    [
        (NO_FILE, ""),
        (NO_FILE, "file_1"),
        ("No such file: file_1", ""),
        ("file model_1 does not exist", ""),
        ("The requested resource was not found", "file_1"),
    ],
)
def test_404_of_a_file_speaks_of_the_file(text: str, file_id: str) -> None:
    error = made(
        404, "resource_not_found_error", text, file_id=file_id, base_url="https://api.moonshot.ai"
    )
    assert "no such file: llm kimi files list" in str(error.hint)
    assert "base URL" not in str(error)


def test_404_of_a_files_api_that_is_not_there_speaks_of_the_base_url() -> None:
    page = api_error(404, {}, b"<title>404 Not Found</title>", file_id="f", base_url="http://h/api")
    assert "base URL (http://h/api)" in str(page)


def test_404_of_a_model_whose_name_holds_the_word_file() -> None:
    text = "Not found the model my.file or Permission denied"
    assert "The platform serves" in str(made(404, "resource_not_found_error", text, model="x"))


@pytest.mark.parametrize(
    ("status", "text", "full"),
    [
        (400, "Too many uploaded files", True),
        (400, "The total size of all uploaded files exceeds 10GB", True),
        (400, "File size is too large", False),
        (None, "Too many uploaded files", False),
    ],
)
def test_a_full_account_is_known(status: int | None, text: str, full: bool) -> None:
    assert is_account_full(APIError(text, status=status)) is full


@pytest.mark.parametrize(
    ("type", "text"),
    [
        ("exceeded_current_quota_error", "please check"),
        ("rate_limit_reached_error", "You exceeded your current token quota: org"),
        (None, "Your account org-1 is suspended due to insufficient balance, please recharge"),
    ],
)
def test_quota_speaks_of_the_balance(type: str | None, text: str) -> None:
    error = made(429, type, text)
    assert "balance" in str(error.hint)
    assert not is_retryable(error)


@pytest.mark.parametrize(
    "text",
    [
        "Invalid request: Your request exceeded model token limit: 262144 (requested: 425573)",
        "Input token length too long",
        "prompt tokens + max_tokens exceeds the model specification",
    ],
)
def test_context_overflow_names_the_window(text: str) -> None:
    small = made(400, "invalid_request_error", text, model="kimi-k2.6")
    assert "262,144 tokens on kimi-k2.6" in str(small.hint)
    assert "kimi-k3.1-pro" in str(small.hint)
    large = made(400, "invalid_request_error", text, model="kimi-k3.1-pro")
    assert "1,048,576" in str(large.hint)
    assert "or take" not in str(large.hint)
    assert "window" in str(made(400, None, text, model="gpt-4o").hint)


RULES = [
    ("invalid temperature: only 1 is allowed for this model", "leave it out"),
    ("invalid top_p: only 0.95 is allowed for this model", "leave it out"),
    ("invalid n: only 1 is allowed for this model", "leave it out"),
    ("invalid presence_penalty: only 0 is allowed for this model", "leave it out"),
    ("invalid frequency_penalty: only 0 is allowed for this model", "leave it out"),
    ("invalid logprobs: only false is allowed for this model", "leave it out"),
    ("tool_choice 'required' is incompatible with thinking enabled", "cannot be forced"),
    ("tool_choice 'specified' is incompatible with thinking enabled", "cannot be forced"),
    ("invalid thinking: only type=enabled is allowed for this model", "leave thinking out"),
    (
        "thinking is enabled but reasoning_content is missing in assistant tool call message at "
        "index 2",
        "reasoning_content",
    ),
    (
        "Invalid request: tools.function.parameters is not a valid moonshot flavored json schema, "
        "details: <At path 'a': references must start with #/$defs/>",
        "MoonshotAI/walle",
    ),
    ("Invalid request: tools.function.parameters.type is required", "MoonshotAI/walle"),
    (
        "Invalid request: the `response_format.json_schema.schema` field in the request must be an "
        "object",
        "json_schema needs",
    ),
    (
        "Invalid request: function name is invalid, must start with a letter and can contain "
        "letters, numbers, underscores, and dashes",
        "must start with a letter",
    ),
    ("Invalid request: role 'developer' is not allowed", "Roles are"),
    ("invalid request: unsupported role ROLE_UNSPECIFIED", "Roles are"),
    (
        "Invalid request: the message at position 1 with role 'assistant' must not be empty",
        "message is empty",
    ),
    ("Invalid request: text content is empty", "message is empty"),
    ("Invalid request: tool_call_id  is not found", "no matching call"),
    ("tokenization failed", "K3 family"),
    # The first four: https://platform.kimi.ai/docs/api/errors; the others are the offline Kimi's.
    ("Too many uploaded files", "llm kimi files prune"),
    (
        "File size is too large, max file size is 100MB, please confirm and re-upload the file",
        "100 MB",
    ),
    ("File size is zero, please confirm and re-upload the file", "The file is empty"),
    ("Invalid purpose: only 'file-extract' accepted", "file-extract, image or video"),
    (
        "The total size of all uploaded files exceeds 10GB, please delete previous files",
        "llm kimi files prune",
    ),
    (
        "Invalid request: unsupported file format for purpose 'file-extract': a.zip",
        "PDF, Office, EPUB, HTML and text",
    ),
    ("text extract error: 没有解析出内容", "nothing but pictures"),
    ("Invalid request: file file_1 is not found", "llm kimi files upload"),
]


@pytest.mark.parametrize(("text", "hint"), RULES)
def test_each_rule_of_a_400_has_its_way_out(text: str, hint: str) -> None:
    error = made(400, "invalid_request_error", text, model="kimi-k2.6")
    assert hint in str(error.hint)
    assert not is_retryable(error)
    assert hint in str(error_of({"error": {"message": text}}).hint)


@pytest.mark.parametrize(
    ("status", "type", "text", "hint"),
    [
        (400, "content_filter", "The request was rejected because ...", "rephrase"),
        (403, "access_terminated_error", "Kimi For Coding is ...", "Kimi Code, another product"),
        (403, "x", "only available for Coding Agents such as", "Kimi Code, another product"),
        (504, None, "Gateway Time-out", "streamed"),
        (429, "rate_limit_reached_error", "max RPM: 20", "organisation"),
    ],
)
def test_other_hints(status: int, type: str | None, text: str, hint: str) -> None:
    assert hint in str(made(status, type, text).hint)


def test_no_hint_is_better_than_a_wrong_one() -> None:
    assert made(400, "invalid_request_error", "something new").hint is None
    assert (
        made(403, "permission_denied_error", "The API you are accessing is not open").hint is None
    )
    assert made(500, "server_error", "role 'x' is not allowed").hint is None


# -- whether and when to try again ------------------------------------------------------------

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


# -- keys -------------------------------------------------------------------------------------

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


# -- what a terminal or a log gets ------------------------------------------------------------


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
