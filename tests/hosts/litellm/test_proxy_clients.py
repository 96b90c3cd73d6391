"""What a proxy's client writes into its body never names a host, a key, TLS or a provider.

One real proxy in front of an offline Kimi, and a canary: a listener that nobody has a reason to
connect to. Every setting of the proxy's environment that another provider would go by leads to it.
"""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import httpx
import pytest

from llm_kimi.simulator import Simulator
from tests.support.litellm_proxies import Proxy, running_proxies, write_config
from tests.support.raw_servers import hang_up

SECRET = "sk-secret-of-the-server"
OTHER = "sk-of-a-deployment"


class Canary:
    """A listener that remembers what it was sent, and answers nothing."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2)
                try:
                    self.heard.append(connection.recv(65536))
                except OSError:
                    self.heard.append(b"")

    def close(self) -> None:
        hang_up(self._listener)
        self._serving.join(10)


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    listener = Canary()
    yield listener
    listener.close()


@pytest.fixture(scope="module")
def offline() -> Iterator[Simulator]:
    """The Kimi of the proxy's environment. It takes the proxy's key alone."""
    with Simulator() as running:
        running.keys = frozenset({SECRET})
        yield running


@pytest.fixture(scope="module")
def self_hosted() -> Iterator[Simulator]:
    """A server that a deployment of the configuration names, with a key of its own."""
    with Simulator() as running:
        running.keys = frozenset({OTHER})
        yield running


@pytest.fixture(scope="module")
def proxy(
    offline: Simulator,
    self_hosted: Simulator,
    canary: Canary,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proxy]:
    key = "os.environ/MOONSHOT_API_KEY"
    there = {"model": "kimi/kimi-k2.6", "api_base": self_hosted.base_url}
    models: list[dict[str, Any]] = [
        {"model_name": "kimi", "litellm_params": {"model": "kimi/kimi-k2.6", "api_key": key}},
        {"model_name": "kimi/*", "litellm_params": {"model": "kimi/*"}},
        {"model_name": "self-hosted", "litellm_params": {**there, "api_key": OTHER}},
        {"model_name": "keyless", "litellm_params": there},
        {
            "model_name": "other",
            "litellm_params": {
                "model": "openai/x",
                "api_key": "sk-o",
                "api_base": offline.base_url,
            },
        },
        {
            "model_name": "alone",
            "litellm_params": {
                "model": "openai/y",
                "api_key": "sk-a",
                "api_base": offline.base_url,
            },
        },
        {
            "model_name": "broken",
            "litellm_params": {"model": "kimi/kimi-k2.6", "api_key": "sk-wrong"},
        },
    ]
    settings = {
        "litellm_settings": {"fallbacks": [{"other": ["kimi"]}]},
        "router_settings": {"disable_cooldowns": True},
    }
    config = write_config(
        tmp_path_factory.mktemp("clients"), models, "kimi_handler.handler", **settings
    )
    environment = {
        "KIMI_BASE_URL": offline.base_url,
        "MOONSHOT_API_KEY": SECRET,
        "OPENAI_API_KEY": "sk-of-openai",
        "OPENAI_BASE_URL": canary.url,
        "OPENAI_API_BASE": canary.url,
        "AZURE_API_BASE": canary.url,
        "AZURE_API_VERSION": "2024-10-21",
        "LITELLM_PROXY_API_BASE": canary.url,
    }
    with running_proxies(config, **environment) as (one,):
        yield one
        log = one.log.read_text()
    assert SECRET not in log
    assert OTHER not in log


def cases(url: str) -> dict[str, dict[str, Any]]:
    """Bodies that would lead elsewhere, each by one field."""
    key = "os.environ/MOONSHOT_API_KEY"
    params = {"model": "kimi/kimi-k2.6", "api_base": url, "api_key": key}
    alias = [{"model_name": "kimi", "litellm_params": params}]
    openai = [{"model_name": "kimi", "litellm_params": {**params, "model": "openai/x"}}]
    # Says that it is no client's call, which is what a proxy knows its own calls by.
    stripped = {"proxy_server_request": None, "metadata": {}, "litellm_metadata": {}}
    return {
        "api_base": {"api_base": url},
        "base_url": {"base_url": url},
        "api_base, its key": {"api_base": url, "api_key": "sk-mine"},
        "base_url, its key": {"base_url": url, "api_key": "sk-mine"},
        "api_base, the server's key": {"api_base": url, "api_key": key},
        "api_base, allowed by itself": {
            "api_base": url,
            "configurable_clientside_auth_params": ["api_base"],
        },
        "api_key": {"api_key": "sk-mine"},
        "user_config": {"user_config": {"model_list": alias}},
        "user_config, openai": {"user_config": {"model_list": openai}},
        "user_config, defaults": {
            "user_config": {
                "model_list": [
                    {"model_name": "kimi", "litellm_params": {"model": "kimi/kimi-k2.6"}}
                ],
                "default_litellm_params": {"api_base": url, "api_key": key},
            }
        },
        "model_list": {"model_list": alias},
        "fallbacks": {"model": "broken", "fallbacks": [{"model": "kimi", "api_base": url}]},
        "fallbacks, stripped": {
            "model": "broken",
            "fallbacks": [{"model": "kimi", "api_base": url, **stripped}],
        },
        "fallbacks, nested": {
            "model": "broken",
            "fallbacks": [{"broken": [{"model": "kimi", "base_url": url}]}],
        },
        "fallbacks, provider": {
            "model": "broken",
            "fallbacks": [{"model": "kimi", "custom_llm_provider": "openai"}],
        },
        "context_window_fallbacks": {
            "context_window_fallbacks": [{"kimi": [{"model": "kimi", "api_base": url}]}]
        },
        "content_policy_fallbacks": {
            "content_policy_fallbacks": [{"kimi": [{"model": "kimi", "api_base": url}]}]
        },
        "router_settings_override": {
            "model": "broken",
            "router_settings_override": {"fallbacks": [{"model": "kimi", "api_base": url}]},
        },
        "litellm_params": {"litellm_params": {"api_base": url}},
        "default_litellm_params": {"default_litellm_params": {"api_base": url}},
        "optional_params": {"optional_params": {"api_base": url}},
        "custom_llm_provider": {"custom_llm_provider": "openai"},
        "azure": {"azure": True},
        "deployment_id": {"deployment_id": "gpt-4o"},
        "use_litellm_proxy": {"use_litellm_proxy": True},
        "provider_specific_header": {
            "provider_specific_header": {
                "custom_llm_provider": "kimi",
                "extra_headers": {"Authorization": "Bearer sk-mine"},
            }
        },
        "litellm_credential_name": {"litellm_credential_name": "x"},
        "extra_body": {"extra_body": {"api_base": url}},
        "extra_body, key": {"extra_body": {"api_key": "sk-mine"}},
        "extra_headers": {"extra_headers": {"authorization": "Bearer sk-mine"}},
        "extra_headers, host": {"extra_headers": {"Host": "evil.example"}},
        "extra_headers, forwarded": {"extra_headers": {"X-Forwarded-Host": "evil.example"}},
        "extra_headers, key": {"extra_headers": {"X-API-Key": "sk-mine"}},
        "headers": {"headers": {"Authorization": "Bearer sk-mine"}},
        "headers, host": {"headers": {"Host": "evil.example"}},
        "headers, cookie": {"headers": {"cookie": "a=b"}},
        "ssl_verify": {"model": "self-hosted", "ssl_verify": False},
        "ssl_verify of a fallback": {
            "model": "broken",
            "fallbacks": [{"model": "kimi", "ssl_verify": False}],
        },
        "ssl_certificate": {"ssl_certificate": "/etc/passwd"},
        "client": {"client": url},
        "shared_session": {"shared_session": url},
        "azure_ad_token": {"azure_ad_token": "sk-mine"},
        "langfuse_host": {"langfuse_host": url, "success_callback": ["langfuse"]},
        "sagemaker_base_url": {"sagemaker_base_url": url},
        "vertex_credentials": {"vertex_credentials": "{}"},
        "several models": {"model": "kimi,kimi", "api_base": url, "api_key": "sk-mine"},
    }


def refused(answer: httpx.Response) -> bool:
    """By LiteLLM, or by this package. Where LiteLLM refuses and prisma, which only proxies with a
    database need, is not installed, some versions stumble over that and answer with a 500."""
    stumbled = find_spec("prisma") is None and answer.status_code == 500
    return answer.status_code in (400, 401, 403) or stumbled


def asked(server: Simulator) -> list[dict[str, Any]]:
    """What came there, but for what LiteLLM asks by itself while it starts: the list of models of
    the deployments that are OpenAI's, with their keys."""
    return [
        record
        for record in server.requests
        if (record["method"], record["path"], record["status"]) != ("GET", "/v1/models", 401)
    ]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
@pytest.mark.parametrize("name", list(cases("")))
def test_a_body_that_would_lead_elsewhere_is_refused(
    proxy: Proxy, offline: Simulator, canary: Canary, path: str, name: str
) -> None:
    count = len(asked(offline))
    body = {"model": "kimi", "max_tokens": 100, **cases(canary.url)[name]}
    messages = [{"role": "user", "content": "{{say: Hello}}"}]
    body |= {"input": "{{say: Hello}}"} if path == "/v1/responses" else {"messages": messages}
    # After an accident of its own LiteLLM leaves the connection in no state to be used again.
    answer = proxy.post(path, body, Connection="close")
    assert canary.heard == []
    assert refused(answer), answer.text
    assert SECRET not in answer.text
    assert len(asked(offline)) == count


@pytest.mark.parametrize("named", [{"custom_llm_provider": "openai"}, {"use_litellm_proxy": True}])
def test_a_provider_named_for_another_model_does_not_hold_for_its_fallback(
    proxy: Proxy, offline: Simulator, canary: Canary, named: dict[str, Any]
) -> None:
    """The body leads to Kimi only by the proxy's own fallbacks, once the other model has failed."""
    count = len(asked(offline))
    answer = proxy.chat("{{say: Hello}}", model="other", num_retries=0, **named)
    assert answer.status_code != 200
    assert canary.heard == []
    assert SECRET not in answer.text
    assert all(record["status"] == 401 for record in asked(offline)[count:])


@pytest.mark.parametrize("stream", [False, True])
def test_after_all_that_the_others_are_served_as_before(
    proxy: Proxy, offline: Simulator, self_hosted: Simulator, canary: Canary, stream: bool
) -> None:
    """What a client sent stays out of the proxy's list of deployments."""
    for _ in range(6):
        answer = proxy.chat("{{say: Hello}}", stream=stream)
        assert answer.status_code == 200, answer.text
        assert "Hello" in answer.text
    rows = proxy.http.get("/model/info").json()["data"]
    assert sorted(row["model_name"] for row in rows) == sorted(
        ["kimi", "kimi/*", "self-hosted", "keyless", "other", "alone", "broken"]
    )
    assert proxy.chat("{{say: Hello}}", model="self-hosted").status_code == 200
    assert canary.heard == []


def test_the_error_names_the_field_and_the_way_out(proxy: Proxy) -> None:
    answer = proxy.chat("hi", model="broken", fallbacks=[{"model": "kimi", "ssl_verify": False}])
    assert answer.status_code == 400
    for words in ("fallbacks[0].ssl_verify", "a client of this proxy cannot", "config.yaml"):
        assert words in answer.json()["error"]["message"]


def test_a_deployment_with_a_host_and_no_key_is_refused_and_told_so(
    proxy: Proxy, self_hosted: Simulator
) -> None:
    """A key that was found in the environment does not go where the configuration points."""
    count = len(asked(self_hosted))
    answer = proxy.chat("hi", model="keyless", num_retries=0)
    assert answer.status_code == 401, answer.text
    # Newer versions blacken what looks like a key or a host in the texts of errors.
    for words in ("api_base names", "in config.yaml", "os.environ/MOONSHOT_API_KEY", "KIMI_BASE"):
        assert words in answer.text
    assert len(asked(self_hosted)) == count


def test_what_changes_nothing_of_that_is_left_alone(proxy: Proxy, offline: Simulator) -> None:
    answer = proxy.chat(
        "{{say: Hello}}",
        extra_headers={"X-Trace": "1"},
        metadata={"trace": "a"},
        timeout=20,
        num_retries=0,
        user="me",
        fallbacks=["kimi/kimi-k3"],
        prompt_cache_key="c",
    )
    assert answer.status_code == 200, answer.text
    assert json.dumps(answer.json())
    assert asked(offline)[-1]["rule"] is None


def ids(proxy: Proxy) -> dict[str, str]:
    rows = proxy.http.get("/model/info").json()["data"]
    return {row["model_name"]: row["model_info"]["id"] for row in rows}


def test_the_servers_variables_are_not_named_for_another_model(
    proxy: Proxy, canary: Canary
) -> None:
    """With a configuration of its own a client would have them read, and sent where it likes."""
    key = "os.environ/MOONSHOT_API_KEY"
    for model in ("alone", ids(proxy)["kimi"]):
        params = {"model": "alone", "custom_llm_provider": "openai", "api_base": canary.url}
        mine = [{"model_name": model, "litellm_params": {**params, "api_key": key}}]
        answer = proxy.chat("hi", model=model, user_config={"model_list": mine})
        assert refused(answer), answer.text
        assert canary.heard == []


ASTRAY = (
    ("GET", "/v1/responses/{id}"),
    ("DELETE", "/v1/responses/{id}"),
    ("POST", "/v1/responses/{id}/cancel"),
    ("GET", "/v1/responses/{id}/input_items"),
    ("GET", "/v1/files/f?model=kimi&provider=openai"),
    ("GET", "/v1/files/f?model=kimi&provider=kimi"),
    ("DELETE", "/v1/files/f?model=kimi"),
    ("GET", "/v1/files/{file}"),
    ("GET", "/v1/batches/{file}"),
    ("POST", "/v1/vector_stores/vs/search"),
)


@pytest.mark.parametrize(("method", "path"), ASTRAY)
def test_the_key_of_a_deployment_does_not_go_to_another_provider(
    proxy: Proxy, canary: Canary, method: str, path: str
) -> None:
    """A client can write the provider, and whose key to take, into the id of a response."""
    named = f"litellm:custom_llm_provider:openai;model_id:{ids(proxy)['kimi']};response_id:resp_1"
    response = "resp_" + base64.b64encode(named.encode()).decode()
    file = "file-" + base64.urlsafe_b64encode(b"litellm:file-1;model,kimi").decode().rstrip("=")
    body = {"model": "kimi/kimi-k2.6", "query": "x"} if method == "POST" else None
    answer = proxy.http.request(
        method,
        path.format(id=response, file=file),
        json=body,
        headers={"Connection": "close", "x-litellm-model": "kimi"},
    )
    assert SECRET.encode() not in b"".join(canary.heard), answer.text
    assert SECRET not in answer.text
    canary.heard.clear()


def test_other_providers_requests_are_not_judged(proxy: Proxy) -> None:
    """They are LiteLLM's matter, which has settings of its own for them."""
    answer = proxy.chat("hi", model="alone", ssl_certificate="/nowhere", fallbacks=[])
    assert "a client of this proxy cannot" not in answer.text
