"""Streams of ``/responses``, and other answers on their way through: cut off, silent, stopped."""

from __future__ import annotations

import json
import time
from typing import Any

import openai
import pytest

from tests.support.openai_plain import plain_client
from tests.support.raw_servers import Connection, chunked, raw_server
from tests.support.servers import Behind, Served, served

RESPONSES = "/v1/responses"
ASK = {"model": "kimi-k3.1-pro", "input": "hi", "stream": True}
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n%s\r\n\r\n"
CHUNKED = b"transfer-encoding: chunked"
CLOSE = b"connection: close"
RESTS = [b"", b"event: response.comp", b'data: {"type":"response.completed"']
KINDS = [b"text/event-stream", b"text/event-stream; charset=utf-8", b"Text/Event-Stream"]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-of-the-server")


def event(kind: str, number: int, **more: Any) -> bytes:
    data = json.dumps({"type": kind, "sequence_number": number, **more})
    return f"event: {kind}\ndata: {data}\n\n".encode()


BEGUN = event("response.created", 0) + event("response.output_text.delta", 1, delta="he")
DONE = event("response.completed", 2, response={"id": "r"})


def events_of(body: bytes) -> list[dict[str, Any]]:
    lines = [line[6:] for line in body.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@pytest.mark.parametrize(
    ("kind", "end"), list(zip(KINDS, ["completed", "incomplete", "failed"], strict=True))
)
def test_a_whole_stream_goes_through_as_it_is(kind: bytes, end: str, behind: Behind) -> None:
    last = event(f"response.{end}", 2)

    def answer(connection: Connection) -> None:
        head = STREAM_HEAD % (kind, CHUNKED)
        whole = BEGUN + last
        pieces = b"".join(chunked(whole[at : at + 7]) for at in range(0, len(whole), 7))
        connection.send(head + pieces + b"0\r\n\r\n")

    server = behind(answer)
    reply = server.ask(RESPONSES, ASK)
    assert reply.status == 200
    assert reply.body == BEGUN + last
    assert reply.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    ("kind", "rest"),
    list(zip(KINDS, RESTS, strict=True)),
    ids=["between", "in a name", "in the last"],
)
@pytest.mark.parametrize("how", [CHUNKED, CLOSE])
def test_a_stream_that_is_cut_ends_in_an_error(
    kind: bytes, rest: bytes, how: bytes, behind: Behind
) -> None:
    """Without a length a cut one looks whole; only its last event says that it is."""

    def answer(connection: Connection) -> None:
        body = BEGUN + rest
        connection.send(STREAM_HEAD % (kind, how) + (chunked(body) if how is CHUNKED else body))
        connection.sock.close()

    server = behind(answer)
    reply = server.ask(RESPONSES, ASK)
    *events, last = events_of(reply.body)
    assert [one["type"] for one in events] == ["response.created", "response.output_text.delta"]
    assert last["type"] == "error"
    assert last["sequence_number"] == 2
    assert "broke off" in last["message"]
    assert last["error"]["type"] in ("stream_error", "api_connection_error")


def test_the_sdk_raises_it() -> None:
    def answer(connection: Connection) -> None:
        connection.send(STREAM_HEAD % (KINDS[0], CLOSE) + BEGUN)
        connection.sock.close()

    with (
        raw_server(answer) as kimi,
        served(KIMI_BASE_URL=kimi.base_url) as server,
        plain_client(server) as client,
    ):
        stream = client.responses.create(model="kimi-k3.1-pro", input="hi", stream=True)
        with pytest.raises(openai.APIError, match="broke off"):
            list(stream)
        assert server.stop()[1].count("the answer broke off") == 1


def test_a_connection_that_breaks_after_the_last_event_is_no_error(behind: Behind) -> None:
    def answer(connection: Connection) -> None:
        connection.send(STREAM_HEAD % (KINDS[0], CHUNKED) + chunked(BEGUN + DONE))
        connection.sock.close()

    server = behind(answer)
    assert server.ask(RESPONSES, ASK).body == BEGUN + DONE


@pytest.mark.parametrize(
    "sent",
    [
        (BEGUN + DONE)[:-1],
        (BEGUN + DONE)[:-2],
        BEGUN + DONE + b": a\n\n: b\n\n",
        (BEGUN + DONE).replace(b"\n\n", b"\n\r\n"),
        (BEGUN + DONE).replace(b"\n", b"\r"),
        (BEGUN + DONE).replace(b"\n", b"\r\n"),
        BEGUN + b'data: {"type":[]}\n\n' + DONE,
        b"\xef\xbb\xbf" + BEGUN + DONE,
    ],
)
def test_a_last_event_counts_without_its_blank_line_and_before_comments(
    sent: bytes, behind: Behind
) -> None:
    def answer(connection: Connection) -> None:
        connection.send(STREAM_HEAD % (KINDS[0], CLOSE) + sent)
        connection.sock.close()

    server = behind(answer)
    body = server.ask(RESPONSES, ASK).body
    assert body.rstrip() == sent.rstrip() or body.startswith(BEGUN + DONE)
    assert b"broke off" not in body


def test_the_last_event_ends_the_stream_though_the_connection_stays(behind: Behind) -> None:
    def answer(connection: Connection) -> None:
        connection.send(STREAM_HEAD % (KINDS[0], CHUNKED) + chunked(BEGUN + DONE))
        connection.wait(25)

    server = behind(answer)
    started = time.monotonic()
    assert server.ask(RESPONSES, ASK).body == BEGUN + DONE
    assert time.monotonic() - started < 20


def test_a_list_that_is_cut_is_called_so(behind: Behind) -> None:
    def answer(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{")
        connection.sock.close()

    server = behind(answer)
    reply = server.ask("/v1/files", None)
    assert reply.status == 502
    assert "in the middle of the answer (it is not whole)" in reply.error["message"]


def test_a_status_that_is_none_is_a_502(behind: Behind) -> None:
    def answer(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 600 X\r\ncontent-length: 2\r\n\r\n{}")

    server = behind(answer)
    assert server.ask("/v1/files/a", None).status == 502


def test_a_stopped_server_says_so_in_the_stream() -> None:
    def answer(connection: Connection) -> None:
        connection.send(STREAM_HEAD % (KINDS[1], CHUNKED) + chunked(BEGUN))
        connection.wait(20)

    with (
        raw_server(answer) as kimi,
        served(KIMI_BASE_URL=kimi.base_url) as server,
        plain_client(server) as client,
    ):
        stream = client.responses.create(model="kimi-k3.1-pro", input="hi", stream=True)
        assert next(stream).type == "response.created"
        server.stop()
        with pytest.raises(openai.APIError, match="server was stopped"):
            list(stream)


# -- silence, refusals --------------------------------------------------------------------------

SILENCE = (
    "import llm_kimi.integrations.serve.upstream as u, functools; "
    "u.Upstream.__init__ = functools.partialmethod(u.Upstream.__init__, silence=0.5)"
)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/models", None),
        ("GET", "/v1/models/kimi-k3", None),
        ("GET", "/v1/files/a", None),
        ("POST", RESPONSES, ASK),
    ],
)
def test_a_kimi_that_says_nothing_is_given_up(method: str, path: str, body: Any) -> None:
    def silent(connection: Connection) -> None:
        connection.wait(20)

    with (
        raw_server(silent) as kimi,
        served(first=SILENCE, KIMI_BASE_URL=kimi.base_url) as server,
    ):
        started = time.monotonic()
        reply = server.ask(path, body, method=method)
        assert (reply.status, reply.error["type"]) == (504, "timeout")
        assert "raise" not in reply.error["message"]
        assert time.monotonic() - started < 10
        assert len(kimi.requests) == 1


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/kimi-k3", "/v1/files", "/v1/files/a"])
@pytest.mark.parametrize(("status", "again"), [(503, True), (429, True), (401, False)])
def test_what_is_passed_on_may_be_asked_again(
    path: str, status: int, again: bool, behind: Behind
) -> None:
    """Nothing has, so nothing is said against it: the SDKs go by the status then."""

    def answer(connection: Connection) -> None:
        body = b'{"error":{"message":"m","type":"rate_limit_reached_error"}}'
        connection.send(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body)

    server = behind(answer)
    reply = server.ask(path, None)
    assert len(behind.kimi.requests) == 1
    assert reply.status == status
    assert reply.headers.get("x-should-retry") == (None if again else "false")


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/files/..", "/v1/files/.", "/v1/files/%2e%2e", "/v1/files/%2E", "/v1/batches/.."),
        *("/v1/files/a%2Fb", "/v1/files/..%3Fa", "/v1/files/a%3Fb", "/v1/files/a%23b"),
    ],
)
def test_an_id_that_is_none_goes_nowhere(path: str, behind: Behind) -> None:
    def answer(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    server = behind(answer)
    for method in ("GET", "DELETE"):
        reply = server.ask(path, None, method=method)
        assert (reply.status, reply.error["code"]) == (404, "unknown_url")
    reply = server.ask(f"{path}/cancel", {}, method="POST")
    assert reply.status == 404
    assert behind.kimi.requests == []


@pytest.mark.parametrize("kind", [b"text/\x01plain", b"text/pl\xe4in", b"\xff"])
def test_a_content_type_that_cannot_be_sent(kind: bytes, behind: Behind) -> None:
    def answer(connection: Connection) -> None:
        connection.send(
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: %s\r\n\r\n{}" % kind
        )

    server = behind(answer)
    reply = server.ask("/v1/files/a/content", None)
    assert reply.status in (200, 502)
    if reply.status == 200:
        assert reply.body == b"{}"
    else:
        assert reply.error["message"]


def test_json_that_is_too_deep_is_called_so(server_deep: Served) -> None:
    reply = server_deep.ask(body=b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert reply.status == 400
    assert "nested too deeply" in reply.error["message"]


@pytest.fixture
def server_deep() -> Any:
    with served(KIMI_BASE_URL="http://127.0.0.1:9/v1") as running:
        yield running
