"""Histories that others left: roles and contents."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi import translate
from tests.support.histories import (
    K26,
    USER,
    Json,
    call,
    calling,
    params,
    refused,
    result,
    run,
    sent,
)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"role": "User", "content": "x"}, "'user'"),
        ({"role": "model", "content": "x"}, "'assistant'"),
        ({"role": "human", "content": "x"}, "'user'"),
        ({"role": "ai", "content": "x"}, "'assistant'"),
        ({"role": "bot", "content": "x"}, "'assistant'"),
        ({"role": "ipython", "content": "x"}, "'tool'"),
        ({"role": "narrator", "content": "x"}, "use system, developer, user"),
        ({"content": "x"}, "no role was found"),
        ({"finish_reason": "stop", "index": 0, "message": USER}, "append its message"),
        ({"id": "c", "choices": [{"message": USER}]}, "choices[0].message"),
        ({"type": "ai", "content": "x"}, "convert_to_openai_messages"),
    ],
)
def test_an_unknown_role_is_an_error_that_names_what_was_found(message: Json, words: str) -> None:
    error = refused(USER, message)
    assert error.param == "messages[1].role"
    assert words in error.message


@pytest.mark.parametrize("message", ["hello", None, 5, ["user", "hi"]])
def test_what_is_no_message_is_an_error_that_says_what_one_is(message: Any) -> None:
    error = refused(message)
    assert error.param == "messages[0]"
    assert "role and content" in error.message


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ({"type": "text", "text": "x"}, [{"type": "text", "text": "x"}]),
        (["x", "y"], [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]),
        ([{"text": "x"}], [{"type": "text", "text": "x"}]),
        ([{"type": "input_text", "text": "x"}], [{"type": "text", "text": "x"}]),
        (
            [{"type": "text", "text": {"value": "x", "annotations": []}}],
            [{"type": "text", "text": "x"}],
        ),
    ],
)
def test_contents_of_other_forms_are_understood(content: Any, wanted: Any) -> None:
    translation = run({"role": "user", "content": content})
    assert sent(translation)[0]["content"] == wanted
    assert translation.adjustments
    assert not translation.changes_of_meaning


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"temp": 18}, '{"temp": 18}'),
        ([1, 2], "[1, 2]"),
        ([{"id": 1}], '[{"id": 1}]'),
        (["a"], '["a"]'),
        (18, "18"),
        (True, "true"),
    ],
)
def test_results_that_are_data_are_sent_as_json(content: Any, text: str) -> None:
    """The guide serialises them:
    https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi"""
    translation = run(USER, calling(call()), result(content=content))
    assert sent(translation)[2]["content"] == text
    assert params(translation) == {"messages[2].content"}


@pytest.mark.parametrize(
    ("content", "found"),
    [(5, "a number"), (True, "true or false"), (float("nan"), "NaN"), (b"x", "bytes")],
)
def test_a_content_that_is_none_names_what_was_found(content: Any, found: str) -> None:
    error = refused({"role": "user", "content": content})
    assert error.param == "messages[0].content"
    assert found in error.message


def test_an_empty_name_is_left_out() -> None:
    for message in ({**USER, "name": ""}, {"role": "system", "content": "x", "name": ""}):
        assert "name" not in sent(run(message, USER))[0]


PNG = "iVBORw0KGgo="
URL = f"data:image/png;base64,{PNG}"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_image", "image_url": URL},
        {"type": "input_image", "image_url": {"url": URL}},
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": PNG},
        },
        {"type": "image", "data": PNG, "mimeType": "image/png"},
        {"type": "image", "image": URL},
    ],
    ids=str,
)
def test_images_of_other_apis_are_images(part: Json) -> None:
    translation = run({"role": "user", "content": [part]}, model=K26)
    assert sent(translation)[0]["content"] == [{"type": "image_url", "image_url": {"url": URL}}]
    assert not translation.changes_of_meaning


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        (
            {"type": "resource", "resource": {"uri": "file:///a.md", "text": "# A"}},
            {"type": "text", "text": "file:///a.md\n\n# A"},
        ),
        (
            {"type": "resource", "resource": {"mimeType": "image/png", "blob": PNG}},
            {"type": "image_url", "image_url": {"url": URL}},
        ),
        (
            {"type": "resource_link", "uri": "file:///a.md", "name": "a", "mimeType": "text/plain"},
            {"type": "text", "text": "a\nfile:///a.md"},
        ),
    ],
    ids=["text", "image", "link"],
)
def test_resources_of_mcp_servers_are_read(part: Json, wanted: Json) -> None:
    """https://modelcontextprotocol.io/specification/2025-06-18/server/tools"""
    messages = [USER, calling(call()), result(content=[part])]
    translation = translate({"model": K26, "messages": messages})
    assert sent(translation)[2]["content"] == [wanted]
    assert not translation.changes_of_meaning


def test_another_resource_of_an_mcp_server_is_a_file() -> None:
    inner = {"uri": "file:///x/a.pdf", "mimeType": "application/pdf", "blob": PNG}
    part = {"type": "resource", "resource": inner}
    (need,) = translate({"model": K26, "messages": [{"role": "user", "content": [part]}]}).needs
    data = f"data:application/pdf;base64,{PNG}"
    assert (need.kind, need.value) == ("file", {"file_data": data, "filename": "a.pdf"})


def test_documents_of_other_apis_are_files() -> None:
    data = f"data:application/pdf;base64,{PNG}"
    source = {"type": "base64", "media_type": "application/pdf", "data": PNG}
    for part in (
        {"type": "input_file", "file_data": data, "filename": "a.pdf"},
        {"type": "document", "source": source, "title": "a.pdf"},
    ):
        request = {"model": K26, "messages": [{"role": "user", "content": [part]}]}
        (need,) = translate(request).needs
        assert (need.kind, need.value) == ("file", {"file_data": data, "filename": "a.pdf"})
    text = {"type": "document", "source": {"type": "text", "data": "x"}, "title": "T"}
    assert sent(run({"role": "user", "content": [text]}))[0]["content"][0]["text"] == "T\n\nx"


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "input_image", "file_id": "file-1"}, "stored at another provider"),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, "stored at another"),
        ({"type": "image", "source": {"type": "blob"}}, "base64 or url"),
        ({"type": "document"}, "must be an object"),
        ({"type": "resource", "resource": {"uri": "a"}}, "must have text or blob"),
        ({"type": "resource_link", "name": "a"}, "must be text"),
        ({"type": "audio", "audio": {}}, "transcribe"),
        ({"type": "tool_result", "tool_use_id": "a"}, "no content parts of type"),
        ({"type": "server_tool_use"}, "no content parts of type"),
    ],
)
def test_parts_that_cannot_be_read_here_are_errors(part: Json, words: str) -> None:
    error = refused({"role": "system", "content": [part]}, USER)
    assert (error.param or "").startswith("messages[0].content[0]")
    assert words in error.message
