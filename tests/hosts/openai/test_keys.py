"""Keys, hosts and HTTP clients: a key goes where it belongs, and clients of one's own are used."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from llm_kimi.integrations.openai.http_clients import is_installed
from llm_kimi.openai import AsyncKimi, AsyncKimiHTTPClient, Kimi, KimiHTTPClient
from llm_kimi.simulator import Simulator
from scripts.environment import environment

HI: Any = [{"role": "user", "content": "say: hello"}]
ELSEWHERE = "https://elsewhere.test/v1"


def say(client: Any, model: str = "kimi-k2.6") -> str:
    return str(client.chat.completions.create(model=model, messages=HI).choices[0].message.content)


def test_without_a_key_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    with pytest.raises(openai.OpenAIError, match="No key for Kimi") as caught:
        Kimi()
    assert "sk-openai" not in str(caught.value)


def test_a_found_key_does_not_go_to_a_host_that_the_app_names(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(openai.OpenAIError, match=r"elsewhere\.test and no api_key") as caught:
        Kimi(base_url=ELSEWHERE)
    assert kimi.key not in str(caught.value)
    with Kimi() as client:
        with pytest.raises(openai.OpenAIError, match=r"elsewhere\.test"):
            client.with_options(base_url=ELSEWHERE)
        client.base_url = ELSEWHERE
        with pytest.raises(openai.OpenAIError, match=r"elsewhere\.test"):
            say(client)
    with Kimi(base_url=ELSEWHERE, api_key="k") as client:
        assert str(client.base_url) == f"{ELSEWHERE}/"


def test_what_the_environment_says_for_openai_is_not_used(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", ELSEWHERE)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    with Kimi() as client:
        assert say(client) == "hello"


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_key_may_be_a_function(kimi: Simulator, way: str) -> None:
    if way == "sync":
        with Kimi(api_key=lambda: kimi.key) as client:
            assert say(client) == "hello"
        return

    async def key() -> str:
        return kimi.key

    async def main() -> None:
        async with AsyncKimi(api_key=key) as client:
            answer: Any = await client.chat.completions.create(model="kimi-k2.6", messages=HI)
            assert answer.choices[0].message.content == "hello"

    asyncio.run(main())


def test_no_key_in_the_repr(kimi: Simulator) -> None:
    with Kimi() as client:
        assert kimi.key not in repr(client)
        assert kimi.key not in repr(client._client._transport)


def test_a_wrong_setting_is_an_error_at_once() -> None:
    with pytest.raises(openai.OpenAIError, match="must be one of nudge"):
        Kimi(api_key="k", tool_choice_fallback="maybe")  # type: ignore[arg-type]


# -- HTTP clients ------------------------------------------------------------------------------


def test_an_http_client_of_ones_own_is_used_and_stays_as_it_is(kimi: Simulator) -> None:
    seen: list[str] = []
    own = openai.DefaultHttpxClient(
        event_hooks={"request": [lambda request: seen.append(request.url.path)]}
    )
    inner = own._transport
    with Kimi(http_client=own) as client:
        assert say(client) == "hello"
        assert seen == ["/v1/chat/completions"]
        assert own._transport is inner
        assert own.follow_redirects
        assert client._client._transport.inner is inner


def test_a_copy_does_not_wrap_twice(kimi: Simulator) -> None:
    with Kimi() as client:
        copied = client.copy().with_options(timeout=3)
        assert copied._client is client._client
        assert is_installed(client._client)
        assert not is_installed(openai.DefaultHttpxClient())


def test_proxies_of_the_environment_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with Kimi(api_key="k", max_retries=0) as client:
        assert any(client._client._mounts.values())
        with pytest.raises(openai.APIConnectionError):
            say(client)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_the_http_client_for_programs_that_make_their_own_openai_client(
    kimi: Simulator, way: str
) -> None:
    arguments = {"base_url": kimi.base_url, "api_key": kimi.key}
    if way == "sync":
        with (
            KimiHTTPClient() as http,
            openai.OpenAI(http_client=http, **arguments) as client,  # type: ignore[arg-type]
        ):
            answer = client.chat.completions.create(model="kimi-k2.6", messages=HI, temperature=0.2)
            assert answer.adjustments[0]["param"] == "temperature"  # type: ignore[attr-defined]
        return

    async def main() -> None:
        async with (
            AsyncKimiHTTPClient(strict=True) as http,
            openai.AsyncOpenAI(http_client=http, **arguments) as client,  # type: ignore[arg-type]
        ):
            with pytest.raises(openai.BadRequestError, match="strict mode"):
                await client.chat.completions.create(
                    model="kimi-k2.6", messages=HI, temperature=0.2
                )

    asyncio.run(main())


def test_it_refuses_the_hosts_of_other_makers() -> None:
    with (
        KimiHTTPClient() as http,
        openai.OpenAI(http_client=http, api_key="sk-kimi") as client,
        pytest.raises(openai.OpenAIError, match=r"leads to OpenAI .* nothing was sent") as caught,
    ):
        say(client)
    assert not isinstance(caught.value, openai.APIConnectionError)

    async def main() -> None:
        async with (
            AsyncKimiHTTPClient() as http,
            openai.AsyncOpenAI(http_client=http, api_key="sk-kimi") as client,
        ):
            await client.models.list()

    with pytest.raises(openai.OpenAIError, match="nothing was sent"):
        asyncio.run(main())


# -- threads and imports -----------------------------------------------------------------------


def test_one_client_in_forty_threads(kimi: Simulator) -> None:
    gate = threading.Barrier(40)

    def one(number: int) -> str:
        gate.wait(20)
        answer = client.chat.completions.create(
            model="kimi-k2.6", messages=[{"role": "user", "content": f"say: {number}"}]
        )
        return str(answer.choices[0].message.content)

    with Kimi() as client, ThreadPoolExecutor(40) as pool:
        assert list(pool.map(one, range(40))) == [str(number) for number in range(40)]


def test_close_closes_the_connections(kimi: Simulator) -> None:
    client = Kimi()
    say(client)
    client.close()
    assert client.is_closed()
    with pytest.raises((RuntimeError, openai.OpenAIError)):
        say(client)


def test_nothing_of_llm_is_loaded_for_it() -> None:
    code = (
        "import sys, llm_kimi.openai\n"
        "client = llm_kimi.openai.Kimi(api_key='k')\n"
        "print([name for name in ('llm', 'litellm', 'sqlite3', 'sqlite_utils') "
        "if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(PATH=os.environ["PATH"]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
