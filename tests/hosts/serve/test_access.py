"""Who may ask: not a page, not a name made to lead here, not a neighbour without the key."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from llm_kimi.config import server_key
from llm_kimi.simulator import Simulator
from tests.support.servers import CHAT, HI, Served, served


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:4141",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "127.0.0.1@evil.example",
        "127.0.0.2",
        "[::1",
        "localhost:port",
    ],
)
def test_a_name_that_is_made_to_lead_here_is_refused(
    server: Served, kimi: Simulator, host: str
) -> None:
    for path, body in ((CHAT, HI), ("/v1/models", None), ("/health", None), ("/", None)):
        reply = server.ask(path, body, headers={"Host": host})
        assert reply.status == 403, path
        assert reply.error["code"] == "host_not_allowed"
    assert kimi.requests == []


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:4141", "127.0.0.1", "[::1]:4141"])
def test_its_own_names_are_taken_with_any_port(server: Served, host: str) -> None:
    assert server.ask(headers={"Host": host}).status == 200


def test_two_hosts_are_none(server: Served) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert sock.recv(100).split()[1] in (b"400", b"403")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_gets_nothing(
    server: Served, kimi: Simulator, headers: dict[str, str | None]
) -> None:
    for method, path, body in (
        ("POST", CHAT, HI),
        ("GET", "/health", None),
        ("OPTIONS", CHAT, None),
    ):
        reply = server.ask(path, body, method=method, headers=headers)
        assert (reply.status, reply.error["code"]) == (403, "origin_not_allowed")
        assert not [name for name in reply.headers if name.startswith("access-control")]
    assert kimi.requests == []


def test_origins_and_hosts_that_are_allowed(kimi: Simulator) -> None:
    with served("--allow-origin", "app://obsidian.md", "--allow-host", "Box.Local") as server:
        assert server.ask(headers={"Origin": "app://obsidian.md"}).status == 200
        assert server.ask(headers={"Origin": "app://other"}).status == 403
        assert server.ask(headers={"Host": "box.local:80"}).status == 200
        reply = server.ask(headers={"Origin": "app://obsidian.md"})
        assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic {key}", "Bearer {key}x", "Bearer sk-my"],
)
def test_a_neighbour_without_the_key_gets_nothing(
    server: Served, kimi: Simulator, authorization: str | None
) -> None:
    header = authorization and authorization.format(key=server.key)
    for path, body in ((CHAT, HI), ("/v1/models", None), ("/v1/files", None), ("/nothing", None)):
        reply = server.ask(path, body, headers={"Authorization": header})
        assert (reply.status, reply.error["code"]) == (401, "invalid_api_key"), path
        assert reply.headers["www-authenticate"] == "Bearer"
        assert str(server.key) not in reply.body.decode()
    assert kimi.requests == []


def test_health_asks_for_no_key(server: Served, kimi: Simulator) -> None:
    reply = server.ask("/health", None, headers={"Authorization": None})
    assert (reply.status, reply.json) == (200, {"status": "ok"})
    assert kimi.requests == []


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "json"])
def test_a_form_or_plain_text_is_refused(server: Served, kimi: Simulator, kind: str | None) -> None:
    """What a page can post across origins without asking."""
    reply = server.ask(headers={"Content-Type": kind})
    assert (reply.status, reply.error["code"]) == (415, "unsupported_media_type")
    assert kimi.requests == []


def test_a_compressed_request_is_refused(server: Served) -> None:
    reply = server.ask(headers={"Content-Encoding": "gzip"})
    assert (reply.status, reply.error["code"]) == (415, "unsupported_content_encoding")


def test_a_request_that_is_too_large(server: Served) -> None:
    reply = server.ask(headers={"Content-Length": str((100 << 20) + 1)}, body=b"{}")
    assert (reply.status, reply.error["code"]) == (413, "request_too_large")
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        head = (
            f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.key}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        sock.sendall(head.encode())
        piece = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
        with suppress(OSError):  # it has closed
            for _ in range(110):
                sock.sendall(piece)
        sock.settimeout(10)
        assert sock.recv(100).split()[1] == b"413"


def test_keys_that_are_passed_through(kimi: Simulator) -> None:
    """The server holds none, even where one is set."""
    with served("--pass-through") as server:
        assert server.key is None
        reply = server.ask(headers={"Authorization": None})
        assert reply.status == 401
        assert kimi.requests == []
        assert server.ask(headers={"Authorization": "Bearer sk-wrong-1"}).status == 401
        assert (
            "sk-wrong"
            not in server.ask(headers={"Authorization": "Bearer sk-wrong-1"}).body.decode()
        )
        assert server.ask(headers={"Authorization": f"Bearer {kimi.key}"}).status == 200
        asked = len(kimi.requests)
        for key in ("kimi-local-of-another-server", "a b"):
            reply = server.ask(headers={"Authorization": f"Bearer {key}"})
            assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")
            assert "--key" not in reply.error["message"]
        assert len(kimi.requests) == asked
    assert not server_key.path().exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_machines_need_the_servers_own_key(kimi: Simulator, host: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "llm_kimi.serve", "--port", "0", "--pass-through", "--host", host],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: --pass-through needs no key")


def test_the_key_stays_the_same_and_is_its_owners_alone(kimi: Simulator) -> None:
    with served() as server:
        first = server.key
    path = server_key.path()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with served() as server:
        assert server.key == first
    path.chmod(0o644)
    with served() as server:
        assert server.key != first
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        err = server.stop()[1]
    assert "can be read by other users: a new key was created" in err


@pytest.mark.parametrize("content", ["", "\n", "short", "kimi-local-" + "x" * 500, "\xff\x00"])
def test_a_file_that_holds_no_key_is_replaced(content: str) -> None:
    path = server_key.path()
    path.write_text(content, encoding="latin-1")
    path.chmod(0o600)
    key, trouble = server_key.server_key(replace=True)
    assert key.startswith(server_key.PREFIX)
    assert trouble is not None
    assert server_key.server_key(replace=True) == (key, None)


@pytest.mark.skipif(os.name == "nt", reason="no such files")
def test_a_file_that_never_answers_is_replaced() -> None:
    os.mkfifo(server_key.path(), 0o600)
    key, trouble = server_key.server_key(replace=True)
    assert trouble is not None
    assert server_key.server_key(replace=False) == (key, None)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text(server_key.PREFIX + "a" * 43)
    other.chmod(0o600)
    os.symlink(other, server_key.path())
    key, trouble = server_key.server_key(replace=True)
    assert key != other.read_text()
    assert trouble is not None
    assert not server_key.path().is_symlink()


def test_neither_key_nor_prompt_is_in_the_log(kimi: Simulator) -> None:
    for options in ((), ("--json",)):
        with served(*options) as server:
            body = {
                **HI,
                "temperature": 0.1,
                "messages": [{"role": "user", "content": "say: pssst"}],
            }
            server.ask(body=body)
            server.ask(f"/v1/chat/{server.key}?key={server.key}", body)
            server.ask(body={**body, "model": f"x\n{server.key}"})
            out, err = server.stop()
        assert "/v1/chat/completions" in err
        for secret in ("pssst", kimi.key):
            assert secret not in out + err, err
        assert str(server.key) not in err
        assert len(err.splitlines()) <= 5
