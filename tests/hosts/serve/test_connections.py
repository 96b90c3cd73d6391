"""What a caller may do to a connection, with the key and without: by hand, over a socket."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from llm_kimi.config import server_key
from llm_kimi.integrations.serve.run import listen
from llm_kimi.simulator import Simulator
from tests.support.raw_servers import HEAD, Connection, chunked, raw_server
from tests.support.servers import CHAT, HI, Served, served
from tests.support.waiting import until

CONNECTION = "import llm_kimi.integrations.serve.connection as c"
SLOW_HEAD = f"{CONNECTION}; c.HEAD_SECONDS = 1"
EVENT = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'


@pytest.fixture
def sock(server: Served) -> Iterator[socket.socket]:
    with closing(connected(server)) as one:
        yield one


def connected(server: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def request(server: Served, version: str = "1.1", **more: object) -> bytes:
    body = json.dumps({**HI, **more}).encode()
    head = (
        f"POST {CHAT} HTTP/{version}\r\nHost: localhost\r\nAuthorization: Bearer {server.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def read_all(sock: socket.socket) -> bytes:
    data = b""
    with suppress(ConnectionResetError):
        while piece := sock.recv(65536):
            data += piece
    return data


def read_one(sock: socket.socket) -> bytes:
    """One answer with a length, of a connection that stays."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        assert piece
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split()[0])
    while len(body) < length:
        body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


def is_hung_up_on(sock: socket.socket, piece: bytes, pause: float = 0.001) -> bool:
    """Whether the connection ends under one who sends ``piece`` again and again."""
    sent, end = 0, time.monotonic() + 20
    try:
        while time.monotonic() < end and sent < 20 << 20:  # what lies in the buffers of sockets
            sent += sock.send(piece)
            time.sleep(pause)
    except OSError:
        return True
    return False


def is_served(server: Served) -> bool:
    """Whether there is room for one more connection."""
    with suppress(OSError), connected(server) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return b"200 OK" in read_all(sock)
    return False


def refused(answer: bytes, status: bytes) -> str:
    """The message of an error answer, which is OpenAI's object whatever refused the request."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == status, head
    assert b"content-type: application/json" in head.lower()
    error = json.loads(body)["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    message: str = error["message"]
    return message


# -- heads ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: 1\r\n" * 200 + b"\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["many", "a long one", "a long path"],
)
def test_a_head_that_is_too_large(sock: socket.socket, head: bytes) -> None:
    sock.sendall(head)
    assert "the head of the request is larger" in refused(read_all(sock), b"431")


@pytest.mark.parametrize("piece", [b"a", b"X-B: b\r\n", b"\r\nX: "], ids=["value", "many", "line"])
def test_a_head_without_end_is_not_kept(sock: socket.socket, piece: bytes) -> None:
    sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: ")
    assert is_hung_up_on(sock, piece * 8192)


def test_what_follows_a_chunked_body_is_bounded(server: Served, sock: socket.socket) -> None:
    head = (
        f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.key}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    sock.sendall(head.encode() + b"2\r\n{}\r\n0\r\nX-A: ")
    assert is_hung_up_on(sock, b"a" * 8192)


def test_a_head_that_does_not_come(kimi: Simulator) -> None:
    with served(first=SLOW_HEAD) as server:
        for start in (b"", b"GET /health HT", b"\r\n", b"GET /health HTTP/1.1\r\nHost: lo"):
            with connected(server) as sock:
                sock.sendall(start)
                assert read_all(sock) == b""
        with connected(server) as sock:  # nor a second one, byte by byte
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            read_one(sock)
            sock.sendall(b"G")
            assert is_hung_up_on(sock, b"E", pause=0.05)
        with connected(server) as sock:  # an idle connection is another matter
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            read_one(sock)
            time.sleep(2)
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" in read_one(sock)


def test_the_rest_of_an_answered_request_does_not_keep_a_connection(kimi: Simulator) -> None:
    """/health asks for no key: its caller must not hold connections by a body without end."""
    with served(first=SLOW_HEAD) as server, connected(server) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        assert b"200" in read_one(sock)
        sock.sendall(b"x")
        assert read_all(sock) == b""


def test_a_long_answer_is_no_late_head(kimi: Simulator) -> None:
    def late(connection: Connection) -> None:
        time.sleep(2)
        connection.send(HEAD + chunked(EVENT) + chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    with (
        raw_server(late) as upstream,
        served(first=SLOW_HEAD, KIMI_BASE_URL=upstream.base_url) as server,
        connected(server) as sock,
    ):
        sock.sendall(request(server, stream=True))
        answer = b""
        while b"[DONE]" not in answer:
            piece = sock.recv(10000)
            assert piece
            answer += piece


@pytest.mark.parametrize(
    "nonsense",
    [
        b"nonsense\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_an_error_object(sock: socket.socket, nonsense: bytes) -> None:
    sock.sendall(nonsense)
    answer = read_all(sock)
    assert b"\r\nx-request-id: req_" in answer
    assert "not a valid HTTP request" in refused(answer, b"400")


def test_what_is_no_http_is_in_the_log(kimi: Simulator) -> None:
    with served() as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
            sock.sendall(b"nonsense\r\n\r\n")
            read_all(sock)
        (line,) = server.stop()[1].splitlines()
    assert (json.loads(line)["status"], json.loads(line)["note"]) == (400, "no valid HTTP request")


@pytest.mark.parametrize("offer", ["h2c", "websocket", "foo"])
@pytest.mark.parametrize("cut", [0, 5, 400], ids=["whole", "head and body", "in the middle"])
def test_an_offer_of_another_protocol_is_passed_over(
    server: Served, sock: socket.socket, offer: str, cut: int
) -> None:
    """Java's client offers HTTP/2 so with each request. An offer is for the server to take or
    leave (RFC 9110, 7.8)."""
    head, _, body = request(server).partition(b"\r\n\r\n")
    more = f"\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {offer}\r\nHTTP2-Settings: AAA"
    head += more.encode() + b"\r\n\r\n"
    for _ in range(2):
        if cut == 5:
            sock.sendall(head)
            time.sleep(0.2)
            sock.sendall(body)
        else:
            at = len(head) // 3 if cut else 0
            sock.sendall((head + body)[:at])
            time.sleep(0.1 if at else 0)
            sock.sendall((head + body)[at:])
        assert b"200 OK" in read_one(sock)


def test_no_body_is_read_as_a_request(server: Served, kimi: Simulator, sock: socket.socket) -> None:
    """Where the offer itself comes in two pieces, the request is refused as a whole."""
    inner = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n"
    inner %= str(server.key).encode()
    head = (
        f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(inner)}\r\n"
        "Connection: Upgrade\r\nUpg"
    )
    sock.sendall(head.encode())
    time.sleep(0.2)
    sock.sendall(b"rade: h2c\r\n\r\n")
    time.sleep(0.2)
    with suppress(OSError):
        sock.sendall(inner)
    answer = read_all(sock)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert "no other protocol" in refused(answer, b"400")
    assert kimi.requests == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits of processes")
def test_connections_are_bounded_by_the_files_of_the_process(kimi: Simulator) -> None:
    for limits, most in (((256, 256), 100), ((256, 4096), 1000), ((1024, 1024), 484)):
        code = (
            "import resource, llm_kimi.integrations.serve.connection as c; "
            f"resource.setrlimit(resource.RLIMIT_NOFILE, {limits}); c.make_room(); "
            "print(c.MAX_CONNECTIONS)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert int(done.stdout) == most


def test_more_connections_than_it_keeps(kimi: Simulator) -> None:
    with served(first=f"{CONNECTION}; c.MAX_CONNECTIONS = 3") as server:
        kept = [connected(server) for _ in range(3)]
        with connected(server) as one_more:
            assert read_all(one_more) == b""
        kept.pop().close()
        until(lambda: is_served(server))
        for one in kept:
            one.close()


# -- two requests at once ---------------------------------------------------------------------


def one_chunk(connection: Connection) -> None:
    connection.send(HEAD + chunked(EVENT))
    connection.wait(20)


@pytest.mark.parametrize("stream", [True, False])
def test_who_has_asked_twice_and_leaves_ends_the_call(
    monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-of-the-server")
    with raw_server(one_chunk) as kimi, served(KIMI_BASE_URL=kimi.base_url) as server:
        with connected(server) as sock:
            sock.sendall(request(server, stream=stream) * 2)
            end = time.monotonic() + 20
            while not kimi.requests:
                assert time.monotonic() < end
                time.sleep(0.01)
            sock.sendall(request(server, stream=stream) * 50)
        end = time.monotonic() + 10
        while kimi.open:
            assert time.monotonic() < end
            time.sleep(0.01)
        assert len(kimi.requests) == 1


def test_the_first_of_two_requests_is_answered(server: Served, sock: socket.socket) -> None:
    """A client asks again for what got no answer when the connection ended (RFC 9112, 9.3.2)."""
    sock.sendall(request(server) * 2)
    answer = read_all(sock)
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["choices"]


def test_one_after_the_other_on_one_connection(server: Served, sock: socket.socket) -> None:
    for _ in range(3):
        sock.sendall(request(server))
        answer = read_one(sock)
        assert b"200 OK" in answer
        assert b"connection: close" not in answer


# -- HTTP 1.0 ---------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
def test_http_1_0_gets_no_chunks(server: Served, sock: socket.socket, stream: bool) -> None:
    """It does not know them: nginx asks so unless it is told otherwise."""
    sock.sendall(request(server, "1.0", stream=stream))
    head, _, body = read_all(sock).partition(b"\r\n\r\n")
    assert b"200 OK" in head
    assert b"transfer-encoding" not in head.lower()
    if stream:
        assert body.startswith(b"data: {")
        assert body.endswith(b"data: [DONE]\n\n")
    else:
        assert json.loads(body)["choices"]


# -- a log that nobody reads ------------------------------------------------------------------


def test_a_log_that_nobody_reads_holds_nothing_up(kimi: Simulator) -> None:
    with served() as server:
        for number in range(1500):  # a pipe takes 64 KB
            assert server.ask(f"/v1/{'x' * 90}{number}", None, method="GET").status == 404
        assert server.ask().status == 200


def test_a_log_that_is_closed_ends_nothing(kimi: Simulator) -> None:
    with served() as server:
        assert server.process.stderr is not None
        server.process.stderr.close()
        for _ in range(5):
            assert server.ask().status == 200
        server.process.stderr = None


# -- starting ---------------------------------------------------------------------------------


def test_servers_that_start_at_once_have_one_key(kimi: Simulator) -> None:
    code = (
        "import sys; from llm_kimi.config.server_key import server_key; sys.stdin.readline(); "
        "print(server_key(replace=True)[0])"
    )
    for content in (None, "", "nonsense"):
        server_key.path().unlink(missing_ok=True)
        if content is not None:
            server_key.path().write_text(content)
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(6)
        ]
        time.sleep(0.5)
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        keys = {process.communicate(timeout=30)[0].strip() for process in processes}
        assert keys == {server_key.path().read_text().strip()}, content


def test_of_two_servers_that_start_at_once_one_gets_the_port() -> None:
    """A port is taken when somebody listens there; that somebody means to is not enough."""
    with listen("127.0.0.1", 0) as first, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", first.getsockname()[1])


@pytest.mark.parametrize("host", ["::", "0", "0.0.0.0", "0:0:0:0:0:0:0:0"])
def test_the_address_that_it_prints_is_one_that_it_answers(kimi: Simulator, host: str) -> None:
    if ":" in host and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with served("--host", host) as server:
        assert server.base_url.startswith("http://127.0.0.1:")
        assert server.ask("/health", None, headers={"Host": f"127.0.0.1:{server.port}"}).status


def test_an_address_with_a_scope(kimi: Simulator) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "llm_kimi.serve", "--port", "0", "--host", "fe80::1%nothing"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "cannot listen on fe80::1%nothing" in done.stderr
