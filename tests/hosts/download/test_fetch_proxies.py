"""Fetching through proxies, and over TLS."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_kimi.download.fetch import fetch
from tests.support.sites import Names, Site, answer, get, refused

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
