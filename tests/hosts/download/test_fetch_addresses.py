"""Fetching: which addresses are asked, also after a redirect."""

from __future__ import annotations

import pytest

from llm_kimi.download.fetch import fetch
from llm_kimi.download.public_addresses import is_public
from tests.support.sites import (
    OTHER_PUBLIC,
    PUBLIC,
    Names,
    Site,
    Wire,
    answer,
    get,
    redirect,
    refused,
)

try:
    import httpcore2 as core
except ImportError:
    import httpcore as core  # type: ignore[no-redef]

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
