"""Where keys and headers of a LiteLLM call go, and what a call cannot say twice."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import litellm
import llm
import pytest

from llm_kimi.config import settings
from llm_kimi.errors import InvalidRequestError
from llm_kimi.integrations.litellm.headers import merge_headers, own_authorization
from llm_kimi.simulator import Simulator
from tests.support.litellm_asking import ask
from tests.support.raw_servers import hang_up

SECRET = "sk-secret-that-was-found"


ANSWER = b'{"error": {"message": "Invalid Authentication", "type": "invalid_authentication_error"}}'


class Wire:
    """A server that refuses every request, and shows its header lines as they came."""

    def __init__(self) -> None:
        self.heads: list[list[str]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, connection.makefile("rb") as lines:
                    head = [line.decode().strip() for line in iter(lines.readline, b"\r\n")]
                    length = next(int(x[15:]) for x in head if x.lower().startswith("content-l"))
                    lines.read(length)
                    self.heads.append(head)
                    connection.sendall(
                        b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n"
                        b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)
                    )

    @property
    def authorizations(self) -> list[list[str]]:
        """Every Authorization of each request."""
        return [
            [line[14:].strip() for line in head if line.lower().startswith("authorization:")]
            for head in self.heads
        ]

    def close(self) -> None:
        hang_up(self._listener)
        self._serving.join(10)


@pytest.fixture
def wire() -> Iterator[Wire]:
    server = Wire()
    yield server
    server.close()


# -- a key that was found ----------------------------------------------------------------------


@pytest.mark.parametrize("place", ["variable", "stored", "litellm.api_key"])
def test_a_found_key_does_not_go_to_a_host_that_the_call_names(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, way: str, place: str
) -> None:
    if place == "variable":
        monkeypatch.setenv("MOONSHOT_API_KEY", SECRET)
    elif place == "stored":
        (llm.user_dir() / "keys.json").write_text(json.dumps({"kimi": SECRET}))
    else:
        litellm.api_key = SECRET
    for name in ("api_base", "base_url"):
        with pytest.raises(litellm.AuthenticationError) as caught:
            ask(way, **{name: simulator.base_url}, max_retries=0)
        text = str(caught.value)
        assert SECRET not in text
        for word in ("api_base names", settings.host_name(simulator.base_url), "KIMI_BASE_URL"):
            assert word in text
    assert simulator.requests == []


def test_a_key_of_its_own_goes_where_the_call_says(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", SECRET)
    simulator.keys = frozenset({"sk-own"})
    assert ask(way, "{{say: a}}", api_base=simulator.base_url, api_key="sk-own").text == "a"


def test_the_base_url_of_the_environment_may_be_named_again(kimi: Simulator, way: str) -> None:
    assert ask(way, "{{say: a}}", api_base=f"{kimi.base_url}/").text == "a"


# -- headers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION"])
def test_the_callers_authorization_is_the_only_one(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, way: str, name: str
) -> None:
    """And a key of its own, so it goes where the call says."""
    monkeypatch.setenv("MOONSHOT_API_KEY", SECRET)
    headers = {name: "Bearer sk-of-the-caller"}
    for key in ({}, {"api_key": "sk-beside-it"}):
        with pytest.raises(litellm.AuthenticationError) as caught:
            ask(way, api_base=wire.url, extra_headers=headers, max_retries=0, **key)
        assert "sk-of-the-caller" not in str(caught.value)
    assert wire.authorizations == [["Bearer sk-of-the-caller"]] * 2


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"x-note": "one\r\nauthorization: Bearer x"}, "extra_headers.x-note"),
        ({"x-note": "one\ntwo"}, "extra_headers.x-note"),
        ({"x-note": "caf\u00e9"}, "extra_headers.x-note"),
        ({"x-note": "a\x00b"}, "extra_headers.x-note"),
        ({"x-note": ["a"]}, "extra_headers.x-note"),
        ({"x note": "a"}, "extra_headers"),
        ({"x:note": "a"}, "extra_headers"),
        ({"": "a"}, "extra_headers"),
        ({1: "a"}, "extra_headers"),
        ({"Content-Length": "3"}, "extra_headers.Content-Length"),
        ({"transfer-encoding": "chunked"}, "extra_headers.transfer-encoding"),
    ],
)
def test_headers_that_cannot_be_sent(kimi: Simulator, given: Any, param: str) -> None:
    with pytest.raises(litellm.BadRequestError) as caught:
        ask("call", extra_headers=given)
    assert caught.value.param == param
    assert kimi.requests == []
    with pytest.raises(InvalidRequestError) as pure:
        merge_headers("sk-a", given)
    assert pure.value.param == param
    # A value may be a secret.
    assert not any(str(value) in str(pure.value) for value in given.values() if len(value) > 1)


def test_headers_are_merged_without_regard_to_case() -> None:
    merged = merge_headers("sk-a", {"X-A": "1", "x-a": "2", "X-B": None, "X-C": 3, "X-D": b"4"})
    assert merged == {"Authorization": "Bearer sk-a", "x-a": "2", "X-C": "3", "X-D": "4"}
    assert len(httpx.Headers(merged).raw) == 4
    for empty in ("", "  ", None):
        assert merge_headers("sk-a", {"authorization": empty}) == {"Authorization": "Bearer sk-a"}
        assert own_authorization({"authorization": empty}) is None
    assert merge_headers("sk-a", {"AUTHORIZATION": "Basic eDp5"}) == {"AUTHORIZATION": "Basic eDp5"}
    assert own_authorization({"authorization": "bearer  sk-b"}) == "sk-b"
    assert merge_headers("sk-a", None) == {"Authorization": "Bearer sk-a"}


# -- what the call says already ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "param"),
    [
        ({"model": "kimi-k3"}, "extra_body.model"),
        ({"messages": []}, "extra_body.messages"),
        ({"stream": "yes"}, "extra_body.stream"),
        ({"api_base": "http://127.0.0.1:9"}, "extra_body.api_base"),
        ({"ssl_verify": False}, "extra_body.ssl_verify"),
        ({"max_retries": 9}, "extra_body.max_retries"),
        ({"extra_body": {"model": "kimi-k3"}}, "extra_body.extra_body"),
        ({"extra_headers": {"a": "b"}}, "extra_body.extra_headers"),
    ],
)
def test_extra_body_cannot_replace_what_the_call_says(
    kimi: Simulator, way: str, extra: dict[str, Any], param: str
) -> None:
    with pytest.raises(litellm.BadRequestError) as caught:
        ask(way, extra_body=extra)
    assert caught.value.param == param
    assert kimi.requests == []


def test_extra_body_may_repeat_it(kimi: Simulator, way: str) -> None:
    messages = [{"role": "user", "content": "{{say: a}}"}]
    extra = {"model": "kimi-k2.6", "messages": messages, "stream": "stream" in way}
    assert ask(way, messages=messages, extra_body=extra).text == "a"


# -- what is said once a process ---------------------------------------------------------------


def test_plain_http_is_reported_once(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(settings, "_cleartext_told", set())
    for _ in range(2):
        with pytest.raises(Exception, match="no connection"):
            ask("call", api_base="http://relay.invalid/v1", api_key="sk-a", max_retries=0)
    told = [record.message for record in caplog.records if "plain http://" in record.message]
    assert len(told) == 1
    assert "relay.invalid" in told[0]
    assert "sk-a" not in told[0]


def test_reasoning_that_does_not_come_back_is_reported_once(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from llm_kimi.integrations.litellm import requests

    monkeypatch.setattr(requests, "_lost_reasoning_told", threading.Event())
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    lost: list[Any] = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
    ]
    kept = [lost[0], {**lost[1], "reasoning_content": "Hm."}, lost[2]]

    def warnings() -> list[str]:
        levels = [record for record in caplog.records if record.levelname == "WARNING"]
        return [r.getMessage() for r in levels if "send reasoning back" in r.getMessage()]

    ask("call", messages=kept, tools=tools)
    assert warnings() == []
    for _ in range(3):
        ask("call", messages=lost, tools=tools)
    (text,) = warnings()
    assert "messages[1].reasoning_content" in text
    assert "docs/litellm.md" in text
