"""``data:`` URLs as attachments: every kind of file, every way to write them."""

from __future__ import annotations

import base64

import llm
import pytest
import sqlite_utils
from llm.migrations import migrate

from llm_kimi.errors import InvalidRequestError
from llm_kimi.files.data_urls import read_data_url
from llm_kimi.simulator import Simulator
from llm_kimi.translation import Attached
from tests.support.llm_runs import PNG, messages
from tests.support.real_files import VIDEOS, pdf


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


PNG_64 = b64(PNG)


@pytest.mark.parametrize(
    ("url", "content"),
    [
        (f"data:image/png;base64,{PNG_64}", PNG),
        (f"DATA:image/png;BASE64,{PNG_64}", PNG),
        (f"data:;base64,{PNG_64}", PNG),
        (f"data:image/png;name=a.png;charset=latin-1;base64,{PNG_64}", PNG),
        (f"data:image/png;base64,{PNG_64.rstrip('=')}", PNG),
        (f"data:image/png;base64,{PNG_64.replace('+', '-').replace('/', '_')}", PNG),
        (f"data:image/png;base64,{PNG_64.replace('+', '%2B').replace('=', '%3D')}", PNG),
        (f"data:image/png;base64,{PNG_64[:40]}\n {PNG_64[40:]}", PNG),
        ("data:text/plain;base64,", None),
        ("data:,a%20b", b"a b"),
        ("data:text/plain,gr\u00fcn, 50%25", "gr\u00fcn, 50%".encode()),
        ("data:text/plain;charset=iso-8859-1,caf%E9", "caf\u00e9".encode()),
        (
            'data:text/plain;charset="UTF-16";base64,' + b64("n\u00e9".encode("utf-16")),
            b"n\xc3\xa9",
        ),
        ("data:application/json;charset=utf-8,{%22a%22:1}", b'{"a":1}'),
        ("data:text/plain;charset=us-ascii,caf%C3%A9", "caf\u00e9".encode()),
    ],
)
def test_what_is_in_it(url: str, content: bytes | None) -> None:
    if content is None:
        with pytest.raises(InvalidRequestError, match=r"the data: URL .*empty"):
            read_data_url(Attached(url=url), url)
        return
    read = read_data_url(Attached(url=url), url)
    assert (read.content, read.url) == (content, None)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("data:image/png", "has no comma"),
        ("data:image/png;base64,@@@@", "'@'"),
        ("data:image/png;base64,iVBOR", "truncated"),
        ("data:text/plain;charset=klingon,x", "'klingon'"),
        ("data:text/plain;charset=utf-16;base64,AA==", "'utf-16'"),
        ("data:text/plain,\ud83d", "half a character"),
    ],
)
def test_broken_ones(url: str, problem: str) -> None:
    with pytest.raises(InvalidRequestError, match=problem):
        read_data_url(Attached(url=url), url)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("mime", "content", "kind"),
    [
        ("image/png", PNG, "image_url"),
        ("video/mp4", VIDEOS["video/mp4"], "video_url"),
        ("application/pdf", pdf(), "system"),
        ("text/csv", b"a,b", "system"),
        ("text/html", b"<p>Hi</p>", "system"),
    ],
)
def test_every_kind_is_taken_and_logged(
    kimi: Simulator, mime: str, content: bytes, kind: str, named: bool
) -> None:
    """llm's log asks the server of a URL for its type, which this URL has not."""
    url = f"data:{mime};base64,{b64(content)}"
    attachment = llm.Attachment(url=url, type=mime if named else None)
    conversation = llm.get_model("kimi-k2.6").conversation()
    responses = [conversation.prompt("what", attachments=[attachment]), None]
    responses[0].text()
    first = messages(kimi)
    responses[1] = conversation.prompt("more")
    responses[1].text()
    assert messages(kimi)[: len(first)] == first
    found = first[0]["role"] if kind == "system" else first[-1]["content"][1]["type"]
    assert found == kind
    database = sqlite_utils.Database(memory=True)
    migrate(database)
    for response in responses:
        response.log_to_db(database)
    assert next(iter(database["attachments"].rows))["url"] == url


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("data:image/png;base64,", "attachment: the data: URL "),
        ("data:image/svg+xml,<svg/>", "Kimi takes no SVG"),
        ("data:audio/wav;base64," + b64(b"RIFF\x24\0\0\0WAVEfmt "), "audio"),
    ],
)
def test_a_broken_one_is_an_error_only_where_it_is_new(
    kimi: Simulator, url: str, problem: str
) -> None:
    attachment = llm.Attachment(url=url)
    model = llm.get_model("kimi-k2.6")
    with pytest.raises(llm.ModelError, match=problem):
        model.prompt("what", attachments=[attachment]).text()
    assert kimi.requests == []
    history = [llm.user("what", attachment), llm.assistant("I see"), llm.user("more")]
    assert model.prompt(messages=history).text().endswith("more")
