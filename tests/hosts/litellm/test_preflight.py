"""What is refused before LiteLLM asks a provider: pure rules, and calls that Kimi has not."""

from __future__ import annotations

import asyncio
import inspect
import io
import sys
from types import SimpleNamespace
from typing import Any

import litellm
import pytest

import llm_kimi.litellm
from llm_kimi.integrations.litellm import proxy
from llm_kimi.integrations.litellm.deployments import PROXY, is_astray, leads_here
from llm_kimi.integrations.litellm.proxy_clients import (
    client_body,
    environment_reference,
    forbidden_field,
    models_of,
)
from llm_kimi.simulator import Simulator
from llm_kimi.translation import adjustments as translated

# -- a client's body ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"api_base": "x"}, "api_base"),
        ({"API_KEY": "x"}, "API_KEY"),
        ({"apiBase": "x"}, "apiBase"),
        ({"s3_endpoint_url": "x"}, "s3_endpoint_url"),
        ({"aws_secret_access_key": "x"}, "aws_secret_access_key"),
        ({"vertex_credentials": "x"}, "vertex_credentials"),
        ({"langfuse_public_key": "x"}, "langfuse_public_key"),
        ({"azure_ad_token": "x"}, "azure_ad_token"),
        ({"http_proxy": "x"}, "http_proxy"),
        ({"ssl_verify": False}, "ssl_verify"),
        ({"ssl_security_level": "x"}, "ssl_security_level"),
        ({"custom_llm_provider": "openai"}, "custom_llm_provider"),
        ({"fallbacks": [{"model": "a", "api_base": "x"}]}, "fallbacks[0].api_base"),
        ({"fallbacks": ["a", {"b": ["c", {"ssl_verify": 0}]}]}, "fallbacks[1].b[1].ssl_verify"),
        (
            {"fallbacks": [{"model": "a", "fallbacks": [{"model": "b", "api_key": "x"}]}]},
            "fallbacks[0].fallbacks[0].api_key",
        ),
        ({"extra_body": {"extra_body": {"client": 1}}}, "extra_body.extra_body.client"),
        ({"extra_headers": {"X-Api-Key": "x"}}, "extra_headers.X-Api-Key"),
        ({"extra_headers": {"proxy-authorization": "x"}}, "extra_headers.proxy-authorization"),
        ({"extra_headers": {"cf-aig-authorization": "x"}}, "extra_headers.cf-aig-authorization"),
        ({"headers": {"Ocp-Apim-Subscription-Key": "x"}}, "headers.Ocp-Apim-Subscription-Key"),
        ({"extra_headers": {"X-Original-URL": "x"}}, "extra_headers.X-Original-URL"),
        ({"extra_headers": {"Idempotency-Key": "x"}}, None),
        ({"extra_headers": {"X-Trace": "x", "openai-beta": "y"}}, None),
        ({"headers": "Host: x"}, "headers"),
        ({"api_base": None, "extra_headers": {"Host": None}}, None),
        ({"prompt_cache_key": "x", "safety_identifier": "x", "max_tokens": 5, "user": "x"}, None),
        ({"service_tier": "auto", "client_metadata": {}, "web_search_options": {}}, None),
        ({"fallbacks": ["a", "b"], "metadata": {"host": "x"}, "model": "a"}, None),
        ({"tools": [{"type": "mcp", "server_url": "https://x", "headers": {"Host": "x"}}]}, None),
        ({"messages": [{"role": "user", "content": "api_key"}], "stop": ["api_base"]}, None),
    ],
)
def test_what_a_client_must_not_decide(body: dict[str, Any], path: str | None) -> None:
    assert forbidden_field(body) == path


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"api_key": "os.environ/X"}, "api_key"),
        ({"metadata": {"langsmith_api_key": "os.environ/X"}}, "metadata.langsmith_api_key"),
        ({"metadata": '{"langfuse_secret": "os.environ/X"}'}, "metadata"),
        ({"azure_ad_token": "oidc/env/X"}, "azure_ad_token"),
        (
            {"user_config": {"model_list": [{"litellm_params": {"organization": "os.environ/X"}}]}},
            "user_config.model_list[0].litellm_params.organization",
        ),
        (
            {"messages": [{"role": "user", "content": "os.environ/X"}], "input": "os.environ/X"},
            None,
        ),
        ({"user": "oidc", "stop": ["environ"], "metadata": None}, None),
    ],
)
def test_a_client_must_not_name_the_servers_variables(
    body: dict[str, Any], path: str | None
) -> None:
    assert environment_reference(body) == path


def test_nesting_without_end_is_refused() -> None:
    body: dict[str, Any] = {"model": "a"}
    for _ in range(100):
        body = {"model": "a", "fallbacks": [body]}
    path = forbidden_field(body)
    assert path is not None
    assert path.startswith("fallbacks[0].fallbacks[0]")


def test_the_models_of_a_body() -> None:
    body = {
        "model": "a, b",
        "fallbacks": ["c", {"model": "d"}, {"a": ["e", {"model": "f"}]}],
        "user_config": {"model_list": [{"model_name": "n", "litellm_params": {"model": "g"}}]},
        "messages": [{"model": "no"}],
        "stop": ["no"],
    }
    assert models_of(body) == set("abcdefg")


def test_the_body_of_a_clients_request() -> None:
    assert client_body(None) is None
    assert client_body({"url": "x"}) == {}
    assert client_body({"body": {"model": "a"}}) == {"model": "a"}
    # What newer versions took out of the copy.
    taken = client_body({"body": {}, "credential_fields": ("api_key", "headers")})
    assert taken is not None
    assert forbidden_field(taken) == "api_key"
    # What only the arguments still have; of the headers, those that were not forwarded.
    request = {"body": {}, "headers": {"x-trace": "1", "host": "proxy"}}
    data = {"headers": {"X-Trace": "1"}}
    assert forbidden_field(client_body(request, data) or {}) is None
    for headers in ({"Host": "evil"}, {"authorization": "Bearer x"}):
        found = client_body(request, {"headers": headers})
        assert forbidden_field(found or {}) == f"headers.{next(iter(headers))}"
    own = {"provider_specific_header": {"extra_headers": {"x-trace": "1"}}}
    assert forbidden_field(client_body(request, own) or {}) is None
    own["provider_specific_header"]["extra_headers"]["authorization"] = "Bearer x"
    assert forbidden_field(client_body(request, own) or {}) == "provider_specific_header"


def test_a_call_that_is_no_clients_is_not_judged(kimi: Simulator, way: str) -> None:
    from tests.support.litellm_asking import ask

    assert ask(way, "{{say: a}}", api_base=kimi.base_url, ssl_verify=False).text == "a"


def test_the_handler_judges_what_a_proxy_lets_through(kimi: Simulator, way: str) -> None:
    from tests.support.litellm_asking import ask

    request = {"body": {"model": "kimi", "ssl_verify": False}}
    with pytest.raises(litellm.BadRequestError, match=r"ssl_verify: a client of this proxy"):
        ask(way, proxy_server_request=request)
    assert kimi.requests == []
    assert ask(way, "{{say: a}}", proxy_server_request={"body": {"model": "kimi"}}).text == "a"


# -- the hooks of a proxy ----------------------------------------------------------------------


def test_there_are_no_hooks_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, PROXY, raising=False)
    llm_kimi.litellm.register()
    litellm.utils.custom_llm_setup()
    assert litellm.callbacks == []


def test_the_hooks_come_back_when_a_proxy_sets_its_callbacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, PROXY, SimpleNamespace(llm_router=None))  # type: ignore[arg-type]
    llm_kimi.litellm.register()
    assert litellm.callbacks == [proxy._hooks]
    litellm.callbacks = ["langfuse"]
    litellm.utils.custom_llm_setup()
    litellm.utils.custom_llm_setup()
    assert litellm.callbacks == ["langfuse", proxy._hooks]


@pytest.mark.parametrize(
    ("adjustments", "text"),
    [
        ([{"param": "temperature", "given": 0.2, "sent": 1.0}], "temperature 0.2 -> 1.0"),
        ([{"param": "n", "given": 3, "sent": None}], "n 3 -> (left out)"),
        ([{"param": "stop", "given": "secret", "sent": None}], "stop"),
        ([{"param": "user", "given": None, "sent": "secret"}], "user"),
        (
            [{"param": "a\r\nset-cookie: x;\u00e9", "given": None, "sent": 1}] * 2,
            "a??set-cookie: x??",
        ),
    ],
)
def test_the_header_of_adjustments(adjustments: list[dict[str, Any]], text: str) -> None:
    assert proxy.adjustments_header(adjustments) == text


def test_the_header_of_many_adjustments_is_short() -> None:
    many = [{"param": f"messages[{n}].content" * 9, "given": "", "sent": None} for n in range(999)]
    header = proxy.adjustments_header(many)
    assert len(header) == translated.LONGEST_HEADER
    assert header.endswith("...")


# -- what the configuration says ---------------------------------------------------------------


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> litellm.Router:
    """The router of a proxy, with deployments of several providers and fallbacks."""

    def deployment(name: str, model: str, key: str, **more: str) -> dict[str, Any]:
        params = {"model": model, "api_key": key, **more}
        return {"model_name": name, "litellm_params": params, "model_info": {"id": f"id-{name}"}}

    one = litellm.Router(
        model_list=[
            deployment("kimi", "kimi/kimi-k2.6", "sk-ours"),
            deployment("gateway", "openai/kimi-k2.6", "sk-ours", api_base="https://gate.example"),
            deployment("other", "openai/x", "sk-other"),
            deployment("lost", "openai/y", "sk-other"),
            deployment("last", "openai/z", "sk-other"),
            deployment("*", "openai/*", "sk-other"),
        ],
        fallbacks=[{"lost": ["last"]}, {"last": ["kimi"]}],
        model_group_alias={"gpt-4": "kimi"},
    )
    monkeypatch.setitem(sys.modules, PROXY, SimpleNamespace(llm_router=one))  # type: ignore[arg-type]
    return one


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        *(("kimi", True), ("kimi/kimi-k3", True), ("gpt-4", True), ("id-kimi", True)),
        *(("lost", True), ("last", True)),  # by what they fall back to
        *(("other", False), ("id-other", False), ("openai/whatever", False)),
    ],
)
def test_which_models_may_come_here(router: litellm.Router, name: str, ours: bool) -> None:
    assert leads_here([name], {"kimi"}) is ours


@pytest.mark.parametrize(
    ("given", "provider", "astray"),
    [
        ({"api_key": "sk-ours"}, "openai", True),
        ({"api_key": "sk-found"}, "openai", True),
        ({"api_key": "sk-ours", "api_base": "https://evil.example"}, "kimi", True),
        ({"api_key": "sk-ours", "api_base": "https://api.moonshot.ai/v1"}, "openai", False),
        ({"api_key": "sk-ours", "api_base": "https://gate.example"}, "openai", False),
        ({"api_key": "sk-ours"}, "moonshot", False),
        *(({"api_key": "sk-other"}, "openai", False), ({"api_key": None}, "openai", False)),
    ],
)
def test_a_key_of_ours_that_would_go_elsewhere(
    router: litellm.Router,
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, Any],
    provider: str,
    astray: bool,
) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-found")
    monkeypatch.delenv("KIMI_SIMULATOR_KEY", raising=False)
    assert is_astray(given, provider, {"kimi"}) is astray


def test_outside_of_a_proxy_no_key_goes_astray(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that names provider, key and host itself has said what it wants."""
    monkeypatch.delitem(sys.modules, PROXY, raising=False)
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-found")
    assert not is_astray({"api_key": "sk-found"}, "openai", {"kimi"})


# -- calls that Moonshot has nothing for -------------------------------------------------------


def file() -> io.BytesIO:
    content = io.BytesIO(b"x")
    content.name = "a.png"
    return content


CALLS: dict[str, dict[str, Any]] = {
    "embedding": {"input": ["a"]},
    "image_edit": {"image": file(), "prompt": "a"},
    "image_generation": {"prompt": "a"},
    "image_variation": {"image": file()},
    "ocr": {"document": {"type": "document_url", "document_url": "https://x.example/a.pdf"}},
    "rerank": {"query": "a", "documents": ["b"]},
    "speech": {"input": "a", "voice": "alloy"},
    "transcription": {"file": file()},
    "video_generation": {"prompt": "a"},
}


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("name", list(CALLS))
def test_what_moonshot_has_not_is_said_clearly(
    kimi: Simulator, name: str, asynchronous: bool
) -> None:
    function = getattr(litellm, f"a{name}" if asynchronous else name)

    def ask() -> None:
        found = function(model="kimi/kimi-k2.6", **CALLS[name])
        if inspect.iscoroutine(found):
            asyncio.run(found)

    with pytest.raises(litellm.BadRequestError, match=r"Moonshot AI has no .* chat completions"):
        ask()
    assert kimi.requests == []
