"""Fetching what a request names by URL: what comes back, and of which URLs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import llm_kimi
from llm_kimi.download.fetch import Fetched, fetch
from tests.support.sites import PUBLIC, Names, Site, Wire, answer, get, refused


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
