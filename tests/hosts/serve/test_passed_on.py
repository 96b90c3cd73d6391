"""What goes on to Kimi as it is, and what Kimi does not have."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Callable

import openai
import pytest

from llm_kimi.simulator import Simulator
from tests.support.openai_plain import plain_client
from tests.support.raw_servers import Connection, raw_server
from tests.support.real_files import pdf, png
from tests.support.servers import Behind, Served, served


def test_models(server: Served) -> None:
    with plain_client(server) as client:
        ids = [model.id for model in client.models.list()]
        assert "kimi-k3.1-pro" in ids
        assert client.models.retrieve("kimi-k3.1-pro").id == "kimi-k3.1-pro"
        with pytest.raises(openai.NotFoundError, match="this account has no model 'gpt-4o'"):
            client.models.retrieve("gpt-4o")


@pytest.mark.parametrize(
    ("name", "data", "purpose", "sent"),
    [
        ("a.pdf", pdf(), "assistants", "file-extract"),
        ("a.pdf", pdf(), "file-extract", "file-extract"),
        ("a.png", png(), "vision", "image"),
        ("größe 1.txt", b"text " * 500_000, "user_data", "file-extract"),
    ],
)
def test_files(server: Served, name: str, data: bytes, purpose: str, sent: str) -> None:
    with plain_client(server) as client:
        file = client.files.create(file=(name, data), purpose=purpose)  # type: ignore[arg-type]
        assert file.purpose == sent
        assert file.filename == name
        assert file.bytes == len(data)
        assert [item.id for item in client.files.list()] == [file.id]  # and that is all
        assert client.files.retrieve(file.id).id == file.id
        if sent == "file-extract":
            assert client.files.content(file.id).text
        assert client.files.delete(file.id).deleted
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(file.id)


def test_an_upload_that_lacks_something_is_said(server: Served, kimi: Simulator) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\na\r\n'
    file = part % (b"file", b'; filename="a.txt"')
    purpose = part % (b"purpose", b"")
    for form, param in ((file, "purpose"), (purpose, "file"), (purpose + file + file, "file")):
        kind = "multipart/form-data; boundary=x"
        reply = server.ask("/v1/files", form + b"--x--\r\n", headers={"Content-Type": kind})
        assert (reply.status, reply.error["param"]) == (400, param), form
    for body in (b"", b"nonsense", b"--x\r\n\r\n"):
        for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
            reply = server.ask("/v1/files", body, headers={"Content-Type": kind})
            assert reply.status == 400, body
            assert reply.error["message"]
    assert not [r for r in kimi.requests if r["path"] == "/v1/files"]


def test_responses_where_kimi_has_them(server: Served, kimi: Simulator) -> None:
    reply = server.ask("/v1/responses", {"model": "kimi-k2.6", "input": "hi"})
    assert (reply.status, reply.error["param"]) == (400, "model")
    assert kimi.requests == []
    body = {"model": "kimi-k3.1-pro", "input": "hi", "previous_response_id": "resp_1"}
    assert server.ask("/v1/responses", body).status == 400
    server.ask("/v1/responses", {"model": "kimi-k3.1-pro", "input": "hi", "store": False})
    assert [r["path"] for r in kimi.requests] == ["/v1/responses"]


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("POST", "/v1/embeddings", "Moonshot has no embeddings"),
        ("POST", "/v1/images/generations", "Moonshot cannot create images"),
        ("POST", "/v1/audio/speech", "no speech or transcription"),
        ("POST", "/v1/completions", "use chat.completions"),
        ("GET", "/v1/assistants", "has no Assistants"),
        ("POST", "/v1/messages", "https://api.moonshot.ai/anthropic"),
        ("GET", "/", "GET / is not served"),
        ("GET", f"/v1/models/{'a' * 201}", "is not served"),
        ("GET", "/v1/files/../users/me/balance", "is not served"),
        ("GET", "/v1/users/me/balance", "is not served"),
    ],
)
def test_what_is_not_there_is_said(
    server: Served, kimi: Simulator, method: str, path: str, said: str
) -> None:
    for body, kind in (({} if method == "POST" else None, "application/json"), (b"a", None)):
        reply = server.ask(path, body, method=method, headers={"Content-Type": kind})
        assert reply.status == 404
        assert said in reply.error["message"]
    assert kimi.requests == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("PUT", "/v1/files/a", "DELETE, GET, HEAD"),
        ("POST", "/v1/models/kimi-k3", "GET, HEAD"),
        ("DELETE", "/v1/files", "GET, HEAD, POST"),
    ],
)
def test_methods_that_are_not_for_a_path(
    server: Served, method: str, path: str, allowed: str
) -> None:
    reply = server.ask(path, {} if method == "POST" else None, method=method)
    assert (reply.status, reply.headers["allow"]) == (405, allowed)


def test_head_is_get_without_a_body(server: Served) -> None:
    """RFC 9110, 9.3.2."""
    for path in ("/v1/models", "/v1/models/kimi-k3", "/v1/files"):
        reply = server.ask(path, None, method="HEAD")
        assert (reply.status, reply.body) == (200, b"")


def test_a_post_without_a_body_needs_no_content_type(behind: Behind) -> None:
    """As openai's Node client cancels a batch."""
    server = behind(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"))
    reply = server.ask("/v1/batches/a/cancel", None, method="POST", headers={"Content-Type": None})
    assert (reply.status, reply.body) == (200, b"{}")


def test_a_file_that_is_ready_is_processed(server: Served) -> None:
    """What the SDKs of OpenAI wait for; Kimi says ready (https://platform.kimi.ai/docs/openapi.json)."""
    with plain_client(server) as client:
        file = client.files.create(file=("a.txt", b"text"), purpose="assistants")
        assert file.status == "processed"
        assert client.files.wait_for_processing(file.id, max_wait_seconds=5).id == file.id
        assert [row.status for row in client.files.list()] == ["processed"]


def test_what_is_missing_is_no_model(server: Served) -> None:
    for path in ("/v1/files/nothing", "/v1/batches/nothing"):
        error = server.ask(path, None).error
        assert error["code"] == "not_found"
        assert "chat API" not in error["message"]


def test_ids_and_names_of_an_answer_are_kept(behind: Behind) -> None:
    disposition = 'attachment; filename="größe.html"'
    server = behind(
        answering(
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-trace-id: t1\r\n"
            + f"content-disposition: {disposition}\r\n\r\nok".encode()
        )
    )
    reply = server.ask("/v1/files/a/content", None)
    assert (reply.headers["x-request-id"], reply.headers["content-length"]) == ("t1", "2")
    assert reply.headers["content-disposition"].encode("latin-1").decode() == disposition


@pytest.mark.parametrize("length", [b"content-length: 100", b"transfer-encoding: chunked"])
def test_a_cut_answer_does_not_look_whole_to_http_1_0(behind: Behind, length: bytes) -> None:
    """Which has only its length, or the way in which the connection ends, to go by."""

    def answer(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n%s\r\n\r\n" % length + b"5\r\nabcde\r\n")
        time.sleep(0.2)
        connection.sock.close()

    server = behind(answer)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
        head = "GET /v1/files/a/content HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer "
        sock.sendall(f"{head}{server.key}\r\n\r\n".encode())
        told, reset = b"", False
        try:
            while piece := sock.recv(1000):
                told += piece
        except ConnectionResetError:
            reset = True
    assert reset or b"content-length: 100" in told.lower()


@pytest.mark.parametrize(
    ("sent", "told"),
    [("Thu, 01 Jan 2099 00:00:00 GMT", None), ("0.2", "1"), ("9999999", "9999999")],
)
def test_seconds_to_wait_are_whole(behind: Behind, sent: str, told: str | None) -> None:
    """RFC 9110, 10.2.3; urllib3 fails on others."""
    server = behind(
        answering(f"HTTP/1.1 429 No\r\nretry-after: {sent}\r\ncontent-length: 0\r\n\r\n".encode())
    )
    value = server.ask("/v1/models", None).headers["retry-after"]
    assert value.isdigit()
    assert told is None or value == told


def test_ids_do_not_lead_elsewhere(server: Served, kimi: Simulator) -> None:
    server.ask("/v1/files/..%2Fusers%2Fme%2Fbalance", None)
    server.ask("/v1/files/a%3Fb%23c", None)
    assert "/v1/users/me/balance" not in [r["path"] for r in kimi.requests]


def answering(content: bytes) -> Callable[[Connection], None]:
    return lambda connection: connection.send(content)


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (
            b"HTTP/1.1 302 Found\r\nlocation: https://evil.example/x\r\ncontent-length: 0\r\n\r\n",
            502,
            "redirects to evil.example",
        ),
        (b"HTTP/1.1 500 No\r\ncontent-length: 9\r\n\r\n<html>...", 500, "500"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx",
            502,
            "unsupported Content-Encoding",
        ),
        (b"nonsense\r\n\r\n", 502, "it is not HTTP"),
        (b"", 502, "no connection"),
    ],
    ids=["redirect", "page", "brotli", "nonsense", "nothing"],
)
def test_a_bad_server_is_one_error(
    monkeypatch: pytest.MonkeyPatch, content: bytes, status: int, said: str
) -> None:
    def answer(connection: Connection) -> None:
        connection.send(content)
        connection.sock.close()

    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-of-the-server")
    with raw_server(answer) as kimi, served(KIMI_BASE_URL=kimi.base_url) as server:
        for path in ("/v1/models", "/v1/files", "/v1/models/kimi-k2.6"):
            reply = server.ask(path, None)
            assert reply.status == status, (path, reply.body)
            assert said in reply.error["message"]
        assert "sk-of" not in json.dumps(reply.json)


def test_an_answer_that_is_cut_is_cut_here_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
        connection.sock.close()

    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-of-the-server")
    with raw_server(answer) as kimi, served(KIMI_BASE_URL=kimi.base_url) as server:
        with plain_client(server) as client, pytest.raises(openai.APIConnectionError):
            client.get("/files/a/content", cast_to=io.BytesIO)  # type: ignore[type-var]
        assert server.ask("/health", None).status == 200
