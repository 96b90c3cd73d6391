"""Fetching what a request names by URL: real HTTP over loopback, and a client with fake sockets."""

from __future__ import annotations

import asyncio
import gzip
import io
import shutil
import socket
import ssl
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import llm_kimi
from llm_kimi.download import connect
from llm_kimi.download.fetch import Fetched, Stopped, _unzipped, fetch
from llm_kimi.download.public_addresses import is_public
from llm_kimi.errors import InvalidRequestError

try:
    import httpcore2 as core
except ImportError:
    import httpcore as core  # type: ignore[no-redef]

PUBLIC = "93.184.215.14"
OTHER_PUBLIC = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"


def answer(body: bytes = b"bytes", *headers: str, status: str = "200 OK") -> bytes:
    """An HTTP answer, closed by its Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(b"", f"Location: {location}", status=status)


class Site:
    """A server on loopback. ``pages``: by path, bytes or what writes them to the connection."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, bytes | Callable[[socket.socket], None]] = {}
        self.requests: list[str] = []
        self.over = threading.Event()
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def _listen(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self.over.is_set():
                connection.close()
                self._listener.close()
                return
            thread = threading.Thread(target=self._serve, args=[connection])
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        with suppress(OSError), connection:
            if self._tls:
                with self._tls.wrap_socket(connection, server_side=True) as wrapped:
                    self._reply(wrapped)
            else:
                self._reply(connection)

    def _reply(self, connection: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            data = connection.recv(65_536)
            if not data:
                return
            request += data
        text = request.decode("latin-1")
        self.requests.append(text)
        page = self.pages.get(text.split(" ")[1], answer(b"no", status="404 Not Found"))
        if isinstance(page, bytes):
            connection.sendall(page)
        else:
            page(connection)

    def close(self) -> None:
        self.over.set()
        with suppress(OSError):  # it may be gone: a late connection of the test wakes it as well
            socket.create_connection(("127.0.0.1", self.port)).close()
        for thread in self._threads:
            thread.join(10)


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


class Names:
    """A name server in place of the machine's. A host's answers are given in turn."""

    def __init__(self) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []
        self.real = socket.getaddrinfo

    def getaddrinfo(self, host: str, port: int, *args: Any, **more: Any) -> list[Any]:
        if host not in self.answers and host[-1] not in "abcdefghijklmnopqrstuvwxyz":
            return list(self.real(host, port, *args, **more))
        self.asked.append(host)
        answers = self.answers.get(host)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    found = Names()
    monkeypatch.setattr(socket, "getaddrinfo", found.getaddrinfo)
    return found


@pytest.fixture
def loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is checked as ever, but 127.0.0.1 counts as a public address."""
    monkeypatch.setattr(connect, "is_public", lambda address: address == "127.0.0.1")


class Wire:
    """Connections that lead nowhere: who was connected to, and what was said."""

    def __init__(self) -> None:
        self.connected: list[tuple[str, int]] = []
        self.refusing: dict[str, Exception] = {}
        self.tls_names: list[str | None] = []
        self.sent = b""
        self.replies = [answer()]

    def connect_tcp(self, address: str, port: int, timeout: float) -> Wired:
        self.connected.append((address, port))
        if address in self.refusing:
            raise self.refusing[address]
        return Wired(self)


class Wired:
    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.reply = io.BytesIO(wire.replies.pop(0) if len(wire.replies) > 1 else wire.replies[0])

    def read(self, max_bytes: int, timeout: float) -> bytes:
        return self.reply.read(max_bytes)

    def write(self, buffer: bytes, timeout: float) -> None:
        self.wire.sent += buffer

    def start_tls(self, context: ssl.SSLContext, name: str | None, timeout: float) -> Wired:
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED
        self.wire.tls_names.append(name)
        return self

    def get_extra_info(self, info: str) -> None:
        return None

    def close(self) -> None:
        pass


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """A client without sockets."""
    found = Wire()
    monkeypatch.setattr(core, "SyncBackend", lambda: found)
    return found


def get(url: str, **more: Any) -> Fetched:
    """``fetch`` within the own network."""
    return fetch(url, **{"max_bytes": 1_000_000, "seconds": 10, "allow_private": True, **more})


def refused(url: str, **more: Any) -> str:
    """The error text for ``url``; its form is checked."""
    with pytest.raises(InvalidRequestError) as caught:
        fetch(url, **{"max_bytes": 1_000_000, "seconds": 10, **more})
    text = str(caught.value)
    assert caught.value.param is None
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert text.startswith("cannot fetch ")
    assert "; " in text
    assert text.isprintable()
    assert len(text) < 500
    return text


# -- what comes back --------------------------------------------------------------------------


def test_what_is_there(site: Site) -> None:
    site.pages["/pics/cat%20one.png?w=1"] = answer(b"\x89PNG", "Content-Type: Image/PNG; q=1")
    seen: list[int] = []
    fetched = get(f"  {site.url}/pics/cat%20one.png?w=1#top", on_bytes=seen.append)
    assert fetched == Fetched(
        url=f"{site.url}/pics/cat%20one.png?w=1",
        name="cat one.png",
        content_type="image/png",
        content=b"\x89PNG",
    )
    assert seen[-1] == 4


def test_what_is_sent(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, cookie or login, whatever the environment has."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-secret")
    site.pages["/a"] = answer(b"", "Set-Cookie: a=b", "Location: /b", status="303 See Other")
    site.pages["/b"] = answer()
    get(f"{site.url}/a")
    expected = [
        f"Host: 127.0.0.1:{site.port}",
        f"User-Agent: llm-kimi/{llm_kimi.__version__}",
        "Accept: */*",
        "Accept-Encoding: gzip",
        "Connection: close",
    ]
    assert [request.split("\r\n") for request in site.requests] == [
        ["GET /a HTTP/1.1", *expected, "", ""],
        ["GET /b HTTP/1.1", *expected, "", ""],
    ]


@pytest.mark.parametrize(
    ("path", "header", "name"),
    [
        ("/", "", ""),
        ("/a/b.pdf/", "", ""),
        ("/a/%2e%2e", "", ""),
        ("/a/..%2F..%2Fetc%2Fpasswd", "", "passwd"),
        ("/a/c%5Cd.txt", "", "d.txt"),
        ("/a/b%0A%E2%80%AEx.txt", "", "bx.txt"),
        ("/b%C3%BCcher.pdf", "", "bücher.pdf"),
        ("/x", 'attachment; filename="a b.pdf"', "a b.pdf"),
        ("/x", "inline; FileName=report.pdf", "report.pdf"),
        ("/x", "attachment; filename*=UTF-8''%e2%82%ac.pdf; filename=e.pdf", "€.pdf"),
        ("/x", "attachment; filename=e.pdf; filename*=utf-8''%e2%82%ac.pdf", "€.pdf"),
        ("/x", 'attachment; filename="../../.bashrc"', ".bashrc"),
        ("/x", 'attachment; filename="C:\\\\temp\\\\x.doc"', "x.doc"),
        ("/x", "attachment; filename*=nonsense''%ff.pdf", "\xff.pdf"),
        ("/x.png", "attachment", "x.png"),
        ("/x.png", "attachment; filename=", "x.png"),
        ("/x.png", 'attachment; filename=".."', "x.png"),
        ("/x", f"attachment; filename={'n' * 300}.pdf", "n" * 196 + ".pdf"),
    ],
)
def test_the_name_is_a_bare_file_name(site: Site, path: str, header: str, name: str) -> None:
    site.pages[path] = answer(b"x", *([f"Content-Disposition: {header}"] if header else []))
    assert get(site.url + path).name == name


def test_a_name_in_plain_utf8(site: Site) -> None:
    site.pages["/x"] = b'HTTP/1.0 200 OK\r\nContent-Disposition: a; filename="\xc3\xa4"\r\n\r\n1'
    assert get(f"{site.url}/x").name == "ä"
    site.pages["/x"] = b'HTTP/1.0 200 OK\r\nContent-Disposition: a; filename="\xe4"\r\n\r\n1'
    assert get(f"{site.url}/x").name == "ä"


@pytest.mark.parametrize(
    ("header", "kind"),
    [("text/HTML ;charset=x", "text/html"), ("", None), (";", None), ("image/png", "image/png")],
)
def test_the_content_type(site: Site, header: str, kind: str | None) -> None:
    site.pages["/"] = answer(b"x", f"Content-Type: {header}")
    assert get(site.url).content_type == kind


def test_async_callers_in_threads(site: Site) -> None:
    for number in range(8):
        site.pages[f"/{number}"] = answer(b"%d" % number)

    async def main() -> list[Fetched]:
        calls = (asyncio.to_thread(get, f"{site.url}/{number}") for number in range(8))
        return list(await asyncio.gather(*calls))

    assert [fetched.content for fetched in asyncio.run(main())] == [b"%d" % n for n in range(8)]


# -- which URLs -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown", "words"),
    [
        ("file:///etc/passwd", "file:/etc/passwd", "not an http"),
        ("file://h/etc/passwd", "file://h/etc/passwd", "not an http"),
        ("ftp://u:secret@h/x?y=secret", "ftp://h/x", "not an http"),
        ("data:image/png;base64,AAAA", "data:image/png;base64,AAAA", "not an http"),
        ("gopher://h:70/_x", "gopher://h:70/_x", "not an http"),
        ("//h/x", "//h/x", "not an http"),
        ("http:/x", "http:/x", "not an http"),
        ("cat.png", "cat.png", "not an http"),
        ("", "/", "not an http"),
        ("http://", "http:/", "not an http"),
        ("http://u:secret@h/x?secret#secret", "http://h/x", "user name or password"),
        ("http://secret@h/", "http://h/", "user name or password"),
        ("http://h:99999/x?secret", "http://h:99999/x", "malformed"),
        ("http://h:0/", "http://h:0/", "malformed"),
        ("http://h:x/", "http://h:x/", "malformed"),
        ("http://[::1/", "http://[::1/", "malformed"),
        ("http://[fe80::1%25eth0]/", "http://[fe80::1%25eth0]/", "malformed"),
        ("http://a b/", "http://a b/", "malformed"),
        ("http://999.1.1.1/", "http://999.1.1.1/", "malformed"),
        ("http://h/\r\nX: y", "http://h/??X: y", "malformed"),
        ("http://h/\ud800", "http://h/?", "malformed"),
        ("http://user:secret/@h:x/", "the URL", "malformed"),
        ("http://user:sec?ret@h/", "the URL", "malformed"),
    ],
)
def test_what_is_no_url_to_fetch(names: Names, url: str, shown: str, words: str) -> None:
    text = refused(url)
    assert text.startswith(f"cannot fetch {shown}: it ")
    assert words in text
    assert "send the file itself" in text
    assert "secret" not in text
    assert not names.asked


def test_a_long_url_is_shortened_in_the_middle(names: Names) -> None:
    text = refused(f"http://h.test/{'a' * 500}/end.png?{'b' * 500}")
    assert "http://h.test/aaa" in text
    assert "aaa..." in text
    assert "/end.png: " in text


def test_hosts_of_all_languages(names: Names, wire: Wire) -> None:
    names.answers["xn--bcher-kva.test"] = [[PUBLIC]]
    fetch("https://Bücher.test/ä.png", max_bytes=9)
    assert wire.tls_names == ["xn--bcher-kva.test"]
    assert b"GET /%C3%A4.png HTTP/1.1\r\nHost: xn--bcher-kva.test\r\n" in wire.sent


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("404 Not Found", "it is not there (status 404)"),
        ("410 Gone", "no longer exists (status 410)"),
        ("401 Unauthorized", "needs a login (status 401)"),
        ("403 Forbidden", "requires a login (status 403)"),
        ("429 Too Many", "asks to try again later (status 429)"),
        ("500 Oops", "does not send it (status 500)"),
        ("204 No Content", "does not send it (status 204)"),
        ("206 Partial Content", "does not send it (status 206)"),
        ("304 Not Modified", "does not send it (status 304)"),
    ],
)
def test_other_statuses(site: Site, status: str, words: str) -> None:
    site.pages["/x"] = answer(b"", status=status)
    assert words in refused(f"{site.url}/x", allow_private=True)


def test_nothing_there(site: Site) -> None:
    site.pages["/x"] = answer(b"")
    assert "it is empty" in refused(f"{site.url}/x", allow_private=True)


# -- which addresses --------------------------------------------------------------------------

REFUSED = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "127.0.0.1", "127.1.2.3"),
    *("100.64.0.1", "100.127.255.254", "100.100.100.200", "169.254.169.254", "169.254.170.2"),
    *("172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "192.0.0.1"),
    *("192.0.0.192", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"),
    *("192.88.99.1", "224.0.0.1", "224.0.1.1", "239.255.255.255", "240.0.0.1"),
    *("255.255.255.255", "168.63.129.16"),
    *("::", "::1", "::2", "fe80::1", "fe80::1%eth0", "2606:4700::1%1", "fec0::1", "fc00::1"),
    *("fd00:ec2::254", "fd20:ce::254", "ff02::1", "ff0e::1", "100::1", "2001:db8::1"),
    *("2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "3fff::1", "4000::1", "5f00::1"),
    *("::127.0.0.1", "::10.0.0.1", "::93.184.215.14"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::ffff:100.64.0.1"),
    *("::ffff:224.0.1.1", "::ffff:0:127.0.0.1"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:0a00:0001::1", "2002:5db8:d70e::1"),
    *("64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1", "64:ff9b:1::1"),
    *("64:ff9b:1::93.184.215.14", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:0:7f00:1::1"),
]


@pytest.mark.parametrize("address", [*REFUSED, "", "h.test", "1.2.3", "10", "0x7f.1"])
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *(PUBLIC, OTHER_PUBLIC, "1.1.1.1", "8.8.8.8", "9.255.255.255", "100.63.255.255"),
        *("100.128.0.1", "172.15.0.1", "172.32.0.1", "192.167.1.1", "223.255.255.1"),
        *("2606:4700:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"),
    ],
)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", REFUSED)
def test_a_name_with_such_an_address_is_refused(names: Names, wire: Wire, address: str) -> None:
    names.answers["h.test"] = [[address]]
    text = refused("http://h.test/x?token=secret")
    assert "http://h.test/x: its host is not on the public internet" in text
    assert "KIMI_ALLOW_PRIVATE_URLS=1" in text
    assert address not in text
    assert "secret" not in text
    assert not wire.connected


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f.1", "2130706433", "017700000001", "0", "localhost", "[::1]"),
        *("[::ffff:127.0.0.1]", "[::]", "169.254.169.254", "[fd00:ec2::254]", "[2002:7f00:1::]"),
    ],
)
def test_addresses_in_urls_however_they_are_written(wire: Wire, host: str) -> None:
    """The odd ones are what the resolver makes of them; where it takes none, there is no host."""
    text = refused(f"http://{host}:8080/")
    assert "not on the public internet" in text or "host was not found" in text
    assert not wire.connected


@pytest.mark.parametrize("others", [["10.0.0.1"], ["::1"], ["169.254.169.254", PUBLIC]])
def test_one_bad_address_spoils_the_name(names: Names, wire: Wire, others: list[str]) -> None:
    names.answers["h.test"] = [[PUBLIC, *others]]
    assert "not on the public internet" in refused("http://h.test/")
    assert not wire.connected


def test_a_bad_address_far_behind_spoils_it_too(names: Names, wire: Wire) -> None:
    names.answers["h.test"] = [[f"8.8.8.{number}" for number in range(99)] + ["10.0.0.1"]]
    assert "not on the public internet" in refused("http://h.test/")
    assert not wire.connected


def test_a_name_that_changes_its_address_is_asked_once(names: Names, wire: Wire) -> None:
    """DNS rebinding: what was checked is what is connected to."""
    names.answers["h.test"] = [[PUBLIC], ["127.0.0.1"]]
    assert fetch("http://h.test:81/x", max_bytes=9).content == b"bytes"
    assert names.asked == ["h.test"]
    assert wire.connected == [(PUBLIC, 81)]
    assert b"Host: h.test:81\r\n" in wire.sent


def test_a_redirect_asks_anew_and_is_refused_then(names: Names, wire: Wire) -> None:
    names.answers["h.test"] = [[PUBLIC], ["127.0.0.1"]]
    wire.replies = [redirect("/again")]
    assert "not on the public internet" in refused("http://h.test/x")
    assert names.asked == ["h.test", "h.test"]
    assert wire.connected == [(PUBLIC, 80)]


def test_tls_goes_by_the_name_and_the_connection_by_the_address(names: Names, wire: Wire) -> None:
    names.answers["h.test"] = [[OTHER_PUBLIC]]
    assert fetch("https://h.test/x", max_bytes=9).content == b"bytes"
    assert wire.tls_names == ["h.test"]
    assert wire.connected == [(OTHER_PUBLIC, 443)]


def test_an_address_literal_with_a_port(wire: Wire) -> None:
    assert fetch(f"http://[{OTHER_PUBLIC}]:8080/x", max_bytes=9).content == b"bytes"
    assert wire.connected == [(OTHER_PUBLIC, 8080)]
    assert f"Host: [{OTHER_PUBLIC}]:8080\r\n".encode() in wire.sent


def test_the_next_address_is_tried_where_one_does_not_connect(names: Names, wire: Wire) -> None:
    names.answers["h.test"] = [[OTHER_PUBLIC, "8.8.4.4", PUBLIC, "8.8.8.8"]]
    wire.refusing = {OTHER_PUBLIC: core.ConnectError("no"), "8.8.4.4": core.ConnectTimeout("no")}
    assert fetch("http://h.test/", max_bytes=9).content == b"bytes"
    assert [address for address, _ in wire.connected] == [OTHER_PUBLIC, "8.8.4.4", PUBLIC]


def test_not_every_address_of_a_long_list_is_tried(names: Names, wire: Wire) -> None:
    addresses = [f"8.8.8.{number}" for number in range(50)]
    names.answers["h.test"] = [addresses]
    wire.refusing = {address: core.ConnectError("nobody") for address in addresses}
    assert "no connection to its server (nobody)" in refused("http://h.test/")
    assert len(wire.connected) == 8


def test_a_broken_answer_is_not_asked_for_again(names: Names, wire: Wire) -> None:
    names.answers["h.test"] = [[PUBLIC, OTHER_PUBLIC]]
    wire.replies = [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"]
    assert "broke off" in refused("http://h.test/")
    assert wire.connected == [(PUBLIC, 80)]


def test_the_whole_way_with_the_check_on(
    site: Site, names: Names, loopback_is_public: None
) -> None:
    names.answers["h.test"] = [["127.0.0.1"]]
    site.pages["/x"] = answer(b"here")
    assert fetch(f"http://h.test:{site.port}/x", max_bytes=9).content == b"here"
    assert f"Host: h.test:{site.port}\r\n" in site.requests[0]


# -- redirects --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 Other", "307 Temporary", "308 Permanent"]
)
def test_redirects(site: Site, status: str) -> None:
    site.pages["/a/b"] = redirect("../c.png?x=1#y", status)
    site.pages["/c.png?x=1"] = answer(b"c")
    fetched = get(f"{site.url}/a/b")
    assert (fetched.url, fetched.name) == (f"{site.url}/c.png?x=1", "c.png")


def test_three_redirects_and_not_four(site: Site) -> None:
    for number in range(4):
        site.pages[f"/{number}"] = redirect(f"{site.url}/{number + 1}")
    site.pages["/4"] = answer(b"end")
    assert get(f"{site.url}/1").content == b"end"
    assert "it redirects more than 3 times" in refused(f"{site.url}/0", allow_private=True)
    assert len(site.requests) == 8


def test_a_redirect_to_itself_ends(site: Site) -> None:
    site.pages["/"] = redirect("/")
    assert "more than 3 times" in refused(site.url, allow_private=True)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://127.0.0.1/x", "not on the public internet"),
        ("http://169.254.169.254/latest/meta-data/", "not on the public internet"),
        ("//[::1]/", "not on the public internet"),
        ("http://inside.test/?q=secret", "not on the public internet"),
        ("http://nowhere.test/", "host was not found"),
        ("file:///etc/passwd", "not an http(s) URL"),
        ("data:text/plain,x", "not an http(s) URL"),
        ("http://u:secret@h.test/", "contains a user name or password"),
        ("http://h:99999/", "is malformed"),
        ("http://[/", "is malformed"),
    ],
)
def test_redirects_are_checked_like_the_first(
    names: Names, wire: Wire, location: str, words: str
) -> None:
    names.answers["h.test"] = [[PUBLIC]]
    names.answers["inside.test"] = [["192.168.1.1"]]
    wire.replies = [redirect(location)]
    text = refused("http://h.test/x?y=secret")
    assert words in text
    assert text.startswith("cannot fetch http://h.test/x")
    assert "redirect" in text
    assert "secret" not in text
    assert wire.connected == [(PUBLIC, 80)]


def test_no_redirect_from_https_to_http(names: Names, wire: Wire) -> None:
    names.answers["h.test"] = [[PUBLIC]]
    wire.replies = [redirect("http://h.test/x")]
    assert "it redirects from https to http" in refused("https://h.test/x")
    assert len(wire.connected) == 1
    wire.replies = [redirect("https://h.test/x"), answer(b"safe")]
    assert fetch("http://h.test/x", max_bytes=9).content == b"safe"


@pytest.mark.parametrize("headers", [[], ["Location: "]])
def test_a_redirect_to_nowhere(site: Site, headers: list[str]) -> None:
    site.pages["/"] = answer(b"", *headers, status="302 Found")
    assert "without saying where to" in refused(site.url, allow_private=True)


# -- size -------------------------------------------------------------------------------------


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


# -- what goes wrong on the way -----------------------------------------------------------------


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
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
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


# -- time -------------------------------------------------------------------------------------


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


# -- proxies ----------------------------------------------------------------------------------

PROXIES = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]


@pytest.mark.parametrize("variable", PROXIES)
def test_no_proxy_by_default(
    site: Site,
    names: Names,
    loopback_is_public: None,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    """A proxy would look the name up itself, unchecked."""
    names.answers["h.test"] = [["127.0.0.1"]]
    site.pages["/"] = answer(b"direct")
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert fetch(f"http://h.test:{site.port}/", max_bytes=9).content == b"direct"


@pytest.mark.parametrize("variable", PROXIES)
def test_the_proxy_of_the_environment_where_addresses_are_not_checked(
    site: Site, names: Names, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    site.pages["http://h.test/x"] = answer(b"through")
    site.pages["/direct"] = answer(b"direct")
    monkeypatch.setenv(variable, site.url.replace("://", "://me:word@").removeprefix("http://"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert get("http://h.test/x").content == b"through"
    assert "Proxy-Authorization: Basic" in site.requests[0]
    assert "\r\nAuthorization" not in site.requests[0]
    assert not names.asked
    assert get(f"{site.url}/direct").content == b"direct"


def test_a_proxy_that_refuses(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.pages["h.test:443"] = answer(b"", status="407 secret")
    monkeypatch.setenv("HTTPS_PROXY", site.url)
    text = refused("https://h.test/x", allow_private=True)
    assert "the proxy of the environment refuses" in text
    assert "secret" not in text


@pytest.mark.parametrize("proxy", ["ftp://me:secret@h", "http://h:x", "socks5://h"])
def test_a_proxy_that_is_none(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    text = refused("http://h.test/x", allow_private=True)
    assert "the proxy of the environment cannot be used" in text
    assert "secret" not in text


# -- TLS --------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for h.test that signs itself, and its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    settings = tmp_path / "openssl.cnf"
    settings.write_text(
        "[req]\ndistinguished_name=n\nx509_extensions=e\nprompt=no\n[n]\nCN=h.test\n"
        "[e]\nsubjectAltName=DNS:h.test\nbasicConstraints=critical,CA:true\n"
    )
    files = [tmp_path / "key.pem", tmp_path / "cert.pem"]
    options = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    places = ["-config", settings, "-keyout", files[0], "-out", files[1]]
    subprocess.run(
        [openssl, "req", *options, *places],
        check=True,
        capture_output=True,
    )
    both = tmp_path / "both.pem"
    both.write_text("".join(file.read_text() for file in files))
    return both


@pytest.fixture
def tls_site(certificate: Path, names: Names) -> Iterator[Site]:
    """A server with that certificate, under two names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names.answers["h.test"] = names.answers["other.test"] = [["127.0.0.1"]]
    running = Site(context)
    running.pages["/"] = answer(b"safe")
    yield running
    running.close()


def test_the_certificate_is_checked_against_the_name(
    tls_site: Site,
    certificate: Path,
    loopback_is_public: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert fetch(f"https://h.test:{tls_site.port}/", max_bytes=9).content == b"safe"
    text = refused(f"https://other.test:{tls_site.port}/")
    assert "the certificate of its server is not valid (Hostname mismatch" in text


def test_a_certificate_that_nobody_vouches_for(tls_site: Site, loopback_is_public: None) -> None:
    text = refused(f"https://h.test:{tls_site.port}/")
    assert "the certificate of its server is not valid (self" in text
    assert not tls_site.requests


def test_a_server_without_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 mail.test ready\r\n")
                connection.recv(9_999)

        thread = threading.Thread(target=greet)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        assert "no TLS connection to its server" in refused(url, allow_private=True)
        thread.join()


def test_certificates_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/secret.pem")
    assert "check SSL_CERT_FILE" in refused("https://h.test/", allow_private=True)
