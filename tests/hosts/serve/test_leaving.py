"""A caller who leaves ends the call at Kimi, which would go on, and bill; a server that is stopped
tells those who wait."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llm_kimi.simulator import Simulator
from tests.support.llm_runs import start
from tests.support.ports import kept_port
from tests.support.raw_servers import HEAD, Connection, chunked, raw_server
from tests.support.servers import CHAT, HI, Served, served
from tests.support.waiting import until

EVENT = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-of-the-server")


def post(server: Served, **more: object) -> socket.socket:
    """A request whose answer is not read yet."""
    body = json.dumps({**HI, **more}).encode()
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    head = (
        f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    sock.sendall(head.encode() + body)
    return sock


def silent(connection: Connection) -> None:
    connection.wait(20)


def one_chunk(connection: Connection) -> None:
    connection.send(HEAD + chunked(EVENT))
    connection.wait(20)


def drip(connection: Connection) -> None:
    connection.send(HEAD)
    while True:
        connection.send(chunked(EVENT))
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("answer", "stream"),
    [(silent, False), (silent, True), (one_chunk, True), (drip, True)],
    ids=["whole", "before the stream", "in the stream", "while it flows"],
)
def test_who_leaves_ends_the_call_at_kimi(answer: object, stream: bool) -> None:
    with raw_server(answer) as kimi, served(KIMI_BASE_URL=kimi.base_url) as server:  # type: ignore[arg-type]
        sock = post(server, stream=stream)
        until(lambda: len(kimi.requests) == 1)
        if answer in (one_chunk, drip):
            assert b"200" in sock.recv(20)
        assert kimi.open == 1
        sock.close()
        left = time.monotonic()
        until(lambda: kimi.open == 0)
        assert time.monotonic() - left < 5  # half a second, on a machine with nothing else to do
        assert server.ask("/health", None).status == 200


def test_who_leaves_in_the_middle_of_his_request() -> None:
    with raw_server(silent) as kimi, served(KIMI_BASE_URL=kimi.base_url) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            head = (
                f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.key}\r\n"
                "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
            )
            sock.sendall(head.encode())
            time.sleep(0.2)
        assert server.ask("/health", None).status == 200
        _, err = server.stop()
        assert kimi.requests == []
        assert "Traceback" not in err


def test_several_choices_end_together() -> None:
    with raw_server(one_chunk) as kimi, served(KIMI_BASE_URL=kimi.base_url) as server:
        sock = post(server, stream=True, n=3)
        until(lambda: len(kimi.requests) == 3)
        sock.close()
        until(lambda: kimi.open == 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_server_tells_those_who_wait(number: int) -> None:
    with raw_server(one_chunk) as kimi, served(KIMI_BASE_URL=kimi.base_url) as server:
        stream = post(server, stream=True)
        whole = post(server, stream=False)
        idle = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        until(lambda: len(kimi.requests) == 2)
        assert b"200" in stream.recv(20)
        _, err = server.stop(number)
        assert server.process.returncode == 0
        told = _rest(stream)
        assert b'"type":"server_unavailable"' in told
        assert told.endswith(b"0\r\n\r\n")  # a clean end of the body, without [DONE]
        assert b"[DONE]" not in told
        answer = _rest(whole)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"server was stopped" in answer
        assert _rest(idle) == b""
        assert "Traceback" not in err
        until(lambda: kimi.open == 0)


def test_it_listens_again_at_once(kimi: Simulator) -> None:
    with served() as first:
        first.ask()
        first.stop()
        with served("--port", str(first.port)) as second:
            assert second.ask().status == 200
            assert second.base_url == first.base_url


def _cannot_start(*options: str, **environment: str) -> str:
    import os

    done = subprocess.run(
        [sys.executable, "-m", "llm_kimi.serve", *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


@needs_full
@pytest.mark.parametrize("command", [["kimi", "serve", "--port=0"], ["kimi", "models"]])
def test_output_that_goes_to_a_full_disk_is_an_error_in_one_line(
    kimi: Simulator, command: list[str]
) -> None:
    with open("/dev/full", "wb") as full:
        running = start(*command, stdout=full.fileno())
        _, told = running.communicate(timeout=60)
    assert told.decode().splitlines()[-1].endswith(": No space left on device")
    assert b"Traceback" not in told
    assert running.returncode == 1


def test_a_server_needs_no_standard_files(kimi: Simulator) -> None:
    with kept_port() as port:
        command = f"exec {sys.executable} -m llm kimi serve --port {port} <&- >&- 2>&-"
        running = subprocess.Popen(["sh", "-c", command])
        try:
            until(lambda: _health(port) == b'{"status":"ok"}', seconds=30)
        finally:
            running.terminate()
            assert running.wait(20) in (0, -signal.SIGTERM, 128 + signal.SIGTERM)


def _health(port: int) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().read()
    except OSError:
        return b""
    finally:
        connection.close()


def test_a_port_that_is_taken_is_said(kimi: Simulator) -> None:
    with served() as server:
        assert "Another port: --port" in _cannot_start("--port", str(server.port))


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        ((), {"MOONSHOT_API_KEY": ""}, "No key for Kimi"),
        ((), {"MOONSHOT_API_KEY": "a b"}, "copy the key again"),
        ((), {"KIMI_BASE_URL": "nonsense"}, "KIMI_BASE_URL: must be a URL"),
        ((), {"KIMI_STRICT": "maybe"}, "KIMI_STRICT: must be 1 or 0"),
        (("--host", "no.such.host.invalid"), {}, "cannot listen on"),
        (("--allow-host", "a b"), {}, "--allow-host"),
        (("--port", "70000"), {}, "--port"),
        (
            (),
            {"KIMI_BASE_URL": "http://kimi.example/v1", "ALL_PROXY": "socks5://127.0.0.1:9"},
            "only http proxies",
        ),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(
    options: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    err = _cannot_start("--port", "0", *options, **environment)
    assert said in err
    assert err.splitlines()[-1].startswith("Error: ")


def _rest(sock: socket.socket) -> bytes:
    data = b""
    while piece := sock.recv(65536):
        data += piece
    sock.close()
    return data
