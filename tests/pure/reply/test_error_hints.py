"""What to do about an error answer."""

from __future__ import annotations

import pytest

from llm_kimi.errors import APIError
from llm_kimi.exchange.retry import is_retryable
from llm_kimi.reply import api_error, error_of
from llm_kimi.reply.api_errors import is_account_full
from tests.support.api_answers import made


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
