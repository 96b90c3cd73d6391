"""Forms of uploads, as other people's programs write them, and as nobody should."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from llm_kimi.simulator import Simulator
from tests.support.servers import Reply, Served, served
from tests.support.waiting import until

PATIENT = "import llm_kimi.integrations.serve.call as c; c.DRAIN_SECONDS = 30"
KIND = "multipart/form-data; boundary=x"


def part(name: str, content: bytes, *headers: str, filename: str | None = None) -> bytes:
    named = f'; filename="{filename}"' if filename is not None else ""
    lines = [f'Content-Disposition: form-data; name="{name}"{named}', *headers]
    return b"--x\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + content + b"\r\n"


PURPOSE = part("purpose", b"file-extract")
FILE = part("file", b"some text", filename="a.txt")


def upload(server: Served, *parts: bytes, kind: str = KIND) -> Reply:
    return server.ask("/v1/files", b"".join(parts) + b"--x--\r\n", headers={"Content-Type": kind})


@pytest.mark.parametrize(
    "parts",
    [
        (PURPOSE, FILE),
        (FILE, PURPOSE),
        (PURPOSE, part("file", b"t", "Content-Type: text/plain", filename="a.txt")),
        (PURPOSE, part("file", b"t", "Content-Type: nonsense", filename="a.txt")),
        (PURPOSE, part("file", b"t", "Content-Type: text/plain; charset=utf-8", filename="a.txt")),
        (PURPOSE, FILE, part("expires_after[seconds]", b"3600")),
        (PURPOSE, FILE, part("other", b"o", filename="o.txt")),
    ],
)
def test_forms_that_are_taken(server: Served, parts: Iterable[bytes]) -> None:
    reply = upload(server, *parts)
    assert reply.status == 200, reply.body
    assert reply.json["filename"] == "a.txt"


def test_what_kimi_has_no_place_for_is_told(server: Served) -> None:
    parts = [part(f"expires_after[{name}]", b"1") for name in ("anchor", "seconds")]
    assert upload(server, PURPOSE, FILE, *parts).headers["x-kimi-adjustments"] == "expires_after"
    assert "x-kimi-adjustments" not in upload(server, PURPOSE, FILE).headers


def test_a_file_may_have_100_mb_beside_its_form(server: Served) -> None:
    reply = upload(server, PURPOSE, part("file", b"a" * (100 << 20), filename="a.txt"))
    assert reply.status == 200, reply.body
    reply = upload(server, PURPOSE, part("file", b"a" * (101 << 20), filename="a.txt"))
    assert (reply.status, reply.error["code"]) == (413, "request_too_large")
    assert "split the file" in reply.error["message"]


@pytest.mark.parametrize(
    "filename",
    [
        b'filename="\xc3\xa4.txt"',
        b"filename*=UTF-8''%C3%A4.txt",
        b"filename*=iso-8859-1'de'%E4.txt",
        b"filename=\"=?utf-8?B?w6QudHh0?=\"; filename*=utf-8''%C3%A4.txt",
        b'filename="=?utf-8?B?w6QudHh0?="',
    ],
)
def test_names_of_other_programs(server: Served, filename: bytes) -> None:
    """As .NET and older releases of urllib3 write what is not ASCII: as in mail."""
    file = b"--x\r\nContent-Disposition: form-data; name=file; " + filename + b"\r\n\r\nt\r\n"
    reply = upload(server, PURPOSE, file)
    assert (reply.status, reply.json.get("filename")) == (200, "ä.txt")


@pytest.mark.skipif(os.name == "nt", reason="limits of processes")
def test_an_upload_that_cannot_be_stored_is_said(kimi: Simulator) -> None:
    first = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))"
    )
    with served(first=first) as server:
        reply = upload(server, PURPOSE, part("file", b"a" * (3 << 20), filename="a.txt"))
        assert (reply.status, reply.error["code"]) == (507, "no_space")
        assert server.ask("/health", None).status == 200


def test_a_name_with_control_characters_loses_them(server: Served) -> None:
    reply = upload(server, PURPOSE, part("file", b"t", filename="a\x00\x1b[31m.txt"))
    assert reply.status in (200, 400), reply.body
    if reply.status == 200:
        assert reply.json["filename"].isprintable()


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([part(f"f{n}", b"") for n in range(30)], 413),
        ([PURPOSE, part("a", b"x" * 70_000), FILE], 413),
        ([PURPOSE, part("file", b"t", f"X-A: {'a' * 9000}", filename="a.txt")], (400, 413)),
        ([PURPOSE, part("file", b"t", *["X-A: a"] * 2000, filename="a.txt")], (400, 413)),
        ([PURPOSE, part("file", b"t", "X\x00A: a", filename="a.txt")], 400),
    ],
    ids=["parts", "field", "header", "headers", "control"],
)
def test_forms_that_are_not_taken(
    kimi: Simulator, parts: list[bytes], status: int | tuple[int, ...]
) -> None:
    """At once: their whole body is there, so there is nothing to wait for."""
    with served(first=PATIENT) as server:
        started = time.monotonic()
        reply = upload(server, *parts)
    assert reply.status in ((status,) if isinstance(status, int) else status), reply.body
    assert reply.error["code"] == "invalid_form"
    assert time.monotonic() - started < 25
    assert not [r for r in kimi.requests if r["path"] == "/v1/files"]


def test_a_form_that_ends_too_early(server: Served, kimi: Simulator) -> None:
    for body in (PURPOSE + FILE, PURPOSE + FILE[:-10], b"--x\r\n", b""):
        reply = server.ask("/v1/files", body, headers={"Content-Type": KIND})
        assert (reply.status, reply.error["code"]) == (400, "invalid_form"), body
    for kind in ("multipart/form-data", f"multipart/form-data; boundary={'y' * 300}"):
        assert upload(server, PURPOSE, FILE, kind=kind).status == 400
    assert not [r for r in kimi.requests if r["path"] == "/v1/files"]


def test_an_upload_that_is_given_up_leaves_no_file(kimi: Simulator, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    with served(TMPDIR=str(kept)) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
            head = (
                f"POST /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Type: {KIND}\r\n"
                f"Authorization: Bearer {server.key}\r\nContent-Length: 90000000\r\n\r\n"
            )
            sock.sendall(head.encode() + PURPOSE + FILE[:-2] + b"a" * (3 << 20))
            time.sleep(0.5)
        until(lambda: not os.listdir(kept))
        server.stop()


def test_what_a_form_holds_is_not_in_the_log(kimi: Simulator) -> None:
    """The libraries that read it write what they do not understand to their loggers."""
    with served() as server:
        secret = str(server.key)
        for body in (
            b"--x\r\n" + secret.encode() + b"\r\n\r\na\r\n--x--\r\n",
            secret.encode(),
            FILE + PURPOSE + b"--x--\r\n" + secret.encode() * 10,
            part("file", b"a", f"Content-Transfer-Encoding: {secret}", filename=secret)
            + b"--x--\r\n",
            part("file", b"a" * (3 << 20), filename=secret) + b"--x--\r\n",
        ):
            server.ask("/v1/files", body, headers={"Content-Type": KIND})
        for boundary in (secret * 20, f'"{secret}'):
            kind = f"multipart/form-data; boundary={boundary}"
            server.ask("/v1/files", FILE, headers={"Content-Type": kind})
        out, err = server.stop()
    assert secret not in out + err
    assert all(line.startswith("{") for line in err.splitlines())
    assert [json.loads(line)["path"] for line in err.splitlines()] == ["/v1/files"] * 7


def test_a_large_file_goes_through_the_disk_whole(server: Served) -> None:
    data = b"text " * 1_000_000
    reply = upload(server, PURPOSE, part("file", data, filename="a.txt"))
    assert (reply.status, reply.json["bytes"]) == (200, len(data))
