"""Keys, base URLs and strictness: which place wins, and what is said of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from llm_kimi.config import settings
from llm_kimi.errors import InvalidRequestError


def store(keys: object) -> None:
    """Write llm's key file."""
    text = keys if isinstance(keys, str) else json.dumps(keys)
    (Path(os.environ["LLM_USER_PATH"]) / "keys.json").write_text(text)


def test_keys_are_looked_for_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    store({"kimi": "sk-1", "moonshot": "sk-2", "work": "sk-work", "// Note": "x"})
    for number, variable in enumerate(settings.KEY_VARIABLES):
        monkeypatch.setenv(variable, f"sk-{3 + number}")
    assert settings.find_key("sk-0") == "sk-0"
    assert settings.find_key("work") == "sk-work"
    assert settings.find_key() == "sk-1"
    store({"moonshot": "sk-2"})
    assert settings.find_key() == "sk-2"
    store({})
    for number, variable in enumerate(settings.KEY_VARIABLES):
        assert settings.find_key() == f"sk-{3 + number}"
        monkeypatch.delenv(variable)
    assert settings.find_key() is None
    assert settings.find_key("") is None


def test_the_documented_variables() -> None:
    assert settings.KEY_VARIABLES == ("MOONSHOT_API_KEY", "KIMI_API_KEY", "MOONSHOT_KEY")
    assert settings.BASE_URL_VARIABLES == (
        "KIMI_BASE_URL",
        "MOONSHOT_BASE_URL",
        "MOONSHOT_API_BASE",
    )


@pytest.mark.parametrize("broken", ["", "not json", "[]", '{"kimi": null}', '{"kimi": " "}'])
def test_a_broken_or_empty_key_file_is_no_key(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    store(broken)
    assert settings.find_key() is None
    monkeypatch.setenv("KIMI_API_KEY", " sk-environment\n")
    assert settings.find_key() == "sk-environment"


def test_where_a_key_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    store({"kimi": "sk-1 ", "work": "sk-work\n"})
    monkeypatch.setenv("MOONSHOT_KEY", "sk-5")
    sources = {key: settings.key_source(key) for key in ("sk-1", "sk-work", "sk-5", "sk-other")}
    assert sources == {
        "sk-1": "the stored key 'kimi' (llm keys)",
        "sk-work": "the stored key 'work' (llm keys)",
        "sk-5": "the environment variable MOONSHOT_KEY",
        "sk-other": "the option --key or the argument key=",
    }
    assert settings.key_source(None) == settings.key_source("") == ""


def test_the_key_and_its_place_are_found_together(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.locate_key() == (None, "")
    monkeypatch.setenv("KIMI_API_KEY", " sk-2 ")
    assert settings.locate_key() == ("sk-2", "the environment variable KIMI_API_KEY")
    store({"moonshot": "sk-1"})
    assert settings.locate_key() == ("sk-1", "the stored key 'moonshot' (llm keys)")
    store({"kimi": "no key"})
    with pytest.raises(InvalidRequestError, match="the stored key 'kimi'"):
        settings.locate_key()


@pytest.mark.parametrize("key", ["sk-a b", "sk-a\nb", "sk-\u2026", "sk-\x00", "sk-\u00e9"])
def test_what_cannot_be_a_key(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        settings.find_key(key)
    assert key not in str(caught.value)
    assert caught.value.param == "key"


def test_the_message_without_key_names_the_ways() -> None:
    text = settings.no_key_message()
    for word in ("https://platform.kimi.ai", "llm keys set kimi", "MOONSHOT_API_KEY", "simulate"):
        assert word in text


def test_base_urls_are_looked_for_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.base_url() == "https://api.moonshot.ai/v1"
    for variable in reversed(settings.BASE_URL_VARIABLES):
        monkeypatch.setenv(variable, f"https://{variable.lower()}.example/v1")
        assert settings.base_url() == f"https://{variable.lower()}.example/v1"
    assert settings.base_url("https://mine.example/v1") == "https://mine.example/v1"
    monkeypatch.setenv("KIMI_BASE_URL", "  ")
    assert settings.base_url() == "https://moonshot_base_url.example/v1"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://api.moonshot.cn/v1/", "https://api.moonshot.cn/v1"),
        ("https://api.moonshot.cn/v1/chat/completions", "https://api.moonshot.cn/v1"),
        ("https://api.moonshot.cn/v1/chat/completions/", "https://api.moonshot.cn/v1"),
        ("HTTP://localhost:80/v1", "HTTP://localhost:80/v1"),
        (" https://api.moonshot.cn/v1 ", "https://api.moonshot.cn/v1"),
    ],
)
def test_base_urls_are_tidied(monkeypatch: pytest.MonkeyPatch, given: str, used: str) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", given)
    assert settings.base_url() == used


@pytest.mark.parametrize("given", ["api.moonshot.ai/v1", "localhost:8000", "ftp://x", "sk-key"])
def test_a_bad_base_url_names_its_origin(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"^base_url: must be a URL"):
        settings.base_url(given)
    monkeypatch.setenv("MOONSHOT_API_BASE", given)
    with pytest.raises(InvalidRequestError, match=r"^MOONSHOT_API_BASE: must be a URL"):
        settings.base_url()


@pytest.mark.parametrize(
    ("value", "strict"),
    [("1", True), ("true", True), ("YES", True), (" on ", True), ("0", False), ("", False)],
)
def test_strictness(monkeypatch: pytest.MonkeyPatch, value: str, strict: bool) -> None:
    monkeypatch.setenv("KIMI_STRICT", value)
    assert settings.strict_by_default() is strict


def test_not_strict_unless_asked() -> None:
    assert settings.strict_by_default() is False


@pytest.mark.parametrize("value", ["banana", "2", "y"])
def test_a_strictness_that_says_neither_is_an_error(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("KIMI_STRICT", value)
    with pytest.raises(InvalidRequestError, match="KIMI_STRICT: must be 1 or 0"):
        settings.strict_by_default()


def test_private_urls_are_for_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.private_urls_allowed() is False
    monkeypatch.setenv("KIMI_ALLOW_PRIVATE_URLS", " Yes")
    assert settings.private_urls_allowed() is True
    monkeypatch.setenv("KIMI_ALLOW_PRIVATE_URLS", "0")
    assert settings.private_urls_allowed() is False
    monkeypatch.setenv("KIMI_ALLOW_PRIVATE_URLS", "10.0.0.0/8")
    with pytest.raises(InvalidRequestError, match="KIMI_ALLOW_PRIVATE_URLS: must be 1 or 0"):
        settings.private_urls_allowed()


@pytest.mark.parametrize(
    "given",
    [
        "http://user:sk-secret-123@127.0.0.1:9/v1",
        "http://127.0.0.1:9/v1?key=sk-secret-123",
        "http://127.0.0.1:9/v1#sk-secret-123",
        "ftp://u:sk-secret-123@h/v1",
        "http://127.0.0.1:sk-secret-123/v1",
        "https://",
    ],
)
def test_a_base_url_that_may_hold_a_secret_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", given)
    with pytest.raises(InvalidRequestError, match=r"^KIMI_BASE_URL: must be a") as caught:
        settings.base_url()
    assert "secret" not in str(caught.value)


def test_a_stored_key_is_not_for_the_simulator_to_see(monkeypatch: pytest.MonkeyPatch) -> None:
    """``llm kimi simulate`` sets this variable for its command."""
    store({"kimi": "sk-real-1234"})
    monkeypatch.setenv(settings.SIMULATOR_KEY_VARIABLE, "sk-simulator")
    assert settings.find_key() == "sk-simulator"
    assert settings.find_key("sk-explicit-1") == "sk-explicit-1"
    assert settings.key_source("sk-simulator") == "the offline Kimi"


@pytest.mark.parametrize(
    ("named", "may"),
    [
        ("https://api.moonshot.ai/v1", True),
        ("https://api.moonshot.cn/v1", True),
        ("https://API.moonshot.CN:443/v1", True),
        ("https://api.kimi.com/coding/v1", True),
        ("https://relay.example/v1", True),
        ("https://Relay.example/v1/", True),
        ("https://relay.example/v1/chat/completions", True),
        ("http://api.moonshot.ai/v1", False),
        ("https://api.moonshot.ai:8443/v1", False),
        ("https://api.moonshot.ai.evil.example/v1", False),
        ("https://evil.example/api.moonshot.ai/v1", False),
        ("https://api.moonshot.ai./v1", False),
        ("http://relay.example/v1", False),
        ("https://relay.example/tenant/v1", False),
        ("https://relay.example:8443/v1", False),
        ("http://127.0.0.1:8000/v1", False),
    ],
)
def test_where_a_found_key_may_go(monkeypatch: pytest.MonkeyPatch, named: str, may: bool) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "https://relay.example/v1")
    assert settings.found_key_may_go_to(settings.base_url(named)) is may


def test_without_a_base_url_in_the_environment_the_default_is_what_was_found() -> None:
    assert settings.found_key_may_go_to(settings.base_url())
    assert not settings.found_key_may_go_to("https://relay.example/v1")


def test_a_bad_base_url_in_the_environment_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "nonsense")
    assert not settings.found_key_may_go_to("https://relay.example/v1")
    assert settings.found_key_may_go_to("https://api.moonshot.ai/v1")


@pytest.mark.parametrize(
    "given",
    [
        "https://evil.example\\@api.moonshot.ai/v1",
        "https://api.moonshot.ai\\.evil.example/v1",
        "https://api.moon\tshot.ai/v1",
        "https://api.moonshot.ai/v1\x1b[2J",
        "https://api.moonshot.ai /v1",
        "https://api.moonshot.ai\u202e/v1",
    ],
)
def test_a_base_url_that_clients_read_differently_is_refused(given: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"^base_url: must be a"):
        settings.base_url(given)


@pytest.mark.parametrize(
    ("base", "host"),
    [
        ("http://relay.example/v1", "relay.example"),
        ("HTTP://10.0.0.7:8000/v1", "10.0.0.7:8000"),
        ("http://192.168.1.5/v1", "192.168.1.5"),
        ("http://vllm:8000/v1", "vllm:8000"),
        ("http://[fd00::1]/v1", "fd00::1"),
        ("http://localhost.example/v1", "localhost.example"),
    ],
)
def test_plain_http_is_warned_of_once(
    monkeypatch: pytest.MonkeyPatch, base: str, host: str
) -> None:
    monkeypatch.setattr(settings, "_cleartext_told", set())
    text = settings.cleartext_warning(base)
    assert text is not None
    assert f"the base URL of {host} is plain http://" in text
    assert settings.cleartext_warning(base) is None


@pytest.mark.parametrize(
    "base",
    [
        "https://relay.example/v1",
        "http://localhost:8000/v1",
        "http://kimi.localhost/v1",
        "http://127.0.0.1:8000/v1",
        "http://127.9.9.9/v1",
        "http://[::1]:8000/v1",
        "http://0.0.0.0:8000/v1",
    ],
)
def test_what_stays_on_the_machine_or_is_encrypted_needs_no_warning(base: str) -> None:
    assert settings.cleartext_warning(base) is None
