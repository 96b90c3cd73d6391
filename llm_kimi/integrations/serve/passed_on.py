"""What goes on to Kimi as it is: models, files, responses, batches, token counts."""

from __future__ import annotations

import json
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from ...errors import InvalidRequestError
from ...exchange import Failed
from ...reply.api_errors import api_error
from ...transport.limits import check_encoding
from ..openai_chat import parsed
from ..openai_http import JSON_TYPE, as_json
from ..openai_http.purposes import kimi_purpose
from ..openai_http.routes import check_responses, redirected, whole_file_list
from .access import header, refused
from .call import Call, Refused
from .upstream import NETWORK_ERRORS, SizedFile, Upstream, give_back, lower, read_whole

__all__ = ["answer_model", "pass_on", "pass_responses", "pass_upload"]

_KEPT = ("content-disposition", "x-request-id", "x-trace-id")
_FORM = {"MAX_MEMORY_FILE_SIZE": 1 << 20, "MAX_FIELDS": 20, "MAX_FIELD_SIZE": 1 << 16}


async def pass_on(call: Call, upstream: Upstream, key: str, path: str) -> None:
    """Hand the request on to ``path``, and the answer back as it comes.

    Raises:
        Refused, KimiError: what went wrong; nothing has been answered yet.
    """
    content: dict[str, Any] = {}
    body = await call.body()
    if call.method == "POST" and body:
        content = {"data": body, "headers": {"Content-Type": JSON_TYPE}}
    await _hand_back(call, upstream, key, path, content)


async def pass_responses(call: Call, upstream: Upstream, key: str) -> None:
    """``pass_on`` for ``/responses``, which Kimi has for some models; errors as there."""
    body = await call.body()
    request = parsed(body)
    check_responses(request)
    call.record.model = str(request["model"])[:200]
    content = {"data": body, "headers": {"Content-Type": JSON_TYPE}}
    await _hand_back(call, upstream, key, "/responses", content)


async def pass_upload(call: Call, upstream: Upstream, key: str) -> None:
    """``pass_on`` for a file: under Kimi's name for its purpose; errors as there."""
    form = _Form(header(call.headers, b"content-type") or "")
    try:
        async with aclosing(call.pieces()) as pieces:
            async for piece in pieces:
                form.write(piece)
        await _hand_back(call, upstream, key, "/files", {"data": form.for_kimi()})
    finally:
        form.close()


async def answer_model(call: Call, upstream: Upstream, key: str, model: str) -> None:
    """``GET /models/{id}``, which Kimi does not have: the row of its list; errors as there."""
    await call.body()
    answer = await upstream.ask("GET", "/models", key)
    if isinstance(answer, Failed):
        raise answer.error
    if answer.status != 200:
        raise _refusal(answer.status, answer.headers, answer.body, upstream, key)
    try:
        rows = json.loads(answer.body)["data"]
        row = next(row for row in rows if row["id"] == model)
    except (ValueError, KeyError, TypeError, RecursionError, StopIteration):
        text = f"this account has no model {model[:100]!r}: GET /v1/models lists those that it has"
        raise Refused(refused(404, text, code="model_not_found")) from None
    await call.answer(200, as_json(row))


async def _hand_back(
    call: Call, upstream: Upstream, key: str, path: str, content: dict[str, Any]
) -> None:
    response = None
    try:
        response = await upstream.send(call.method, path, key, query=call.query, **content)
        check_encoding(response.headers)
        status: int = response.status
        headers = lower(response.headers)
        if 300 <= status < 400:
            raise Refused(_redirect(headers.get("location") or "", key))
        if status >= 400:
            raise _refusal(status, headers, await read_whole(response), upstream, key)
        if path == "/files" and call.method == "GET":
            await call.answer(200, whole_file_list(await read_whole(response)))
            return
        kept = {name: headers[name] for name in _KEPT if name in headers}
        await call.start(status, headers.get("content-type") or JSON_TYPE, kept)
        while piece := await response.content.readany():
            await call.piece(piece)
        await call.piece(b"", last=True)
    except NETWORK_ERRORS as error:
        if call.begun:
            raise
        raise upstream.failed(error, key, begun=False).error from None
    finally:
        if response is not None:
            give_back(response)


def _redirect(location: str, key: str) -> Any:
    host = ""
    with suppress(ValueError):
        host = urlsplit(location).hostname or ""
    return redirected(host, key)


def _refusal(status: int, headers: Any, body: bytes, upstream: Upstream, key: str) -> Exception:
    return api_error(status, headers, body, base_url=upstream.base_url, key=key)


class _Form:
    """The form of an upload as it comes; a large file goes through a temporary one."""

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        self._fields: dict[str, str] = {}
        self._files: list[Any] = []
        self._parser: Any = None
        try:
            self._parser = FormParser(
                kind.decode(),
                self._field,
                self._files.append,
                boundary=options.get(b"boundary"),
                config=dict(_FORM),
            )
        except FormParserError:
            raise _bad_form() from None

    def _field(self, field: Any) -> None:
        self._fields[(field.field_name or b"").decode("utf-8", "replace")] = (
            field.value or b""
        ).decode("utf-8", "replace")

    def write(self, piece: bytes) -> None:
        """Take a piece of the form.

        Raises:
            Refused: it is none.
        """
        try:
            self._parser.write(piece)
        except FormParserError:
            raise _bad_form() from None

    def for_kimi(self) -> aiohttp.FormData:
        """The form that Kimi takes.

        Raises:
            InvalidRequestError: it lacks something.
        """
        try:
            self._parser.finalize()
        except FormParserError:
            raise _bad_form() from None
        files = [file for file in self._files if file.field_name == b"file"]
        if len(files) != 1:
            raise InvalidRequestError("the form needs one file", param="file")
        name = (files[0].file_name or b"").decode("utf-8", "replace")
        purpose = self._fields.get("purpose", "")
        if not purpose:
            raise InvalidRequestError("the form needs a purpose", param="purpose")
        form = aiohttp.FormData({"purpose": kimi_purpose(purpose, name)}, quote_fields=False)
        content = files[0].file_object
        content.seek(0)
        kind = files[0].content_type or "application/octet-stream"
        form.add_field(
            "file",
            SizedFile(content, files[0].size, str(kind)),
            filename=name.replace("\r", "").replace("\n", "") or "file",
        )
        return form

    def close(self) -> None:
        """Remove what was kept."""
        for file in self._files:
            file.close()


def _bad_form() -> Refused:
    return Refused(refused(400, "the body is not a form that can be read", code="invalid_form"))


def at(path: str, *ids: str) -> str:
    """``path`` with ids in it, quoted."""
    return path.format(*[quote(item, safe="") for item in ids])
