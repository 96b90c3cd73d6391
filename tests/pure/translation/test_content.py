"""Content: texts, parts, media."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi import InvalidRequestError, StrictError, Translation, translate
from llm_kimi.catalog import MODELS, Model
from llm_kimi.simulator.rules.chat import check_chat, ignored
from llm_kimi.translation import ImageUrl
from llm_kimi.translation.messages.media import LARGE_IMAGE
from tests.support.families import every_family, of_family
from tests.support.real_files import AVIF, GIF, IMAGES, JPEG, MP4, SVG, data_url, docx, pdf, png
from tests.support.weakening import silent

Json = dict[str, Any]
PNG = "data:image/png;base64,iVBORw0KGgo="
VISION = [model for model in MODELS if "image" in model.modalities]
TEXT = [model for model in MODELS if model.modalities == ("text",)]
every_vision = pytest.mark.parametrize("model", of_family(*VISION), ids=lambda model: model.id)
every_text = pytest.mark.parametrize("model", of_family(*TEXT), ids=lambda model: model.id)


def text(value: Any, **more: Any) -> Json:
    return {"type": "text", "text": value, **more}


def image(url: Any, **more: Any) -> Json:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def run(model: Model | str, *parts: Any, role: str = "user", checked: bool = True) -> Translation:
    name = model if isinstance(model, str) else model.id
    talk = [{"role": role, "content": list(parts)}, {"role": "user", "content": "Hi"}]
    request = {"model": name, "messages": talk}
    translation = translate(request)
    if checked:
        assert check_chat(translation.body) is None
        assert ignored(translation.body) == []
        assert silent(request, translation) == []
    again = translate(translation.body)
    assert (again.body, again.adjustments) == (translation.body, ())
    return translation


def content(translation: Translation) -> Any:
    return translation.body["messages"][0]["content"]


def params(translation: Translation) -> set[str]:
    return {item.param for item in translation.adjustments}


@every_vision
def test_parts_stay_parts(model: Model) -> None:
    parts = [text("a"), image(PNG), text("b"), image("ms://abc")]
    translation = run(model, *parts)
    assert content(translation) == parts
    assert translation.adjustments == ()


@every_vision
def test_a_bare_url_is_fine(model: Model) -> None:
    """Object or string: https://platform.kimi.ai/docs/openapi.json"""
    part = {"type": "image_url", "image_url": PNG}
    assert content(run(model, part)) == [part]


@every_text
def test_a_text_model_gets_one_text(model: Model) -> None:
    """LiteLLM flattens for the same reason: text-only models took no lists."""
    translation = run(model, text("a"), text("b"))
    assert content(translation) == "a\nb"
    assert params(translation) == {"messages[0].content"}
    assert not translation.changes_of_meaning


@every_family
@pytest.mark.parametrize("role", ["user", "assistant", "system", "developer"])
def test_empty_text_parts_are_left_out(model: Model, role: str) -> None:
    """`text content is empty`: https://github.com/BerriAI/litellm/issues/42186"""
    translation = run(model, text(""), text("a"), text(""), role=role)
    assert content(translation) in ([text("a")], "a")
    (item,) = [item for item in translation.adjustments if item.param == "messages[0].content[0]"]
    assert "1 more place" in item.reason


@every_family
def test_a_refusal_part_becomes_text(model: Model) -> None:
    part = {"type": "refusal", "refusal": "No.", "cache_control": {"type": "ephemeral"}}
    translation = run(model, part, role="assistant")
    assert content(translation) in ([text("No.")], "No.")
    assert {"messages[0].content[0].type", "messages[0].content[0].cache_control"} <= params(
        translation
    )


@every_vision
@pytest.mark.parametrize(("detail", "meaning"), [("auto", False), ("low", True), ("high", True)])
def test_detail_is_left_out(model: Model, detail: str, meaning: bool) -> None:
    """No `detail` in the schema: https://platform.kimi.ai/docs/guide/use-kimi-vision-model"""
    translation = run(model, image(PNG, detail=detail, format="image/png"))
    assert content(translation) == [image(PNG)]
    where = "messages[0].content[0].image_url"
    assert params(translation) == {f"{where}.detail", f"{where}.format"}
    assert bool(translation.changes_of_meaning) == meaning


@every_vision
@pytest.mark.parametrize("url", ["https://x.test/a.png", "HTTP://x.test/a.png"])
def test_a_public_image_is_a_need_of_the_body_as_it_will_be(model: Model, url: str) -> None:
    """Public URLs are not supported: https://platform.kimi.ai/docs/guide/use-kimi-vision-model"""
    talk = [
        {"role": "assistant", "content": ""},  # left out, so that places differ
        {"role": "user", "content": [text(""), text("See"), image(url)]},
    ]
    translation = translate({"model": model.id, "messages": talk})
    (need,) = translation.needs
    assert need == ImageUrl("messages[1].content[2]", 0, 1, url)
    assert translation.body["messages"][need.message]["content"][need.part] == image(url)


@every_family
def test_a_file_is_a_need(model: Model) -> None:
    part = {"type": "file", "file": {"file_id": "f"}}
    translation = run(model, text("Read"), part, checked=False)
    (need,) = translation.needs
    assert (need.kind, need.param, need.value) == ("file", "messages[0].content[1]", part["file"])
    assert content(translation)[need.part] == part


@every_family
@pytest.mark.parametrize(
    ("url", "need"),
    [
        (data_url("video/mp4", MP4), "video_data"),
        ("ms://abc", None),
        ("https://x.test/v.mp4", "video_url"),
    ],
)
def test_videos_where_the_model_sees_them(model: Model, url: str, need: str | None) -> None:
    part = {"type": "video_url", "video_url": {"url": url}}
    if "video" in model.modalities:
        translation = run(model, part, checked=not url.startswith("http"))
        assert content(translation) == [part]
        assert [item.kind for item in translation.needs] == [need] * (need is not None)
    else:
        with pytest.raises(InvalidRequestError) as caught:
            run(model, part)
        assert caught.value.param == "messages[0].content[0]"


@pytest.mark.parametrize("mime", sorted(IMAGES))
def test_image_formats_of_the_vision_guide(mime: str) -> None:
    """https://platform.kimi.ai/docs/guide/use-kimi-vision-model"""
    part = image(data_url(mime, IMAGES[mime]))
    translation = run("kimi-k2.6", part)
    assert content(translation) == [part]
    assert translation.adjustments == ()


@pytest.mark.parametrize("declared", ["image/jpg", "IMAGE/PNG", "image/tiff", "text/plain", ""])
def test_the_type_is_that_of_the_bytes(declared: str) -> None:
    translation = run("kimi-k2.6", image(data_url(declared, JPEG)))
    assert content(translation) == [image(data_url("image/jpeg", JPEG))]
    (change,) = translation.adjustments
    assert (change.given, change.sent) == (declared.lower() or None, "image/jpeg")
    assert not change.changes_meaning


def test_base64_of_other_tools_is_put_in_order() -> None:
    """Line ends and a missing padding are common; the API's decoder is not known to take them."""
    url = data_url("image/gif", GIF)
    head, payload = url[:22], url[22:]
    broken = head + "\r\n".join(payload[i : i + 20] for i in range(0, len(payload), 20))
    for given in (broken, url.rstrip("=")):
        assert content(run("kimi-k2.6", image(given))) == [image(url)]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("iVBORw0KGgo!", "it contains '!'"),
        ("iVBORw0KGgoÄ", "is not valid base64"),
        ("iVBOR", "empty or truncated"),
        ("====", "empty or truncated"),
        ("iVBO=Rw0", "empty or truncated"),
    ],
)
def test_what_is_no_base64(payload: str, reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason):
        run("kimi-k2.6", image(f"data:image/png;base64,{payload}"))


@pytest.mark.parametrize(
    ("content_", "reason"),
    [
        (SVG, "Kimi takes no SVG: send its XML as text"),
        (AVIF, "an AVIF image"),
        (pdf(), "a PDF"),
        (MP4, "video/mp4"),
        (b"\x00\x01\x02\x03", "of a type unknown here"),
    ],
)
def test_what_is_no_image(content_: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason) as caught:
        run("kimi-k2.6", image(data_url("image/png", content_)))
    assert caught.value.param == "messages[0].content[0].image_url"


@pytest.mark.parametrize(("mime", "content_"), [("application/pdf", pdf()), ("video/mp4", MP4)])
def test_other_files_that_say_so_are_files(mime: str, content_: bytes) -> None:
    """LiteLLM hands on the documents of Anthropic's Messages API as images."""
    part = image(data_url(mime, content_))
    request = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": [part]}]}
    (need,) = translate(request).needs
    assert (need.kind, need.value) == ("file", {"file_data": part["image_url"]["url"]})


def test_large_images_are_better_uploaded() -> None:
    large = data_url("image/png", png() + b"\x00" * LARGE_IMAGE)
    translation = run("kimi-k2.6", image(large), image(data_url("image/png", png())))
    (need,) = translation.needs
    assert (need.kind, need.part, need.required) == ("image_data", 0, False)


def test_images_that_are_many_are_better_uploaded() -> None:
    """The body may have 100 MB; https://platform.kimi.ai/docs/guide/use-kimi-vision-model"""
    parts = [image(data_url("image/png", png() + b"\x00" * 3_000_000))] * 15
    translation = run("kimi-k2.6", *parts)
    assert [need.part for need in translation.needs] == [11, 12, 13, 14]


@pytest.mark.parametrize(
    "given",
    [
        None,
        "x",
        {},
        {"file_data": "", "file_id": ""},
        {"file_data": data_url("application/pdf", pdf()), "file_id": "f"},
        {"file_data": 7},
        {"file_data": "data:application/pdf,plain"},
        {"file_data": "no base64!"},
        {"file_id": "f", "filename": ["a"]},
    ],
)
def test_what_is_no_file(given: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run("kimi-k2.6", {"type": "file", "file": given}, checked=False)
    assert (caught.value.param or "").startswith("messages[0].content[0].file")


def test_a_pdf_loses_its_pictures_and_that_is_told() -> None:
    """OpenAI shows its models the pages of a PDF; Kimi is given the extracted text
    (https://platform.kimi.ai/docs/guide/use-kimi-api-for-file-based-qa)."""
    part = {"type": "file", "file": {"file_data": data_url("", pdf()), "filename": "a.pdf"}}
    request = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": [part]}]}
    (change,) = translate(request).adjustments
    assert change.changes_meaning
    with pytest.raises(StrictError, match="pictures in it are not seen"):
        translate(request, strict=True)
    part = {"type": "file", "file": {"file_data": data_url("", docx()), "filename": "a.docx"}}
    assert run("kimi-k2.6", part, checked=False).adjustments == ()


@every_vision
@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "picture.png",
        "ms://",
        "data:",
        "data:,x",
        "data:image/png;base64,",
        "data:image/png,raw",
        "data:image/svg+xml;base64,AAAA",
        "data:image/tiff;base64,AAAA",
        "data:application/pdf;base64,AAAA",
        "data:video/mp4;base64,AAAA",
        5,
        None,
    ],
    ids=str,
)
def test_an_image_that_kimi_cannot_read_is_an_error(model: Model, url: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run(model, image(url))
    assert caught.value.param == "messages[0].content[0].image_url"


def test_svg_gets_the_way_out() -> None:
    with pytest.raises(InvalidRequestError, match="XML"):
        run("kimi-k3", image("data:image/svg+xml;base64,AAAA"))


@every_family
def test_audio_is_an_error_with_a_way_out(model: Model) -> None:
    with pytest.raises(InvalidRequestError, match="transcribe") as caught:
        run(model, {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}})
    assert caught.value.param == "messages[0].content[0]"


@every_family
@pytest.mark.parametrize(
    ("part", "param"),
    [
        (None, "messages[0].content[0]"),
        (5, "messages[0].content[0]"),
        ({}, "messages[0].content[0].type"),
        ({"type": None}, "messages[0].content[0].type"),
        ({"type": ["text"], "text": "x"}, "messages[0].content[0].type"),
        ({"type": "sticker"}, "messages[0].content[0].type"),
        ({"type": "refusal", "refusal": "No."}, "messages[0].content[0].type"),
        ({"type": "text"}, "messages[0].content[0].text"),
        (text(None), "messages[0].content[0].text"),
        (text(5), "messages[0].content[0].text"),
        ({"type": "image_url"}, "messages[0].content[0].image_url"),
        ({"type": "image_url", "image_url": []}, "messages[0].content[0].image_url"),
        ({"type": "image_url", "image_url": {}}, "messages[0].content[0].image_url"),
    ],
    ids=str,
)
def test_malformed_parts_are_errors(model: Model, part: Any, param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        run(model, part)
    assert caught.value.param == param


# -- half characters -------------------------------------------------------------------------------


@every_family
def test_half_characters_are_replaced_and_told(model: Model) -> None:
    """A lone surrogate has no UTF-8 (RFC 3629), so no HTTP client can send it. Terminals make them
    of bytes that are no UTF-8."""
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":"\udcff"}'}}
    talk = [
        {"role": "system", "content": [text("\ud800")]},
        {"role": "user", "content": "caf\udce9"},
        {"role": "assistant", "tool_calls": [call], "reasoning_content": "\ud800"},
        {"role": "tool", "tool_call_id": "a", "content": "\ud83d\ude00"},
    ]
    translation = translate({"model": model.id, "messages": talk})
    assert check_chat(translation.body) is None
    str(translation.body).encode()  # raises where something is left
    assert translation.body["messages"][1]["content"] == "caf\ufffd"
    assert translation.body["messages"][3]["content"] == "\U0001f600"
    assert "messages[0].content[0].text" in {i.param for i in translation.changes_of_meaning}


@pytest.mark.parametrize("field", ["user", "safety_identifier", "prompt_cache_key", "stop"])
def test_half_characters_elsewhere_are_an_error(field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        translate(
            {"model": "kimi-k3", "messages": [{"role": "user", "content": "x"}], field: "\ud800"}
        )
    assert caught.value.param == field


# -- depth -----------------------------------------------------------------------------------------


def _deep(levels: int) -> Any:
    value: Any = {"x": 1}
    for _ in range(levels):
        value = {"x": [value]}
    return value


@pytest.mark.parametrize("field", ["metadata", "unknown"])
def test_deep_values_do_not_break_it(field: str) -> None:
    talk = [{"role": "user", "content": "Hi", "cache_control": _deep(20_000)}]
    translation = translate({"model": "kimi-k3", "messages": talk, field: _deep(20_000)})
    assert all(str(item) for item in translation.adjustments)


@pytest.mark.parametrize("more", [{}, {"max_tokens": 10**9}], ids=["alone", "measured"])
def test_deep_values_that_would_be_sent_are_an_error(more: Json) -> None:
    """No JSON writer takes them; `metadata` and the like are left out in any case."""
    request = {"model": "kimi-k3", "messages": [{"role": "user", "content": "Hi"}], **more}
    with pytest.raises(InvalidRequestError, match="nested too deeply") as caught:
        translate({**request, "prediction": _deep(20_000)})
    assert (caught.value.param or "").startswith("prediction.x[0].x[0]")
    assert len(caught.value.param or "") <= 200


def test_deep_arguments_are_an_error() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": _deep(100_000)}}
    with pytest.raises(InvalidRequestError) as caught:
        translate({"model": "kimi-k3", "messages": [{"role": "assistant", "tool_calls": [call]}]})
    assert caught.value.param == "messages[0].tool_calls[0].function.arguments"
