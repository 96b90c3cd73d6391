"""What Kimi must not see, and what nobody must see."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from typing import Any

import pytest

from llm_kimi.errors import APIError, InvalidRequestError
from llm_kimi.exchange import Target
from llm_kimi.simulator import Simulator
from llm_kimi.transport.openai_sdk import AsyncOpenAITransport, OpenAITransport
from tests.support.replies import chunk, said, stream
from tests.support.transports import (
    BASE,
    KEY,
    Pieces,
    aask,
    ask,
    atransport_of,
    both_ways,
    chain_of,
    hx,
    transport_of,
)


def test_what_the_environment_holds_for_openai_stays_here(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-0123456789")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-0123456789")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-secret")
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", "webhook-secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Secret: custom-secret\nAuthorization: Bearer x")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://openai.test/v1")
    simulator.keys = frozenset({"sk-simulator"})
    ask(transport_of(simulator))
    asyncio.run(aask(atransport_of(simulator)))
    assert len(simulator.requests) == 2
    for request in simulator.requests:
        assert request["status"] == 200
        shown = json.dumps(request["headers"]).lower()
        for word in ("secret", "openai-org", "openai-project", "sk-openai", "sk-admin", "x-secret"):
            assert word not in shown


@pytest.mark.parametrize(
    "key", ["", "sk-cut\nin-two-0123", "sk-blank 0123456", "sk-ключ-0123", "\t"]
)
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(
    key: str, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-0123456789")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-0123456789")
    with pytest.raises(InvalidRequestError) as caught:
        ask(OpenAITransport(simulator.base_url, key))
    assert caught.value.param == "key"
    assert chain_of(caught.value) == []
    if key.strip():
        assert key not in "".join(traceback.format_exception(caught.value))

    async def main() -> None:
        with pytest.raises(InvalidRequestError):
            await aask(AsyncOpenAITransport(simulator.base_url, key))

    asyncio.run(main())
    assert simulator.requests == []


def test_a_key_in_the_words_of_the_network_is_taken_out() -> None:
    def handle(request: Any) -> Any:
        raise hx.LocalProtocolError(f"Illegal header value b'Bearer {KEY}'")

    for found in both_ways(handle):
        assert KEY not in str(found)
        assert "Bearer ***" in str(found)

    def read(request: Any) -> Any:
        return hx.Response(200, stream=Pieces(hx.ReadError(f"oh {KEY}")))

    for found in both_ways(read):
        assert KEY not in str(found)


def test_the_key_is_in_no_repr_and_no_log(
    simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for transport in (OpenAITransport(BASE, KEY), AsyncOpenAITransport(BASE, KEY)):
        assert KEY not in repr(transport) + str(transport)
    ask(OpenAITransport(simulator.base_url, KEY))
    simulator.fault(status=401, message=f"wrong {KEY}")
    target = Target(simulator.base_url, "the option --key", KEY)
    with pytest.raises(APIError) as caught:
        ask(OpenAITransport(simulator.base_url, KEY), target=target)
    assert chain_of(caught.value) == []
    assert KEY not in str(caught.value)
    assert KEY not in caplog.text


def test_chunks_split_anywhere_by_the_network() -> None:
    content = stream(chunk({"content": "月之暗面"}), *said("🌒"))
    pieces = [content[at : at + 1] for at in range(len(content))]
    found = both_ways(lambda request: hx.Response(200, stream=Pieces(*pieces)))
    assert found == ["月之暗面🌒"] * 2


@pytest.mark.parametrize(
    ("base_url", "begun", "end"),
    [
        ("http://127.0.0.1:9/v1", False, "KIMI_BASE_URL to use https://api.moonshot.ai/v1"),
        ("http://localhost:9/v1", False, "KIMI_BASE_URL to use https://api.moonshot.ai/v1"),
        ("http://[::1]:9/v1", False, "KIMI_BASE_URL to use https://api.moonshot.ai/v1"),
        ("https://relay.example/v1", False, "KIMI_BASE_URL to use https://api.moonshot.ai/v1"),
        ("http://127.0.0.1:9/v1", True, "in the middle of the answer (refused)"),
    ],
)
def test_a_connection_that_fails_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, base_url: str, begun: bool, end: str
) -> None:
    from llm_kimi.transport.network_errors import network_failure

    monkeypatch.setenv("KIMI_BASE_URL", f"{base_url}/")
    error = network_failure(ConnectionError("refused"), base_url, begun=begun).error
    assert str(error).endswith(end)
    assert ("KIMI_BASE_URL sets this address" in str(error)) is not begun
    # Its simulator is offered on this machine only.
    assert ("llm kimi simulate" in str(error)) is (not begun and "relay" not in base_url)


def test_without_a_variable_nothing_is_laid_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from llm_kimi.transport.network_errors import network_failure

    url = "https://api.moonshot.ai/v1"
    text = f"no connection to {url} (refused)"
    assert str(network_failure(ConnectionError("refused"), url, begun=False).error) == text
    monkeypatch.setenv("KIMI_BASE_URL", "ftp://no")  # said elsewhere
    assert str(network_failure(ConnectionError("refused"), url, begun=False).error) == text
