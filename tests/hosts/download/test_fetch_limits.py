"""Fetching: how much is taken, how long it may take, and what goes wrong on the way."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from llm_kimi.download.fetch import Stopped, _unzipped, fetch
from tests.support.ports import kept_port
from tests.support.sites import PUBLIC, Names, Site, Wire, answer, get, redirect, refused

try:
    import httpcore2 as core
except ImportError:
    import httpcore as core  # type: ignore[no-redef]


def chunked(connection: socket.socket, pieces: Iterator[bytes], *headers: str) -> None:
    lines = ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode())
    for piece in pieces:
        connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
    connection.sendall(b"0\r\n\r\n")


def test_the_limit_is_the_last_size_that_goes(site: Site) -> None:
    site.pages["/"] = answer(b"12345")
    assert get(site.url, max_bytes=5).content == b"12345"
    text = refused(site.url, allow_private=True, max_bytes=4)
    assert "it is larger than 4 bytes; send a smaller one" in text


def test_a_declared_size_is_enough_to_refuse(site: Site) -> None:
    def declare(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n")
        site.over.wait(60)

    site.pages["/"] = declare
    begun = time.monotonic()
    assert "larger than 1,000,000 bytes" in refused(site.url, allow_private=True)
    assert time.monotonic() - begun < 30


def test_an_endless_body_stops_at_the_limit(site: Site) -> None:
    def endless(connection: socket.socket) -> None:
        def pieces() -> Iterator[bytes]:
            while True:
                yield bytes(10_000)

        chunked(connection, pieces())

    site.pages["/"] = endless
    assert "larger than 1,000,000" in refused(site.url, allow_private=True)


@pytest.mark.parametrize("name", ["gzip", "GZip", "x-gzip"])
def test_gzip_is_unpacked(site: Site, name: str) -> None:
    content = bytes(range(256)) * 5_000
    packed = gzip.compress(content[:70_000]) + gzip.compress(content[70_000:])
    site.pages["/"] = answer(packed, f"Content-Encoding: {name}")
    assert get(site.url, max_bytes=len(content)).content == content


@pytest.mark.parametrize("size", [1, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 3 << 18])
def test_gzip_of_sizes_around_a_piece(site: Site, size: int) -> None:
    site.pages["/"] = answer(gzip.compress(b"a" * size), "Content-Encoding: gzip")
    assert get(site.url).content == b"a" * size


def test_a_gzip_bomb_stops_at_the_limit(site: Site) -> None:
    packer = zlib.compressobj(wbits=31)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(300)) + packer.flush()
    assert len(packed) < 1_000_000
    site.pages["/"] = answer(packed, "Content-Encoding: gzip")
    assert "larger than" in refused(site.url, allow_private=True)
    assert max(map(len, _unzipped([packed]))) <= 1 << 18


@pytest.mark.parametrize(
    "body",
    [
        b"no gzip",
        gzip.compress(b"abc" * 999, mtime=0)[:-9],
        gzip.compress(b"a", mtime=0) + b"\x00",
    ],
)
def test_damaged_gzip(site: Site, body: bytes) -> None:
    site.pages["/"] = answer(body, "Content-Encoding: gzip")
    assert "what it sent is damaged" in refused(site.url, allow_private=True)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "\x80"])
def test_packings_that_were_not_asked_for(site: Site, encoding: str) -> None:
    site.pages["/"] = answer(b"x", f"Content-Encoding: {encoding}")
    assert "unsupported Content-Encoding" in refused(site.url, allow_private=True)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"SSH-2.0-secret\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\nabc",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nbroken header\r\n\r\n",
    ],
)
def test_answers_that_are_no_http(site: Site, reply: bytes) -> None:
    site.pages["/"] = reply
    text = refused(site.url, allow_private=True)
    assert "its server broke off, or what it sent is damaged" in text
    assert "secret" not in text


def test_more_than_was_declared_is_left_out(site: Site) -> None:
    site.pages["/"] = answer(b"12345") + b"678"
    assert get(site.url).content == b"12345"


def test_nobody_listens() -> None:
    with kept_port() as port:
        text = refused(f"http://127.0.0.1:{port}/", allow_private=True)
    assert "no connection to its server (Connection refused)" in text


@pytest.mark.parametrize("host", ["nowhere.test", "a..b.test", "a" * 64 + ".test"])
def test_hosts_that_are_not_there(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    real = socket.getaddrinfo

    def getaddrinfo(name: str, *args: Any, **more: Any) -> Any:
        if name == "nowhere.test":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")
        return real(name, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert "its host was not found" in refused(f"http://{host}/")


def test_a_host_without_addresses(names: Names) -> None:
    names.answers["h.test"] = [[]]
    assert "its host was not found" in refused("http://h.test/")


def trickle(site: Site, start: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    def write(connection: socket.socket) -> None:
        connection.sendall(start)
        end = time.monotonic() + 60
        while not site.over.wait(0.02) and time.monotonic() < end:
            connection.sendall(piece)

    return write


LATE = "it did not arrive within 0.5 seconds"


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
        (b"", b""),
    ],
)
def test_a_trickle_ends_in_time(site: Site, start: bytes, piece: bytes) -> None:
    site.pages["/"] = trickle(site, start, piece)
    begun = time.monotonic()
    assert LATE in refused(site.url, allow_private=True, seconds=0.5)
    assert time.monotonic() - begun < 30


def test_redirects_share_the_time(site: Site) -> None:
    def slow(connection: socket.socket) -> None:
        site.over.wait(0.2)
        connection.sendall(redirect("/"))

    site.pages["/"] = slow
    assert LATE in refused(site.url, allow_private=True, seconds=0.5)


@pytest.fixture
def hanging_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A name server that does not answer."""
    over = threading.Event()

    def getaddrinfo(*args: Any, **more: Any) -> list[Any]:
        over.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    over.set()


def test_a_name_server_that_hangs(hanging_names: None) -> None:
    begun = time.monotonic()
    assert LATE in refused("http://h.test/", seconds=0.5)
    assert time.monotonic() - begun < 30


def test_a_server_that_takes_no_connection(names: Names, wire: Wire) -> None:
    names.answers["h.test"] = [[PUBLIC]]
    wire.refusing = {PUBLIC: core.ConnectTimeout("timed out")}
    assert "its server timed out" in refused("http://h.test/")


def test_a_tls_handshake_that_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        begun = time.monotonic()
        text = refused(url, allow_private=True, seconds=0.5)
    assert "timed out" in text
    assert time.monotonic() - begun < 30


def test_stopped_before_it_begins(names: Names) -> None:
    with pytest.raises(Stopped):
        fetch("http://h.test/", max_bytes=1, stopped=lambda: True)
    assert not names.asked or names.asked == ["h.test"]


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx"])
def test_stopped_while_waiting_and_reading(site: Site, start: bytes) -> None:
    site.pages["/"] = trickle(site, start, b"")
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(Stopped) as caught:
        get(site.url, stopped=stop.is_set)
    assert time.monotonic() - begun < 30
    assert caught.value.__context__ is None
    timer.join()


def test_stopped_while_the_name_is_looked_up(hanging_names: None) -> None:
    answers = iter([False, True])
    with pytest.raises(Stopped):
        fetch("http://h.test/", max_bytes=1, stopped=lambda: next(answers))


def test_stopped_before_tls_leaves_no_socket_open(site: Site) -> None:
    """A forgotten socket would be a ResourceWarning, which is an error here."""
    answers = iter([False, False, True])
    with pytest.raises(Stopped):
        get(site.url.replace("http", "https"), stopped=lambda: next(answers))


def test_what_on_bytes_raises_comes_through(site: Site) -> None:
    site.pages["/"] = answer()

    def too_much(size: int) -> None:
        raise OverflowError(size)

    with pytest.raises(OverflowError):
        get(site.url, on_bytes=too_much)
