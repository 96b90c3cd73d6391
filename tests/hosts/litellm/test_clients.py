"""HTTP: clients, TLS, streams that are left, many at once, several event loops, secrets."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import ssl
import subprocess
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import litellm
import pytest
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, HTTPHandler

from llm_kimi.integrations.litellm.handler import KimiLLM
from llm_kimi.integrations.litellm.transport import Endpoint
from llm_kimi.simulator import Simulator
from tests.support.litellm_asking import ask
from tests.support.raw_servers import hang_up
from tests.support.waiting import until

KEY = "sk-very-secret-0123456789"


def call(content: str, **given: Any) -> dict[str, Any]:
    """The arguments of a call."""
    return {
        "model": "kimi/kimi-k2.6",
        "messages": [{"role": "user", "content": content}],
        **given,
    }


def test_the_callers_client(kimi: Simulator) -> None:
    seen: list[str] = []

    def hook(request: httpx.Request) -> None:
        seen.append(request.url.path)

    handler = HTTPHandler()
    handler.client.event_hooks["request"].append(hook)
    for stream_way in ("call", "stream"):
        assert ask(stream_way, "{{say: a b}}", client=handler).text == "a b"
    plain = httpx.Client(event_hooks={"request": [hook]})
    assert ask("call", "{{say: a}}", client=plain).text == "a"
    assert seen == ["/v1/chat/completions"] * 3
    handler.close()
    plain.close()


def test_the_callers_async_client(kimi: Simulator) -> None:
    seen: list[str] = []

    async def hook(request: httpx.Request) -> None:
        seen.append(request.url.path)

    async def main() -> None:
        handler = AsyncHTTPHandler(event_hooks={"request": [hook]})
        await litellm.acompletion(**call("a"), client=handler)
        stream = await litellm.acompletion(**call("a"), client=handler, stream=True)
        assert [chunk async for chunk in stream]
        await handler.close()

    asyncio.run(main())
    assert seen == ["/v1/chat/completions"] * 2


@pytest.mark.parametrize("asynchronous", [False, True])
def test_litellm_may_forget_its_client_during_a_call(kimi: Simulator, asynchronous: bool) -> None:
    """Its cache does so after an hour, and its handlers then close the client that they own."""

    def forget() -> None:
        litellm.in_memory_llm_clients_cache.flush_cache()
        gc.collect()

    kimi.chunk_delay = 0.01
    talk = call("{{say: one two three four five}}", stream=True)

    async def main() -> str:
        stream = await litellm.acompletion(**talk)
        text = ""
        async for chunk in stream:
            text += chunk.choices[0].delta.content or ""
            if len(text) < 9:  # to collect garbage takes its time
                forget()
        return text

    if asynchronous:
        text = asyncio.run(main())
    else:
        text = ""
        for chunk in litellm.completion(**talk):
            text += chunk.choices[0].delta.content or ""
            if len(text) < 9:
                forget()
    assert text == "one two three four five"


def test_connections_are_kept(kimi: Simulator) -> None:
    for _ in range(4):
        ask("call")
        ask("stream")
    assert kimi.connections == 1

    async def main() -> None:
        for _ in range(4):
            await litellm.acompletion(**call("a"))
            stream = await litellm.acompletion(**call("a"), stream=True)
            assert [chunk async for chunk in stream]

    asyncio.run(main())
    assert kimi.connections == 2


@contextlib.contextmanager
def behind_tls(server: Simulator, folder: Path) -> Iterator[str]:
    """The base URL of ``server`` behind TLS with a certificate that nobody trusts."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            str(key),
            "-out",
            str(cert),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: Any, target: Any) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        hang_up(source)
        hang_up(target)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                raw, _ = listener.accept()
                try:
                    inside = context.wrap_socket(raw, server_side=True)
                except OSError:
                    raw.close()
                    continue
                outside = socket.create_connection(("127.0.0.1", server.port))
                for pair in ((inside, outside), (outside, inside)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        hang_up(listener)
        serving.join(10)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ssl_verify(kimi: Simulator, tmp_path: Path) -> None:
    with behind_tls(kimi, tmp_path) as url:
        for way in ("call", "acall", "stream", "astream"):
            with pytest.raises(Exception, match=r"(?i)certificate|ssl"):
                ask(way, api_base=url, api_key=kimi.key, max_retries=0)
            assert kimi.requests == []
            assert (
                ask(way, "{{say: a}}", api_base=url, api_key=kimi.key, ssl_verify=False).text == "a"
            )
            kimi.requests.clear()


@pytest.mark.parametrize("how", ["break", "close"])
def test_leaving_a_stream_closes_the_connection(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is how Kimi is told to stop generating."""
    with Simulator(chunk_delay=0.01) as server:
        to = {"api_base": server.base_url, "api_key": "sk-a"}
        stream = litellm.completion(**call("{{repeat: 500 word}}", **to), stream=True)
        for _ in stream:
            break
        if how == "close" and hasattr(stream.completion_stream, "close"):
            stream.completion_stream.close()
        del stream
        gc.collect()
        until(lambda: server.requests[0]["closed_early"])

        async def main() -> None:
            stream = await litellm.acompletion(**call("{{repeat: 500 word}}", **to), stream=True)
            async for _ in stream:
                break
            if how == "close" and hasattr(stream, "aclose"):
                await stream.aclose()
            del stream
            gc.collect()
            for _ in range(1500):
                if server.requests[1]["closed_early"]:
                    return
                await asyncio.sleep(0.02)
            raise AssertionError("it went on")

        asyncio.run(main())


def test_a_hundred_streams_at_once(kimi: Simulator) -> None:
    async def one(number: int) -> str:
        stream = await litellm.acompletion(**call(f"{{{{say: a b n{number}}}}}"), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def main() -> list[str]:
        return list(await asyncio.gather(*(one(number) for number in range(100))))

    assert asyncio.run(main()) == [f"a b n{number}" for number in range(100)]


def test_threads(kimi: Simulator) -> None:
    def one(number: int) -> str:
        return ask(("call", "stream")[number % 2], f"{{{{say: a n{number}}}}}").text

    with ThreadPoolExecutor(16) as pool:
        texts = list(pool.map(one, range(64)))
    assert texts == [f"a n{number}" for number in range(64)]


def test_several_event_loops_leak_nothing(kimi: Simulator) -> None:
    async def main() -> None:
        await litellm.acompletion(**call("a"))
        stream = await litellm.acompletion(**call("a b"), stream=True)
        assert [chunk async for chunk in stream]
        await asyncio.sleep(0.05)  # LiteLLM logs in the background

    with warnings.catch_warnings():
        # LiteLLM's clients of loops that ended in earlier tests are not what is looked at here.
        warnings.simplefilter("ignore")
        litellm.in_memory_llm_clients_cache.flush_cache()
        gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        threads = threading.active_count()
        for _ in range(5):
            asyncio.run(main())
        gc.collect()
    ours = [
        str(warning.message)
        for warning in caught
        if issubclass(warning.category, (ResourceWarning, RuntimeWarning))
        and "Logging." not in str(warning.message)
    ]
    assert ours == []
    assert len(kimi.requests) == 10
    assert threading.active_count() <= threads + 10  # each loop had one connection at Kimi's side


def test_the_key_is_nowhere(
    kimi: Simulator, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    texts: list[str] = []
    caplog.set_level(logging.DEBUG)
    for name in ("llm_kimi", "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, name)
    for way in ("call", "acall", "stream", "astream"):
        ask(way, api_key=KEY, temperature=0.2)
        kimi.fault(status=401, message=f"Incorrect API key provided: {KEY}")
        with pytest.raises(Exception) as caught:  # noqa: PT011
            ask(way, api_key=KEY)
        error: BaseException | None = caught.value
        while error is not None:
            texts += [str(error), repr(error), repr(vars(error))]
            error = error.__cause__ or getattr(error, "original_exception", None)
    endpoint = Endpoint("http://a", KEY, headers={}, timeout=1, client=None, ssl_verify=None)
    texts += [repr(endpoint), repr(KimiLLM())]
    texts += [record.getMessage() for record in caplog.records]
    texts += [repr(kimi.requests)]
    out = capfd.readouterr()
    texts += [out.out, out.err]
    assert KEY not in "\n".join(texts)


@pytest.mark.parametrize("way_", ["call", "acall", "stream", "astream"])
def test_the_key_is_not_in_litellms_verbose_log(
    kimi: Simulator, way_: str, caplog: pytest.LogCaptureFixture
) -> None:
    """LiteLLM prints the arguments of each call when it is told to be verbose; the rest is ours."""
    caplog.set_level(logging.DEBUG, "LiteLLM")
    kimi_key = "sk-another-secret-9876543210"
    import os

    os.environ["MOONSHOT_API_KEY"] = kimi_key
    ask(way_, "{{say: a}}")
    assert caplog.records
    assert kimi_key not in caplog.text


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that breaks off after ``pieces``."""

    def __init__(self, pieces: list[bytes], error: Exception) -> None:
        self.pieces = pieces
        self.error = error
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        raise self.error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        raise self.error

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("way_", ["call", "acall"])
@pytest.mark.parametrize(
    ("pieces", "error", "attempts", "kind"),
    [
        ([], httpx.ReadError("reset"), 3, litellm.APIConnectionError),
        ([b'{"id": '], httpx.ReadError("reset"), 1, litellm.APIConnectionError),
        ([], httpx.ReadTimeout("slow"), 1, litellm.Timeout),
        ([b'{"id": '], httpx.ReadTimeout("slow"), 1, litellm.Timeout),
    ],
    ids=["at once", "in the middle", "late", "late in the middle"],
)
def test_a_whole_answer_that_breaks_off(
    monkeypatch: pytest.MonkeyPatch,
    way_: str,
    pieces: list[bytes],
    error: Exception,
    attempts: int,
    kind: type[Exception],
) -> None:
    """It is asked for again while nothing of it has come; what came in part is paid for."""
    monkeypatch.setattr("llm_kimi.exchange.retry.retry_delay", lambda *_: 0.0)
    bodies: list[_Body] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(_Body(pieces, error))
        return httpx.Response(200, stream=bodies[-1])

    transport = httpx.MockTransport(answer)
    client: Any = (
        httpx.Client(transport=transport)
        if way_ == "call"
        else httpx.AsyncClient(transport=transport)
    )
    with pytest.raises(kind) as caught:
        ask(way_, client=client, api_key=KEY)
    assert len(bodies) == attempts
    assert all(body.closed for body in bodies)
    if kind is litellm.APIConnectionError:
        assert "broke off in the middle of the answer" in str(caught.value)


@pytest.mark.parametrize("way_", ["call", "acall"])
def test_headers_that_come_twice(way_: str) -> None:
    body = {"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}
    headers = [("X-Twice", "a"), ("x-twice", "b"), ("X-Once", "c")]
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, json=body))
    client: Any = (
        httpx.Client(transport=transport)
        if way_ == "call"
        else httpx.AsyncClient(transport=transport)
    )
    response = ask(way_, client=client, api_key=KEY).response
    assert response._response_headers["x-twice"] == "a, b"
    assert response._response_headers["x-once"] == "c"
